/* An arena for what is parsed, a buffer for what is written. */
#ifndef TESTS_EDIT_FIXTURE_H
#define TESTS_EDIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/mail/edit.h"

static struct arena arena;
static struct buf out;

static inline int
setup(void **state)
{
	(void)state;
	arena_init(&arena, 128 << 20);
	buf_init(&out, 32 << 20);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	buf_free(&out);
	return 0;
}

static inline struct edit *
edit_of(struct span msg)
{
	struct edit *e = edit_new(mime_parse(msg, &mime_limits_default,
	    &arena), false, &arena);

	assert_non_null(e);
	return e;
}

#endif
