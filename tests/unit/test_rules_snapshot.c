/* Building, what the builder refuses, the snapshot and its damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/base/xalloc.h"
#include "lib/rules/rules.h"
#include "lib/rules/snapshot.h"

static struct err e;

static int
add(struct ruleset_builder *b, enum category cat, struct object o)
{
	struct object_group g = {.name = "Sales", .info = "", .cat = cat,
		.object = &o, .nobject = 1};

	o.value = o.value != NULL ? o.value : "";
	o.value2 = o.value2 != NULL ? o.value2 : "";
	o.value3 = o.value3 != NULL ? o.value3 : "";
	return ruleset_builder_group(b, &g, &e);
}

static void
test_objects_refused(void **state)
{
	static const struct {
		enum category cat;
		struct object o;
		const char *word;
	} t[] = {
		{CAT_FROM, {.type = WHO_EMAIL, .value = "nobody"}, "nobody"},
		{CAT_FROM, {.type = WHO_EMAIL, .value = "a b@x"}, "address"},
		{CAT_FROM, {.type = WHO_EMAIL, .value = "@x"}, "address"},
		{CAT_FROM, {.type = WHO_DOMAIN, .value = "@x.org"}, "domain"},
		{CAT_FROM, {.type = WHO_DOMAIN, .value = "*.x.org"}, "domain"},
		{CAT_FROM, {.type = WHO_DOMAIN, .value = ""}, "domain"},
		{CAT_FROM, {.type = WHO_DOMAIN, .value = ".x.org"},
		    "subdomains"},
		{CAT_FROM, {.type = WHO_RECEIVER, .value = "x"}, "address"},
		{CAT_FROM, {.type = WHO_RECEIVER_DOMAIN, .value = "@x"},
		    "domain"},
		{CAT_FROM, {.type = WHO_RECEIVER_REGEX, .value = "*"},
		    "position 1"},
		{CAT_FROM, {.type = WHO_LDAP_GROUP, .number = 3}, "unknown"},
		{CAT_FROM, {.type = WHO_LDAP_GROUP, .number = LDAP_GROUP},
		    "which group"},
		{CAT_FROM, {.type = WHO_LDAP_USER}, "which account"},
		{CAT_FROM, {.type = WHO_EMAIL, .value = "a@x",
		    .flags = OBJ_SUBDOMAINS}, "option"},
		{CAT_WHAT, {.type = WHAT_SPF, .number = 0}, "softfail"},
		{CAT_WHAT, {.type = WHAT_SPF, .number = 1}, "softfail"},
		{CAT_WHAT, {.type = WHAT_SPF, .number = 256}, "softfail"},
		{CAT_WHAT, {.type = WHAT_SIZE, .number = 5, .number2 = 4},
		    "at most 4"},
		{CAT_WHAT, {.type = WHAT_SIZE, .number = -1}, "negative"},
		{CAT_WHEN, {.type = WHEN_TIMEFRAME, .value = "../UTC"},
		    "time zone"},
		{CAT_WHEN, {.type = WHEN_TIMEFRAME, .value = "Mars/Base"},
		    "Mars/Base"},
		{CAT_FROM, {.type = WHO_IP, .value = "192.0.2.256"}, "IP"},
		{CAT_FROM, {.type = WHO_IP, .value = "192.0.2.0/24"}, "IP"},
		{CAT_FROM, {.type = WHO_NETWORK, .value = "192.0.2.0"},
		    "network"},
		{CAT_FROM, {.type = WHO_NETWORK, .value = "192.0.2.0/33"},
		    "network"},
		{CAT_FROM, {.type = WHO_NETWORK, .value = "2001:db8::/129"},
		    "network"},
		{CAT_FROM, {.type = WHO_NETWORK, .value = "192.0.2.0/-1"},
		    "network"},
		{CAT_FROM, {.type = WHO_REGEX, .value = "*@x.org"},
		    "position 1"},
		{CAT_FROM, {.type = WHAT_VIRUS}, "kind of group"},
		{CAT_WHEN, {.type = WHEN_TIMEFRAME, .number2 = 1441}, "24:00"},
		{CAT_WHEN, {.type = WHEN_TIMEFRAME, .number = -1}, "24:00"},
		{CAT_WHAT, {.type = WHAT_SPAM, .number = -1}, "spam level"},
		{CAT_WHAT, {.type = WHAT_FILENAME, .value = "a(b"},
		    "position 2"},
		{CAT_WHAT, {.type = WHAT_FIELD, .value = "Sub ject",
		    .value2 = "x"}, "field name"},
		{CAT_WHAT, {.type = WHAT_FIELD, .value = "Subject",
		    .value2 = "x(?!y)"}, "look-ahead"},
		{CAT_ACTION, {.type = ACTION_FIELD, .value = "X-A:"},
		    "field name"},
		{CAT_ACTION, {.type = ACTION_FIELD, .value = "X\r\nY"},
		    "field name"},
		{CAT_ACTION, {.type = ACTION_BCC, .value = "a b"}, "address"},
		{CAT_ACTION, {.type = ACTION_NOTIFY, .value = ""}, "address"},
		{CAT_ACTION, {.type = ACTION_BCC, .value = "a@x, b"}, "\"b\""},
		{CAT_ACTION, {.type = ACTION_NOTIFY, .value = "a@x", .value2 =
		    "0123456789012345678901234567890123456789012345678901234"
		    "5678901234567890123456789012345678901234567890"}, "100"},
		{CAT_ACTION, {.type = (enum object_type)4004}, "4004"},
		{CAT_TO, {.type = WHO_EMAIL, .value = "a@x"}, "category"},
	};
	struct ruleset_builder *b = ruleset_builder_new();

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		e.text[0] = '\0';
		if (add(b, t[i].cat, t[i].o) != -1)
			fail_msg("case %zu was not refused", i);
		assert_non_null(strstr(e.text, "\"Sales\""));
		if (strstr(e.text, t[i].word) == NULL)
			fail_msg("case %zu: no \"%s\" in: %s", i, t[i].word,
			    e.text);
	}
	ruleset_builder_free(b);
}

static void
test_rules_refused(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();
	int who = add(b, CAT_FROM, (struct object){.type = WHO_EMAIL,
	    .value = "a@x"});
	int what = add(b, CAT_WHAT, (struct object){.type = WHAT_VIRUS});
	int none = 99, both[] = {who, who};
	const int *good[CAT_COUNT] = {&who, both, NULL, &what, NULL};
	const int *swapped[CAT_COUNT] = {&what, NULL, NULL, &who, NULL};
	const int *missing[CAT_COUNT] = {&none, NULL, NULL, NULL, NULL};
	size_t n[CAT_COUNT] = {1, 2, 0, 1, 0}, one[CAT_COUNT] = {1};
	struct rule r = {.id = 1, .name = "r"};

	(void)state;
	assert_int_equal(ruleset_builder_rule(b, &r, good, n, &e), 0);
	n[CAT_TO] = 0;
	assert_int_equal(ruleset_builder_rule(b, &r, swapped, n, &e), -1);
	assert_int_equal(ruleset_builder_rule(b, &r, missing, one, &e), -1);
	r.priority = 101;
	assert_int_equal(ruleset_builder_rule(b, &r, good, n, &e), -1);
	r.priority = -1;
	assert_int_equal(ruleset_builder_rule(b, &r, good, n, &e), -1);
	r = (struct rule){.name = "r", .dir = (enum rule_dir)3};
	assert_int_equal(ruleset_builder_rule(b, &r, good, n, &e), -1);
	r = (struct rule){.name = ""};
	assert_int_equal(ruleset_builder_rule(b, &r, good, n, &e), -1);
	ruleset_builder_free(b);
}

static void
test_group_named_twice_counts_once(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();
	int action = add(b, CAT_ACTION, (struct object){.type = ACTION_BCC,
	    .value = "a@x"});
	int twice[] = {action, action};
	const int *list[CAT_COUNT] = {[CAT_ACTION] = twice};
	size_t n[CAT_COUNT] = {[CAT_ACTION] = 2};
	struct rule r = {.id = 1, .name = "r"};
	const struct rule **rule;
	struct ruleset *rs;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ruleset_builder_rule(b, &r, list, n, &e), 0);
	assert_int_equal(ruleset_compile(b, 1, &out, &e), 0);
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	assert_int_equal(ruleset_rules(rs, &rule), 1);
	assert_int_equal(rule[0]->ngroup[CAT_ACTION], 1);
	ruleset_free(rs);
	buf_free(&out);
	ruleset_builder_free(b);
}

/* Only compiling tells that it is too large. */
static void
test_too_large_is_refused_at_once(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();

	(void)state;
	e.text[0] = '\0';
	assert_int_equal(add(b, CAT_WHAT, (struct object){
	    .type = WHAT_FILENAME, .value = "(\\w{1,20}a.?){60}"}), -1);
	assert_non_null(strstr(e.text, "\"Sales\""));
	assert_non_null(strstr(e.text, "a.?){60}\" cannot be used: "));
	assert_non_null(strstr(e.text, "at position 4: "));
	ruleset_builder_free(b);
}

