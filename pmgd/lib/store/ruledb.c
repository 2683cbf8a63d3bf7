#include "lib/store/ruledb_internal.h"

#include <stdlib.h>
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum { NODE = 0 };

static int
incarnation_load(struct ruledb *d, struct err *e)
{
	AUTO_QUERY struct db_query *q = NULL;

	if (db_run(d->db, e, "INSERT OR IGNORE INTO meta (name, value)"
	        " VALUES ('incarnation', lower(hex(randomblob(8))))", "") != 0)
		return -1;
	q = db_query(d->db, e, "SELECT value FROM meta"
	    " WHERE name = 'incarnation'", "");
	if (q == NULL || db_step(q, e) < 0)
		return -1;
	d->incarnation = xstrdup(db_text(q, 0));
	return 0;
}

struct ruledb *
ruledb_open(const char *path, struct err *e)
{
	struct ruledb *d = xcalloc(1, sizeof(*d));
	bool damaged;

	/* Nothing to make it again from: a damaged one is for a person. */
	d->db = db_open(path, DB_FULL, ruledb_migrations, &damaged, e);
	if (d->db == NULL || incarnation_load(d, e) != 0 ||
	    ruledb_carry(d, e) != 0 || ruledb_ship(d, e) != 0) {
		ruledb_close(d);
		return NULL;
	}
	return d;
}

void
ruledb_close(struct ruledb *d)
{
	if (d == NULL)
		return;
	db_close(d->db);
	free(d->incarnation);
	free(d);
}

struct db *
ruledb_db(struct ruledb *d)
{
	return d->db;
}

const char *
ruledb_incarnation(const struct ruledb *d)
{
	return d->incarnation;
}

/* ---- versions ---- */

int
ruledb_version(struct ruledb *d, uint64_t *version_r, struct err *e)
{
	int64_t version;

	if (db_value(d->db, 0, &version, e,
	        "SELECT ifnull(max(version), 0) FROM rule_versions", "") != 0)
		return -1;
	*version_r = (uint64_t)version;
	return 0;
}

int
ruledb_has(struct ruledb *d, uint64_t version, struct err *e)
{
	int64_t n;

	if (db_value(d->db, 0, &n, e, "SELECT count(*) FROM rule_versions"
	        " WHERE version = ?1", "i", (int64_t)version) != 0)
		return -1;
	return n > 0;
}

/* Rows of (kind, id, deleted, parent, position, content); rules that are gone
 * are left out unless changes are wanted. */
static int
take_rows(struct db_query *q, bool changes, struct rule_rows *rows,
    struct err *e)
{
	int rc;

	while ((rc = db_step(q, e)) == 1) {
		struct rule_row row = {.kind = (uint8_t)db_int(q, 0),
		    .deleted = db_int(q, 2) != 0,
		    .id = (uint32_t)db_int(q, 1),
		    .group = (uint32_t)db_int(q, 3),
		    .position = db_int(q, 4),
		    .content = (char *)(uintptr_t)db_text(q, 5)};

		if (db_int(q, 0) < 0 || db_int(q, 0) >= RULES_KINDS ||
		    db_int(q, 1) < 1 || db_int(q, 1) > RULES_ID_MAX)
			return err_set(e, "config.db: a row of the rules is "
			    "damaged");
		if (changes || !row.deleted)
			rule_rows_add(rows, &row);
	}
	return rc;
}

int
ruledb_rows(struct ruledb *d, uint64_t version, struct rule_rows *rows,
    struct err *e)
{
	/* With max() the other columns are those of the row that has it. */
	AUTO_QUERY struct db_query *q = db_query(d->db, e,
	    "SELECT kind, id, deleted, parent, position, content, max(seq)"
	    " FROM rule_journal WHERE version <= ?1 GROUP BY kind, id"
	    " ORDER BY kind, id", "i", (int64_t)version);

	return q == NULL ? -1 : take_rows(q, false, rows, e);
}

int
ruledb_next(struct ruledb *d, uint32_t next[RULES_KINDS], struct err *e)
{
	for (int k = 0; k < RULES_KINDS; k++) {
		int64_t one, two;

		if (db_value(d->db, 0, &one, e, "SELECT ifnull(max(id), 0)"
		        " FROM rule_journal WHERE kind = ?1", "i",
		        (int64_t)k) != 0 ||
		    db_value(d->db, 0, &two, e, "SELECT ifnull(max(id), 0)"
		        " FROM rule_draft_items WHERE kind = ?1", "i",
		        (int64_t)k) != 0)
			return -1;
		next[k] = (uint32_t)(one > two ? one : two) + 1;
	}
	return 0;
}

