#include "arena_fixture.h"

#include <string.h>
#include "lib/base/ipc.h"
#include "lib/proto/scan.h"

static void
request(void **state)
{
	struct scan_object objects[] = {
	    {0, SCAN_OBJECT_SCAN, 0, 0, ""},
	    {UINT32_MAX, SCAN_OBJECT_SCAN | SCAN_OBJECT_LIST, 10,
	        UINT64_MAX - 10, "a.zip"}};
	struct scan_request in = {"3A1B2C", UINT64_MAX, objects, 2}, out;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	scan_request_put(&b, &in);
	assert_int_equal(scan_request_get(buf_span(&b), &out, &arena), 0);
	assert_string_equal(out.logid, "3A1B2C");
	assert_true(out.size == UINT64_MAX);
	assert_int_equal(out.nobject, 2);
	assert_true(out.object[1].part == UINT32_MAX);
	assert_int_equal(out.object[1].flags, 3);
	assert_true(out.object[1].off == 10);
	assert_true(out.object[1].len == UINT64_MAX - 10);
	assert_string_equal(out.object[1].name, "a.zip");
	buf_free(&b);
}

static void
reply(void **state)
{
	struct scan_found found[] = {
	    {0, SCAN_FOUND_ARCHIVE, 0, "", "application/zip"},
	    {3, SCAN_FOUND_ENCRYPTED | SCAN_FOUND_LIMIT, 255, "a/b.exe",
	        "application/octet-stream"}};
	struct scan_reply in = {SCAN_VIRUS, "Eicar", "", 27460, 4000000000u,
	    "Heuristics.A,Heuristics.B", SCAN_NO_PART, SCAN_LIMITS, found, 2},
	    out;
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
	assert_true(out.where == SCAN_NO_PART);
	assert_int_equal(out.limits, SCAN_LIMITS);
	assert_int_equal(out.nfound, 2);
	assert_int_equal(out.found[1].part, 3);
	assert_int_equal(out.found[1].flags,
	    SCAN_FOUND_ENCRYPTED | SCAN_FOUND_LIMIT);
	assert_int_equal(out.found[1].depth, 255);
	assert_string_equal(out.found[1].name, "a/b.exe");
	assert_string_equal(out.found[1].type, "application/octet-stream");
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
	struct scan_found found = {1, 0, 1, "n", "t"};
	struct scan_object object = {1, SCAN_OBJECT_SCAN, 0, 1, "n"};
	struct scan_reply rp = {SCAN_CLEAN, "a", "b", 1, 2, "c", 0, 0,
	    &found, 1};
	struct scan_status st = {0, "d", 1, 2, 3, 4, 5};
	struct scan_request rq = {"id", 3, &object, 1};
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
	struct scan_request rq = {.logid = big, .size = 3};
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
	buf_u32(&b, 0);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	buf_reset(&b);
	buf_lp(&b, SPAN_LIT("a\0b"));
	buf_u64(&b, 3);
	buf_u32(&b, 0);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	/* or when the arena has no room. */
	buf_reset(&b);
	buf_lps(&b, "abc");
	buf_u64(&b, 3);
	buf_u32(&b, 0);
	arena_init(&none, 0);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &none), -1);
	buf_free(&b);
}

/* Numbers of objects and entries, and flags that nobody knows. */
static void
tables(void **state)
{
	struct scan_object object = {1, 4, 0, 1, "n"};
	struct scan_request rq = {"", 1, &object, 1};
	struct scan_found found = {1, 32, 1, "n", "t"};
	struct scan_reply rp = {SCAN_CLEAN, "", "", 0, 0, "", 0, 0, &found, 1};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	scan_request_put(&b, &rq);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	buf_reset(&b);
	/* Its end would be past 2^64. */
	object = (struct scan_object){1, 1, UINT64_MAX, 1, "n"};
	rq = (struct scan_request){"", 1, &object, 1};
	scan_request_put(&b, &rq);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	buf_reset(&b);
	buf_lps(&b, "");
	buf_u64(&b, 1);
	buf_u32(&b, SCAN_OBJECTS_MAX + 1);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), -1);
	buf_reset(&b);
	scan_reply_put(&b, &rp);
	assert_int_equal(scan_reply_get(buf_span(&b), &rp, &arena), -1);
	buf_reset(&b);
	rp = (struct scan_reply){SCAN_CLEAN, "", "", 0, 0, "", 0, 8, NULL, 0};
	scan_reply_put(&b, &rp);
	assert_int_equal(scan_reply_get(buf_span(&b), &rp, &arena), -1);
	buf_free(&b);
}

/* The largest table of objects, and as many entries as fit by their own
 * count, go through one packet with the longest texts beside them. */
static void
fits_a_packet(void **state)
{
	char text[SCAN_TEXT_MAX + 1], name[SCAN_NAME_MAX + 100];
	struct scan_object *object = arena_array(&arena, SCAN_OBJECTS_MAX,
	    sizeof(*object));
	struct scan_found f = {1, 0, 1, name, "application/x-something"};
	struct scan_request rq = {text, 1, object, SCAN_OBJECTS_MAX};
	struct scan_reply rp = {SCAN_VIRUS, text, text, 1, 1, text, 0, 0,
	    NULL, 0};
	size_t bytes = 0;
	struct buf b;

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[sizeof(name) - 2] = 'e';
	for (size_t i = 0; i < SCAN_OBJECTS_MAX; i++)
		object[i] = (struct scan_object){1, 3, i, 1, name};
	buf_init(&b, IPC_MAX);
	scan_request_put(&b, &rq);
	assert_false(b.overflow);
	assert_int_equal(scan_request_get(buf_span(&b), &rq, &arena), 0);
	assert_int_equal(strlen(rq.object[9].name), SCAN_HINT_MAX);
	assert_int_equal(rq.object[9].name[SCAN_HINT_MAX - 1], 'e');
	rp.found = arena_array(&arena, SCAN_FOUND_MAX, sizeof(*rp.found));
	while (scan_found_fits(&f, &bytes))
		rp.found[rp.nfound++] = f;
	buf_reset(&b);
	scan_reply_put(&b, &rp);
	assert_false(b.overflow);
	assert_int_equal(scan_reply_get(buf_span(&b), &rp, &arena), 0);
	assert_true(rp.nfound > 100);
	assert_int_equal(strlen(rp.found[0].name), SCAN_NAME_MAX);
	assert_int_equal(rp.found[0].name[SCAN_NAME_MAX - 1], 'e');
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
		cmocka_unit_test_setup_teardown(tables, setup, teardown),
		cmocka_unit_test_setup_teardown(fits_a_packet, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
