/* Event files: torn tails, damage, rotation, cursors, and kill -9 on both
 * sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/xalloc.h"
#include "lib/store/crc32c.h"
#include "event_fixture.h"

static void
crc_vectors(void **state)
{
	unsigned char b[32];

	(void)state;
	/* RFC 3720 appendix B.4. */
	memset(b, 0, sizeof(b));
	assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	/* In pieces it is the same, whatever the alignment. */
	assert_int_equal(crc32c(crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void
write_then_read(void **state)
{
	struct event_reader *r = reader(true);
	struct event_writer *w;
	struct err e;

	(void)state;
	/* A reader may be there before its writer ever was. */
	assert_int_equal(get(r), -1);
	w = writer(1 << 20);
	assert_int_equal(get(r), -1);
	for (unsigned i = 0; i < 100; i++)
		put(w, i);
	assert_int_equal(event_write(w, span_of("", 0), true, &e), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(get(r), i);
	event_reader_close(r);
	/* Nothing was committed: all is seen again, then never again. */
	r = reader(true);
	for (int i = 0; i < 60; i++)
		assert_int_equal(get(r), i);
	assert_int_equal(event_reader_commit(r, &e), 0);
	event_reader_close(r);
	r = reader(true);
	assert_int_equal(get(r), 60);
	event_reader_close(r);
	event_writer_close(w);
}

static void
too_large_is_refused(void **state)
{
	struct event_writer *w = writer(1 << 20);
	char *big = xcalloc(1, EVENT_MAX + 1);
	struct event_reader *r = reader(false);
	struct err e;

	(void)state;
	assert_int_equal(event_write(w, span_of(big, EVENT_MAX + 1), false, &e),
	    -1);
	put(w, 7);
	assert_int_equal(get(r), 7);
	/* Without a cursor there is nothing to keep. */
	assert_int_equal(event_reader_commit(r, &e), 0);
	event_reader_close(r);
	event_writer_close(w);
	free(big);
}

static void
rotates_and_follows(void **state)
{
	struct event_writer *w = writer(200);
	struct event_reader *r = reader(true);
	char path[400];
	struct err e;
	int i = 0;

	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		put(w, n);
		if (n % 3 == 0)
			assert_int_equal(get(r), i++);
	}
	assert_true(segment(-1, path, sizeof(path)) > 20);
	while (i < 200) {
		assert_int_equal(get(r), i++);
		if (i == 120) {
			assert_int_equal(event_reader_commit(r, &e), 0);
			event_reader_close(r);
			r = reader(true);
		}
	}
	assert_int_equal(get(r), -1);
	event_reader_close(r);
	event_writer_close(w);
}

/* Ones and zeros that are their own checksum, where a record was. */
static void
noise_is_no_record(void **state)
{
	static const unsigned char noise[] = {0, 0, 0, 0, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
	struct event_writer *w = writer(1 << 20);
	struct event_reader *r = reader(false);
	char path[400];
	int fd;

	(void)state;
	assert_int_equal(crc32c(0, noise + 8, 8), 0xffffffff);
	for (unsigned i = 0; i < 3; i++)
		put(w, i);
	event_writer_close(w);
	segment(0, path, sizeof(path));
	fd = open(path, O_WRONLY);
	/* Records of 16 + 7 bytes: the second becomes noise. */
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 23),
	    sizeof(noise));
	close(fd);
	assert_int_equal(get(r), 0);
	assert_int_equal(get(r), -2);
	assert_int_equal(get(r), 2);
	event_reader_close(r);
}

static void
sequence_grows_over_restarts(void **state)
{
	struct event_writer *w = writer(1 << 20);
	uint64_t one, two;

	(void)state;
	put(w, 1);
	one = event_writer_seq(w);
	put(w, 2);
	assert_int_equal(event_writer_seq(w), one + 1);
	event_writer_close(w);
	w = writer(1 << 20);
	two = event_writer_seq(w);
	assert_int_equal(two, one + 1);
	put(w, 3);
	assert_true(event_writer_seq(w) > two);
	event_writer_close(w);
}

/*
 * Power loss takes the tail that a reader has seen and committed: the number
 * must not come back, or the reader would skip what carries it.
 */
static void
lost_tail_is_not_reused(void **state)
{
	struct event_writer *w = writer(1 << 20);
	struct event_reader *r = reader(true);
	char path[400];
	struct stat st;
	struct err e;

	(void)state;
	put(w, 1);
	put(w, 2);
	event_writer_close(w);
	assert_int_equal(get(r), 1);
	assert_int_equal(get(r), 2);
	assert_int_equal(event_reader_commit(r, &e), 0);
	event_reader_close(r);
	segment(0, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	w = writer(1 << 20);
	put(w, 3);
	r = reader(true);
	assert_int_equal(get(r), 3);
	event_reader_close(r);
	event_writer_close(w);
}

/* Cuts the file at every length: what is left is read, the next start goes on
 * behind it. */
static void
torn_tail_at_every_byte(void **state)
{
	char path[400];
	struct stat st;
	off_t size;

	(void)state;
	for (off_t cut = 1;; cut++) {
		struct event_writer *w = writer(1 << 20);
		struct event_reader *r;
		int n = 0;

		put(w, 0);
		put(w, 1);
		event_writer_close(w);
		segment(0, path, sizeof(path));
		assert_int_equal(stat(path, &st), 0);
		size = st.st_size;
		if (cut > size)
			break;
		assert_int_equal(truncate(path, size - cut), 0);
		r = reader(false);
		while (get(r) == n)
			n++;
		assert_int_equal(n, cut == size || cut > size / 2 ? 0
		    : 1);
		w = writer(1 << 20);
		put(w, (unsigned)n);
		assert_int_equal(get(r), n);
		event_reader_close(r);
		event_writer_close(w);
		dir_empty(dir);
	}
	dir_empty(dir);
}

static void
flip(const char *path, off_t off)
{
	int fd = open(path, O_RDWR);
	unsigned char c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, off), 1);
	c ^= 0x40;
	assert_int_equal(pwrite(fd, &c, 1, off), 1);
	close(fd);
}

