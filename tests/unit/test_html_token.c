/* Tokens, references, CSS: the odd corners of the HTML standard. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/mail/css.h"
#include "lib/mail/entity.h"
#include "lib/mail/html_token.h"

static void
put_escaped(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0')
			buf_puts(b, "\\0");
		else
			buf_putc(b, s.p[i]);
}

/* "T(text)R(raw)S(name a=v)E(name)C(comment)D(doctype)", '!' = cut. */
static void
assert_tokens(const char *html, const char *want)
{
	static const char letters[] = "TRSECD";
	struct html_lexer l;
	struct html_token t;
	struct buf b;
	size_t at = 0;

	buf_init(&b, 1 << 16);
	html_lexer_init(&l, span_str(html));
	while (html_next(&l, &t)) {
		struct html_attrs it = html_attrs(&t);
		struct html_attr a;
		bool tag = t.type == HTML_START || t.type == HTML_END;

		assert_ptr_equal(html + at, t.src.p);
		assert_true(t.src.n > 0);
		at += t.src.n;
		buf_printf(&b, "%c%s(", letters[t.type], t.cut ? "!" : "");
		put_escaped(&b, tag ? t.name : t.body);
		while (tag && html_attr_next(&it, &a)) {
			buf_putc(&b, ' ');
			buf_puts_span(&b, a.name);
			buf_putc(&b, '=');
			buf_puts_span(&b, a.value);
		}
		buf_puts(&b, t.self_closing ? "/)" : ")");
	}
	assert_int_equal(strlen(html), at);
	assert_string_equal(want, buf_cstr(&b));
	buf_free(&b);
}

static void
test_tags(void **state)
{
	(void)state;
	assert_tokens("", "");
	assert_tokens("a<b>c</b>", "T(a)S(b)T(c)E(b)");
	assert_tokens("<A HREF=x>", "S(A HREF=x)");
	assert_tokens("<a href = 'x>y' b=\"'\" c d=>z", "S(a href=x>y b=' c= d=)"
	    "T(z)");
	assert_tokens("<a/href=x/y=z/>", "S(a href=x/y=z/)");
	assert_tokens("<br/>", "S(br/)");
	assert_tokens("<a b='x'c=d>", "S(a b=x c=d)");
	assert_tokens("<a =b=c>", "S(a =b=c)");
	assert_tokens("<a\nb\f=\r\nc>", "S(a b=c)");
	assert_tokens("<a b=\"", "S!(a b=)");
	assert_tokens("<a b=x", "S!(a b=x)");
	assert_tokens("<a", "S!(a)");
	assert_tokens("</a b=c>", "E(a b=c)");
	assert_tokens("<1>", "T(<1>)");
	assert_tokens("a < b", "T(a < b)");
	assert_tokens("<", "T(<)");
	assert_tokens("</", "T(</)");
	assert_tokens("<<a>", "T(<)S(a)");
	/* A letter begins a tag, whatever follows. */
	assert_tokens("<a<b>", "S(a<b)");
}

static void
test_comments(void **state)
{
	(void)state;
	assert_tokens("<!--a-->b", "C(a)T(b)");
	assert_tokens("<!-->b", "C()T(b)");
	assert_tokens("<!--->b", "C()T(b)");
	assert_tokens("<!---->b", "C()T(b)");
	assert_tokens("<!--a--!>b", "C(a)T(b)");
	assert_tokens("<!--a-- >b-->c", "C(a-- >b)T(c)");
	assert_tokens("<!--a--->b", "C(a-)T(b)");
	assert_tokens("<!--a>b", "C!(a>b)");
	assert_tokens("<!a>b", "C(a)T(b)");
	assert_tokens("<?a>b", "C(?a)T(b)");
	assert_tokens("</ a>b", "C( a)T(b)");
	assert_tokens("</>b", "C()T(b)");
	assert_tokens("<!DocType html>b", "D( html)T(b)");
	assert_tokens("<![CDATA[a>b]]>", "C([CDATA[a)T(b]]>)");
	assert_tokens("<svg><![CDATA[a>b]]></svg>", "S(svg)R(a>b)E(svg)");
	assert_tokens("<svg/><![CDATA[a>b", "S(svg/)C([CDATA[a)T(b)");
}

static void
test_raw(void **state)
{
	(void)state;
	assert_tokens("<script>a<b></scriptx></SCRIPT >c",
	    "S(script)R(a<b></scriptx>)E(SCRIPT)T(c)");
	assert_tokens("<style></style>", "S(style)E(style)");
	assert_tokens("<title>a<b></title/>", "S(title)T(a<b>)E(title/)");
	assert_tokens("<textarea><a></textarea", "S(textarea)"
	    "T!(<a></textarea)");
	assert_tokens("<plaintext>a</plaintext>", "S(plaintext)"
	    "R!(a</plaintext>)");
	/* The script standard's double escape. */
	assert_tokens("<script><!--<script></script>--></script>a",
	    "S(script)R(<!--<script></script>-->)E(script)T(a)");
	assert_tokens("<script><!--</script>a", "S(script)R(<!--)E(script)"
	    "T(a)");
	assert_tokens("<script><!--><script></script>a",
	    "S(script)R(<!--><script>)E(script)T(a)");
	/* In SVG, style is an element like others, but <p> ends SVG. */
	assert_tokens("<svg><style><a>", "S(svg)S(style)S(a)");
	assert_tokens("<svg><p><style><a></style>", "S(svg)S(p)S(style)R(<a>)"
	    "E(style)");
}

