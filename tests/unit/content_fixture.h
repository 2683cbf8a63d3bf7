/* The content of a mail given as a string, and what must be in it. */
#ifndef TESTS_CONTENT_FIXTURE_H
#define TESTS_CONTENT_FIXTURE_H

#include "arena_fixture.h"
#include "lib/mail/content.h"

struct reading_of {
	struct mime *m;
	struct buf out;
	struct content_list list;
};

/* Ends with content_done(). */
static inline struct reading_of
content_read(struct span mail)
{
	struct reading_of r;

	buf_init(&r.out, 32 << 20);
	r.m = mime_parse(mail, &mime_limits_default, &arena);
	r.list = content_of(r.m, &r.out, &arena);
	return r;
}

static inline void
content_done(struct reading_of *r)
{
	buf_free(&r->out);
	teardown(NULL);
}

/* The item with exactly those bytes, or NULL. */
static inline const struct content *
content_find(const struct reading_of *r, enum content_how how,
    struct span want)
{
	for (size_t i = 0; i < r->list.n; i++) {
		const struct content *c = &r->list.item[i];

		if (c->how == how && span_eq(span_sub(buf_span(&r->out),
		        c->off, c->n), want))
			return c;
	}
	return NULL;
}

#endif
