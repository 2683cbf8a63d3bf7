#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

static void
safe_is(struct span in, size_t max, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	log_safe(&b, in, max);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

#define SAFE(in, want) safe_is(SPAN_LIT(in), 500, want)

static void
safe_text(void **state)
{
	(void)state;
	SAFE("", "");
	SAFE("plain <a@b>", "plain <a@b>");
	SAFE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	SAFE("a\\x41", "a\\\\x41");
	SAFE("a\r\nb\tc\0d\x1b[31m\x7f", "a\\x0D\\x0Ab\\x09c\\x00d\\x1B[31m\\x7F");
	/* C1 controls, encoded and raw. */
	SAFE("\xc2\x9b\x9b", "\\xC2\\x9B\\x9B");
	/* Direction, zero width, soft hyphen, byte order mark, tags. */
	SAFE("\xe2\x80\xae", "\\xE2\\x80\\xAE");
	SAFE("\xe2\x80\x8b", "\\xE2\\x80\\x8B");
	SAFE("\xe2\x80\xa8", "\\xE2\\x80\\xA8");
	SAFE("\xe2\x81\xa6", "\\xE2\\x81\\xA6");
	SAFE("\xc2\xad", "\\xC2\\xAD");
	SAFE("\xef\xbb\xbf", "\\xEF\\xBB\\xBF");
	SAFE("\xf3\xa0\x81\x81", "\\xF3\\xA0\\x81\\x81");
	/* Not UTF-8: overlong, surrogate, too high, cut short, lone bytes. */
	SAFE("\xc0\xaf", "\\xC0\\xAF");
	SAFE("\xe0\x80\xaf", "\\xE0\\x80\\xAF");
	SAFE("\xed\xa0\x80", "\\xED\\xA0\\x80");
	SAFE("\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80");
	SAFE("\xe2\x82", "\\xE2\\x82");
	SAFE("\xe2\x82z", "\\xE2\\x82z");
	SAFE("\x80\xff", "\\x80\\xFF");
	safe_is(SPAN_LIT("abcdef"), 6, "abcdef");
	safe_is(SPAN_LIT("abcdef"), 5, "abcde...");
	/* A cut inside a character shows its bytes. */
	safe_is(SPAN_LIT("a\xc3\xbc"), 2, "a\\xC3...");
	safe_is(SPAN_LIT("abc"), 0, "...");
}

/* stderr of this process into a file; returns what held() wrote there. */
static void
lines_of(void (*write_lines)(void), char *text, size_t size)
{
	char path[] = "/tmp/test-log-XXXXXX";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	unlink(path);
	log_init("t", true);
	dup2(fd, STDERR_FILENO);
	write_lines();
	dup2(saved, STDERR_FILENO);
	n = pread(fd, text, size - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	close(saved);
}

static void
two_held(void)
{
	log_hold();
	log_info("one");
	log_warn("two");
}

static void
two_released(void)
{
	two_held();
	log_release();
	log_release();
	log_info("three");
}

static void
more_than_fits(void)
{
	log_hold();
	for (int i = 0; i < 2000; i++)
		log_info("a line of some length, number %04d of many", i);
	log_release();
}

static void
held_and_fatal(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		two_held();
		fatal("three");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void
held_lines(void **state)
{
	static char text[1024 * 1024];
	char *one, *two, *three;

	(void)state;
	lines_of(two_held, text, sizeof(text));
	assert_string_equal(text, "");
	lines_of(log_release, text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		lines_of(i == 0 ? two_released : held_and_fatal, text,
		    sizeof(text));
		one = strstr(text, ": one\n");
		two = strstr(text, ": two\n");
		three = strstr(text, ": three\n");
		assert_true(one != NULL && two > one && three > two);
		assert_null(strstr(three, ": one\n"));
	}
	lines_of(more_than_fits, text, sizeof(text));
	for (int i = 0; i < 2000; i++) {
		char want[32];

		snprintf(want, sizeof(want), "number %04d of", i);
		one = strstr(i == 0 ? text : one, want);
		assert_non_null(one);
	}
}

/* All bytes, all pairs: one line, printable or valid UTF-8. */
static void
safe_never_lets_controls_out(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 65536; v++) {
		unsigned char in[2] = {(unsigned char)(v >> 8),
		    (unsigned char)v};
		struct buf b;

		buf_init(&b, 100);
		log_safe(&b, span_of(in, 2), 100);
		for (size_t i = 0; i < b.n; i++) {
			assert_true(b.p[i] >= 0x20 && b.p[i] != 0x7f);
			assert_false(b.p[i] == 0xc2 && b.p[i + 1] < 0xa0);
		}
		buf_free(&b);
	}
}

/* What a child writes to stderr through fn(). */
static void
stderr_of(void (*fn)(void), char *out, size_t size, int *status)
{
	int p[2];
	pid_t pid;
	ssize_t n, sum = 0;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 2);
		fn();
		_exit(0);
	}
	close(p[1]);
	while ((n = read(p[0], out + sum, size - 1 - (size_t)sum)) > 0)
		sum += n;
	out[sum] = '\0';
	close(p[0]);
	waitpid(pid, status, 0);
}

static void
say_hostile(void)
{
	log_init("unit", true);
	log_set_prefix("ID1: ");
	log_info("a\nb\x1b[m\xc2\x9b\xc3\xbc");
	log_debug("not shown");
	log_set_debug(true);
	log_debug("shown");
}

static void
say_long(void)
{
	char big[20001];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_init("unit", true);
	log_set_prefix(big);
	log_error("%s", big);
}

