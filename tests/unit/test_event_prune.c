/* Event files that are removed, by somebody or by age and size. */
#include "event_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Old segments may be removed; a reader goes on with what is left. */
static void
removed_segments(void **state)
{
	struct event_writer *w = writer(100);
	struct event_reader *r;
	char path[400];
	int first;

	(void)state;
	for (unsigned n = 0; n < 50; n++)
		put(w, n);
	assert_true(segment(0, path, sizeof(path)) > 3);
	unlink(path);
	r = reader(false);
	first = get(r);
	assert_true(first > 0);
	for (int i = first + 1; i < 50; i++)
		assert_int_equal(get(r), i);
	event_reader_close(r);
	event_writer_close(w);
}

static void
prune_keeps_what_is_young_and_the_newest(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct event_writer *w = writer(100);
	char path[400];
	struct err e;
	int n;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		put(w, i);
	n = segment(0, path, sizeof(path));
	assert_true(n > 3);
	assert_int_equal(event_prune(w, 3600, &e), 0);
	for (int i = 0; i < n; i++) {
		segment(i, path, sizeof(path));
		utimensat(AT_FDCWD, path, old, 0);
	}
	assert_int_equal(event_prune(w, 3600, &e), n - 1);
	assert_int_equal(segment(0, path, sizeof(path)), 1);
	put(w, 50);	/* the newest is still the one being written */
	event_writer_close(w);
}

static void
prune_by_bytes_takes_the_oldest(void **state)
{
	struct event_writer *w = writer(100);
	char path[400], newest[400], rest[400];
	struct err e;
	int n;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		put(w, i);
	n = segment(0, path, sizeof(path));
	segment(n - 1, newest, sizeof(newest));
	assert_int_equal(event_prune_bytes(w, 1 << 20, &e), 0);
	assert_int_equal(segment(0, path, sizeof(path)), n);
	assert_int_equal(event_prune_bytes(w, 300, &e), 0);
	n = segment(0, rest, sizeof(rest));
	assert_in_range(n, 2, 3);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(access(newest, F_OK), 0);
	assert_int_equal(event_prune_bytes(w, 0, &e), 0);
	assert_int_equal(segment(0, rest, sizeof(rest)), 1);
	assert_int_equal(access(newest, F_OK), 0);
	event_writer_close(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(removed_segments),
		T(prune_keeps_what_is_young_and_the_newest),
		T(prune_by_bytes_takes_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
