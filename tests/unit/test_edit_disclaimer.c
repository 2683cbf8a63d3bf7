/* Disclaimers: which parts, which place, which bytes. */
#include "edit_fixture.h"

#include "lib/mail/edit_html.h"

/* Adds html to msg and returns how many parts changed; the result in out. */
static int
add(struct span msg, const char *html, bool at_start, bool separator)
{
	struct edit *e = edit_of(msg);
	int n = edit_disclaimer(e, html, at_start, separator);

	buf_reset(&out);
	edit_write(e, &out);
	assert_false(out.overflow);
	return n;
}

static void
assert_added(const char *msg, const char *html, bool at_start, bool separator,
    const char *want)
{
	assert_int_equal(1, add(span_str(msg), html, at_start, separator));
	assert_string_equal(want, buf_cstr(&out));
}

static void
assert_left_alone(const char *msg, const char *html)
{
	assert_int_equal(0, add(span_str(msg), html, false, true));
	assert_string_equal(msg, buf_cstr(&out));
}

/* Decoded body of part i of what was written. */
static const char *
body(size_t i)
{
	static struct buf b;
	struct mime *m = mime_parse(buf_span(&out), &mime_limits_default,
	    &arena);

	buf_free(&b);
	buf_init(&b, 1 << 20);
	assert_true(i < m->npart);
	mime_body_decode(m, m->part[i], &b);
	return buf_cstr(&b);
}

#define PLAIN "Subject: x\r\n\r\nhello\r\n"

static void
test_plain(void **state)
{
	(void)state;
	assert_added(PLAIN, "<p>Dis &amp; claimer</p>", false, false,
	    PLAIN "Dis & claimer\r\n");
	assert_added(PLAIN, "Dis<br>claimer", false, true,
	    PLAIN "--\r\nDis\r\nclaimer\r\n");
	assert_added(PLAIN, "Dis", true, true,
	    "Subject: x\r\n\r\nDis\r\n--\r\nhello\r\n");
	/* No line end at the end, nothing at all, no empty line. */
	assert_added("Subject: x\r\n\r\nhello", "Dis", false, false,
	    "Subject: x\r\n\r\nhello\r\nDis");
	assert_added("Subject: x\r\n\r\n", "Dis", false, false,
	    "Subject: x\r\n\r\nDis\r\n");
	assert_added("Subject: x\r\n", "Dis", false, false,
	    "Subject: x\r\n\r\nDis\r\n");
}

static void
test_twice(void **state)
{
	struct mime *m = mime_parse(SPAN_LIT(PLAIN), &mime_limits_default,
	    &arena);
	struct edit *e = edit_new(m, false, &arena);

	(void)state;
	assert_int_equal(1, edit_disclaimer(e, "one", false, false));
	assert_int_equal(1, edit_disclaimer(e, "two", false, false));
	assert_int_equal(1, edit_disclaimer(e, "top", true, false));
	buf_reset(&out);
	edit_write(e, &out);
	assert_string_equal("Subject: x\r\n\r\ntop\r\nhello\r\none\r\ntwo\r\n",
	    buf_cstr(&out));
}

#define TYPE(t) "MIME-Version: 1.0\r\nContent-Type: " t "\r\n"
#define CTE(c) "Content-Transfer-Encoding: " c "\r\n"

