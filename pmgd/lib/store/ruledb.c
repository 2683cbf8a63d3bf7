#include "lib/store/ruledb.h"

#include <stdlib.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/clock.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules.h"
#include "lib/store/db.h"
#include "lib/store/listdb_schema.h"

enum {
	RULES_ARENA = 256 * 1024 * 1024,
	GROUPS_MAX = 100 * 1000,
};

struct ruledb {
	struct db *db;
};

/* Never change one that was released: add the next. */
static const char *const migrations[] = {
    "CREATE TABLE groups ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL,"
    " info TEXT NOT NULL,"
    " category INTEGER NOT NULL);"	/* enum category */
    "CREATE TABLE objects ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,"
    " type INTEGER NOT NULL,"		/* enum object_type */
    " value TEXT NOT NULL,"
    " value2 TEXT NOT NULL,"
    " value3 TEXT NOT NULL,"
    " number INTEGER NOT NULL,"
    " number2 INTEGER NOT NULL,"
    " flags INTEGER NOT NULL);"
    "CREATE INDEX objects_group ON objects(group_id);"
    "CREATE TABLE rules ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL,"
    " priority INTEGER NOT NULL,"
    " active INTEGER NOT NULL,"
    " direction INTEGER NOT NULL);"	/* enum rule_dir */
    "CREATE TABLE rule_groups ("
    " rule_id INTEGER NOT NULL REFERENCES rules(id) ON DELETE CASCADE,"
    " category INTEGER NOT NULL,"
    " group_id INTEGER NOT NULL REFERENCES groups(id),"
    " PRIMARY KEY (rule_id, category, group_id));"
    "CREATE TABLE changes ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_us INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " what TEXT NOT NULL);",
    LISTDB_SCHEMA,
    NULL,
};

/* ---- the shipped rules, as rows ---- */

static const char *
text(const char *s)
{
	return s == NULL ? "" : s;
}

static int
insert_group(struct db *d, const struct object_group *g, struct err *e)
{
	if (db_run(d, e, "INSERT INTO groups (id, name, info, category)"
	        " VALUES (?1, ?2, ?3, ?4)", "issi", (int64_t)g->id,
	        text(g->name), text(g->info), (int64_t)g->cat) != 0)
		return -1;
	for (size_t i = 0; i < g->nobject; i++) {
		const struct object *o = &g->object[i];

		if (db_run(d, e, "INSERT INTO objects (group_id, type, value,"
		        " value2, value3, number, number2, flags)"
		        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		        "iisssiii", (int64_t)g->id, (int64_t)o->type,
		        text(o->value), text(o->value2), text(o->value3),
		        o->number, o->number2, (int64_t)o->flags) != 0)
			return -1;
	}
	return 0;
}

static int
insert_rule(struct db *d, const struct rule *r, struct err *e)
{
	if (db_run(d, e, "INSERT INTO rules (id, name, priority, active,"
	        " direction) VALUES (?1, ?2, ?3, ?4, ?5)", "isiii",
	        (int64_t)r->id, text(r->name), (int64_t)r->priority,
	        (int64_t)r->active, (int64_t)r->dir) != 0)
		return -1;
	for (int c = 0; c < CAT_COUNT; c++)
		for (size_t i = 0; i < r->ngroup[c]; i++)
			if (db_run(d, e, "INSERT INTO rule_groups"
			        " VALUES (?1, ?2, ?3)", "iii", (int64_t)r->id,
			        (int64_t)c, (int64_t)r->group[c][i]->id) != 0)
				return -1;
	return 0;
}

static int
insert_ruleset(struct db *d, const struct ruleset *rs, struct err *e)
{
	const struct object_group *group;
	const struct rule **rule;
	size_t n = ruleset_groups(rs, &group);

	for (size_t i = 0; i < n; i++)
		if (insert_group(d, &group[i], e) != 0)
			return -1;
	n = ruleset_rules(rs, &rule);
	for (size_t i = 0; i < n; i++)
		if (insert_rule(d, rule[i], e) != 0)
			return -1;
	return db_run(d, e, "INSERT INTO changes (time_us, actor, what)"
	    " VALUES (?1, 'pmgd-store', 'shipped rules')", "i",
	    clock_wall_us());
}

