#include "lib/mail/content_walk.h"

#include "lib/mail/mime_header.h"

enum { PARSE_ROOM = 64 * 1024 };

bool
walk_parse_room(const struct walk *w)
{
	return !w->a->full && w->a->max - w->a->used >= PARSE_ROOM;
}

/* The innermost part of the message itself in which that offset is. */
static size_t
locate(const struct mime *m, size_t off)
{
	size_t lo = 0, hi = m->npart;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->part[mid]->header_off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Leaves that the first reading has are in the list already. */
static bool
is_same_leaf(const struct mime *m, const struct mime_part *p)
{
	const struct mime_part *q = m->part[locate(m, p->header_off)];

	return q->child == NULL && q->body_off == p->body_off &&
	    q->body_end == p->body_end && q->cte == p->cte;
}

static void
structure(struct walk *w, const struct mime *top,
    const struct mime_reading *reading)
{
	struct mime *m;

	if (w->work < top->msg.n || !walk_parse_room(w)) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	w->work -= top->msg.n;
	m = mime_parse_reading(top->msg, &mime_limits_default, reading, w->a);
	w->m = m;
	w->inside = true;
	w->list.defects |= m->defects & CONTENT_LIMITS;
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		w->part = locate(top, p->body_off);
		if (p->child == NULL && !is_same_leaf(top, p))
			content_leaf(w, p);
	}
	w->inside = false;
}

void
content_structures(struct walk *w, const struct mime *m)
{
	if ((m->defects & MIME_AMBIG_BOUNDARY) != 0) {
		structure(w, m, &(struct mime_reading){.inner_first = true});
		for (size_t i = 1; i <= MIME_BOUNDARIES; i++)
			structure(w, m, &(struct mime_reading){.boundary = i});
	}
	if ((m->defects & MIME_ODD_DELIMITER) != 0)
		structure(w, m, &(struct mime_reading){.exact = true});
}

/* A bare CR after which something begins that it would hide. */
static bool
cr_hides(struct span msg, size_t cr)
{
	struct span next = span_sub(msg, cr + 1, 16);

	return next.n > 0 && next.p[0] != '\n' &&
	    (span_iprefix(next, "--") || span_iprefix(next, "content-") ||
	        (next.n > 1 && next.p[0] == '\r' && next.p[1] != '\n'));
}

/* NUL in a header, or in a line that would delimit without it. */
static bool
nul_hides(const struct mime *m)
{
	if ((m->defects & MIME_NUL) == 0)
		return false;
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];
		struct span header = span_sub(m->msg, p->header_off,
		    p->header_end - p->header_off);

		if (span_chr(header, 0, '\0') < header.n)
			return true;
	}
	for (size_t at = span_find(m->msg, 0, SPAN_LIT("\n--"));
	     at != SIZE_MAX;
	     at = span_find(m->msg, at + 1, SPAN_LIT("\n--"))) {
		size_t end = span_chr(m->msg, at + 1, '\n');

		if (memchr(m->msg.p + at, '\0', end - at) != NULL)
			return true;
	}
	return false;
}

/* For some clients a bare CR ends a line, and a NUL is not there. */
void
content_bytes(struct walk *w, const struct mime *m)
{
	struct span msg = m->msg;
	struct buf lines;
	bool hides = nul_hides(m);

	for (size_t i = span_chr(msg, 0, '\r'); i < msg.n && !hides &&
	     (m->defects & MIME_BARE_CR) != 0; i = span_chr(msg, i + 1, '\r'))
		hides = cr_hides(msg, i);
	if (!hides)
		return;
	buf_init(&lines, msg.n);
	for (size_t i = 0; i < msg.n; i++)
		if (msg.p[i] == '\r') {
			if (i + 1 == msg.n || msg.p[i + 1] != '\n')
				buf_putc(&lines, '\n');
		} else if (msg.p[i] != '\0') {
			buf_putc(&lines, msg.p[i]);
		}
	w->part = 0;
	walk_message_later(w, buf_span(&lines), true);
	buf_free(&lines);
}
