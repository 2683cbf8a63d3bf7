/*
 * What the files of listdb share.
 *
 *	listdb.c	rows: one by one, and reading
 *	listdb_bulk.c	edits in slices
 */
#ifndef PMG_STORE_LISTDB_INTERNAL_H
#define PMG_STORE_LISTDB_INTERNAL_H

#include "lib/store/db.h"
#include "lib/store/listdb.h"

enum { LISTDB_STEP = 64 };	/* rows between two looks at the clock */

struct listdb {
	struct db *db;
	char *incarnation;
	int64_t staged;		/* first change that nobody sees, 0 = none */
	/* Of the edit: */
	char *actor;
	struct listdb_count count;
	int64_t now_us;
	int64_t first;		/* its changes have this number, or more */
	bool refused;		/* no fault of the disk */
	/* Bytes that the lists of one owner grew by, not yet in list_bytes. */
	char *owner;
	int64_t grown[USERLIST_KINDS];
};

/* Number of the last change that may be seen. */
static inline int64_t
listdb_last(const struct listdb *l)
{
	return l->staged != 0 ? l->staged - 1 : INT64_MAX;
}

/* In a transaction: an edit begins; what it made of its last owner's sizes is
 * written. */
int listdb_edit_init(struct listdb *l, const char *actor, struct err *e);
int listdb_sizes_flush(struct listdb *l, struct err *e);

#endif
