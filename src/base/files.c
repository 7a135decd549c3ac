/* Safe writing. An error of write can be forgotten by later calls (after ENOSPC fflush and fclose may return
 * 0), so the writer keeps the first one itself and uses no stdio; an fsync that failed once is final, since
 * the kernel may drop the dirty pages: nothing is renamed then. */
#define _GNU_SOURCE
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"

enum { BUFFER = 1 << 16 };

struct tw_writer {
    int file;
    int error; /* errno of the first failure */
    bool direct;
    size_t used;
    char *path, *temporary;
    char buffer[BUFFER];
};

static void writer_free(tw_writer *writer) {
    tw_free(writer->path);
    tw_free(writer->temporary);
    tw_free(writer);
}

/* A name beside `path` that no other process or call uses. */
static char *temporary_name(const char *path) {
    size_t size = strlen(path) + 40;
    char *name = tw_alloc((int64_t)size, 1);
    static _Thread_local unsigned calls;
    if (name) snprintf(name, size, "%s.%ld.%p.%u.tmp", path, (long)getpid(), (void *)&calls, calls), calls++;
    return name;
}

tw_status tw_writer_create(tw_writer **out, const char *path) {
    *out = NULL;
    tw_writer *writer = tw_alloc_zero(1, sizeof *writer);
    if (!writer) return TW_ERROR_MEMORY;
    struct stat status;
    writer->direct = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    writer->path = tw_strdup(path);
    writer->temporary = temporary_name(path);
    if (!writer->path || !writer->temporary) {
        writer_free(writer);
        return TW_ERROR_MEMORY;
    }
    writer->file = writer->direct ? open(path, O_WRONLY | O_CLOEXEC)
                                  : open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (writer->file < 0) {
        tw_fail(TW_ERROR_IO, "%s: cannot be written: %s", path, strerror(errno));
        writer_free(writer);
        return TW_ERROR_IO;
    }
    *out = writer;
    return TW_OK;
}

static void write_through(tw_writer *writer, const char *bytes, size_t count) {
    while (count > 0 && !writer->error) {
        ssize_t done = write(writer->file, bytes, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) {
            writer->error = done < 0 ? errno : EIO;
            return;
        }
        bytes += done;
        count -= (size_t)done;
    }
}

static void flush(tw_writer *writer) {
    write_through(writer, writer->buffer, writer->used);
    writer->used = 0;
}

void tw_writer_write(tw_writer *writer, const void *bytes, size_t count) {
    if (count > BUFFER - writer->used) flush(writer);
    if (count >= BUFFER) {
        write_through(writer, bytes, count);
        return;
    }
    if (count) memcpy(writer->buffer + writer->used, bytes, count);
    writer->used += count;
}

void tw_writer_print(tw_writer *writer, const char *format, ...) {
    char text[4096];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length < 0 || length >= (int)sizeof text) {
        if (!writer->error) writer->error = EOVERFLOW;
        return;
    }
    tw_writer_write(writer, text, (size_t)length);
}

/* Makes the rename itself durable. Folders of some file systems cannot be synced: that is no error. */
static void sync_folder(const char *path) {
    char *copy = tw_strdup(path);
    if (!copy) return;
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder);
        close(folder);
    }
    tw_free(copy);
}

tw_status tw_writer_commit(tw_writer *writer) {
    flush(writer);
    if (!writer->error && !writer->direct && fsync(writer->file) != 0) writer->error = errno;
    if (close(writer->file) != 0 && !writer->error) writer->error = errno;
    if (!writer->error && !writer->direct && rename(writer->temporary, writer->path) != 0)
        writer->error = errno;
    tw_status status = TW_OK;
    if (writer->error) {
        if (!writer->direct) unlink(writer->temporary);
        status = tw_fail(TW_ERROR_IO, "%s: cannot be written: %s", writer->path, strerror(writer->error));
    } else if (!writer->direct) {
        sync_folder(writer->path);
    }
    writer_free(writer);
    return status;
}

void tw_writer_cancel(tw_writer *writer) {
    if (!writer) return;
    close(writer->file);
    if (!writer->direct) unlink(writer->temporary);
    writer_free(writer);
}

/* Reads until the end or until more than `most` bytes are there; grows by doubling, since a pipe has no size.
 */
static tw_status read_all(int file, const char *path, int64_t most, unsigned char **bytes, int64_t *size) {
    int64_t room = 1 << 16, used = 0;
    unsigned char *block = tw_alloc(room, 1);
    while (block) {
        ssize_t got = read(file, block + used, (size_t)(room - used));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            tw_free(block);
            return tw_fail(TW_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
        }
        used += got;
        if (used > most) {
            tw_free(block);
            return tw_fail(TW_ERROR_LIMIT, "%s: longer than %lld bytes", path, (long long)most);
        }
        if (used == room || got == 0) {
            unsigned char *grown = tw_regrow(block, used, got == 0 ? used + 1 : 2 * room, 1);
            if (!grown) break;
            block = grown;
            room *= 2;
        }
        if (got == 0) {
            block[used] = 0;
            *bytes = block;
            *size = used;
            return TW_OK;
        }
    }
    tw_free(block);
    return TW_ERROR_MEMORY;
}

tw_status tw_file_read(const char *path, int64_t most, unsigned char **bytes, int64_t *size) {
    *bytes = NULL;
    *size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return tw_fail(TW_ERROR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    struct stat status;
    tw_status result;
    if (fstat(file, &status) != 0) {
        result = tw_fail(TW_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        result = tw_fail(TW_ERROR_IO, "%s: is a folder; expected a file", path);
    } else if (S_ISREG(status.st_mode) && status.st_size > most) {
        result = tw_fail(TW_ERROR_LIMIT, "%s: %lld bytes; at most %lld are read", path,
                         (long long)status.st_size, (long long)most);
    } else {
        result = read_all(file, path, most, bytes, size);
    }
    close(file);
    return result;
}
