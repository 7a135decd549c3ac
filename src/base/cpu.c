#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tw_cpu_has(tw_cpu_need need) {
    switch (need) {
    case TW_CPU_NOTHING: return true;
#if defined(__x86_64__)
    /* the compiler's check includes the operating system's: that it saves these registers */
    case TW_CPU_AVX2_FMA: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case TW_CPU_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#elif defined(__aarch64__)
    case TW_CPU_NEON: return true; /* part of the architecture */
#endif
    default: return false;
    }
}

const char *tw_cpu_override(void) {
    return getenv("TWILL_ISA");
}

static void read_name(char *name, size_t size) {
    snprintf(name, size, "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            colon[strcspn(colon, "\n")] = 0;
            snprintf(name, size, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    fclose(file);
}

const char *tw_cpu_name(void) {
    static _Thread_local char name[256];
    if (!name[0]) read_name(name, sizeof name);
    return name;
}

long tw_cpu_l2_bytes(void) {
    long bytes = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
    bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return bytes > 0 ? bytes : 512 * 1024;
}