/* One flipped byte in the middle record, at each of its offsets: the reader
 * says so once and goes on with the third. */
static void
damage_at_every_byte(void **state)
{
	const off_t length = 16 + 7;
	char path[400];

	(void)state;
	for (off_t i = 0; i < length; i++) {
		struct event_writer *w = writer(1 << 20);
		struct event_reader *r = reader(false);

		for (unsigned n = 0; n < 3; n++)
			put(w, n);
		segment(0, path, sizeof(path));
		flip(path, length + i);
		assert_int_equal(get(r), 0);
		assert_int_equal(get(r), -2);
		assert_int_equal(get(r), 2);
		assert_int_equal(get(r), -1);
		event_reader_close(r);
		event_writer_close(w);
		dir_empty(dir);
	}
}

/* Damage at the end of an older segment: the newer one is still read. */
static void
damaged_end_of_older_segment(void **state)
{
	struct event_writer *w = writer(40);
	struct event_reader *r = reader(false);
	char path[400];

	(void)state;
	for (unsigned n = 0; n < 4; n++)
		put(w, n);
	assert_int_equal(segment(0, path, sizeof(path)), 2);
	flip(path, 23 + 20);
	assert_int_equal(get(r), 0);
	assert_int_equal(get(r), -2);
	assert_int_equal(get(r), 2);
	assert_int_equal(get(r), 3);
	event_reader_close(r);
	event_writer_close(w);
}

static int
limit_fsize(rlim_t bytes)
{
	struct rlimit rl = {bytes, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &rl);
}

