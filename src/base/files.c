/* Safe writing. An error of write can be forgotten by later calls (after ENOSPC fflush and fclose may return
 * 0), so the writer keeps the first one itself and uses no stdio; an fsync that failed once is final, since
 * the kernel may drop the dirty pages: nothing is renamed then. What stands below /dev and /proc is never
 * renamed over, even where it leads to an ordinary file: /dev/stdout behind "> file" is that file. */
#define _GNU_SOURCE
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Opens what is written as it is: a device, a pipe, a stream that the process already has (at its place, not
 * at the begin of its file). */
static int open_direct(const char *path) {
    if (strcmp(path, "/dev/stdout") == 0) return dup(STDOUT_FILENO);
    if (strcmp(path, "/dev/stderr") == 0) return dup(STDERR_FILENO);
    return open(path, O_WRONLY | O_CLOEXEC);
}

/* Opens a new file beside writer->path, under a name that nothing else has. */
static int open_temporary(tw_writer *writer) {
    static atomic_uint calls;
    size_t size = strlen(writer->path) + 40;
    writer->temporary = tw_alloc((int64_t)size, 1);
    if (!writer->temporary) return -1;
    int file;
    do { /* a name may be left from a process that was killed */
        unsigned call = atomic_fetch_add(&calls, 1);
        snprintf(writer->temporary, size, "%s.%ld.%u.tmp", writer->path, (long)getpid(), call);
        file = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (file < 0 && errno == EEXIST);
    return file;
}

/* Opens for a path that may exist: its file keeps its mode, one that may not be written stays as it is, and a
 * symbolic link stays a link to the new file. */
static int open_for(tw_writer *writer, const char *path) {
    struct stat old;
    bool exists = stat(path, &old) == 0;
    writer->direct = (exists && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode)) ||
                     strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
    if (writer->direct) {
        writer->path = tw_strdup(path);
        return writer->path ? open_direct(path) : -1;
    }
    char resolved[PATH_MAX];
    if (exists && access(path, W_OK) != 0) return -1;
    writer->path = tw_strdup(exists && realpath(path, resolved) ? resolved : path);
    if (!writer->path) return -1;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    int file = open_temporary(writer);
    if (file >= 0 && exists) (void)fchmod(file, old.st_mode & 07777);
    return file;
}

tw_status tw_writer_create(tw_writer **out, const char *path) {
    *out = NULL;
    tw_writer *writer = tw_alloc_zero(1, sizeof *writer);
    if (!writer) return TW_ERROR_MEMORY;
    writer->file = open_for(writer, path);
    if (writer->file < 0) {
        writer_free(writer);
        return tw_fail(errno == ENOMEM ? TW_ERROR_MEMORY : TW_ERROR_IO, "%s: cannot be written: %s", path,
                       strerror(errno));
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

/* Bytes on the disk before the name is. A file system that cannot sync at all says EINVAL: it promises no
 * more than it has done. */
static void sync_file(tw_writer *writer) {
    if (!writer->error && !writer->direct && fsync(writer->file) != 0 && errno != EINVAL)
        writer->error = errno;
}

tw_status tw_writer_commit(tw_writer *writer) {
    flush(writer);
    sync_file(writer);
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
