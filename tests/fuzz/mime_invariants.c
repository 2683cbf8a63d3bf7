#include "mime_invariants.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/mail/content.h"
#include "lib/mail/utf8.h"

#define MUST(cond)			\
	do {				\
		if (!(cond))		\
			return #cond;	\
	} while (0)

static const char *
check_text(const char *s)
{
	MUST(s != NULL);
	MUST(utf8_valid(span_str(s)));
	for (; *s != '\0'; s++)
		MUST((unsigned char)*s >= 0x20 && *s != 0x7f);
	return NULL;
}

static const char *
check_fields(const struct mime *m, const struct mime_part *p, struct arena *a)
{
	size_t off = p->header_off;
	const char *bad;

	for (size_t i = 0; i < p->nfield; i++) {
		const struct mime_field *f = &p->field[i];

		MUST(f->off >= off);
		MUST(f->end > f->off);
		MUST(f->end <= p->header_end);
		MUST(f->name.n > 0);
		MUST(f->name.p == m->msg.p + f->off);
		MUST(f->value.p > f->name.p);
		MUST(f->value.p + f->value.n <= m->msg.p + f->end);
		off = f->end;
		if ((bad = check_text(mime_field_text(f, a))) != NULL)
			return bad;
	}
	return NULL;
}

static const char *
check_place(const struct mime *m, const struct mime_part *p)
{
	const struct mime_part *up = p->parent;

	MUST(p->header_off <= p->header_end);
	MUST(p->header_end == p->body_off);
	MUST(p->body_off <= p->body_end);
	MUST(p->body_end <= m->msg.n);
	MUST((up == NULL) == (p->index == 0));
	if (up == NULL)
		return NULL;
	MUST(up->index < p->index);
	MUST(up->depth + 1 == p->depth);
	MUST(up->child != NULL);
	MUST(p->header_off >= up->body_off);
	MUST(p->body_end <= up->body_end);
	return NULL;
}

static const char *
check_siblings(const struct mime_part *p)
{
	for (const struct mime_part *c = p->child; c != NULL; c = c->next) {
		MUST(c->parent == p);
		MUST(c->next == NULL || c->next->index > c->index);
		MUST(c->next == NULL || c->next->header_off >= c->body_end);
	}
	return NULL;
}

static const char *
check_strings(const struct mime_part *p)
{
	const char *bad;

	MUST(p->type != NULL && p->subtype != NULL && p->charset != NULL);
	MUST(p->disposition != NULL);
	if (p->filename != NULL && (bad = check_text(p->filename)) != NULL)
		return bad;
	for (size_t i = 0; i < p->nalt_name; i++)
		if ((bad = check_text(p->alt_name[i])) != NULL)
			return bad;
	return NULL;
}

static const char *
check_body(const struct mime *m, const struct mime_part *p)
{
	struct buf out, head;
	size_t raw = p->body_end - p->body_off;
	const char *bad = NULL;

	buf_init(&out, raw + 1);
	buf_init(&head, 64);
	mime_body_decode(m, p, &out);
	mime_body_decode(m, p, &head);
	if (out.overflow || out.n > raw)
		bad = "decoded body larger than the raw one";
	else if (head.n != (out.n < 64 ? out.n : 64) ||
	    memcmp(head.p ? head.p : (void *)"", out.p ? out.p : (void *)"",
	        head.n) != 0)
		bad = "a short buffer does not get the beginning";
	buf_free(&out);
	buf_free(&head);
	return bad;
}

static const char *
check_same(const struct mime *m, const struct mime *n)
{
	MUST(m->npart == n->npart);
	MUST(m->defects == n->defects);
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i], *q = n->part[i];

		MUST(p->body_off == q->body_off && p->body_end == q->body_end);
		MUST(p->header_off == q->header_off);
		MUST(strcmp(p->type, q->type) == 0);
		MUST(p->nfield == q->nfield && p->nalt_name == q->nalt_name);
		MUST(p->defects == q->defects && p->cte == q->cte);
	}
	return NULL;
}

static const char *
check_all(const struct mime *m, const struct mime_limits *lim,
    struct arena *a)
{
	uint32_t defects = 0;
	const char *bad;

	MUST(m->npart >= 1);
	MUST(m->npart <= (lim->parts ? lim->parts : 1));
	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		MUST(p->index == i);
		MUST(p->depth <= lim->depth);
		MUST(p->nfield <= lim->header_fields);
		defects |= p->defects;
		if ((bad = check_place(m, p)) != NULL ||
		    (bad = check_siblings(p)) != NULL ||
		    (bad = check_strings(p)) != NULL ||
		    (bad = check_fields(m, p, a)) != NULL)
			return bad;
		if (p->child == NULL && (bad = check_body(m, p)) != NULL)
			return bad;
	}
	MUST(defects == m->defects);
	return NULL;
}

const char *
mime_invariants(struct span msg, const struct mime_limits *lim)
{
	struct arena a, b;
	struct mime *m, *n;
	const char *bad;

	arena_init(&a, 256 * 1024 * 1024);
	arena_init(&b, 256 * 1024 * 1024);
	m = mime_parse(msg, lim, &a);
	n = mime_parse(msg, lim, &b);
	bad = check_all(m, lim, &a);
	if (bad == NULL)
		bad = check_same(m, n);
	if (bad == NULL && arena_full(&a))
		bad = "the parse left the caller's arena full";
	arena_free(&a);
	arena_free(&b);
	return bad;
}

static const char *
check_content(const struct mime *m, const struct content_list *l,
    const struct buf *out)
{
	size_t part = 0;
	const char *bad;

	MUST(l->n <= CONTENT_MAX);
	for (size_t i = 0; i < l->n; i++) {
		const struct content *c = &l->item[i];

		MUST(c->part < m->npart);
		MUST(c->part >= part);
		part = c->part;
		MUST(c->n <= out->n && c->off <= out->n - c->n);
		MUST(c->how == CONTENT_PLAIN || c->unseen);
		MUST(c->how != CONTENT_PLAIN || c->as == NULL);
		if (c->name != NULL && (bad = check_text(c->name)) != NULL)
			return bad;
		if (c->as != NULL && (bad = check_strings(c->as)) != NULL)
			return bad;
	}
	return NULL;
}

const char *
content_invariants(struct span msg, const struct mime_limits *lim, size_t max)
{
	struct content_list l;
	struct buf out;
	struct arena a;
	struct mime *m;
	const char *bad;

	arena_init(&a, 64 * 1024 * 1024);
	buf_init(&out, max);
	m = mime_parse(msg, lim, &a);
	l = content_of(m, &out, &a);
	bad = check_content(m, &l, &out);
	if (bad == NULL && arena_full(&a))
		bad = "the content left the caller's arena full";
	if (bad == NULL && out.n > max)
		bad = "more bytes than allowed";
	buf_free(&out);
	arena_free(&a);
	return bad;
}
