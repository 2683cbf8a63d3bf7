/* User lists as rows: each change once, newest counts, all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/rules/userlist.h"
#include "lib/store/listdb.h"
#include "lib/store/ruledb.h"

#define ALLOW USERLIST_ALLOW
#define BLOCK USERLIST_BLOCK
#define OWN "b@b.example"

static char dir[64], db_path[96], file[96];
static struct ruledb *rules;
static struct listdb *lists;
static struct arena mem;

static void
open_db(void)
{
	struct err e = {""};

	rules = ruledb_open(db_path, &e);
	lists = rules != NULL ? listdb_open(ruledb_db(rules), &e) : NULL;
	if (lists == NULL)
		fail_msg("%s", e.text);
}

static void
close_db(void)
{
	listdb_close(lists);
	ruledb_close(rules);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_listdb.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(db_path, sizeof(db_path), "%s/config.db", dir);
	snprintf(file, sizeof(file), "%s/lists.active", dir);
	arena_init(&mem, 1 << 26);
	open_db();
	return 0;
}

static int
teardown(void **state)
{
	char wal[128];

	(void)state;
	close_db();
	arena_free(&mem);
	snprintf(wal, sizeof(wal), "%s-wal", db_path);
	unlink(wal);
	unlink(db_path);
	unlink(file);
	return rmdir(dir);
}

static struct userlist_row
row(const char *owner, enum userlist_kind kind, const char *entry)
{
	return (struct userlist_row){.owner = owner, .kind = kind,
	    .entry = entry, .comment = ""};
}

static void
begin(void)
{
	assert_int_equal(listdb_begin(lists, "test", NULL), 0);
}

static struct listdb_count
commit(void)
{
	struct listdb_count c;
	struct err e;

	if (listdb_commit(lists, &c, &e) != 0)
		fail_msg("%s", e.text);
	return c;
}

static struct listdb_count
add(const char *owner, enum userlist_kind kind, const char *entry)
{
	struct userlist_row r = row(owner, kind, entry);

	begin();
	assert_int_equal(listdb_add(lists, &r, NULL), 0);
	return commit();
}

static bool
remove_one(const char *owner, enum userlist_kind kind, const char *entry)
{
	struct userlist_row r = row(owner, kind, entry);
	bool was;

	begin();
	assert_int_equal(listdb_remove(lists, &r, &was, NULL), 0);
	commit();
	return was;
}

static bool
print_row(const struct userlist_row *r, void *arg)
{
	buf_printf(arg, "%s%s%s%s%s ", r->owner, r->kind == ALLOW ? "+" : "-",
	    r->entry, *r->comment ? "#" : "", r->comment);
	return true;
}

static const char *
all(void)
{
	struct listdb_query q = {.after_owner = "", .after_entry = ""};
	struct buf b;
	const char *s;

	buf_init(&b, 1 << 20);
	assert_int_equal(listdb_each(lists, &q, print_row, &b, NULL), 0);
	s = arena_strndup(&mem, buf_span(&b));
	buf_free(&b);
	return s;
}

static uint64_t
version(void)
{
	uint64_t v;

	assert_int_equal(listdb_version(lists, &v, NULL), 0);
	return v;
}

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
	begin();
	assert_int_equal(listdb_replace(lists, OWN, ALLOW, fresh, 3, NULL),
	    0);
	c = commit();
	assert_string_equal(all(), OWN "+b " OWN "+c " OWN "-d " OWN "+e "
	    "c@b.example+a ");
	assert_int_equal(c.removed, 2);
	assert_int_equal(c.added, 1);
	assert_int_equal(c.moved, 1);
	assert_int_equal(c.same, 1);
	begin();
	assert_int_equal(listdb_replace(lists, OWN, ALLOW, NULL, 0, NULL), 0);
	commit();
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

static void
published(void **state)
{
	struct userlist *l;
	struct err e;
	struct buf b;
	bool changed;

	(void)state;
	assert_int_equal(listdb_publish(lists, file, &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(listdb_publish(lists, file, &changed, &e), 0);
	assert_false(changed);
	add(OWN, ALLOW, "a@x");
	add("", BLOCK, "10.0.0.0/8");
	remove_one("", BLOCK, "10.0.0.0/8");
	assert_int_equal(listdb_publish(lists, file, &changed, &e), 0);
	assert_true(changed);
	buf_init(&b, 4096);
	assert_int_equal(file_read(file, &b, &e), 0);
	l = userlist_load(buf_span(&b), &e);
	assert_non_null(l);
	assert_int_equal(userlist_owners(l), 1);
	assert_int_equal(userlist_version(l), 3);
	userlist_free(l);
	buf_free(&b);
	/* Somebody damaged it: written anew. */
	assert_int_equal(truncate(file, 20), 0);
	assert_int_equal(listdb_publish(lists, file, &changed, &e), 0);
	assert_true(changed);
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
		T(published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
