/* Numbers from text, all of it or nothing, whatever the locale. */
#ifndef TW_CLI_STRICT_NUMBERS_H
#define TW_CLI_STRICT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* text[0 .. length-1] as a decimal whole number: digits, with at most a minus before them. Returns NULL, or
 * what is wrong with it ("is not a whole number"). */
const char *tw_number_integer(const char *text, size_t length, int64_t *number);

/* The same for a finite decimal number with a point: 0.05, 5e-2. No hexadecimal, no nan, no infinity. */
const char *tw_number_real(const char *text, size_t length, double *number);

#endif
