#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/atomicfile.h"
#include "lib/config/maps.h"
#include "lib/config/syntax.h"

static char path[] = "/tmp/test_config_maps.XXXXXX";

static int
load(struct map *m, enum map_kind kind, const char *text, struct err *e)
{
	assert_int_equal(atomicfile_write(path, span_str(text), 0644, e), 0);
	return map_load(m, path, kind, e);
}

static void
expect(enum map_kind kind, const char *text, const char *key,
    const char *value)
{
	struct err e = {""};
	struct map m;

	if (load(&m, kind, text, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.entry[0].key, key);
	assert_string_equal(m.entry[0].value, value);
	map_free(&m);
}

static void
refused(enum map_kind kind, const char *text, unsigned line)
{
	struct err e = {""};
	char place[96];
	struct map m;

	snprintf(place, sizeof(place), "%s:%u: ", path, line);
	assert_int_equal(load(&m, kind, text, &e), -1);
	if (strncmp(e.text, place, strlen(place)) != 0)
		fail_msg("expected %s, got: %s", place, e.text);
	assert_int_equal(m.n, 0);
}

static void
missing_file_is_empty(void **state)
{
	struct err e;
	struct map m;

	(void)state;
	assert_int_equal(map_load(&m, "/nonexistent/domains", MAP_DOMAINS,
	    &e), 0);
	assert_int_equal(m.n, 0);
	map_free(&m);
}

static void
domains(void **state)
{
	struct err e;
	struct map m;

	(void)state;
	expect(MAP_DOMAINS, "# c\n\nExample.COM 1\n", "example.com", "1");
	expect(MAP_DOMAINS, "example.com # mine", "example.com", "1");
	expect(MAP_DOMAINS, "b\xc3\xbc" "cher.example", "b\xc3\xbc"
	    "cher.example", "1");
	refused(MAP_DOMAINS, "a.example\n-b.example\n", 2);
	refused(MAP_DOMAINS, "a..example\n", 1);
	refused(MAP_DOMAINS, "a.example\nb.example\nA.example 1\n", 3);
	refused(MAP_DOMAINS, "b\xc3.example\n", 1);
	assert_int_equal(load(&m, MAP_DOMAINS, "a.b\nc.d\ne.f\ng.h\ni.j\n",
	    &e), 0);
	assert_int_equal(m.n, 5);
	assert_int_equal(m.entry[4].line, 5);
	map_free(&m);
}

static void
transport(void **state)
{
	char host[64];

	(void)state;
	expect(MAP_TRANSPORT, "a.example smtp:mx.example:25\n", "a.example",
	    "smtp:mx.example:25");
	expect(MAP_TRANSPORT, ".a.example smtp:[mx.example]\n", ".a.example",
	    "smtp:[mx.example]");
	expect(MAP_TRANSPORT, "Bob@a.example lmtp:inet:10.0.0.1:24\n",
	    "bob@a.example", "lmtp:inet:[10.0.0.1]:24");
	expect(MAP_TRANSPORT, "a.example smtp:[2001:db8::1]:25\n",
	    "a.example", "smtp:[ipv6:2001:db8::1]:25");
	expect(MAP_TRANSPORT, "a.example smtp:[ipv6:2001:db8::1]:25\n",
	    "a.example", "smtp:[ipv6:2001:db8::1]:25");
	refused(MAP_TRANSPORT, "a.example\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:mx.example:\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:mx.example:70000\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:[mx.example\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:[mx.example]x\n", 1);
	refused(MAP_TRANSPORT, "a.example pipe:rm\n", 1);
	refused(MAP_TRANSPORT, "a.example smtp:2001:db8::1:25\n", 1);
	refused(MAP_TRANSPORT, "a b@c smtp:x.example\n", 1);
	assert_true(map_transport_host("smtp:[ipv6:::1]:25", host,
	    sizeof(host)));
	assert_string_equal(host, "::1");
	assert_false(map_transport_host("smtp:long.example", host, 4));
	assert_false(map_transport_host("local", host, sizeof(host)));
}

static void
networks(void **state)
{
	(void)state;
	expect(MAP_NETWORKS, "192.0.2.0/24 # office\n", "192.0.2.0/24", "");
	expect(MAP_NETWORKS, "192.0.2.7\n", "192.0.2.7/32", "");
	expect(MAP_NETWORKS, "2001:DB8::/32\n", "[2001:db8::]/32", "");
	expect(MAP_NETWORKS, "[2001:db8::1]/128\n", "[2001:db8::1]/128", "");
	expect(MAP_NETWORKS, "0.0.0.0/0\n", "0.0.0.0/0", "");
	/* Postfix answers 451 to everybody for such a line. */
	refused(MAP_NETWORKS, "10.0.0.1/8\n", 1);
	refused(MAP_NETWORKS, "2001:db8::1/64\n", 1);
	refused(MAP_NETWORKS, "10.0.0.0/33\n", 1);
	refused(MAP_NETWORKS, "10.0.0/8\n", 1);
	refused(MAP_NETWORKS, "10.0.0.0/\n", 1);
	refused(MAP_NETWORKS, "example.com\n", 1);
	refused(MAP_NETWORKS, "10.0.0.0/8 11.0.0.0/8\n", 1);
}

static void
tls_policy(void **state)
{
	(void)state;
	expect(MAP_TLS_POLICY, "a.example encrypt\n", "a.example", "encrypt");
	expect(MAP_TLS_POLICY, "[mx.a.example]:587 secure match=a.example\n",
	    "[mx.a.example]:587", "secure match=a.example");
	refused(MAP_TLS_POLICY, "a.example\n", 1);
	refused(MAP_TLS_POLICY, "a.example encrypted\n", 1);
	refused(MAP_TLS_POLICY, "a_b: none\n", 1);
}

static bool
host(const char *s)
{
	return valid_host(span_str(s));
}

static void
hosts(void **state)
{
	char label[70];

	(void)state;
	assert_true(host("mx"));
	assert_true(host("mx-1.example.com"));
	assert_true(host("::1"));
	assert_true(host("127.0.0.1"));
	assert_false(host(""));
	assert_false(host("10.0.0"));
	assert_false(host("1.2.3.4.5"));
	assert_false(host("a.example."));
	assert_false(host("a b"));
	assert_false(host("a/b"));
	assert_false(host("$x"));
	assert_false(host(":::1"));
	memset(label, 'a', sizeof(label));
	label[63] = '\0';
	assert_true(host(label));
	label[63] = 'a';
	label[64] = '\0';
	assert_false(host(label));
	/* A NUL must not hide what stands behind it. */
	assert_false(valid_host(SPAN_LIT("127.0.0.1\0x")));
	assert_false(valid_host(SPAN_LIT("a.example\0x")));
}

static void
emails(void **state)
{
	(void)state;
	assert_true(valid_email(span_str("a@b.example")));
	assert_true(valid_email(span_str("b\xc3\xbcro@b.example")));
	assert_false(valid_email(span_str("a@")));
	assert_false(valid_email(span_str("@b.example")));
	assert_false(valid_email(span_str("a@b@c.example")));
	assert_false(valid_email(span_str("a b@c.example")));
	assert_false(valid_email(span_str("a@b.example\n")));
}

static int
setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_file_is_empty),
		cmocka_unit_test(domains),
		cmocka_unit_test(transport),
		cmocka_unit_test(networks),
		cmocka_unit_test(tls_policy),
		cmocka_unit_test(hosts),
		cmocka_unit_test(emails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
