/* Edits of the header, replaced parts, and the header writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/base/buf.h"
#include "lib/mail/charset.h"
#include "lib/mail/edit.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_header.h"
#include "lib/mail/utf8.h"

static struct arena arena;
static struct buf out;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	arena_init(&arena, 128 << 20);
	buf_init(&out, 32 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	buf_free(&out);
	return 0;
}

static struct edit *
edit_of(struct span msg)
{
	struct edit *e = edit_new(mime_parse(msg, &mime_limits_default,
	    &arena), false, &arena);

	assert_non_null(e);
	return e;
}

static void
assert_written(const struct edit *e, const char *want)
{
	buf_reset(&out);
	edit_write(e, &out);
	assert_false(out.overflow);
	assert_string_equal(want, buf_cstr(&out));
}

#define MSG "Received: a\r\n\tb\r\nSubject: x\r\nX-Spam: 1\r\nx-spam : 2\r\n" \
	"To: y\r\nX-Spam:\r\n 3\r\n\r\nbody\r\n"

static void
test_untouched(void **state)
{
	/* Bare line ends, NUL, no final line end: exactly as it came. */
	static const char odd[] = "A: b\nC:d\r\r\n\n\0x\r.\n\n.";
	struct edit *e = edit_of(span_of(odd, sizeof(odd) - 1));

	(void)state;
	assert_true(edit_empty(e));
	assert_int_equal(0, edit_header_remove(e, "nothing"));
	assert_true(edit_empty(e));
	buf_reset(&out);
	edit_write(e, &out);
	assert_true(span_eq(span_of(odd, sizeof(odd) - 1), buf_span(&out)));
}

static void
test_add(void **state)
{
	struct edit *e = edit_of(span_str(MSG));

	(void)state;
	assert_int_equal(0, edit_header_add(e, "X-One", "1", &err));
	assert_false(edit_empty(e));
	assert_int_equal(0, edit_header_add(e, "X-Two", "zwei \xc3\xbc", &err));
	assert_written(e, "X-One: 1\r\nX-Two: zwei =?utf-8?b?w7w=?=\r\n" MSG);
	assert_int_equal(-1, edit_header_add(e, "X Two", "", &err));
	assert_int_equal(-1, edit_header_add(e, "", "", &err));
	assert_int_equal(-1, edit_header_add(e, "X:", "", &err));
	assert_int_equal(-1, edit_header_add(e, "X\r\nY", "", &err));
	assert_int_equal(-1, edit_header_add(e, "X\xc3\xbc", "", &err));
}

static void
test_remove(void **state)
{
	struct edit *e = edit_of(span_str(MSG));

	(void)state;
	assert_int_equal(3, edit_header_remove(e, "x-SPAM"));
	assert_int_equal(0, edit_header_remove(e, "X-Spam"));
	assert_int_equal(1, edit_header_remove(e, "received"));
	assert_written(e, "Subject: x\r\nTo: y\r\n\r\nbody\r\n");
}

static void
test_remove_prefix(void **state)
{
	struct edit *e = edit_of(SPAN_LIT("X-PMG-A: 1\r\nB: 2\r\nx-pmg-b:\r\n"
	    " 3\r\nX-PMG-A: 4\r\nX-PM: 5\r\n\r\nX-PMG-A: 6\r\n"));

	(void)state;
	assert_int_equal(1, edit_header_remove(e, "X-PMG-B"));
	assert_int_equal(2, edit_header_remove_prefix(e, "X-PMG-"));
	assert_int_equal(0, edit_header_remove_prefix(e, "X-PMG-"));
	assert_int_equal(0, edit_header_remove(e, "X-PMG-A"));
	assert_int_equal(0, edit_header_set(e, "X-PMG-A", "7", &err));
	assert_written(e, "B: 2\r\nX-PM: 5\r\nX-PMG-A: 7\r\n\r\n"
	    "X-PMG-A: 6\r\n");
}

/* Many fields to remove, many times: still one walk each. */
static void
test_remove_many(void **state)
{
	enum { N = 100000 };
	struct buf msg;
	struct edit *e;

	(void)state;
	buf_init(&msg, 4 << 20);
	for (int i = 0; i < N; i++)
		buf_puts(&msg, "X-A: b\r\nX-B: c\r\n");
	buf_puts(&msg, "\r\nbody\r\n");
	e = edit_of(buf_span(&msg));
	assert_int_equal(N, edit_header_remove(e, "X-B"));
	for (int i = 0; i < 20; i++)
		assert_int_equal(0, edit_header_remove(e, "X-B"));
	assert_int_equal(N, edit_header_remove_prefix(e, "X-"));
	assert_written(e, "\r\nbody\r\n");
	buf_free(&msg);
}

