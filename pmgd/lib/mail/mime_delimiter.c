#include "lib/mail/mime_delimiter.h"

/*
 * RFC 2046 5.1.1 has the boundary compared with the beginning of the line
 * only; most clients want all of it. Either counts, but an exact match goes
 * first, so that one boundary may begin like another one.
 */
static void
try_boundary(struct delimiter *d, struct frame *f, size_t i, struct span text,
    bool exact)
{
	struct span b = f->b.b[i];
	enum rank rank = f->ended ? RANK_ENDED : RANK_EXACT;
	struct span rest;
	bool close;

	if (text.n < b.n || (b.n > 0 && memcmp(text.p, b.p, b.n) != 0))
		return;
	rest = span_sub(text, b.n, text.n);
	close = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
	if (rest.n > (close ? 2u : 0u)) {
		if (f->ended || b.n == 0 || exact)
			return;
		rank = RANK_PREFIX;
	}
	if (rank < d->rank || (rank == d->rank && b.n <= d->len &&
	        d->rank != RANK_NONE))
		return;
	*d = (struct delimiter){f, rank, b.n, i, close};
}

bool
mime_delimiter_find(struct frame *top, const struct mime_reading *reading,
    struct span line, struct delimiter *d)
{
	struct span text = span_sub(line, 2, line.n);

	*d = (struct delimiter){.rank = RANK_NONE};
	if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	while (text.n > 0 && (text.p[text.n - 1] == ' ' ||
	        text.p[text.n - 1] == '\t' || text.p[text.n - 1] == '\r'))
		text.n--;
	for (struct frame *f = top; f != NULL; f = f->below) {
		for (size_t i = 0; i < f->b.n; i++)
			try_boundary(d, f, i, text, reading->exact);
		if (reading->inner_first && !f->ended)
			break;
	}
	return d->rank != RANK_NONE;
}

bool
mime_delimiter_matches(struct frame *f, struct span line)
{
	struct delimiter d = {.rank = RANK_NONE};

	for (size_t i = 0; i < f->b.n; i++)
		try_boundary(&d, f, i, span_sub(line, 2, line.n), true);
	return d.rank == RANK_EXACT;
}
