#include "lib/mail/content_walk.h"

#include "lib/mail/cte.h"
#include "lib/mail/mime_header.h"

enum {
	FIRST_ITEMS = 16,
	PARSE_ROOM = 64 * 1024,
	/* A virus engine does not follow messages within messages for ever. */
	SEEN_DEPTH = 8,
};

static const uint32_t limits = MIME_LIMIT_DEPTH | MIME_LIMIT_PARTS |
    MIME_LIMIT_HEADER | MIME_LIMIT_MEMORY;

/* ---- the list ---- */

static bool
item_room(struct walk *w)
{
	size_t cap = w->cap ? w->cap * 2 : FIRST_ITEMS;
	struct content *more;
	uint64_t *hash;

	if (w->list.n < w->cap)
		return true;
	if (w->list.n >= CONTENT_MAX) {
		w->list.defects |= MIME_LIMIT_PARTS;
		return false;
	}
	more = arena_array(w->a, cap, sizeof(*more));
	hash = arena_array(w->a, cap, sizeof(*hash));
	if (more == NULL || hash == NULL) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return false;
	}
	if (w->list.n > 0) {
		memcpy(more, w->list.item, w->list.n * sizeof(*more));
		memcpy(hash, w->hash, w->list.n * sizeof(*hash));
	}
	w->list.item = more;
	w->hash = hash;
	w->cap = cap;
	return true;
}

/* FNV-1a over words: only to tell readings apart quickly. */
static uint64_t
hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ n;
	uint64_t v;

	for (; n >= sizeof(v); p += sizeof(v), n -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = (h ^ v) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h | 1;
}

static bool
same_name(const struct content *x, const struct content *y)
{
	if (x->name == NULL || y->name == NULL)
		return y->name == NULL;
	return strcmp(x->name, y->name) == 0;
}

/* Whether the list has those bytes under that name. */
static bool
is_known(struct walk *w, const struct content *it, uint64_t hash)
{
	const unsigned char *p = w->out->p;

	for (size_t i = w->list.n; i > 0; i--) {
		const struct content *x = &w->list.item[i - 1];
		bool plain = w->hash[i - 1] == 0;

		if (x->n != it->n || (plain && x->part != it->part) ||
		    (!plain && w->hash[i - 1] != hash))
			continue;
		if (memcmp(p + x->off, p + it->off, it->n) == 0 &&
		    same_name(x, it))
			return true;
	}
	return false;
}

/* A reading that stops earlier shares the bytes of the plain one. */
static bool
is_beginning(struct walk *w, struct content *it)
{
	for (size_t i = w->list.n; i > 0; i--) {
		const struct content *x = &w->list.item[i - 1];

		if (x->part != it->part)
			break;
		if (w->hash[i - 1] != 0)
			continue;
		if (x->n < it->n || memcmp(w->out->p + x->off,
		        w->out->p + it->off, it->n) != 0)
			return false;
		it->off = x->off;
		return true;
	}
	return false;
}

bool
walk_add(struct walk *w, struct content it)
{
	uint64_t hash;

	if (it.n == 0)
		return false;
	hash = hash_bytes(w->out->p + it.off, it.n);
	if (is_known(w, &it, hash) || !item_room(w))
		return false;
	w->hash[w->list.n] = hash;
	w->list.item[w->list.n++] = it;
	return true;
}

struct content
walk_item(const struct walk *w, const struct mime_part *p,
    enum content_how how)
{
	struct content it = {.part = p->index, .how = how};

	if (!w->inside)
		return it;
	it.part = w->part;
	it.as = p;
	it.name = p->filename;
	return it;
}

/* ---- readings besides the plain one ---- */

bool
reading_begin(struct walk *w, struct reading *r, size_t n)
{
	if (w->out->overflow || w->work < n || w->list.n >= CONTENT_MAX) {
		w->list.defects |= w->list.n >= CONTENT_MAX ?
		    MIME_LIMIT_PARTS : MIME_LIMIT_MEMORY;
		return false;
	}
	w->work -= n;
	r->off = w->out->n;
	r->max = w->out->max;
	if (w->out->max - r->off > w->work)
		w->out->max = r->off + w->work;
	return true;
}

bool
reading_end(struct walk *w, const struct reading *r, struct content it)
{
	struct buf *out = w->out;

	it.off = r->off;
	it.n = out->n - r->off;
	w->work -= it.n;
	out->max = r->max;
	if (out->overflow)
		w->list.defects |= MIME_LIMIT_MEMORY;
	out->overflow = false;
	if (it.n > 0 && is_beginning(w, &it))
		out->n = r->off;
	if (!walk_add(w, it)) {
		out->n = r->off;
		return false;
	}
	content_inline(w, it);
	return true;
}

