/* The way every failure is told: a status, and one message per thread. */
#ifndef TW_BASE_FAIL_H
#define TW_BASE_FAIL_H

#include <twill/status.h>

/* Sets this thread's message, as printf would, and returns `status`: `return tw_fail(TW_ERROR_SHAPE, "...",
 * ...);` Control characters and bytes beyond ASCII that are no valid UTF-8 are written as \xNN, so that a
 * message with text from outside is safe to print. */
__attribute__((format(printf, 2, 3))) tw_status tw_fail(tw_status status, const char *format, ...);

/* Puts words before the present message ("net.onnx: " ...) and returns `status`: for callers that know the
 * place. */
__attribute__((format(printf, 2, 3))) tw_status tw_fail_within(tw_status status, const char *format, ...);

#endif
