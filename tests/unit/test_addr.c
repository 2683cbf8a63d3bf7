#include "arena_fixture.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/mail/addr.h"

static void
test_one(void **state)
{
	static const struct {
		const char *value, *addr, *name;
	} cases[] = {
	    {"a@b.de", "a@b.de", ""},
	    {" a@B.De ", "a@b.de", ""},
	    {"Anna@B.DE", "Anna@b.de", ""},
	    {"<a@b>", "a@b", ""},
	    {"Anna B <a@b>", "a@b", "Anna B"},
	    {"\"B, Anna\" <a@b>", "a@b", "B, Anna"},
	    {"\"say \\\"hi\\\"\" <a@b>", "a@b", "say \"hi\""},
	    {"=?utf-8?q?=C3=A9?= <a@b>", "a@b", "\xc3\xa9"},
	    {"\"=?utf-8?q?=C3=A9?=\" <a@b>", "a@b", "\xc3\xa9"},
	    {"a@b (Anna (x) B)", "a@b", "Anna (x) B"},
	    {"a (c) @ (d) b", "a@b", "cd"},
	    {"<a@b> (Anna)", "a@b", "Anna"},
	    {"B <a@b> (Anna)", "a@b", "B"},
	    {"\"boss@corp.com\" <evil@x>", "evil@x", "boss@corp.com"},
	    {"boss@corp.com <evil@x>", "evil@x", "boss@corp.com"},
	    {"<one@x> <two@y>", "two@y", ""},
	    {"<@r1,@r2:a@b>", "a@b", ""},
	    {"<a@b", "a@b", ""},
	    {"a@b>", "a@b>", ""},
	    {"\"a b\"@c", "\"a b\"@c", ""},
	    {"\"a@x\"@c", "\"a@x\"@c", ""},
	    {"a@[IPv6:::1]", "a@[ipv6:::1]", ""},
	    {"\"a\\\"b <c@d> e\"@example.org",
		"\"a\\\"b <c@d> e\"@example.org", ""},
	    {"Friends: a@b, c@d;", "a@b", ""},
	    {"Anna a@b", "a@b", ""},
	    {"root", "root", ""},
	    {"\r\n Anna\r\n <a@b>\r\n", "a@b", "Anna"},
	    {"\"open <a@b>", "a@b", "open"},
	    {"(open a@b", "a@b", ""},
	    {"\xc3\xa9@B\xc3\x89.de", "\xc3\xa9@b\xc3\x89.de", ""},
	    {"\xe9@B.de", "\xc3\xa9@b.de", ""},
	    {"<undisclosed:;@B.de>", "undisclosed:;@b.de", ""},
	    {"<a@b; <c@d>", "a@b", ""},
	};
	struct addr *list;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = addr_list(span_str(cases[i].value), &list, &arena);

		if (n == 0 || strcmp(list[0].addr, cases[i].addr) != 0)
			fail_msg("%s: %s", cases[i].value,
			    n ? list[0].addr : "none");
		assert_string_equal(list[0].name, cases[i].name);
		assert_string_equal(addr_first(span_str(cases[i].value),
		    &arena), cases[i].addr);
	}
}

static void
test_list(void **state)
{
	struct addr *list;

	(void)state;
	assert_int_equal(addr_list(SPAN_LIT("a@b, \"x, y\" <c@d>,, "
	    "G: e@f, <g@h>; i@j (k, l)"), &list, &arena), 5);
	assert_string_equal(list[1].addr, "c@d");
	assert_string_equal(list[2].addr, "e@f");
	assert_string_equal(list[3].addr, "g@h");
	assert_string_equal(list[4].addr, "i@j");
	assert_string_equal(list[4].name, "k, l");
	assert_int_equal(addr_list(SPAN_LIT("undisclosed-recipients:;"),
	    &list, &arena), 0);
	assert_null(list);
	assert_int_equal(addr_list(SPAN_LIT(""), &list, &arena), 0);
	assert_int_equal(addr_list(SPAN_LIT("<>"), &list, &arena), 0);
	assert_string_equal(addr_first(SPAN_LIT("<>"), &arena), "");
}

