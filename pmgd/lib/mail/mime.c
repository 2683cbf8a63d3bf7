#include "lib/mail/mime.h"

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/mail/cte.h"
#include "lib/mail/mime_delimiter.h"
#include "lib/mail/mime_header.h"

const struct mime_limits mime_limits_default = {
    .depth = 100,
    .parts = 1000,
    .header_fields = 1000,
    .header_bytes = 1024 * 1024,
    .arena_bytes = 16 * 1024 * 1024,
};

enum {
	FIRST_PARTS = 16,
	OWN_TRIES = 16,		/* lines of a header taken for its delimiter */
	DEAD_FRAMES = 8,	/* remembered to see their boundaries again */
};

struct parser {
	struct mime *m;
	struct span msg;
	const struct mime_limits *lim;
	struct mime_reading reading;
	struct arena *a;
	size_t depth_max;
	size_t part_cap;
	struct frame *top;
	struct mime_part *cur;	/* innermost part that is open */
	/* Header of cur. */
	bool in_header;
	bool junk_checked;
	unsigned own_tries;	/* each searches the header once */
	size_t keep_until;	/* a line that is no field and stands before
				 * this offset does not end the header */
	/* Multiparts that ended without a delimiter of their own; the oldest
	 * one makes room. */
	struct frame *dead[DEAD_FRAMES];
	size_t ndead;
	bool after_dashes;	/* the line before began with "--" */
	bool after_blanks;	/* in a header: the line before has but blanks */
};

/* ---- parts ---- */

static bool
part_room(struct parser *ps)
{
	struct mime *m = ps->m;
	size_t cap = ps->part_cap ? ps->part_cap * 2 : FIRST_PARTS;
	struct mime_part **more;

	if (m->npart < ps->part_cap)
		return true;
	more = arena_array(ps->a, cap, sizeof(*more));
	if (more == NULL)
		return false;
	if (m->npart > 0)
		memcpy(more, m->part, m->npart * sizeof(*more));
	m->part = more;
	ps->part_cap = cap;
	return true;
}

/* The defaults hold until the header is complete. */
static struct mime_part *
part_new(struct parser *ps, struct mime_part *parent, size_t off)
{
	struct mime_part *p;

	if (ps->m->npart >= ps->lim->parts && parent != NULL) {
		parent->defects |= MIME_LIMIT_PARTS;
		return NULL;
	}
	p = part_room(ps) ? arena_alloc(ps->a, sizeof(*p)) : NULL;
	if (p == NULL) {
		if (parent == NULL)
			fatal("mime: no memory for one part");
		parent->defects |= MIME_LIMIT_MEMORY;
		return NULL;
	}
	p->parent = parent;
	p->depth = parent ? parent->depth + 1 : 0;
	p->index = ps->m->npart;
	p->type = "text";
	p->subtype = "plain";
	p->charset = p->disposition = "";
	p->header_off = p->header_end = p->body_off = p->body_end = off;
	ps->m->part[ps->m->npart++] = p;
	return p;
}

/* Without a new part the parent goes on, its text up to the next delimiter. */
static void
part_open(struct parser *ps, struct mime_part *parent, struct mime_part *prev,
    size_t off)
{
	struct mime_part *p = part_new(ps, parent, off);

	ps->in_header = p != NULL;
	ps->junk_checked = ps->after_blanks = false;
	ps->keep_until = 0;
	if (p == NULL) {
		ps->cur = parent;
		return;
	}
	ps->cur = p;
	if (prev != NULL)
		prev->next = p;
	else if (parent != NULL)
		parent->child = p;
}

static bool
is_type(const struct mime_part *p, const char *type, const char *subtype)
{
	return strcmp(p->type, type) == 0 &&
	    (subtype == NULL || strcmp(p->subtype, subtype) == 0);
}

static bool
is_message(const struct mime_part *p)
{
	return is_type(p, "message", "rfc822") ||
	    is_type(p, "message", "global") || is_type(p, "message", "news");
}

static bool
is_encoded(const struct mime_part *p)
{
	return p->cte == CTE_BASE64 || p->cte == CTE_QP ||
	    p->cte == CTE_UUENCODE;
}

