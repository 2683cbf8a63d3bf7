#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/base/buf.h"
#include "lib/mail/charset.h"
#include "lib/mail/cte.h"
#include "lib/mail/rfc2047.h"
#include "lib/mail/utf8.h"

/* Transfer encodings and charsets. */

struct cte_case {
	const char *in, *want;
	uint32_t defects;
};

static void
check(enum cte cte, const struct cte_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b;

		buf_init(&b, 4096);
		if (cte_decode(cte, span_str(c[i].in), &b) != c[i].defects)
			fail_msg("defects of \"%s\"", c[i].in);
		assert_int_equal(b.n, strlen(c[i].want));
		assert_string_equal(buf_cstr(&b), c[i].want);
		/* Looking only for defects finds the same ones. */
		assert_int_equal(cte_decode(cte, span_str(c[i].in), NULL),
		    c[i].defects);
		buf_free(&b);
	}
}

#define CHECK(cte, cases) check(cte, cases, sizeof(cases) / sizeof(cases[0]))

static void
test_base64(void **state)
{
	static const struct cte_case cases[] = {
	    {"", "", 0},
	    {"aGVsbG8=", "hello", 0},
	    {"aGVs\r\nbG8h\r\n", "hello!", 0},
	    {"aGVsbA==", "hell", 0},
	    {"aGVsbA==\r\n", "hell", 0},
	    {"aGVsbA=\r\n=", "hell", 0},
	    {"aGVsbA=", "hell", MIME_BAD_BASE64},
	    {"aGVsbA", "hell", MIME_BAD_BASE64},
	    {"aGVsb", "hel", MIME_BAD_BASE64},
	    {"aGVsbG8==", "hello", MIME_BAD_BASE64},
	    {"aGVsbA==bG8=", "helllo", MIME_BAD_BASE64},
	    {"a#G*V\x01s\xff", "hel", MIME_BAD_BASE64},
	    {"====", "", MIME_BAD_BASE64},
	    {"a===", "", MIME_BAD_BASE64},
	    {"!", "", MIME_BAD_BASE64},
	};

	(void)state;
	CHECK(CTE_BASE64, cases);
}

/* What comes behind padding is decoded, group by group. */
static void
test_base64_concatenated(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	cte_decode(CTE_BASE64, SPAN_LIT("YQ==YmM=ZGVm"), &b);
	assert_string_equal(buf_cstr(&b), "abcdef");
	buf_free(&b);
}

static void
test_qp(void **state)
{
	static const struct cte_case cases[] = {
	    {"a=3Db", "a=b", 0},
	    {"a=3d", "a=", MIME_BAD_QP},
	    {"a=e2", "a\xe2", MIME_BAD_QP},
	    {"a=\r\nb", "ab", 0},
	    {"a=\nb", "ab", 0},
	    {"a= \t\r\nb", "ab", 0},
	    {"a=", "a", 0},
	    {"a= ", "a", 0},
	    {"a \t\r\nb ", "a\r\nb", 0},
	    {"a b\tc", "a b\tc", 0},
	    {"a=XYb", "a=XYb", MIME_BAD_QP},
	    {"a=4", "a=4", MIME_BAD_QP},
	    {"a=\rb", "a=\rb", MIME_BAD_QP},
	    {"\xe9", "\xe9", MIME_BAD_QP},
	    {"a\rb\r\n", "a\rb\r\n", 0},
	};

	(void)state;
	CHECK(CTE_QP, cases);
}

static void
test_uuencode(void **state)
{
	static const struct cte_case cases[] = {
	    {"begin 644 f\n%:&5L;&\\\n`\nend\n", "hello", 0},
	    {"text\r\nbegin 644 f\r\n%:&5L;&\\\r\n`\r\nend\r\nmore\r\n",
	        "hello", 0},
	    {"begin 644 f\n#86)C\nend\nbegin 600 g\n#9&5F\nend\n",
	        "abcdef", 0},
	    {"%:&5L;&\\\n`\n", "hello", MIME_BAD_ENCODING},
	    {"begin 644 f\n#86)C\n", "abc", 0},
	    {"nothing here", "nothing here", MIME_BAD_ENCODING},
	    {"begin at nine\n", "begin at nine\n", MIME_BAD_ENCODING},
	};
	struct span name = cte_uu_name(SPAN_LIT("x\nbegin 755 my file.exe\r\n"));

	(void)state;
	CHECK(CTE_UUENCODE, cases);
	assert_true(span_eq(name, SPAN_LIT("my file.exe")));
	assert_null(cte_uu_name(SPAN_LIT("begin 9 x\n")).p);
}