static void
shipped(struct buf *out)
{
	struct ruleset_builder *b = ruleset_builder_new();

	buf_init(out, SIZE_MAX / 2);
	if (ruleset_builder_shipped(b, &e) != 0 ||
	    ruleset_compile(b, 42, out, &e) != 0)
		fail_msg("%s", e.text);
	ruleset_builder_free(b);
}

static void
test_round_trip(void **state)
{
	const struct object_group *g;
	const struct rule **r;
	struct ruleset *rs;
	struct buf out, again;
	size_t n;

	(void)state;
	shipped(&out);
	shipped(&again);
	assert_true(span_eq(buf_span(&out), buf_span(&again)));
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	/* The ruleset keeps nothing of the snapshot's memory. */
	memset(out.p, 0xee, out.n);
	assert_int_equal(ruleset_version(rs), 42);
	assert_int_equal(ruleset_rules(rs, &r), 15);
	assert_string_equal(r[0]->name, "Blacklist");
	n = ruleset_groups(rs, &g);
	assert_int_equal(n, 26);
	assert_string_equal(g[0].object[0].value, "nomail@fromthisdomain.com");
	ruleset_free(rs);
	buf_free(&out);
	buf_free(&again);
}

static void
test_empty_ruleset(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();
	const struct rule **r;
	struct ruleset *rs;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(ruleset_compile(b, 0, &out, &e), 0);
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	assert_int_equal(ruleset_rules(rs, &r), 0);
	assert_int_equal(ruleset_needs(rs, DIR_IN), 0);
	ruleset_free(rs);
	buf_free(&out);
	ruleset_builder_free(b);
}

