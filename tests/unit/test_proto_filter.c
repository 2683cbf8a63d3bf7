#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/proto/filter.h"

enum { STATUS_BYTES = 4 * 5 + 8 * 8 + 1 };

static const struct filter_status sample = {
	.workers = 7, .busy = 3, .accepted = 1ull << 40, .messages = 99,
	.deferred = 5, .slots = 4, .slots_used = 2, .slots_waiting = 9,
	.spamd_open = 1, .spamd_failures = 11, .strikes = 12, .parked = 13,
	.rules_version = UINT64_MAX, .started_us = -1,
};

static void
round_trip(void **state)
{
	struct filter_status s = {0};
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	filter_status_put(&b, &sample);
	assert_int_equal(b.n, STATUS_BYTES);
	assert_int_equal(filter_status_get(buf_span(&b), &s), 0);
	assert_int_equal(s.workers, 7);
	assert_int_equal(s.busy, 3);
	assert_true(s.accepted == 1ull << 40);
	assert_int_equal(s.messages, 99);
	assert_int_equal(s.deferred, 5);
	assert_int_equal(s.slots, 4);
	assert_int_equal(s.slots_used, 2);
	assert_int_equal(s.slots_waiting, 9);
	assert_int_equal(s.spamd_open, 1);
	assert_int_equal(s.spamd_failures, 11);
	assert_int_equal(s.strikes, 12);
	assert_int_equal(s.parked, 13);
	assert_true(s.rules_version == UINT64_MAX);
	assert_true(s.started_us == -1);
	buf_free(&b);
}

static void
every_short_body_is_refused(void **state)
{
	struct filter_status s;
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	filter_status_put(&b, &sample);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(
		    filter_status_get(span_of(b.p, n), &s), -1);
	buf_u8(&b, 0);
	assert_int_equal(filter_status_get(buf_span(&b), &s), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_short_body_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
