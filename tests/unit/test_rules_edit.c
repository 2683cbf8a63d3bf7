/* Lists of edits: what they do, in order, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/rules/rules_edit.h"

/* Groups 1 us (objects 1 2), 2 spam (3), 3 stop (4); rule 1 "r". */
static const char base[] = "{\"groups\": [{\"name\": \"us\", \"kind\": "
	"\"who\", \"objects\": [{\"type\": \"domain\", \"value\": \"a\"},"
	" {\"type\": \"domain\", \"value\": \"b\"}]}, {\"name\": \"spam\","
	" \"kind\": \"what\", \"objects\": [{\"type\": \"spam\", \"level\":"
	" 5}]}, {\"name\": \"stop\", \"kind\": \"action\", \"objects\":"
	" [{\"type\": \"block\"}]}], \"rules\": [{\"name\": \"r\","
	" \"priority\": 3, \"active\": true, \"direction\": \"out\","
	" \"from\": {\"groups\": [\"us\"]}, \"action\": {\"groups\":"
	" [\"stop\"]}}]}";

static json_t *
parse(const char *text)
{
	json_error_t je;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &je);

	if (j == NULL)
		print_message("%s: %s\n", text, je.text);
	assert_non_null(j);
	return j;
}

static struct rules_doc
start(void)
{
	json_t *j = parse(base);
	struct rules_doc d;
	struct err e;

	rules_doc_init(&d);
	assert_int_equal(rules_doc_read(&d, j, &e), 0);
	json_decref(j);
	return d;
}

static int
try(struct rules_doc *d, const char *operations, char *ids, struct err *e)
{
	json_t *j = parse(operations), *list;
	int rc = rules_edit(d, j, &list, e);
	char *text;

	json_decref(j);
	if (rc != 0)
		return rc;
	text = json_dumps(list, JSON_COMPACT);
	snprintf(ids, 100, "%.99s", text);
	free(text);
	json_decref(list);
	return 0;
}

static void
edit(struct rules_doc *d, const char *operations, const char *ids)
{
	struct err e = {""};
	char got[100];

	if (try(d, operations, got, &e) != 0)
		print_message("%s\n", e.text);
	assert_string_equal(e.text, "");
	assert_string_equal(got, ids);
}

static void
content_is(const struct rules_doc *d, enum rules_kind kind, uint32_t id,
    const char *text)
{
	struct rules_item *it = rules_doc_find(d, kind, id);
	json_t *want = parse(text);
	char *got;

	assert_non_null(it);
	if (!json_equal(it->content, want)) {
		got = json_dumps(it->content, JSON_COMPACT);
		assert_string_equal(got, text);
	}
	json_decref(want);
}

static void
add(void **state)
{
	struct rules_doc d = start();

	(void)state;
	/* In order: the rule names the group that was made before it. */
	edit(&d, "[{\"op\": \"add\", \"group\": {\"name\": \"them\", \"kind\":"
	    " \"who\", \"mode\": \"none\", \"objects\": [{\"type\": \"ip\","
	    " \"value\": \"::1\"}]}}, {\"op\": \"add\", \"object\": {\"type\":"
	    " \"email\", \"value\": \"x@y\"}, \"to\": \"them\"}, {\"op\":"
	    " \"add\", \"rule\": {\"name\": \"n\", \"priority\": 9,"
	    " \"active\": false, \"direction\": \"in\", \"from\": {\"mode\":"
	    " \"all\", \"groups\": [\"them\", 1]}}}]", "[4,6,2]");
	content_is(&d, RULES_GROUP, 4, "{\"name\":\"them\",\"kind\":\"who\","
	    "\"mode\":\"none\"}");
	content_is(&d, RULES_OBJECT, 6, "{\"type\":\"email\",\"otype\":1001,"
	    "\"value\":\"x@y\"}");
	assert_int_equal(rules_doc_find(&d, RULES_OBJECT, 6)->group, 4);
	content_is(&d, RULES_RULE, 2, "{\"name\":\"n\",\"priority\":9,"
	    "\"active\":false,\"direction\":\"in\",\"from\":{\"mode\":\"all\","
	    "\"groups\":[4,1]}}");
	rules_doc_free(&d);
}

