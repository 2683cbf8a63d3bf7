/* What a reader sees, and what is kept from him. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/mail/html_text.h"
#include "lib/mail/utf8.h"

enum { ALL_HIDDEN = HTML_TEXT_HIDDEN | HTML_TEXT_TITLE |
	HTML_TEXT_CONDITIONAL };

static void
assert_text(const char *html, const char *all, const char *seen)
{
	struct html_text t;
	struct buf b;
	size_t at = 0;

	html_text_of(&t, span_str(html), 1 << 20);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < t.nrun; at += t.run[i++].n)
		assert_int_equal(at, t.run[i].off);
	assert_int_equal(at, t.text.n);
	assert_string_equal(all, buf_cstr(&t.text));
	html_text_without(&t, ALL_HIDDEN, &b);
	assert_string_equal(seen, buf_cstr(&b));
	assert_true(utf8_valid(buf_span(&t.text)));
	buf_free(&b);
	html_text_free(&t);
}

static void
assert_seen(const char *html, const char *seen)
{
	assert_text(html, seen, seen);
}

static void
test_layout(void **state)
{
	(void)state;
	assert_seen("", "");
	assert_seen(" a  b\r\n c ", "a b c");
	assert_seen("<p>a</p><p>b</p>", "a\nb");
	assert_seen("a<br>b<br/><BR />c<br><br><br>d", "a\nb\n\nc\n\nd");
	assert_seen("<div>a<div>b</div></div>c", "a\nb\nc");
	assert_seen("<table><tr><td>a</td><td>b</td></tr><tr><td>c",
	    "a b\nc");
	assert_seen("h<b>tt</b>p<i></i>://x", "http://x");
	assert_seen("a&nbsp;&nbsp;b\xc2\xa0" "c", "a b c");
	assert_seen("&lt;b&gt; &auml; &copy 1 < 2", "<b> \xc3\xa4 \xc2\xa9 1 <"
	    " 2");
	assert_seen("<pre>a  b\n\n c</pre>d", "a  b\n\n c\nd");
	assert_seen("a\x01\x7f\xff" "b", "a\xef\xbf\xbd" "b");
	assert_seen("a<script>b</script><style>c</style><!-- d -->e", "ae");
	assert_seen("a<noscript>b</noscript>", "ab");
	assert_seen("<xmp>a<b>&amp;</xmp>", "a<b>&amp;");
	assert_seen("a<iframe>b</iframe>c", "ac");
	assert_seen("a<b", "a");
}

static void
test_hidden(void **state)
{
	(void)state;
	assert_text("a<span style='display:none'>x</span>b", "axb", "ab");
	assert_text("a<div hidden>x</div>b", "a\nx\nb", "a\nb");
	assert_text("<div>a</div><span hidden>x</span>b", "a\nxb", "a\nb");
	assert_text("<span hidden>x<b>y</b>z</span>b", "xyzb", "b");
	assert_text("<div><span hidden>x</div>b", "x\nb", "b");
	assert_text("<p hidden>x<p>b", "x\nb", "b");
	assert_text("<p hidden>x<div>b", "x\nb", "b");
	assert_text("<table><td hidden>x<td>b", "x b", "b");
	assert_text("<table><tr hidden><td>x<tr><td>b", "x\nb", "b");
	assert_text("a<img hidden>b", "ab", "ab");
	assert_text("<i style='font-s&#105;ze:0'>x</i>b", "xb", "b");
	assert_text("<i style='a' style='display:none'>b</i>", "b", "b");
	assert_text("<title>x &amp; y</title>b", "x & y\nb", "b");
	assert_text("<template>x</template>b", "xb", "b");
	assert_text("a<!--[if mso]><p>x</p><![endif]-->b", "a\nx\nb", "a\nb");
	assert_text("<!--[if !mso]><!-->a<!--<![endif]-->", "a", "a");
	assert_text("</span></div>b<span hidden></p>x", "b\nx", "b");
}

/* Hiding is followed in the depth that browsers have. */
static void
test_deep(void **state)
{
	struct html_text t;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 24);
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "<div>");
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "</div>");
	buf_puts(&b, "<div hidden>x</div>y");
	html_text_of(&t, buf_span(&b), 1000);
	assert_int_equal(2, t.nrun);
	assert_int_equal(HTML_TEXT_HIDDEN, t.run[0].flags);
	assert_int_equal(0, t.run[1].flags);
	html_text_free(&t);
	buf_free(&b);
}

static void
test_limits(void **state)
{
	struct html_text t;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 24);
	for (int i = 0; i < HTML_RUNS_MAX; i++)
		buf_puts(&b, "<i hidden>x</i>y");
	html_text_of(&t, buf_span(&b), 1 << 24);
	assert_int_equal(HTML_RUNS_MAX, t.nrun);
	assert_int_equal(0, t.run[HTML_RUNS_MAX - 1].flags);
	assert_false(t.text.overflow);
	html_text_free(&t);
	html_text_of(&t, buf_span(&b), 1000);
	assert_true(t.text.overflow);
	assert_int_equal(1000, t.text.n);
	html_text_free(&t);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