static void
test_snapshot_too_large(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct buf out;

	(void)state;
	assert_int_equal(ruleset_builder_shipped(b, &e), 0);
	buf_init(&out, 1000);
	assert_int_equal(ruleset_compile(b, 0, &out, &e), -1);
	assert_non_null(strstr(e.text, "too large"));
	buf_free(&out);
	ruleset_builder_free(b);
}

static void
refuse_load(struct span s, const char *word)
{
	e.text[0] = '\0';
	assert_null(ruleset_load(s, &e));
	if (strstr(e.text, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, e.text);
}

static void
test_damage(void **state)
{
	struct buf out;

	(void)state;
	shipped(&out);
	refuse_load(span_of(NULL, 0), "not a rule snapshot");
	refuse_load(SPAN_LIT("PMGRULES"), "format 0");
	refuse_load(span_of(out.p, out.n - 1), "not complete");
	refuse_load(span_of(out.p, SNAPSHOT_HEADER_LEN), "not complete");
	out.p[11] = 1;
	refuse_load(buf_span(&out), "format 1");
	out.p[11] = SNAPSHOT_FORMAT;
	for (size_t i = SNAPSHOT_HEADER_LEN; i < out.n; i += out.n / 50) {
		out.p[i] ^= 0x20;
		refuse_load(buf_span(&out), "checksum");
		out.p[i] ^= 0x20;
	}
	out.p[SNAPSHOT_HEADER_LEN - 1] ^= 1;	/* the version */
	refuse_load(buf_span(&out), "checksum");
	buf_free(&out);
}

/* Behind a right checksum: each byte of the text section turned over. */
static void
test_damage_behind_the_checksum(void **state)
{
	static const unsigned char flip[] = {0x01, 0x80, 0xff};
	size_t refused = 0, loaded = 0, text;
	struct ruleset *rs;
	struct buf out;

	(void)state;
	shipped(&out);
	text = (size_t)out.p[SNAPSHOT_HEADER_LEN + 2] << 8 |
	    out.p[SNAPSHOT_HEADER_LEN + 3];
	for (size_t i = SNAPSHOT_HEADER_LEN;
	    i < SNAPSHOT_HEADER_LEN + 4 + text; i++) {
		unsigned char f = flip[i % sizeof(flip)];

		out.p[i] ^= f;
		snapshot_seal(out.p, out.n);
		rs = ruleset_load(buf_span(&out), &e);
		loaded += rs != NULL;
		refused += rs == NULL;
		ruleset_free(rs);
		out.p[i] ^= f;
	}
	/* Letters of a text may change; lengths and types may not. */
	assert_true(loaded > 0 && refused > 500);
	buf_free(&out);
}

/* An object whose pattern is missing would match nothing, unseen. */
static void
test_missing_pattern_table(void **state)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct buf out;

	(void)state;
	assert_true(add(b, CAT_WHAT, (struct object){.type = WHAT_FILENAME,
	    .value = "a"}) >= 0);
	buf_init(&out, 1 << 20);
	assert_int_equal(ruleset_compile(b, 0, &out, &e), 0);
	/* Keep header and text, then empty tables. */
	out.n = SNAPSHOT_HEADER_LEN + 4 +
	    (size_t)out.p[SNAPSHOT_HEADER_LEN + 3];
	for (int i = 0; i < 12; i++)
		buf_u32(&out, 0);
	snapshot_seal(out.p, out.n);
	refuse_load(buf_span(&out), "pattern table 2");
	buf_free(&out);
	ruleset_builder_free(b);
}

