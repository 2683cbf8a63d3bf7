/*
 * URLs in URLs. The vectors are made by hand after the formats that the
 * services describe, with example domains.
 */
#include "arena_fixture.h"

#include <string.h>
#include "lib/mail/url_list.h"

#define DOTS "?d=evil.example&u="

/* All normal forms behind the first, a blank behind each. */
static uint32_t
unwrapped(const char *url, struct buf *b)
{
	struct url_list l;
	struct span s = span_str(url);

	url_list_init(&l, &arena, 100);
	url_list_add(&l, s, s, URL_IN_TEXT, NULL);
	assert_true(l.n > 0);
	for (size_t i = 1; i < l.n; i++) {
		assert_true(l.item[i].at.flags & URL_DECODED);
		assert_true(l.item[i].at.flags & URL_IN_TEXT);
		assert_int_equal(0, l.item[i].written.n);
		assert_true(l.item[i].from < i);
		buf_puts(b, l.item[i].norm);
		buf_putc(b, ' ');
	}
	return l.item[0].at.flags & (URL_REWRITER | URL_OPAQUE);
}

static void
assert_unwrapped(const char *url, uint32_t flags, const char *want)
{
	struct buf b;
	uint32_t got;

	buf_init(&b, 1 << 20);
	got = unwrapped(url, &b);
	assert_string_equal(want, buf_cstr(&b));
	if (got != flags)
		fail_msg("%s: flags %x", url, got);
	buf_free(&b);
}

static void
test_proofpoint(void **state)
{
	(void)state;
	assert_unwrapped("https://urldefense.proofpoint.com/v1/url?u=http://"
	    "evil.example/a%3Fb%3D1%26amp%3Bc%3D2&k=oIvRg1%2BdGAgOoM1BIlLLqw"
	    "%3D%3D%0A&r=x", URL_REWRITER, "http://evil.example/a?b=1&c=2 ");
	assert_unwrapped("https://urldefense.proofpoint.com/v2/url?u=https-3A_"
	    "_evil.example_a-5Fb-3Fx-3D1-26y-3D-252F&d=DwMFaQ&c=V&e=",
	    URL_REWRITER, "https://evil.example/a_b?x=1&y=%2F ");
	assert_unwrapped("https://urldefense.com/v3/__https://evil.example/a?b="
	    "1__;!!token$", URL_REWRITER, "https://evil.example/a?b=1 ");
	/* "#" and "%!" replaced: base64 of "#", and of the run "%!&". */
	assert_unwrapped("https://urldefense.com/v3/__https://evil.example/a*b"
	    "__;Iw!!t$", URL_REWRITER, "https://evil.example/a#b ");
	assert_unwrapped("https://urldefense.com/v3/__https://evil.example/"
	    "**Bx*y__;JSEmw7w!!t$", URL_REWRITER,
	    "https://evil.example/%!&x%C3%BCy ");
	assert_unwrapped("https://urldefense.com/v3/__http:/evil.example/__;!!",
	    URL_REWRITER, "http://evil.example/ ");
	/* More replacements asked for than there are; an unknown version. */
	assert_unwrapped("https://urldefense.com/v3/__http://evil.example/"
	    "***_**__;!!", URL_REWRITER, "http://evil.example/ ");
	assert_unwrapped("https://urldefense.com/v9/xyz",
	    URL_REWRITER | URL_OPAQUE, "");
}