void
walk_message_later(struct walk *w, struct span in, bool copy)
{
	struct job *j;

	if (in.n == 0)
		return;
	if (w->level >= CONTENT_LEVELS) {
		w->list.defects |= MIME_LIMIT_DEPTH;
		return;
	}
	j = w->work >= in.n ? arena_alloc(w->a, sizeof(*j)) : NULL;
	if (j == NULL) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	w->work -= in.n;
	j->part = w->part;
	j->level = w->level + 1;
	j->in = in;
	if (copy) {
		buf_init(&j->bytes, in.n);
		buf_puts_span(&j->bytes, in);
		j->in = buf_span(&j->bytes);
	}
	*w->last = j;
	w->last = &j->next;
}

/* ---- the walk ---- */

static bool
is_encoded(const struct mime_part *p)
{
	return p->cte == CTE_BASE64 || p->cte == CTE_QP ||
	    p->cte == CTE_UUENCODE;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	struct span s = span_str(name);
	size_t n = strlen(suffix);

	return s.n > n && span_ieqs(span_sub(s, s.n - n, n), suffix);
}

static bool
is_mail_name(const char *name)
{
	return name != NULL && (has_suffix(name, ".eml") ||
	    has_suffix(name, ".mht") || has_suffix(name, ".mhtml"));
}

/* Clients open these as a message of its own. */
static bool
is_message_file(const struct mime_part *p)
{
	bool named = is_mail_name(p->filename);

	if (strcmp(p->type, "message") == 0)
		return strcmp(p->subtype, "rfc822") == 0 ||
		    strcmp(p->subtype, "global") == 0 ||
		    strcmp(p->subtype, "news") == 0 ||
		    strcmp(p->subtype, "partial") == 0;
	for (size_t i = 0; i < p->nalt_name; i++)
		named |= is_mail_name(p->alt_name[i]);
	return named;
}

/* A part, or one around it, is written so that readers differ about it. */
static bool
is_unseen(const struct mime_part *p)
{
	static const uint32_t odd = MIME_DUP_TYPE | MIME_DUP_ENCODING |
	    MIME_BAD_ENCODING | MIME_BAD_BASE64 | MIME_ODD_BASE64 |
	    MIME_BAD_FIELD | MIME_BARE_CR | MIME_NUL | MIME_BAD_TYPE |
	    MIME_NO_BOUNDARY | MIME_ODD_DELIMITER | MIME_LIMIT_DEPTH |
	    MIME_AMBIGUOUS;

	if (p->depth > SEEN_DEPTH)
		return true;
	if (p->cte != CTE_7BIT && p->cte != CTE_8BIT && p->cte != CTE_BINARY &&
	    p->cte != CTE_BASE64 && p->cte != CTE_QP)
		return true;
	if ((p->defects & MIME_BAD_QP) != 0 && strcmp(p->type, "text") != 0)
		return true;
	for (; p != NULL; p = p->parent)
		if ((p->defects & odd) != 0 ||
		    (p->child != NULL && (p->defects & MIME_BAD_PARAM) != 0))
			return true;
	return false;
}

static void
leaf(struct walk *w, const struct mime_part *p)
{
	struct content it = walk_item(w, p, CONTENT_PLAIN);
	struct reading r;
	size_t off = w->out->n;

	if (w->inside) {
		it.how = CONTENT_OTHER;
		it.unseen = true;
		if (!reading_begin(w, &r, p->body_end - p->body_off))
			return;
		cte_decode(p->cte, walk_body(w, p), w->out);
		if (!reading_end(w, &r, it))
			return;
		it = w->list.item[w->list.n - 1];
	} else {
		if (!item_room(w))
			return;
		cte_decode(p->cte, walk_body(w, p), w->out);
		it.off = off;
		it.n = w->out->n - off;
		it.unseen = is_unseen(p);
		w->hash[w->list.n] = 0;
		w->list.item[w->list.n++] = it;
		if (w->out->overflow)
			w->list.defects |= MIME_LIMIT_MEMORY;
		content_inline(w, it);
	}
	if (is_message_file(p))
		walk_message_later(w, span_sub(buf_span(w->out), it.off, it.n),
		    true);
	if (is_message_file(p) && is_encoded(p))
		walk_message_later(w, walk_body(w, p), false);
	content_odd(w, p);
}

/* A multipart or message under an encoding: what decodes it sees a message;
 * and where clients differ about the type, some see a file. */
static void
encoded_parent(struct walk *w, const struct mime_part *p)
{
	struct content it = walk_item(w, p, CONTENT_OTHER);
	struct span body = walk_body(w, p);
	struct reading r;

	it.unseen = true;
	if (!is_encoded(p) || !reading_begin(w, &r, body.n))
		return;
	cte_decode(p->cte, body, w->out);
	if (!reading_end(w, &r, it))
		return;
	it = w->list.item[w->list.n - 1];
	walk_message_later(w, span_sub(buf_span(w->out), it.off, it.n), true);
}

