/* A file that is replaced, taken away and put back: each version is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "filter/watched.h"
#include "lib/base/atomicfile.h"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_watched.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
put(const char *text)
{
	struct err e;

	assert_int_equal(atomicfile_write(path, span_str(text), 0644, &e), 0);
}

static void
versions(void **state)
{
	struct watched w = {.path = path};
	struct err e;
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_MISSING);
	put("one");
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_NEW);
	assert_string_equal(buf_cstr(&b), "one");
	/* Not taken: it is offered again. */
	buf_reset(&b);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_NEW);
	watched_take(&w);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_SAME);
	put("two");
	buf_reset(&b);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_NEW);
	assert_string_equal(buf_cstr(&b), "two");
	watched_take(&w);
	unlink(path);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_MISSING);
	put("more than eight");
	buf_reset(&b);
	assert_int_equal(watched_read(&w, &b, &e), WATCHED_BAD);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
