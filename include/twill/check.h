/* Proof on this machine: the convolution against its matrix, a network's gradients against finite
 * differences. */
#ifndef TWILL_CHECK_H
#define TWILL_CHECK_H

#include <twill/net.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One line of a report. Borrowed for the call. */
typedef struct tw_check_line {
    const char
        *subject; /* a geometry as one line of text, ready for `twill check "..."`, or a parameter's name */
    const char *variant; /* algorithm, instruction set, pass and type */
    /* conv: the difference where none is allowed (bound 0), else |difference| / what is allowed (bound 1);
     * net: relative error of the gradient */
    double largest_error;
    double bound;
    bool failed;
} tw_check_line;

typedef struct tw_check_options {
    size_t struct_size;
    int64_t count; /* random geometries */
    uint64_t seed;
    int threads;          /* 0: tw_threads() */
    const char *geometry; /* NULL: random ones; else this one line only */
    /* Called for each line, also those that pass; returns false to stop. NULL: nobody. */
    bool (*report)(void *context, const tw_check_line *line);
    void *context;
} tw_check_options;
tw_check_options tw_check_options_defaults(void);

typedef struct tw_check_result {
    int64_t checked, failed; /* lines */
    int64_t declined;        /* conv: algorithms that decline every pass of a geometry, each in f32 and f64 */
    double largest_error;
} tw_check_result;

/* Random geometries, each with every algorithm and instruction set of this machine, every pass, f32 and f64,
 * one thread and several, with small integers: equal to the conv matrix with == where the algorithm is exact,
 * within its bound where it is not, and the same bits from all instruction sets and threads. Geometry
 * number i depends on the seed and i alone. Options NULL: the defaults. TW_OK also when lines failed: see
 * result->failed. TW_STOPPED: report returned false. Else ARGUMENT, or what tw_geometry_read says. */
tw_status tw_check_conv(const tw_check_options *options, tw_check_result *result);

/* Every gradient of a network in f64, for weights and input, against central differences (relative error of
 * each tensor in the largest norm, bound 1e-6). Large tensors are sampled: options->count entries of each. */
tw_status tw_check_net(const tw_net *net, const tw_check_options *options, tw_check_result *result);

/* A geometry as one line: "2d nchw n2 c3 k16 g1 i32x32 f3x3 s1x1 d1x1 p1,1x1,1 zeros", then " o1x0" when
 * there is output padding, " transposed" and " flipped" where they hold. The letters: n batch, c in_channels,
 * k out_channels, g groups, i input, f kernel (filter), s stride, d dilation, p padding (begin,end), o output
 * padding. Written to text[size], truncated, always terminated; 512 bytes hold every geometry. */
void tw_geometry_write(const tw_geometry *geometry, char *text, size_t size);

/* Back from text. After the first word ("1d", "2d" or "3d") the words may come in any order, each once; c, k,
 * i and f are needed, the others have the values of tw_geometry_defaults. One number stands for all
 * dimensions (s2), one padding for begin and end (p1). The result is validated. FORMAT: a word that is
 * unknown, said twice, missing or malformed, named in the message; else as tw_geometry_validate. On failure
 * *geometry is untouched. */
tw_status tw_geometry_read(tw_geometry *geometry, const char *text);

#ifdef __cplusplus
}
#endif
#endif
