#include "arena_fixture.h"

#include <sys/wait.h>
#include <iconv.h>
#include <string.h>
#include <unistd.h>
#include "charset_samples.h"
#include "lib/base/buf.h"
#include "lib/mail/charset.h"
#include "lib/mail/charset_label.h"
#include "lib/mail/utf8.h"

enum { NSAMPLES = sizeof(charset_samples) / sizeof(charset_samples[0]) };

static void
test_samples(void **state)
{
	struct buf b;
	size_t bad = 0;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < NSAMPLES; i++) {
		const struct charset_sample *s = &charset_samples[i];

		buf_reset(&b);
		charset_to_utf8(&b, span_str(s->label), s->in);
		/* One sample holds a NUL. */
		if (b.n < strlen(s->utf8) ||
		    strcmp(buf_cstr(&b), s->utf8) != 0) {
			print_message("sample %zu, %s: \"%s\", not \"%s\"\n",
			    i, s->label, buf_cstr(&b), s->utf8);
			bad++;
		}
	}
	buf_free(&b);
	assert_int_equal(bad, 0);
}

/* Any byte under any label gives valid UTF-8, never nothing, within the
 * growth that callers make room for. */
static void
test_every_byte(void **state)
{
	struct buf b;
	unsigned char in[2];

	(void)state;
	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < NSAMPLES; i++) {
		for (unsigned c = 0; c < 256; c++) {
			in[0] = in[1] = (unsigned char)c;
			buf_reset(&b);
			charset_to_utf8(&b, span_str(charset_samples[i].label),
			    span_of(in, sizeof(in)));
			assert_true(utf8_valid(buf_span(&b)));
			assert_true(b.n <= sizeof(in) * CHARSET_GROWTH + 16);
			/* Shifts and escapes stand for no character. */
			if (c >= 0x20 && c != '~' && c != '+')
				assert_true(b.n > 0);
		}
	}
	buf_free(&b);
}

static void
test_random(void **state)
{
	static unsigned char in[512];
	struct buf b;
	static const char shifts[] = "\x1b$B(I~{}+-\x0e";
	uint32_t x = 1;

	(void)state;
	buf_init(&b, sizeof(in) * CHARSET_GROWTH + 16);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(in); i++) {
			x = x * 1664525 + 1013904223;
			in[i] = (unsigned char)(x >> 24);
			if (round % 2 == 0)
				in[i] = (unsigned char)shifts[(x >> 24) % 11];
		}
		for (size_t i = 0; i < NSAMPLES; i++) {
			buf_reset(&b);
			charset_to_utf8(&b, span_str(charset_samples[i].label),
			    span_of(in, sizeof(in)));
			assert_false(b.overflow);
			assert_true(utf8_valid(buf_span(&b)));
		}
	}
	buf_free(&b);
}

/* Every table that the labels name is there, else all of them would be read
 * by the guess and only this test would tell. */
static void
test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSAMPLES; i++) {
		const struct charset *c = charset_find(
		    span_str(charset_samples[i].label));
		iconv_t cd;

		if (c->iconv == NULL)
			continue;
		cd = iconv_open("UTF-8", c->iconv);
		if (cd == (iconv_t)-1)
			fail_msg("iconv has no %s", c->iconv);
		iconv_close(cd);
	}
}

/* In a place without libc's tables: 0 when all text came out as something. */
static int
read_all_samples(void)
{
	struct buf b;
	int bad = 0;

	buf_init(&b, 4096);
	for (size_t i = 0; i < NSAMPLES; i++) {
		buf_reset(&b);
		charset_to_utf8(&b, span_str(charset_samples[i].label),
		    charset_samples[i].in);
		if (b.n == 0 || !utf8_valid(buf_span(&b)))
			bad = 1;
	}
	buf_reset(&b);
	charset_to_utf8(&b, SPAN_LIT("koi8-r"), SPAN_LIT("x\xf4 y"));
	if (strcmp(buf_cstr(&b), "x\xc3\xb4 y") != 0)
		bad = 1;
	buf_reset(&b);
	charset_to_utf8(&b, SPAN_LIT("utf-16le"), SPAN_LIT("\xe5\x65"));
	if (strcmp(buf_cstr(&b), "\xe6\x97\xa5") != 0)
		bad = 1;
	buf_free(&b);
	return bad;
}

