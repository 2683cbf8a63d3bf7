/*
 * Comma-separated values (RFC 4180), UTF-8, with CRLF or LF as the line end;
 * a byte order mark before the first record is skipped, and so are empty
 * lines.
 */
#ifndef PMG_BASE_CSV_H
#define PMG_BASE_CSV_H

#include <stddef.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum { CSV_FIELDS = 32 };	/* most of one record */

struct csv {
	struct span s;
	size_t pos;
	size_t line;		/* of the next record, from 1 */
};

struct csv_record {
	struct span field[CSV_FIELDS];	/* unquoted; in the arena or in s */
	size_t n;
	size_t line;		/* where it begins */
};

struct csv csv_of(struct span s);
/* 1: a record; 0: no more; -1: why tells what is wrong with this one, and the
 * next call goes on behind its line. */
int csv_next(struct csv *c, struct csv_record *r, const char **why,
    struct arena *a);
/* One field, quoted where needed; the caller puts commas and CRLF. */
void csv_put(struct buf *out, const char *field);

#endif