static void
test_charsets(void **state)
{
	(void)state;
	/* us-ascii cannot say it. */
	assert_left_alone(PLAIN, "Gr\xc3\xbc\xc3\x9f" "e");
	assert_left_alone(TYPE("text/plain; charset=us-ascii") "\r\nx\r\n",
	    "&uuml;");
	assert_left_alone(TYPE("text/plain; charset=iso-8859-1") CTE("8bit")
	    "\r\nx\r\n", "&euro;");
	assert_left_alone(TYPE("text/plain; charset=koi8-r") CTE("base64")
	    "\r\neA==\r\n", "\xc3\xbc");
	assert_left_alone(TYPE("text/plain; charset=utf-16") CTE("base64")
	    "\r\nAHg=\r\n", "x");
	assert_left_alone(TYPE("text/plain") CTE("x-uuencode") "\r\nx\r\n",
	    "x");
	assert_left_alone(TYPE("text/plain") CTE("rot13") "\r\nx\r\n", "x");
	/* In the part's own charset and encoding. */
	assert_added(TYPE("text/plain; charset=iso-8859-1") CTE("8bit")
	    "\r\n\xe4\r\n", "\xc3\xbc", false, false,
	    TYPE("text/plain; charset=iso-8859-1") CTE("8bit")
	    "\r\n\xe4\r\n\xfc\r\n");
	assert_added(TYPE("text/plain; charset=koi8-r") CTE("base64")
	    "\r\neA0K\r\n", "\xd0\xb6", false, false,
	    TYPE("text/plain; charset=koi8-r") CTE("base64")
	    "\r\neA0K1g0K\r\n");
	assert_added(TYPE("text/plain; charset=utf-8")
	    CTE("quoted-printable") "\r\n=E2=82=AC a=\r\nb\r\n", "\xc3\xbc",
	    false, true, TYPE("text/plain; charset=utf-8")
	    CTE("quoted-printable")
	    "\r\n=E2=82=AC ab\r\n=2D-\r\n=C3=BC\r\n");
	assert_int_equal(1, add(SPAN_LIT(
	    TYPE("text/plain; charset=iso-2022-jp") CTE("7bit")
	    "\r\nx\r\n"), "\xe3\x81\x82", false, false));
	assert_string_equal(TYPE("text/plain; charset=iso-2022-jp")
	    CTE("7bit") "\r\nx\r\n\x1b$B$\"\x1b(B\r\n", buf_cstr(&out));
}

/* A 7bit or 8bit part that cannot hold the text becomes quoted-printable. */
static void
test_becomes_qp(void **state)
{
	char html[2100];
	struct buf msg;

	(void)state;
	assert_added(TYPE("text/plain; charset=utf-8") "\r\nx=\r\n",
	    "\xc3\xbc", false, false, TYPE("text/plain; charset=utf-8")
	    CTE("quoted-printable") "\r\nx=3D\r\n=C3=BC\r\n");
	assert_added(TYPE("text/plain; charset=utf-8") CTE("7bit")
	    "\r\nx\r\n", "\xc3\xbc", false, false,
	    TYPE("text/plain; charset=utf-8") CTE("quoted-printable")
	    "\r\nx\r\n=C3=BC\r\n");
	assert_added("Content-Type: text/plain; charset=utf-8\r\n\r\nx\r\n",
	    "\xc3\xbc", false, false,
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    CTE("quoted-printable") "MIME-Version: 1.0\r\n"
	    "\r\nx\r\n=C3=BC\r\n");
	/* One word of 2000 bytes has no place to be broken. */
	memset(html, 'x', sizeof(html));
	html[2000] = '\0';
	assert_int_equal(1, add(SPAN_LIT(PLAIN), html, false, false));
	assert_non_null(strstr(buf_cstr(&out), CTE("quoted-printable")));
	/* Words are broken between lines. */
	for (size_t i = 5; i < 2000; i += 6)
		html[i] = ' ';
	assert_int_equal(1, add(SPAN_LIT(PLAIN), html, false, false));
	assert_null(strstr(buf_cstr(&out), "quoted-printable"));
	for (size_t pos = 0; pos < out.n;) {
		size_t end = span_chr(buf_span(&out), pos, '\n');

		assert_true(end - pos <= 999);
		pos = end + 1;
	}
	/* A boundary chosen so that the separator is its delimiter. */
	buf_init(&msg, 4096);
	buf_puts(&msg, TYPE("multipart/mixed; boundary=ad")
	    "\r\n--ad\r\n\r\ntext\r\n--ad--\r\n");
	assert_int_equal(1, add(buf_span(&msg), "<br>x<br>--ad<br>y", false,
	    false));
	assert_string_equal("text\r\nx\r\n--ad\r\ny", body(1));
	buf_free(&msg);
}

#define HTML(b) TYPE("text/html; charset=us-ascii") "\r\n" b

