/*
 * Negative control: the same faults over the wrong write order (row first,
 * errors of the file not looked at) must find lost mail. A fault test that
 * cannot fail proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define PMG_BREAK_FSYNC_ORDER 1
#include "../../pmgd/lib/store/quarantine_commit.c"

#include "store_faults.h"

static void
finds_lost_mail(void **state)
{
	struct fault_result r;

	(void)state;
	fault_loop(&r);
	assert_true(r.points > 60);
	assert_true(r.lost > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_lost_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
