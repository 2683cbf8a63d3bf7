/*
 * Where decoders put single bytes: collected, so that the buffer is entered
 * once a chunk. Only used by the decoders of lib/mail.
 */
#ifndef PMG_MAIL_CTE_SINK_H
#define PMG_MAIL_CTE_SINK_H

#include "lib/base/buf.h"

struct sink {
	struct buf *out;	/* NULL: count for nothing */
	size_t n;
	unsigned char chunk[4096];
};

/* A full buffer gets what fits: its reader may only want the beginning. */
static inline void
sink_flush(struct sink *s)
{
	size_t room;

	if (s->out != NULL) {
		room = s->out->max - s->out->n;
		if (s->n > room && !s->out->overflow)
			buf_put(s->out, s->chunk, room);
		buf_put(s->out, s->chunk, s->n);
	}
	s->n = 0;
}

static inline bool
sink_full(const struct sink *s)
{
	return s->out != NULL && s->out->overflow;
}

static inline void
sink_put(struct sink *s, unsigned c)
{
	if (s->n == sizeof(s->chunk))
		sink_flush(s);
	s->chunk[s->n++] = (unsigned char)c;
}

static inline void
sink_puts(struct sink *s, struct span in)
{
	for (size_t i = 0; i < in.n; i++)
		sink_put(s, in.p[i]);
}

#endif
