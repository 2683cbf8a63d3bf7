#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/config/paths.h"

enum { NPATHS = sizeof(struct paths) / sizeof(char *) };

static void
release(struct paths *p)
{
	char *v[NPATHS];

	memcpy(v, p, sizeof(v));
	for (size_t i = 0; i < NPATHS; i++)
		free(v[i]);
}

static void
installed(void **state)
{
	struct paths p;

	(void)state;
	paths_init(&p, "");
	assert_string_equal(p.config, "/etc/pmg");
	assert_string_equal(p.filter_in, "/run/pmg/filter/in.sock");
	assert_string_equal(p.rules, "/var/lib/pmg/rules/rules.active");
	assert_string_equal(p.active, "/var/spool/pmg/active");
	assert_string_equal(p.reinject,
	    "/var/spool/postfix/public/pmg-reinject");
	release(&p);
}

static void
every_path_is_below_root(void **state)
{
	static const char *const roots[] = {"/rig", "/rig/", "/rig//"};

	(void)state;
	for (size_t r = 0; r < 3; r++) {
		struct paths p;
		char *v[NPATHS];

		/* A member that paths_init forgets stays NULL. */
		memset(&p, 0, sizeof(p));
		paths_init(&p, roots[r]);
		memcpy(v, &p, sizeof(v));
		for (size_t i = 0; i < NPATHS; i++) {
			assert_non_null(v[i]);
			assert_memory_equal(v[i], "/rig/", 5);
			assert_null(strstr(v[i], "//"));
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(v[i], v[k]);
		}
		release(&p);
	}
}

static void
slash_is_the_installed_system(void **state)
{
	struct paths p;

	(void)state;
	paths_init(&p, "/");
	assert_string_equal(p.config, "/etc/pmg");
	release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(installed),
		cmocka_unit_test(every_path_is_below_root),
		cmocka_unit_test(slash_is_the_installed_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
