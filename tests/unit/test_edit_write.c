/* The header writer, and the encodings of what is written. */
#include "edit_fixture.h"

#include "lib/mail/charset.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_header.h"
#include "lib/mail/utf8.h"

static struct err err;

static void
assert_header(const char *name, const char *value, bool utf8,
    const char *want)
{
	buf_reset(&out);
	assert_int_equal(0, header_put(&out, name, span_str(value), utf8,
	    &err));
	assert_string_equal(want, buf_cstr(&out));
}

static void
test_header_put(void **state)
{
	(void)state;
	assert_header("A", "", false, "A: \r\n");
	assert_header("A", "x\r\nBcc: evil", false, "A: x\r\n Bcc: evil\r\n");
	assert_header("A", "x\n\r\n\n y\n", false, "A: x\r\n y\r\n");
	assert_header("A", "\r\n\r\nx", false, "A: x\r\n");
	assert_header("A", "a  b\tc\x01", false, "A: a  b\tc?\r\n");
	assert_header("A", "gr\xc3\xbc\xc3\x9f" "e an alle", false,
	    "A: =?utf-8?b?Z3LDvMOfZQ==?= an alle\r\n");
	assert_header("A", "gr\xc3\xbc\xc3\x9f" "e an alle", true,
	    "A: gr\xc3\xbc\xc3\x9f" "e an alle\r\n");
	assert_header("A", "\xfc", false, "A: =?utf-8?b?w7w=?=\r\n");
	assert_header("A", "=?utf-8?q?x?=", false,
	    "A: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n");
	assert_header("A", "a \xc3\xbc  \xc3\xbc b", false,
	    "A: a =?utf-8?b?w7wgIMO8?= b\r\n");
	assert_header("From", "\"M\xc3\xbcller, J\" <a@b>", false,
	    "From: =?utf-8?q?M=C3=BCller=2C_J?= <a@b>\r\n");
	assert_header("From", "\"M, J\" <a@b>, \"x\n\" y", false,
	    "From: \"M, J\" <a@b>, \"x\r\n \" y\r\n");
	assert_header("From", "\"a\\\n\xc3\xbc\"", false,
	    "From: \"a\\\r\n =?utf-8?b?w7wi?=\r\n");
	assert_header("Resent-To", "\"\\\"\xc3\xbc\\\\\"", false,
	    "Resent-To: =?utf-8?b?IsO8XA==?=\r\n");
	assert_header("Subject", "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd "
	    "eeeeeeeee fffffffff ggggggggg hhhhhhhhh", false,
	    "Subject: aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
	    "fffffffff ggggggggg\r\n hhhhhhhhh\r\n");
	assert_int_equal(-1, header_put(&out, "a b", SPAN_LIT(""), false,
	    &err));
}

/* As a reader must see it: one line, controls replaced. */
static void
expected_text(struct buf *want, struct span value)
{
	struct buf utf8;
	bool blank = false;

	buf_init(&utf8, value.n * CHARSET_GROWTH + 1);
	charset_to_utf8(&utf8, span_of(NULL, 0), value);
	for (size_t i = 0; i < utf8.n; i++) {
		unsigned char c = utf8.p[i];

		if (c == '\0')
			continue;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (blank && want->n > 0)
			buf_putc(want, ' ');
		blank = false;
		buf_putc(want, c < 0x20 || c == 0x7f ? '?' : c);
	}
	buf_free(&utf8);
}

static void
squeeze(struct buf *got, const char *s)
{
	bool blank = false;

	for (; *s != '\0'; s++) {
		if (*s == ' ') {
			blank = true;
			continue;
		}
		if (blank && got->n > 0)
			buf_putc(got, ' ');
		blank = false;
		buf_putc(got, *s);
	}
}

static size_t
random_value(unsigned char *v, size_t max)
{
	static const char *const piece[] = {"\r\n", "\n", "\r", " ", "  ", "\t",
		":", "\"", "\\", "=?utf-8?q?a?=", "=?", "?=", "\xc3\xbc",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", ",", "<a@b>",
		"word", "From: x", "\r\n\r\n", "--b", "."};
	int kind = rand() % 5;
	size_t n = (size_t)rand() % (kind == 0 ? max : 200), i = 0;

	while (i < n) {
		const char *p = piece[(size_t)rand() %
		    (sizeof(piece) / sizeof(piece[0]))];

		if (kind == 1) {
			v[i++] = (unsigned char)rand();
		} else if (kind == 0) {
			/* Long words. */
			v[i++] = rand() % 1000 ? 'x' : ' ';
		} else if (kind == 2 && rand() % 2) {
			v[i++] = (unsigned char)('a' + rand() % 26);
		} else if (i + strlen(p) <= n) {
			memcpy(v + i, p, strlen(p));
			i += strlen(p);
		} else {
			break;
		}
	}
	return i;
}

static void
check_lines(struct span s)
{
	size_t pos = 0;

	while (pos < s.n) {
		size_t end = span_chr(s, pos, '\n');

		assert_true(end < s.n && end > pos && s.p[end - 1] == '\r');
		assert_true(span_chr(span_sub(s, pos, end - 1 - pos), 0, '\r')
		    == end - 1 - pos);
		assert_true(end - 1 - pos <= HEADER_LINE_MAX);
		/* No line of blanks only: some take it for the end. */
		if (span_sub(s, pos, 1).p[0] == ' ')
			assert_true(span_trim(span_sub(s, pos, end - pos)).n
			    > 0);
		pos = end + 1;
	}
	assert_true(span_chr(s, 0, '\0') == s.n);
}

