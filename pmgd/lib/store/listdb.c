#include "lib/store/listdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/xalloc.h"
#include "lib/store/db.h"

enum { OP_REMOVE = 0, OP_ADD = 1, INCARNATION = 16, NOT_LISTED = -1 };

struct listdb {
	struct db *db;
	char *incarnation;
	/* Of the transaction: */
	char *actor;
	struct listdb_count count;
	int64_t now_us;
	/* Bytes that the lists of one owner grew by, not yet in list_sizes. */
	char *owner;
	int64_t grown[USERLIST_KINDS];
};

static int
random_hex(char *out, size_t n, struct err *e)
{
	unsigned char raw[INCARNATION];
	FILE *f = fopen("/dev/urandom", "re");
	size_t got = f != NULL ? fread(raw, 1, n, f) : 0;

	if (f != NULL)
		fclose(f);
	if (got != n)
		return err_errno(e, "/dev/urandom");
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

/* New with each database: after one was lost, numbers begin anew. */
static int
incarnation_load(struct listdb *l, struct err *e)
{
	AUTO_QUERY struct db_query *q = NULL;
	char fresh[2 * INCARNATION + 1];
	int rc;

	if (random_hex(fresh, INCARNATION, e) != 0 ||
	    db_run(l->db, e, "INSERT OR IGNORE INTO meta (name, value)"
	        " VALUES ('incarnation', ?1)", "s", fresh) != 0)
		return -1;
	q = db_query(l->db, e, "SELECT value FROM meta"
	    " WHERE name = 'incarnation'", "");
	rc = q == NULL ? -1 : db_step(q, e);
	if (rc == 1)
		l->incarnation = xstrdup(db_text(q, 0));
	return rc == 1 ? 0 : -1;
}

struct listdb *
listdb_open(struct db *db, struct err *e)
{
	struct listdb *l = xcalloc(1, sizeof(*l));

	l->db = db;
	if (incarnation_load(l, e) == 0)
		return l;
	listdb_close(l);
	return NULL;
}

void
listdb_close(struct listdb *l)
{
	if (l == NULL)
		return;
	free(l->incarnation);
	free(l->actor);
	free(l->owner);
	free(l);
}

int
listdb_version(struct listdb *l, uint64_t *version_r, struct err *e)
{
	int64_t seq;

	if (db_value(l->db, 0, &seq, e,
	        "SELECT ifnull(max(seq), 0) FROM list_changes", "") != 0)
		return -1;
	*version_r = (uint64_t)seq;
	return 0;
}

/* ---- sizes ---- */

static int
check_size(struct listdb *l, int kind, struct err *e)
{
	int64_t bytes;
	size_t max = userlist_max(l->owner);

	if (db_value(l->db, 0, &bytes, e, "SELECT bytes FROM list_sizes"
	        " WHERE owner = ?1 AND kind = ?2", "si", l->owner,
	        (int64_t)kind) != 0)
		return -1;
	bytes += l->grown[kind];
	if (bytes > (int64_t)max && l->grown[kind] > 0)
		return err_set(e, "the %s list of %.100s would have %lld bytes "
		    "of entries; a list of %s has room for %zu",
		    userlist_kind_name((enum userlist_kind)kind),
		    *l->owner != '\0' ? l->owner : "all", (long long)bytes,
		    strchr(l->owner, '@') != NULL ? "one recipient"
		    : "a domain or of all", max);
	return db_run(l->db, e, "INSERT OR REPLACE INTO list_sizes"
	    " (owner, kind, bytes) VALUES (?1, ?2, ?3)", "sii", l->owner,
	    (int64_t)kind, bytes);
}

static int
sizes_flush(struct listdb *l, struct err *e)
{
	for (int k = 0; l->owner != NULL && k < USERLIST_KINDS; k++) {
		if (l->grown[k] != 0 && check_size(l, k, e) != 0)
			return -1;
		l->grown[k] = 0;
	}
	return 0;
}

static int
grow(struct listdb *l, const struct userlist_row *r, int kind, int sign,
    struct err *e)
{
	if (l->owner == NULL || strcmp(l->owner, r->owner) != 0) {
		if (sizes_flush(l, e) != 0)
			return -1;
		free(l->owner);
		l->owner = xstrdup(r->owner);
	}
	l->grown[kind] += sign * (int64_t)strlen(r->entry);
	return 0;
}

/* ---- changes ---- */

int
listdb_begin(struct listdb *l, const char *actor, struct err *e)
{
	if (db_begin(l->db, e) != 0)
		return -1;
	free(l->actor);
	free(l->owner);
	l->actor = xstrdup(actor);
	l->owner = NULL;
	memset(l->grown, 0, sizeof(l->grown));
	l->count = (struct listdb_count){0};
	l->now_us = clock_wall_us();
	return 0;
}

void
listdb_abort(struct listdb *l)
{
	db_rollback(l->db);
}

int
listdb_commit(struct listdb *l, struct listdb_count *count_r, struct err *e)
{
	if (sizes_flush(l, e) != 0) {
		db_rollback(l->db);
		return -1;
	}
	*count_r = l->count;
	return db_commit(l->db, e);
}

/* Which list of its owner an entry is on, or NOT_LISTED; *same_r: with this
 * comment. */
static int
current(struct listdb *l, const struct userlist_row *r, int *kind_r,
    bool *same_r, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(l->db, e,
	    "SELECT op, kind, comment FROM list_changes"
	    " WHERE owner = ?1 AND entry = ?2 ORDER BY seq DESC LIMIT 1", "ss",
	    r->owner, r->entry);
	int rc = q == NULL ? -1 : db_step(q, e);

	*kind_r = NOT_LISTED;
	*same_r = false;
	if (rc == 1 && db_int(q, 0) == OP_ADD) {
		*kind_r = (int)db_int(q, 1);
		*same_r = strcmp(db_text(q, 2), r->comment) == 0;
	}
	return rc < 0 ? -1 : 0;
}

static int
insert(struct listdb *l, const struct userlist_row *r, int op, struct err *e)
{
	return db_run(l->db, e, "INSERT INTO list_changes (node, incarnation,"
	    " time_us, actor, op, owner, kind, entry, comment)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "isisisiss",
	    (int64_t)0, l->incarnation, l->now_us, l->actor, (int64_t)op,
	    r->owner, (int64_t)r->kind, r->entry, r->comment);
}

int
listdb_add(struct listdb *l, const struct userlist_row *r, struct err *e)
{
	bool same;
	int kind;

	if (current(l, r, &kind, &same, e) != 0)
		return -1;
	if (kind == (int)r->kind && same) {
		l->count.same++;
		return 0;
	}
	if (kind == NOT_LISTED)
		l->count.added++;
	else if (kind != (int)r->kind)
		l->count.moved++;
	else
		l->count.same++;	/* but for its comment */
	if (kind != (int)r->kind && (grow(l, r, (int)r->kind, 1, e) != 0 ||
	        (kind != NOT_LISTED && grow(l, r, kind, -1, e) != 0)))
		return -1;
	return insert(l, r, OP_ADD, e);
}

int
listdb_remove(struct listdb *l, const struct userlist_row *r, bool *was_r,
    struct err *e)
{
	bool same;
	int kind;

	if (current(l, r, &kind, &same, e) != 0)
		return -1;
	*was_r = kind == (int)r->kind;
	if (!*was_r)
		return 0;
	l->count.removed++;
	if (grow(l, r, kind, -1, e) != 0)
		return -1;
	return insert(l, r, OP_REMOVE, e);
}

/* ---- replacing a whole list ---- */

struct keep {
	const struct userlist_row *row;
	size_t n, at;
	struct userlist_row *gone;	/* to be removed */
	size_t ngone, cap;
	struct arena a;
};

/* Both sides are sorted. */
static bool
note_gone(const struct userlist_row *r, void *arg)
{
	struct keep *k = arg;

	while (k->at < k->n && strcmp(k->row[k->at].entry, r->entry) < 0)
		k->at++;
	if (k->at < k->n && strcmp(k->row[k->at].entry, r->entry) == 0)
		return true;
	if (k->ngone == k->cap) {
		k->cap = k->cap > 0 ? 2 * k->cap : 64;
		k->gone = xrealloc(k->gone, k->cap, sizeof(*k->gone));
	}
	k->gone[k->ngone] = *r;
	k->gone[k->ngone].entry = arena_strdup(&k->a, r->entry);
	return k->gone[k->ngone++].entry != NULL;
}

int
listdb_replace(struct listdb *l, const char *owner, enum userlist_kind kind,
    const struct userlist_row *row, size_t n, struct err *e)
{
	struct listdb_query q = {.one_owner = true, .owner = owner,
	    .one_kind = true, .kind = kind, .after_owner = "",
	    .after_entry = ""};
	struct keep k = {.row = row, .n = n};
	bool was;
	int rc;

	arena_init(&k.a, 4 * (size_t)USERLIST_WIDE_MAX);
	rc = listdb_each(l, &q, note_gone, &k, e);
	if (rc == 0 && arena_full(&k.a))
		rc = err_set(e, "the list is too long");
	/* First what goes: there may be no room for both. */
	for (size_t i = 0; rc == 0 && i < k.ngone; i++) {
		k.gone[i].owner = owner;
		k.gone[i].comment = "";
		rc = listdb_remove(l, &k.gone[i], &was, e);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = listdb_add(l, &row[i], e);
	free(k.gone);
	arena_free(&k.a);
	return rc;
}

/* ---- reading ---- */

/* SQLite takes the other columns from the row with the greatest seq (its
 * documentation, "Bare columns in an aggregate query"). */
#define NEWEST								\
	"SELECT owner, entry, kind, op, comment, actor, time_us, max(seq)"	\
	" FROM list_changes WHERE (owner, entry) > (?1, ?2)"
#define BY_ENTRY " GROUP BY owner, entry ORDER BY owner, entry"

int
listdb_each(struct listdb *l, const struct listdb_query *q, listdb_fn *fn,
    void *arg, struct err *e)
{
	AUTO_QUERY struct db_query *c = q->one_owner
	    ? db_query(l->db, e, NEWEST " AND owner = ?3" BY_ENTRY, "sss",
	        strcmp(q->after_owner, q->owner) == 0 ? q->owner : "",
	        strcmp(q->after_owner, q->owner) == 0 ? q->after_entry : "",
	        q->owner)
	    : db_query(l->db, e, NEWEST BY_ENTRY, "ss", q->after_owner,
	        q->after_entry);
	int rc = -1;

	if (c == NULL)
		return -1;
	while ((rc = db_step(c, e)) == 1) {
		struct userlist_row r = {.owner = db_text(c, 0),
		    .entry = db_text(c, 1),
		    .kind = db_int(c, 2) == USERLIST_ALLOW ? USERLIST_ALLOW
		                                           : USERLIST_BLOCK,
		    .comment = db_text(c, 4), .actor = db_text(c, 5),
		    .time_us = db_int(c, 6)};

		if (db_int(c, 3) == OP_ADD &&
		    (!q->one_kind || q->kind == r.kind) && !fn(&r, arg))
			return 0;
	}
	return rc;
}

int
listdb_changes(struct listdb *l, uint64_t after,
    struct listdb_change *change, size_t max, struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *c = db_query(l->db, e,
	    "SELECT seq, op, owner, kind, entry, comment, actor, time_us"
	    " FROM list_changes WHERE seq > ?1 ORDER BY seq LIMIT ?2", "ii",
	    (int64_t)after, (int64_t)max);
	size_t n = 0;
	int rc = -1;

	while (c != NULL && n < max && (rc = db_step(c, e)) == 1)
		change[n++] = (struct listdb_change){
		    .seq = (uint64_t)db_int(c, 0),
		    .removed = db_int(c, 1) == OP_REMOVE,
		    .row = {.owner = arena_strdup(a, db_text(c, 2)),
		        .kind = db_int(c, 3) == USERLIST_ALLOW ? USERLIST_ALLOW
		                                               : USERLIST_BLOCK,
		        .entry = arena_strdup(a, db_text(c, 4)),
		        .comment = arena_strdup(a, db_text(c, 5)),
		        .actor = arena_strdup(a, db_text(c, 6)),
		        .time_us = db_int(c, 7)}};
	if (arena_full(a))
		return err_set(e, "too many changes at once");
	return c == NULL || rc < 0 ? -1 : (int)n;
}

/* ---- the compiled file ---- */

static bool
put_row(const struct userlist_row *r, void *arg)
{
	userlist_builder_add(arg, r->owner, r->kind, r->entry);
	return true;
}

int
listdb_compile(struct listdb *l, struct buf *file, struct err *e)
{
	struct listdb_query all = {.owner = "", .after_owner = "",
	    .after_entry = ""};
	struct userlist_builder *b = userlist_builder_new();
	uint64_t version;
	int rc = -1;

	if (listdb_version(l, &version, e) == 0 &&
	    listdb_each(l, &all, put_row, b, e) == 0)
		rc = userlist_compile(b, version, file, e);
	userlist_builder_free(b);
	return rc;
}

int
listdb_publish(struct listdb *l, const char *path, bool *changed_r,
    struct err *e)
{
	AUTO_BUF struct buf fresh = {.max = USERLIST_FILE_MAX};
	AUTO_BUF struct buf old = {.max = USERLIST_FILE_MAX};
	struct userlist *check;

	*changed_r = false;
	if (listdb_compile(l, &fresh, e) != 0)
		return -1;
	if (access(path, F_OK) == 0 && file_read(path, &old, NULL) == 0 &&
	    span_eq(buf_span(&old), buf_span(&fresh)))
		return 0;
	/* What a worker cannot load must not replace what it can. */
	check = userlist_load(buf_span(&fresh), e);
	if (check == NULL)
		return -1;
	userlist_free(check);
	if (atomicfile_write(path, buf_span(&fresh), 0644, e) != 0)
		return -1;
	*changed_r = true;
	return 0;
}
