/* Lists in a config.db of their own. Included after cmocka.h. */
#ifndef PMG_TESTS_LISTDB_FIXTURE_H
#define PMG_TESTS_LISTDB_FIXTURE_H

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

static inline void
open_db(void)
{
	struct err e = {""};

	rules = ruledb_open(db_path, &e);
	lists = rules != NULL ? listdb_open(ruledb_db(rules), &e) : NULL;
	if (lists == NULL)
		fail_msg("%s", e.text);
}

static inline void
close_db(void)
{
	listdb_close(lists);
	ruledb_close(rules);
}

static inline int
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

static inline int
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

static inline struct userlist_row
row(const char *owner, enum userlist_kind kind, const char *entry)
{
	return (struct userlist_row){.owner = owner, .kind = kind,
	    .entry = entry, .comment = ""};
}

static inline void
begin(void)
{
	assert_int_equal(listdb_begin(lists, "test", NULL), 0);
}

static inline struct listdb_count
commit(void)
{
	struct listdb_count c;
	struct err e;

	if (listdb_commit(lists, &c, &e) != 0)
		fail_msg("%s", e.text);
	return c;
}

static inline struct listdb_count
add(const char *owner, enum userlist_kind kind, const char *entry)
{
	struct userlist_row r = row(owner, kind, entry);

	begin();
	assert_int_equal(listdb_add(lists, &r, NULL), 0);
	return commit();
}

static inline bool
remove_one(const char *owner, enum userlist_kind kind, const char *entry)
{
	struct userlist_row r = row(owner, kind, entry);
	bool was;

	begin();
	assert_int_equal(listdb_remove(lists, &r, &was, NULL), 0);
	commit();
	return was;
}

static inline bool
print_row(const struct userlist_row *r, void *arg)
{
	buf_printf(arg, "%s%s%s%s%s ", r->owner, r->kind == ALLOW ? "+" : "-",
	    r->entry, *r->comment ? "#" : "", r->comment);
	return true;
}

static inline const char *
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

static inline uint64_t
version(void)
{
	uint64_t v;

	assert_int_equal(listdb_version(lists, &v, NULL), 0);
	return v;
}

/* The smallest slices there are: one step each. */
static int slice_ms;

static inline struct listdb_count
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

static inline struct listdb_count
replace(const char *owner, enum userlist_kind kind,
    const struct userlist_row *r, size_t n)
{
	struct listdb_bulk b = {.row = r, .n = n, .replace = true,
	    .owner = owner, .kind = kind};

	return bulk(&b);
}

#endif