static void
test_identity(void **state)
{
	static const struct cte_case cases[] = {{"=41 aGk=\r\n", "=41 aGk=\r\n",
	    0}};

	(void)state;
	CHECK(CTE_7BIT, cases);
	CHECK(CTE_8BIT, cases);
	CHECK(CTE_BINARY, cases);
	CHECK(CTE_UNKNOWN, cases);
}

/* A small buffer gets the beginning, from a large part too. */
static void
test_short_buffer(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, 1024 * 1024);
	buf_init(&out, 10);
	for (int i = 0; i < 10000; i++)
		buf_puts(&in, "YWJj");
	cte_decode(CTE_BASE64, buf_span(&in), &out);
	assert_true(out.overflow);
	assert_string_equal(buf_cstr(&out), "abcabcabca");
	buf_reset(&out);
	cte_decode(CTE_7BIT, buf_span(&in), &out);
	assert_string_equal(buf_cstr(&out), "YWJjYWJjYW");
	buf_free(&in);
	buf_free(&out);
}

static void
test_names(void **state)
{
	(void)state;
	assert_int_equal(cte_by_name(SPAN_LIT("BASE64")), CTE_BASE64);
	assert_int_equal(cte_by_name(SPAN_LIT("x-uue")), CTE_UUENCODE);
	assert_int_equal(cte_by_name(SPAN_LIT("base6")), CTE_UNKNOWN);
	assert_int_equal(cte_by_name(SPAN_LIT("")), CTE_UNKNOWN);
}

/* ---- charsets ---- */

#define U_E "\xc3\xa9"		/* e acute */
#define U_BAD "\xef\xbf\xbd"	/* U+FFFD */

static void
test_to_utf8(void **state)
{
	static const struct {
		const char *label;
		struct span in;
		const char *want;
	} cases[] = {
	    {"utf-8", {(const unsigned char *)U_E, 2}, U_E},
	    {"", {(const unsigned char *)U_E, 2}, U_E},
	    {"us-ascii", {(const unsigned char *)"\xe9", 1}, U_E},
	    {"us-ascii", {(const unsigned char *)U_E, 2}, U_E},
	    {"iso-8859-1", {(const unsigned char *)"\xe9\x80", 2},
	        U_E "\xe2\x82\xac"},
	    {"ISO_8859-1", {(const unsigned char *)"\xe9", 1}, U_E},
	    {"latin1", {(const unsigned char *)"\xe9", 1}, U_E},
	    {"\"utf8\"", {(const unsigned char *)U_E, 2}, U_E},
	    {"utf-8", {(const unsigned char *)"\xe9t\xe9", 3}, U_E "t" U_E},
	    {"utf-8", {(const unsigned char *)U_E "\xe2\x82", 4},
	        U_E U_BAD U_BAD},
	    {"gb2312", {(const unsigned char *)"\xd6\xd0", 2}, "\xe4\xb8\xad"},
	    {"koi8-r", {(const unsigned char *)"\xc1", 1}, "\xd0\xb0"},
	    {"windows-1251", {(const unsigned char *)"\xe0", 1}, "\xd0\xb0"},
	    {"shift_jis", {(const unsigned char *)"\x93\xfa", 2},
	        "\xe6\x97\xa5"},
	    {"big5", {(const unsigned char *)"\xa4\xa4", 2}, "\xe4\xb8\xad"},
	    {"ks_c_5601-1987", {(const unsigned char *)"\xb0\xa1", 2},
	        "\xea\xb0\x80"},
	    {"utf-16", {(const unsigned char *)"\0a", 2}, "a"},
	    {"utf-16", {(const unsigned char *)"a\0", 2}, "a"},
	    {"utf-16", {(const unsigned char *)"\xff\xfe" "a\0", 4}, "a"},
	    {"utf-16", {(const unsigned char *)"\xfe\xff\0a", 4}, "a"},
	    {"utf-16be", {(const unsigned char *)"\0a\0", 3}, "a" U_BAD},
	    {"utf-7", {(const unsigned char *)"+AOk-", 5}, U_E},
	    {"koi8-r", {(const unsigned char *)"abc", 3}, "abc"},
	    {"euc-jp", {(const unsigned char *)"\xff" "a", 2}, U_BAD "a"},
	    {"x-unknown", {(const unsigned char *)"\xe9", 1}, U_E},
	    {"../../../etc/passwd", {(const unsigned char *)"\xe9", 1}, U_E},
	    {"utf-8//translit", {(const unsigned char *)"\xe9", 1}, U_E},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;

		buf_init(&b, 256);
		charset_to_utf8(&b, span_str(cases[i].label), cases[i].in);
		if (strcmp(buf_cstr(&b), cases[i].want) != 0)
			fail_msg("%s: %s, not %s", cases[i].label,
			    buf_cstr(&b), cases[i].want);
		buf_free(&b);
	}
}

