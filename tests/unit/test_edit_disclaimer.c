/* Disclaimers: which parts, which place, which bytes. */
#include "edit_fixture.h"

#include "lib/mail/edit_html.h"

/* Adds html to msg and returns how many parts changed; the result in out. */
static int
add(struct span msg, const char *html, bool at_start, bool separator)
{
	struct edit *e = edit_of(msg);
	int n = edit_disclaimer(e, html, (at_start ? EDIT_AT_START : 0) |
	    (separator ? EDIT_SEPARATOR : 0));

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
	assert_int_equal(1, edit_disclaimer(e, "one", 0));
	assert_int_equal(1, edit_disclaimer(e, "two", 0));
	assert_int_equal(1, edit_disclaimer(e, "top", EDIT_AT_START));
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
	/* Unknown encodings are nobody's to change. */
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

#define UTF8_QP(t) "Content-Type: " t "; charset=utf-8\r\n" \
	CTE("quoted-printable")

/* What the charset of a text cannot express makes the whole part UTF-8. */
static void
test_to_utf8(void **state)
{
	(void)state;
	assert_added(PLAIN, "Gr\xc3\xbc\xc3\x9f" "e", false, false,
	    "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "MIME-Version: 1.0\r\n" CTE("quoted-printable")
	    "\r\nhello\r\nGr=C3=BC=C3=9Fe\r\n");
	assert_added(TYPE("text/plain; charset=us-ascii") "\r\nx\r\n",
	    "&uuml;", false, false, "MIME-Version: 1.0\r\n"
	    UTF8_QP("text/plain") "\r\nx\r\n=C3=BC\r\n");
	assert_added(TYPE("text/plain; charset=iso-8859-1") CTE("8bit")
	    "\r\n\xe4\r\n", "&euro;", false, false, "MIME-Version: 1.0\r\n"
	    UTF8_QP("text/plain") "\r\n=C3=A4\r\n=E2=82=AC\r\n");
	assert_added(TYPE("text/plain; charset=koi8-r") CTE("base64")
	    "\r\n1g0K\r\n", "\xe2\x86\x92", false, false,
	    TYPE("text/plain; charset=utf-8") CTE("base64")
	    "\r\n0LYNCuKGkg0K\r\n");
	assert_added(TYPE("text/plain; charset=iso-2022-jp") CTE("7bit")
	    "\r\n\x1b$B$\"\x1b(B\r\n", "\xf0\x9f\x98\x80", true, false,
	    "MIME-Version: 1.0\r\n" UTF8_QP("text/plain")
	    "\r\n=F0=9F=98=80\r\n=E3=81=82\r\n");
	/* What says nothing about its charset but is UTF-8. */
	assert_added(TYPE("text/plain") CTE("8bit") "\r\n\xc3\xa4\r\n",
	    "\xc3\xbc", false, false, "MIME-Version: 1.0\r\n"
	    UTF8_QP("text/plain") "\r\n=C3=A4\r\n=C3=BC\r\n");
	/* The first one was written in Latin-1; the second changes that. */
	{
		struct edit *e = edit_of(SPAN_LIT(
		    TYPE("text/plain; charset=iso-8859-1") CTE("8bit")
		    "\r\n\xe4\r\n"));

		assert_int_equal(1, edit_disclaimer(e, "\xc3\xb6", 0));
		assert_int_equal(1, edit_disclaimer(e, "\xe2\x82\xac",
		    EDIT_AT_START));
		buf_reset(&out);
		edit_write(e, &out);
		assert_string_equal("\xe2\x82\xac\r\n\xc3\xa4\r\n"
		    "\xc3\xb6\r\n", body(0));
	}
}

/* Charsets in which ASCII cannot just be put beside other text. */
static void
test_wide_charsets(void **state)
{
	static const char le[] = "\xff\xfe" "a\0\xe4\0\r\0\n\0";
	struct buf msg;

	(void)state;
	assert_added(TYPE("text/plain; charset=utf-16") CTE("base64")
	    "\r\nAHg=\r\n", "y", false, false,
	    TYPE("text/plain; charset=utf-8") CTE("base64")
	    "\r\neA0KeQ==\r\n");
	buf_init(&msg, 4096);
	buf_puts(&msg, TYPE("text/html; charset=utf-16le") CTE("binary")
	    "\r\n");
	buf_put(&msg, le, sizeof(le) - 1);
	assert_int_equal(1, add(buf_span(&msg), "\xc3\xbc", false, false));
	assert_string_equal("a\xc3\xa4\r\n\r\n\xc3\xbc\r\n", body(0));
	buf_free(&msg);
	assert_int_equal(1, add(SPAN_LIT(TYPE("text/plain; charset=utf-7")
	    "\r\n+AOQ-\r\n"), "D", false, false));
	assert_string_equal("\xc3\xa4\r\nD\r\n", body(0));
	/* Japanese that forgot to switch back. */
	assert_added(TYPE("text/plain; charset=iso-2022-jp")
	    "\r\n\x1b$B$\"", "D", false, false,
	    TYPE("text/plain; charset=iso-2022-jp")
	    "\r\n\x1b$B$\"\x1b(B\r\nD");
	/* Kanji whose bytes look like a comment. */
	assert_added(TYPE("text/html; charset=iso-2022-jp")
	    "\r\n<body>\x1b$B<!--<A\x1b(B</body>\r\n", "D", false, false,
	    TYPE("text/html; charset=iso-2022-jp")
	    "\r\n<body>\x1b$B<!--<A\x1b(B\r\nD\r\n</body>\r\n");
	/* A byte order mark stays the first character. */
	assert_added(TYPE("text/plain; charset=utf-8") CTE("8bit")
	    "\r\n\xef\xbb\xbfx\r\n", "D", true, false,
	    TYPE("text/plain; charset=utf-8") CTE("8bit")
	    "\r\n\xef\xbb\xbf" "D\r\nx\r\n");
	/* Nobody knows what these bytes are: no addition turns them into
	 * something else. */
	assert_left_alone(TYPE("text/plain") CTE("8bit") "\r\n\xe4\r\n",
	    "\xc3\xbc");
	assert_left_alone(TYPE("text/plain; charset=euc-jp") CTE("8bit")
	    "\r\n\x8f\xff\r\n", "\xf0\x9f\x98\x80");
	assert_added(TYPE("text/plain") CTE("8bit") "\r\n\xe4\r\n", "D",
	    false, false, TYPE("text/plain") CTE("8bit")
	    "\r\n\xe4\r\nD\r\n");
}

/* RFC 3676: nothing of ours is joined, quoted or taken for a signature. */
static void
test_flowed(void **state)
{
	(void)state;
	assert_added(TYPE("text/plain; charset=utf-8; format=flowed; "
	    "DelSp=yes") "\r\nto be \r\n",
	    "<pre>&gt; a \n b\nFrom us</pre>", false, false,
	    TYPE("text/plain; charset=utf-8; format=flowed; DelSp=yes")
	    "\r\nto be \r\n\r\n > a\r\n  b\r\n From us\r\n");
	assert_added(TYPE("text/plain; format=\"flowed\"; delsp=yes")
	    "\r\nx\r\n", "\xc3\xbc", true, false, "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes"
	    "\r\n" CTE("quoted-printable") "\r\n=C3=BC\r\nx\r\n");
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
	assert_left_alone(TYPE("text/calendar") "\r\nx\r\n", "D");
	assert_int_equal(2, add(SPAN_LIT(ALT("alternative", P("", "text")
	    P(H_HTML, "html") P("Content-Type: text/calendar\r\n", "cal"))),
	    "D", false, false));
	assert_string_equal("cal", body(3));
}

#define ARMOUR(kind) TYPE("text/plain") "\r\nhi\r\n-----BEGIN PGP " kind \
	"-----\r\n\r\nx\r\n"
#define SIGNED ALT("signed; protocol=x", P("", "text") \
	P("Content-Type: application/pgp-signature\r\n", "s"))

