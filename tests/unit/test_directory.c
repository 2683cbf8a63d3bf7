/* The directory of rules: building, lookup, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/base/xalloc.h"
#include "lib/rules/directory.h"
#include "lib/rules/directory_format.h"

static struct err e;

static void
fill(struct directory_builder *b)
{
	uint32_t sales, staff;

	directory_builder_profile(b, "corp", 1700000000);
	sales = directory_builder_group(b, "cn=Sales,dc=corp", "Sales");
	staff = directory_builder_group(b, "cn=Staff,dc=corp", "Staff");
	directory_builder_group(b, "cn=staff,ou=old,dc=corp", "staff");
	directory_builder_account(b, "uid=ann,dc=corp", "Ann@Corp.example");
	directory_builder_name(b, "ann");
	directory_builder_name(b, "ANN");
	directory_builder_name(b, "CORP-ann");
	directory_builder_address(b, "a.smith@corp.example");
	directory_builder_address(b, "ANN@corp.example");
	directory_builder_member(b, sales);
	directory_builder_member(b, staff);
	directory_builder_account(b, "uid=bob,dc=corp", "bob@corp.example");
	directory_builder_name(b, "bob");
	directory_builder_profile(b, "lab", 5);
	directory_builder_group(b, "cn=sales,dc=lab", "sales");
	directory_builder_account(b, "uid=bob,dc=lab", "bob@lab.example");
	directory_builder_name(b, "rob");
	directory_builder_address(b, "bob@corp.example");
	directory_builder_member(b, 3);
}

static struct directory *
finish(struct directory_builder *b)
{
	struct directory *d;
	struct buf s;

	buf_init(&s, DIRECTORY_BYTES_MAX);
	assert_int_equal(directory_build(b, &s, &e), 0);
	directory_builder_free(b);
	d = directory_load(buf_span(&s), &e);
	buf_free(&s);
	if (d == NULL)
		fail_msg("%s", e.text);
	return d;
}

static struct directory *
sample(void)
{
	struct directory_builder *b = directory_builder_new();

	fill(b);
	return finish(b);
}

static void
test_lookup(void **state)
{
	struct directory *d = sample();

	(void)state;
	assert_true(directory_knows(d, "", "ann@corp.example"));
	assert_true(directory_knows(d, "corp", "ANN@CORP.EXAMPLE"));
	assert_true(directory_knows(d, "CORP", "A.Smith@corp.example"));
	assert_false(directory_knows(d, "lab", "ann@corp.example"));
	assert_false(directory_knows(d, "none", "ann@corp.example"));
	assert_false(directory_knows(d, "", "ann@corp.example "));
	assert_false(directory_knows(d, "", "nn@corp.example"));
	assert_false(directory_knows(d, "", ""));
	/* One address, two accounts. */
	assert_true(directory_knows(d, "lab", "bob@corp.example"));
	assert_true(directory_is_account(d, "corp", "bob", "bob@corp.example"));
	assert_false(directory_is_account(d, "corp", "rob",
	    "bob@corp.example"));
	assert_true(directory_is_account(d, "", "Rob", "bob@corp.example"));
	assert_true(directory_is_account(d, "", "corp-ANN",
	    "a.smith@corp.example"));
	assert_false(directory_is_account(d, "", "ann", "bob@corp.example"));
	directory_free(d);
}

static void
test_groups(void **state)
{
	struct directory *d = sample();
	const char *ann = "ann@corp.example", *bob = "bob@corp.example";

	(void)state;
	assert_true(directory_in_group(d, "corp", "CN=sales,DC=corp", ann));
	assert_true(directory_in_group(d, "corp", "SALES", ann));
	assert_true(directory_in_group(d, "", "sales", bob));	/* of lab */
	assert_false(directory_in_group(d, "corp", "sales", bob));
	/* Two groups of the profile have this name: only the DN means one. */
	assert_false(directory_in_group(d, "corp", "staff", ann));
	assert_true(directory_in_group(d, "corp", "cn=staff,dc=corp", ann));
	assert_false(directory_in_group(d, "corp", "cn=staff,ou=old,dc=corp",
	    ann));
	assert_false(directory_in_group(d, "", "", ann));
	directory_free(d);
}

static void
test_primary(void **state)
{
	struct directory *d = sample();
	const char *other = "Nobody@corp.example";

	(void)state;
	assert_string_equal(directory_primary(d, "A.SMITH@corp.example"),
	    "ann@corp.example");
	/* The profile that comes first counts. */
	assert_string_equal(directory_primary(d, "bob@corp.example"),
	    "bob@corp.example");
	assert_ptr_equal(directory_primary(d, other), other);
	directory_free(d);
}

static void
check_ann(const struct directory *d)
{
	struct directory_account a = directory_account(d, 0);
	struct directory_group g;

	assert_string_equal(a.dn, "uid=ann,dc=corp");
	assert_int_equal(a.profile, 0);
	assert_int_equal(a.nname, 2);
	assert_string_equal(directory_name(d, &a, 1), "CORP-ann");
	assert_int_equal(a.naddress, 2);
	assert_string_equal(directory_address(d, &a, 1),
	    "a.smith@corp.example");
	assert_int_equal(a.ngroup, 2);
	g = directory_group(d, directory_membership(d, &a, 1));
	assert_string_equal(g.dn, "cn=Staff,dc=corp");
	assert_false(g.unique);
}

