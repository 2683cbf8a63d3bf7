/* Rules as JSON: there and back, and what is refused, with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"
#include "lib/rules/rules_doc.h"

enum { ROUNDS = 300, SNAPSHOT_MAX = 1 << 28 };

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

static void
count_changes(void *arg, enum rules_kind kind, const struct rules_item *before,
    const struct rules_item *after)
{
	const struct rules_item *it = before != NULL ? before : after;
	char *a = before ? json_dumps(before->content, 0) : NULL;
	char *b = after ? json_dumps(after->content, 0) : NULL;

	print_message("%s %u: %s -> %s\n", rules_kind_name[kind], it->id,
	    a ? a : "-", b ? b : "-");
	free(a);
	free(b);
	(*(unsigned *)arg)++;
}

static void
assert_same(const struct rules_doc *a, const struct rules_doc *b)
{
	unsigned n = 0;

	rules_doc_compare(a, b, count_changes, &n);
	assert_int_equal(n, 0);
}

/* The document's text, read again, is the same set. */
static void
there_and_back(const struct rules_doc *d)
{
	json_t *j = rules_doc_write(d), *again;
	char *text = json_dumps(j, JSON_COMPACT);
	struct rules_doc r;
	struct err e = {""};

	rules_doc_init(&r);
	again = parse(text);
	if (rules_doc_read(&r, again, &e) != 0)
		print_message("%s\n", e.text);
	assert_string_equal(e.text, "");
	assert_same(d, &r);
	rules_doc_free(&r);
	free(text);
	json_decref(j);
	json_decref(again);
}

static void
compile(const struct rules_doc *d, struct buf *snapshot)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct err e = {""};

	if (rules_doc_build(d, b, &e) != 0 ||
	    ruleset_compile(b, 7, snapshot, &e) != 0)
		print_message("%s\n", e.text);
	assert_string_equal(e.text, "");
	ruleset_builder_free(b);
}

static void
shipped_rules(void **state)
{
	struct buf one = {.max = SNAPSHOT_MAX}, two = {.max = SNAPSHOT_MAX};
	struct ruleset_builder *b = ruleset_builder_new();
	struct rules_doc d, none, again;
	struct ruleset *rs;
	struct err e = {""};

	(void)state;
	rules_doc_init(&d);
	rules_doc_init(&none);
	rules_doc_init(&again);
	assert_int_equal(rules_doc_shipped(&d, &none, &e), 0);
	assert_true(d.of[RULES_RULE].n >= 15);
	there_and_back(&d);
	/* Not a byte is lost on the way to the snapshot. */
	assert_int_equal(ruleset_builder_shipped(b, &e), 0);
	assert_int_equal(ruleset_compile(b, 7, &one, &e), 0);
	compile(&d, &two);
	assert_true(span_eq(buf_span(&one), buf_span(&two)));
	rs = ruleset_load(buf_span(&one), &e);
	rules_doc_from_ruleset(&again, rs);
	assert_same(&d, &again);
	ruleset_free(rs);
	ruleset_builder_free(b);
	rules_doc_free(&d);
	rules_doc_free(&again);
	buf_free(&one);
	buf_free(&two);
}

/* ---- random sets ---- */

static unsigned
below(unsigned n)
{
	return (unsigned)random() % n;
}

