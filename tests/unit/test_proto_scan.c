#include "arena_fixture.h"

#include <string.h>
#include "lib/proto/scan.h"

static void
request(void **state)
{
	struct scan_request in = {"3A1B2C", UINT64_MAX}, out;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	scan_request_put(&b, &in);
	assert_int_equal(scan_request_get(buf_span(&b), &out, &arena), 0);
	assert_string_equal(out.logid, "3A1B2C");
	assert_true(out.size == UINT64_MAX);
	buf_free(&b);
}

static void
reply(void **state)
{
	struct scan_reply in = {SCAN_VIRUS, "Eicar", "", 27460, 4000000000u,
	    "Heuristics.A,Heuristics.B"}, out;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	scan_reply_put(&b, &in);
	assert_int_equal(scan_reply_get(buf_span(&b), &out, &arena), 0);
	assert_int_equal(out.result, SCAN_VIRUS);
	assert_string_equal(out.name, "Eicar");
	assert_string_equal(out.detail, "");
	assert_string_equal(out.heuristics, in.heuristics);
	assert_int_equal(out.db_version, 27460);
	assert_true(out.cpu_us == 4000000000u);
	/* A result that is none must not become "clean" by a cast. */
	b.p[0] = SCAN_TIMEOUT + 1;
	assert_int_equal(scan_reply_get(buf_span(&b), &out, &arena), -1);
	b.p[0] = 255;
	assert_int_equal(scan_reply_get(buf_span(&b), &out, &arena), -1);
	buf_free(&b);
}

static void
status(void **state)
{
	struct scan_status in = {1, "daily 27460 of 2026-11-23", 8700000,
	    1795000000, 4, UINT64_C(1) << 40, 3}, out;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	scan_status_put(&b, &in);
	assert_int_equal(scan_status_get(buf_span(&b), &out, &arena), 0);
	assert_int_equal(out.ready, 1);
	assert_string_equal(out.detail, in.detail);
	assert_int_equal(out.signatures, 8700000);
	assert_int_equal(out.loaded_at, 1795000000);
	assert_int_equal(out.scanners, 4);
	assert_true(out.scanned == in.scanned);
	assert_int_equal(out.crashed, 3);
	b.p[0] = 2;
	assert_int_equal(scan_status_get(buf_span(&b), &out, &arena), -1);
	buf_free(&b);
}

/* Every shorter packet is broken, and so is one with a byte too many. */
static void
cut_and_padded(void **state)
{
	struct scan_reply rp = {SCAN_CLEAN, "a", "b", 1, 2, "c"};
	struct scan_status st = {0, "d", 1, 2, 3, 4, 5};
	struct scan_request rq = {"id", 3};
	struct buf b[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		buf_init(&b[i], 1000);
	scan_request_put(&b[0], &rq);
	scan_reply_put(&b[1], &rp);
	scan_status_put(&b[2], &st);
	for (int i = 0; i < 3; i++) {
		buf_putc(&b[i], 0);
		for (size_t n = 0; n <= b[i].n; n++) {
			struct span s = span_of(b[i].p, n);
			int rc = i == 0 ? scan_request_get(s, &rq, &arena)
			    : i == 1 ? scan_reply_get(s, &rp, &arena)
			    : scan_status_get(s, &st, &arena);

			assert_int_equal(rc, n == b[i].n - 1 ? 0 : -1);
		}
		buf_free(&b[i]);
	}
}

static void
text_limits(void **state)
{
	char big[SCAN_TEXT_MAX + 10];
	struct scan_request rq = {big, 3};
	struct arena none;
	struct buf b;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buf_init(&b, 10000);
	/* Cut by the sender, */
	scan_request_put(&b, &rq);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), 0);
	assert_int_equal(strlen(rq.logid), SCAN_TEXT_MAX);
	/* refused by the reader, as is a NUL inside, */
	buf_reset(&b);
	buf_lp(&b, span_of(big, SCAN_TEXT_MAX + 1));
	buf_u64(&b, 3);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	buf_reset(&b);
	buf_lp(&b, SPAN_LIT("a\0b"));
	buf_u64(&b, 3);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	/* or when the arena has no room. */
	buf_reset(&b);
	buf_lps(&b, "abc");
	buf_u64(&b, 3);
	arena_init(&none, 0);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &none), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(request, setup, teardown),
		cmocka_unit_test_setup_teardown(reply, setup, teardown),
		cmocka_unit_test_setup_teardown(status, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_and_padded, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(text_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
