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
#include "lib/base/arena.h"
#include "lib/store/listdb.h"
#include "lib/store/ruledb.h"

#define ALLOW USERLIST_ALLOW
#define BLOCK USERLIST_BLOCK
#define OWN "b@b.example"

static char dir[64], db_path[96];
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

/* The smallest slices there are: one step each. */
static int slice_ms;

static struct listdb_count
bulk(struct listdb_bulk *b)
{
	struct listdb_count c;
	struct err e = {""};
	bool refused;
	int rc;

	while ((rc = listdb_bulk_step(lists, b, "test", slice_ms, &c, &refused,
	    &e)) == 1)
		;
	if (rc != 0)
		fail_msg("%s", e.text);
	listdb_bulk_end(b);
	assert_false(listdb_staged(lists));
	return c;
}

static struct listdb_count
replace(const char *owner, enum userlist_kind kind,
    const struct userlist_row *r, size_t n)
{
	struct listdb_bulk b = {.row = r, .n = n, .replace = true,
	    .owner = owner, .kind = kind};

	return bulk(&b);
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

/* ---- in slices ---- */

enum { MANY = 1000 };

/* n rows of owner, "PREFIXnnnn". */
static struct userlist_row *
many(const char *owner, enum userlist_kind kind, const char *prefix, size_t n)
{
	struct userlist_row *r = arena_array(&mem, n, sizeof(*r));
	char text[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%04zu", prefix, i);
		r[i] = row(owner, kind, arena_strdup(&mem, text));
	}
	return r;
}

static int
step(struct listdb_bulk *b, struct err *e)
{
	struct listdb_count c;
	bool refused;
	int rc = listdb_bulk_step(lists, b, "test", slice_ms, &c, &refused, e);

	if (rc < 0)
		assert_true(refused);
	return rc;
}

static bool
count_row(const struct userlist_row *r, void *arg)
{
	(void)r;
	++*(size_t *)arg;
	return true;
}

static size_t
rows(void)
{
	struct listdb_query q = {.after_owner = "", .after_entry = ""};
	size_t n = 0;

	assert_int_equal(listdb_each(lists, &q, count_row, &n, NULL), 0);
	return n;
}

/* Nobody sees anything before the last slice, and then all. */
static void
staged(void **state)
{
	struct listdb_bulk b = {.n = MANY};
	struct listdb_change c[4];
	unsigned slices = 0;

	(void)state;
	add(OWN, ALLOW, "a0000");
	b.row = many(OWN, BLOCK, "a", MANY);
	while (step(&b, NULL) == 1) {
		slices++;
		assert_true(listdb_staged(lists));
		assert_string_equal(all(), OWN "+a0000 ");
		assert_int_equal(version(), 1);
		assert_int_equal(listdb_changes(lists, 1, c, 4, &mem, NULL),
		    0);
		assert_int_equal(listdb_begin(lists, "other", NULL), -1);
	}
	listdb_bulk_end(&b);
	assert_true(slices >= MANY / 64 - 1);
	assert_false(listdb_staged(lists));
	assert_int_equal(rows(), MANY);
	assert_int_equal(version(), 1 + MANY);
	assert_int_equal(listdb_changes(lists, 1, c, 4, &mem, NULL), 4);
	assert_true(remove_one(OWN, BLOCK, "a0000"));
}

static void
clean(void)
{
	unsigned slices = 0;
	struct err e = {""};
	int rc;

	while ((rc = listdb_clean(lists, 0, &e)) == 1) {
		slices++;
		assert_true(listdb_staged(lists));
	}
	if (rc != 0)
		fail_msg("%s", e.text);
	assert_true(slices > 0);
	assert_false(listdb_staged(lists));
	assert_int_equal(listdb_clean(lists, 0, &e), 0);
}

/* After each slice: the process is gone, another finds what it left. */
static void
staged_and_given_up(void **state)
{
	struct listdb_bulk b = {.n = MANY};

	(void)state;
	add(OWN, ALLOW, "a0000");
	for (int killed = 2; killed < MANY / 64; killed += 6) {
		b.row = many(OWN, BLOCK, "a", MANY);
		for (int i = 0; i < killed; i++)
			assert_int_equal(step(&b, NULL), 1);
		listdb_bulk_end(&b);
		close_db();
		open_db();
		assert_true(listdb_staged(lists));
		assert_string_equal(all(), OWN "+a0000 ");
		assert_int_equal(version(), 1);
		clean();
		assert_string_equal(all(), OWN "+a0000 ");
		assert_int_equal(version(), 1);
	}
	b.row = many(OWN, BLOCK, "a", MANY);
	assert_int_equal(bulk(&b).moved, 1);
	assert_int_equal(rows(), MANY);
}

/* Sizes are those of what holds, also when what did not hold is gone. */
static void
staged_and_too_long(void **state)
{
	enum { FIT = USERLIST_OWN_MAX / 10, OWNERS = 3 };
	struct userlist_row *r = arena_array(&mem, OWNERS * (FIT + 1),
	    sizeof(*r));
	struct listdb_bulk b = {.row = r};
	static const char *const owner[] = {"a@x", "b@x", "c@x"};
	struct err e;
	int rc;

	(void)state;
	slice_ms = 20;
	for (int k = 0; k < OWNERS; k++)
		for (int i = 0; i < FIT + (k == 2); i++) {
			char text[32];

			snprintf(text, sizeof(text), "e%09d", i);
			r[b.n++] = row(owner[k], ALLOW,
			    arena_strdup(&mem, text));
		}
	while ((rc = step(&b, &e)) == 1)
		;
	assert_int_equal(rc, -1);
	assert_non_null(strstr(e.text, "c@x"));
	listdb_bulk_end(&b);
	assert_string_equal(all(), "");
	clean();
	b.n--;
	assert_int_equal(bulk(&b).added, OWNERS * FIT);
	assert_int_equal(bulk(&b).same, OWNERS * FIT);
	b.replace = true;
	assert_int_equal(bulk(&b).same, OWNERS * FIT);
	begin();
	r[0].entry = "one more";
	assert_int_equal(listdb_add(lists, &r[0], NULL), 0);
	assert_int_equal(listdb_commit(lists, &(struct listdb_count){0}, &e),
	    -1);
	/* All of one list, and others stay. */
	assert_int_equal(replace("b@x", ALLOW, NULL, 0).removed, FIT);
	assert_int_equal(rows(), 2 * FIT);
	slice_ms = 0;
}

/* Lists that row[] names, of two owners; one entry changes its list, and
 * another owner and kind are not touched. */
static void
replaced_in_slices(void **state)
{
	struct userlist_row *r = many("m@x", ALLOW, "n", MANY);
	struct listdb_bulk old = {.row = r, .n = MANY};
	struct listdb_bulk fresh = {.replace = true, .n = 3};
	struct listdb_count c;

	(void)state;
	bulk(&old);
	add("m@x", BLOCK, "keep");
	add("a@x", ALLOW, "keep");
	add("z@x", BLOCK, "goes");
	fresh.row = (struct userlist_row[]){row("m@x", ALLOW, "n0500"),
	    row("m@x", ALLOW, "z"), row("z@x", BLOCK, "keep")};
	c = bulk(&fresh);
	assert_string_equal(all(), "a@x+keep m@x-keep m@x+n0500 m@x+z "
	    "z@x-keep ");
	assert_int_equal(c.removed, MANY - 1 + 1);
	assert_int_equal(c.added, 2);
	assert_int_equal(c.same, 1);
	fresh.row = (struct userlist_row[]){row("m@x", ALLOW, "keep"),
	    row("m@x", BLOCK, "z"), row("z@x", BLOCK, "keep")};
	c = bulk(&fresh);
	assert_string_equal(all(), "a@x+keep m@x+keep m@x-z z@x-keep ");
	assert_int_equal(c.moved, 2);
	assert_int_equal(c.removed, 1);
}

/* A version, whatever comes between two slices. */
static void
reading_in_slices(void **state)
{
	const struct listdb_query q = {.one_owner = false};
	struct userlist_row *r = many("m@x", ALLOW, "n", MANY);
	struct listdb_bulk b = {.row = r, .n = MANY};
	struct listdb_place place = {"", ""};
	uint64_t at;
	size_t n = 0;
	char entry[16];

	(void)state;
	bulk(&b);
	at = version();
	for (int i = 0; listdb_slice(lists, &q, at, &place, 0, count_row, &n,
	    NULL) == 1; i++) {
		snprintf(entry, sizeof(entry), "n%04d", MANY - 1 - i);
		assert_true(remove_one("m@x", ALLOW, entry));
		add("z@x", ALLOW, entry);
		add("m@x", BLOCK, "n0999x");
	}
	assert_int_equal(n, MANY);
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
		T(staged),
		T(staged_and_given_up),
		T(staged_and_too_long),
		T(replaced_in_slices),
		T(reading_in_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
