/* config.db: versions, the draft, databases of older programs, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/store/ruledb_internal.h"

static char dir[64], db_path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_ruledb.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(db_path, sizeof(db_path), "%s/config.db", dir);
	return 0;
}

static int
teardown(void **state)
{
	char wal[128];

	(void)state;
	snprintf(wal, sizeof(wal), "%s-wal", db_path);
	unlink(wal);
	unlink(db_path);
	return rmdir(dir);
}

static struct ruledb *
open_rules(void)
{
	struct err e = {""};
	struct ruledb *d = ruledb_open(db_path, &e);

	if (d == NULL)
		print_message("%s\n", e.text);
	return d;
}

static struct rules_doc
doc_at(struct ruledb *d, uint64_t version)
{
	struct rule_rows rows = {NULL, 0, 0};
	struct rules_doc doc;
	struct err e;

	rules_doc_init(&doc);
	assert_int_equal(ruledb_rows(d, version, &rows, &e), 0);
	assert_int_equal(rule_rows_to_doc(&rows, &doc, &e), 0);
	rule_rows_free(&rows);
	return doc;
}

static void
count(void *arg, enum rules_kind kind, const struct rules_item *before,
    const struct rules_item *after)
{
	(void)kind;
	(void)before;
	(void)after;
	++*(unsigned *)arg;
}

static unsigned
differences(const struct rules_doc *a, const struct rules_doc *b)
{
	unsigned n = 0;

	rules_doc_compare(a, b, count, &n);
	return n;
}

static uint64_t
newest(struct ruledb *d)
{
	uint64_t version;
	struct err e;

	assert_int_equal(ruledb_version(d, &version, &e), 0);
	return version;
}

/* One change of the rule of this id: its name; "" deletes it. */
static struct rule_rows
renamed(struct ruledb *d, uint32_t id, const char *name)
{
	struct rules_doc before = doc_at(d, newest(d)), after;
	struct rule_rows changes = {NULL, 0, 0};
	struct rules_item it = *rules_doc_find(&before, RULES_RULE, id);

	rules_doc_init(&after);
	rules_doc_copy(&after, &before);
	it.content = json_deep_copy(it.content);
	json_object_set_new(it.content, "name", json_string(name));
	rules_doc_put(&after, RULES_RULE, it);
	if (name[0] == '\0')
		rules_doc_remove(&after, RULES_RULE, id);
	rule_rows_between(&before, &after, &changes);
	assert_int_equal(changes.n, 1);
	rules_doc_free(&before);
	rules_doc_free(&after);
	return changes;
}

static uint64_t
publish(struct ruledb *d, uint32_t id, const char *name)
{
	struct rule_rows changes = renamed(d, id, name);
	uint64_t version;
	struct err e = {""};

	assert_int_equal(ruledb_publish(d, &changes, "tester", "why", false,
	    &version, &e), 0);
	rule_rows_free(&changes);
	return version;
}

static const char *
rule_name(const struct rules_doc *doc, uint32_t id)
{
	const struct rules_item *it = rules_doc_find(doc, RULES_RULE, id);

	return it != NULL ? rules_item_name(it) : "-";
}

/* Through the journal and back nothing is lost, and the second start adds
 * nothing. */
static void
shipped_rules_are_version_1(void **state)
{
	struct rules_doc want, none, got;
	struct ruledb *d = open_rules();
	struct err e;

	(void)state;
	rules_doc_init(&want);
	rules_doc_init(&none);
	assert_int_equal(rules_doc_shipped(&want, &none, &e), 0);
	got = doc_at(d, 1);
	assert_true(got.of[RULES_RULE].n >= 15);
	assert_int_equal(differences(&want, &got), 0);
	rules_doc_free(&got);
	ruledb_close(d);
	d = open_rules();
	assert_int_equal(newest(d), 1);
	ruledb_close(d);
	rules_doc_free(&want);
}

