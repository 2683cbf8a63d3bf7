/*
 * The frame of a compiled file that one program writes and another loads:
 *
 *	8  magic
 *	4  format version
 *	32 SHA-256 of everything behind it
 *	8  number of bytes behind this one
 *	8  version of what it was compiled from
 *
 * big-endian. Another format version is refused: the writer makes the file
 * anew whenever it starts.
 */
#ifndef PMG_RULES_SEALED_H
#define PMG_RULES_SEALED_H

#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum { SEALED_MAGIC = 8, SEALED_HEADER = 60 };

struct sealed_kind {
	char magic[SEALED_MAGIC + 1];
	uint32_t format;
	const char *what;	/* "rule snapshot", for messages */
};

/* The header, to be made good by sealed_close(). */
void sealed_open(struct buf *b, const struct sealed_kind *k, uint64_t version);
/* b: from sealed_open() on, nothing before it. */
void sealed_close(struct buf *b);
/* Puts *c on what is behind the header. -1: not one, cut or damaged. */
int sealed_read(struct span s, const struct sealed_kind *k, struct cursor *c,
    uint64_t *version_r, struct err *e);

#endif