static struct object
random_object(enum object_type type)
{
	static const char *const text[] = {"", "a@x.example", "gr\xc3\xbc\xc3"
	    "\x9f" "e \"quoted\" \\ \n", "p"};
	struct object o = {.type = type, .value = "", .value2 = "",
	    .value3 = ""};

	switch (type) {
	case WHO_IP:
		o.value = "2001:db8::1";
		break;
	case WHO_NETWORK:
		o.value = "192.0.2.0/24";
		break;
	case WHO_DOMAIN: case WHO_RECEIVER_DOMAIN:
		o.value = "x.example";
		o.flags = below(2) ? OBJ_SUBDOMAINS : 0;
		break;
	case WHO_LDAP_GROUP:
		o.value = text[below(2) * 3];
		o.number = below(3);
		o.value2 = o.number == LDAP_GROUP ? "staff" : "";
		break;
	case WHO_LDAP_USER:
		o.value = text[below(2) * 3];
		o.value2 = "anna";
		break;
	case WHEN_TIMEFRAME:
		o.number = below(1441);
		o.number2 = below(1441);
		o.flags = below(128) * OBJ_MONDAY;
		o.value = below(2) ? "Europe/Berlin" : "";
		break;
	case WHAT_SPAM:
		o.number = below(100);
		break;
	case WHAT_FIELD:
		o.value = "Subject";
		o.value2 = "^x";
		o.flags = below(2) ? OBJ_TOP_ONLY : 0;
		break;
	case WHAT_CONTENT_TYPE:
		o.value = "image/.*";
		o.flags = below(2) ? OBJ_ONLY_CONTENT : 0;
		break;
	case WHAT_SPF:
		o.number = (int64_t)(below(127) + 1) << 1;
		break;
	case WHAT_SIZE:
		o.number = below(1000);
		o.number2 = below(2) ? 1000 + below(1000) : 0;
		if (o.number == 0 && o.number2 == 0)
			o.number = 1;
		break;
	case ACTION_NOTIFY:
		o.value = "__ADMIN__";
		o.value2 = text[below(4)];
		o.value3 = text[below(4)];
		o.flags = below(2) ? OBJ_ATTACH_ORIGINAL : 0;
		break;
	case ACTION_FIELD:
		o.value = "X-New";
		o.value2 = text[below(2) * 3];
		break;
	case ACTION_BCC:
		o.value = "a@x.example";
		o.flags = below(2) ? OBJ_ORIGINAL : 0;
		break;
	case ACTION_REMOVE:
		o.value = text[below(4)];
		o.flags = below(4) * OBJ_REMOVE_ALL;
		break;
	case ACTION_DISCLAIMER:
		o.value = text[2];
		o.flags = below(4) * OBJ_AT_START +
		    below(2) * OBJ_SIGNED_TOO;
		break;
	case WHAT_VIRUS: case WHAT_ENCRYPTED: case WHAT_UNREADABLE:
	case WHAT_MACROS: case WHAT_AMBIGUOUS: case WHAT_LIMITS:
	case ACTION_ACCEPT: case ACTION_BLOCK: case ACTION_QUARANTINE:
		break;
	default:
		o.value = "a@x.example";
	}
	return o;
}

static const enum object_type types[][24] = {
	[CAT_FROM] = {WHO_REGEX, WHO_EMAIL, WHO_DOMAIN, WHO_IP, WHO_NETWORK,
	    WHO_LDAP_GROUP, WHO_LDAP_USER, WHO_RECEIVER, WHO_RECEIVER_DOMAIN,
	    WHO_RECEIVER_REGEX},
	[CAT_WHEN] = {WHEN_TIMEFRAME},
	[CAT_WHAT] = {WHAT_SPAM, WHAT_VIRUS, WHAT_FIELD, WHAT_CONTENT_TYPE,
	    WHAT_FILENAME, WHAT_ARCHIVE_TYPE, WHAT_ARCHIVE_NAME,
	    WHAT_ENCRYPTED, WHAT_UNREADABLE, WHAT_MACROS, WHAT_AMBIGUOUS,
	    WHAT_LIMITS, WHAT_SPF, WHAT_SIZE},
	[CAT_ACTION] = {ACTION_ACCEPT, ACTION_BLOCK, ACTION_NOTIFY,
	    ACTION_FIELD, ACTION_BCC, ACTION_QUARANTINE, ACTION_REMOVE,
	    ACTION_DISCLAIMER},
};

static enum object_type
random_type(enum category cat)
{
	unsigned n = 0;

	while (n < 24 && types[cat][n] != 0)
		n++;
	return types[cat][below(n)];
}

static void
random_groups(struct rules_doc *d)
{
	static const enum category cats[] = {CAT_FROM, CAT_WHEN, CAT_WHAT,
	    CAT_ACTION};

	for (unsigned i = 0; i < 16; i++) {
		struct object_group g = {.name = "g\xc3\xb6 \"1\"",
		    .info = below(2) ? "info" : "", .cat = cats[i % 4]};

		g.mode = g.cat == CAT_ACTION ? MATCH_ANY
		    : (enum match_mode)below(4);
		g.id = rules_doc_id(d, RULES_GROUP);
		rules_doc_put(d, RULES_GROUP, (struct rules_item){.id = g.id,
		    .content = rules_json_group(&g)});
		for (unsigned k = below(4); k > 0; k--) {
			struct object o = random_object(random_type(g.cat));

			rules_doc_put(d, RULES_OBJECT, (struct rules_item){
			    .id = rules_doc_id(d, RULES_OBJECT),
			    .group = g.id, .position = 1,
			    .content = rules_json_object(&o)});
		}
	}
}