static void
versions_stay(void **state)
{
	struct ruledb *d = open_rules();
	struct rules_doc doc;

	(void)state;
	assert_int_equal(publish(d, 3, "Second"), 2);
	assert_int_equal(publish(d, 3, "Third"), 3);
	assert_int_equal(publish(d, 3, ""), 4);
	ruledb_close(d);
	d = open_rules();
	for (uint64_t v = 1; v <= 4; v++) {
		static const char *const name[] = {"Virus Alert", "Second",
		    "Third", "-"};

		doc = doc_at(d, v);
		assert_string_equal(rule_name(&doc, 3), name[v - 1]);
		rules_doc_free(&doc);
	}
	ruledb_close(d);
}

struct seen {
	unsigned n;
	struct ruledb_version v[8];
	char comment[8][64];
};

static void
see(void *arg, const struct ruledb_version *v)
{
	struct seen *s = arg;

	s->v[s->n] = *v;
	snprintf(s->comment[s->n++], 64, "%s|%s", v->actor, v->comment);
}

static void
versions_are_listed(void **state)
{
	struct ruledb *d = open_rules();
	struct seen s = {0};
	struct err e;

	(void)state;
	publish(d, 3, "Second");
	assert_int_equal(ruledb_versions(d, see, &s, &e), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.v[0].version, 2);
	assert_int_equal(s.v[0].nchange, 1);
	assert_string_equal(s.comment[0], "tester|why");
	assert_true(s.v[1].nchange > 50);
	assert_string_equal(s.comment[1], "pmgd-store|shipped rules");
	assert_int_equal(ruledb_has(d, 2, &e), 1);
	assert_int_equal(ruledb_has(d, 3, &e), 0);
	ruledb_close(d);
}

/* What was deleted keeps its id: nothing else gets it. */
static void
ids_are_not_used_again(void **state)
{
	struct ruledb *d = open_rules();
	struct rules_doc doc = doc_at(d, 1);
	uint32_t next[RULES_KINDS], last;
	struct err e;

	(void)state;
	last = doc.of[RULES_RULE].item[doc.of[RULES_RULE].n - 1].id;
	rules_doc_free(&doc);
	publish(d, last, "");
	assert_int_equal(ruledb_next(d, next, &e), 0);
	assert_int_equal(next[RULES_RULE], last + 1);
	ruledb_close(d);
}

static void
draft(void **state)
{
	struct ruledb *d = open_rules();
	struct rule_rows changes = renamed(d, 3, "Draft"), got = {NULL, 0, 0};
	struct ruledb_draft t;
	uint64_t version, revision;
	struct err e;

	(void)state;
	assert_int_equal(ruledb_draft(d, &t, &e), 0);
	assert_false(t.open);
	assert_int_equal(ruledb_draft_open(d, "tester", &e), 0);
	assert_int_equal(ruledb_draft_set(d, 1, &changes, &e), 0);
	ruledb_close(d);
	d = open_rules();
	assert_int_equal(ruledb_draft(d, &t, &e), 0);
	assert_true(t.open);
	assert_int_equal(t.base, 1);
	assert_string_equal(t.actor, "tester");
	revision = t.revision;
	assert_int_equal(ruledb_draft_rows(d, &got, &e), 0);
	assert_int_equal(got.n, 1);
	assert_string_equal(got.row[0].content, changes.row[0].content);
	rule_rows_free(&got);
	assert_int_equal(newest(d), 1);
	/* Published and closed in one step. */
	assert_int_equal(ruledb_publish(d, &changes, "a", "c", true, &version,
	    &e), 0);
	assert_int_equal(ruledb_draft(d, &t, &e), 0);
	assert_false(t.open);
	assert_true(t.revision > revision);
	assert_int_equal(ruledb_draft_rows(d, &got, &e), 0);
	assert_int_equal(got.n, 0);
	/* Another one is not taken for the first. */
	revision = t.revision;
	assert_int_equal(ruledb_draft_open(d, "b", &e), 0);
	assert_int_equal(ruledb_draft_discard(d, &e), 0);
	assert_int_equal(ruledb_draft(d, &t, &e), 0);
	assert_false(t.open);
	assert_true(t.revision > revision + 1);
	rule_rows_free(&changes);
	ruledb_close(d);
}

