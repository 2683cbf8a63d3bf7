/* User lists as rows: each change once, newest counts, all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "listdb_fixture.h"

static void
edits(void **state)
{
	(void)state;
	assert_string_equal(all(), "");
	assert_int_equal(version(), 0);
	assert_int_equal(add(OWN, ALLOW, "a@x").added, 1);
	assert_int_equal(add("", BLOCK, "y").added, 1);
	assert_int_equal(add("b.example", BLOCK, "*z").added, 1);
	assert_string_equal(all(), "-y b.example-*z " OWN "+a@x ");
	/* The same again: no row. */
	assert_int_equal(add(OWN, ALLOW, "a@x").same, 1);
	assert_int_equal(version(), 3);
	/* On the other list: leaves this one. */
	assert_int_equal(add(OWN, BLOCK, "a@x").moved, 1);
	assert_string_equal(all(), "-y b.example-*z " OWN "-a@x ");
	/* Another owner's is another entry. */
	assert_int_equal(add("c@b.example", ALLOW, "a@x").added, 1);
	assert_false(remove_one(OWN, ALLOW, "a@x"));
	assert_true(remove_one(OWN, BLOCK, "a@x"));
	assert_false(remove_one(OWN, BLOCK, "a@x"));
	assert_string_equal(all(), "-y b.example-*z c@b.example+a@x ");
	assert_int_equal(version(), 6);
	close_db();
	open_db();
	assert_string_equal(all(), "-y b.example-*z c@b.example+a@x ");
}

static void
nothing_of_an_aborted_edit(void **state)
{
	struct userlist_row r = row(OWN, ALLOW, "a@x");

	(void)state;
	begin();
	assert_int_equal(listdb_add(lists, &r, NULL), 0);
	listdb_abort(lists);
	assert_string_equal(all(), "");
	assert_int_equal(add(OWN, ALLOW, "b@x").added, 1);
	assert_string_equal(all(), OWN "+b@x ");
}

static void
comments(void **state)
{
	struct userlist_row r = row(OWN, ALLOW, "a@x");

	(void)state;
	add(OWN, ALLOW, "a@x");
	r.comment = "friend";
	begin();
	assert_int_equal(listdb_add(lists, &r, NULL), 0);
	commit();
	assert_string_equal(all(), OWN "+a@x#friend ");
	assert_int_equal(version(), 2);
}

static void
replaced(void **state)
{
	const struct userlist_row fresh[] = {row(OWN, ALLOW, "b"),
		row(OWN, ALLOW, "c"), row(OWN, ALLOW, "e")};
	struct listdb_count c;

	(void)state;
	add(OWN, ALLOW, "a");
	add(OWN, ALLOW, "b");
	add(OWN, BLOCK, "c");
	add(OWN, BLOCK, "d");
	add(OWN, ALLOW, "f");
	add("c@b.example", ALLOW, "a");
	c = replace(OWN, ALLOW, fresh, 3);
	assert_string_equal(all(), OWN "+b " OWN "+c " OWN "-d " OWN "+e "
	    "c@b.example+a ");
	assert_int_equal(c.removed, 2);
	assert_int_equal(c.added, 1);
	assert_int_equal(c.moved, 1);
	assert_int_equal(c.same, 1);
	replace(OWN, ALLOW, NULL, 0);
	assert_string_equal(all(), OWN "-d c@b.example+a ");
}

static bool
stop_at_second(const struct userlist_row *r, void *arg)
{
	print_row(r, arg);
	return ((struct buf *)arg)->n < 12;
}

