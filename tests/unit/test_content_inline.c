/* Files within texts (uuencode, yEnc, BinHex) and within TNEF. */
#include "content_fixture.h"

#include "lib/mail/binhex.h"
#include "lib/mail/tnef.h"

static const struct content *
must_find(const struct reading_of *r, enum content_how how, const char *want,
    const char *name)
{
	const struct content *c = content_find(r, how, span_str(want));

	if (c == NULL)
		fail_msg("\"%s\" is not there", want);
	if (name == NULL)
		assert_null(c->name);
	else
		assert_string_equal(c->name, name);
	assert_true(c->unseen);
	return c;
}

static void
test_uuencode(void **state)
{
	struct reading_of r = content_read(SPAN_LIT("Subject: x\n\n"
	    "hello\nbegin 644 a b.exe\n#86)C\n`\nend\n"
	    "begin today with no data\n"
	    "begin-base64 644 c.zip\nZGVm\n====\n"
	    "begin 600 d.com\njunk, which is skipped, follows\n"
	    "begin 600 e.com\n#9VAI\nsome words\n#86)C\n"));

	(void)state;
	must_find(&r, CONTENT_UUENCODE, "abc", "a b.exe");
	must_find(&r, CONTENT_UUENCODE, "def", "c.zip");
	must_find(&r, CONTENT_UUENCODE, "ghiabc", "e.com");
	assert_int_equal(r.list.n, 4);
	content_done(&r);
	/* Within an encoding. */
	r = content_read(SPAN_LIT("Content-Type: application/octet-stream\n"
	    "Content-Transfer-Encoding: base64\n\n"
	    "YmVnaW4gNjQ0IGEKIzg2KUMKYAplbmQK"));
	must_find(&r, CONTENT_UUENCODE, "abc", "a");
	content_done(&r);
	/* One block that does not end, and then the next. */
	r = content_read(SPAN_LIT("Subject: x\n\n"
	    "begin-base64 644 a.txt\nYWJj\n"
	    "begin-base64 644 b.exe\nZGVm\n====\n"));
	must_find(&r, CONTENT_UUENCODE, "abc", "a.txt");
	must_find(&r, CONTENT_UUENCODE, "def", "b.exe");
	content_done(&r);
}

static void
test_yenc(void **state)
{
	struct reading_of r = content_read(SPAN_LIT("Subject: x\n\n"
	    "=ybegin line=128 size=4 name=my file.exe\n"
	    "=ypart begin=1 end=4\n"
	    "\x8b\x8c=\x7d\x8d\n=yend size=4\n"));

	(void)state;
	/* "=" and a byte 64 higher: 0x7d - 64 - 42 = 0x13. */
	must_find(&r, CONTENT_YENC, "ab\x13" "c", "my file.exe");
	content_done(&r);
}

/* ---- BinHex ---- */

static void
hex_put(struct buf *text, const unsigned char *p, size_t n)
{
	static const char digits[] = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQR"
				     "STUVXYZ[`abcdefhijklmpqr";

	for (size_t bit = 0; bit < n * 8; bit += 6) {
		unsigned v = (unsigned)p[bit / 8] << 8;

		if (bit / 8 + 1 < n)
			v |= p[bit / 8 + 1];
		buf_putc(text, digits[v >> (10 - bit % 8) & 63]);
	}
}

static void
test_binhex(void **state)
{
	/* Name, version, type, creator, flags, lengths, checksum; the data:
	 * "ab", "c" three times by a run, a 0x90; its checksum. */
	static const unsigned char raw[] = "\5a.exe\0APPLABCD\0\0\0\0\0\6"
	    "\0\0\0\0\0\0" "abc\x90\3\x90\0" "\0\0";
	struct reading_of r;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_puts(&b, "Subject: x\n\n(This file must be converted with BinHex "
	    "4.0)\n\n:");
	hex_put(&b, raw, sizeof(raw) - 1);
	buf_puts(&b, ":\nmore text\n(This file must be converted with BinHex)\n"
	    "no data\n(This file must be converted with BinHex)\n");
	r = content_read(buf_span(&b));
	must_find(&r, CONTENT_BINHEX, "abccc\x90", "a.exe");
	assert_int_equal(r.list.n, 2);
	content_done(&r);
	buf_free(&b);
}

/* The words may stand anywhere in their line, or be missing. */
static void
test_binhex_bare(void **state)
{
	static const unsigned char raw[] = "\5a.exe\0APPLABCD\0\0\0\0\0\3"
	    "\0\0\0\0\0\0" "abc" "\0\0";
	static const char *const before[] = {"",
	    "> (This file must be converted with BinHex 4.0)\n\n"};
	unsigned char odd[sizeof(raw) - 1];
	struct reading_of r;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < 2; i++) {
		buf_reset(&b);
		buf_printf(&b, "Content-Type: application/mac-binhex40\n\n%s:",
		    before[i]);
		hex_put(&b, raw, sizeof(raw) - 1);
		buf_puts(&b, ":\n");
		r = content_read(buf_span(&b));
		must_find(&r, CONTENT_BINHEX, "abc", "a.exe");
		content_done(&r);
		setup(NULL);
	}
	/* No header of a file. */
	memcpy(odd, raw, sizeof(odd));
	odd[6] = 1;
	buf_reset(&b);
	buf_puts(&b, "Content-Type: application/mac-binhex40\n\n:");
	hex_put(&b, odd, sizeof(odd));
	buf_puts(&b, ":\n");
	r = content_read(buf_span(&b));
	assert_int_equal(r.list.n, 1);
	content_done(&r);
	buf_free(&b);
}