/* ---- databases of older programs ---- */

static void
sql(const char *const *migrations, const char *const *statement)
{
	struct err e = {""};
	bool damaged;
	struct db *d = db_open(db_path, DB_FULL, migrations, &damaged, &e);

	assert_non_null(d);
	for (; *statement != NULL; statement++) {
		if (db_run(d, &e, *statement, "") != 0)
			print_message("%s\n", e.text);
		assert_string_equal(e.text, "");
	}
	db_close(d);
}

static const char *const old_rows[] = {
	"INSERT INTO groups VALUES (1, 'Blacklist', 'mine', 0)",
	"INSERT INTO groups VALUES (4, 'Hours', '', 2)",
	"INSERT INTO groups VALUES (9, 'Virus', '', 3)",
	"INSERT INTO groups VALUES (12, 'Quarantine', '', 4)",
	"INSERT INTO objects VALUES (7, 1, 1001, 'a@x', '', '', 0, 0, 0)",
	"INSERT INTO objects VALUES (3, 4, 2000, '', '', '', 480, 960, 0)",
	"INSERT INTO objects VALUES (8, 9, 3001, '', '', '', 0, 0, 0)",
	"INSERT INTO objects VALUES (9, 12, 4006, '', '', '', 0, 0, 0)",
	"INSERT INTO objects VALUES (6, 1, 1003, '::1', '', '', 0, 0, 0)",
	"INSERT INTO rules VALUES (2, 'Block Viruses', 17, 0, 2)",
	"INSERT INTO rule_groups VALUES (2, 0, 1)",
	"INSERT INTO rule_groups VALUES (2, 1, 1)",
	"INSERT INTO rule_groups VALUES (2, 2, 4)",
	"INSERT INTO rule_groups VALUES (2, 3, 9)",
	"INSERT INTO rule_groups VALUES (2, 4, 12)",
	"INSERT INTO changes VALUES (1, 5, 'pmgd-store', 'shipped rules')",
	"INSERT INTO changes VALUES (6, 5, 'admin', 'changed')",
	NULL};

static void
content_is(const struct rules_doc *doc, enum rules_kind kind, uint32_t id,
    const char *text)
{
	const struct rules_item *it = rules_doc_find(doc, kind, id);
	char *got;

	assert_non_null(it);
	got = json_dumps(it->content, JSON_COMPACT);
	assert_string_equal(got, text);
	free(got);
}

/* Every row, changed ones too, with its id; the version goes on counting. */
static void
old_tables_are_carried_over(void **state)
{
	const char *const first[] = {ruledb_migrations[0], NULL};
	struct rules_doc doc;
	struct ruledb *d;

	(void)state;
	sql(first, old_rows);
	d = open_rules();
	doc = doc_at(d, 6);
	assert_int_equal(doc.of[RULES_RULE].n, 1);
	assert_int_equal(doc.of[RULES_GROUP].n, 4);
	assert_int_equal(doc.of[RULES_OBJECT].n, 5);
	content_is(&doc, RULES_GROUP, 1,
	    "{\"name\":\"Blacklist\",\"info\":\"mine\",\"kind\":\"who\"}");
	content_is(&doc, RULES_OBJECT, 6,
	    "{\"type\":\"ip\",\"otype\":1003,\"value\":\"::1\"}");
	assert_int_equal(rules_doc_find(&doc, RULES_OBJECT, 6)->group, 1);
	content_is(&doc, RULES_OBJECT, 3, "{\"type\":\"timeframe\",\"otype\":"
	    "2000,\"start\":\"08:00\",\"end\":\"16:00\"}");
	content_is(&doc, RULES_RULE, 2, "{\"name\":\"Block Viruses\","
	    "\"priority\":17,\"active\":false,\"direction\":\"both\","
	    "\"from\":{\"groups\":[1]},\"to\":{\"groups\":[1]},\"when\":"
	    "{\"groups\":[4]},\"what\":{\"groups\":[9]},\"action\":"
	    "{\"groups\":[12]}}");
	rules_doc_free(&doc);
	/* Shipped rules that it never had came on top; its own stayed. */
	assert_int_equal(newest(d), 7);
	doc = doc_at(d, 7);
	assert_string_equal(rule_name(&doc, 2), "Block Viruses");
	content_is(&doc, RULES_GROUP, 1,
	    "{\"name\":\"Blacklist\",\"info\":\"mine\",\"kind\":\"who\"}");
	assert_true(doc.of[RULES_RULE].n >= 15);
	rules_doc_free(&doc);
	ruledb_close(d);
	d = open_rules();
	assert_int_equal(newest(d), 7);
	ruledb_close(d);
}