static void
random_rule(struct rules_doc *d)
{
	struct rule_item r = {.r = {.name = "r", .priority = (int)below(101),
	    .active = below(2), .dir = (enum rule_dir)below(3)}};
	uint32_t group[CAT_COUNT][3];

	for (unsigned cat = 0; cat < CAT_COUNT; cat++) {
		unsigned kind = cat == CAT_FROM ? 0 : cat - 1;

		r.group[cat] = group[cat];
		r.r.ngroup[cat] = below(4);
		r.r.mode[cat] = cat == CAT_ACTION ? MATCH_ANY
		    : (enum match_mode)below(4);
		for (unsigned i = 0; i < r.r.ngroup[cat]; i++)
			group[cat][i] = 1 + kind + 4 * ((below(2) + i) % 4);
	}
	rules_doc_put(d, RULES_RULE, (struct rules_item){
	    .id = rules_doc_id(d, RULES_RULE),
	    .content = rules_json_rule(&r)});
}

/* Positions as a document gives them: from 1 in each group. */
static void
number_objects(struct rules_doc *d)
{
	const struct rules_item **o = rules_doc_objects(d);

	for (size_t i = 0; i < d->of[RULES_OBJECT].n; i++)
		((struct rules_item *)(uintptr_t)o[i])->position =
		    i > 0 && o[i - 1]->group == o[i]->group
		    ? o[i - 1]->position + 1 : 1;
	free(o);
}

static void
random_sets(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned n = 0; n < ROUNDS; n++) {
		struct rules_doc d;

		rules_doc_init(&d);
		random_groups(&d);
		number_objects(&d);
		for (unsigned i = below(8); i > 0; i--)
			random_rule(&d);
		there_and_back(&d);
		rules_doc_free(&d);
	}
}

/* ---- what is refused ---- */

#define GROUP(objects) "{\"rules\": [], \"groups\": [{\"name\": \"g\"," \
	" \"kind\": \"who\", \"objects\": [" objects "]}]}"
#define WHAT(objects) "{\"rules\": [], \"groups\": [{\"name\": \"g\"," \
	" \"kind\": \"what\", \"objects\": [" objects "]}]}"
#define RULE(more) "{\"groups\": [{\"name\": \"g\", \"kind\": \"who\"}, " \
	"{\"name\": \"n\", \"kind\": \"what\"}, " \
	"{\"name\": \"n\", \"kind\": \"what\"}], \"rules\": [{\"name\": " \
	"\"r\", \"priority\": 3, \"active\": true, " more "}]}"
#define IN "\"direction\": \"in\""

