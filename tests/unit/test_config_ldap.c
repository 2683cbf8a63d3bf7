/* ldap.conf: what is taken, what is refused and where. */
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
#include "lib/config/ldap.h"

static char path[] = "/tmp/test_config_ldap.XXXXXX";

static int
load(struct ldap_conf *c, const char *text, struct err *e)
{
	assert_int_equal(atomicfile_write(path, span_str(text), 0600, e), 0);
	return ldap_conf_load(c, path, e);
}

static void
must_load(struct ldap_conf *c, const char *text)
{
	struct err e = {""};

	if (load(c, text, &e) != 0)
		fail_msg("%s", e.text);
}

static void
test_defaults(void **state)
{
	struct ldap_conf c;
	const struct ldap_profile *p;

	(void)state;
	must_load(&c, "ldap: corp\n\tserver1 ldap.example.com\n");
	assert_int_equal(c.n, 1);
	p = &c.profile[0];
	assert_string_equal(p->name, "corp");
	assert_false(p->disable);
	assert_false(p->verify);
	assert_int_equal(p->mode, LDAP_PLAIN);
	assert_int_equal(p->port, 0);
	assert_string_equal(p->server2, "");
	assert_string_equal(p->bindpw, "");
	assert_int_equal(p->account.n, 2);
	assert_string_equal(p->account.name[0], "sAMAccountName");
	assert_int_equal(p->mail.n, 5);
	assert_string_equal(p->mail.name[4], "mailAlternativeAddress");
	assert_int_equal(p->groupclass.n, 3);
	assert_string_equal(p->groupclass.name[2], "ipausergroup");
	ldap_conf_free(&c);
}

static void
test_all_keys(void **state)
{
	struct ldap_conf c;
	const struct ldap_profile *p;

	(void)state;
	must_load(&c, "# two\n\nldap: corp\n"
	    "    disable 1\n    comment Gr%c3%bc%c3%9fe%0Azwei\n"
	    "    mode ldap+starttls\n    verify yes\n"
	    "    cafile /etc/pmg/ca.pem\n"
	    "    server1 192.0.2.1\n\tserver2 2001:db8::1\n    port 3890\n"
	    "    binddn cn=read only,dc=example,dc=com\n"
	    "    bindpw cyBl4oKsY3JldA==\n"
	    "    basedn dc=example,dc=com\n"
	    "    groupbasedn ou=groups,dc=example,dc=com\n"
	    "    filter objectClass=person\n"
	    "    accountattr uid\n    mailattr mail; alias,x-mail\n"
	    "    groupclass groupOfNames\n"
	    "\nldap: B-2_x\n server1 b\n filter (&(a=1)(b=\\28))\n");
	assert_int_equal(c.n, 2);
	p = ldap_conf_find(&c, "CORP");
	assert_non_null(p);
	assert_true(p->disable && p->verify);
	assert_string_equal(p->comment, "Gr\xc3\xbc\xc3\x9f" "e\nzwei");
	assert_int_equal(p->mode, LDAP_STARTTLS);
	assert_string_equal(p->server2, "2001:db8::1");
	assert_int_equal(p->port, 3890);
	assert_string_equal(p->binddn, "cn=read only,dc=example,dc=com");
	assert_string_equal(p->bindpw, "s e\xe2\x82\xac" "cret");
	assert_string_equal(p->filter, "(objectClass=person)");
	assert_int_equal(p->account.n, 1);
	assert_int_equal(p->mail.n, 3);
	assert_string_equal(p->mail.name[2], "x-mail");
	assert_string_equal(p->groupclass.name[0], "groupOfNames");
	assert_int_equal(p->line, 3);
	assert_string_equal(c.profile[1].filter, "(&(a=1)(b=\\28))");
	assert_null(ldap_conf_find(&c, "none"));
	ldap_conf_free(&c);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *word;
	} t[] = {
		{"server1 a\n", 1, "ldap: PROFILE"},
		{"\n\tserver1 a\n", 2, "in front of the first"},
		{"section: mail\n", 1, "ldap: PROFILE"},
		{"ldap: a b\n", 1, "name"}, {"ldap: ../x\n", 1, "name"},
		{"ldap: 1\n", 1, "name"}, {"ldap:\n", 1, "name"},
		{"ldap: a\n\tmode ldap\n", 1, "server1"},
		{"ldap: a\n\nldap: b\n", 1, "server1"},
		{"ldap: a\n\tserver1 x\nldap: A\n", 3, "came before"},
		{"ldap: a\n\tserver1 x\n\tserver1 y\n", 3, "came before"},
		{"ldap: a\n\tserver1\n", 2, "no value"},
		{"ldap: a\n\tserver1 a b\n", 2, "host name"},
		{"ldap: a\n\tserver1 ldap://x\n", 2, "host name"},
		{"ldap: a\n\tserver 1\n", 2, "no such key"},
		{"ldap: a\n\tport 0\n", 2, "65535"},
		{"ldap: a\n\tport 70000\n", 2, "65535"},
		{"ldap: a\n\tmode tls\n", 2, "starttls"},
		{"ldap: a\n\tverify maybe\n", 2, "0 or 1"},
		{"ldap: a\n\tcafile ca.pem\n", 2, "absolute path"},
		{"ldap: a\n\tbindpw se cret!\n", 2, "base64"},
		{"ldap: a\n\tbindpw password\n", 2, "base64"},
		{"ldap: a\n\tfilter (a=1\n", 2, "parentheses"},
		{"ldap: a\n\tfilter (a=1))\n", 2, "parentheses"},
		{"ldap: a\n\tfilter (a=1)(b=2)\n", 2, "parentheses"},
		{"ldap: a\n\tmailattr mail,(x\n", 2, "names of letters"},
		{"ldap: a\n\tmailattr ,\n", 2, "missing"},
		{"ldap: a\n\tcomment %ff\n", 2, "UTF-8"},
		{"ldap: a\n\tbasedn dc=\x01\n", 2, "printable"},
	};
	struct ldap_conf c;
	char place[96];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct err e = {""};

		snprintf(place, sizeof(place), "%s:%u: ", path, t[i].line);
		if (load(&c, t[i].text, &e) != -1)
			fail_msg("case %zu was not refused", i);
		if (strncmp(e.text, place, strlen(place)) != 0 ||
		    strstr(e.text, t[i].word) == NULL)
			fail_msg("case %zu: %s", i, e.text);
		assert_int_equal(c.n, 0);
	}
}

/* No reason shows a password, even one that was typed as it is. */
static void
test_secret_not_shown(void **state)
{
	struct err e = {""};
	struct ldap_conf c;

	(void)state;
	assert_int_equal(load(&c, "ldap: a\n\tbindpw geh3im!\n", &e), -1);
	assert_null(strstr(e.text, "geh3im"));
}

static void
test_missing_file(void **state)
{
	struct err e = {""};
	struct ldap_conf c;

	(void)state;
	assert_int_equal(ldap_conf_load(&c, "/nonexistent/ldap.conf", &e), 0);
	assert_int_equal(c.n, 0);
	assert_int_equal(ldap_conf_load(&c, "/etc", &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_secret_not_shown),
		cmocka_unit_test(test_missing_file),
	};
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
