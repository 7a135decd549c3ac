/* What this processor can do. One of the two files with an #if on the machine. */
#ifndef TW_BASE_CPU_H
#define TW_BASE_CPU_H

#include <stdbool.h>

/* What a kernel may need beyond the build's baseline. */
typedef enum tw_cpu_need { TW_CPU_NOTHING = 0, TW_CPU_AVX2_FMA, TW_CPU_AVX512, TW_CPU_NEON } tw_cpu_need;

bool tw_cpu_has(tw_cpu_need need);

/* TWILL_ISA as set in the environment, NULL when it is not. */
const char *tw_cpu_override(void);

/* The processor's name for people; Twill's memory. */
const char *tw_cpu_name(void);

/* Bytes of the second-level data cache of one core, for blocking; a common size when the system does not say.
 */
long tw_cpu_l2_bytes(void);

#endif
