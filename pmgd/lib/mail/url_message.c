#include "lib/mail/url_list.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/mail/charset.h"

static bool
ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && span_ieqs(span_str(name + n - k), suffix);
}

static bool
is_html_name(const char *name)
{
	return name != NULL && (ends_in(name, ".htm") ||
	    ends_in(name, ".html") || ends_in(name, ".shtml") ||
	    ends_in(name, ".xhtml") || ends_in(name, ".xht") ||
	    ends_in(name, ".svg"));
}

static bool
is_html(const struct mime_part *p)
{
	if ((strcmp(p->type, "text") == 0 && strcmp(p->subtype, "html") == 0) ||
	    strcmp(p->subtype, "xhtml+xml") == 0 ||
	    strcmp(p->subtype, "svg+xml") == 0 || is_html_name(p->filename))
		return true;
	for (size_t i = 0; i < p->nalt_name; i++)
		if (is_html_name(p->alt_name[i]))
			return true;
	return false;
}

/* format=flowed; delsp=yes: a line that ends in a blank goes on, without it
 * (RFC 3676, 4.1). Without DelSp the blank stays, and ends a link anyway. */
static bool
is_delsp(const struct mime_part *p)
{
	const struct mime_field *f = mime_field_find(p, "Content-Type");

	for (size_t i = 0; f != NULL && i < f->value.n; i++)
		if (span_iprefix(span_sub(f->value, i, SIZE_MAX),
		    "delsp=yes") || span_iprefix(span_sub(f->value, i,
		    SIZE_MAX), "delsp=\"yes\""))
			return true;
	return false;
}

static void
join_flowed(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == ' ' && i + 1 < b->n &&
		    (b->p[i + 1] == '\n' || (b->p[i + 1] == '\r' &&
		    i + 2 < b->n && b->p[i + 2] == '\n'))) {
			i += b->p[i + 1] == '\r' ? 2 : 1;
			continue;
		}
		b->p[n++] = b->p[i];
	}
	b->n = n;
}

/* raw: decoded, in the charset of p, whose fields are only looked at if it is a
 * part of the message itself. */
static void
read_text(struct url_list *l, const struct mime_part *p, struct span raw,
    bool html, size_t *left)
{
	struct buf text;
	char *copy;

	buf_init(&text, *left);
	charset_to_utf8(&text, span_str(p->charset), raw);
	if (!html && is_delsp(p))
		join_flowed(&text);
	l->full |= text.overflow;
	*left -= text.n;
	copy = arena_strndup(l->a, buf_span(&text));
	if (copy == NULL)
		l->full = true;
	else if (html)
		url_list_add_html(l, span_of(copy, text.n));
	else
		url_list_add_text(l, span_of(copy, text.n), URL_IN_TEXT);
	buf_free(&text);
}

static void
read_part(struct url_list *l, const struct mime *m, const struct mime_part *p,
    size_t *left)
{
	bool html = is_html(p);
	struct buf raw;

	if (p->child != NULL || (!html && strcmp(p->type, "text") != 0))
		return;
	buf_init(&raw, *left);
	mime_body_decode(m, p, &raw);
	l->full |= raw.overflow;
	read_text(l, p, buf_span(&raw), html, left);
	buf_free(&raw);
}

/* Another reading of a text: what is in it as a file counts by its name. */
static void
read_content(struct url_list *l, const struct mime *m,
    const struct content *c, struct span bytes, size_t *left)
{
	const struct mime_part *p = c->as != NULL ? c->as : m->part[c->part];
	bool reading = c->how == CONTENT_PLAIN || c->how == CONTENT_OTHER;
	bool html = reading ? is_html(p) : is_html_name(c->name);

	if (html || (reading && strcmp(p->type, "text") == 0))
		read_text(l, p, span_sub(bytes, c->off, c->n), html, left);
}

struct url_list
message_urls(const struct mime *m, const struct content_list *list,
    struct span bytes, size_t text_max, struct arena *a)
{
	struct url_list l;

	url_list_init(&l, a, URL_LIST_MAX);
	for (size_t i = 0; list == NULL && i < m->npart; i++)
		read_part(&l, m, m->part[i], &text_max);
	for (size_t i = 0; list != NULL && i < list->n; i++)
		read_content(&l, m, &list->item[i], bytes, &text_max);
	/* Some texts are missing there. */
	if (list != NULL && list->defects != 0)
		l.full = true;
	return l;
}
