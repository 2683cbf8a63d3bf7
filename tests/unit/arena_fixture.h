/* One arena for each test: setup() and teardown() of it. */
#ifndef TESTS_ARENA_FIXTURE_H
#define TESTS_ARENA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/base/arena.h"

static struct arena arena;

static inline int
setup(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#endif
