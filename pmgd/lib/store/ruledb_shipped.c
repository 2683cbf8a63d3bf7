/*
 * The rules that the product brings along. A new database gets all of them; an
 * old one those that it was never offered, unless it has one of that name. What
 * was edited, renamed or deleted is never touched.
 */
#include <string.h>
#include "lib/base/log.h"
#include "lib/store/ruledb_internal.h"

enum { NAMES_MAX = 300 };

struct ship {
	struct ruledb *d;
	struct rules_doc live;		/* with what is added */
	struct rules_doc shipped;	/* ids: those of live, by name */
	char names[NAMES_MAX];		/* of rules that were added */
};

/* 1: it was offered before. */
static int
offered(struct ruledb *d, enum rules_kind kind, const char *name,
    struct err *e)
{
	int64_t n;

	if (db_value(d->db, 0, &n, e, "SELECT count(*) FROM rule_shipped"
	        " WHERE kind = ?1 AND name = ?2", "is", (int64_t)kind,
	        name) != 0)
		return -1;
	return n > 0;
}

static void
add_group(struct ship *s, uint32_t id)
{
	const struct rules_item *g = rules_doc_find(&s->shipped, RULES_GROUP,
	    id);
	const struct rules_list *o = &s->shipped.of[RULES_OBJECT];

	if (g == NULL || rules_doc_find(&s->live, RULES_GROUP, id) != NULL)
		return;
	json_incref(g->content);
	rules_doc_put(&s->live, RULES_GROUP, *g);
	for (size_t i = 0; i < o->n; i++)
		if (o->item[i].group == id) {
			json_incref(o->item[i].content);
			rules_doc_put(&s->live, RULES_OBJECT, o->item[i]);
		}
}

/* With the groups that it needs. */
static void
add_rule(struct ship *s, const struct rules_item *r)
{
	size_t at = strlen(s->names);

	if (rules_doc_find(&s->live, RULES_RULE, r->id) != NULL)
		return;
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		const json_t *list = json_object_get(json_object_get(
		    r->content, rules_json_category[cat]), "groups");

		for (size_t i = 0; i < json_array_size(list); i++)
			add_group(s, (uint32_t)json_integer_value(
			    json_array_get(list, i)));
	}
	json_incref(r->content);
	rules_doc_put(&s->live, RULES_RULE, *r);
	snprintf(s->names + at, sizeof(s->names) - at, "%s\"%s\"",
	    at > 0 ? ", " : "", rules_item_name(r));
}

/* Adds what was never offered, and remembers that it is now. */
static int
add_new(struct ship *s, struct err *e)
{
	static const enum rules_kind kinds[] = {RULES_GROUP, RULES_RULE};

	for (size_t k = 0; k < 2; k++) {
		const struct rules_list *l = &s->shipped.of[kinds[k]];

		for (size_t i = 0; i < l->n; i++) {
			const char *name = rules_item_name(&l->item[i]);
			int rc = offered(s->d, kinds[k], name, e);

			if (rc < 0)
				return -1;
			if (rc == 1)
				continue;
			if (kinds[k] == RULES_GROUP)
				add_group(s, l->item[i].id);
			else
				add_rule(s, &l->item[i]);
			if (db_run(s->d->db, e, "INSERT OR IGNORE INTO"
			        " rule_shipped (kind, name) VALUES (?1, ?2)",
			        "is", (int64_t)kinds[k], name) != 0)
				return -1;
		}
	}
	return 0;
}

static int
ship(struct ship *s, const struct rules_doc *before, uint64_t version,
    struct err *e)
{
	struct rule_rows changes = {NULL, 0, 0};
	char comment[NAMES_MAX + 64];
	int rc = 0;

	if (add_new(s, e) != 0)
		return -1;
	rule_rows_between(before, &s->live, &changes);
	if (version == 0)
		snprintf(comment, sizeof(comment), "shipped rules");
	else
		snprintf(comment, sizeof(comment), "new shipped rules: %s",
		    s->names[0] != '\0' ? s->names : "groups only");
	if (changes.n > 0)
		rc = ruledb_insert(s->d, version + 1, &changes, "pmgd-store",
		    comment, e);
	if (changes.n > 0 && rc == 0)
		log_info("rules: version %llu: %s",
		    (unsigned long long)version + 1, comment);
	rule_rows_free(&changes);
	return rc;
}

/* In one transaction: a set that is only half there is not taken for whole. */
static int
ship_all(struct ship *s, struct err *e)
{
	struct rule_rows rows = {NULL, 0, 0};
	struct rules_doc before;
	uint64_t version;
	int rc = -1;

	rules_doc_init(&before);
	if (ruledb_version(s->d, &version, e) == 0 &&
	    ruledb_rows(s->d, version, &rows, e) == 0 &&
	    rule_rows_to_doc(&rows, &before, e) == 0 &&
	    ruledb_next(s->d, before.next, e) == 0) {
		rules_doc_copy(&s->live, &before);
		memcpy(s->shipped.next, before.next, sizeof(before.next));
		if (rules_doc_shipped(&s->shipped, &before, e) == 0)
			rc = ship(s, &before, version, e);
	}
	rules_doc_free(&before);
	rule_rows_free(&rows);
	return rc;
}

int
ruledb_ship(struct ruledb *d, struct err *e)
{
	struct ship s = {.d = d};
	int rc;

	rules_doc_init(&s.live);
	rules_doc_init(&s.shipped);
	rc = db_begin(d->db, e);
	if (rc == 0 && (rc = ship_all(&s, e)) != 0)
		db_rollback(d->db);
	if (rc == 0)
		rc = db_commit(d->db, e);
	rules_doc_free(&s.live);
	rules_doc_free(&s.shipped);
	return rc;
}
