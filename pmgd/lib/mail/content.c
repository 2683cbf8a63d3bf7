#include "lib/mail/content_walk.h"

#include "lib/mail/cte.h"

enum {
	/* A virus engine does not follow messages within messages for ever. */
	SEEN_DEPTH = 8,
};

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

/* Decoded bytes that are a message, or the body of a multipart. */
static void
decoded_message(struct walk *w, const struct mime_part *p, struct content it)
{
	struct span in = span_sub(buf_span(w->out), it.off, it.n);
	struct buf whole;

	if (strcmp(p->type, "multipart") != 0) {
		if (is_message_file(p))
			walk_message_later(w, in, true);
		return;
	}
	if (!is_encoded(p) || p->boundary == NULL)
		return;
	buf_init(&whole, in.n + strlen(p->boundary) + 64);
	buf_printf(&whole, "Content-Type: multipart/mixed; boundary=\"%s\""
	    "\n\n", p->boundary);
	buf_puts_span(&whole, in);
	walk_message_later(w, buf_span(&whole), true);
	buf_free(&whole);
}

void
content_leaf(struct walk *w, const struct mime_part *p)
{
	struct content it = walk_item(w, p, CONTENT_PLAIN);
	struct reading r;
	size_t off = w->out->n;
	bool listed = true;

	if (w->inside) {
		it.how = CONTENT_OTHER;
		it.unseen = true;
		if (!reading_begin(w, &r, p->body_end - p->body_off))
			return;
		cte_decode(p->cte, walk_body(w, p), w->out);
		listed = reading_end(w, &r, &it);
	} else {
		if (!walk_room(w))
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
	if (listed)
		decoded_message(w, p, it);
	if (listed && is_message_file(p) && is_encoded(p))
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
	if (reading_end(w, &r, &it))
		decoded_message(w, p, it);
}

static void
walk_parts(struct walk *w, const struct mime *m)
{
	w->m = m;
	w->list.defects |= m->defects & CONTENT_LIMITS;
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		if (!w->inside)
			w->part = i;
		if (p->child == NULL)
			content_leaf(w, p);
		else
			encoded_parent(w, p);
		/* A message that is a leaf is read as a whole. */
		if (p->child != NULL || !is_message_file(p))
			content_hidden(w, p);
	}
}

/* ---- messages within ---- */

static void
run_job(struct walk *w, struct job *j)
{
	struct mime *m;

	if (!walk_parse_room(w)) {
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
	content_structures(&w, m);
	content_bytes(&w, m);
	run_jobs(&w);
	put_in_order(&w, m);
	buf_free(&w.tmp);
	/* Perhaps of a name only, which is then not what clients show. */
	if (a->full)
		w.list.defects |= MIME_LIMIT_MEMORY;
	if (a->max < max) {
		a->max = max;
		a->full = full;
	}
	return w.list;
}
