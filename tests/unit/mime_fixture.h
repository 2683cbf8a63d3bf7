/* An arena for each test, and what a decoded body must be. */
#ifndef TESTS_MIME_FIXTURE_H
#define TESTS_MIME_FIXTURE_H

#include "arena_fixture.h"
#include "lib/base/buf.h"
#include "lib/mail/mime.h"

static inline void
assert_body(const struct mime *m, size_t i, const char *want)
{
	struct buf b;

	assert_true(i < m->npart);
	buf_init(&b, 1024 * 1024);
	mime_body_decode(m, m->part[i], &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

#endif
