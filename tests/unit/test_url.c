/* Normal form of URLs: cases of the URL standard, and what phishers do. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/mail/url.h"

#define BASE "http://h.example/a/b?c#d"

static void
assert_norm(const char *in, const char *want, uint32_t flags)
{
	struct url_parts base_p, p;
	struct buf base, b;
	bool ok;

	buf_init(&base, URL_NORM_MAX);
	buf_init(&b, URL_NORM_MAX);
	assert_true(url_normalise(&base, &base_p, SPAN_LIT(BASE),
	    SPAN_LIT(""), NULL));
	buf_puts(&b, "@@");
	ok = url_normalise(&b, &p, span_str(in), buf_span(&base), &base_p);
	if (want == NULL) {
		assert_false(ok);
		assert_string_equal("@@", buf_cstr(&b));
	} else {
		assert_true(ok);
		assert_string_equal(want, buf_cstr(&b) + 2);
		if (flags != p.flags)
			fail_msg("%s: flags %x", in, p.flags);
		assert_true(p.scheme_n > 0);
		assert_true(p.host_off + p.host_n <= p.path_off);
		assert_true(p.path_off <= b.n - 2);
	}
	buf_free(&base);
	buf_free(&b);
}

static void
test_absolute(void **state)
{
	(void)state;
	assert_norm("http://a.example", "http://a.example/", 0);
	assert_norm(" HTTPS://A.Example:443/X y\"?a b'#c d`\n",
	    "https://a.example/X%20y%22?a%20b%27#c%20d%60", 0);
	assert_norm("http://a:80/", "http://a/", 0);
	assert_norm("http://a:8080", "http://a:8080/", 0);
	assert_norm("http://a:/", "http://a/", 0);
	assert_norm("http://a:99999/", "http://a/", URL_BAD_HOST);
	assert_norm("http://a:x/", "http://a/", URL_BAD_HOST);
	assert_norm("ftp://a/b", "ftp://a/b", 0);
	assert_norm("http:///a/b", "http://a/b", 0);
	assert_norm("http:\\\\a\\b\\..\\c", "http://a/c", URL_BACKSLASH);
	assert_norm("https:a", "https://a/", 0);
	assert_norm("http://a?b", "http://a/?b", 0);
	assert_norm("http://a#b", "http://a/#b", 0);
	assert_norm("http://a/b?c=\\..\\d", "http://a/b?c=\\..\\d", 0);
	assert_norm("h\nt\ttp://a\r\n.b/", "http://a.b/", URL_CONTROL);
	assert_norm("http://user:p@ss@evil.example:81/x",
	    "http://evil.example:81/x", URL_USERINFO);
	assert_norm("http://good.example@evil.example",
	    "http://evil.example/", URL_USERINFO);
	assert_norm("http://evil.example\\@good.example/",
	    "http://evil.example/@good.example/", URL_BACKSLASH);
	assert_norm("file:///c:/x", "file:///c:/x", 0);
	assert_norm("file:\\\\srv\\share", "file://srv/share", URL_BACKSLASH);
	assert_norm("MailTo:A@b.example", "mailto:A@b.example", 0);
	assert_norm("java\tscript:alert(1)", "javascript:alert(1)",
	    URL_CONTROL);
	assert_norm("\x01\x02javascript:x", "javascript:x", 0);
	assert_norm("cid:", NULL, 0);
}

static void
test_paths(void **state)
{
	(void)state;
	assert_norm("http://a/./b/../c/%2e%2E/d/.", "http://a/d/", 0);
	assert_norm("http://a/..", "http://a/", 0);
	assert_norm("http://a/../../b", "http://a/b", 0);
	assert_norm("http://a/b/..?c", "http://a/?c", 0);
	assert_norm("http://a//b//../c", "http://a//b/c", 0);
	assert_norm("http://a/...", "http://a/...", 0);
	assert_norm("http://a/\xc3\xbc%41%zz", "http://a/%C3%BC%41%zz", 0);
	assert_norm("http://a/b?\xc3\xbc", "http://a/b?%C3%BC", 0);
}

static void
test_relative(void **state)
{
	(void)state;
	assert_norm("x", "http://h.example/a/x", 0);
	assert_norm("../x", "http://h.example/x", 0);
	assert_norm("/x", "http://h.example/x", 0);
	assert_norm("?x", "http://h.example/a/b?x", 0);
	assert_norm("#x", NULL, 0);
	assert_norm("", NULL, 0);
	assert_norm("//x/y", "http://x/y", 0);
	assert_norm("\\\\x/y", "http://x/y", URL_BACKSLASH);
	assert_norm("http:x", "http://h.example/a/x", 0);
	assert_norm("https:x", "https://x/", 0);
}

static void
test_no_base(void **state)
{
	static const char *const none[] = {"", "x", "/x", "?x", "#x", ":x",
	    "1:x", "http", "x y:z"};
	struct url_parts p;
	struct buf b;

	(void)state;
	buf_init(&b, URL_NORM_MAX);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(url_normalise(&b, &p, span_str(none[i]),
		    SPAN_LIT(""), NULL));
	assert_true(url_normalise(&b, &p, SPAN_LIT("//x"), SPAN_LIT(""),
	    NULL));
	assert_string_equal("http://x/", buf_cstr(&b));
	assert_int_equal(URL_GUESSED, p.flags);
	buf_free(&b);
}

static void
test_hosts(void **state)
{
	(void)state;
	assert_norm("http://%65vil.example.", "http://evil.example/",
	    URL_HOST_ODD);
	assert_norm("http://1.2.3.4", "http://1.2.3.4/", URL_IP);
	assert_norm("http://0x7f.1", "http://127.0.0.1/", URL_IP | URL_IP_ODD);
	assert_norm("http://2130706433/", "http://127.0.0.1/",
	    URL_IP | URL_IP_ODD);
	assert_norm("http://0177.0.0.01/", "http://127.0.0.1/",
	    URL_IP | URL_IP_ODD);
	assert_norm("http://0x7F000001:80/", "http://127.0.0.1/",
	    URL_IP | URL_IP_ODD);
	assert_norm("http://1.2.3.4.", "http://1.2.3.4/", URL_IP);
	assert_norm("http://1.2.3.4.5/", "http://1.2.3.4.5/", URL_BAD_HOST);
	assert_norm("http://1.2.3.256/", "http://1.2.3.256/", URL_BAD_HOST);
	assert_norm("http://4294967296/", "http://4294967296/", URL_BAD_HOST);
	assert_norm("http://a\xc2\xa0/", "http://a%20/",
	    URL_BAD_HOST | URL_HOST_ODD);
	assert_norm("http://a%00.1/", "http://a%00.1/",
	    URL_BAD_HOST | URL_HOST_ODD);
	assert_norm("http://09.1/", "http://09.1/", URL_BAD_HOST);
	assert_norm("http://127.0.0../", "http://127.0.0./", URL_BAD_HOST);
	assert_norm("http://a..b/", "http://a..b/", URL_BAD_HOST);
	assert_norm("http://1.x/", "http://1.x/", 0);
	assert_norm("http://[2001:DB8:0::1]:81/", "http://[2001:db8::1]:81/",
	    URL_IP);
	assert_norm("http://[::ffff:1.2.3.4]/", "http://[::ffff:1.2.3.4]/",
	    URL_IP);
	assert_norm("http://[1::2/", "http://%5B1%3A%3A2/", URL_BAD_HOST);
	assert_norm("http://", "http:///", URL_BAD_HOST);
	assert_norm("http://a b/", "http://a%20b/", URL_BAD_HOST);
	assert_norm("http://a%00b/", "http://a%00b/",
	    URL_BAD_HOST | URL_HOST_ODD);
	assert_norm("http://M\xc3\x9cNCHEN.example/",
	    "http://m\xc3\xbcnchen.example/", URL_IDN);
	assert_norm("http://xn--mnchen-3ya.example/",
	    "http://xn--mnchen-3ya.example/", URL_IDN);
	/* Full-width letters and stops, circled and mathematical letters. */
	assert_norm("http://\xef\xbd\x85vil\xe3\x80\x82" "example/",
	    "http://evil.example/", URL_HOST_ODD);
	assert_norm("http://\xe2\x93\x94vil.\xf0\x9d\x90\x9axample/",
	    "http://evil.axample/", URL_HOST_ODD);
	assert_norm("http://ev\xc2\xadil.example/", "http://evil.example/",
	    URL_HOST_ODD);
	assert_norm("http://\xff/", "http://\xef\xbf\xbd/", URL_BAD_HOST);
}

static void
test_long(void **state)
{
	struct url_parts p;
	struct buf in, out;

	(void)state;
	buf_init(&in, 1 << 24);
	buf_init(&out, URL_NORM_MAX);
	buf_puts(&in, "http://a/");
	for (int i = 0; i < 1 << 20; i++)
		buf_puts(&in, "\xff../x");
	assert_true(url_normalise(&out, &p, buf_span(&in), SPAN_LIT(""),
	    NULL));
	assert_int_equal(URL_CUT, p.flags);
	assert_true(out.n <= 3 * URL_BYTES_MAX);
	buf_reset(&in);
	buf_reset(&out);
	buf_puts(&in, "data:image/png;base64,");
	for (int i = 0; i < 1 << 20; i++)
		buf_puts(&in, "AAAA");
	assert_true(url_normalise(&out, &p, buf_span(&in), SPAN_LIT(""),
	    NULL));
	assert_int_equal(URL_CUT, p.flags);
	assert_int_equal(URL_OTHER_BYTES_MAX, out.n);
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absolute),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_no_base),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
