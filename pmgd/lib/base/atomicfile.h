/*
 * Files that are either the old or the new content, after any crash: written
 * to a temporary name in the same folder, checked, fsynced, renamed, folder
 * fsynced.
 */
#ifndef PMG_BASE_ATOMICFILE_H
#define PMG_BASE_ATOMICFILE_H

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

#endif
