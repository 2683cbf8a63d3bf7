/* Links of documents and messages; caps; time that grows with size only. */
#include "arena_fixture.h"

#include <string.h>
#include "cpu_time.h"
#include "lib/mail/html_text.h"
#include "lib/mail/url_list.h"

static struct url_list
html_urls(const char *html)
{
	struct url_list l;

	url_list_init(&l, &arena, URL_LIST_MAX);
	url_list_add_html(&l, span_str(html));
	return l;
}

static void
put_list(struct buf *b, const struct url_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		assert_int_equal(l->item[i].n, strlen(l->item[i].norm));
		buf_printf(b, "%s%s", i ? " " : "", l->item[i].norm);
	}
}

static void
assert_urls(const char *html, const char *want)
{
	struct url_list l = html_urls(html);
	struct buf b;

	buf_init(&b, 1 << 20);
	put_list(&b, &l);
	assert_string_equal(want, buf_cstr(&b));
	buf_free(&b);
}

static void
test_attributes(void **state)
{
	(void)state;
	assert_urls("<a href=http://a/>x</a><A HREF='http://b/?c&amp;d'>",
	    "http://a/ http://b/?c&d");
	assert_urls("<img src=http://a/ lowsrc=http://b/><body background="
	    "http://c/>", "http://a/ http://b/ http://c/");
	assert_urls("<form action=http://a/><button formaction=http://b/>",
	    "http://a/ http://b/");
	assert_urls("<a ping='http://a/ http://b/'>", "http://a/ http://b/");
	assert_urls("<img srcset='http://a/1,2 1x, http://b/ 2x,http://c/'>",
	    "http://a/1,2 http://b/ http://c/");
	assert_urls("<a style=\"background:u\\72l('http://a/')\">",
	    "http://a/");
	assert_urls("<style>@import 'http://a/'; b{c:url(//d/)}</style>",
	    "http://a/ http://d/");
	assert_urls("<meta http-equiv=Refresh content=\"0; URL='http://a/'\">"
	    "<meta content='5;http://b/' http-equiv=refresh>"
	    "<meta name=x content='0;url=http://c/'>",
	    "http://a/ http://b/");
	assert_urls("<a href='java&#x0a;script&colon;x()'>",
	    "javascript:x()");
	assert_urls("<a href=' &#1; javascript:x'>", "javascript:x");
	assert_urls("<svg><a xlink:href=http://a/><animate values='#b;"
	    "javascript:c'>", "http://a/ javascript:c");
	assert_urls("<iframe srcdoc='<a href=&quot;http://a/&quot;>'>",
	    "http://a/");
	assert_urls("<script>location='http:\\/\\/a\\/b'</script>",
	    "http://a/b");
	assert_urls("<i onclick='open(\"http://a/\")'>", "http://a/");
	assert_urls("<noembed><a href=http://a/></noembed>", "http://a/");
	assert_urls("<a href=#x><a href=''><a href=x>", "");
	assert_urls("<a href=www.a.example>", "http://www.a.example/");
	assert_urls("<a href=http://a/ ", "http://a/");
	assert_urls("<v:rect href=http://a/>", "http://a/");
}

static void
test_base(void **state)
{
	(void)state;
	assert_urls("<a href=x><base target=y><base href=http://b/c/>"
	    "<base href=http://d/><a href=/z><a href=//e><a href=#f>",
	    "http://b/c/x http://b/c/ http://d/ http://b/z http://e/");
	assert_urls("<base href=x><a href=y>", "");
	assert_urls("<base href=x:y><base href=http://b/><a href=z>",
	    "x:y http://b/ http://b/z");
}

static void
test_comments_and_text(void **state)
{
	(void)state;
	assert_urls("<!--[if mso]><a href=http://a/><![endif]-->"
	    "<!-- <a href=http://b/> -->", "http://a/");
	assert_urls("<b>htt</b>p://a/<i>b</i> c", "http://a/b");
	assert_urls("<a href=http://evil/>http://good/</a>",
	    "http://evil/ http://good/");
	/* Four documents deep, and not five. */
	assert_urls("<noembed><xmp><iframe><noframes><a href=http://a/>"
	    "</noframes></iframe></xmp></noembed>", "");
	assert_urls("<xmp><iframe><noframes><a href=http://a/>"
	    "</noframes></iframe></xmp>", "http://a/");
}

static void
test_flags(void **state)
{
	struct url_list l = html_urls("<a href='http://A/x'>http://a/x</a> "
	    "www.b.example<script>'http://c/'</script>");

	(void)state;
	assert_int_equal(3, l.n);
	assert_int_equal(URL_IN_HTML | URL_IN_TEXT, l.item[0].at.flags);
	assert_true(span_eq(l.item[0].written, SPAN_LIT("http://A/x")));
	assert_true(span_eq(url_item_host(&l.item[0]), SPAN_LIT("a")));
	assert_int_equal(URL_IN_SCRIPT, l.item[1].at.flags);
	assert_int_equal(URL_IN_TEXT | URL_GUESSED, l.item[2].at.flags);
	assert_int_equal(SIZE_MAX, l.item[2].from);
	assert_false(l.full);
	/* With a scheme somewhere it is no guess. */
	l = html_urls("www.b.example <a href=http://www.b.example/>");
	assert_int_equal(1, l.n);
	assert_int_equal(URL_IN_HTML | URL_IN_TEXT, l.item[0].at.flags);
}

