#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/rules/rules.h"

static const struct macros values = {
	.subject = "Hi", .rule = "R", .rule_info = "RI", .sender = "s@x",
	.sender_ip = "192.0.2.1", .targets = "T", .receivers = "RR",
	.spam_level = "5", .spam_stars = "*****", .spam_hits = "A,B",
	.spam_info = "SI", .virus_info = NULL, .admin = "admin@x",
	.host = "H", .domain = "D", .fqdn = "H.D", .msgid = "M",
	.version = "V", .filename = "__SUBJECT__",
};

static void
expand(const char *text, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	macros_expand(&out, text, &values);
	assert_string_equal(buf_cstr(&out), want);
	buf_free(&out);
}

static void
test_every_macro(void **state)
{
	(void)state;
	expand("__SUBJECT__ __RULE__ __RULE_INFO__ __SENDER__ __SENDER_IP__",
	    "Hi R RI s@x 192.0.2.1");
	expand("__TARGETS__ __RECEIVERS__ __SPAMLEVEL__ __SPAMSTARS__",
	    "T RR 5 *****");
	expand("__SPAM_HITS__ __SPAM_INFO__ __ADMIN__ __HOST__ __DOMAIN__",
	    "A,B SI admin@x H D");
	expand("__FQDN__ __MSGID__ __VERSION__", "H.D M V");
}

static void
test_missing_value_is_empty(void **state)
{
	(void)state;
	expand("<__VIRUS_INFO__>", "<>");
}

static void
test_plain_text(void **state)
{
	(void)state;
	expand("", "");
	expand("no macro", "no macro");
	expand("_ __ ___ a_b__c", "_ __ ___ a_b__c");
	expand("100 %s %n", "100 %s %n");
}

static void
test_only_exact_names(void **state)
{
	(void)state;
	expand("__subject__ __SUBJECT_ _SUBJECT__ __UNKNOWN__ __",
	    "__subject__ __SUBJECT_ _SUBJECT__ __UNKNOWN__ __");
	expand("__RULE_", "__RULE_");
	expand("__SENDER_IP_", "__SENDER_IP_");
}

static void
test_neighbours(void **state)
{
	(void)state;
	expand("__SUBJECT____RULE__", "HiR");
	expand("____SUBJECT__", "__Hi");
	expand("___SUBJECT___", "_Hi_");
	expand("__NO__SUBJECT__", "__NOHi");
	expand("__SUBJECT__SUBJECT__", "HiSUBJECT__");
}

/* A sender who names a file __SUBJECT__ gets no expansion. */
static void
test_values_are_not_expanded(void **state)
{
	(void)state;
	expand("[__FILENAME__]", "[__SUBJECT__]");
	expand("__FILENAME__SUBJECT__", "__SUBJECT__SUBJECT__");
}

static void
test_values_are_no_html(void **state)
{
	struct macros m = {.filename = "<b onclick='\"x\"'>&amp;\na.exe",
	    .rule = "R"};
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	macros_expand_html(&out, "<p title=\"__FILENAME__\">&__RULE__</p>\n",
	    &m);
	assert_string_equal(buf_cstr(&out), "<p title=\"&lt;b onclick=&#39;"
	    "&quot;x&quot;&#39;&gt;&amp;amp;<br>\na.exe\">&R</p>\n");
	buf_free(&out);
}

static void
test_output_is_capped(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	macros_expand(&out, "__ADMIN____ADMIN__", &values);
	assert_true(out.overflow);
	assert_true(out.n <= 3);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_macro),
		cmocka_unit_test(test_missing_value_is_empty),
		cmocka_unit_test(test_plain_text),
		cmocka_unit_test(test_only_exact_names),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_values_are_not_expanded),
		cmocka_unit_test(test_values_are_no_html),
		cmocka_unit_test(test_output_is_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
