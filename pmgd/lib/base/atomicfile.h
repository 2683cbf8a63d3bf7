/*
 * Files that are either the old or the new content, after any crash: written
 * to a temporary name in the same folder, checked, fsynced, renamed, folder
 * fsynced.
 */
#ifndef PMG_BASE_ATOMICFILE_H
#define PMG_BASE_ATOMICFILE_H

#include <stdint.h>
#include <sys/types.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

int atomicfile_write(const char *path, struct span content, mode_t mode,
    struct err *e);
/* Whole file into b (appended); error when it is larger than b->max allows. */
int file_read(const char *path, struct buf *b, struct err *e);
/* All n bytes, through EINTR and short writes. -1: errno tells. */
int write_all(int fd, const void *p, size_t n);
/*
 * n bytes at off, or as many as there are before the end of the file, through
 * EINTR and short reads. How many; -1: errno tells.
 */
ssize_t pread_all(int fd, void *p, size_t n, uint64_t off);

#endif