static const struct {
	const char *text, *why;
} bad[] = {
	{"[]", "document: must be an object"},
	{"{}", "groups: must be a list"},
	{"{\"groups\": []}", "rules: must be a list"},
	{"{\"groups\": [], \"rules\": [], \"more\": 1}",
	    "document: \"more\" is not known here"},
	{"{\"groups\": [], \"rules\": [], \"format\": 2}",
	    "document.format: must be a number from 1 to 1"},
	{"{\"groups\": [7], \"rules\": []}", "groups[0]: must be an object"},
	{"{\"groups\": [{\"name\": \"g\"}], \"rules\": []}",
	    "groups[0].kind: is missing"},
	{"{\"groups\": [{\"name\": 5}], \"rules\": []}",
	    "groups[0].name: must be a text"},
	{"{\"groups\": [{\"name\": \"\"}], \"rules\": []}",
	    "groups[0].name: is missing"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"to\"}], \"rules\": []}",
	    "groups[0].kind: \"to\" is none of: who, when, what, action"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"who\", \"mode\": \"or\""
	    "}], \"rules\": []}",
	    "groups[0].mode: \"or\" is none of: any, all, not_all, none"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"action\", \"mode\": "
	    "\"all\"}], \"rules\": []}", "groups[0].mode: actions have none"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"who\", \"id\": 0}],"
	    " \"rules\": []}",
	    "groups[0].id: must be a number from 1 to 1000000000"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"who\", \"id\": 5},"
	    "{\"name\": \"h\", \"kind\": \"who\", \"id\": 5}], \"rules\": []}",
	    "group 5 is there twice"},
	{"{\"groups\": [{\"name\": \"g\", \"kind\": \"who\", \"objects\": {}}"
	    "], \"rules\": []}", "groups[0].objects: must be a list"},
	{GROUP("{}"), "groups[0].objects[0].type: is missing"},
	{GROUP("{\"type\": \"email\"}"),
	    "groups[0].objects[0].value: is missing"},
	{GROUP("{\"type\": \"ip\", \"value\": \"::1\"}, {\"type\": \"email\","
	    " \"value\": 7}"), "groups[0].objects[1].value: must be a text"},
	{GROUP("{\"type\": \"mail\", \"value\": \"a\"}"),
	    "groups[0].objects[0].type: \"mail\" is no type of object"},
	{GROUP("{\"otype\": 1999, \"value\": \"a\"}"),
	    "groups[0].objects[0].otype: 1999 is no type of object"},
	{GROUP("{\"type\": \"email\", \"otype\": 1002, \"value\": \"a@b\"}"),
	    "groups[0].objects[0].otype: is 1001 for \"email\""},
	{GROUP("{\"type\": \"email\", \"value\": \"a@b\", \"level\": 1}"),
	    "groups[0].objects[0]: \"level\" is not known here"},
	{GROUP("{\"type\": \"domain\", \"value\": \"b\", \"subdomains\": 1}"),
	    "groups[0].objects[0].subdomains: must be true or false"},
	{GROUP("{\"type\": \"email\", \"value\": \"nobody\"}"),
	    "groups[0].objects[0]: \"nobody\" is not an e-mail address"},
	{GROUP("{\"type\": \"ldap_group\", \"mode\": \"all\"}"),
	    "groups[0].objects[0].mode: \"all\" is none of: any, none, group"},
	{WHAT("{\"type\": \"spam\", \"level\": \"3\"}"),
	    "groups[0].objects[0].level: must be a number from 0"},
	{WHAT("{\"type\": \"spam\", \"level\": -1}"),
	    "groups[0].objects[0].level: must be a number from 0"},
	{WHAT("{\"type\": \"spam\", \"level\": 3.5}"),
	    "groups[0].objects[0].level: must be a number from 0"},
	{WHAT("{\"type\": \"spf\", \"results\": []}"),
	    "groups[0].objects[0].results: must be a list of words"},
	{WHAT("{\"type\": \"spf\", \"results\": [\"pass\", \"bad\"]}"),
	    "groups[0].objects[0].results[1]: \"bad\" is none of: none, "},
	{WHAT("{\"type\": \"timeframe\", \"start\": \"8:00\", \"end\": "
	    "\"09:00\"}"), "groups[0].objects[0].start: must be a time"},
	{WHAT("{\"type\": \"timeframe\", \"start\": \"08:60\", \"end\": "
	    "\"09:00\"}"), "groups[0].objects[0].start: must be from 00:00"},
	{WHAT("{\"type\": \"timeframe\", \"start\": \"08:00\", \"end\": "
	    "\"24:01\"}"), "groups[0].objects[0].end: must be from 00:00"},
	{WHAT("{\"type\": \"timeframe\", \"start\": \"08:00\", \"end\": "
	    "\"24:00\", \"days\": [\"monday\"]}"),
	    "groups[0].objects[0].days[0]: \"monday\" is none of: mon, tue"},
	{RULE("\"direction\": \"up\""),
	    "rules[0].direction: \"up\" is none of: in, out, both"},
	{RULE("\"x\": 1"), "rules[0]: \"x\" is not known here"},
	{RULE(IN ", \"from\": [1]"), "rules[0].from: must be an object"},
	{RULE(IN ", \"from\": {\"groups\": [9]}"),
	    "rules[0].from.groups[0]: there is no group 9"},
	{RULE(IN ", \"from\": {\"groups\": [\"h\"]}"),
	    "rules[0].from.groups[0]: there is no group \"h\""},
	{RULE(IN ", \"what\": {\"groups\": [\"n\"]}"),
	    "rules[0].what.groups[0]: several groups have the name \"n\" "
	    "(2, 3): give the id"},
	{RULE(IN ", \"from\": {\"groups\": [2]}"),
	    "rules[0].from.groups[0]: group \"n\" is of kind what"},
	{RULE(IN ", \"to\": {\"groups\": [true]}"),
	    "rules[0].to.groups[0]: must be the id or the name of a group"},
	{RULE(IN ", \"action\": {\"mode\": \"all\"}"),
	    "rules[0].action.mode: actions have none"},
	{"{\"groups\": [], \"rules\": [{\"name\": \"r\", \"priority\": 101}]}",
	    "rules[0].priority: must be a number from 0 to 100"},
	{"{\"groups\": [], \"rules\": [{\"name\": \"r\", \"priority\": 1}]}",
	    "rules[0].active: is missing"},
};

