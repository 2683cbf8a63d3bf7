/* One open quarantine per test, and short ways to look into it. Included after
 * cmocka.h. */
#ifndef PMG_TESTS_QUARANTINE_HELPERS_H
#define PMG_TESTS_QUARANTINE_HELPERS_H

#include "quarantine_fixture.h"

static struct quarantine *q;
static struct arena arena;

static int
setup(void **state)
{
	(void)state;
	fx_make();
	arena_init(&arena, 64 << 20);
	q = fx_open();
	return q == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	quarantine_close(q);
	arena_free(&arena);
	fx_remove();
	return 0;
}

static inline void
reopen(void)
{
	quarantine_close(q);
	q = fx_open();
	assert_non_null(q);
}

static inline struct store_entry
show(int64_t row)
{
	struct store_entry s;
	struct err e;

	assert_int_equal(quarantine_show(q, row, &s, &arena, &e), 1);
	return s;
}

static inline int64_t
store(const char *queue_id, const char *text)
{
	struct store_commit c = fx_commit(queue_id, strlen(text));
	struct quarantine_item it = fx_store(q, &c, text);

	assert_true(it.ok);
	return it.row;
}

static inline const char *
state_of(int64_t row, unsigned rcpt)
{
	struct store_entry s = show(row);

	assert_true(rcpt < s.nrcpt);
	return s.rcpt[rcpt].state;
}

#endif