static void
say_in_a_journal_child(void)
{
	/* Inherited from a service whose stderr was the journal. */
	setenv("JOURNAL_STREAM", "8:12345", 1);
	log_init("unit", true);
	log_warn("hello");
}

static void
say_to_the_journal(void)
{
	struct stat st;
	char v[64];

	fstat(2, &st);
	snprintf(v, sizeof(v), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", v, 1);
	log_init("unit", false);
	log_warn("hello");
}

static void
die(void)
{
	log_init("unit", true);
	fatal("the %s", "end");
}

static void
lines(void **state)
{
	char out[32768];
	int status;
	char *p;

	(void)state;
	stderr_of(say_hostile, out, sizeof(out), &status);
	p = strstr(out, "]: ");
	assert_non_null(p);
	assert_int_equal(strncmp(out, "unit[", 5), 0);
	assert_ptr_equal(strstr(out, "]: ID1: a?b?[m??\xc3\xbc\n"), p);
	assert_null(strstr(out, "not shown"));
	assert_non_null(strstr(out, "]: ID1: shown\n"));
	stderr_of(say_long, out, sizeof(out), &status);
	assert_true(strlen(out) > 8000 && strlen(out) < 8400);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	stderr_of(die, out, sizeof(out), &status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(out, "]: the end\n"));
}

/* Found here: the variable alone was taken for the journal. */
static void
journal(void **state)
{
	char out[1024];
	int status;

	(void)state;
	stderr_of(say_in_a_journal_child, out, sizeof(out), &status);
	assert_int_equal(strncmp(out, "unit[", 5), 0);
	stderr_of(say_to_the_journal, out, sizeof(out), &status);
	assert_string_equal(out, "<4>hello\n");
}

static void
errors(void **state)
{
	struct err e;
	char big[2000];

	(void)state;
	assert_int_equal(err_set(&e, "%s: line %d", "file", 3), -1);
	assert_string_equal(e.text, "file: line 3");
	errno = ENOENT;
	assert_int_equal(err_errno(&e, "open %s", "x"), -1);
	assert_string_equal(e.text, "open x: No such file or directory");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(err_errno(NULL, "x"), -1);
	assert_int_equal(err_set(NULL, "x"), -1);
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(err_errno(&e, "%s", big), -1);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/pmg-base-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	/* Fails when a test left a file, a temporary one for instance. */
	return rmdir(dir);
}

static void
atomic_write(void **state)
{
	char path[128], at_root[8] = "x";
	struct stat st;
	struct buf b;
	struct err e;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(atomicfile_write(path, SPAN_LIT("one\0two"), 0640,
	    &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	buf_init(&b, 7);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_true(span_eq(buf_span(&b), SPAN_LIT("one\0two")));
	/* It appends; and larger than the buffer is an error. */
	assert_int_equal(file_read(path, &b, &e), -1);
	assert_non_null(strstr(e.text, "larger than 7 bytes"));
	buf_reset(&b);
	assert_int_equal(atomicfile_write(path, SPAN_LIT(""), 0600, &e), 0);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(file_read(path, &b, &e), -1);
	assert_non_null(strstr(e.text, "No such file"));
	buf_free(&b);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(atomicfile_write(at_root, SPAN_LIT("a"), 0600, &e),
	    0);
	assert_int_equal(unlink(at_root), 0);
	assert_int_equal(chdir("/"), 0);
}

static void
atomic_write_failures(void **state)
{
	char path[128], sub[160];
	struct err e = {""};

	(void)state;
	snprintf(path, sizeof(path), "%s/none/file", dir);
	assert_int_equal(atomicfile_write(path, SPAN_LIT("x"), 0600, &e), -1);
	assert_non_null(strstr(e.text, path));
	/* The target is a folder: refused, and no temporary file stays. */
	snprintf(path, sizeof(path), "%s/folder", dir);
	snprintf(sub, sizeof(sub), "%s/x", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(atomicfile_write(path, SPAN_LIT("x"), 0600, &e), -1);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(rmdir(path), 0);
}

/* A full disk: the old content stays, and nothing is left beside it. */
static void
atomic_write_no_space(void **state)
{
	struct err e = {""};

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_int_equal(write_all(open("/dev/full", O_WRONLY), "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(write_all(-1, "", 0), 0);
	assert_int_equal(write_all(-1, "x", 1), -1);
	(void)e;
}

static void
reads_at_an_offset(void **state)
{
	FILE *f = tmpfile();
	int fd = fileno(f);
	char got[20];

	(void)state;
	assert_int_equal(write_all(fd, "0123456789", 10), 0);
	assert_int_equal(pread_all(fd, got, 4, 2), 4);
	assert_memory_equal(got, "2345", 4);
	assert_int_equal(pread_all(fd, got, sizeof(got), 4), 6);
	assert_memory_equal(got, "456789", 6);
	assert_int_equal(pread_all(fd, got, 1, 10), 0);
	assert_int_equal(pread_all(fd, got, 0, 0), 0);
	assert_int_equal(pread_all(-1, got, 1, 0), -1);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_text),
		cmocka_unit_test(held_lines),
		cmocka_unit_test(safe_never_lets_controls_out),
		cmocka_unit_test(lines),
		cmocka_unit_test(journal),
		cmocka_unit_test(errors),
		cmocka_unit_test(atomic_write),
		cmocka_unit_test(atomic_write_failures),
		cmocka_unit_test(atomic_write_no_space),
		cmocka_unit_test(reads_at_an_offset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
