/* What LDAP servers may say, and the directory that comes out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/net/ldap_haul.h"
#include "lib/rules/directory_format.h"

enum { VALUES = 8, ATTRS = 6 };

/* Values of each attribute in the order asked for, NULL-terminated. */
struct text_entry {
	const char *dn;
	const char *attr[ATTRS][VALUES];
};

typedef void adder(struct ldap_haul *h, const struct ldap_entry *entry);

static void
add(struct ldap_haul *h, adder *fn, const struct text_entry *t)
{
	struct span value[ATTRS][VALUES];
	struct ldap_attr attr[ATTRS];
	struct ldap_entry entry = {.dn = t->dn, .attr = attr};

	for (int a = 0; a < ATTRS; a++) {
		attr[a] = (struct ldap_attr){value[a], 0};
		for (; t->attr[a][attr[a].n] != NULL; attr[a].n++)
			value[a][attr[a].n] =
			    span_str(t->attr[a][attr[a].n]);
	}
	fn(h, &entry);
}

/* An account's attributes: memberOf, primaryGroupID, one name, two mail. */
static struct ldap_haul *
new_haul(void)
{
	return ldap_haul_new(1, 2);
}

static struct directory *
finish(struct ldap_haul *h)
{
	struct directory_builder *b = directory_builder_new();
	struct err e = {""};
	struct directory *d;
	struct buf s;

	directory_builder_profile(b, "p", 1);
	if (ldap_haul_build(h, b, &e) != 0)
		fail_msg("%s", e.text);
	ldap_haul_free(h);
	buf_init(&s, DIRECTORY_BYTES_MAX);
	assert_int_equal(directory_build(b, &s, &e), 0);
	directory_builder_free(b);
	d = directory_load(buf_span(&s), &e);
	buf_free(&s);
	assert_non_null(d);
	return d;
}

static void
test_addresses(void **state)
{
	struct ldap_haul *h = new_haul();
	const struct text_entry entries[] = {
		{"uid=a", {{NULL}, {NULL}, {"A"}, {NULL},
		    {"smtp:two@x.example", "SMTP:One@X.example", "sip:a@x",
		    "X500:/o=x", "smtp:one@x.example", "three@x.example ",
		    NULL}}},
		{"uid=b", {{NULL}, {NULL}, {"b"}, {"b@x.example", NULL},
		    {"SMTP:c@x.example", NULL}}},
		{"uid=none", {{NULL}, {NULL}, {"n"}, {"not an address", "@x",
		    "a@", "a b@x.example", "{y}@x.example", "\xff@x.example",
		    "a@x.example\n", NULL}, {"x400:c=de", NULL}}},
	};
	struct directory_account a;
	struct directory *d;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		add(h, ldap_haul_account, &entries[i]);
	assert_int_equal(ldap_haul_accounts(h), 3);
	d = finish(h);
	a = directory_account(d, 0);
	assert_int_equal(a.naddress, 3);
	assert_string_equal(directory_address(d, &a, 0), "one@x.example");
	assert_string_equal(directory_address(d, &a, 1), "two@x.example");
	assert_string_equal(directory_address(d, &a, 2), "three@x.example");
	/* The attribute that comes first wins over SMTP: in a later one. */
	assert_string_equal(directory_primary(d, "c@x.example"),
	    "b@x.example");
	/* Blanks around an address are no part of it. */
	a = directory_account(d, 2);
	assert_int_equal(a.naddress, 1);
	assert_string_equal(directory_address(d, &a, 0), "a@x.example");
	directory_free(d);
}

/* The same name however it is written. */
static void
test_names_in_other_forms(void **state)
{
	struct ldap_haul *h = new_haul();
	const struct text_entry group[] = {
		{"CN=Alpha\\2C Beta, OU=Groups,DC=x", {{"Alpha, Beta", NULL},
		    {"UID=Ann,OU=People, dc=X", NULL}}},
		{"cn=outer,dc=x", {{NULL}, {NULL},
		    {"cn=alpha\\, beta,ou=groups,dc=x", "garbage", "", NULL},
		    {"BOB", NULL}}},
	};
	const struct text_entry account[] = {
		{"uid=ann,ou=people,dc=x", {{NULL}, {NULL}, {"ann"},
		    {"ann@x.example", NULL}}},
		{"uid=bob,ou=people,dc=x", {{"cn=Named  Only,dc=x", NULL},
		    {NULL}, {"Bob"}, {"bob@x.example", NULL}}},
	};
	struct directory *d;

	(void)state;
	for (int i = 0; i < 2; i++) {
		add(h, ldap_haul_group, &group[i]);
		add(h, ldap_haul_account, &account[i]);
	}
	d = finish(h);
	assert_true(directory_in_group(d, "p", "alpha, beta",
	    "ann@x.example"));
	assert_true(directory_in_group(d, "p", "cn=outer,dc=x",
	    "ann@x.example"));
	assert_false(directory_in_group(d, "p", "alpha, beta",
	    "bob@x.example"));
	assert_true(directory_in_group(d, "p", "CN=outer,dc=x",
	    "bob@x.example"));
	assert_int_equal(directory_groups(d), 3);
	assert_true(directory_in_group(d, "p", "named  only",
	    "bob@x.example"));
	directory_free(d);
}

