/* Places at spamd and the circuit breaker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "filter/admission.h"
#include "lib/proto/filter.h"

static void
bounded_and_in_order(void **state)
{
	struct admission_state s;
	enum admission what;

	(void)state;
	admission_init(&s, 2);
	assert_int_equal(admission_ask(&s, 7, 1, 0), ADMIT_GRANTED);
	assert_int_equal(admission_ask(&s, 8, 1, 0), ADMIT_GRANTED);
	assert_int_equal(admission_ask(&s, 9, 1, 0), ADMIT_WAIT);
	assert_int_equal(admission_ask(&s, 3, 1, 0), ADMIT_WAIT);
	assert_int_equal(admission_next(&s, &what), -1);
	admission_end(&s, 8, SLOT_ANSWERED, 0);
	/* A newcomer does not overtake. */
	assert_int_equal(admission_ask(&s, 1, 1, 0), ADMIT_WAIT);
	assert_int_equal(admission_next(&s, &what), 9);
	assert_int_equal(what, ADMIT_GRANTED);
	assert_int_equal(admission_next(&s, &what), -1);
	admission_end(&s, 9, SLOT_UNUSED, 0);
	assert_int_equal(admission_next(&s, &what), 3);
	assert_int_equal(admission_waiting(&s), 1);
}

static void
dead_clients_free_their_place(void **state)
{
	struct admission_state s;
	enum admission what;

	(void)state;
	admission_init(&s, 1);
	assert_int_equal(admission_ask(&s, 0, 1, 0), ADMIT_GRANTED);
	assert_int_equal(admission_ask(&s, 1, 1, 0), ADMIT_WAIT);
	assert_int_equal(admission_ask(&s, 2, 1, 0), ADMIT_WAIT);
	admission_end(&s, 1, SLOT_UNUSED, 0);	/* died waiting */
	admission_end(&s, 0, SLOT_UNUSED, 0);	/* died holding */
	admission_end(&s, 0, SLOT_UNUSED, 0);	/* twice changes nothing */
	assert_int_equal(s.used, 0);
	assert_int_equal(admission_next(&s, &what), 2);
	assert_int_equal(s.used, 1);
}

static void
breaker_opens_probes_and_closes(void **state)
{
	struct admission_state s;
	enum admission what;

	(void)state;
	admission_init(&s, 4);
	for (unsigned i = 0; i < BREAKER_FAILURES; i++) {
		assert_int_equal(admission_ask(&s, i, 1, 100), ADMIT_GRANTED);
		admission_end(&s, i, SLOT_FAILED, 100);
	}
	assert_true(s.open);
	assert_int_equal(admission_ask(&s, 0, 2, 200), ADMIT_REFUSED);
	assert_int_equal(admission_ask(&s, 0, 3, 100 + BREAKER_PROBE_MS),
	    ADMIT_GRANTED);
	assert_int_equal(admission_ask(&s, 1, 3, 100 + BREAKER_PROBE_MS),
	    ADMIT_REFUSED);
	admission_end(&s, 0, SLOT_FAILED, 100 + BREAKER_PROBE_MS);
	assert_int_equal(admission_ask(&s, 1, 4, 200 + BREAKER_PROBE_MS),
	    ADMIT_REFUSED);
	assert_int_equal(admission_ask(&s, 1, 5, 200 + 2 * BREAKER_PROBE_MS),
	    ADMIT_GRANTED);
	admission_end(&s, 1, SLOT_ANSWERED, 200 + 2 * BREAKER_PROBE_MS);
	assert_false(s.open);
	assert_int_equal(admission_ask(&s, 0, 6, 0), ADMIT_GRANTED);
	assert_int_equal(admission_next(&s, &what), -1);
}

static void
waiting_clients_are_refused_when_it_opens(void **state)
{
	struct admission_state s;
	enum admission what;

	(void)state;
	admission_init(&s, 1);
	s.failures = BREAKER_FAILURES - 1;
	assert_int_equal(admission_ask(&s, 0, 1, 0), ADMIT_GRANTED);
	assert_int_equal(admission_ask(&s, 1, 1, 0), ADMIT_WAIT);
	admission_end(&s, 0, SLOT_FAILED, 0);
	assert_int_equal(admission_next(&s, &what), 1);
	assert_int_equal(what, ADMIT_REFUSED);
	assert_int_equal(s.used, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounded_and_in_order),
	    cmocka_unit_test(dead_clients_free_their_place),
	    cmocka_unit_test(breaker_opens_probes_and_closes),
	    cmocka_unit_test(waiting_clients_are_refused_when_it_opens),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
