/* Messages in work: memory first, then a nameless file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>
#include "filter/spool.h"

static char dir[] = "/tmp/pmg-spool.XXXXXX";

static void
fill(struct spool_file *f, size_t bytes)
{
	static unsigned char chunk[100000];
	struct err e;

	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = (unsigned char)(i * 7);
	while (bytes > 0) {
		size_t n = bytes < sizeof(chunk) ? bytes : sizeof(chunk);

		assert_int_equal(spool_write(f, span_of(chunk, n), &e), 0);
		bytes -= n;
	}
}

static void
check(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != (unsigned char)(i % 100000 * 7))
			fail_msg("byte %zu differs", i);
}

static void
small_stays_in_memory(void **state)
{
	struct spool_file f;
	struct span s;
	struct err e;

	(void)state;
	assert_int_equal(spool_open(&f, "/nonexistent", &e), 0);
	fill(&f, SPOOL_MEMORY_MAX);
	assert_true(f.in_memory);
	assert_int_equal(spool_map(&f, &s, &e), 0);
	assert_int_equal(s.n, SPOOL_MEMORY_MAX);
	check(s);
	/* Judged bytes cannot be changed, not even by who has the descriptor. */
	assert_int_equal(pwrite(f.fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(f.fd, 0), -1);
	spool_close(&f);
}

static void
large_moves_to_disk_whole(void **state)
{
	struct spool_file f;
	struct span s;
	struct err e;

	(void)state;
	assert_int_equal(spool_open(&f, dir, &e), 0);
	fill(&f, 3 * SPOOL_MEMORY_MAX + 17);
	assert_false(f.in_memory);
	assert_int_equal(spool_map(&f, &s, &e), 0);
	assert_int_equal(s.n, 3 * SPOOL_MEMORY_MAX + 17);
	check(s);
	spool_close(&f);
	assert_int_equal(rmdir(dir), 0);	/* it left no name */
	assert_non_null(mkdtemp(strcpy(dir, "/tmp/pmg-spool.XXXXXX")));
}

static void
errors_are_reported(void **state)
{
	struct rlimit old, small = {SPOOL_MEMORY_MAX / 2, 0};
	struct spool_file f;
	unsigned char byte[1] = {0};
	struct err e;

	(void)state;
	assert_int_equal(spool_open(&f, "/nonexistent", &e), 0);
	fill(&f, SPOOL_MEMORY_MAX);
	assert_int_equal(spool_write(&f, span_of(byte, 1), &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent"));
	spool_close(&f);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(spool_open(&f, dir, &e), 0);
	f.size = 0;
	{
		static unsigned char chunk[SPOOL_MEMORY_MAX];

		assert_int_equal(spool_write(&f, span_of(chunk, sizeof(chunk)),
		    &e), -1);
	}
	setrlimit(RLIMIT_FSIZE, &old);
	spool_close(&f);
}

static void
empty_maps_to_nothing(void **state)
{
	struct spool_file f;
	struct span s;
	struct err e;

	(void)state;
	assert_int_equal(spool_open(&f, dir, &e), 0);
	assert_int_equal(spool_map(&f, &s, &e), 0);
	assert_int_equal(s.n, 0);
	spool_close(&f);
	assert_false(spool_has_room("/nonexistent", 1));
	assert_true(spool_has_room(dir, 1));
	assert_false(spool_has_room(dir, UINT64_MAX / 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(small_stays_in_memory),
	    cmocka_unit_test(large_moves_to_disk_whole),
	    cmocka_unit_test(errors_are_reported),
	    cmocka_unit_test(empty_maps_to_nothing),
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return 1;
	rc = cmocka_run_group_tests_name("spool", tests, NULL, NULL);
	rmdir(dir);
	return rc;
}