/* First of all: what libc has loaded once stays loaded. */
static void
test_without_tables(void **state)
{
	char dir[] = "/tmp/pmg-charset-XXXXXX";
	int status = -1;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(chroot(dir) != 0 || chdir("/") != 0
		    ? 2 : read_all_samples());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The labels of the Encoding Standard that are not their charset's name. */
static void
test_labels(void **state)
{
	static const struct {
		const char *label, *like;
	} same[] = {
	    {"866", "ibm866"}, {"csibm866", "ibm866"}, {"l2", "iso-8859-2"},
	    {"iso-ir-101", "iso-8859-2"}, {"iso_8859-2:1987", "iso-8859-2"},
	    {"csisolatin3", "iso-8859-3"}, {"iso-ir-109", "iso-8859-3"},
	    {"l4", "iso-8859-4"}, {"cyrillic", "iso-8859-5"},
	    {"csisolatincyrillic", "iso-8859-5"}, {"arabic", "iso-8859-6"},
	    {"asmo-708", "iso-8859-6"}, {"ecma-114", "iso-8859-6"},
	    {"csiso88596e", "iso-8859-6"}, {"iso-8859-6-i", "iso-8859-6"},
	    {"ecma-118", "iso-8859-7"}, {"elot_928", "iso-8859-7"},
	    {"greek8", "iso-8859-7"}, {"sun_eu_greek", "iso-8859-7"},
	    {"csiso88598e", "iso-8859-8"}, {"visual", "iso-8859-8"},
	    {"csiso88598i", "iso-8859-8-i"}, {"logical", "iso-8859-8-i"},
	    {"latin6", "iso-8859-10"}, {"csisolatin9", "iso-8859-15"},
	    {"cskoi8r", "koi8-r"}, {"koi", "koi8-r"}, {"koi8_r", "koi8-r"},
	    {"csmacintosh", "macintosh"}, {"dos-874", "windows-874"},
	    {"iso8859-11", "windows-874"}, {"cp1250", "windows-1250"},
	    {"ibm819", "windows-1252"}, {"l1", "windows-1252"},
	    {"csisolatin5", "windows-1254"}, {"l5", "windows-1254"},
	    {"iso-ir-148", "windows-1254"}, {"x-cp1258", "windows-1258"},
	    {"x-mac-ukrainian", "x-mac-cyrillic"}, {"chinese", "gbk"},
	    {"csgb2312", "gbk"}, {"gb_2312-80", "gbk"}, {"iso-ir-58", "gbk"},
	    {"csbig5", "big5"}, {"cn-big5", "big5"}, {"x-x-big5", "big5"},
	    {"cseucpkdfmtjapanese", "euc-jp"}, {"csshiftjis", "shift_jis"},
	    {"ms_kanji", "shift_jis"}, {"csksc56011987", "euc-kr"},
	    {"ks_c_5601-1989", "euc-kr"}, {"ksc_5601", "euc-kr"},
	    {"korean", "euc-kr"}, {"windows-949", "euc-kr"},
	    {"iso-ir-149", "euc-kr"}, {"unicodefffe", "utf-16be"},
	    {"unicodefeff", "utf-16le"}, {"x-unicode20utf8", "utf-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const struct charset *a = charset_find(span_str(same[i].label));
		const struct charset *b = charset_find(span_str(same[i].like));

		if (a->kind == CHARSET_GUESS || a->kind != b->kind ||
		    (a->iconv != b->iconv && (a->iconv == NULL ||
		        b->iconv == NULL || strcmp(a->iconv, b->iconv) != 0)))
			fail_msg("%s is not read like %s", same[i].label,
			    same[i].like);
	}
}

/* What no table of labels holds never reaches iconv by name. */
static void
test_hostile_labels(void **state)
{
	static const char *const labels[] = {"UTF-8//TRANSLIT", "ISO-2022-CN-EXT",
	    "../../tmp/x", "INTERNAL", "UCS-4LE//IGNORE", "CSISO2022CN",
	    "IBM1390", "EBCDIC-US", "UTF-7-IMAP"};
	static char big[100000];
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	memset(big, '8', sizeof(big));
	charset_to_utf8(&b, span_of(big, sizeof(big)), SPAN_LIT("x"));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		charset_to_utf8(&b, span_str(labels[i]), SPAN_LIT("x"));
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], 'x');
	assert_int_equal(charset_find(span_str("ISO-2022-CN-EXT"))->kind,
	    CHARSET_GUESS);
	assert_int_equal(charset_find(span_str("EBCDIC-US"))->kind,
	    CHARSET_GUESS);
	buf_free(&b);
}

/* Back and forth: what a disclaimer needs. */
static void
test_from_utf8(void **state)
{
	static const struct {
		const char *label, *text;
		int rc;
	} cases[] = {
	    {"utf-8", "\xc3\xbc", 0}, {"iso-8859-1", "\xc3\xbc", 0},
	    {"koi8-r", "\xd0\xa2", 0}, {"iso-2022-jp", "\xe6\x97\xa5", 0},
	    {"gb2312", "\xe4\xb8\xad", 0}, {"utf-7", "\xc3\xbc", 0},
	    {"euc-kr", "\xed\x95\x9c", 0}, {"us-ascii", "\xc3\xbc", -1},
	    {"iso-8859-1", "\xe2\x82\xac", -1}, {"koi8-r", "\xc3\xbc", -1},
	    {"utf-16", "x", -1}, {"hz", "x", -1}, {"x-unknown", "\xc3\xbc", -1},
	    {"utf-8", "\xff", -1},
	};
	struct buf b, back;

	(void)state;
	buf_init(&b, 256);
	buf_init(&back, 256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span label = span_str(cases[i].label);

		buf_reset(&b);
		buf_reset(&back);
		assert_int_equal(charset_from_utf8(&b, label,
		    span_str(cases[i].text)), cases[i].rc);
		if (cases[i].rc == -1) {
			assert_int_equal(b.n, 0);
			continue;
		}
		charset_to_utf8(&back, label, buf_span(&b));
		assert_string_equal(buf_cstr(&back), cases[i].text);
	}
	buf_free(&b);
	buf_free(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_without_tables),
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test(test_labels),
	    cmocka_unit_test(test_hostile_labels),
	    cmocka_unit_test(test_from_utf8),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