/* Of a plan for the shipped rules: enough to see each rule at work. */
static enum disposition
judge(const struct ruleset *rs, enum direction dir, const char *sender,
    int spam, const char *virus, const char *filename, const char *unclear,
    size_t *nsteps_r, size_t *nnotices_r)
{
	struct mime_part part = {.type = "application",
		.subtype = "octet-stream", .charset = "", .disposition = "",
		.filename = filename}, *list[] = {&part};
	struct mime mail = {.part = list, .npart = 1};
	struct recipient rcpt[] = {{.addr = "b@example.com"}};
	struct envelope env = {.dir = dir, .sender = sender,
		.client_addr = "", .rcpt = rcpt, .nrcpt = 1};
	struct facts f = {.env = &env, .mime = &mail, .virus = virus,
		.spam_known = true, .spam_level = spam,
		.ambiguous = strcmp(unclear, "ambiguous") == 0,
		.limits = strcmp(unclear, "limits") == 0};
	enum disposition disp;
	struct plan *p;
	struct arena a;

	arena_init(&a, 1 << 20);
	p = rules_evaluate(rs, &f, &a);
	assert_non_null(p);
	assert_int_equal(p->ngroup, 1);
	disp = p->group[0].disp;
	*nsteps_r = p->group[0].nstep;
	*nnotices_r = p->nnotice;
	arena_free(&a);
	return disp;
}

static void
test_shipped_rules_at_work(void **state)
{
	static const struct {
		enum direction dir;
		const char *sender;
		int spam;
		const char *virus, *filename;
		enum disposition disp;
		size_t nsteps, nnotices;
	} t[] = {
		{DIR_IN, "x@y", 0, NULL, NULL, DISP_ACCEPT, 1, 0},
		{DIR_IN, "NoMail@fromthisdomain.com", 0, NULL, NULL,
		    DISP_BLOCK, 0, 0},
		{DIR_IN, "x@y", 0, "Eicar", NULL, DISP_QUARANTINE, 0, 1},
		{DIR_OUT, "x@y", 0, "Eicar", NULL, DISP_BLOCK, 0, 2},
		{DIR_IN, "x@y", 3, NULL, NULL, DISP_QUARANTINE, 2, 0},
		{DIR_IN, "x@y", 12, NULL, NULL, DISP_QUARANTINE, 2, 0},
		{DIR_IN, "x@y", 2, NULL, NULL, DISP_ACCEPT, 1, 0},
		{DIR_IN, "mail@fromthisdomain.com", 12, NULL, NULL,
		    DISP_ACCEPT, 1, 0},
		{DIR_IN, "x@y", 0, NULL, "a.vbs", DISP_ACCEPT, 2, 0},
		{DIR_IN, "x@y", 0, NULL, "a.exe", DISP_ACCEPT, 2, 0},
		{DIR_IN, "x@y", 0, NULL, "a.js", DISP_ACCEPT, 2, 0},
		{DIR_IN, "x@y", 0, NULL, "a.jar", DISP_ACCEPT, 2, 0},
		{DIR_IN, "x@y", 0, NULL,
		    "a.txt.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}",
		    DISP_ACCEPT, 2, 0},
		{DIR_IN, "x@y", 0, NULL, "a.doc", DISP_ACCEPT, 1, 0},
		{DIR_IN, "x@y", 0, NULL, "a.mp4", DISP_ACCEPT, 1, 0},
		{DIR_OUT, "x@y", 12, NULL, "a.exe", DISP_ACCEPT, 0, 0},
	};
	struct ruleset *rs;
	struct buf out;

	(void)state;
	shipped(&out);
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t nsteps, nnotices;
		enum disposition d = judge(rs, t[i].dir, t[i].sender,
		    t[i].spam, t[i].virus, t[i].filename, "", &nsteps,
		    &nnotices);

		if (d != t[i].disp || nsteps != t[i].nsteps ||
		    nnotices != t[i].nnotices)
			fail_msg("case %zu: end %d, %zu steps, %zu notices", i,
			    (int)d, nsteps, nnotices);
	}
	assert_int_equal(ruleset_needs(rs, DIR_IN), NEED_SPAM | NEED_VIRUS |
	    NEED_CONTENT | NEED_ARCHIVE | NEED_LIMITS);
	/* Not spam: only the text of a notification asks for it. */
	assert_int_equal(ruleset_needs(rs, DIR_OUT), NEED_VIRUS |
	    NEED_CONTENT | NEED_LIMITS);
	ruleset_free(rs);
	buf_free(&out);
}