static void
test_html(void **state)
{
	(void)state;
	assert_added(HTML("<html><BODY bgcolor=\">\">hi</Body></html>\r\n"),
	    "<b>D</b>", false, false,
	    HTML("<html><BODY bgcolor=\">\">hi\r\n<b>D</b>\r\n"
	    "</Body></html>\r\n"));
	assert_added(HTML("<html><BODY bgcolor=\">\">hi</Body></html>\r\n"),
	    "<b>D</b>", true, true,
	    HTML("<html><BODY bgcolor=\">\">\r\n<b>D</b>\r\n<br>--<br>\r\n"
	    "hi</Body></html>\r\n"));
	assert_added(HTML("hi\r\n"), "D", false, true,
	    HTML("hi\r\n\r\n<br>--<br>\r\nD\r\n"));
	assert_added(HTML("hi</html>"), "D", false, false,
	    HTML("hi\r\nD\r\n</html>"));
	/* What the charset lacks becomes an entity. */
	assert_added(HTML("hi\r\n"), "Gr\xc3\xbc\xf0\x9f\x98\x80", false,
	    false, HTML("hi\r\n\r\nGr&#252;&#128512;\r\n"));
	assert_added(TYPE("text/html; charset=utf-8") CTE("8bit")
	    "\r\nhi\r\n", "\xc3\xbc", false, false,
	    TYPE("text/html; charset=utf-8") CTE("8bit")
	    "\r\nhi\r\n\r\n\xc3\xbc\r\n");
	assert_added(TYPE("text/html; charset=utf-8") CTE("7bit")
	    "\r\nhi\r\n", "\xc3\xbc", false, false,
	    TYPE("text/html; charset=utf-8") CTE("7bit")
	    "\r\nhi\r\n\r\n&#252;\r\n");
}

#define P(h, b) "--b\r\n" h "\r\n" b "\r\n"
#define ALT(type, parts) TYPE("multipart/" type "; boundary=b") "\r\n" parts \
	"--b--\r\n"
#define H_HTML "Content-Type: text/html\r\n"

static void
test_structure(void **state)
{
	(void)state;
	/* Each alternative, and byte for byte the rest. */
	assert_int_equal(2, add(SPAN_LIT(ALT("alternative", P("", "text")
	    P(H_HTML, "<p>html</p>"))), "D", false, false));
	assert_string_equal(ALT("alternative", P("", "text\r\nD")
	    P(H_HTML, "<p>html</p>\r\nD\r\n")), buf_cstr(&out));
	/* Elsewhere the first text only, and no attachment. */
	assert_added(ALT("mixed", P("Content-Disposition: attachment\r\n", "a")
	    P("Content-Type: text/plain; name=x.txt\r\n", "b") P("", "c")
	    P(H_HTML, "d")), "D", false, false,
	    ALT("mixed", P("Content-Disposition: attachment\r\n", "a")
	    P("Content-Type: text/plain; name=x.txt\r\n", "b")
	    P("", "c\r\nD") P(H_HTML, "d")));
	/* Alternatives inside of mixed and related; the footer stays. */
	assert_int_equal(2, add(SPAN_LIT(
	    TYPE("multipart/mixed; boundary=o") "\r\n--o\r\n"
	    "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
	    P("", "text") "--b\r\n"
	    "Content-Type: multipart/related; boundary=r\r\n\r\n"
	    "--r\r\n" H_HTML "\r\nhtml\r\n--r\r\n"
	    "Content-Type: image/png\r\n\r\npng\r\n--r--\r\n--b--\r\n"
	    "--o\r\n\r\nfooter\r\n--o--\r\n"), "D", false, false));
	assert_string_equal("text\r\nD", body(2));
	assert_string_equal("html\r\nD\r\n", body(4));
	assert_string_equal("footer", body(6));
	/* Signed, encrypted, embedded: left alone. */
	assert_left_alone(ALT("signed; protocol=x", P("", "text")
	    P("Content-Type: application/pgp-signature\r\n", "s")), "D");
	assert_left_alone(ALT("encrypted", P("", "text")), "D");
	assert_left_alone(TYPE("application/pkcs7-mime") "\r\nx\r\n", "D");
	assert_left_alone(TYPE("message/rfc822") "\r\nA: b\r\n\r\nx\r\n", "D");
	assert_left_alone(ALT("mixed", P("Content-Type: message/rfc822\r\n",
	    "A: b\r\n\r\nx")), "D");
	/* A list that put a signed mail and its own footer into one. */
	assert_left_alone(TYPE("multipart/mixed; boundary=o") "\r\n--o\r\n"
	    "Content-Type: multipart/signed; boundary=b\r\n\r\n" P("", "text")
	    "--b--\r\n--o\r\n\r\nfooter\r\n--o--\r\n", "D");
	assert_left_alone(TYPE("image/png") "\r\nx\r\n", "D");
}