/* ---- TNEF ---- */

static void
le(struct buf *b, uint32_t v, size_t bytes)
{
	for (; bytes > 0; bytes--, v >>= 8)
		buf_putc(b, (int)(v & 0xff));
}

static void
attribute(struct buf *b, int level, uint32_t id, struct span data)
{
	buf_putc(b, level);
	le(b, id, 4);
	le(b, (uint32_t)data.n, 4);
	buf_puts_span(b, data);
	le(b, 0, 2);
}

static void
property(struct buf *b, uint32_t type, uint32_t id, struct span v)
{
	le(b, type, 2);
	le(b, id, 2);
	le(b, 1, 4);
	le(b, (uint32_t)v.n, 4);
	buf_puts_span(b, v);
	while (b->n % 4 != 0)
		buf_putc(b, 0);
}

static void
start(struct buf *b)
{
	le(b, 0x223e9f78, 4);
	le(b, 1, 2);
}

/* What MS-OXRTFCP gives as an example. */
static const unsigned char rtf[] = {0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a,
    0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63,
    0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65,
    0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a,
    0x80, 0x0f, 0xa0};

static void
build_tnef(struct buf *b)
{
	struct buf inner, props;

	buf_init(&inner, 4096);
	buf_init(&props, 4096);
	start(&inner);
	attribute(&inner, 2, 0x00069002, SPAN_LIT("x"));
	attribute(&inner, 2, 0x00018010, SPAN_LIT("deep.exe\0"));
	attribute(&inner, 2, 0x0006800f, SPAN_LIT("deep data"));

	start(b);
	/* Message: one named property that is skipped, then the RTF body. */
	le(&props, 2, 4);
	le(&props, 0x1e, 2);
	le(&props, 0x8001, 2);
	buf_puts_span(&props, SPAN_LIT("0123456789abcdef"));
	le(&props, 1, 4);
	le(&props, 4, 4);
	buf_puts_span(&props, SPAN_LIT("n\0a\0"));
	le(&props, 1, 4);
	le(&props, 4, 4);
	buf_puts(&props, "text");
	property(&props, 0x102, 0x1009, span_of(rtf, sizeof(rtf)));
	attribute(b, 1, 0x00069003, buf_span(&props));

	attribute(b, 2, 0x00069002, SPAN_LIT("x"));
	attribute(b, 2, 0x00018010, SPAN_LIT("LONGNA~1.EXE\0"));
	attribute(b, 2, 0x0006800f, SPAN_LIT("file one"));
	buf_reset(&props);
	le(&props, 2, 4);
	le(&props, 3, 2);
	le(&props, 0x0e20, 2);
	le(&props, 7, 4);
	property(&props, 0x1f, 0x3707, SPAN_LIT("l\0o\0n\0g\0.\0e\0x\0e\0"));
	attribute(b, 2, 0x00069005, buf_span(&props));

	attribute(b, 2, 0x00069002, SPAN_LIT("x"));
	attribute(b, 2, 0x00018010, SPAN_LIT("two.doc\0"));
	attribute(b, 2, 0x0006800f, SPAN_LIT("file two"));

	attribute(b, 2, 0x00069002, SPAN_LIT("x"));
	buf_reset(&props);
	le(&props, 1, 4);
	le(&props, 0xd, 2);
	le(&props, 0x3701, 2);
	le(&props, 1, 4);
	le(&props, (uint32_t)(16 + inner.n), 4);
	buf_puts_span(&props, SPAN_LIT("an interface id."));
	buf_puts_span(&props, buf_span(&inner));
	attribute(b, 2, 0x00069005, buf_span(&props));
	buf_free(&inner);
	buf_free(&props);
}

static void
test_tnef(void **state)
{
	struct buf tnef, mail;
	struct reading_of r;

	(void)state;
	buf_init(&tnef, 8192);
	buf_init(&mail, 8192);
	build_tnef(&tnef);
	buf_puts(&mail, "Content-Type: application/ms-tnef\n"
	    "Content-Transfer-Encoding: binary\n\n");
	buf_puts_span(&mail, buf_span(&tnef));
	r = content_read(buf_span(&mail));
	must_find(&r, CONTENT_TNEF, "file one", "long.exe");
	must_find(&r, CONTENT_TNEF, "file two", "two.doc");
	must_find(&r, CONTENT_TNEF, "deep data", "deep.exe");
	must_find(&r, CONTENT_TNEF, "{\\rtf1\\ansi\\ansicpg1252\\pard hello "
	    "world}\r\n", "body.rtf");
	assert_int_equal(r.list.n, 5);
	content_done(&r);
	/* Every beginning of it is read without harm. */
	for (size_t n = 0; n < mail.n; n++) {
		r = content_read(span_sub(buf_span(&mail), 0, n));
		assert_true(r.list.n <= 5);
		content_done(&r);
	}
	buf_free(&tnef);
	buf_free(&mail);
}

static void
test_rtf(void **state)
{
	static const unsigned char stored[] = "\x11\0\0\0\5\0\0\0MELA\0\0\0\0"
					      "{abc}";
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_true(tnef_rtf(span_of(stored, sizeof(stored) - 1), &b));
	assert_string_equal(buf_cstr(&b), "{abc}");
	assert_false(tnef_rtf(SPAN_LIT("0123456789ab"), &b));
	assert_false(tnef_rtf(SPAN_LIT("0123456789abcdefgh"), &b));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_uuencode, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_yenc, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_binhex, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_binhex_bare, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_tnef, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rtf, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