/* A header that goes on beyond the parser's cap hides nothing. */
static void
test_remove_beyond_cap(void **state)
{
	struct buf msg;
	struct edit *e;

	(void)state;
	buf_init(&msg, 1 << 20);
	for (int i = 0; i < 3000; i++)
		buf_puts(&msg, "A: b\r\n");
	buf_puts(&msg, "X-PMG-Forged: 1\r\n\r\nbody\r\n");
	e = edit_of(buf_span(&msg));
	assert_int_equal(1, edit_header_remove(e, "X-PMG-Forged"));
	buf_reset(&out);
	edit_write(e, &out);
	assert_int_equal(3000 * 6 + 2 + 6, out.n);
	buf_free(&msg);
}

static void
test_set(void **state)
{
	struct edit *e = edit_of(span_str(MSG));

	(void)state;
	assert_int_equal(0, edit_header_set(e, "x-spam", "9", &err));
	assert_int_equal(0, edit_header_set(e, "Subject", "SPAM: x", &err));
	assert_int_equal(0, edit_header_set(e, "X-New", "n", &err));
	assert_written(e, "Received: a\r\n\tb\r\nSubject: SPAM: x\r\n"
	    "x-spam: 9\r\nTo: y\r\nX-New: n\r\n\r\nbody\r\n");
	/* Again: the last value counts. */
	assert_int_equal(0, edit_header_set(e, "X-SPAM", "10", &err));
	assert_int_equal(0, edit_header_set(e, "x-new", "m", &err));
	assert_written(e, "Received: a\r\n\tb\r\nSubject: SPAM: x\r\n"
	    "X-SPAM: 10\r\nTo: y\r\nx-new: m\r\n\r\nbody\r\n");
	/* Removed after all, then set: at the end. */
	assert_int_equal(1, edit_header_remove(e, "X-Spam"));
	assert_int_equal(1, edit_header_remove(e, "X-New"));
	assert_int_equal(0, edit_header_set(e, "X-Spam", "11", &err));
	assert_written(e, "Received: a\r\n\tb\r\nSubject: SPAM: x\r\n"
	    "To: y\r\nX-Spam: 11\r\n\r\nbody\r\n");
	assert_int_equal(-1, edit_header_set(e, "X Y", "1", &err));
}

/* The first field of the message replaced, and one put on top of it. */
static void
test_add_and_first_field(void **state)
{
	struct edit *e = edit_of(SPAN_LIT("A: 1\r\nB: 2\r\n\r\nx"));

	(void)state;
	edit_header_remove(e, "A");
	edit_header_add(e, "Top", "t", &err);
	assert_written(e, "Top: t\r\nB: 2\r\n\r\nx");
}

struct odd_case {
	const char *msg;
	const char *added;	/* X: 1 on top */
	const char *set;	/* X: 1 at the end */
};

