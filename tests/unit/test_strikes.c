/* Strikes of messages that kill workers, across restarts of the parent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "filter/strikes.h"

static char dir[] = "/tmp/pmg-strikes.XXXXXX";

static struct strikes *
reopen(struct strikes *s)
{
	struct err e;

	strikes_close(s);
	s = strikes_open(dir, 4, &e);
	assert_non_null(s);
	return s;
}

static void
two_crashes_park(void **state)
{
	struct strikes *s = reopen(NULL);

	(void)state;
	assert_false(strikes_begin(s, 0, "4AB1"));
	strikes_add(s, 0, STRIKE_CRASH);
	strikes_end(s, 0, false);
	assert_false(strikes_begin(s, 1, "4AB1"));
	strikes_add(s, 1, STRIKE_CRASH);
	strikes_end(s, 1, false);
	assert_false(strikes_begin(s, 2, "4AB2"));
	strikes_end(s, 2, true);
	s = reopen(s);
	assert_true(strikes_begin(s, 3, "4AB1"));
	strikes_end(s, 3, true);
	assert_false(strikes_begin(s, 0, "4AB1"));	/* forgotten */
	strikes_end(s, 0, true);
	strikes_close(s);
}

static void
interruptions_weigh_little(void **state)
{
	struct strikes *s = reopen(NULL);

	(void)state;
	for (int i = 0; i < STRIKE_PARK; i++) {
		assert_false(strikes_begin(s, 0, "guilty"));
		if (i < 3)
			assert_false(strikes_begin(s, 1, "innocent"));
		s = reopen(s);	/* the parent died with its workers */
	}
	assert_true(strikes_begin(s, 0, "guilty"));
	assert_false(strikes_begin(s, 1, "innocent"));
	strikes_end(s, 0, true);
	strikes_end(s, 1, true);
	strikes_close(s);
}

static void
deferred_messages_keep_theirs(void **state)
{
	struct strikes *s = reopen(NULL);

	(void)state;
	strikes_begin(s, 0, "K");
	strikes_add(s, 0, STRIKE_CRASH);
	strikes_end(s, 0, false);
	strikes_begin(s, 0, "K");
	strikes_end(s, 0, false);
	strikes_begin(s, 0, "K");
	strikes_add(s, 0, STRIKE_CRASH);
	strikes_end(s, 0, false);
	assert_true(strikes_begin(s, 0, "K"));
	strikes_end(s, 0, true);
	strikes_close(s);
}

static void
damaged_files_are_survived(void **state)
{
	struct strikes *s;
	char path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/strikes", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("8 99999999999 \x01\x02\n\nx y z\n8 99999999999 ok\n8", f);
	fclose(f);
	s = reopen(NULL);
	assert_true(strikes_begin(s, 0, "ok"));
	assert_false(strikes_begin(s, 1, "bad key with blanks"));
	assert_string_equal(strikes_key(s, 1), "");
	strikes_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_crashes_park),
	    cmocka_unit_test(interruptions_weigh_little),
	    cmocka_unit_test(deferred_messages_keep_theirs),
	    cmocka_unit_test(damaged_files_are_survived),
	};
	char path[64];
	int rc;

	if (mkdtemp(dir) == NULL)
		return 1;
	rc = cmocka_run_group_tests_name("strikes", tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/strikes", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/inwork", dir);
	unlink(path);
	rmdir(dir);
	return rc;
}
