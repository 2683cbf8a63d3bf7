#include "lib/store/listdb_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum { OP_REMOVE = 0, OP_ADD = 1, INCARNATION = 16, NOT_LISTED = -1 };

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
	if (incarnation_load(l, e) == 0 && db_value(db, 0, &l->staged, e,
	        "SELECT first FROM list_staged", "") == 0)
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
	        "SELECT ifnull(max(seq), 0) FROM list_changes WHERE seq <= ?1",
	        "i", listdb_last(l)) != 0)
		return -1;
	*version_r = (uint64_t)seq;
	return 0;
}

/* ---- sizes ---- */

/* The newest that holds stays, in case this edit comes to nothing. */
static int
put_size(struct listdb *l, int kind, int64_t bytes, struct err *e)
{
	if (db_run(l->db, e, "DELETE FROM list_bytes WHERE owner = ?1"
	        " AND kind = ?2 AND seq < (SELECT max(seq) FROM list_bytes"
	        " WHERE owner = ?1 AND kind = ?2 AND seq < ?3)", "sii",
	        l->owner, (int64_t)kind, l->first) != 0)
		return -1;
	return db_run(l->db, e, "INSERT OR REPLACE INTO list_bytes"
	    " (owner, kind, seq, bytes) VALUES (?1, ?2, ?3, ?4)", "siii",
	    l->owner, (int64_t)kind, l->first, bytes);
}

static int
check_size(struct listdb *l, int kind, struct err *e)
{
	int64_t bytes;
	size_t max = userlist_max(l->owner);

	if (db_value(l->db, 0, &bytes, e, "SELECT bytes FROM list_bytes"
	        " WHERE owner = ?1 AND kind = ?2 ORDER BY seq DESC LIMIT 1",
	        "si", l->owner, (int64_t)kind) != 0)
		return -1;
	bytes += l->grown[kind];
	if (bytes <= (int64_t)max || l->grown[kind] <= 0)
		return put_size(l, kind, bytes, e);
	l->refused = true;
	return err_set(e, "the %s list of %.100s would have %lld bytes "
	    "of entries; a list of %s has room for %zu",
	    userlist_kind_name((enum userlist_kind)kind),
	    *l->owner != '\0' ? l->owner : "all", (long long)bytes,
	    strchr(l->owner, '@') != NULL ? "one recipient"
	    : "a domain or of all", max);
}

int
listdb_sizes_flush(struct listdb *l, struct err *e)
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
		if (listdb_sizes_flush(l, e) != 0)
			return -1;
		free(l->owner);
		l->owner = xstrdup(r->owner);
	}
	l->grown[kind] += sign * (int64_t)strlen(r->entry);
	return 0;
}

/* ---- changes ---- */

int
listdb_edit_init(struct listdb *l, const char *actor, struct err *e)
{
	uint64_t version;

	if (listdb_version(l, &version, e) != 0)
		return -1;
	free(l->actor);
	free(l->owner);
	l->actor = xstrdup(actor);
	l->owner = NULL;
	l->refused = false;
	l->first = (int64_t)version + 1;
	memset(l->grown, 0, sizeof(l->grown));
	l->count = (struct listdb_count){0};
	l->now_us = clock_wall_us();
	return 0;
}

int
listdb_begin(struct listdb *l, const char *actor, struct err *e)
{
	if (l->staged != 0)
		return err_set(e, "another edit goes on");
	if (db_begin(l->db, e) != 0)
		return -1;
	if (listdb_edit_init(l, actor, e) == 0)
		return 0;
	db_rollback(l->db);
	return -1;
}

void
listdb_abort(struct listdb *l)
{
	db_rollback(l->db);
}

int
listdb_commit(struct listdb *l, struct listdb_count *count_r, struct err *e)
{
	if (listdb_sizes_flush(l, e) != 0) {
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

/* ---- reading ---- */

/* SQLite takes the other columns from the row with the greatest seq (its
 * documentation, "Bare columns in an aggregate query"). */
#define NEWEST								\
	"SELECT owner, entry, kind, op, comment, actor, time_us, max(seq)"	\
	" FROM list_changes WHERE (owner, entry) > (?1, ?2) AND seq <= ?3"
#define BY_ENTRY " GROUP BY owner, entry ORDER BY owner, entry"

static struct db_query *
rows_query(struct listdb *l, const struct listdb_query *q, const char *owner,
    const char *entry, int64_t last, struct err *e)
{
	bool behind;

	if (last > listdb_last(l))
		last = listdb_last(l);
	if (!q->one_owner)
		return db_query(l->db, e, NEWEST BY_ENTRY, "ssi", owner, entry,
		    last);
	behind = strcmp(owner, q->owner) == 0;
	return db_query(l->db, e, NEWEST " AND owner = ?4" BY_ENTRY, "ssis",
	    behind ? q->owner : "", behind ? entry : "", last, q->owner);
}

/* False: fn wants no more. */
static bool
give_row(const struct listdb_query *q, struct db_query *c, listdb_fn *fn,
    void *arg)
{
	struct userlist_row r = {.owner = db_text(c, 0),
	    .entry = db_text(c, 1),
	    .kind = db_int(c, 2) == USERLIST_ALLOW ? USERLIST_ALLOW
	                                           : USERLIST_BLOCK,
	    .comment = db_text(c, 4), .actor = db_text(c, 5),
	    .time_us = db_int(c, 6)};

	return db_int(c, 3) != OP_ADD ||
	    (q->one_kind && q->kind != r.kind) || fn(&r, arg);
}

int
listdb_each(struct listdb *l, const struct listdb_query *q, listdb_fn *fn,
    void *arg, struct err *e)
{
	AUTO_QUERY struct db_query *c = rows_query(l, q, q->after_owner,
	    q->after_entry, INT64_MAX, e);
	int rc = -1;

	while (c != NULL && (rc = db_step(c, e)) == 1)
		if (!give_row(q, c, fn, arg))
			return 0;
	return rc;
}

int
listdb_slice(struct listdb *l, const struct listdb_query *q,
    uint64_t version, struct listdb_place *place, int ms, listdb_fn *fn,
    void *arg, struct err *e)
{
	AUTO_QUERY struct db_query *c = rows_query(l, q, place->owner,
	    place->entry, (int64_t)version, e);
	int64_t end = clock_mono_ms() + ms;
	int rc = -1;

	for (unsigned n = 1; c != NULL && (rc = db_step(c, e)) == 1; n++) {
		if (!give_row(q, c, fn, arg))
			return 0;
		if (n % LISTDB_STEP != 0 || clock_mono_ms() < end)
			continue;
		str_copy(place->owner, sizeof(place->owner), db_text(c, 0));
		str_copy(place->entry, sizeof(place->entry), db_text(c, 1));
		return 1;
	}
	return rc;
}

int
listdb_changes(struct listdb *l, uint64_t after,
    struct listdb_change *change, size_t max, struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *c = db_query(l->db, e,
	    "SELECT seq, op, owner, kind, entry, comment, actor, time_us"
	    " FROM list_changes WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"
	    " LIMIT ?3", "iii", (int64_t)after, listdb_last(l), (int64_t)max);
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