static void
set(void **state)
{
	struct rules_doc d = start();

	(void)state;
	edit(&d, "[{\"op\": \"set\", \"rule\": \"r\", \"values\": {\"name\":"
	    " \"R\", \"from\": {\"mode\": \"none\"}, \"action\": null}},"
	    " {\"op\": \"set\", \"group\": 2, \"values\": {\"info\": \"i\","
	    " \"mode\": \"all\"}}, {\"op\": \"set\", \"object\": 3,"
	    " \"values\": {\"level\": 7}}, {\"op\": \"set\", \"object\": 1,"
	    " \"values\": {\"type\": \"email\", \"value\": \"a@b\"}}]",
	    "[1,2,3,1]");
	content_is(&d, RULES_RULE, 1, "{\"name\":\"R\",\"priority\":3,"
	    "\"active\":true,\"direction\":\"out\",\"from\":{\"mode\":"
	    "\"none\",\"groups\":[1]}}");
	content_is(&d, RULES_GROUP, 2, "{\"name\":\"spam\",\"info\":\"i\","
	    "\"kind\":\"what\",\"mode\":\"all\"}");
	content_is(&d, RULES_OBJECT, 3, "{\"type\":\"spam\",\"otype\":3000,"
	    "\"level\":7}");
	content_is(&d, RULES_OBJECT, 1, "{\"type\":\"email\",\"otype\":1001,"
	    "\"value\":\"a@b\"}");
	rules_doc_free(&d);
}

static void
links(void **state)
{
	struct rules_doc d = start();

	(void)state;
	edit(&d, "[{\"op\": \"link\", \"rule\": \"r\", \"category\": \"to\","
	    " \"group\": \"us\"}, {\"op\": \"link\", \"rule\": 1,"
	    " \"category\": \"to\", \"group\": 1}, {\"op\": \"unlink\","
	    " \"rule\": 1, \"category\": \"from\", \"group\": \"us\"}]",
	    "[1,1,1]");
	content_is(&d, RULES_RULE, 1, "{\"name\":\"r\",\"priority\":3,"
	    "\"active\":true,\"direction\":\"out\",\"to\":{\"groups\":[1]},"
	    "\"action\":{\"groups\":[3]}}");
	rules_doc_free(&d);
}

static void
deleted(void **state)
{
	struct rules_doc d = start();

	(void)state;
	edit(&d, "[{\"op\": \"delete\", \"rule\": \"r\"}, {\"op\": \"delete\","
	    " \"group\": \"us\"}, {\"op\": \"delete\", \"object\": 3}]",
	    "[1,1,3]");
	assert_int_equal(d.of[RULES_RULE].n, 0);
	assert_int_equal(d.of[RULES_GROUP].n, 2);
	assert_int_equal(d.of[RULES_OBJECT].n, 1);
	/* Their ids are not given again. */
	edit(&d, "[{\"op\": \"add\", \"group\": {\"name\": \"us\", \"kind\":"
	    " \"who\", \"objects\": [{\"type\": \"domain\", \"value\": \"a\"}"
	    "]}}]", "[4]");
	assert_non_null(rules_doc_find(&d, RULES_OBJECT, 5));
	rules_doc_free(&d);
}

static void
order_is(const struct rules_doc *d, const uint32_t *ids, size_t n)
{
	const struct rules_item **o = rules_doc_objects(d);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(o[i]->id, ids[i]);
	free(o);
}

static void
order(void **state)
{
	struct rules_doc d = start();

	(void)state;
	edit(&d, "[{\"op\": \"add\", \"object\": {\"type\": \"ip\", \"value\":"
	    " \"::1\"}, \"to\": 1}]", "[5]");
	order_is(&d, (uint32_t[]){1, 2, 5}, 3);
	edit(&d, "[{\"op\": \"move\", \"object\": 5, \"position\": 0}]",
	    "[5]");
	order_is(&d, (uint32_t[]){5, 1, 2}, 3);
	edit(&d, "[{\"op\": \"move\", \"object\": 5, \"position\": 1}]",
	    "[5]");
	order_is(&d, (uint32_t[]){1, 5, 2}, 3);
	edit(&d, "[{\"op\": \"move\", \"object\": 1, \"position\": 99}]",
	    "[1]");
	order_is(&d, (uint32_t[]){5, 2, 1}, 3);
	/* What is added comes behind all. */
	edit(&d, "[{\"op\": \"add\", \"object\": {\"type\": \"ip\", \"value\":"
	    " \"::2\"}, \"to\": 1}]", "[6]");
	order_is(&d, (uint32_t[]){5, 2, 1, 6}, 4);
	rules_doc_free(&d);
}