static void
test_contents(void **state)
{
	struct directory *d = sample();
	uint32_t pos = 0, account;

	(void)state;
	assert_int_equal(directory_profiles(d), 2);
	assert_string_equal(directory_profile(d, 0).name, "corp");
	assert_true(directory_profile(d, 0).synced == 1700000000);
	assert_true(directory_has_profile(d, "Lab"));
	assert_true(directory_has_profile(d, ""));
	assert_false(directory_has_profile(d, "la"));
	assert_int_equal(directory_accounts(d), 3);
	assert_int_equal(directory_groups(d), 4);
	check_ann(d);
	assert_true(directory_find(d, "bob@corp.example", &pos, &account));
	assert_int_equal(account, 1);
	assert_true(directory_find(d, "bob@corp.example", &pos, &account));
	assert_int_equal(account, 2);
	assert_false(directory_find(d, "bob@corp.example", &pos, &account));
	directory_free(d);
}

static void
test_empty(void **state)
{
	struct directory *d = finish(directory_builder_new());

	(void)state;
	assert_false(directory_has_profile(d, ""));
	assert_false(directory_knows(d, "", "a@b"));
	assert_int_equal(directory_accounts(d), 0);
	directory_free(d);
}

/* Two profiles' files become one, and that again into its own likeness. */
static void
test_copy(void **state)
{
	struct directory_builder *b = directory_builder_new();
	struct directory *d = sample(), *twice;

	(void)state;
	directory_builder_profile(b, "first", 1);
	directory_builder_group(b, "cn=x", "x");
	directory_builder_account(b, "uid=x", "x@first.example");
	directory_builder_member(b, 0);
	directory_builder_copy(b, d, "LAB");
	directory_builder_copy(b, d, "corp");
	directory_builder_copy(b, d, "none");
	directory_free(d);
	twice = finish(b);
	assert_int_equal(directory_profiles(twice), 3);
	assert_int_equal(directory_accounts(twice), 4);
	assert_int_equal(directory_groups(twice), 5);
	assert_true(directory_in_group(twice, "first", "x", "x@first.example"));
	assert_true(directory_in_group(twice, "corp", "sales",
	    "ann@corp.example"));
	assert_true(directory_in_group(twice, "lab", "cn=sales,dc=lab",
	    "bob@lab.example"));
	assert_false(directory_in_group(twice, "", "x", "ann@corp.example"));
	directory_free(twice);
}

static void
test_many(void **state)
{
	enum { N = 20000 };
	struct directory_builder *b = directory_builder_new();
	struct directory *d;
	char text[64];

	(void)state;
	directory_builder_profile(b, "p", 0);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "user%d@corp.example", i);
		directory_builder_account(b, text, text);
		directory_builder_name(b, text);
	}
	d = finish(b);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "User%d@corp.example", i);
		assert_true(directory_is_account(d, "p", text, text));
		snprintf(text, sizeof(text), "user%d@corp.example.org", i);
		assert_false(directory_knows(d, "", text));
	}
	directory_free(d);
}

static void
refused(struct span s, const char *word)
{
	struct directory *d;

	e.text[0] = '\0';
	d = directory_load(s, &e);
	if (d != NULL || strstr(e.text, word) == NULL)
		fail_msg("expected \"%s\", got \"%s\"", word, e.text);
}

static void
test_damage(void **state)
{
	struct directory_builder *b = directory_builder_new();
	struct buf s;

	(void)state;
	fill(b);
	buf_init(&s, DIRECTORY_BYTES_MAX);
	assert_int_equal(directory_build(b, &s, &e), 0);
	directory_builder_free(b);
	for (size_t i = 0; i < s.n; i++) {
		struct directory *d;

		refused(span_of(s.p, i), "");
		s.p[i] ^= 1;
		d = directory_load(buf_span(&s), &e);
		if (d != NULL)
			fail_msg("byte %zu may be damaged unseen", i);
		s.p[i] ^= 1;
	}
	refused(span_str("hello"), "not an LDAP snapshot");
	s.p[11]++;
	refused(buf_span(&s), "format 2");
	s.p[11]--;
	s.p[s.n - 3]++;
	refused(buf_span(&s), "checksum");
	refused(span_of(s.p, s.n - 1), "not complete");
	buf_free(&s);
}

/* Good checksums over tables that point outside: refused, never followed. */
static void
test_bounds(void **state)
{
	struct directory_builder *b = directory_builder_new();
	size_t loaded = 0;
	struct buf s;

	(void)state;
	fill(b);
	buf_init(&s, DIRECTORY_BYTES_MAX);
	assert_int_equal(directory_build(b, &s, &e), 0);
	directory_builder_free(b);
	for (size_t i = DIRECTORY_HEADER_LEN; i < s.n; i++) {
		unsigned char was = s.p[i];
		struct directory *d;

		s.p[i] = 0xff;
		directory_seal(s.p, s.n);
		d = directory_load(buf_span(&s), &e);
		if (d != NULL) {
			loaded++;
			for (uint32_t k = 0; k < directory_accounts(d); k++)
				directory_account(d, k);
			directory_in_group(d, "", "x", "ann@corp.example");
			directory_in_group(d, "", "x", "bob@corp.example");
			directory_free(d);
		}
		s.p[i] = was;
	}
	assert_true(loaded > 0 && loaded < s.n - DIRECTORY_HEADER_LEN);
	buf_free(&s);
}

static void
test_too_much(void **state)
{
	struct directory_builder *b = directory_builder_new();
	struct buf s;

	(void)state;
	fill(b);
	buf_init(&s, 100);
	assert_int_equal(directory_build(b, &s, &e), -1);
	assert_non_null(strstr(e.text, "more than"));
	directory_builder_free(b);
	buf_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_primary),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
