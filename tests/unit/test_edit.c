/* Edits of the header, and replaced parts. */
#include "edit_fixture.h"

static struct err err;

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

/* A first line that continues nothing must not continue our field. */
static void
test_orphan_line(void **state)
{
	struct edit *e = edit_of(SPAN_LIT(" from the sender\r\nA: 1\r\n\r\n"
	    "body\r\n"));

	(void)state;
	assert_int_equal(0, edit_header_add(e, "X-One", "1", &err));
	assert_int_equal(0, edit_header_add(e, "X-Two", "2", &err));
	assert_written(e, "X-One: 1\r\nX-Two: 2\r\nX-PMG-Orphan: from the "
	    "sender\r\nA: 1\r\n\r\nbody\r\n");
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
	assert_written(e, "X-PMG-A: 7\r\nB: 2\r\nX-PM: 5\r\n\r\n"
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
	assert_written(e, "X-New: n\r\nReceived: a\r\n\tb\r\n"
	    "Subject: SPAM: x\r\nx-spam: 9\r\nTo: y\r\n\r\nbody\r\n");
	/* Again: the last value counts. */
	assert_int_equal(0, edit_header_set(e, "X-SPAM", "10", &err));
	assert_int_equal(0, edit_header_set(e, "x-new", "m", &err));
	assert_written(e, "x-new: m\r\nReceived: a\r\n\tb\r\n"
	    "Subject: SPAM: x\r\nX-SPAM: 10\r\nTo: y\r\n\r\nbody\r\n");
	/* Removed after all, then set: on top. */
	assert_int_equal(1, edit_header_remove(e, "X-Spam"));
	assert_int_equal(1, edit_header_remove(e, "X-New"));
	assert_int_equal(0, edit_header_set(e, "X-Spam", "11", &err));
	assert_written(e, "X-Spam: 11\r\nReceived: a\r\n\tb\r\n"
	    "Subject: SPAM: x\r\nTo: y\r\n\r\nbody\r\n");
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
};

/* Headers that end in odd ways must still end before the body. */
static void
test_odd_headers(void **state)
{
	static const struct odd_case cases[] = {
		{"", "X: 1\r\n"},
		{"A: b", "X: 1\r\nA: b"},
		{"A: b\r\n", "X: 1\r\nA: b\r\n"},
		{"A: b\r\n\r\n", "X: 1\r\nA: b\r\n\r\n"},
		{"A: b\n\nx\n", "X: 1\r\nA: b\n\nx\n"},
		{"\r\nbody\r\n", "X: 1\r\n\r\nbody\r\n"},
		{"just text\r\n", "X: 1\r\n\r\njust text\r\n"},
		{"A: b\r\nno field\r\n", "X: 1\r\nA: b\r\n\r\nno field\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct edit *e = edit_of(span_str(cases[i].msg));

		edit_header_add(e, "X", "1", &err);
		assert_written(e, cases[i].added);
		e = edit_of(span_str(cases[i].msg));
		edit_header_set(e, "X", "1", &err);
		assert_written(e, cases[i].added);
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
	edit_disclaimer(e, "disclaimer", 0);
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

	/* The line that had no end is one that goes. */
	m = mime_parse(SPAN_LIT("Content-Type: text/plain"),
	    &mime_limits_default, &arena);
	e = edit_new(m, false, &arena);
	assert_int_equal(edit_header_set(e, "Subject", "s", NULL), 0);
	edit_part_replace(e, m->part[0], NULL, "gone", false);
	assert_written(e, "Subject: s\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\ngone\r\n");

	/* A field that an edit had added before goes as well. */
	m = mime_parse(SPAN_LIT("Content-Type: text/plain; charset=utf-8\r\n"
	    "\r\nx\r\n"), &mime_limits_default, &arena);
	e = edit_new(m, false, &arena);
	assert_int_equal(1, edit_disclaimer(e, "\xc3\xbc", 0));
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

/* What is attached to an attached mail goes; who wrote it stays. */
static void
test_embedded_root_replace(void **state)
{
	struct mime *m = mime_parse(SPAN_LIT(
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "From: a@x\r\nContent-Type: application/zip\r\n"
	    "Subject: s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	    "UEsD\r\n--b--\r\n"), &mime_limits_default, &arena);
	struct edit *e = edit_new(m, false, &arena);

	(void)state;
	assert_int_equal(3, m->npart);
	edit_part_replace(e, m->part[2], "R.txt", "gone", false);
	assert_true(edit_part_replaced(e, m->part[2]));
	assert_false(edit_part_replaced(e, m->part[1]));
	buf_reset(&out);
	edit_write(e, &out);
	assert_string_equal(
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "From: a@x\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Disposition: attachment;\r\n filename=\"R.txt\"\r\n\r\n"
	    "gone\r\n--b--\r\n", buf_cstr(&out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_orphan_line),
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
		cmocka_unit_test(test_embedded_root_replace),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
