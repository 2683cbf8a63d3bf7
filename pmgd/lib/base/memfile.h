/*
 * Nameless files in memory (memfd) for what does not fit into one packet. A
 * sealed one can be passed to a peer, who reads it without fear that it
 * changes or shrinks meanwhile.
 */
#ifndef PMG_BASE_MEMFILE_H
#define PMG_BASE_MEMFILE_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

/* An empty one, CLOEXEC. The descriptor, or -1: e tells. */
int memfile_new(const char *name, struct err *e);
/* Nobody changes it any more. */
int memfile_seal(int fd, struct err *e);
/* One with this content, sealed. */
int memfile_of(const char *name, struct span content, struct err *e);
/*
 * Appends the whole content to b, wherever the file stands. -1: larger than
 * b->max allows, or not sealed (a stranger's must be; own ones: sealed false).
 */
int memfile_read(int fd, bool sealed, struct buf *b, struct err *e);

#endif
