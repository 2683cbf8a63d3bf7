/*
 * pmg.conf(5) contains the list that the schema makes: `pmgconfig dump-schema
 * --mdoc` is what to paste after a change. Runs from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/atomicfile.h"
#include "lib/config/config.h"

#define MANUAL "pmg-tools/config/pmg.conf.5"

/* Entries of the list in lib/config/effect.c. */
enum { CONFIG_UNUSED = 30 };

static struct buf manual;

static void
every_key_is_in_the_list(void **state)
{
	struct buf list;
	char item[128];

	(void)state;
	buf_init(&list, 1 << 20);
	config_mdoc(&list);
	for (unsigned i = 0; i < config_nkeys; i++) {
		snprintf(item, sizeof(item), ".It Ic %s ",
		    config_schema[i].name);
		assert_non_null(strstr(buf_cstr(&list), item));
	}
	buf_free(&list);
}

static void
manual_has_the_list(void **state)
{
	struct buf list;

	(void)state;
	buf_init(&list, 1 << 20);
	config_mdoc(&list);
	if (strstr(buf_cstr(&manual), buf_cstr(&list)) == NULL)
		fail_msg("%s differs from the schema: replace its settings by "
		    "the output of pmgconfig dump-schema --mdoc", MANUAL);
	buf_free(&list);
}

/* A name in the list of unused settings that is none would say nothing. */
static void
settings_without_effect(void **state)
{
	const char *caveats = strstr(buf_cstr(&manual), ".Sh CAVEATS");
	unsigned n = 0;

	(void)state;
	assert_non_null(caveats);
	for (unsigned i = 0; i < config_nkeys; i++)
		n += !config_has_effect(&config_schema[i]);
	assert_int_equal(n, CONFIG_UNUSED);
	assert_true(config_has_effect(config_key_find("mail", "relay")));
	assert_false(config_has_effect(config_key_find("mail", "spf")));
	assert_non_null(strstr(caveats, "log-headers"));
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	buf_init(&manual, 1 << 20);
	return file_read(MANUAL, &manual, &e);
}

static int
teardown(void **state)
{
	(void)state;
	buf_free(&manual);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_in_the_list),
		cmocka_unit_test(manual_has_the_list),
		cmocka_unit_test(settings_without_effect),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