static void
assert_decoded(const char *in, const char *text, const char *attr)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < strlen(in);) {
		size_t n = in[i] == '&'
		    ? entity_decode(&b, span_str(in), i, false) : 0;

		if (n == 0)
			buf_putc(&b, in[i]);
		i += n ? n : 1;
	}
	assert_string_equal(text, buf_cstr(&b));
	buf_reset(&b);
	entity_decode_attr(&b, span_str(in));
	assert_string_equal(attr, buf_cstr(&b));
	buf_free(&b);
}

static void
test_entities(void **state)
{
	(void)state;
	assert_decoded("&amp;&lt;&AMP;&colon;&Tab;&NewLine;",
	    "&<&:\t\n", "&<&:\t\n");
	assert_decoded("&ampx", "&x", "&ampx");
	assert_decoded("&copy=1", "\xc2\xa9=1", "&copy=1");
	assert_decoded("&copy 1", "\xc2\xa9 1", "\xc2\xa9 1");
	assert_decoded("&notit;&notin;", "\xc2\xacit;\xe2\x88\x89",
	    "&notit;\xe2\x88\x89");
	assert_decoded("&colon", "&colon", "&colon");
	assert_decoded("&nope;&;&&a", "&nope;&;&&a", "&nope;&;&&a");
	assert_decoded("&nGt;", "\xe2\x89\xab\xe2\x83\x92",
	    "\xe2\x89\xab\xe2\x83\x92");
	assert_decoded("&#65;&#x41&#X41;&#0065", "AAAA", "AAAA");
	assert_decoded("&#128;&#x80", "\xe2\x82\xac\xe2\x82\xac",
	    "\xe2\x82\xac\xe2\x82\xac");
	assert_decoded("&#0;&#xD800;&#99999999999;&#4294967361;",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_decoded("&#;&#x;&#xg", "&#;&#x;&#xg", "&#;&#x;&#xg");
	assert_decoded("&CounterClockwiseContourIntegral;", "\xe2\x88\xb3",
	    "\xe2\x88\xb3");
	assert_int_equal(0xe4, entity_code(SPAN_LIT("auml")));
	assert_int_equal(0, entity_code(SPAN_LIT("")));
	assert_int_equal(0, entity_code(SPAN_LIT("aum")));
	assert_int_equal(0, entity_code(SPAN_LIT("nGt")));
	/* First and last of the table. */
	assert_int_equal(0xc6, entity_code(SPAN_LIT("AElig")));
	assert_int_equal(0x200c, entity_code(SPAN_LIT("zwnj")));
}

static bool
hides(const char *css)
{
	struct buf b;
	bool yes;

	buf_init(&b, 1000);
	css_clean(&b, span_str(css));
	yes = css_hides(buf_span(&b));
	buf_free(&b);
	return yes;
}

static void
test_css(void **state)
{
	static const char *const hidden[] = {"display:none",
	    "a:b; DISPLAY : None ; c", "display:/**/none", "d\\69splay:n\\00006fne",
	    "font-size:0", "font-size:0px", "font-size:.5px", "font-size:1px",
	    "visibility:hidden", "opacity:0", "opacity: 0.0", "max-height:0px",
	    "mso-hide:all", "text-indent:-9999px", "left:-9999px",
	    "display:none!important;display:block", "color:transparent",
	    "height:0;overflow:hidden", "font:0/0 a"};
	static const char *const seen[] = {"", "display:block",
	    "display:none;display:block", "font-size:12px", "font-size:1em",
	    "font-size:10pt", "font-size:small", "opacity:1", "max-height:10px",
	    "x:display:none", "text-indent:1em", "height:0", "overflow:hidden",
	    "display:block!important;display:none", "font:12px a",
	    "/*display:none*/"};
	struct span css = SPAN_LIT("a{b:url( 'x y' )} @import \"//z/\"; "
	    "c:uRl(q);d:'no'"), url;
	size_t pos = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (!hides(hidden[i]))
			fail_msg("seen: %s", hidden[i]);
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (hides(seen[i]))
			fail_msg("hidden: %s", seen[i]);
	assert_true(css_next_url(css, &pos, &url));
	assert_true(span_eq(url, SPAN_LIT("x y")));
	assert_true(css_next_url(css, &pos, &url));
	assert_true(span_eq(url, SPAN_LIT("//z/")));
	assert_true(css_next_url(css, &pos, &url));
	assert_true(span_eq(url, SPAN_LIT("q")));
	assert_false(css_next_url(css, &pos, &url));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_entities),
		cmocka_unit_test(test_css),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
