/*
 * Edits in slices. Owner by owner: first the rows of row[], then, when lists
 * are replaced, what row[] does not name goes; sizes are looked at when both
 * are done, so that there need not be room for both.
 */
#include <stdlib.h>
#include <string.h>
#include "lib/base/clock.h"
#include "lib/base/xalloc.h"
#include "lib/store/listdb_internal.h"

struct listdb_progress {
	bool in_owner;
	size_t from, to;	/* rows of the owner at hand */
	size_t at;		/* the next of them */
	const char *owner;
	bool replaced[USERLIST_KINDS];
	bool extra_done;	/* the list of b->owner */
	struct listdb_place place;	/* among what the owner has */
};

/* ---- the owner at hand ---- */

/* False: that was the last. Without replace all rows are as those of one. */
static bool
owner_next(const struct listdb_bulk *b, struct listdb_progress *p)
{
	const struct userlist_row *r = b->row;
	bool extra = b->replace && b->owner != NULL && !p->extra_done;

	if (p->from == b->n && !extra)
		return false;
	p->owner = p->from < b->n ? r[p->from].owner : b->owner;
	memset(p->replaced, 0, sizeof(p->replaced));
	memset(&p->place, 0, sizeof(p->place));
	for (p->to = p->from; p->to < b->n && (!b->replace ||
	    strcmp(r[p->to].owner, p->owner) == 0); p->to++)
		p->replaced[r[p->to].kind] = b->replace;
	if (extra && strcmp(p->owner, b->owner) == 0) {
		p->replaced[b->kind] = true;
		p->extra_done = true;
	}
	p->at = p->from;
	p->in_owner = true;
	return true;
}

static int
add_some(struct listdb *l, const struct listdb_bulk *b,
    struct listdb_progress *p, struct err *e)
{
	for (unsigned n = 0; n < LISTDB_STEP && p->at < p->to; n++)
		if (listdb_add(l, &b->row[p->at++], e) != 0)
			return -1;
	return 0;
}

/* ---- what goes ---- */

struct gone {
	const struct listdb_bulk *b;
	const struct listdb_progress *p;
	struct userlist_row row[LISTDB_STEP];
	size_t n;
};

static int
compare_entry(const void *key, const void *row)
{
	return strcmp(key, ((const struct userlist_row *)row)->entry);
}

static bool
note_gone(const struct userlist_row *r, void *arg)
{
	struct gone *g = arg;
	const struct listdb_progress *p = g->p;

	if (!p->replaced[r->kind] || (p->to > p->from && bsearch(r->entry,
	        &g->b->row[p->from], p->to - p->from, sizeof(*r),
	        compare_entry) != NULL))
		return true;
	g->row[g->n++] = (struct userlist_row){.owner = p->owner,
	    .kind = r->kind, .entry = xstrdup(r->entry), .comment = ""};
	return true;
}

/* 1: there is more; 0: nothing is left that has to go. */
static int
remove_some(struct listdb *l, const struct listdb_bulk *b,
    struct listdb_progress *p, struct err *e)
{
	const struct listdb_query q = {.one_owner = true, .owner = p->owner};
	struct gone *g = xcalloc(1, sizeof(*g));
	bool was;
	int more, rc = 0;

	g->b = b;
	g->p = p;
	/* ms 0: one step, which is what g has room for. */
	more = listdb_slice(l, &q, INT64_MAX, &p->place, 0, note_gone, g, e);
	for (size_t i = 0; i < g->n; i++) {
		if (more >= 0 && rc == 0)
			rc = listdb_remove(l, &g->row[i], &was, e);
		free((char *)g->row[i].entry);
	}
	free(g);
	return rc != 0 ? -1 : more;
}

/* ---- slices ---- */

static int
walk(struct listdb *l, const struct listdb_bulk *b, int64_t end,
    struct err *e)
{
	struct listdb_progress *p = b->progress;
	int more;

	for (;;) {
		if (!p->in_owner && !owner_next(b, p))
			return 0;
		if (p->at < p->to) {
			if (add_some(l, b, p, e) != 0)
				return -1;
		} else if ((more = b->replace ? remove_some(l, b, p, e)
		    : 0) <= 0) {
			if (more < 0)
				return -1;
			p->in_owner = false;
			p->from = p->to;
		}
		if (clock_mono_ms() >= end)
			return 1;
	}
}

/* After a slice, before its commit. */
static int
mark(struct listdb *l, bool more, struct err *e)
{
	if (!more && listdb_sizes_flush(l, e) != 0)
		return -1;
	if (!more)
		return l->staged == 0 ? 0
		    : db_run(l->db, e, "DELETE FROM list_staged", "");
	return l->staged != 0 ? 0 : db_run(l->db, e,
	    "INSERT INTO list_staged (first) VALUES (?1)", "i", l->first);
}

int
listdb_bulk_step(struct listdb *l, struct listdb_bulk *b, const char *actor,
    int ms, struct listdb_count *count_r, bool *refused_r, struct err *e)
{
	int64_t end = clock_mono_ms() + ms;
	int rc = 0;

	*refused_r = false;
	if (b->progress == NULL && l->staged != 0)
		return err_set(e, "another edit goes on");
	if (db_begin(l->db, e) != 0)
		return -1;
	if (b->progress == NULL) {
		rc = listdb_edit_init(l, actor, e);
		b->progress = xcalloc(1, sizeof(*b->progress));
	}
	if (rc == 0)
		rc = walk(l, b, end, e);
	if (rc >= 0 && mark(l, rc == 1, e) != 0)
		rc = -1;
	if (rc < 0)
		db_rollback(l->db);
	else if (db_commit(l->db, e) != 0)
		rc = -1;
	if (rc >= 0)
		l->staged = rc == 1 ? l->first : 0;
	*refused_r = rc < 0 && l->refused;
	*count_r = l->count;
	return rc;
}

void
listdb_bulk_end(struct listdb_bulk *b)
{
	free(b->progress);
	b->progress = NULL;
}

/* ---- what came to nothing ---- */

bool
listdb_staged(const struct listdb *l)
{
	return l->staged != 0;
}

/* From the end, so that what is left is still one run. 1: there is more. */
static int
clean_some(struct listdb *l, struct err *e)
{
	int64_t from;

	if (db_value(l->db, 0, &from, e, "SELECT ifnull(max(seq), 0)"
	        " FROM list_changes", "") != 0)
		return -1;
	from = from - LISTDB_STEP + 1 > l->staged ? from - LISTDB_STEP + 1
	    : l->staged;
	if (db_run(l->db, e, "DELETE FROM list_bytes WHERE seq >= ?1 AND owner"
	        " IN (SELECT owner FROM list_changes WHERE seq >= ?2)", "ii",
	        l->staged, from) != 0 ||
	    db_run(l->db, e, "DELETE FROM list_changes WHERE seq >= ?1", "i",
	        from) != 0)
		return -1;
	return from > l->staged;
}

int
listdb_clean(struct listdb *l, int ms, struct err *e)
{
	int64_t end = clock_mono_ms() + ms;
	int rc;

	if (l->staged == 0)
		return 0;
	if (db_begin(l->db, e) != 0)
		return -1;
	while ((rc = clean_some(l, e)) == 1 && clock_mono_ms() < end)
		;
	if (rc == 0)
		rc = db_run(l->db, e, "DELETE FROM list_staged", "");
	if (rc < 0)
		db_rollback(l->db);
	else if (db_commit(l->db, e) != 0)
		rc = -1;
	if (rc == 0)
		l->staged = 0;
	return rc;
}
