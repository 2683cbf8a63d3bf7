/*
 * User lists in config.db: an append-only journal of changes. A list's content
 * is the newest change of each entry of its owner; so an entry that is put on
 * one list of an owner leaves the other by the same row. Rows carry (node,
 * incarnation, seq), as those of the quarantine do: another node can copy them
 * with a cursor and sees each change once.
 *
 * Owners and entries are in their stored form (lib/rules/userlist.h).
 */
#ifndef PMG_STORE_LISTDB_H
#define PMG_STORE_LISTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/rules/userlist_row.h"

struct db;
struct listdb;

/* Works on the database of lib/store/ruledb.h, which stays its owner. */
struct listdb *listdb_open(struct db *db, struct err *e);
void listdb_close(struct listdb *l);
/* Number of the last change that holds, 0 = none. */
int listdb_version(struct listdb *l, uint64_t *version_r, struct err *e);

/* ---- changes: all or nothing, on the disk when listdb_commit() returns ---- */

struct listdb_count {
	uint32_t added, moved, removed, same;
};

/* Everything up to the commit is one transaction. actor: who, for the
 * journal. */
int listdb_begin(struct listdb *l, const char *actor, struct err *e);
/* On the list already, with this comment: nothing is written. */
int listdb_add(struct listdb *l, const struct userlist_row *r, struct err *e);
/* *was_r: it was on that list. */
int listdb_remove(struct listdb *l, const struct userlist_row *r, bool *was_r,
    struct err *e);
/* -1: nothing of it holds, for one because a list became too long. */
int listdb_commit(struct listdb *l, struct listdb_count *count_r,
    struct err *e);
void listdb_abort(struct listdb *l);

/*
 * ---- edits of any length, in slices ----
 *
 * An edit of many rows would hold up whoever shares the process. Each slice is
 * a transaction of its own; its changes are staged: in the journal, but seen by
 * nobody, until the last slice makes all of them hold at once. What is left of
 * an edit that came to nothing (refused, given up, the process killed) is
 * removed by listdb_clean(), in slices, too. Meanwhile there are no other
 * edits, so that the numbers of an edit's changes are one run, and whoever
 * reads with a cursor sees each once.
 */
struct listdb_bulk {
	const struct userlist_row *row;	/* by owner and entry, each once */
	size_t n;
	/* Lists of owners and kinds that row[] names hold exactly what it says
	 * afterwards; and the list of owner and kind, unless owner is NULL. */
	bool replace;
	const char *owner;
	enum userlist_kind kind;
	struct listdb_progress *progress;	/* listdb_bulk_end() frees it */
};

/*
 * About ms of it. 1: there is more; 0: everything holds and is on the disk;
 * -1: nothing holds, as it was refused (*refused_r) or could not be written.
 */
int listdb_bulk_step(struct listdb *l, struct listdb_bulk *b,
    const char *actor, int ms, struct listdb_count *count_r, bool *refused_r,
    struct err *e);
void listdb_bulk_end(struct listdb_bulk *b);
/* Changes are staged. */
bool listdb_staged(const struct listdb *l);
/* Removes staged changes, for about ms. 1: there are more. */
int listdb_clean(struct listdb *l, int ms, struct err *e);

/* ---- reading ---- */

struct listdb_query {
	bool one_owner;
	const char *owner;		/* with one_owner */
	bool one_kind;
	enum userlist_kind kind;	/* with one_kind */
	const char *after_owner;	/* go on behind this entry; "", "" = */
	const char *after_entry;	/* from the beginning */
};

/* Strings live until fn returns; true = go on. Sorted by owner and entry. */
typedef bool listdb_fn(const struct userlist_row *r, void *arg);
int listdb_each(struct listdb *l, const struct listdb_query *q, listdb_fn *fn,
    void *arg, struct err *e);

struct listdb_change {
	uint64_t seq;
	bool removed;
	struct userlist_row row;
};

/* The changes behind seq `after`, oldest first, at most max; how many, or -1. */
int listdb_changes(struct listdb *l, uint64_t after,
    struct listdb_change *change, size_t max, struct arena *a, struct err *e);

/* Where reading goes on. */
struct listdb_place {
	char owner[USERLIST_OWNER_MAX + 1];
	char entry[4 * USERLIST_ENTRY_MAX + 1];
};

/*
 * As listdb_each(), for about ms, behind *place instead of q's, which becomes
 * where it stopped. The rows are those of `version`, whatever has changed
 * between two calls. 1: there may be more; 0: that was all, or fn ended it.
 */
int listdb_slice(struct listdb *l, const struct listdb_query *q,
    uint64_t version, struct listdb_place *place, int ms, listdb_fn *fn,
    void *arg, struct err *e);

#endif
