/*
 * No expression can slow the filter down: shapes that are known to take
 * backtracking matchers minutes or years (and brought down mail gateways,
 * proxies and editors), each on 64 kB of its worst text, anywhere in it (match
 * field) and as a whole (file name). Either refused when saved, with the place and a hint, or matched within CPU_MS of this thread.
 *
 * Written down by shape; what stands in quotes is where such a one was found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cpu_time.h"
#include "lib/base/buf.h"
#include "lib/rules/pattern.h"

enum { SUBJECT_BYTES = 64 * 1024, CPU_MS = 100, MUST_MATCH_QUICKLY = 60 };

/* The subject: first, then pump as often as it fits, then last. */
static const struct {
	const char *pattern;
	const char *first, *pump, *last;
} cases[] = {
	/* A repeat in a repeat */
	{"(a+)+$", "", "a", "!"},
	{"^(a+)+$", "", "a", "!"},
	{"(a*)*b", "", "a", "c"},
	{"((a*)*)*b", "", "a", "c"},
	{"(a+)*b", "", "a", "c"},
	{"(.*)*b", "", "a", "c"},
	{"(x+x+)+y", "", "x", "z"},
	{"([a-zA-Z]+)*$", "", "a", "!"},
	{"(\\w+\\s?)+$", "", "word ", "!"},
	{"^(\\w+\\d*)+$", "", "a1", "!"},
	{"(\\d+\\.?)+$", "", "1.", "x"},
	{"(?:a+){2,10}b", "", "a", "c"},
	{"(a{1,10}){1,10}b", "", "a", "c"},
	{"(.{0,20}a){20}$", "", "a", "!"},
	{"(.*a){20}$", "", "a", "!"},
	{"(([a-z])+.)+[A-Z]([a-z])+$", "", "a", "!"},
	{"^(([^@]+)+@)+$", "", "a", "!"},
	{"(\"[^\"]*\"|[^,]*)*x$", "", "\"a\",", "!"},
	{"(?:[^\"\\\\]+|\\\\.)*x", "", "a\\b", "\""},
	{"^((ab)*)+$", "", "ab", "c"},
	{"^(?:(?:a?)*b?)*$", "", "a", "c"},
	{"(?:(?:(?:(?:a+)+)+)+)+$", "", "a", "!"},
	/* Alternatives that overlap */
	{"(a|aa)+$", "", "a", "!"},
	{"(a|a?)+$", "", "a", "!"},
	{"(a|a)*b", "", "a", "c"},
	{"(?:[^a]|a)*c", "", "a", "b"},
	{"(\\w|_)*!x", "", "_", "!"},
	{"(\\s|\\n)*x", "", "\n", "!"},
	{"(.|\\s)*x$", "", " ", "!"},
	{"(a|b|ab)*c", "", "ab", "d"},
	{"(?:\\d|[0-9])+z", "", "7", "!"},
	{"^(?:\\.?\\w+|\\w+\\.)*$", "", "a.", "!"},
	{"(<[^>]*>|<)+x", "", "<", "!"},
	{"(?:[a-z]|[a-z0-9]|[a-z0-9_])+!x", "", "a", "!"},
	/* Polynomials */
	{"\\s+$", "", " ", "x"},
	{"^\\s+|\\s+$", "x", " ", "x"},
	{"a*a*a*a*a*a*b", "", "a", "c"},
	{"^.*.*.*.*=", "", "x", "y"},
	{".*.*=.*", "x", "x", ""},
	{"\\d+\\d+\\d+x", "", "1", "y"},
	{"(.*?,){11}P", "", "1,", "2"},
	{"<!--.*-->", "", "<!--", "x"},
	{"<script[^>]*>.*</script>", "", "<script>", "x"},
	{"\\*+.*\\*+x", "", "*", "y"},
	{"[a-z]*[a-z0-9]*[a-z0-9_]*!", "", "a", "."},
	{"(?:.*\\n)*.*:.*$x", "", "a\n", ""},
	{"/\\*[^*]*\\*+(?:[^/*][^*]*\\*+)*/", "/", "*", ""},
	/* Seen in the wild */
	/* the rule that stopped a large proxy in 2019 */
	{"(?:\\\"|'|\\]|\\}|\\\\|\\d|(?:nan|infinity|true|false|null|"
	    "undefined|symbol|math)|\\`|\\-|\\+)+[)]*;?((?:\\s|-|~|!|\\{\\}|"
	    "\\|\\||\\+)*.*(?:.*=.*))", "x=", "x", ""},
	/* trimming of a question-and-answer site in 2016 */
	{"^[\\s\\x{200c}]+|[\\s\\x{200c}]+$", "-- play", " ", "x"},
	/* e-mail address of validators */
	{"^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}"
	    "(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$", "", "a", "!"},
	{"^(([^<>()\\[\\]\\\\.,;:\\s@\"]+(\\.[^<>()\\[\\]\\\\.,;:\\s@\"]+)*)|"
	    "(\".+\"))@x$", "", "a.", "@"},
	{"^([\\w-]+(?:\\.[\\w-]+)*)@((?:[\\w-]+\\.)*\\w[\\w-]{0,66})\\."
	    "([a-z]{2,6})$", "a@", "a.", "!"},
	/* Java class names of a validation sheet */
	{"^(([a-z])+.)+[A-Z]([a-z])+$", "", "aa", "!"},
	/* addresses of web pages */
	{"^(https?://)?([\\da-z.-]+)\\.([a-z.]{2,6})([/\\w .-]*)*/?$",
	    "a.b", "/a", "!"},
	{"^(?:(?:[a-z]+:)?//)?(?:[^/@\\s]+@)*x", "//", "a@", " "},
	/* user agents */
	{"(?:Mozilla.*)+Android.*(?:Build|;).*Safari$", "", "Mozilla ;", "x"},
	{"\\((?:[^()]+;)*\\s*(\\w+\\s?)*build", "(", "a ", ")"},
	/* semantic versions, ranges */
	{"^\\s*v?(\\d+)(?:\\.(\\d+))?\\s*-\\s*(\\d+)\\s+$", "1", " ", "-"},
	/* parts of a header: parameters, dates, folding */
	{"^(?:\\s*;\\s*[^=]+\\s*=\\s*(?:\"[^\"]*\"|[^;]*)\\s*)*$", "", "; a=b",
	    "\""},
	{"(?:\\s*\\([^)]*\\)\\s*)*x", "", " ( ) ", "("},
	{"^(?:\\S+\\s+)*\\S+:$", "", "a ", "!"},
	{"boundary=\"?(.*?)\"?(?:;|\\s*$)x", "boundary=", " ", "x"},
	{"(?:=\\?[^?]*\\?[bq]\\?[^?]*\\?=\\s*)+$", "", "=?u?q?a?= ", "x"},
	/* markdown, colours, numbers, data addresses */
	{"^(?:[*_-][ \\t]*){3,}$", "", "* ", "x"},
	{"!?\\[((?:\\[[^\\]]*\\]|\\\\.|`[^`]*`|[^\\]\\[\\\\`])*?)\\]\\(",
	    "", "[", "x"},
	{"^rgba?\\(\\s*(\\d+%?\\s*,?\\s*)+\\)$", "rgb(", "1 ", "x"},
	{"^-?(?:\\d+|\\d{1,3}(?:,\\d{3})+)?(?:\\.\\d+)?$", "", "1", "x"},
	{"^data:([a-z]+/[a-z0-9-+.]+(;[a-z-]+=[a-z0-9-]+)*)?(;base64)?,x",
	    "data:a/a", ";a=a", "!"},
	/* log lines, paths, file names of this product */
	{"^(.+/)*(.+)\\.(.+)$", "", "/a", "/"},
	{".*(.*\\.)*(exe|scr|com)", "", "a.", "ex"},
	{"(?:[^.]*\\.)+(?:pdf|doc)\\.(?:exe|js)", "", "pdf.", "!"},
	{"([\\w.-]+ *)+\\.{3,}(exe)", "", "a ", "."},
	{".*@(.*\\.)*example\\.(com|net|org)", "a@", "a.", "exampl"},
	{"(\\S+\\s*){1,50}invoice", "", "word ", "x"},
	{"[^a]*a.{12}b", "", "a", "c"},
	{"(?:a|b)*a(?:a|b){9}c", "", "ab", "d"},
	/* What cannot be expressed here, so that it must be refused */
	{"(?=(a+))\\1b", "", "a", "c"},
	{"^(?!.*(a|aa)+$)x", "", "a", "!"},
	{"(a+)\\1+b", "", "a", "c"},
	{"(?<!a+)b", "", "a", "b"},
	{"(?>a+)+b", "", "a", "c"},
	{"(a(?R)?b)+c", "", "a", "c"},
};

