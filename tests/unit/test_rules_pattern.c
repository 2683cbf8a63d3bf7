/* What patterns match, what is refused, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/rules/pattern.h"

static struct pattern_set *
load(const struct pattern *p, size_t n)
{
	struct buf bytes;
	struct pattern_set *s;
	struct err e = {""};
	size_t bad;

	buf_init(&bytes, SIZE_MAX / 2);
	if (pattern_compile(p, n, &bytes, &bad, &e) != 0)
		fail_msg("pattern %zu: %s", bad, e.text);
	s = pattern_set_load(buf_span(&bytes), &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	buf_free(&bytes);
	return s;
}

static void
count_hit(void *arg, size_t index)
{
	unsigned *count = arg;

	count[index]++;
}

static unsigned
hits(const char *text, bool whole, struct span subject)
{
	struct pattern p = {text, whole};
	struct pattern_set *s;
	struct err e = {""};
	unsigned n[1] = {0};

	if (pattern_check(&p, &e) != 0)
		fail_msg("%s: %s", text, e.text);
	s = load(&p, 1);
	pattern_set_scan(s, subject, count_hit, n);
	pattern_set_free(s);
	assert_true(n[0] <= 1);
	return n[0];
}

static void
test_matches(void **state)
{
	static const struct {
		const char *pattern;
		bool whole;
		const char *subject;
		unsigned hit;
	} t[] = {
		{"a", false, "xAx", 1}, {"a", true, "xAx", 0},
		{"a", true, "A", 1}, {"a|b", true, "ab", 0},
		{"a|b", true, "b", 1}, {".*", true, "", 1},
		{".*", false, "", 1}, {"^$", true, "", 1}, {"^$", true, "x", 0},
		{"^a$", true, "a", 1}, {"^a.*", true, "abc", 1},
		{".*\\.exe$", true, "x.exe", 1},
		/* No newline hides the end of a name. */
		{".*\\.exe", true, "a\nb.exe", 1},
		{".*\\.exe", true, "a.exe\n", 0},
		{"a$", true, "a\n", 0},
		{"\xc3\xa9t\xc3\xa9", false, "\xc3\x89T\xc3\x89", 1},
		{"^.$", true, "\xe2\x82\xac", 1},
		{"\\bfoo\\b", false, "a foo b", 1},
		{"\\bfoo\\b", false, "afoo b", 0},
		{"(?:x{3}|y)+z", true, "xxxyz", 1},
		{"[[:alpha:]]+\\d{2,4}", true, "abc123", 1},
		{"\\.\\{[0-9a-f-]+\\}", false, "x.{3050F4D8-98B5}", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (hits(t[i].pattern, t[i].whole, span_str(t[i].subject)) !=
		    t[i].hit)
			fail_msg("%s on \"%s\"", t[i].pattern, t[i].subject);
}

static void
test_bytes_that_are_not_utf8(void **state)
{
	(void)state;
	assert_int_equal(hits("evil", false, SPAN_LIT("\xff\xfe evil\x80")), 1);
	assert_int_equal(hits("^.evil.$", false,
	    SPAN_LIT("\xc3" "evil\xe2\x82")), 0);
	assert_int_equal(hits("^.evil..$", false,
	    SPAN_LIT("\xc3" "evil\xe2\x82")), 1);
	assert_int_equal(hits("a.b", true, SPAN_LIT("a\0b")), 1);
	assert_int_equal(hits("\xef\xbf\xbd", true, SPAN_LIT("\xed\xa0")), 0);
	assert_int_equal(hits(".*", true, span_of(NULL, 0)), 1);
}