static void
frame_push(struct parser *ps, struct mime_part *p,
    const struct mime_boundaries *b)
{
	struct frame *f = arena_alloc(ps->a, sizeof(*f));

	if (f == NULL) {
		p->defects |= MIME_LIMIT_MEMORY;
		return;
	}
	f->below = ps->top;
	f->part = p;
	f->b = *b;
	if (ps->reading.boundary > 0 && b->n >= ps->reading.boundary) {
		f->b.b[0] = b->b[ps->reading.boundary - 1];
		f->b.n = 1;
	}
	ps->top = f;
}

/* cur's header ends in front of `stop`; the body begins at off. */
static void
header_done(struct parser *ps, size_t stop, size_t off)
{
	struct mime_part *p = ps->cur;
	struct mime_boundaries b;

	p->header_end = p->body_off = p->body_end = off;
	ps->in_header = false;
	mime_header_fields(p, ps->msg, stop, ps->lim, ps->a);
	mime_header_content(p, ps->msg, p->parent != NULL &&
	        is_type(p->parent, "multipart", "digest"), &b, ps->a);
	if (!b.multipart && !is_message(p))
		return;
	if (is_encoded(p)) {
		p->defects |= MIME_BAD_ENCODING;
		if (!b.multipart)
			return;
	}
	if (p->depth >= ps->depth_max)
		p->defects |= MIME_LIMIT_DEPTH;
	else if (b.n > 0)
		frame_push(ps, p, &b);
	else if (!b.multipart)
		part_open(ps, p, NULL, off);
}

static void
body_check(struct parser *ps, struct mime_part *p)
{
	struct span body = span_sub(ps->msg, p->body_off,
	    p->body_end - p->body_off);

	p->defects |= cte_decode(p->cte, body, NULL);
	if (p->cte == CTE_UUENCODE)
		mime_header_add_name(p, cte_uu_name(body), ps->a);
}

static bool
has_file(const struct mime_part *p)
{
	for (const struct mime_part *c = p->child; c != NULL; c = c->next)
		if (c->filename != NULL || (strcmp(c->type, "text") != 0 &&
		        !is_type(c, "multipart", "alternative")))
			return true;
	return false;
}

/* What clients that take the other type of the part would see in it. */
static void
type_check(struct mime_part *p)
{
	bool delimited = p->child != NULL;

	if ((p->hints & HINT_MIXED_TYPE) != 0 && has_file(p))
		p->defects |= MIME_AMBIG_TYPE;
	if (delimited || (p->hints & HINT_FOREIGN) == 0)
		return;
	if ((p->hints & HINT_MULTIPART) != 0)
		p->defects |= MIME_AMBIG_BOUNDARY;
	else if ((p->hints & HINT_BOUNDARY) != 0)
		p->defects |= MIME_AMBIG_TYPE;
}

/*
 * Ends every part from cur up to, but without, `upto`. A part cannot end
 * before its own body begins: then the parts around it end there, too.
 */
static void
close_parts(struct parser *ps, struct mime_part *upto, size_t end)
{
	struct mime_part *p = ps->cur;

	while (p != upto) {
		if (end < p->body_off)
			end = p->body_off;
		p->body_end = end;
		if (ps->top != NULL && ps->top->part == p) {
			if (!ps->top->ended) {
				p->defects |= MIME_MISSING_END;
				ps->dead[ps->ndead++ % DEAD_FRAMES] = ps->top;
			}
			ps->top = ps->top->below;
		}
		if (p->child == NULL)
			body_check(ps, p);
		type_check(p);
		p = p->parent;
	}
	ps->cur = upto;
}

/* ---- delimiters ---- */

/* A reader that looks at the innermost boundary first would go on in there. */
static void
dead_find(struct parser *ps, struct span line)
{
	size_t n = ps->ndead < DEAD_FRAMES ? ps->ndead : DEAD_FRAMES;

	for (size_t k = 0; k < n; k++) {
		struct frame *f = ps->dead[k];

		if (mime_delimiter_matches(f, line))
			f->part->defects |= MIME_AMBIG_BOUNDARY;
	}
}

/* Where the line end that belongs to a delimiter at off begins. */
static size_t
before_eol(struct span msg, size_t off)
{
	if (off > 0 && msg.p[off - 1] == '\n')
		off--;
	if (off > 0 && msg.p[off - 1] == '\r')
		off--;
	return off;
}

