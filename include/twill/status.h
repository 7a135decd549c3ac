/* What a call says when it cannot do what was asked.
 *
 * Every function of Twill that can fail returns a tw_status. On failure its out-pointers are NULL, its output
 * arrays are untouched, and tw_message() tells in words what was wrong, where, and what was expected:
 *
 *     if (tw_conv_create(&plan, &geometry, NULL) != TW_OK) fprintf(stderr, "%s\n", tw_message());
 *
 * The library itself prints nothing and never exits. */
#ifndef TWILL_STATUS_H
#define TWILL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef enum tw_status {
    TW_OK = 0,
    TW_ERROR_ARGUMENT,    /* a value outside its range: stride 0, a NULL pointer, an unknown enum */
    TW_ERROR_SHAPE,       /* sizes that do not fit each other: groups that do not divide the channels */
    TW_ERROR_OVERFLOW,    /* a size or a byte count that 63 bits do not hold */
    TW_ERROR_LIMIT,       /* larger than a documented limit */
    TW_ERROR_TRUNCATED,   /* a file that ends too early */
    TW_ERROR_FORMAT,      /* bytes or text that break the rules of their format */
    TW_ERROR_UNSUPPORTED, /* legal, but not offered */
    TW_ERROR_PATH,        /* a path that may not be followed */
    TW_ERROR_MEMORY,      /* no memory */
    TW_ERROR_IO,          /* the operating system refused: open, read, write, sync, rename */
    TW_ERROR_CHECKSUM,    /* bytes that differ from what was written */
    TW_ERROR_VERSION,     /* a newer version of a struct or a file */
    TW_ERROR_NUMERIC,     /* NaN or infinity where a number is needed */
    TW_ERROR_ALIAS,       /* an output that overlaps an input */
    TW_ERROR_PEER,        /* processes that should agree and do not */
    TW_STOPPED            /* ended early because the caller asked for it; results so far are valid */
} tw_status;

/* The name of a status in lower case ("argument", "shape", ...); "unknown" outside the enum. Never NULL. */
const char *tw_status_name(tw_status status);

/* The message of the last call of this thread that failed; "" when none has. Twill's memory: valid until the
 * thread's next failing call. At most 1023 bytes; bytes from outside are escaped, so it is safe to print. */
const char *tw_message(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