/* A part that is removed gets no disclaimer; the next text does. */
static void
test_replaced_part(void **state)
{
	struct mime *m = mime_parse(SPAN_LIT(ALT("mixed", P("", "one")
	    P("", "two"))), &mime_limits_default, &arena);
	struct edit *e = edit_new(m, false, &arena);

	(void)state;
	edit_part_replace(e, m->part[1], "r.txt", "removed", false);
	assert_int_equal(1, edit_disclaimer(e, "D", false, false));
	buf_reset(&out);
	edit_write(e, &out);
	assert_string_equal("removed", body(1));
	assert_string_equal("two\r\nD", body(2));
}

/* Parts that end at their delimiter, and base64 without a last line end. */
static void
test_tight_parts(void **state)
{
	(void)state;
	assert_int_equal(1, add(SPAN_LIT(TYPE("multipart/mixed; boundary=b")
	    "\r\n--b\r\n\r\n--b--\r\n"), "D", false, false));
	assert_string_equal("D", body(1));
	assert_int_equal(1, add(SPAN_LIT(TYPE("multipart/mixed; boundary=b")
	    "\r\n--b\r\n--b--\r\n"), "D", false, false));
	assert_string_equal("D", body(1));
	assert_int_equal(1, add(SPAN_LIT(ALT("mixed", P(CTE("base64"),
	    "dGV4dA=="))), "D", false, false));
	assert_string_equal("text\r\nD", body(1));
	assert_int_equal(1, add(SPAN_LIT(ALT("mixed", P(CTE("base64"), ""))),
	    "D", false, false));
	assert_string_equal("D\r\n", body(1));
	/* The encoding of a part is changed inside its own header. */
	assert_int_equal(1, add(SPAN_LIT(ALT("mixed",
	    P("Content-Type: text/plain; charset=utf-8\r\n", "x"))),
	    "\xc3\xbc", false, false));
	assert_string_equal(ALT("mixed",
	    P("Content-Type: text/plain; charset=utf-8\r\n"
	    CTE("quoted-printable"), "x\r\n=C3=BC")), buf_cstr(&out));
}

static void
test_html_to_text(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"a  b\r\n c", "a b c"},
		{"<p>a</p><p>b</p>", "a\nb"},
		{"a<br>b<br/><BR />c", "a\nb\n\nc"},
		{"<div>a<div>b</div></div>c", "a\nb\nc"},
		{"<table><tr><td>a</td><td>b</td></tr></table>", "a b"},
		{"&lt;&amp;&gt;&quot;&apos;&nbsp;&auml;&#228;&#xE4;&euro;",
		    "<&>\"' \xc3\xa4\xc3\xa4\xc3\xa4\xe2\x82\xac"},
		{"&unknown; &#0; &#xD800; &#1114112; & &amp", "&unknown; &#0; "
		    "&#xD800; &#1114112; & &amp"},
		{"&#128512;", "\xf0\x9f\x98\x80"},
		{"<!-- x > y -->a<script>b</script><style>c</style>d", "ad"},
		{"<a href=\"x>y\">l</a>", "l"},
		{"<a title='\">'>l</a>", "l"},
		{"1 < 2 <3 <", "1 < 2 <3 <"},
		{"<", "<"},
		{"<!-- open", ""},
		{"<a open", ""},
		{"<script>open", ""},
		{"<pre>a  b\r\n c</pre>d", "a  b\n c\nd"},
		{"\xc3\xbc\x01\x7f", "\xc3\xbc"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&out);
		html_to_text(&out, span_str(cases[i][0]));
		assert_string_equal(cases[i][1], buf_cstr(&out));
	}
}

static void
test_html_places(void **state)
{
	static const struct {
		const char *html;
		size_t start, end;
	} cases[] = {
		{"", 0, 0},
		{"x", 0, 1},
		{"<body>x</body>", 6, 7},
		{"<bodyx>x", 0, 8},
		{"<body", 5, 5},
		{"</body>x</BODY >y", 0, 8},
		{"x</html>", 0, 1},
		{"<head><body a='>'>x", 18, 19},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span s = span_str(cases[i].html);

		assert_int_equal(cases[i].start, html_body_start(s));
		assert_int_equal(cases[i].end, html_body_end(s));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_becomes_qp),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_replaced_part),
		cmocka_unit_test(test_tight_parts),
		cmocka_unit_test(test_html_to_text),
		cmocka_unit_test(test_html_places),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
