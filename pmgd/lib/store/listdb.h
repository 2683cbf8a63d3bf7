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
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/rules/userlist_row.h"

struct db;
struct listdb;

/* Works on the database of lib/store/ruledb.h, which stays its owner. */
struct listdb *listdb_open(struct db *db, struct err *e);
void listdb_close(struct listdb *l);
/* Number of the last change, 0 = none. */
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
/* The list holds exactly row[0..n) afterwards; sorted by entry, all of this
 * owner and kind. */
int listdb_replace(struct listdb *l, const char *owner,
    enum userlist_kind kind, const struct userlist_row *row, size_t n,
    struct err *e);
/* -1: nothing of it holds, for one because a list became too long. */
int listdb_commit(struct listdb *l, struct listdb_count *count_r,
    struct err *e);
void listdb_abort(struct listdb *l);

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

/* All lists, compiled. */
int listdb_compile(struct listdb *l, struct buf *file, struct err *e);
/* Compiles and, when the file at path holds anything else, replaces it. */
int listdb_publish(struct listdb *l, const char *path, bool *changed_r,
    struct err *e);

#endif