static void
delimiter_line(struct parser *ps, const struct delimiter *d,
    const struct mime_line *l)
{
	struct frame *f = d->frame;

	close_parts(ps, f->part, before_eol(ps->msg, l->off));
	if (d->rank != RANK_EXACT)
		f->part->defects |= MIME_ODD_DELIMITER;
	f->used |= 1u << d->i;
	if ((f->used & (f->used - 1)) != 0)
		f->part->defects |= MIME_AMBIG_BOUNDARY;
	f->ended = d->close;
	if (d->close)
		return;
	part_open(ps, f->part, f->last, l->next);
	if (ps->cur != f->part)
		f->last = ps->cur;
}

/* ---- header lines ---- */

/* A header without an empty line behind it, and its own first delimiter. */
static bool
is_own_delimiter(struct parser *ps, struct span line)
{
	size_t off = ps->cur->header_off;

	if (!span_iprefix(line, "--") || ps->own_tries++ >= OWN_TRIES)
		return false;
	return mime_header_declares(span_of(ps->msg.p + off,
	        (size_t)(line.p - ps->msg.p) - off), span_sub(line, 2, line.n));
}

/*
 * Some clients end the header at a line that is no field, others skip it. Both
 * would hide something from the other kind: skip it as long as a known field
 * still comes before the empty line.
 */
static bool
header_goes_on(struct parser *ps, const struct mime_line *junk)
{
	size_t off = junk->next;
	size_t stop = ps->msg.n;

	if (is_own_delimiter(ps, mime_line_text(ps->msg, junk)))
		return false;
	if (!ps->junk_checked) {
		ps->junk_checked = true;
		if (stop - off > ps->lim->header_bytes)
			stop = off + ps->lim->header_bytes;
		while (off < stop) {
			struct mime_line l = mime_line_at(ps->msg, off, stop);
			struct span text = mime_line_text(ps->msg, &l);
			struct delimiter d;

			if (text.n == 0 || mime_delimiter_find(ps->top,
			        &ps->reading, text, &d) ||
			    is_own_delimiter(ps, text))
				break;
			if (mime_field_is_known(text))
				ps->keep_until = l.off;
			off = l.next;
		}
	}
	return junk->off < ps->keep_until;
}

/* mbox leaves "From " on top of a message; nobody takes it for text. */
static bool
is_mbox_line(const struct parser *ps, const struct mime_line *l,
    struct span text)
{
	return l->off == ps->cur->header_off &&
	    (span_iprefix(text, "From ") || span_iprefix(text, ">From "));
}

/* False: the header ended in front of this line, which is still to be read. */
static bool
header_line(struct parser *ps, const struct mime_line *l)
{
	struct span text = mime_line_text(ps->msg, l);
	bool blanks;
	size_t name;

	if (text.n == 0) {
		header_done(ps, l->off, l->next);
		return true;
	}
	if (text.p[0] == ' ' || text.p[0] == '\t') {
		if (l->off == ps->cur->header_off)
			ps->cur->defects |= MIME_BAD_FIELD;
		ps->after_blanks = span_trim(text).n == 0;
		return true;
	}
	blanks = ps->after_blanks;
	ps->after_blanks = false;
	name = mime_field_name_len(text);
	if (name > 0 || is_mbox_line(ps, l, text)) {
		/* "Name :" is a field for some only. */
		if (name > 0 && text.p[name] != ':')
			ps->cur->defects |= MIME_BAD_FIELD;
		return true;
	}
	ps->cur->defects |= MIME_BAD_FIELD;
	/* Behind a line of blanks it is rather the body that begins. */
	if (!blanks && header_goes_on(ps, l))
		return true;
	header_done(ps, l->off, l->off);
	return false;
}

/* ---- the whole ---- */

static void
note_bytes(struct parser *ps, const struct mime_line *l)
{
	struct span text = mime_line_text(ps->msg, l);

	if (l->next - l->end == 1)
		ps->cur->defects |= MIME_BARE_LF;
	if (text.n > 0 && memchr(text.p, '\r', text.n) != NULL)
		ps->cur->defects |= MIME_BARE_CR;
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		ps->cur->defects |= MIME_NUL;
}

