/* A folder of its own for a test's files, and files made from bytes. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct scratch {
    char folder[64];
    char path[512]; /* of the last file named */
} scratch;

static inline void scratch_make(scratch *s) {
    snprintf(s->folder, sizeof s->folder, "/tmp/twill-test-XXXXXX");
    if (!mkdtemp(s->folder)) abort();
}

static inline const char *scratch_path(scratch *s, const char *name) {
    snprintf(s->path, sizeof s->path, "%s/%s", s->folder, name);
    return s->path;
}

/* Writes a file and returns its path, which is valid until the next call. */
static inline const char *scratch_file(scratch *s, const char *name, const void *bytes, size_t count) {
    FILE *file = fopen(scratch_path(s, name), "wb");
    if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) abort();
    return s->path;
}

/* Files in the folder, hidden ones too. */
static inline int scratch_count(const scratch *s) {
    DIR *folder = opendir(s->folder);
    int count = 0;
    if (!folder) abort();
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

static inline void scratch_remove_folder(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char inner[1024];
        struct stat status;
        snprintf(inner, sizeof inner, "%.700s/%.255s", path, entry->d_name);
        if (lstat(inner, &status) == 0 && S_ISDIR(status.st_mode))
            scratch_remove_folder(inner);
        else
            unlink(inner);
    }
    closedir(folder);
    rmdir(path);
}

static inline void scratch_remove(scratch *s) {
    scratch_remove_folder(s->folder);
}

/* One folder for a whole group of tests, as their *state. */
static inline int scratch_begin_group(void **state) {
    static scratch s;
    scratch_make(&s);
    *state = &s;
    return 0;
}

static inline int scratch_end_group(void **state) {
    scratch_remove(*state);
    return 0;
}

#endif