static void
test_many_in_one_pass(void **state)
{
	struct pattern p[] = {{"a.*", true}, {"b", false}, {"ab", true},
		{"c", false}, {".*", true}};
	struct pattern_set *s = load(p, 5);
	unsigned n[5] = {0};

	(void)state;
	pattern_set_scan(s, SPAN_LIT("abba ab"), count_hit, n);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 1);
	assert_int_equal(n[2], 0);
	assert_int_equal(n[3], 0);
	assert_int_equal(n[4], 1);
	pattern_set_free(s);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *pattern;
		const char *words[3];	/* all must be in the message */
	} t[] = {
		{"a(?=b)", {"Zero-width", "position 2", "look-ahead"}},
		{"a(?!b)", {"Zero-width", "position 2", "look-ahead"}},
		{"(?<=y)z", {"Zero-width", "position 1", "look-behind"}},
		{"x(?<!y)z", {"Zero-width", "position 2", "higher priority"}},
		{"(a)b\\1", {"Back-reference", "position 5", "again"}},
		{"(a)\\g1", {"Back-reference", "position 4", "again"}},
		{"(a)\\g{-1}", {"Back-reference", "position 4", "again"}},
		{"(?<n>a)\\k<n>", {"Back-reference", "position 8", "again"}},
		{"(?<n>a)\\k'n'", {"Back-reference", "position 8", "again"}},
		{"(?P<n>a)(?P=n)", {"Back-reference", "position 9", "again"}},
		{"(a)?(?(1)b|c)", {"Conditional", "position 5", "(?:a|b)"}},
		{"(?(DEFINE)a)b", {"Conditional", "position 1", "(?:a|b)"}},
		{"(a)(?1)", {"Subpattern", "position 4", "again"}},
		{"(?<n>a)(?&n)", {"Subpattern", "position 8", "again"}},
		{"(?<n>a)(?P>n)", {"Subpattern", "position 8", "again"}},
		{"a(?R)?b", {"character after (?", "position 2", "(?:...)"}},
		{"(?|a|b)", {"character after (?", "position 1", "(?:...)"}},
		{"(?J)a", {"character after (?", "position 1", "options"}},
		{"ab++", {"Possessive", "position 3", "second sign"}},
		{"ab*+", {"Possessive", "position 3", "second sign"}},
		{"ab?+", {"Possessive", "position 3", "second sign"}},
		{"ab{2,3}+", {"Possessive", "position 7", "second sign"}},
		{"(?>a)b", {"Atomic", "position 1", "(?:"}},
		{"a(?C1)b", {"Callout", "position 2", "leave it out"}},
		{"a(*PRUNE)b", {"control verb", "position 2", "leave it out"}},
		{"(*COMMIT)b", {"control verb", "position 1", "leave it out"}},
		{"\\Ga", {"\\G", "position 1", "leave it out"}},
		{"a\\Kb", {"\\K", "position 2", "leave it out"}},
		{"a\\X", {"\\X", "position 2", "a dot"}},
		{"a\\R", {"\\R", "position 2", "\\s+"}},
		{"a\\C", {"\\C", "position 2", "a dot"}},
		{"\\N+", {"\\N", "position 1", "[^\\n]"}},
		{"a\\N{U+41}", {"\\N", "position 2", "\\x{41}"}},
		{"a\\Ub", {"\\U", "position 2", "upper and lower"}},
		{"\\x{110000}", {"Value", "position 1", "10FFFF"}},
		{"[[.ch.]]", {"collating", "position 2", "[a-z]"}},
		{"[[=a=]]", {"collating", "position 2", "[a-z]"}},
		{"[[:foo:]]", {"POSIX named", "position 2", "[:alpha:]"}},
		{"\\p{Foo}", {"property", "position 4", "\\p{Greek}"}},
		{"x^y", {"start anchors", "position 2", "beginning"}},
		{"x\\Ay", {"start anchors", "position 2", "beginning"}},
		{"[$]a$b", {"end anchors", "position 5", "end"}},
		{"a\\zb", {"end anchors", "position 2", "end"}},
		{"a\\Zb", {"end anchors", "position 2", "end"}},
		{"a(;|$)b", {"end anchors", "position 5", "end"}},
		{"(a|^)*b(^|c)d", {"start anchors", "position 4"}},
		{"*.exe", {"Invalid repeat", "position 1", ".*"}},
		{"a{5,2}", {"Invalid repeat", "position 2", ".*"}},
		{"ab(cd", {"parenthesis", "position 3", "\\("}},
		{"ab)", {"Unmatched", "position 3", "\\)"}},
		{"a)|(b", {"Unmatched", "position 2", "\\)"}},
		{"x[ab", {"character class", "position 2", "]"}},
		{"[z-a]", {"Range", "position 4", "smaller"}},
		{"a{1,99999}", {"Bounded repeat", "position 2", "smaller"}},
		{"(a{1000}){1000}", {"Bounded repeat", "position 3",
		    "smaller"}},
		{"(.{0,20}a){20}$", {"too large", "position 3", "smaller"}},
		{"a\\", {"Unescaped", "position 2", "\\\\"}},
		{"(?<1>a)", {"Group name", "position 1", "letter"}},
		{"\\c", {"\\c", "position 1", "\\x{1}"}},
		{"a\\Qa", {"parenthesis", "position 2", "\\E"}},
		{"(?x)a #b", {"comment", "position 7", "line end"}},
		{"", {"empty", ".*"}},
		{"ab\xff", {"UTF-8", "position 3"}},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pattern p = {t[i].pattern, true};

		if (pattern_check(&p, &e) == 0)
			fail_msg("\"%s\" was not refused", t[i].pattern);
		for (size_t k = 0; k < 3 && t[i].words[k] != NULL; k++)
			if (strstr(e.text, t[i].words[k]) == NULL)
				fail_msg("\"%s\": no \"%s\" in: %s",
				    t[i].pattern, t[i].words[k], e.text);
	}
}

static void
test_length(void **state)
{
	char text[PATTERN_BYTES_MAX + 2];
	struct pattern p = {text, false};
	struct err e;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[PATTERN_BYTES_MAX] = '\0';
	assert_int_equal(pattern_check(&p, &e), 0);
	text[PATTERN_BYTES_MAX] = 'a';
	text[PATTERN_BYTES_MAX + 1] = '\0';
	assert_int_equal(pattern_check(&p, &e), -1);
}

static void
test_load_damaged(void **state)
{
	struct pattern p = {"abc.*", true};
	struct buf bytes;
	struct err e = {""};
	size_t bad;

	(void)state;
	buf_init(&bytes, SIZE_MAX / 2);
	assert_int_equal(pattern_compile(&p, 1, &bytes, &bad, &e), 0);
	for (size_t n = 0; n < bytes.n; n++)
		assert_null(pattern_set_load(span_of(bytes.p, n), &e));
	bytes.p[bytes.n / 2] ^= 1;
	assert_null(pattern_set_load(buf_span(&bytes), &e));
	assert_non_null(strstr(e.text, "damaged"));
	buf_free(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_bytes_that_are_not_utf8),
		cmocka_unit_test(test_many_in_one_pass),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_load_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
