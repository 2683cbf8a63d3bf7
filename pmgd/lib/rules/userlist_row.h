/*
 * One entry of a user list as people keep it: in config.db, on its way to a
 * tool, as a line of a CSV file.
 */
#ifndef PMG_RULES_USERLIST_ROW_H
#define PMG_RULES_USERLIST_ROW_H

#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/rules/userlist.h"

enum { USERLIST_COMMENT_MAX = 500 };	/* bytes */

struct userlist_row {
	const char *owner;	/* "" = for all */
	enum userlist_kind kind;
	const char *entry;
	const char *comment;
	const char *actor;	/* who put it in, "" in a file */
	int64_t time_us;	/* when, 0 in a file */
};

/* -1: too long, not UTF-8, or more than one line. */
int userlist_comment(struct span text, struct err *e);

/*
 * A file with a header line that names the columns owner, kind and pattern,
 * in any order, and optionally comment. Rows come out sorted by owner and
 * entry, in their stored form; the same row twice once. -1: nothing is taken;
 * errors tells, one "line N: why" a line, at most USERLIST_ERRORS.
 */
enum { USERLIST_ERRORS = 20 };
int userlist_csv_read(struct span csv, struct userlist_row **row_r,
    size_t *n_r, struct buf *errors, struct arena *a);
void userlist_csv_header(struct buf *out);
void userlist_csv_row(struct buf *out, const struct userlist_row *r);

#endif