static void
test_services(void **state)
{
	static const char *const urls[] = {
	    "https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2F"
		"evil.example%2Fa%3Fb&amp;data=05%7C01&amp;reserved=0",
	    "https://eur01.safelinks.protection.outlook.com/ap/w-59584e83/?url"
		"=http%3A%2F%2Fevil.example%2Fa%3Fb",
	    "https://linkprotect.cudasvc.com/url?a=http%3a%2f%2fevil.example"
		"%2fa%3fb&c=E,1,x&typo=1",
	    "https://eu-west-1.protection.sophos.com/" DOTS
		"aHR0cDovL2V2aWwuZXhhbXBsZS9hP2I=&i=x",
	    "https://eu-west-1.protection.sophos.com" DOTS
		"aHR0cDovL2V2aWwuZXhhbXBsZS9hP2I",
	    "https://secure-web.cisco.com/1abc-_x/http%3A%2F%2Fevil.example"
		"%2Fa%3Fb",
	    "http://secure-web.cisco.com/1abc/http://evil.example/a?b",
	    "https://protect2.fireeye.com/v1/url?k=x&q=1&e=y&u=http%3A%2F%2F"
		"evil.example%2Fa%3Fb",
	    "https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url"
		"=http%3a%2f%2fevil.example%2fa%3fb&umid=X&auth=y",
	    "https://clicktime.symantec.com/15tS?h=zR=&u=http%3A%2F%2F"
		"evil.example%2Fa%3Fb",
	    "https://scanmail.trustwave.com/?c=8248&d=x&s=5&u=http%3a%2f%2f"
		"evil.example%2fa%3fb",
	    "https://protect.checkpoint.com/v2/___http://evil.example/a?b___."
		"YXAx",
	    "https://url.avanan.click/v2/r02/___http://evil.example/a?b___.Y",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_unwrapped(urls[i], URL_REWRITER,
		    "http://evil.example/a?b ");
	assert_unwrapped("https://protect-eu.mimecast.com/s/AbCd?domain="
	    "evil.example", URL_REWRITER | URL_OPAQUE,
	    "http://evil.example/ ");
	assert_unwrapped("https://url.us.m.mimecastprotect.com/s/AbCd",
	    URL_REWRITER | URL_OPAQUE, "");
	/* A name of its own that only looks like one of them. */
	assert_unwrapped("https://urldefense.com.example/v3/__x__;!!", 0, "");
}

static void
test_redirectors(void **state)
{
	static const char *const urls[] = {
	    "https://www.google.com/url?q=http://evil.example/a%3Fb&sa=D",
	    "https://google.co.uk/url?sa=t&url=http%3A%2F%2Fevil.example%2Fa"
		"%3Fb",
	    "https://l.facebook.com/l.php?u=http%3A%2F%2Fevil.example%2Fa%3Fb"
		"&h=x",
	    "https://r.search.yahoo.com/_ylt=x/RU=http%3a%2f%2fevil.example"
		"%2fa%3fb/RK=2/RS=y",
	    "https://www.bing.com/ck/a?!&&p=1&u=a1aHR0cDovL2V2aWwuZXhhbXBsZS9h"
		"P2I&ntb=1",
	    "https://www.youtube.com/redirect?q=http%3A%2F%2Fevil.example%2Fa"
		"%3Fb",
	    "https://x.example/out?redirect=http%3A%2F%2Fevil.example%2Fa%3Fb",
	    "https://x.example/?a=b&amp;url=http%253A%252F%252Fevil.example"
		"%252Fa%253Fb",
	    "https://x.example/r?u=aHR0cDovL2V2aWwuZXhhbXBsZS9hP2I%3D",
	    "https://x.example/go/http://evil.example/a?b",
	    "https://x.example/go/http%3A%2F%2Fevil.example%2Fa%3Fb",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_unwrapped(urls[i], 0, "http://evil.example/a?b ");
	assert_unwrapped("https://www.google.com/amp/s/evil.example/a", 0,
	    "https://evil.example/a ");
	assert_unwrapped("https://x.example/?a=http://b/&c=http://d/", 0,
	    "http://b/ http://d/ ");
	assert_unwrapped("https://x.example/?a=b&c=httpd&d=/e", 0, "");
	assert_unwrapped("mailto:a@b.example?body=http://x/", 0, "");
}

/* Five deep, and not six. */
static void
test_nested(void **state)
{
	struct buf b, in;
	size_t n = 0;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_init(&in, 1 << 20);
	for (int i = 0; i < 8; i++)
		buf_printf(&in, "http://h%d.example/", i);
	unwrapped(buf_cstr(&in), &b);
	for (size_t i = 0; i < b.n; i++)
		n += b.p[i] == ' ';
	assert_int_equal(URL_NESTED_MAX, n);
	buf_reset(&b);
	unwrapped("https://eur01.safelinks.protection.outlook.com/?url="
	    "https%3A%2F%2Furldefense.com%2Fv3%2F__https%3A%2F%2Fevil.example"
	    "%2F__%3B!!x%24&data=y", &b);
	assert_string_equal("https://urldefense.com/v3/__https://evil.example/"
	    "__;!!x$ https://evil.example/ ", buf_cstr(&b));
	buf_free(&in);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proofpoint),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_redirectors),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