static void
put_subject(struct buf *b, size_t i)
{
	buf_reset(b);
	buf_puts(b, cases[i].first);
	while (b->n + strlen(cases[i].pump) + strlen(cases[i].last) <=
	    SUBJECT_BYTES)
		buf_puts(b, cases[i].pump);
	buf_puts(b, cases[i].last);
}

static void
on_hit(void *arg, size_t index)
{
	(void)index;
	++*(unsigned *)arg;
}

static int64_t
scan_us(const struct pattern *p, struct span subject)
{
	struct buf bytes = {.max = SIZE_MAX / 2};
	struct pattern_set *s = NULL;
	struct err e = {""};
	unsigned hits = 0;
	size_t bad;
	int64_t began;

	if (pattern_compile(p, 1, &bytes, &bad, &e) != 0 ||
	    (s = pattern_set_load(buf_span(&bytes), &e)) == NULL)
		fail_msg("\"%s\" passed the check, but: %s", p->text,
		    e.text);
	began = cpu_us();
	pattern_set_scan(s, subject, on_hit, &hits);
	began = cpu_us() - began;
	pattern_set_free(s);
	buf_free(&bytes);
	return began;
}

static void
assert_refused_well(const char *pattern, const struct err *e)
{
	const char *place = strstr(e->text, "at position ");

	if (place == NULL || strstr(place, ": ") == NULL)
		fail_msg("\"%s\": no place or no hint in: %s", pattern,
		    e->text);
}