static void
refused_with_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *j = parse(bad[i].text);
		struct err e = {""};
		struct rules_doc d;

		rules_doc_init(&d);
		assert_int_equal(rules_doc_read(&d, j, &e), -1);
		if (strncmp(e.text, bad[i].why, strlen(bad[i].why)) != 0)
			assert_string_equal(e.text, bad[i].why);
		rules_doc_free(&d);
		json_decref(j);
	}
}

/* Names for groups, no ids, the number for the type. */
static void
written_by_hand(void **state)
{
	json_t *j = parse("{\"groups\": [{\"name\": \"us\", \"kind\": \"who\","
	    " \"objects\": [{\"otype\": 1002, \"value\": \"x.example\"}]},"
	    " {\"name\": \"stop\", \"kind\": \"action\", \"objects\": "
	    "[{\"type\": \"block\"}]}], \"rules\": [{\"name\": \"r\", "
	    "\"priority\": 3, \"active\": true, \"direction\": \"out\", "
	    "\"from\": {\"groups\": [\"us\"]}, \"action\": {\"groups\": "
	    "[\"stop\"]}}]}");
	struct buf snapshot = {.max = SNAPSHOT_MAX};
	const struct rule **rule;
	struct rules_doc d;
	struct ruleset *rs;
	struct err e = {""};

	(void)state;
	rules_doc_init(&d);
	d.next[RULES_GROUP] = 40;
	assert_int_equal(rules_doc_read(&d, j, &e), 0);
	compile(&d, &snapshot);
	rs = ruleset_load(buf_span(&snapshot), &e);
	assert_int_equal(ruleset_rules(rs, &rule), 1);
	assert_int_equal(rule[0]->group[CAT_FROM][0]->id, 40);
	assert_int_equal(rule[0]->group[CAT_FROM][0]->object[0].type,
	    WHO_DOMAIN);
	assert_int_equal(rule[0]->group[CAT_ACTION][0]->id, 41);
	ruleset_free(rs);
	buf_free(&snapshot);
	rules_doc_free(&d);
	json_decref(j);
}

/* Shipped over changed ones: what has the name keeps its id. */
static void
shipped_keep_ids(void **state)
{
	struct rules_doc a, b, none;
	struct rules_item *it;
	struct err e = {""};
	unsigned n = 0;

	(void)state;
	rules_doc_init(&a);
	rules_doc_init(&b);
	rules_doc_init(&none);
	assert_int_equal(rules_doc_shipped(&a, &none, &e), 0);
	memcpy(b.next, a.next, sizeof(b.next));
	assert_int_equal(rules_doc_shipped(&b, &a, &e), 0);
	assert_same(&a, &b);
	rules_doc_free(&b);
	it = rules_doc_find(&a, RULES_RULE, 3);
	json_object_set_new(it->content, "name", json_string("mine"));
	assert_int_equal(rules_doc_shipped(&b, &a, &e), 0);
	/* Rule 3 is gone, its shipped form has a new id. */
	assert_null(rules_doc_find(&b, RULES_RULE, 3));
	assert_non_null(rules_doc_find(&b, RULES_RULE,
	    (uint32_t)a.of[RULES_RULE].n + 1));
	rules_doc_compare(&a, &b, count_changes, &n);
	assert_int_equal(n, 2);
	rules_doc_free(&a);
	rules_doc_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_rules),
		cmocka_unit_test(random_sets),
		cmocka_unit_test(refused_with_the_place),
		cmocka_unit_test(written_by_hand),
		cmocka_unit_test(shipped_keep_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
