/* Files within signed S/MIME, calendars and address cards, and uuencode that is
 * written in other ways. */
#include "content_fixture.h"

#include "lib/mail/cms.h"
#include "lib/mail/cte_variant.h"

#define SIGNED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define DATA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"

static bool
has_content(struct span der, const char *want)
{
	struct buf out;
	bool ok;

	buf_init(&out, 4096);
	ok = cms_signed_content(der, &out) && strcmp(buf_cstr(&out), want) == 0;
	buf_free(&out);
	return ok;
}

/* Version, no algorithms, and a content of two bytes or in two pieces. */
static const unsigned char definite[] = "\x30\x27" SIGNED
    "\xa0\x1a\x30\x18\x02\x01\x01\x31\x00\x30\x11" DATA "\xa0\x04\x04\x02hi";
static const unsigned char pieces[] = "\x30\x80" SIGNED
    "\xa0\x80\x30\x80\x02\x01\x01\x31\x80\x00\x00\x30\x80" DATA
    "\xa0\x80\x24\x80\x04\x02he\x24\x80\x04\x01l\x00\x00\x04\x02lo"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
static const unsigned char detached[] = "\x30\x21" SIGNED
    "\xa0\x14\x30\x12\x02\x01\x01\x31\x00\x30\x0b" DATA;

static void
test_cms(void **state)
{
	struct span whole = span_of(pieces, sizeof(pieces) - 1);

	(void)state;
	assert_true(has_content(span_of(definite, sizeof(definite) - 1),
	    "hi"));
	assert_true(has_content(whole, "hello"));
	assert_false(has_content(span_of(detached, sizeof(detached) - 1), ""));
	assert_false(has_content(SPAN_LIT("hello"), ""));
	/* What is cut short never reads past its end. */
	for (size_t n = 0; n < whole.n; n++) {
		unsigned char *copy = malloc(n + 1);
		struct buf out;

		memcpy(copy, pieces, n);
		buf_init(&out, 4096);
		cms_signed_content(span_of(copy, n), &out);
		buf_free(&out);
		free(copy);
	}
}

static void
test_signed(void **state)
{
	struct buf b;
	struct reading_of r;

	(void)state;
	buf_init(&b, 4096);
	buf_puts(&b, "Content-Type: application/pkcs7-mime\n\n");
	buf_put(&b, pieces, sizeof(pieces) - 1);
	r = content_read(buf_span(&b));
	assert_non_null(content_find(&r, CONTENT_SIGNED, SPAN_LIT("hello")));
	content_done(&r);
	buf_free(&b);
}

static void
test_properties(void **state)
{
	struct reading_of r = content_read(SPAN_LIT(
	    "Content-Type: text/calendar\n\n"
	    "begin:vcalendar\n"
	    "ATTACH;X=\"a:b\";ENCODING=BASE64;X-FILENAME=\"a;b.exe\":YW\n Jj\n"
	    "ATTACH;encoding=\"b\":ZGV\r\n\tm\r\n"
	    "PHOTO;BASE64:Z2hp\n"
	    "KEY:data:application/x;x=y;base64,amts\n"
	    "NOTE:data:,bW5v\n"
	    "ATTACH:http://a.example/ENCODING=BASE64:bW5v\n"));
	const struct content *c;

	(void)state;
	c = content_find(&r, CONTENT_PROPERTY, SPAN_LIT("abc"));
	assert_non_null(c);
	assert_string_equal(c->name, "a;b.exe");
	assert_true(c->unseen);
	assert_non_null(content_find(&r, CONTENT_PROPERTY, SPAN_LIT("def")));
	assert_non_null(content_find(&r, CONTENT_PROPERTY, SPAN_LIT("ghi")));
	assert_non_null(content_find(&r, CONTENT_PROPERTY, SPAN_LIT("jkl")));
	assert_null(content_find(&r, CONTENT_PROPERTY, SPAN_LIT("mno")));
	content_done(&r);
}

static void
test_loose_begin(void **state)
{
	static const char *const begins[] = {"begin  644  a", "begin\t644\ta",
	    "BEGIN 644 a", "begin 64 a", "begin 100644 a", "begin a",
	    "begin 644", "  begin 644 a"};

	(void)state;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		struct reading_of r;
		struct buf b;

		buf_init(&b, 4096);
		buf_printf(&b, "Subject: x\n\n%s\n#86)C\n`\nend\n", begins[i]);
		r = content_read(buf_span(&b));
		if (content_find(&r, CONTENT_UUENCODE, SPAN_LIT("abc")) == NULL)
			fail_msg("%s", begins[i]);
		content_done(&r);
		buf_free(&b);
	}
}

/* Words in a block are no begin, and lost blanks are zeros to some. */
static void
test_stripped(void **state)
{
	struct reading_of r = content_read(SPAN_LIT("Subject: x\n\n"
	    "begin 644 a\n#86)C\nbegin here\n&9&5F\n`\nend\n"));

	(void)state;
	assert_non_null(content_find(&r, CONTENT_UUENCODE, SPAN_LIT("abc")));
	assert_non_null(content_find(&r, CONTENT_UUENCODE,
	    SPAN_LIT("abcdef\0\0\0")));
	content_done(&r);
}

static void
test_binhex_intro(void **state)
{
	struct reading_of r = content_read(SPAN_LIT("Subject: x\n\n"
	    "(This file must be converted; you knew that already.)\n\n"
	    ":!@%!3NP139GD59!!!!!!!!-!!!!!DRPKBQ2&$!!!:\n"));

	(void)state;
	assert_non_null(content_find(&r, CONTENT_BINHEX, SPAN_LIT("abc")));
	content_done(&r);
}

static void
test_url_alphabet(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	base64_decode_style(SPAN_LIT("-_-_"), B64_URL, &b);
	assert_string_equal(buf_cstr(&b), "\xfb\xff\xbf");
	assert_true(base64_style_for(B64_URL, base64_odd(SPAN_LIT("-_-_"))));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cms),
	    cmocka_unit_test_setup_teardown(test_signed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_properties, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_loose_begin, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stripped, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_binhex_intro, setup, teardown),
	    cmocka_unit_test(test_url_alphabet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