int
ruledb_insert(struct ruledb *d, uint64_t version,
    const struct rule_rows *changes, const char *actor, const char *comment,
    struct err *e)
{
	if (db_run(d->db, e, "INSERT INTO rule_versions (version, node,"
	        " incarnation, time_us, actor, comment)"
	        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "iisiss", (int64_t)version,
	        (int64_t)NODE, d->incarnation, clock_wall_us(), actor,
	        comment) != 0)
		return -1;
	for (size_t i = 0; i < changes->n; i++) {
		const struct rule_row *r = &changes->row[i];

		if (db_run(d->db, e, "INSERT INTO rule_journal (node,"
		        " incarnation, version, kind, id, deleted, parent,"
		        " position, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
		        " ?7, ?8, ?9)", "isiiiiiis", (int64_t)NODE,
		        d->incarnation, (int64_t)version, (int64_t)r->kind,
		        (int64_t)r->id, (int64_t)r->deleted, (int64_t)r->group,
		        r->position, r->content) != 0)
			return -1;
	}
	return 0;
}

static int
draft_close(struct ruledb *d, struct err *e)
{
	if (db_run(d->db, e, "DELETE FROM rule_draft_items", "") != 0)
		return -1;
	return db_run(d->db, e, "UPDATE rule_draft SET open = 0,"
	    " revision = revision + 1", "");
}

int
ruledb_publish(struct ruledb *d, const struct rule_rows *changes,
    const char *actor, const char *comment, bool closes_draft,
    uint64_t *version_r, struct err *e)
{
	if (ruledb_version(d, version_r, e) != 0 || db_begin(d->db, e) != 0)
		return -1;
	++*version_r;
	if (ruledb_insert(d, *version_r, changes, actor, comment, e) != 0 ||
	    (closes_draft && draft_close(d, e) != 0)) {
		db_rollback(d->db);
		return -1;
	}
	return db_commit(d->db, e);
}

int
ruledb_versions(struct ruledb *d,
    void (*each)(void *arg, const struct ruledb_version *v), void *arg,
    struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e,
	    "SELECT version, time_us, actor, comment,"
	    " (SELECT count(*) FROM rule_journal j WHERE j.version ="
	    " v.version) FROM rule_versions v ORDER BY version DESC", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct ruledb_version v = {.version = (uint64_t)db_int(q, 0),
		    .time_us = db_int(q, 1), .actor = db_text(q, 2),
		    .comment = db_text(q, 3),
		    .nchange = (uint64_t)db_int(q, 4)};

		each(arg, &v);
	}
	return rc;
}

/* ---- the draft ---- */

int
ruledb_draft(struct ruledb *d, struct ruledb_draft *t, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e, "SELECT open, base,"
	    " revision, time_us, actor FROM rule_draft", "");

	*t = (struct ruledb_draft){.open = false};
	if (q == NULL)
		return -1;
	if (db_step(q, e) != 1)
		return err_set(e, "config.db: the row of the draft is missing");
	t->open = db_int(q, 0) != 0;
	t->base = (uint64_t)db_int(q, 1);
	t->revision = (uint64_t)db_int(q, 2);
	t->time_us = db_int(q, 3);
	str_copy(t->actor, sizeof(t->actor), db_text(q, 4));
	return 0;
}

int
ruledb_draft_rows(struct ruledb *d, struct rule_rows *rows, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e,
	    "SELECT kind, id, deleted, parent, position, content"
	    " FROM rule_draft_items ORDER BY kind, id", "");

	return q == NULL ? -1 : take_rows(q, true, rows, e);
}

int
ruledb_draft_open(struct ruledb *d, const char *actor, struct err *e)
{
	uint64_t version;

	if (ruledb_version(d, &version, e) != 0)
		return -1;
	return db_run(d->db, e, "UPDATE rule_draft SET open = 1, base = ?1,"
	    " revision = revision + 1, time_us = ?2, actor = ?3", "iis",
	    (int64_t)version, clock_wall_us(), actor);
}

static int
draft_insert(struct ruledb *d, const struct rule_rows *changes, struct err *e)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct rule_row *r = &changes->row[i];

		if (db_run(d->db, e, "INSERT INTO rule_draft_items (kind, id,"
		        " deleted, parent, position, content)"
		        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "iiiiis",
		        (int64_t)r->kind, (int64_t)r->id, (int64_t)r->deleted,
		        (int64_t)r->group, r->position, r->content) != 0)
			return -1;
	}
	return 0;
}

int
ruledb_draft_set(struct ruledb *d, uint64_t base,
    const struct rule_rows *changes, struct err *e)
{
	if (db_begin(d->db, e) != 0)
		return -1;
	if (db_run(d->db, e, "DELETE FROM rule_draft_items", "") != 0 ||
	    draft_insert(d, changes, e) != 0 ||
	    db_run(d->db, e, "UPDATE rule_draft SET base = ?1,"
	        " revision = revision + 1", "i", (int64_t)base) != 0) {
		db_rollback(d->db);
		return -1;
	}
	return db_commit(d->db, e);
}

int
ruledb_draft_discard(struct ruledb *d, struct err *e)
{
	if (db_begin(d->db, e) != 0)
		return -1;
	if (draft_close(d, e) != 0) {
		db_rollback(d->db);
		return -1;
	}
	return db_commit(d->db, e);
}