/* In both directions, and the whitelist comes later. */
static void
test_unclear_mail_is_held(void **state)
{
	static const char *const unclear[] = {"ambiguous", "limits"};
	struct ruleset *rs;
	struct buf out;
	size_t n;

	(void)state;
	shipped(&out);
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(judge(rs, DIR_IN, "mail@fromthisdomain.com",
		    0, NULL, NULL, unclear[i], &n, &n), DISP_QUARANTINE);
		assert_int_equal(judge(rs, DIR_OUT, "x@y", 0, NULL, NULL,
		    unclear[i], &n, &n), DISP_QUARANTINE);
		/* A virus found is the better reason. */
		assert_int_equal(judge(rs, DIR_OUT, "x@y", 0, "Eicar", NULL,
		    unclear[i], &n, &n), DISP_BLOCK);
	}
	ruleset_free(rs);
	buf_free(&out);
}

static void
test_shipped_list(void **state)
{
	static const struct {
		int priority;
		enum rule_dir dir;
		bool active;
		const char *name;
	} want[] = {
		{98, RULE_IN, true, "Blacklist"},
		{96, RULE_OUT, true, "Virus Alert"},
		{96, RULE_IN, true, "Block Viruses"},
		{95, RULE_BOTH, true, "Quarantine Unclear Mail"},
		{94, RULE_IN, true, "Quarantine Active Content"},
		{93, RULE_IN, true, "Block Dangerous Files"},
		{90, RULE_IN, true, "Modify Header"},
		{89, RULE_IN, false, "Quarantine Office Files"},
		{87, RULE_BOTH, false, "Block Multimedia Files"},
		{85, RULE_IN, true, "Whitelist"},
		{82, RULE_IN, false, "Block Spam (Level 10)"},
		{81, RULE_IN, false, "Quarantine/Mark Spam (Level 5)"},
		{80, RULE_IN, true, "Quarantine/Mark Spam (Level 3)"},
		{70, RULE_OUT, false, "Block outgoing Spam"},
		{60, RULE_OUT, false, "Add Disclaimer"},
	};
	const struct rule **r;
	struct ruleset *rs;
	struct buf out, text;

	(void)state;
	shipped(&out);
	rs = ruleset_load(buf_span(&out), &e);
	assert_non_null(rs);
	assert_int_equal(ruleset_rules(rs, &r), 15);
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_string_equal(r[i]->name, want[i].name);
		assert_int_equal(r[i]->priority, want[i].priority);
		assert_int_equal(r[i]->dir, want[i].dir);
		assert_int_equal(r[i]->active, want[i].active);
		assert_true(r[i]->ngroup[CAT_ACTION] > 0);
		rule_describe(&text, r[i]);
	}
	for (size_t i = 0, start = 0; i < text.n; i++)
		if (text.p[i] == '\n') {
			assert_true(i - start < 80);
			start = i + 1;
		}
	buf_free(&text);
	ruleset_free(rs);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_refused),
		cmocka_unit_test(test_rules_refused),
		cmocka_unit_test(test_group_named_twice_counts_once),
		cmocka_unit_test(test_too_large_is_refused_at_once),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty_ruleset),
		cmocka_unit_test(test_snapshot_too_large),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_damage_behind_the_checksum),
		cmocka_unit_test(test_missing_pattern_table),
		cmocka_unit_test(test_shipped_rules_at_work),
		cmocka_unit_test(test_unclear_mail_is_held),
		cmocka_unit_test(test_shipped_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