static void
disk_full_leaves_a_readable_file(void **state)
{
	struct event_writer *w;
	struct event_reader *r;
	struct err e;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		/* A file size limit ends in the middle of a record. */
		struct event_writer *cw = event_writer_open(dir, 1 << 20, &e);

		if (cw == NULL || limit_fsize(2 * 23 + 10) != 0)
			_exit(1);
		for (unsigned n = 0; n < 2; n++)
			put(cw, n);
		if (event_write(cw, span_str("{\"n\":2}"), true, &e) != -1 ||
		    event_write(cw, span_str("{\"n\":2}"), true, &e) != -1)
			_exit(2);
		if (limit_fsize(1 << 20) != 0)
			_exit(3);
		put(cw, 2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	r = reader(false);
	for (int n = 0; n < 3; n++)
		assert_int_equal(get(r), n);
	assert_int_equal(get(r), -1);
	w = writer(1 << 20);
	put(w, 3);
	assert_int_equal(get(r), 3);
	event_reader_close(r);
	event_writer_close(w);
}

/* kill -9 of the writer at random moments, many starts, one reader beside:
 * what the writer was told is written (`acked`) is read, in order, once. */
enum { WRITER_KILLS = 60, READER_KILLS = 60 };

static void
kill_writer(void **state)
{
	struct event_reader *r = reader(false);
	unsigned acked = 0, seen = 0;

	(void)state;
	for (int k = 0; k < WRITER_KILLS; k++) {
		int p[2], n;
		unsigned v;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			struct event_writer *w = writer(2000);

			for (v = acked + 1;; v++) {
				put(w, v);
				if (write(p[1], &v, sizeof(v)) < 0)
					_exit(1);
			}
		}
		close(p[1]);
		usleep((useconds_t)(random() % 8000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(p[0], &v, sizeof(v)) == sizeof(v))
			acked = v;
		close(p[0]);
		while ((n = get(r)) >= 0) {
			assert_int_equal(n, (int)seen + 1);
			seen++;
		}
		assert_int_equal(n, -1);
		/* One more than acked: written, killed before it said so. */
		assert_true(seen == acked || seen == acked + 1);
		acked = seen;
	}
	assert_true(seen > WRITER_KILLS);
	event_reader_close(r);
}

/* The committed history has no gap and no repeat, wherever the reader dies. */
static void
kill_reader(void **state)
{
	enum { RECORDS = 3000 };
	struct event_writer *w = writer(4000);
	unsigned done = 0;
	struct err e;

	(void)state;
	for (unsigned n = 1; n <= RECORDS; n++)
		put(w, n);
	event_writer_close(w);
	for (int k = 0; k < READER_KILLS; k++) {
		int p[2];
		unsigned v, first = 0, last = 0;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			struct event_reader *r = reader(true);
			int n;

			while ((n = get(r)) >= 0) {
				/* "Processing", then the durable step. */
				v = (unsigned)n;
				if (write(p[1], &v, sizeof(v)) < 0 ||
				    event_reader_commit(r, &e) != 0)
					_exit(1);
			}
			_exit(0);
		}
		close(p[1]);
		usleep((useconds_t)(random() % 20000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(p[0], &v, sizeof(v)) == sizeof(v)) {
			if (first == 0)
				first = v;
			else
				assert_int_equal(v, last + 1);
			last = v;
		}
		close(p[0]);
		if (first == 0)
			continue;
		/* Repeats at most the one that was processed but not
		 * committed; skips none. */
		assert_true(first == done + 1 || first == done);
		done = last;
	}
	assert_true(done > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_vectors),
		T(write_then_read),
		T(too_large_is_refused),
		T(rotates_and_follows),
		T(noise_is_no_record),
		T(sequence_grows_over_restarts),
		T(lost_tail_is_not_reused),
		T(torn_tail_at_every_byte),
		T(damage_at_every_byte),
		T(damaged_end_of_older_segment),
		T(disk_full_leaves_a_readable_file),
		T(kill_writer),
		T(kill_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
