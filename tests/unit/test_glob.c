/* Patterns with * and ?: meaning, characters, and that none takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/rules/glob.h"

static bool
match(const char *pattern, const char *text, size_t from)
{
	struct glob_text t;
	struct arena a;
	bool rc;

	arena_init(&a, 1 << 20);
	rc = glob_prepare(&t, span_str(text), &a) &&
	    glob_match(&t, from, span_str(pattern));
	arena_free(&a);
	return rc;
}

static void
meaning(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} row[] = {
		{"", "", true}, {"", "a", false}, {"*", "", true},
		{"?", "", false}, {"a", "a", true}, {"a", "ab", false},
		{"a*", "a", true}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a?c", "abc", true}, {"a?c", "ac", false},
		{"*@b.c", "a@b.c", true}, {"*@b.c", "a@xb.c", false},
		{"*.b.c", "a.b.c", true}, {"*.b.c", "b.c", false},
		{"a*b*c", "a1b2b3c", true}, {"a*b*c", "a1c2b", false},
		{"**", "x", true}, {"*?*", "", false}, {"*?*", "x", true},
		{"??", "ä", false}, {"?", "ä", true}, {"a?b", "a€b", true},
		{"?", "\xf0\x9f\x98\x80", true}, {"*??", "€", false},
		{"*??", "x€", true}, {"[a]", "a", false}, {"[a]", "[a]", true},
		{"\\*", "*", false}, {".", "x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (match(row[i].pattern, row[i].text, 0) != row[i].want)
			fail_msg("%s, %s", row[i].pattern, row[i].text);
	assert_true(match("b.c", "a@b.c", 2));
	assert_false(match("a@b.c", "a@b.c", 2));
	assert_true(match("*", "abc", 3));
}

/* Across the words of 64 bits. */
static void
long_texts(void **state)
{
	char text[GLOB_TEXT_MAX + 2], pattern[GLOB_TEXT_MAX + 2];

	(void)state;
	for (size_t n = 60; n <= GLOB_TEXT_MAX; n += n < 200 ? 1 : 97) {
		memset(text, 'x', n);
		text[n] = '\0';
		memcpy(pattern, text, n + 1);
		assert_true(match(pattern, text, 0));
		pattern[n - 1] = '?';
		assert_true(match(pattern, text, 0));
		pattern[n / 2] = '*';
		assert_true(match(pattern, text, 0));
		pattern[n - 1] = 'y';
		assert_false(match(pattern, text, 0));
		text[n - 1] = 'y';
		assert_true(match(pattern, text, 0));
	}
	memset(text, 'x', GLOB_TEXT_MAX + 1);
	text[GLOB_TEXT_MAX + 1] = '\0';
	assert_false(match("*", text, 0));
}

/* The plain definition, to hold the bits against. */
static bool
slow(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*')
		return slow(p + 1, s) || (*s != '\0' && slow(p, s + 1));
	return *s != '\0' && (*p == '?' || *p == *s) && slow(p + 1, s + 1);
}

static void
random_pairs(void **state)
{
	char p[8], s[10];
	unsigned hits = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		size_t np = (size_t)random() % 7, ns = (size_t)random() % 9;

		for (size_t k = 0; k < np; k++)
			p[k] = "aab*?@"[random() % 6];
		for (size_t k = 0; k < ns; k++)
			s[k] = "aab@"[random() % 4];
		p[np] = s[ns] = '\0';
		hits += slow(p, s);
		if (match(p, s, 0) != slow(p, s))
			fail_msg("%s, %s", p, s);
	}
	assert_true(hits > 10000);
}

/* A backtracking comparison would not end within this test's life; 512 stars
 * over 1,023 bytes are a few thousand words here. */
static void
never_slow(void **state)
{
	enum { STARS = 256, MOST_MS = 50 };
	char pattern[2 * STARS + 2], text[GLOB_TEXT_MAX + 1];
	struct timespec from, to;

	(void)state;
	for (size_t i = 0; i < STARS; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	memcpy(pattern + 2 * STARS, "b", 2);
	memset(text, 'a', GLOB_TEXT_MAX);
	text[GLOB_TEXT_MAX] = '\0';
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_false(match(pattern, text, 0));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	assert_true((to.tv_sec - from.tv_sec) * 1000 +
	    (to.tv_nsec - from.tv_nsec) / 1000000 < MOST_MS);
}

static void
tails(void **state)
{
	(void)state;
	assert_true(span_eq(glob_tail(SPAN_LIT("*@b?.c")), SPAN_LIT(".c")));
	assert_true(span_eq(glob_tail(SPAN_LIT("a")), SPAN_LIT("a")));
	assert_int_equal(glob_tail(SPAN_LIT("a*")).n, 0);
	assert_true(glob_is_pattern(SPAN_LIT("?a")));
	assert_false(glob_is_pattern(SPAN_LIT("a@b")));
	assert_false(glob_is_pattern(SPAN_LIT("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(random_pairs),
		cmocka_unit_test(never_slow),
		cmocka_unit_test(tails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