/* A type that nobody knows is carried, and refused when it is compiled. */
static void
unknown_old_rows_are_kept(void **state)
{
	const char *const first[] = {ruledb_migrations[0], NULL};
	static const char *const more[] = {
	    "INSERT INTO groups VALUES (1, 'g', '', 0)",
	    "INSERT INTO objects VALUES (7, 1, 1999, 'v', '', '', 0, 0, 0)",
	    "INSERT INTO changes VALUES (1, 5, 'a', 'b')", NULL};
	struct ruleset_builder *b = ruleset_builder_new();
	struct rules_doc doc;
	struct ruledb *d;
	struct err e;

	(void)state;
	sql(first, more);
	d = open_rules();
	doc = doc_at(d, newest(d));
	assert_int_equal(rules_doc_build(&doc, b, &e), -1);
	assert_string_equal(e.text, "group \"g\", object 7.otype: 1999 is no "
	    "type of object");
	ruleset_builder_free(b);
	rules_doc_free(&doc);
	ruledb_close(d);
}

/* ---- shipped rules of a later version ---- */

static uint32_t
find_rule(const struct rules_doc *doc, const char *name)
{
	const struct rules_list *l = &doc->of[RULES_RULE];

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(rules_item_name(&l->item[i]), name) == 0)
			return l->item[i].id;
	return 0;
}

/* "Virus Alert" was deleted: it stays away, until it counts as new. A rule
 * with the name of a new one is left as it is. */
static void
new_shipped_rules(void **state)
{
	static const char *const forget[] = {"DELETE FROM rule_shipped"
	    " WHERE name IN ('Virus Alert', 'Whitelist', 'Block Viruses')",
	    NULL};
	const char *const *all = ruledb_migrations;
	struct ruledb *d = open_rules();
	struct rules_doc before, after;
	struct seen s = {0};
	struct err e;

	(void)state;
	publish(d, 3, "");
	publish(d, 2, "Mine");
	ruledb_close(d);
	d = open_rules();
	assert_int_equal(newest(d), 3);
	before = doc_at(d, 3);
	ruledb_close(d);
	sql(all, forget);
	d = open_rules();
	assert_int_equal(newest(d), 4);
	after = doc_at(d, 4);
	/* A renamed one counts as one's own, so the shipped one is back. */
	assert_int_equal(differences(&before, &after), 2);
	assert_true(find_rule(&after, "Virus Alert") > 3);
	assert_true(find_rule(&after, "Block Viruses") > 3);
	assert_int_equal(find_rule(&after, "Mine"), 2);
	assert_int_equal(ruledb_versions(d, see, &s, &e), 0);
	assert_string_equal(s.comment[0], "pmgd-store|new shipped rules: "
	    "\"Block Viruses\", \"Virus Alert\"");
	rules_doc_free(&before);
	rules_doc_free(&after);
	ruledb_close(d);
}