/* Whatever the label, the result is UTF-8 and not more than promised. */
static void
test_to_utf8_any(void **state)
{
	static const char *const labels[] = {"", "utf-8", "iso-8859-1",
	    "iso-8859-7", "windows-1255", "gb18030", "big5", "euc-jp",
	    "shift_jis", "iso-2022-jp", "iso-2022-jp-2", "iso-2022-kr", "utf-7",
	    "utf-16", "utf-16le", "koi8-u", "euc-kr", "tis-620", "cp437",
	    "macintosh", "nonsense"};
	unsigned char in[300];
	unsigned seed = 1;

	(void)state;
	for (size_t l = 0; l < sizeof(labels) / sizeof(labels[0]); l++)
		for (int round = 0; round < 300; round++) {
			size_t n = (size_t)round;
			struct buf b;

			for (size_t i = 0; i < n; i++) {
				seed = seed * 1103515245u + 12345u;
				in[i] = (unsigned char)(seed >> 16);
			}
			buf_init(&b, n * CHARSET_GROWTH + 16);
			charset_to_utf8(&b, span_str(labels[l]),
			    span_of(in, n));
			assert_false(b.overflow);
			assert_true(utf8_valid(buf_span(&b)));
			buf_free(&b);
		}
}

static void
test_from_utf8(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	buf_puts(&b, "x");
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("iso-8859-1"),
	    SPAN_LIT(U_E)), 0);
	assert_string_equal(buf_cstr(&b), "x\xe9");
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("iso-8859-1"),
	    SPAN_LIT("a\xe2\x82\xac")), -1);
	assert_string_equal(buf_cstr(&b), "x\xe9");
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("us-ascii"),
	    SPAN_LIT(U_E)), -1);
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("us-ascii"),
	    SPAN_LIT("a")), 0);
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("utf-8"),
	    SPAN_LIT(U_E)), 0);
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("utf-8"),
	    SPAN_LIT("\xff")), -1);
	buf_reset(&b);
	assert_int_equal(charset_from_utf8(&b, SPAN_LIT("iso-2022-jp"),
	    SPAN_LIT("\xe6\x97\xa5")), 0);
	assert_string_equal(buf_cstr(&b), "\x1b$BF|\x1b(B");
	buf_free(&b);
}

static bool
is_mapped(const char *what)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, what) != NULL;
	fclose(f);
	return found;
}

/* They stay, whatever is converted and closed meanwhile. */
static void
test_charset_warm(void **state)
{
	struct charset_warm w;
	struct buf b;

	(void)state;
	charset_warm_up(&w);
	buf_init(&b, 4096);
	for (int i = 0; i < 10; i++)
		charset_to_utf8(&b, SPAN_LIT("iso-8859-7"),
		    SPAN_LIT("\xe1"));
	assert_string_equal(buf_cstr(&b), "ααααααααα" "α");
	assert_true(is_mapped("/KOI8-R.so"));
	assert_true(is_mapped("/UHC.so"));
	buf_free(&b);
	charset_cool_down(&w);
}

static void
test_2047_growth(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, 65536);
	for (int i = 0; i < 3000; i++)
		buf_puts(&in, "\xff =?utf-8?q?\xc3\xa9\xff?= ");
	buf_init(&out, in.n * RFC2047_GROWTH + 16);
	rfc2047_decode(&out, buf_span(&in));
	assert_false(out.overflow);
	assert_true(utf8_valid(buf_span(&out)));
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_base64_concatenated),
	    cmocka_unit_test(test_qp),
	    cmocka_unit_test(test_uuencode),
	    cmocka_unit_test(test_identity),
	    cmocka_unit_test(test_short_buffer),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_to_utf8),
	    cmocka_unit_test(test_to_utf8_any),
	    cmocka_unit_test(test_from_utf8),
	    cmocka_unit_test(test_2047_growth),
	    cmocka_unit_test(test_charset_warm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