static void
test_known_shapes(void **state)
{
	size_t n = sizeof(cases) / sizeof(cases[0]), refused = 0;
	const char *slowest = "";
	int64_t worst = 0;
	struct buf subject;

	(void)state;
	buf_init(&subject, SUBJECT_BYTES);
	for (size_t i = 0; i < 2 * n; i++) {
		struct pattern p = {cases[i / 2].pattern, i % 2 == 1};
		struct err e = {""};
		int64_t us;

		if (pattern_check(&p, &e) != 0) {
			assert_refused_well(p.text, &e);
			refused++;
			continue;
		}
		put_subject(&subject, i / 2);
		assert_in_range(subject.n, SUBJECT_BYTES - 16, SUBJECT_BYTES);
		us = scan_us(&p, buf_span(&subject));
		if (us > CPU_MS * 1000)
			fail_msg("\"%s\" took %lld us", p.text, (long long)us);
		if (us > worst) {
			worst = us;
			slowest = p.text;
		}
	}
	printf("%zu shapes, anywhere and whole: %zu of %zu refused; the slowest "
	    "on 64 kB: %lld us, %s\n", n, refused, 2 * n, (long long)worst, slowest);
	assert_true(2 * n - refused >= 2 * MUST_MATCH_QUICKLY);
	buf_free(&subject);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