static const struct {
	const char *text, *why;
} bad[] = {
	{"{}", "operations: must be a list"},
	{"[1]", "operations[0].op: is missing"},
	{"[{\"op\": \"make\"}]", "operations[0].op: \"make\" is none of: add"},
	{"[{\"op\": \"add\"}]", "operations[0]: names no rule, group or"},
	{"[{\"op\": \"delete\", \"rule\": 1}, {\"op\": \"delete\", \"rule\":"
	    " 1}]", "operations[1].rule: there is no rule 1"},
	{"[{\"op\": \"delete\", \"object\": \"x\"}]",
	    "operations[0].object: must be the id of an object"},
	{"[{\"op\": \"delete\", \"group\": \"us\"}]",
	    "operations[0].group: group \"us\" is used by rule \"r\""},
	{"[{\"op\": \"delete\", \"rule\": 1, \"more\": 1}]",
	    "operations[0]: \"more\" is not known here"},
	{"[{\"op\": \"add\", \"object\": {\"type\": \"ip\", \"value\": \"x\"},"
	    " \"to\": 1}]",
	    "operations[0].object: \"x\" is not an IP address"},
	{"[{\"op\": \"add\", \"object\": {\"type\": \"virus\"}}]",
	    "operations[0].to: is missing"},
	{"[{\"op\": \"add\", \"group\": {\"name\": \"g\", \"kind\": \"who\","
	    " \"objects\": [{\"type\": \"email\"}]}}]",
	    "operations[0].group.objects[0].value: is missing"},
	{"[{\"op\": \"set\", \"group\": 1, \"values\": {\"kind\": \"what\"}}]",
	    "operations[0].values.kind: a group stays of its kind (who)"},
	{"[{\"op\": \"set\", \"object\": 3, \"values\": {\"level\": -7}}]",
	    "operations[0].values.level: must be a number"},
	{"[{\"op\": \"set\", \"object\": 3}]",
	    "operations[0].values: must be an object"},
	{"[{\"op\": \"set\", \"rule\": 1, \"values\": {\"name\": null}}]",
	    "operations[0].values.name: is missing"},
	{"[{\"op\": \"link\", \"rule\": 1, \"category\": \"what\", \"group\":"
	    " 1}]", "operations[0].what.groups[0]: group \"us\" is of kind"},
	{"[{\"op\": \"link\", \"rule\": 1, \"category\": \"who\", \"group\":"
	    " 1}]", "operations[0].category: \"who\" is none of: from, to"},
	{"[{\"op\": \"unlink\", \"rule\": 1, \"category\": \"to\", \"group\":"
	    " 1}]", "operations[0]: the group is not linked there"},
	{"[{\"op\": \"move\", \"object\": 1, \"position\": -1}]",
	    "operations[0].position: must be a number"},
	{"[{\"op\": \"move\", \"object\": 1}]",
	    "operations[0].position: is missing"},
	{"[{\"op\": \"set\", \"group\": 1, \"values\": {\"name\":"
	    " \"a\\nb\"}}]",
	    "operations[0].values.name: has a control character"},
};

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct rules_doc d = start();
		struct err e = {""};
		char ids[100];

		assert_int_equal(try(&d, bad[i].text, ids, &e), -1);
		if (strncmp(e.text, bad[i].why, strlen(bad[i].why)) != 0)
			assert_string_equal(e.text, bad[i].why);
		rules_doc_free(&d);
	}
}

/* An id at the end of what may be given leaves room for new ones. */
static void
ids_do_not_run_out(void **state)
{
	json_t *j = parse("{\"groups\": [{\"id\": 1000000000, \"name\": \"g\","
	    " \"kind\": \"who\"}], \"rules\": []}");
	struct rules_doc d;
	struct err e = {""};

	(void)state;
	rules_doc_init(&d);
	assert_int_equal(rules_doc_read(&d, j, &e), 0);
	edit(&d, "[{\"op\": \"add\", \"group\": {\"name\": \"h\", \"kind\":"
	    " \"who\"}}]", "[1000000001]");
	json_decref(j);
	rules_doc_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add),
		cmocka_unit_test(set),
		cmocka_unit_test(links),
		cmocka_unit_test(deleted),
		cmocka_unit_test(order),
		cmocka_unit_test(refused),
		cmocka_unit_test(ids_do_not_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