static void
test_caps(void **state)
{
	struct url_list l;
	struct arena small;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 24);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "http://a/%d http://a/%d ", i, i);
	url_list_init(&l, &arena, 1000);
	url_list_add_text(&l, buf_span(&b), URL_IN_TEXT);
	assert_int_equal(1000, l.n);
	assert_false(l.full);
	assert_string_equal("http://a/999", l.item[999].norm);
	url_list_init(&l, &arena, 999);
	url_list_add_text(&l, buf_span(&b), URL_IN_TEXT);
	assert_int_equal(999, l.n);
	assert_true(l.full);
	arena_init(&small, 20000);
	url_list_init(&l, &small, 1000);
	url_list_add_text(&l, buf_span(&b), URL_IN_TEXT);
	assert_true(l.n > 10 && l.n < 1000);
	assert_true(l.full);
	arena_free(&small);
	buf_free(&b);
}

#define PART(t, b) "--b\r\nContent-Type: " t "\r\n\r\n" b "\r\n"

static void
test_message(void **state)
{
	static const char msg[] =
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    PART("text/plain", "http://one/")
	    PART("text/plain; format=flowed; DelSp=yes",
	    "http://two.exam \r\nple/x")
	    PART("text/html; charset=utf-16\r\n"
	    "Content-Transfer-Encoding: base64",
	    "/v8APABhACAAaAByAGUAZgA9AGgAdAB0AHAAOgAvAC8AMwAvAD4=")
	    PART("application/octet-stream; name=a.HTML",
	    "<a href=http://four/>")
	    PART("image/png", "http://none/")
	    PART("text/html\r\nContent-Transfer-Encoding: quoted-printable",
	    "<a href=3D\"http://fi=\r\nve/\">")
	    "--b--\r\n";
	struct url_list l;
	struct mime *m = mime_parse(SPAN_LIT(msg), &mime_limits_default,
	    &arena);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	l = message_urls(m, NULL, span_str(""), 1 << 20, &arena);
	put_list(&b, &l);
	assert_string_equal("http://one/ http://two.example/x http://0.0.0.3/"
	    " http://four/ http://five/", buf_cstr(&b));
	assert_false(l.full);
	l = message_urls(m, NULL, span_str(""), 30, &arena);
	assert_true(l.full);
	buf_free(&b);
}

/* Two encodings: the declared reading shows no link, the other one does. */
static void
test_message_readings(void **state)
{
	static const char msg[] = "Content-Type: text/plain\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n"
	    "aHR0cDovL2hpZGRlbi5leGFtcGxlLw=3D=3D\r\n";
	struct mime *m = mime_parse(SPAN_LIT(msg), &mime_limits_default,
	    &arena);
	struct content_list list;
	struct url_list l;
	struct buf out, b;

	(void)state;
	buf_init(&out, 1 << 20);
	buf_init(&b, 1000);
	list = content_of(m, &out, &arena);
	l = message_urls(m, NULL, span_str(""), 1 << 20, &arena);
	assert_int_equal(l.n, 0);
	l = message_urls(m, &list, buf_span(&out), 1 << 20, &arena);
	put_list(&b, &l);
	/* Readers that go on behind the padding see another one, too. */
	assert_non_null(strstr(buf_cstr(&b), "http://hidden.example/"));
	assert_false(l.full);
	buf_free(&out);
	buf_free(&b);
}

/* Quadratic time would be minutes. */
#ifdef PMG_SANITIZED
enum { HOSTILE_BYTES = 2 << 20, HOSTILE_MS = 20000 };
#else
enum { HOSTILE_BYTES = 10 << 20, HOSTILE_MS = 10000 };
#endif

static void
test_linear(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
	} cases[] = {
	    {"", "<", ""}, {"", "<!--", ""}, {"", "<!-", ""}, {"", "<a ", ""},
	    {"", "<b>", ""}, {"", "</b>", ""}, {"<a href=\"", "x", "\">"},
	    {"<a href=\"", "&", "\">"}, {"<a ", "b=c ", ">"}, {"", "&#", ""},
	    {"<a style=\"", "url(", "\">"}, {"<a style=\"", "'\"/*", "\">"},
	    {"", "<script><!--", ""}, {"", "<!--[if]>", ""},
	    {"", "<svg><![CDATA[", ""}, {"", "http://", ""}, {"", "a.", ""},
	    {"", "<http://", ""}, {"", "www.", ""}, {"http://a/", "(", ""},
	    {"http://a/", ")", ""}, {"", "<iframe>", ""}, {"", "<p hidden>", ""},
	    {"", "<title>", ""}, {"", "<base>", ""}, {"http://", "@", ""},
	    {"<img srcset=\"", "a, ", "\">"}, {"<a ping=\"", "//a ", "\">"},
	    {"", "&nGt;", ""}, {"", "\xff", ""}, {"", "<a href=?u=http://b>",
	    ""}, {"", "<i srcdoc='<i srcdoc=", ""}, {"http://a/?", "&", ""},
	    {"", "http://a/?u=http://b/?u=http://c/ ", ""}, {"", "--", ""},
	    {"<!--", "--", ""}, {"", "<a href=http://a//./../>", ""},
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url_list l;
		struct arena a;
		int64_t began;

		arena_init(&a, 256 << 20);
		buf_init(&b, 16 << 20);
		buf_puts(&b, cases[i].head);
		while (b.n < HOSTILE_BYTES)
			buf_puts(&b, cases[i].unit);
		buf_puts(&b, cases[i].tail);
		url_list_init(&l, &a, URL_LIST_MAX);
		began = cpu_ms();
		url_list_add_html(&l, buf_span(&b));
		url_list_add_text(&l, buf_span(&b), URL_IN_TEXT);
		began = cpu_ms() - began;
		print_message("%6d ms %s\n", (int)began, cases[i].unit);
		assert_true(began < HOSTILE_MS);
		buf_free(&b);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_comments_and_text),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_message_readings),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