static int
add_signed_too(const char *msg)
{
	struct edit *e = edit_of(span_str(msg));
	int n = edit_disclaimer(e, "D", EDIT_SIGNED_TOO);

	buf_reset(&out);
	edit_write(e, &out);
	return n;
}

static void
test_sealed(void **state)
{
	(void)state;
	assert_left_alone(SIGNED, "D");
	assert_left_alone(ARMOUR("SIGNED MESSAGE"), "D");
	assert_left_alone(ARMOUR("MESSAGE"), "D");
	assert_left_alone(ALT("mixed", P("", "-----BEGIN PGP MESSAGE-----")
	    P("", "footer")), "D");
	assert_added(TYPE("text/plain") "\r\n> -----BEGIN PGP MESSAGE\r\n",
	    "D", false, false, TYPE("text/plain")
	    "\r\n> -----BEGIN PGP MESSAGE\r\nD\r\n");
	assert_int_equal(1, add_signed_too(SIGNED));
	assert_string_equal("text\r\nD", body(1));
	assert_int_equal(1, add_signed_too(ARMOUR("SIGNED MESSAGE")));
	assert_int_equal(0, add_signed_too(ARMOUR("MESSAGE")));
	assert_int_equal(0, add_signed_too(ALT("encrypted", P("", "text"))));
	assert_int_equal(0, add_signed_too(
	    TYPE("application/pkcs7-mime") "\r\nx\r\n"));
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
	assert_int_equal(1, edit_disclaimer(e, "D", 0));
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
		{"&unknown; & &amp", "&unknown; & &"},
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
		{"<body", 0, 0},
		{"</body>x</BODY >y", 0, 8},
		{"x</html>", 0, 1},
		{"<head><body a='>'>x", 18, 19},
		/* Not in front of everything, and not into the head. */
		{"<!DOCTYPE html>x", 15, 16},
		{"<html>x", 6, 7},
		{"<html><head><title><body></title></head>x", 40, 41},
		/* Tags that are none. */
		{"<!-- <body> -->x</body><!-- </body> -->", 0, 16},
		{"<script>'</body>'</script>x", 0, 27},
		{"<i title='</body>'>x</i>", 0, 24},
		/* Nothing goes where nobody sees it. */
		{"x<!-- open", 0, 1},
		{"x</body>y<!-- </body>", 0, 1},
		{"x<script>open</body>", 0, 1},
		{"x<style>", 0, 1},
		{"x<a href='open", 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span s = span_str(cases[i].html);

		assert_int_equal(cases[i].start, html_places(s).start);
		assert_int_equal(cases[i].end, html_places(s).end);
	}
}

static void
test_html_has_tags(void **state)
{
	(void)state;
	assert_true(html_has_tags(SPAN_LIT("a <b>removed</b> file")));
	assert_true(html_has_tags(SPAN_LIT("x<br/>")));
	assert_false(html_has_tags(SPAN_LIT("ask <admin@example.com>")));
	assert_false(html_has_tags(SPAN_LIT("1 < 2 > 1 <3")));
	assert_false(html_has_tags(SPAN_LIT("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_to_utf8),
		cmocka_unit_test(test_wide_charsets),
		cmocka_unit_test(test_flowed),
		cmocka_unit_test(test_becomes_qp),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_replaced_part),
		cmocka_unit_test(test_tight_parts),
		cmocka_unit_test(test_html_to_text),
		cmocka_unit_test(test_html_places),
		cmocka_unit_test(test_html_has_tags),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