static void
test_limits(void **state)
{
	struct addr *list;
	struct buf b;

	(void)state;
	buf_init(&b, 1024 * 1024);
	for (int i = 0; i < 5000; i++)
		buf_puts(&b, "a@b,");
	assert_int_equal(addr_list(buf_span(&b), &list, &arena),
	    ADDR_LIST_MAX);
	buf_reset(&b);
	for (int i = 0; i < 5000; i++)
		buf_puts(&b, "aaaa");
	buf_puts(&b, "@b, c@d");
	assert_int_equal(addr_list(buf_span(&b), &list, &arena), 1);
	assert_string_equal(list[0].addr, "c@d");
	/* Too long only as UTF-8. */
	buf_reset(&b);
	for (int i = 0; i < ADDR_MAX - 10; i++)
		buf_putc(&b, 0xe9);
	buf_puts(&b, "@b, c@d");
	assert_int_equal(addr_list(buf_span(&b), &list, &arena), 1);
	assert_string_equal(list[0].addr, "c@d");
	/* Nothing here may take quadratic time. */
	for (const char *s = "\"(<>:;,\\[@ "; *s != '\0'; s++) {
		buf_reset(&b);
		while (b.n < 1000000)
			buf_putc(&b, *s);
		addr_list(buf_span(&b), &list, &arena);
	}
	buf_free(&b);
}

static void
test_split(void **state)
{
	struct span l, d;

	(void)state;
	assert_true(addr_split(SPAN_LIT("a@b"), &l, &d));
	assert_true(span_eq(l, SPAN_LIT("a")) && span_eq(d, SPAN_LIT("b")));
	assert_true(addr_split(SPAN_LIT("a@b@c"), &l, &d));
	assert_true(span_eq(d, SPAN_LIT("c")));
	assert_true(addr_split(SPAN_LIT("\"a@\\\"@b\"@c"), &l, &d));
	assert_true(span_eq(d, SPAN_LIT("c")));
	assert_true(addr_split(SPAN_LIT("\"a@b"), &l, &d));
	assert_true(span_eq(l, SPAN_LIT("\"a")));
	assert_false(addr_split(SPAN_LIT("a"), &l, &d));
	assert_true(span_eq(l, SPAN_LIT("a")) && d.n == 0);
	assert_false(addr_split(SPAN_LIT("@b"), &l, &d));
	assert_false(addr_split(SPAN_LIT("a@"), &l, &d));
	assert_false(addr_split(SPAN_LIT(""), &l, &d));
	assert_string_equal(addr_lower_domain(SPAN_LIT("A@B.C"), &arena),
	    "A@b.c");
	assert_string_equal(addr_lower_domain(SPAN_LIT("ROOT"), &arena),
	    "ROOT");
}

static void
test_valid(void **state)
{
	static const char *const good[] = {"a@b", "a.b+c=d@e-f.g",
	    "\"a b\"@c", "\"a\\\"b\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]",
	    "\xc3\xa9@\xc3\xa9.de", "!#$%&'*+-/=?^_`{|}~@x", "a@_dmarc.b"};
	static const char *const bad[] = {"", "a", "@", "a@", "@b", "a b@c",
	    ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b",
	    "a@b-", "a@b-.c", "a@b c", "\"a@b", "\"a\"b@c", "a@[1.2.3]",
	    "a@[::1]", "a@[IPv6:x]", "a@[127.0.0.1", "a\r\n@b", "a@b\r\n",
	    "\xff@b", "a@b,c@d", "<a@b>", "a@b@c"};
	char longish[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!addr_valid(span_str(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_valid(span_str(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	assert_false(addr_valid(span_of("a\0b@c", 5)));
	assert_false(addr_valid(span_of("a@[IPv6:::1\0]", 14)));
	assert_false(addr_valid(span_of("a@[192.0.2.1\0x]", 15)));
	memset(longish, 'a', sizeof(longish));
	longish[64] = '@';
	assert_true(addr_valid(span_of(longish, 64 + 1 + 63)));
	assert_false(addr_valid(span_of(longish, 64 + 1 + 64)));
	longish[64] = 'a';
	longish[65] = '@';
	assert_false(addr_valid(span_of(longish, 80)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_split, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_valid, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