static void
pages(void **state)
{
	struct listdb_query q = {.after_owner = "", .after_entry = ""};
	struct buf b;

	(void)state;
	add("", ALLOW, "a");
	add("", BLOCK, "b");
	add("o.example", ALLOW, "c");
	add("o.example", BLOCK, "d");
	buf_init(&b, 1024);
	q.after_entry = "a";
	listdb_each(lists, &q, stop_at_second, &b, NULL);
	assert_string_equal(buf_cstr(&b), "-b o.example+c ");
	buf_reset(&b);
	q = (struct listdb_query){.one_owner = true, .owner = "o.example",
	    .after_owner = "o.example", .after_entry = "c"};
	listdb_each(lists, &q, print_row, &b, NULL);
	assert_string_equal(buf_cstr(&b), "o.example-d ");
	buf_reset(&b);
	q.after_owner = q.after_entry = "";
	listdb_each(lists, &q, print_row, &b, NULL);
	assert_string_equal(buf_cstr(&b), "o.example+c o.example-d ");
	buf_reset(&b);
	q = (struct listdb_query){.one_owner = true, .owner = "",
	    .one_kind = true, .kind = BLOCK, .after_owner = "",
	    .after_entry = ""};
	listdb_each(lists, &q, print_row, &b, NULL);
	assert_string_equal(buf_cstr(&b), "-b ");
	buf_free(&b);
}

/* Another node's reader: each change once, in order, whatever the steps. */
static void
cursor(void **state)
{
	struct listdb_change c[3];
	uint64_t at = 0;
	struct buf b;
	int n;

	(void)state;
	add(OWN, ALLOW, "a");
	add(OWN, BLOCK, "a");
	remove_one(OWN, BLOCK, "a");
	add(OWN, ALLOW, "b");
	buf_init(&b, 1024);
	while ((n = listdb_changes(lists, at, c, 3, &mem, NULL)) > 0)
		for (int i = 0; i < n; i++) {
			assert_true(c[i].seq > at);
			at = c[i].seq;
			assert_string_equal(c[i].row.actor, "test");
			buf_puts(&b, c[i].removed ? "!" : "");
			print_row(&c[i].row, &b);
		}
	assert_int_equal(n, 0);
	assert_string_equal(buf_cstr(&b), OWN "+a " OWN "-a !" OWN "-a " OWN
	    "+b ");
	add(OWN, ALLOW, "c");
	assert_int_equal(listdb_changes(lists, at, c, 3, &mem, NULL), 1);
	buf_free(&b);
}

static void
size_limit(void **state)
{
	enum { LENGTH = 500, FIT = USERLIST_OWN_MAX / LENGTH };
	struct userlist_row r = row(OWN, ALLOW, NULL);
	struct listdb_count c;
	struct err e = {""};
	char entry[LENGTH + 1];

	(void)state;
	memset(entry, 'x', LENGTH);
	entry[LENGTH] = '\0';
	r.entry = entry;
	begin();
	for (int i = 0; i < FIT; i++) {
		memcpy(entry, (char[]){(char)('a' + i / 26 / 26),
		    (char)('a' + i / 26 % 26), (char)('a' + i % 26)}, 3);
		assert_int_equal(listdb_add(lists, &r, &e), 0);
	}
	commit();
	begin();
	memcpy(entry, "zzz", 3);
	assert_int_equal(listdb_add(lists, &r, &e), 0);
	assert_int_equal(listdb_commit(lists, &c, &e), -1);
	assert_non_null(strstr(e.text, OWN));
	assert_null(strstr(all(), "zzz"));
	/* The other list, another owner, and a domain have room. */
	r.kind = BLOCK;
	begin();
	assert_int_equal(listdb_add(lists, &r, &e), 0);
	r.owner = "c@b.example";
	assert_int_equal(listdb_add(lists, &r, &e), 0);
	commit();
	/* Removing makes room; so does moving to the other list. */
	memcpy(entry, "aaa", 3);
	assert_true(remove_one(OWN, ALLOW, entry));
	memcpy(entry, "zzz", 3);
	assert_int_equal(add(OWN, ALLOW, entry).moved, 1);
	memcpy(entry, "zzy", 3);
	r = row(OWN, ALLOW, entry);
	begin();
	assert_int_equal(listdb_add(lists, &r, &e), 0);
	assert_int_equal(listdb_commit(lists, &c, &e), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(edits),
		T(nothing_of_an_aborted_edit),
		T(comments),
		T(replaced),
		T(pages),
		T(cursor),
		T(size_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