static void
newer_schema_is_refused(void **state)
{
	static const char *const mark[] = {"PRAGMA user_version = 99", NULL};
	struct err e;

	(void)state;
	ruledb_close(open_rules());
	sql(ruledb_migrations, mark);
	assert_null(ruledb_open(db_path, &e));
	assert_non_null(strstr(e.text, "schema 99"));
}

static int
use(struct ruledb *d, struct err *e)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct rule_rows rows = {NULL, 0, 0};
	struct rules_doc doc;
	uint64_t version;
	int rc;

	rules_doc_init(&doc);
	rc = ruledb_version(d, &version, e);
	if (rc == 0)
		rc = ruledb_rows(d, version, &rows, e);
	if (rc == 0)
		rc = rule_rows_to_doc(&rows, &doc, e);
	if (rc == 0)
		rc = rules_doc_build(&doc, b, e);
	rules_doc_free(&doc);
	rule_rows_free(&rows);
	ruleset_builder_free(b);
	return rc;
}

/* Random damage: opened or refused with a reason, never a crash. */
static void
damaged_database(void **state)
{
	struct stat st;
	struct err e;
	unsigned refused = 0;

	(void)state;
	ruledb_close(open_rules());
	assert_int_equal(stat(db_path, &st), 0);
	for (int i = 0; i < 100; i++) {
		FILE *f = fopen(db_path, "r+");
		struct ruledb *d;

		fseek(f, random() % st.st_size, SEEK_SET);
		for (int k = 0; k < 16; k++)
			fputc((int)(random() & 0xff), f);
		fclose(f);
		e.text[0] = '\0';
		d = ruledb_open(db_path, &e);
		if (d == NULL || use(d, &e) != 0) {
			refused++;
			assert_int_not_equal(e.text[0], '\0');
		}
		ruledb_close(d);
	}
	print_message("100 damages: %u refused\n", refused);
	assert_true(refused > 0);
}

/* Random changes: applying what differs makes one out of the other. */
static void
changes_carry_over(void **state)
{
	(void)state;
	srandom(3);
	for (int round = 0; round < 200; round++) {
		struct rule_rows rows[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
		struct rule_rows changes = {NULL, 0, 0}, wire = {NULL, 0, 0};
		struct rules_doc doc[2], got;
		struct buf b = {.max = 1 << 20};
		struct err e;

		for (int i = 0; i < 2; i++) {
			rules_doc_init(&doc[i]);
			for (uint32_t id = 1; id < 40; id++) {
				char text[32];
				struct rule_row r = {
				    .kind = (uint8_t)(id / 14), .id = id,
				    .group = (uint32_t)random() % 2,
				    .content = text};

				snprintf(text, sizeof(text), "{\"a\":%ld}",
				    random() % 2);
				if (random() % 3 != 0)
					rule_rows_add(&rows[i], &r);
			}
			rule_rows_to_doc(&rows[i], &doc[i], &e);
		}
		rule_rows_between(&doc[0], &doc[1], &changes);
		rule_rows_put(&b, &changes);
		assert_int_equal(rule_rows_get(buf_span(&b), &wire), 0);
		rule_rows_apply(&rows[0], &wire);
		rules_doc_init(&got);
		rule_rows_to_doc(&rows[0], &got, &e);
		assert_int_equal(differences(&got, &doc[1]), 0);
		for (int i = 0; i < 2; i++) {
			rules_doc_free(&doc[i]);
			rule_rows_free(&rows[i]);
		}
		rules_doc_free(&got);
		rule_rows_free(&changes);
		rule_rows_free(&wire);
		buf_free(&b);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(shipped_rules_are_version_1),
		T(versions_stay),
		T(versions_are_listed),
		T(ids_are_not_used_again),
		T(draft),
		T(old_tables_are_carried_over),
		T(unknown_old_rows_are_kept),
		T(new_shipped_rules),
		T(newer_schema_is_refused),
		T(damaged_database),
		cmocka_unit_test(changes_carry_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
