/* Limits, and time that grows with the size only. */
#include "cpu_time.h"
#include "mime_fixture.h"

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"

static void
test_depth_limit(void **state)
{
	struct mime_limits lim = mime_limits_default;
	struct mime *m;
	struct buf b;

	(void)state;
	buf_init(&b, 16 * 1024 * 1024);
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%d."
		    "\r\n\r\n--b%d.\r\n", i, i);
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->npart, lim.depth + 1);
	assert_true(m->part[lim.depth]->defects & MIME_LIMIT_DEPTH);
	lim.depth = 20000;
	lim.parts = 20000;
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->npart, MIME_DEPTH_MAX + 1);
	buf_reset(&b);
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "Content-Type: message/rfc822\r\n\r\n");
	m = mime_parse(buf_span(&b), &mime_limits_default, &arena);
	assert_int_equal(m->npart, mime_limits_default.depth + 1);
	assert_true(m->defects & MIME_LIMIT_DEPTH);
	buf_free(&b);
}

static void
test_part_limit(void **state)
{
	struct mime_limits lim = mime_limits_default;
	struct mime *m;
	struct buf b;

	(void)state;
	buf_init(&b, 16 * 1024 * 1024);
	buf_puts(&b, MIXED("b"));
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "--b\r\n\r\nx\r\n");
	buf_puts(&b, "--b--\r\n");
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->npart, lim.parts);
	assert_int_equal(m->defects, MIME_LIMIT_PARTS);
	assert_body(m, lim.parts - 1, "x");
	lim.parts = 200000;
	lim.arena_bytes = 60 * 1024 * 1024;
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->npart, 100001);
	assert_int_equal(m->defects, 0);
	buf_free(&b);
}

static void
test_memory_limit(void **state)
{
	struct mime_limits lim = mime_limits_default;
	struct mime *m;
	struct buf b;

	(void)state;
	buf_init(&b, 16 * 1024 * 1024);
	buf_puts(&b, MIXED("b"));
	for (int i = 0; i < 900; i++)
		buf_puts(&b, "--b\r\nSubject: x\r\n\r\nx\r\n");
	lim.arena_bytes = 64 * 1024;
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_true(m->defects & MIME_LIMIT_MEMORY);
	assert_true(m->npart > 10 && m->npart < 900);
	/* The message's cap is not the arena's. */
	assert_false(arena_full(&arena));
	assert_non_null(arena_alloc(&arena, 1024 * 1024));
	buf_free(&b);
}

static void
test_header_limits(void **state)
{
	struct mime_limits lim = mime_limits_default;
	struct mime *m;
	struct buf b;

	(void)state;
	buf_init(&b, 16 * 1024 * 1024);
	for (int i = 0; i < 2000; i++)
		buf_puts(&b, "X: y\r\n");
	buf_puts(&b, "\r\nbody");
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->part[0]->nfield, lim.header_fields);
	assert_int_equal(m->defects, MIME_LIMIT_HEADER);
	assert_body(m, 0, "body");
	lim.header_bytes = 20;
	m = mime_parse(buf_span(&b), &lim, &arena);
	assert_int_equal(m->part[0]->nfield, 4);
	assert_body(m, 0, "body");
	buf_free(&b);
}

/*
 * Each pattern at 1 MB and at 4 MB: four times the work, with room for noise.
 * Quadratic behaviour would take sixteen times as long.
 */
static void
test_linear(void **state)
{
	static const struct {
		const char *head, *unit;
	} cases[] = {
	    {MIXED("b"), "--b\r\n"},
	    {MIXED("b"), "--\n"},
	    {MIXED("b"), "--bx\n"},
	    {"\n", "\n"},
	    {"", "junk\n"},
	    {"", "a:\n"},
	    {"", "Content-Type: multipart/mixed; boundary=x\n"},
	    {"Content-Disposition: x", ";filename=\"a"},
	    {"Content-Disposition: x", "; filename=a b"},
	    {"Content-Disposition: x", "; filename*0=a"},
	    {"Content-Disposition: x", "; filename=a;b"},
	    {"Content-Disposition: x; filename=", "("},
	    {"Content-Disposition: x; filename=", "=?"},
	    {"Content-Disposition: x; filename=", "=?a?q?b?="},
	    {"Content-Type: ", "("},
	    {"Content-Type: x/y; name=", "\"\\\""},
	    {"Content-Type: message/rfc822\n", "Content-Type: message/rfc822\n\n"},
	    {"Content-Transfer-Encoding: base64\n\n", "=A"},
	    {"Content-Transfer-Encoding: quoted-printable\n\n", "= "},
	    {"Content-Transfer-Encoding: uuencode\n\n", "begin 644 x\n"},
	};
	struct mime_limits lim = mime_limits_default;
	const size_t size = 1024 * 1024;

	(void)state;
	lim.header_bytes = 8 * size;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t took[2];
		struct buf b;

		buf_init(&b, 5 * size);
		buf_puts(&b, cases[i].head);
		for (int k = 0; k < 2; k++) {
			int64_t began;

			while (b.n < (k ? 4 * size : size))
				buf_puts(&b, cases[i].unit);
			began = cpu_ms();
			mime_parse(buf_span(&b), &lim, &arena);
			took[k] = cpu_ms() - began;
			teardown(NULL);
		}
		if (took[1] > took[0] * 9 + 60)
			fail_msg("\"%s\": 1 MB %d ms, 4 MB %d ms",
			    cases[i].unit, (int)took[0], (int)took[1]);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_depth_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_part_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_memory_limit, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_header_limits, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_linear, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