/* Headers that end in odd ways must still end before the body. */
static void
test_odd_headers(void **state)
{
	static const struct odd_case cases[] = {
		{"", "X: 1\r\n", "X: 1\r\n"},
		{"A: b", "X: 1\r\nA: b", "A: b\r\nX: 1\r\n"},
		{"A: b\r\n", "X: 1\r\nA: b\r\n", "A: b\r\nX: 1\r\n"},
		{"A: b\r\n\r\n", "X: 1\r\nA: b\r\n\r\n",
		    "A: b\r\nX: 1\r\n\r\n"},
		{"A: b\n\nx\n", "X: 1\r\nA: b\n\nx\n", "A: b\nX: 1\r\n\nx\n"},
		{"\r\nbody\r\n", "X: 1\r\n\r\nbody\r\n",
		    "X: 1\r\n\r\nbody\r\n"},
		{"just text\r\n", "X: 1\r\n\r\njust text\r\n",
		    "X: 1\r\n\r\njust text\r\n"},
		{"A: b\r\nno field\r\n", "X: 1\r\nA: b\r\n\r\nno field\r\n",
		    "A: b\r\nX: 1\r\n\r\nno field\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct edit *e = edit_of(span_str(cases[i].msg));

		edit_header_add(e, "X", "1", &err);
		assert_written(e, cases[i].added);
		e = edit_of(span_str(cases[i].msg));
		edit_header_set(e, "X", "1", &err);
		assert_written(e, cases[i].set);
	}
}

static void
test_arena_full(void **state)
{
	struct arena tiny;
	struct mime *m = mime_parse(span_str(MSG), &mime_limits_default,
	    &arena);
	struct edit *e;

	(void)state;
	arena_init(&tiny, 300);
	e = edit_new(m, false, &tiny);
	assert_non_null(e);
	for (int i = 0; i < 20; i++)
		edit_header_add(e, "X", "a value", &err);
	buf_reset(&out);
	edit_write(e, &out);
	assert_true(out.overflow);
	assert_false(edit_empty(e));
	buf_reset(&out);
	arena_free(&tiny);
	arena_init(&tiny, 8);
	assert_null(edit_new(m, false, &tiny));
	arena_free(&tiny);
}

#define MULTI "MIME-Version: 1.0\r\n" \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n" \
	"\r\ntext\r\n--b\r\n" \
	"Content-Type: application/octet-stream; name=evil.exe\r\n" \
	"Content-Transfer-Encoding: base64\r\n\r\nTVo=\r\n--b--\r\nepi\r\n"

static void
test_part_replace(void **state)
{
	struct edit *e = edit_of(span_str(MULTI));
	struct mime *m;

	(void)state;
	m = mime_parse(span_str(MULTI), &mime_limits_default, &arena);
	assert_int_equal(3, m->npart);
	e = edit_new(m, false, &arena);
	edit_part_replace(e, m->part[2], "gone \xc3\xbc.txt",
	    "-b\n--b--\nremoved: ev\xc3\xadl\r\n", false);
	assert_written(e, "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n"
	    "\r\ntext\r\n--b\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Disposition: attachment;\r\n"
	    " filename*=utf-8''gone%20%C3%BC%2Etxt\r\n\r\n"
	    "=2Db\r\n=2D-b--\r\nremoved: ev=C3=ADl\r\n\r\n--b--\r\nepi\r\n");
	m = mime_parse(buf_span(&out), &mime_limits_default, &arena);
	assert_int_equal(3, m->npart);
	assert_int_equal(0, m->defects);
	assert_string_equal("text", m->part[2]->type);
	assert_string_equal("gone \xc3\xbc.txt", m->part[2]->filename);
}

/* The message itself; a multipart with children that were edited. */
static void
test_root_replace(void **state)
{
	struct mime *m = mime_parse(span_str("Subject: s\r\n" MULTI),
	    &mime_limits_default, &arena);
	struct edit *e = edit_new(m, false, &arena);

	(void)state;
	edit_disclaimer(e, "disclaimer", false, false);
	edit_part_replace(e, m->part[2], "x", "y", false);
	edit_part_replace(e, m->part[0], "x", "all gone", false);
	edit_header_set(e, "Subject", "t", &err);
	assert_written(e, "Subject: t\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "all gone\r\n");

	m = mime_parse(SPAN_LIT("Subject: s"), &mime_limits_default, &arena);
	e = edit_new(m, false, &arena);
	edit_part_replace(e, m->part[0], NULL, "<b>gone</b>", true);
	assert_written(e, "Subject: s\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<b>gone</b>\r\n");

	/* A field that an edit had added before goes as well. */
	m = mime_parse(SPAN_LIT("Content-Type: text/plain; charset=utf-8\r\n"
	    "\r\nx\r\n"), &mime_limits_default, &arena);
	e = edit_new(m, false, &arena);
	assert_int_equal(1, edit_disclaimer(e, "\xc3\xbc", false, false));
	edit_part_replace(e, m->part[0], NULL, "gone", false);
	assert_written(e, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\ngone\r\n");
}

/* Parts whose body ends right at the delimiter, and nested removal. */
static void
test_part_replace_tight(void **state)
{
	static const char *const msgs[] = {
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: image/png\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\n\n"
		"--b\nContent-Type: image/png\n\nx\n--b--\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: image/png\r\n\r\nx",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(msgs) / sizeof(msgs[0]); i++) {
		struct mime *m = mime_parse(span_str(msgs[i]),
		    &mime_limits_default, &arena);
		struct edit *e = edit_new(m, false, &arena);
		struct buf body;

		assert_int_equal(2, m->npart);
		edit_part_replace(e, m->part[1], "r.txt", "gone\n", false);
		buf_reset(&out);
		edit_write(e, &out);
		m = mime_parse(buf_span(&out), &mime_limits_default, &arena);
		assert_int_equal(2, m->npart);
		assert_string_equal("plain", m->part[1]->subtype);
		assert_string_equal("r.txt", m->part[1]->filename);
		buf_init(&body, 1000);
		mime_body_decode(m, m->part[1], &body);
		assert_string_equal("gone\r\n", buf_cstr(&body));
		buf_free(&body);
	}
}

/* --- the header writer ------------------------------------------------- */

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
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_remove_prefix),
		cmocka_unit_test(test_remove_many),
		cmocka_unit_test(test_remove_beyond_cap),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_add_and_first_field),
		cmocka_unit_test(test_odd_headers),
		cmocka_unit_test(test_arena_full),
		cmocka_unit_test(test_part_replace),
		cmocka_unit_test(test_root_replace),
		cmocka_unit_test(test_part_replace_tight),
		cmocka_unit_test(test_header_put),
		cmocka_unit_test(test_header_property),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_round_trip),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