static void
walk_parts(struct walk *w, const struct mime *m)
{
	w->m = m;
	w->list.defects |= m->defects & limits;
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		if (!w->inside)
			w->part = i;
		if (p->child == NULL)
			leaf(w, p);
		else
			encoded_parent(w, p);
		content_hidden(w, p);
	}
}

/* ---- other readings of the structure ---- */

/* mime_parse() must have memory for one part, whatever comes. */
static bool
parse_room(const struct walk *w)
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

	if (w->work < top->msg.n || !parse_room(w)) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	w->work -= top->msg.n;
	m = mime_parse_reading(top->msg, &mime_limits_default, reading, w->a);
	w->m = m;
	w->inside = true;
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		w->part = locate(top, p->body_off);
		if (p->child == NULL && !is_same_leaf(top, p))
			leaf(w, p);
	}
	w->inside = false;
}

static void
structures(struct walk *w, const struct mime *m)
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

/* For some clients a bare CR ends a line. */
static void
bare_cr(struct walk *w, const struct mime *m)
{
	struct span msg = m->msg;
	struct buf lines;
	bool hides = false;

	if ((m->defects & MIME_BARE_CR) == 0)
		return;
	for (size_t i = span_chr(msg, 0, '\r'); i < msg.n && !hides;
	     i = span_chr(msg, i + 1, '\r'))
		hides = cr_hides(msg, i);
	if (!hides)
		return;
	buf_init(&lines, msg.n);
	for (size_t i = 0; i < msg.n; i++)
		if (msg.p[i] != '\r')
			buf_putc(&lines, msg.p[i]);
		else if (i + 1 == msg.n || msg.p[i + 1] != '\n')
			buf_putc(&lines, '\n');
	w->part = 0;
	walk_message_later(w, buf_span(&lines), true);
	buf_free(&lines);
}

/* ---- messages within ---- */

static void
run_job(struct walk *w, struct job *j)
{
	struct mime *m;

	if (!parse_room(w)) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	m = mime_parse(j->in, &mime_limits_default, w->a);
	w->inside = true;
	w->part = j->part;
	w->level = j->level;
	walk_parts(w, m);
	/* What the fields point to may be a copy that goes. */
	for (size_t i = 0; i < m->npart; i++)
		m->part[i]->nfield = 0;
}

/* A job adds others, which may read from its copy: free all of them last. */
static void
run_jobs(struct walk *w)
{
	for (struct job *j = w->first; j != NULL; j = j->next)
		run_job(w, j);
	for (struct job *j = w->first; j != NULL; j = j->next)
		buf_free(&j->bytes);
}

/* ---- document order ---- */

static bool
is_ordered(const struct content_list *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->item[i].part < l->item[i - 1].part)
			return false;
	return true;
}

/* Stable: counting sort by part. */
static void
put_in_order(struct walk *w, const struct mime *m)
{
	struct content_list *l = &w->list;
	struct content *sorted;
	size_t *start;

	if (is_ordered(l))
		return;
	sorted = arena_array(w->a, l->n, sizeof(*sorted));
	start = arena_array(w->a, m->npart + 1, sizeof(*start));
	if (sorted == NULL || start == NULL) {
		l->defects |= MIME_LIMIT_MEMORY;
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		start[l->item[i].part + 1]++;
	for (size_t i = 1; i <= m->npart; i++)
		start[i] += start[i - 1];
	for (size_t i = 0; i < l->n; i++)
		sorted[start[l->item[i].part]++] = l->item[i];
	l->item = sorted;
}

struct content_list
content_of(const struct mime *m, struct buf *out, struct arena *a)
{
	struct walk w = {.out = out, .a = a};
	size_t max = a->max;
	bool full = a->full;

	/* As with mime_parse(): its own cap, the caller's arena stays sound. */
	if (CONTENT_ARENA < a->max - a->used)
		a->max = a->used + CONTENT_ARENA;
	w.last = &w.first;
	w.work = m->msg.n > (SIZE_MAX - CONTENT_WORK_BASE) / CONTENT_WORK
	    ? SIZE_MAX
	    : m->msg.n * CONTENT_WORK + CONTENT_WORK_BASE;
	buf_init(&w.tmp, out->max);
	walk_parts(&w, m);
	structures(&w, m);
	bare_cr(&w, m);
	run_jobs(&w);
	put_in_order(&w, m);
	buf_free(&w.tmp);
	if (a->max < max) {
		a->max = max;
		a->full = full;
	}
	return w.list;
}
