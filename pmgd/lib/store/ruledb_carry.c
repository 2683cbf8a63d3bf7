/* From the tables of migration 1 (one row an object, updated in place) to the
 * journal. */
#include <stdlib.h>
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/store/ruledb_internal.h"

static int
carry_groups(struct ruledb *d, struct rules_doc *doc, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e,
	    "SELECT id, name, info, category FROM groups ORDER BY id", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct object_group g = {.name = db_text(q, 1),
		    .info = db_text(q, 2)};
		int64_t cat = db_int(q, 3);

		if (cat < 0 || cat >= CAT_COUNT)
			return err_set(e, "config.db: group %lld is damaged",
			    (long long)db_int(q, 0));
		g.cat = (enum category)cat;
		rules_doc_append(doc, RULES_GROUP, (struct rules_item){
		    .id = (uint32_t)db_int(q, 0),
		    .content = rules_json_group(&g)});
	}
	return rc;
}

static int
carry_objects(struct ruledb *d, struct rules_doc *doc, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e, "SELECT id,"
	    " group_id, type, value, value2, value3, number, number2, flags"
	    " FROM objects ORDER BY id", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct object o = {.type = (enum object_type)db_int(q, 2),
		    .value = db_text(q, 3), .value2 = db_text(q, 4),
		    .value3 = db_text(q, 5), .number = db_int(q, 6),
		    .number2 = db_int(q, 7), .flags = (uint32_t)db_int(q, 8)};

		rules_doc_append(doc, RULES_OBJECT, (struct rules_item){
		    .id = (uint32_t)db_int(q, 0),
		    .group = (uint32_t)db_int(q, 1),
		    .position = db_int(q, 0),
		    .content = rules_json_object(&o)});
	}
	return rc;
}

/* The groups of one rule and category; free(r->group[cat]). */
static int
carry_links(struct ruledb *d, uint32_t id, int cat, struct rule_item *r,
    struct err *e)
{
	AUTO_QUERY struct db_query *q = NULL;
	int64_t n;
	int rc;

	if (db_value(d->db, 0, &n, e, "SELECT count(*) FROM rule_groups"
	        " WHERE rule_id = ?1 AND category = ?2", "ii", (int64_t)id,
	        (int64_t)cat) != 0)
		return -1;
	q = db_query(d->db, e, "SELECT group_id FROM rule_groups"
	    " WHERE rule_id = ?1 AND category = ?2 ORDER BY rowid", "ii",
	    (int64_t)id, (int64_t)cat);
	if (q == NULL)
		return -1;
	r->group[cat] = xcalloc((size_t)n + 1, sizeof(*r->group[cat]));
	while ((rc = db_step(q, e)) == 1 && r->r.ngroup[cat] < (size_t)n)
		r->group[cat][r->r.ngroup[cat]++] = (uint32_t)db_int(q, 0);
	return rc < 0 ? -1 : 0;
}

static int
carry_rule(struct ruledb *d, struct rules_doc *doc, uint32_t id,
    struct rule_item *r, struct err *e)
{
	int rc = 0;

	for (int cat = 0; cat < CAT_COUNT && rc == 0; cat++)
		rc = carry_links(d, id, cat, r, e);
	if (rc == 0)
		rules_doc_append(doc, RULES_RULE, (struct rules_item){.id = id,
		    .content = rules_json_rule(r)});
	for (int cat = 0; cat < CAT_COUNT; cat++)
		free(r->group[cat]);
	return rc;
}

static int
carry_rules(struct ruledb *d, struct rules_doc *doc, struct err *e)
{
	AUTO_QUERY struct db_query *q = db_query(d->db, e, "SELECT id, name,"
	    " priority, active, direction FROM rules ORDER BY id", "");
	int rc;

	if (q == NULL)
		return -1;
	while ((rc = db_step(q, e)) == 1) {
		struct rule_item r = {.r = {.name = db_text(q, 1),
		    .priority = (int)db_int(q, 2),
		    .active = db_int(q, 3) != 0}};
		int64_t dir = db_int(q, 4);

		r.r.dir = dir >= RULE_IN && dir <= RULE_BOTH
		    ? (enum rule_dir)dir : RULE_BOTH;
		if (carry_rule(d, doc, (uint32_t)db_int(q, 0), &r, e) != 0)
			return -1;
	}
	return rc;
}

/*
 * Names that the database has were shipped, as nothing could add any. Those
 * of them that the shipped rules no longer know do no harm.
 */
static int
carry_all(struct ruledb *d, int64_t version, struct err *e)
{
	struct rule_rows rows = {NULL, 0, 0};
	struct rules_doc doc, none;
	int rc = -1;

	rules_doc_init(&doc);
	rules_doc_init(&none);
	if (carry_groups(d, &doc, e) == 0 && carry_objects(d, &doc, e) == 0 &&
	    carry_rules(d, &doc, e) == 0) {
		rule_rows_between(&none, &doc, &rows);
		rc = ruledb_insert(d, (uint64_t)version, &rows, "pmgd-store",
		    "carried over from the former database", e);
	}
	rule_rows_free(&rows);
	rules_doc_free(&doc);
	if (rc == 0)
		rc = db_run(d->db, e, "INSERT INTO rule_shipped (kind, name)"
		    " SELECT DISTINCT ?1, name FROM rules", "i",
		    (int64_t)RULES_RULE);
	if (rc == 0)
		rc = db_run(d->db, e, "INSERT INTO rule_shipped (kind, name)"
		    " SELECT DISTINCT ?1, name FROM groups", "i",
		    (int64_t)RULES_GROUP);
	return rc;
}

static int
drop_old(struct ruledb *d, struct err *e)
{
	static const char *const table[] = {"DROP TABLE rule_groups",
	    "DROP TABLE rules", "DROP TABLE objects", "DROP TABLE groups",
	    "DROP TABLE changes"};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (db_run(d->db, e, table[i], "") != 0)
			return -1;
	return 0;
}

int
ruledb_carry(struct ruledb *d, struct err *e)
{
	int64_t old, version;
	int rc = 0;

	if (db_value(d->db, 0, &old, e, "SELECT count(*) FROM sqlite_master"
	        " WHERE type = 'table' AND name = 'changes'", "") != 0)
		return -1;
	if (old == 0)
		return 0;
	if (db_value(d->db, 0, &version, e,
	        "SELECT ifnull(max(seq), 0) FROM changes", "") != 0 ||
	    db_begin(d->db, e) != 0)
		return -1;
	if (version > 0)
		rc = carry_all(d, version, e);
	if (rc == 0)
		rc = drop_old(d, e);
	if (rc != 0) {
		db_rollback(d->db);
		return -1;
	}
	if (version > 0)
		log_info("config.db: rules carried over as version %lld",
		    (long long)version);
	return db_commit(d->db, e);
}
