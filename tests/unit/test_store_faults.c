/* Every call that storing a batch makes fails once, and for ever: nobody is
 * told "stored" without it being so (reliability.md R4, R10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_faults.h"

static void
no_wrong_answer(void **state)
{
	struct fault_result r;

	(void)state;
	fault_loop(&r);
	/* The harness reaches our calls and SQLite's. */
	assert_true(r.points > 60);
	assert_int_equal(r.lost, 0);
	assert_int_equal(r.half, 0);
	assert_int_equal(r.stuck, 0);
	assert_int_equal(r.doubled, 0);
	assert_int_equal(r.leftover, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wrong_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