static void
add_ring_group(struct ldap_haul *h, unsigned i, unsigned n)
{
	char dn[64], inner[64];
	struct text_entry t = {.dn = dn};

	snprintf(dn, sizeof(dn), "cn=g%u,dc=x", i);
	snprintf(inner, sizeof(inner), "cn=g%u,dc=x", (i + 1) % n);
	t.attr[1][0] = inner;
	add(h, ldap_haul_group, &t);
}

/* A chain as deep as there are groups, closed to a ring. */
static void
test_deep_ring(void **state)
{
	enum { N = 5000 };
	struct ldap_haul *h = new_haul();
	const struct text_entry account = {"uid=a", {{"cn=g77,dc=x",
	    "CN=G77, dc=x", NULL}, {NULL}, {"a"}, {"a@x.example", NULL}}};
	struct directory_account a;
	struct directory *d;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		add_ring_group(h, i, N);
	add(h, ldap_haul_account, &account);
	d = finish(h);
	assert_int_equal(directory_groups(d), N);
	a = directory_account(d, 0);
	assert_int_equal(a.ngroup, N);		/* each once */
	assert_true(directory_in_group(d, "p", "cn=g78,dc=x", "a@x.example"));
	directory_free(d);
}

static void
test_direction(void **state)
{
	struct ldap_haul *h = new_haul();
	const struct text_entry inner = {"cn=inner", {{"inner", NULL}, {NULL},
	    {NULL}, {NULL}, {"cn=outer", NULL}, {"513", NULL}}};
	const struct text_entry outer = {"cn=outer", {{"outer", NULL},
	    {"uid=b", NULL}}};
	const struct text_entry a = {"uid=a", {{NULL}, {"513", NULL}, {"a"},
	    {"a@x.example", NULL}}};
	const struct text_entry b = {"uid=b", {{NULL}, {"514", NULL}, {"b"},
	    {"b@x.example", NULL}}};
	struct directory *d;

	(void)state;
	add(h, ldap_haul_group, &inner);
	add(h, ldap_haul_group, &outer);
	add(h, ldap_haul_account, &a);
	add(h, ldap_haul_account, &b);
	d = finish(h);
	assert_true(directory_in_group(d, "p", "inner", "a@x.example"));
	assert_true(directory_in_group(d, "p", "outer", "a@x.example"));
	assert_true(directory_in_group(d, "p", "outer", "b@x.example"));
	assert_false(directory_in_group(d, "p", "inner", "b@x.example"));
	directory_free(d);
}

static void
test_nothing(void **state)
{
	struct directory *d = finish(new_haul());

	(void)state;
	assert_int_equal(directory_accounts(d), 0);
	assert_true(directory_has_profile(d, "p"));
	directory_free(d);
}

static void
test_attributes(void **state)
{
	const char *const names[] = {"uid", NULL};
	const char *const mail[] = {"mail", "other", NULL};
	const char *many[LDAP_ATTRS_MAX + 1], *out[LDAP_ATTRS_MAX + 1];
	struct err e;

	(void)state;
	assert_int_equal(ldap_haul_account_attrs(names, mail, out, &e), 0);
	assert_string_equal(out[HAUL_MEMBER_OF], "memberOf");
	assert_string_equal(out[HAUL_ACCOUNT_FIRST], "uid");
	assert_string_equal(out[HAUL_ACCOUNT_FIRST + 2], "other");
	assert_null(out[HAUL_ACCOUNT_FIRST + 3]);
	for (int i = 0; i < LDAP_ATTRS_MAX; i++)
		many[i] = "a";
	many[LDAP_ATTRS_MAX] = NULL;
	assert_int_equal(ldap_haul_account_attrs(names, many, out, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_names_in_other_forms),
		cmocka_unit_test(test_deep_ring),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
