/* Edits of lists in slices: nobody sees anything before the last one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "listdb_fixture.h"

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
		T(staged),
		T(staged_and_given_up),
		T(staged_and_too_long),
		T(replaced_in_slices),
		T(reading_in_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