/*
 * Whether a header, that is none to us, at off declares a file. Text behind a
 * wrong boundary is what broken list software makes.
 */
static bool
declares_file(const struct parser *ps, size_t off)
{
	static const char *const words[] = {"base64", "name", "attachment",
	    "application/", "message/"};

	while (off < ps->msg.n) {
		struct mime_line l = mime_line_at(ps->msg, off, ps->msg.n);
		struct span text = mime_line_text(ps->msg, &l);

		if (span_trim(text).n == 0 || text.p[0] == '-')
			return false;
		for (size_t i = 0; i < text.n; i++)
			for (size_t k = 0; k < sizeof(words) /
			    sizeof(words[0]); k++)
				if (span_iprefix(span_sub(text, i, text.n),
				        words[k]))
					return true;
		off = l.next;
	}
	return false;
}

/* A line of a body. Controls in front of a field hide it from some only. */
static void
body_line(struct parser *ps, struct span text, size_t off)
{
	size_t i = 0;
	bool dashes = text.n > 2 && text.p[0] == '-' && text.p[1] == '-';

	if (dashes && ps->ndead > 0)
		dead_find(ps, text);
	while (i < text.n && text.p[i] <= ' ')
		i++;
	if (i < text.n && (text.p[i] | 0x20) == 'c' &&
	    span_iprefix(span_sub(text, i, text.n), "content-") &&
	    mime_field_name_len(span_sub(text, i, text.n)) > 0) {
		ps->cur->defects |= MIME_HIDDEN_FIELD;
		if (ps->after_dashes && declares_file(ps, off))
			ps->cur->hints |= HINT_FOREIGN;
	}
	ps->after_dashes = dashes;
}

static void
parse(struct parser *ps)
{
	struct span msg = ps->msg;
	size_t off = 0;

	part_open(ps, NULL, NULL, 0);
	while (off < msg.n) {
		struct mime_line l = mime_line_at(msg, off, msg.n);
		struct span text = mime_line_text(msg, &l);
		struct delimiter d;

		note_bytes(ps, &l);
		if (mime_delimiter_find(ps->top, &ps->reading, text, &d)) {
			if (ps->in_header) {	/* its own may fit better */
				header_done(ps, l.off, l.off);
				continue;
			}
			delimiter_line(ps, &d, &l);
			ps->after_dashes = false;
		} else if (ps->in_header) {
			if (!header_line(ps, &l))
				continue;
		} else {
			body_line(ps, text, off);
		}
		off = l.next;
	}
	/* Twice at most: a message/rfc822 without a body has an empty child. */
	while (ps->in_header)
		header_done(ps, msg.n, msg.n);
	close_parts(ps, NULL, msg.n);
}

struct mime *
mime_parse(struct span msg, const struct mime_limits *lim, struct arena *a)
{
	static const struct mime_reading first;

	return mime_parse_reading(msg, lim, &first, a);
}

struct mime *
mime_parse_reading(struct span msg, const struct mime_limits *lim,
    const struct mime_reading *reading, struct arena *a)
{
	struct parser ps = {.msg = msg, .lim = lim, .reading = *reading,
	    .a = a};
	size_t max = a->max;
	bool full = a->full;

	/* The message's own cap; what the caller put aside stays his. */
	if (lim->arena_bytes < a->max - a->used)
		a->max = a->used + lim->arena_bytes;
	ps.m = arena_alloc(a, sizeof(*ps.m));
	if (ps.m == NULL)
		fatal("mime: no memory for one message");
	ps.m->msg = msg;
	ps.depth_max = lim->depth < MIME_DEPTH_MAX ? lim->depth
	                                           : MIME_DEPTH_MAX;
	parse(&ps);
	for (size_t i = 0; i < ps.m->npart; i++)
		ps.m->defects |= ps.m->part[i]->defects;
	if (a->max < max) {
		a->max = max;
		a->full = full;
	}
	return ps.m;
}

void
mime_body_decode(const struct mime *m, const struct mime_part *p,
    struct buf *out)
{
	cte_decode(p->cte, span_sub(m->msg, p->body_off,
	        p->body_end - p->body_off), out);
}
