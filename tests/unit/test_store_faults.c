/* Every call that storing a batch makes fails once, and for ever: nobody is
 * told "stored" without it being so (reliability.md R4, R10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_faults.h"

static void
play(bool together, struct fault_result *r)
{
	fault_together = together;
	fault_loop(r);
	/* The harness reaches our calls and SQLite's. */
	assert_true(r->points > 60);
	assert_int_equal(r->lost, 0);
	assert_int_equal(r->half, 0);
	assert_int_equal(r->stuck, 0);
	assert_int_equal(r->doubled, 0);
	assert_int_equal(r->leftover, 0);
}

static void
no_wrong_answer(void **state)
{
	struct fault_result r;

	(void)state;
	play(false, &r);
	/* The control of the test below: a batch is no set. */
	assert_true(r.torn > 0);
}

/* Copies of one message before the queue: all stored or none (D3). */
static void
set_is_all_or_none(void **state)
{
	struct fault_result r;

	(void)state;
	play(true, &r);
	assert_int_equal(r.torn, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wrong_answer),
		cmocka_unit_test(set_is_all_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