/*
 * S5: 20,000 random values. Exactly one field more, the neighbours and the
 * body untouched, and what a reader decodes is the value.
 */
static void
test_header_property(void **state)
{
	static const char rest[] = "Second: 2\r\n\r\nbody\r\n";
	static const char *const names[] = {"Subject", "X-Any", "From",
	    "Resent-Cc"};
	static unsigned char value[5000];

	(void)state;
	srand(20261124);
	for (int round = 0; round < 20000; round++) {
		size_t n = random_value(value, sizeof(value));
		const char *name = names[rand() % 4];
		bool utf8 = rand() % 2;
		struct arena a;
		struct buf want, got;
		struct mime *m;

		buf_reset(&out);
		assert_int_equal(0, header_put(&out, name, span_of(value, n),
		    utf8, &err));
		check_lines(buf_span(&out));
		if (!utf8)
			assert_true(utf8_is_ascii(buf_span(&out)));
		buf_puts(&out, rest);
		arena_init(&a, 1 << 20);
		m = mime_parse(buf_span(&out), &mime_limits_default, &a);
		assert_int_equal(2, m->part[0]->nfield);
		assert_true(span_ieqs(m->part[0]->field[0].name, name));
		assert_true(span_ieqs(m->part[0]->field[1].name, "Second"));
		assert_int_equal(out.n - 6, m->part[0]->body_off);
		if (name[0] == 'S' || name[0] == 'X') {
			buf_init(&want, 1 << 16);
			buf_init(&got, 1 << 16);
			expected_text(&want, span_of(value, n));
			squeeze(&got, mime_field_text(&m->part[0]->field[0],
			    &a));
			assert_string_equal(buf_cstr(&want), buf_cstr(&got));
			buf_free(&want);
			buf_free(&got);
		}
		arena_free(&a);
	}
}

static void
test_encode(void **state)
{
	static const char *const qp[][2] = {
		{"", ""},
		{"a b\nc", "a b\r\nc"},
		{"a \r\nb\t", "a=20\r\nb=09"},
		{"\r=-", "=0D=3D-"},
		{"-a\n--b", "=2Da\r\n=2D-b"},
		{"\xc3\xbc\n", "=C3=BC\r\n"},
	};
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof(qp) / sizeof(qp[0]); i++) {
		buf_reset(&out);
		encode_qp(&out, span_str(qp[i][0]));
		assert_string_equal(qp[i][1], buf_cstr(&out));
	}
	/* 76 fit on the last line, 75 before a soft line end. */
	memset(line, 'x', sizeof(line));
	line[75] = '-';
	for (size_t n = 76; n <= 77; n++) {
		buf_reset(&out);
		encode_qp(&out, span_of(line, n));
		assert_int_equal(n == 76 ? 76 : n + 3 + 2, out.n);
	}
	assert_memory_equal("=\r\n=2Dx", out.p + 75, 7);
	buf_reset(&out);
	encode_base64(&out, SPAN_LIT("abcdefg"), 8);
	assert_string_equal("YWJjZGVm\r\nZw==", buf_cstr(&out));
}

/* Encode, then decode with lib/mail's own reader: the text, CRLF for LF. */
static void
test_encode_round_trip(void **state)
{
	static const char *const piece[] = {"\n", "\r\n", " ", "\t", "-", "=",
		"\xc3\xbc", "x", "long words and more", ".", "\r"};

	(void)state;
	srand(7);
	for (int round = 0; round < 5000; round++) {
		struct buf text, want, wire, back;
		struct mime_part p = {.cte = round % 2 ? CTE_QP : CTE_BASE64};
		struct mime m = {.msg = {NULL, 0}};

		buf_init(&text, 1 << 16);
		buf_init(&want, 1 << 16);
		buf_init(&wire, 1 << 16);
		buf_init(&back, 1 << 16);
		for (int n = rand() % 60; n > 0; n--)
			buf_puts(&text, piece[rand() % 11]);
		for (size_t i = 0; i < text.n; i++) {
			if (round % 2 && text.p[i] == '\n' &&
			    (i == 0 || text.p[i - 1] != '\r'))
				buf_putc(&want, '\r');
			buf_putc(&want, text.p[i]);
		}
		if (round % 2)
			encode_qp(&wire, buf_span(&text));
		else
			encode_base64(&wire, buf_span(&text), ENCODE_LINE);
		for (size_t pos = 0; pos < wire.n;) {
			size_t end = span_chr(buf_span(&wire), pos, '\n');

			assert_true(end - pos <= 77);
			pos = end + 1;
		}
		m.msg = buf_span(&wire);
		p.body_end = wire.n;
		mime_body_decode(&m, &p, &back);
		assert_true(span_eq(buf_span(&want), buf_span(&back)));
		buf_free(&text);
		buf_free(&want);
		buf_free(&wire);
		buf_free(&back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_put),
		cmocka_unit_test(test_header_property),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_round_trip),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
