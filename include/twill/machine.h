/* This build and this machine: version, instruction set, threads.
 *
 * Two environment variables override what is found: TWILL_ISA (scalar, avx2, avx512, neon) and
 * TWILL_NUM_THREADS (1 to 256). Neither changes a bit of any result. A value that cannot be used is ignored,
 * and tw_machine_describe says so. */
#ifndef TWILL_MACHINE_H
#define TWILL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The type of the numbers of a computation. */
typedef enum tw_type { TW_F32 = 0, TW_F64 = 1 } tw_type;

/* Bytes of one number: 4 or 8; 0 for a value outside the enum. */
size_t tw_type_size(tw_type type);

enum { TW_MAX_THREADS = 256 };

/* The threads that a call uses when it does not say: TWILL_NUM_THREADS, else the processors that this process
 * may run on, at most TW_MAX_THREADS. At least 1. */
int tw_threads(void);

/* Twill's version, "MAJOR.MINOR.PATCH". */
const char *tw_version(void);

/* One kernel table that this build carries: the inner loops for one instruction set. */
typedef struct tw_machine_isa {
    const char *name; /* "scalar", "avx2", "avx512", "neon" */
    bool runs;        /* whether this machine can run it */
    bool chosen;      /* whether it is the one that plans take by default */
} tw_machine_isa;

/* The instruction sets of this build, best last; *count receives how many. Twill's memory. */
const tw_machine_isa *tw_machine_isas(size_t *count);

/* The fused-multiply-add rate of this machine in GFLOP/s, measured now over about 0.1 s on `threads` threads
 * with the chosen instruction set: what no kernel can exceed (Winograd, which multiplies less, can). 0 when
 * `threads` is outside 1..TW_MAX_THREADS or `type` is unknown. */
double tw_machine_peak_gflops(tw_type type, int threads);

/* Gigabytes a second that copying moves on this machine, bytes read and bytes written together, measured now
 * over about 0.1 s: `bytes` from one buffer to another, shared among `threads` threads. What an operator that
 * only moves numbers is measured against. 0 when `threads` is outside 1..TW_MAX_THREADS, `bytes` is 0, or
 * there is no memory. */
double tw_machine_copy_gigabytes(size_t bytes, int threads);

/* One line for people: processor, instruction set, threads, compiler, optional parts of this build, and any
 * environment override that was ignored. Twill's memory. */
const char *tw_machine_describe(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
