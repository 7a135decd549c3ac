/* The convolution and its two gradients.
 *
 *     tw_conv *plan;
 *     tw_conv_create(&plan, &geometry, NULL);            // once per geometry: microseconds
 *     tw_conv_forward(plan, x, w, b, y);                 // y = W x + b
 *     tw_conv_backward_data(plan, dy, w, dx);            // dx = W^T dy
 *     tw_conv_backward_weights(plan, x, dy, dw, db);     // dw_p = sum over the taps that carry p of dy * x
 *     tw_conv_free(plan);
 *
 * Same bits: what a plan computes depends on its geometry of one image, type and accuracy mode alone; not on
 * threads, batch size, place in the batch, instruction set, or whose workspace it is.
 *
 * Accuracy: |y - exact| <= c * 2^-24 * sum |x||w| (2^-53 in f64), where the numbers of a patch are of about
 * one size, with c = 16 for the direct sum; for Winograd, which `strict` never uses, 8 for F(2x2) and 128 for
 * F(4x4) (docs/limits.md and docs/winograd.md say what holds beyond).
 *
 * NaN and infinity go through as IEEE 754 says, also beside padding (weights or dy that hold one may take
 * longer: see docs/engine.md), but for Winograd, where one can make its whole tile NaN. No other value
 * changes the speed, and the floating-point environment (MXCSR) is never touched. */
#ifndef TWILL_CONV_H
#define TWILL_CONV_H

#include <twill/geometry.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tw_conv tw_conv;

typedef enum tw_pass { TW_FORWARD = 0, TW_BACKWARD_DATA, TW_BACKWARD_WEIGHTS } tw_pass;
enum { TW_PASSES = 3 };

/* "forward", "backward-data", "backward-weights"; "unknown" outside the enum. */
const char *tw_pass_name(tw_pass pass);

typedef enum tw_accuracy {
    TW_FAST = 0, /* Winograd allowed, within its bound */
    TW_STRICT    /* the direct sum only */
} tw_accuracy;

typedef struct tw_conv_options {
    size_t struct_size; /* sizeof(tw_conv_options): set by tw_conv_options_defaults */
    tw_type type;
    tw_accuracy accuracy;
    const char *algorithm; /* NULL: the plan chooses for each pass; or a name of tw_conv_algorithms(), for all
                              passes that it does not decline */
    const char *isa;       /* NULL: the best of this machine; or a name of tw_machine_isas() */
    int threads;           /* 0: tw_threads(); most threads of a call, 1..TW_MAX_THREADS (larger: clamped) */
    bool lends_workspace;  /* the caller lends the workspace at each call; else the plan owns one */
} tw_conv_options;

/* f32, fast, everything else chosen by the plan. */
tw_conv_options tw_conv_options_defaults(void);

/* Makes a plan for `geometry`, which is copied. Options NULL: the defaults. Fails as tw_geometry_validate
 * does, and with ARGUMENT (an unknown name), UNSUPPORTED (a forced algorithm declines every pass: the
 * message says why; nothing but "reference" takes a pass, which must then be named; an instruction set that
 * this machine lacks), OVERFLOW, MEMORY. Nothing is timed. */
tw_status tw_conv_create(tw_conv **plan, const tw_geometry *geometry, const tw_conv_options *options);

/* NULL allowed. */
void tw_conv_free(tw_conv *plan);

/* The three passes, on the plan's own workspace (a plan made with lends_workspace refuses: ARGUMENT). Tensors
 * are of the plan's type and in the shapes of geometry.h, aligned to their type. b and db may be NULL (no
 * bias); all other pointers may be NULL only when their tensor is empty. Outputs are overwritten and must not
 * overlap an input (ALIAS). Any thread may call; calls on one plan that use its own workspace take turns. */
tw_status tw_conv_forward(const tw_conv *plan, const void *x, const void *w, const void *b, void *y);
tw_status tw_conv_backward_data(const tw_conv *plan, const void *dy, const void *w, void *dx);
tw_status tw_conv_backward_weights(const tw_conv *plan, const void *x, const void *dy, void *dw, void *db);

/* Behind the forward pass: TW_RELU cuts off all below 0, TW_RELU6 also all above 6; NaN stays. Another value
 * is refused: ARGUMENT. */
typedef enum tw_ramp { TW_NO_RAMP = 0, TW_RELU, TW_RELU6 } tw_ramp;

/* One call with everything said: pass and tensors, and what may be lent. Allocates nothing. Fields that the
 * pass does not use are ignored. */
typedef struct tw_conv_call {
    tw_pass pass;
    const void *x, *w, *b, *dy;
    void *y, *dx, *dw, *db;
    const void *packed_w; /* weights packed by tw_conv_pack for this plan and pass: then w may be NULL */
    void *workspace;      /* lent, of at least tw_conv_workspace bytes, any alignment; NULL: the plan's own */
    size_t workspace_bytes; /* too few for one thread: ARGUMENT; fewer than for `threads`: fewer threads */
    int threads;   /* 0: as planned, or fewer where there is too little to share; else so many, at most
                      as planned */
    int64_t batch; /* 0: as planned; else this many images, at most as planned: the same bits */
    tw_ramp ramp;  /* forward: of y, with the bits of one that follows; most layers do it while they store */
} tw_conv_call;

tw_status tw_conv_execute(const tw_conv *plan, const tw_conv_call *call);

/* Bytes of workspace that `pass` wants on `threads` threads (0: as planned); 0 when it needs none. */
size_t tw_conv_workspace(const tw_conv *plan, tw_pass pass, int threads);

/* Weights in the order in which a pass reads them, done once and reused. packed: tw_conv_packed_bytes bytes,
 * aligned to the plan's type; 0 bytes: this pass has no packed form, and tw_conv_pack fails with UNSUPPORTED.
 */
size_t tw_conv_packed_bytes(const tw_conv *plan, tw_pass pass);
tw_status tw_conv_pack(const tw_conv *plan, tw_pass pass, const void *w, void *packed);

/* What the plan will do and why. Strings are Twill's, valid as long as the plan. */
typedef struct tw_conv_description {
    const char *algorithm;
    const char *reason; /* why this one: a sentence */
    const char *isa;
    size_t workspace_bytes; /* for the planned number of threads */
    int threads;  /* that a call of the whole batch takes when it says none: fewer than planned where there is
                     too little to share */
    int64_t taps; /* of the whole batch; a pass does 2 * taps floating-point operations by definition */
} tw_conv_description;

tw_status tw_conv_describe(const tw_conv *plan, tw_pass pass, tw_conv_description *description);

/* Why `algorithm` would not run this geometry and pass (options as in tw_conv_create): a sentence in Twill's
 * memory, or NULL when it would. */
const char *tw_conv_declines(const tw_conv *plan, tw_pass pass, const char *algorithm);

/* What `algorithm` would cost in this pass: multiply-adds at full speed for one image. The plan chooses the
 * least. INFINITY: only when asked for by name; NaN where it declines. */
double tw_conv_cost(const tw_conv *plan, tw_pass pass, const char *algorithm);

/* The names of all algorithms, in the order in which a plan asks them; *count receives how many. */
const char *const *tw_conv_algorithms(size_t *count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