static struct ruleset *
shipped(struct err *e)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct ruleset *rs = NULL;
	struct buf snapshot;

	buf_init(&snapshot, RULEDB_SNAPSHOT_MAX);
	if (ruleset_builder_shipped(b, e) == 0 &&
	    ruleset_compile(b, 0, &snapshot, e) == 0)
		rs = ruleset_load(buf_span(&snapshot), e);
	buf_free(&snapshot);
	ruleset_builder_free(b);
	return rs;
}

static int
ruledb_fill(struct ruledb *d, struct err *e)
{
	struct ruleset *rs;
	uint64_t version;
	int rc;

	if (ruledb_version(d, &version, e) != 0)
		return -1;
	if (version != 0)
		return 0;
	rs = shipped(e);
	if (rs == NULL)
		return -1;
	rc = db_begin(d->db, e);
	if (rc == 0 && (rc = insert_ruleset(d->db, rs, e)) != 0)
		db_rollback(d->db);
	if (rc == 0)
		rc = db_commit(d->db, e);
	ruleset_free(rs);
	return rc;
}

struct ruledb *
ruledb_open(const char *path, struct err *e)
{
	struct ruledb *d = xcalloc(1, sizeof(*d));
	bool damaged;

	/* Nothing to make it again from: a damaged one is for a person. */
	d->db = db_open(path, DB_FULL, migrations, &damaged, e);
	if (d->db == NULL || ruledb_fill(d, e) != 0) {
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
	free(d);
}

struct db *
ruledb_db(struct ruledb *d)
{
	return d->db;
}

int
ruledb_version(struct ruledb *d, uint64_t *version_r, struct err *e)
{
	int64_t version;

	if (db_value(d->db, 0, &version, e,
	        "SELECT ifnull(max(seq), 0) FROM changes", "") != 0)
		return -1;
	*version_r = (uint64_t)version;
	return 0;
}

/* ---- rows to a rule set ---- */

/* Where the builder put a group: its index by our id. */
struct group_map {
	uint32_t id;
	int index;
};

struct rows {
	struct ruledb *d;
	struct ruleset_builder *b;
	struct group_map *map;
	size_t nmap;
	struct arena a;
};

static int
load_objects(struct rows *r, struct object_group *g, struct err *e)
{
	AUTO_QUERY struct db_query *o = db_query(r->d->db, e,
	    "SELECT type, value, value2, value3, number, number2, flags"
	    " FROM objects WHERE group_id = ?1 ORDER BY id", "i",
	    (int64_t)g->id);
	int64_t count;
	int rc;

	if (o == NULL || db_value(r->d->db, 0, &count, e,
	        "SELECT count(*) FROM objects WHERE group_id = ?1", "i",
	        (int64_t)g->id) != 0)
		return -1;
	g->object = arena_array(&r->a, (size_t)count, sizeof(*g->object));
	if (g->object == NULL)
		return err_set(e, "the rules are too large");
	while ((rc = db_step(o, e)) == 1 && (int64_t)g->nobject < count)
		g->object[g->nobject++] = (struct object){
		    .type = (enum object_type)db_int(o, 0),
		    .value = arena_strdup(&r->a, db_text(o, 1)),
		    .value2 = arena_strdup(&r->a, db_text(o, 2)),
		    .value3 = arena_strdup(&r->a, db_text(o, 3)),
		    .number = db_int(o, 4),
		    .number2 = db_int(o, 5),
		    .flags = (uint32_t)db_int(o, 6)};
	if (arena_full(&r->a))
		return err_set(e, "the rules are too large");
	return rc < 0 ? -1 : 0;
}

static int
load_groups(struct rows *r, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(r->d->db, e,
	    "SELECT id, name, info, category FROM groups ORDER BY id", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct object_group g = {.id = (uint32_t)db_int(q, 0),
		    .name = db_text(q, 1), .info = db_text(q, 2),
		    .cat = (enum category)db_int(q, 3)};
		int index;

		if (r->nmap >= GROUPS_MAX)
			return err_set(e, "more than %d groups", GROUPS_MAX);
		if (load_objects(r, &g, e) != 0)
			return -1;
		index = ruleset_builder_group(r->b, &g, e);
		if (index < 0)
			return -1;
		r->map = xrealloc(r->map, r->nmap + 1, sizeof(*r->map));
		r->map[r->nmap++] = (struct group_map){g.id, index};
	}
	return rc;
}

static int
map_compare(const void *a, const void *b)
{
	const struct group_map *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The groups of one rule and category, as the builder's indices. */
static int
load_rule_groups(struct rows *r, uint32_t rule, int category, int **index_r,
    size_t *n_r, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(r->d->db, e,
	    "SELECT group_id FROM rule_groups WHERE rule_id = ?1"
	    " AND category = ?2 ORDER BY rowid", "ii", (int64_t)rule,
	    (int64_t)category);
	int rc;

	*index_r = arena_array(&r->a, r->nmap, sizeof(**index_r));
	*n_r = 0;
	if (q == NULL)
		return -1;
	if (*index_r == NULL)
		return err_set(e, "the rules are too large");
	while ((rc = db_step(q, e)) == 1) {
		struct group_map key = {(uint32_t)db_int(q, 0), 0};
		const struct group_map *m = bsearch(&key, r->map, r->nmap,
		    sizeof(*r->map), map_compare);

		if (m == NULL)
			return err_set(e, "rule %u names group %u, which does "
			    "not exist", rule, key.id);
		(*index_r)[(*n_r)++] = m->index;
	}
	return rc;
}

static int
load_rule(struct rows *r, const struct rule *rule, struct err *e)
{
	const int *group[CAT_COUNT];
	size_t ngroup[CAT_COUNT];

	for (int c = 0; c < CAT_COUNT; c++) {
		int *index;

		if (load_rule_groups(r, rule->id, c, &index, &ngroup[c],
		        e) != 0)
			return -1;
		group[c] = index;
	}
	return ruleset_builder_rule(r->b, rule, group, ngroup, e);
}

static int
load_rules(struct rows *r, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(r->d->db, e,
	    "SELECT id, name, priority, active, direction FROM rules"
	    " ORDER BY id", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct rule rule = {.id = (uint32_t)db_int(q, 0),
		    .name = db_text(q, 1), .priority = (int)db_int(q, 2),
		    .active = db_int(q, 3) != 0,
		    .dir = (enum rule_dir)db_int(q, 4)};

		if (load_rule(r, &rule, e) < 0)
			return -1;
	}
	return rc;
}

int
ruledb_compile(struct ruledb *d, struct buf *snapshot, struct err *e)
{
	struct rows r = {.d = d, .b = ruleset_builder_new()};
	uint64_t version;
	int rc = -1;

	arena_init(&r.a, RULES_ARENA);
	if (ruledb_version(d, &version, e) == 0 && load_groups(&r, e) == 0 &&
	    load_rules(&r, e) == 0)
		rc = ruleset_compile(r.b, version, snapshot, e);
	arena_free(&r.a);
	free(r.map);
	ruleset_builder_free(r.b);
	return rc;
}

int
ruledb_publish(struct ruledb *d, const char *path, bool *changed_r,
    struct err *e)
{
	struct ruleset *rs = NULL;
	struct buf fresh, old;
	int rc = -1;

	*changed_r = false;
	buf_init(&fresh, RULEDB_SNAPSHOT_MAX);
	buf_init(&old, RULEDB_SNAPSHOT_MAX);
	if (ruledb_compile(d, &fresh, e) != 0)
		goto out;
	/* What a worker cannot load must not replace what it can. */
	rs = ruleset_load(buf_span(&fresh), e);
	if (rs == NULL)
		goto out;
	if (access(path, F_OK) == 0 && file_read(path, &old, NULL) == 0 &&
	    span_eq(buf_span(&old), buf_span(&fresh))) {
		rc = 0;
		goto out;
	}
	rc = atomicfile_write(path, buf_span(&fresh), 0644, e);
	*changed_r = rc == 0;
out:
	ruleset_free(rs);
	buf_free(&fresh);
	buf_free(&old);
	return rc;
}
