/* Links in text: where they begin, where they end, and what is none. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/mail/url.h"
#include "lib/mail/url_find.h"

/* want: the links, each in <>, those without a scheme in {}. */
static void
assert_links(const char *text, const char *want)
{
	struct span s = span_str(text), found;
	struct buf b;
	uint32_t flags;
	size_t before = 0;

	buf_init(&b, 1 << 16);
	for (size_t pos = 0; url_find(s, &pos, &found, &flags); before = pos) {
		assert_true(pos > before && pos <= s.n);
		assert_true(found.p >= s.p && found.p + found.n <= s.p + pos);
		buf_putc(&b, flags & URL_GUESSED ? '{' : '<');
		buf_puts_span(&b, found);
		buf_putc(&b, flags & URL_GUESSED ? '}' : '>');
	}
	assert_string_equal(want, buf_cstr(&b));
	buf_free(&b);
}

static void
test_schemes(void **state)
{
	(void)state;
	assert_links("", "");
	assert_links("see http://a.example/x and HTTPS://b.example.",
	    "<http://a.example/x><HTTPS://b.example>");
	assert_links("ftp://a/b mailto:c@d.example, news:x.y http: https://",
	    "<ftp://a/b><mailto:c@d.example>");
	assert_links("http:\\\\a.example\\x http:/\\b/", "<http:\\\\a.example"
	    "\\x><http:/\\b/>");
	assert_links("http:/a.invalid", "");
	assert_links("=http://a,http://b", "<http://a,http://b>");
	assert_links("xhttp://a", "<http://a>");
	assert_links("http://user:pw@h.example:81/", "<http://user:pw@h.example"
	    ":81/>");
	assert_links("http://[::1]/ http://1.2.3.4 http://0x7f.1",
	    "<http://[::1]/><http://1.2.3.4><http://0x7f.1>");
}

static void
test_ends(void **state)
{
	(void)state;
	assert_links("(http://a/b) [http://a/b] {http://a/b}",
	    "<http://a/b><http://a/b><http://a/b>");
	assert_links("http://a/b_(c) (http://a/b_(c)) (see http://a/b(c)d).",
	    "<http://a/b_(c)><http://a/b_(c)><http://a/b(c)d>");
	assert_links("http://a/?x=[1]&y. http://a/... http://a/!?",
	    "<http://a/?x=[1]&y><http://a/><http://a/>");
	assert_links("<http://a/b>c \"http://a/b\"c 'http://a/b'c",
	    "<http://a/b><http://a/b><http://a/b>");
	assert_links("http://a/it's http://a/~b/ *http://a/*",
	    "<http://a/it's><http://a/~b/><http://a/>");
	assert_links("<http://a/bcd\r\nefg> <http://a/x\ny z>",
	    "<http://a/bcd\r\nefg><http://a/x>");
	assert_links("<http://a/x\n<http://b/>", "<http://a/x><http://b/>");
	/* Typographic quotes, a full stop that is a dot, Chinese around. */
	assert_links("\xe2\x80\x9chttp://a/b\xe2\x80\x9d \xc2\xabhttp://c"
	    "\xc2\xbb", "<http://a/b><http://c>");
	assert_links("\xe8\xaf\xb7http://a\xe3\x80\x82" "b/c\xe3\x80\x82\xe8"
	    "\xaf\xb7", "<http://a\xe3\x80\x82" "b/c>");
	assert_links("http://a/b\xef\xbc\x8c\xe8\xaf\xb7", "<http://a/b>");
	assert_links("http://m\xc3\xbcnchen.example/\xc3\xbc",
	    "<http://m\xc3\xbcnchen.example/\xc3\xbc>");
	assert_links("http://a/\xff\xfe b", "<http://a/\xff\xfe>");
}

static void
test_bare(void **state)
{
	(void)state;
	assert_links("www.a.example WWW.B.invalid/x.", "{www.a.example}"
	    "{WWW.B.invalid/x}");
	assert_links("go to a.com, b.co.uk/x?y or (c.org:8080/).",
	    "{a.com}{b.co.uk/x?y}{c.org:8080/}");
	assert_links("-a.com- ..a.com.. _a.com_", "{a.com}{a.com}{a.com}");
	assert_links("m\xc3\xbcnchen.de", "{m\xc3\xbcnchen.de}");
	assert_links("\xe8\xaf\xb7" "a.com\xe8\xaf\xb7", "{a.com}");
	assert_links("a@b.com x.y@b.com a@b.com/c", "");
	assert_links("e.g. i.e. 3.14 file.txt a..com .com www.com www. x.c",
	    "{www.com}");
	assert_links("done.In the README.md setup.py run.sh", "");
	assert_links("setup.py/x a.zip", "{setup.py/x}{a.zip}");
	assert_links("/usr/a.com c:\\b.com", "");
	assert_links("a.com http://b.com", "{a.com}<http://b.com>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_bare),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
