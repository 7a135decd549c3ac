/* Files written whole or not at all, and read whole within a limit. */
#ifndef TW_BASE_FILES_H
#define TW_BASE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include <twill/status.h>

/* A file being written. Ordinary files come into being beside their path and are renamed over it by
 * tw_writer_commit after an fsync, so a reader sees the old file or the new one; a file that was there keeps
 * its mode, and a symbolic link is followed. Other things (/dev/stdout, a pipe) are written directly. The
 * first error sticks: later writes do nothing, and commit reports it. */
typedef struct tw_writer tw_writer;
tw_status tw_writer_create(tw_writer **writer, const char *path);
void tw_writer_write(tw_writer *writer, const void *bytes, size_t count);
__attribute__((format(printf, 2, 3))) void tw_writer_print(tw_writer *writer, const char *format, ...);
/* Finishes and frees the writer, whatever comes back. */
tw_status tw_writer_commit(tw_writer *writer);
/* Gives up: nothing stays behind. NULL allowed. */
void tw_writer_cancel(tw_writer *writer);

/* The whole file into a new block (free with tw_free) of *size bytes, and a zero byte after them. LIMIT when
 * it is longer than `most`; IO when it cannot be read or is no ordinary file (a pipe is read too). */
tw_status tw_file_read(const char *path, int64_t most, unsigned char **bytes, int64_t *size);

#endif
