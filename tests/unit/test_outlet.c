/* Where a worker's messages go: a connection that was kept. */
#include "smtp_server.h"

#include "filter/outlet.h"
#include "lib/base/clock.h"

#define TRANSACTION "R", "R", "R", ">250 a\r\n250 b\r\n354 c\r\n", "D", \
	">250 2.0.0 Ok: queued as 4jY\r\n"

static int
send_one(struct outlet *o, const struct server *s, int timeout_ms)
{
	return outlet_send(o, s->path, "pmg.example",
	    clock_mono_ms() + timeout_ms, false, &env, to, 1, MSG, rep, &err);
}

/* One that hangs is not waited for twice: Postfix behind us does not wait
 * longer, and its second try would be a second copy. */
static void
test_kept_one_hangs(void **state)
{
	const char *const script[] = {HELLO, EHLO_FULL, TRANSACTION, "H",
	    NULL};
	enum { WAIT_MS = 2000 };
	struct outlet o = OUTLET_NONE;
	struct server s;
	int64_t began, took;
	int rc;

	(void)state;
	server_start(&s, script);
	assert_int_equal(send_one(&o, &s, TIMEOUT_MS), 0);
	assert_int_equal(rep[0].code, 250);
	began = clock_mono_ms();
	rc = send_one(&o, &s, WAIT_MS);
	took = clock_mono_ms() - began;
	/* First: a child that is left hanging would hold our output open. */
	server_stop(&s, true);
	buf_free(&s.seen);
	assert_int_equal(rc, -1);
	/* Twice the time would be two tries. */
	assert_in_range(took, WAIT_MS, 2 * WAIT_MS - 1);
	assert_false(outlet_is_open(&o));
	outlet_close(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_kept_one_hangs, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
