/*
 * Text added to bodies. Nothing is changed but what is said in edit.h: the
 * text goes into the decoded body, which is encoded again as it was. Only a
 * 7bit or 8bit body that cannot hold the text (8-bit characters, a line too
 * long, a line like a delimiter) becomes quoted-printable.
 */
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/mail/charset.h"
#include "lib/mail/cte.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_html.h"
#include "lib/mail/edit_list.h"
#include "lib/mail/utf8.h"

enum {
	LINE_LIMIT = 998,	/* RFC 5322 2.1.1 */
	WRAP = 900,
};

struct disclaimer {
	struct span html;
	struct span html_ascii;	/* the same with entities */
	struct span text;
	bool at_start;
	bool separator;
};

/* --- which parts ------------------------------------------------------- */

static bool
is_type(const struct mime_part *p, const char *type, const char *subtype)
{
	return strcmp(p->type, type) == 0 &&
	    (subtype == NULL || strcmp(p->subtype, subtype) == 0);
}

/* Changing it would break a signature, or is not possible. */
static bool
is_sealed(const struct mime_part *p)
{
	return is_type(p, "multipart", "signed") ||
	    is_type(p, "multipart", "encrypted") ||
	    is_type(p, "application", "pkcs7-mime") ||
	    is_type(p, "application", "x-pkcs7-mime");
}

static bool
is_body_text(const struct mime_part *p)
{
	return p->child == NULL && (is_type(p, "text", "plain") ||
	    is_type(p, "text", "html")) && p->filename == NULL &&
	    strcmp(p->disposition, "attachment") != 0;
}

/*
 * Marks the parts that a reader sees as the text of the message: below
 * multipart/alternative one for each child, elsewhere the first only. An
 * embedded message is somebody else's text.
 */
static void
find_bodies(const struct edit *e, bool *wanted)
{
	const struct mime *m = e->m;
	AUTO_FREE bool *open = xcalloc(m->npart, sizeof(*open));
	AUTO_FREE bool *found = xcalloc(m->npart, sizeof(*found));

	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i], *up = p->parent;

		if (up == NULL)
			open[i] = true;
		else
			open[i] = open[up->index] &&
			    is_type(up, "multipart", NULL) &&
			    (is_type(up, "multipart", "alternative") ||
			    !found[up->index]);
		if (!open[i])
			continue;
		if (is_sealed(p))
			open[i] = false;
		else if (!is_body_text(p) || edit_is_replaced(e, p))
			continue;
		else
			wanted[i] = true;
		for (; up != NULL; up = up->parent)
			found[up->index] = true;
	}
}

/* --- the text ---------------------------------------------------------- */

/*
 * Appends UTF-8 lines with CRLF behind each; lines over WRAP are broken at
 * their last blank in reach.
 */
static void
put_lines(struct buf *out, struct span s)
{
	size_t pos = 0;

	while (pos < s.n) {
		size_t end = span_chr(s, pos, '\n');
		size_t stop = end, next = end + 1;

		if (end - pos > WRAP) {
			for (stop = pos + WRAP; stop > pos; stop--)
				if (s.p[stop] == ' ')
					break;
			next = stop + 1;
			if (stop == pos) {
				stop = end;
				next = end + 1;
			}
		}
		if (stop > pos && s.p[stop - 1] == '\r')
			buf_puts_span(out, span_sub(s, pos, stop - pos - 1));
		else
			buf_puts_span(out, span_sub(s, pos, stop - pos));
		buf_puts(out, "\r\n");
		pos = next;
	}
}

/* The addition in UTF-8, from line start to line end. */
static void
put_addition(struct buf *out, const struct disclaimer *d, struct span text,
    struct span separator)
{
	if (d->separator && !d->at_start)
		buf_puts_span(out, separator);
	put_lines(out, text);
	if (d->separator && d->at_start)
		buf_puts_span(out, separator);
}

static bool
convert(struct buf *out, const struct mime_part *p, struct span utf8)
{
	return charset_from_utf8(out, span_str(p->charset), utf8) == 0 &&
	    !out->overflow;
}

/* In p's charset; HTML has entities for what the charset lacks. */
static bool
addition_for(struct buf *out, const struct disclaimer *d,
    const struct mime_part *p, bool html)
{
	AUTO_BUF struct buf utf8 = {.max = SIZE_MAX / 4};

	if (!html) {
		put_addition(&utf8, d, d->text, SPAN_LIT("--\r\n"));
		return convert(out, p, buf_span(&utf8));
	}
	buf_puts(&utf8, "\r\n");
	put_addition(&utf8, d, d->html, SPAN_LIT("<br>--<br>\r\n"));
	if ((p->cte != CTE_7BIT || utf8_is_ascii(buf_span(&utf8))) &&
	    convert(out, p, buf_span(&utf8)))
		return true;
	buf_reset(&utf8);
	buf_puts(&utf8, "\r\n");
	put_addition(&utf8, d, d->html_ascii, SPAN_LIT("<br>--<br>\r\n"));
	return convert(out, p, buf_span(&utf8));
}

/* --- into the body ----------------------------------------------------- */

static bool
ends_line(struct span s)
{
	return s.n == 0 || s.p[s.n - 1] == '\n';
}

/* A line that some enclosing multipart would take for its delimiter. */
static bool
like_delimiter(const struct mime_part *p, struct span line)
{
	if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-')
		return false;
	for (p = p->parent; p != NULL; p = p->parent) {
		struct span b = span_str(p->boundary);

		if (p->boundary != NULL &&
		    span_eq(span_sub(line, 2, b.n), b))
			return true;
	}
	return false;
}

/* Whether the text may stand in a body that is not encoded. */
static bool
fits_unencoded(const struct mime_part *p, struct span text)
{
	if (p->cte == CTE_7BIT && !utf8_is_ascii(text))
		return false;
	for (size_t pos = 0; pos < text.n;) {
		size_t end = span_chr(text, pos, '\n');
		struct span line = span_sub(text, pos, end - pos);

		if (line.n > LINE_LIMIT || like_delimiter(p, line))
			return false;
		pos = end + 1;
	}
	return true;
}

static struct edit_body *
body_of(struct edit *e, const struct mime_part *p)
{
	struct edit_body *b;
	struct edit_splice *s;

	for (s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->body != NULL && s->body->p == p)
			return s->body;
	b = arena_alloc(e->a, sizeof(*b));
	s = edit_splice(e, p, p->body_off, p->body_end, EDIT_BODY,
	    span_of(NULL, 0));
	if (b == NULL || s == NULL) {
		e->failed = true;
		return NULL;
	}
	b->p = p;
	b->cte = p->cte;
	s->body = b;
	edit_end_header(e, p);
	return b;
}

/* Keeps the insertions sorted; those of one offset in the order of calls. */
static void
insert(struct edit *e, struct edit_body *b, size_t off, struct span text)
{
	struct edit_insert *n = arena_alloc(e->a, sizeof(*n));
	struct edit_insert **at = &b->first;

	if (n == NULL) {
		e->failed = true;
		return;
	}
	n->off = off;
	n->text = edit_keep(e, text);
	while (*at != NULL && (*at)->off <= off)
		at = &(*at)->next;
	n->next = *at;
	*at = n;
}

static void
make_qp(struct edit *e, struct edit_body *b)
{
	const struct mime_part *p = b->p;

	if (b->cte == CTE_QP || b->cte == CTE_BASE64)
		return;
	b->cte = CTE_QP;
	edit_field_set(e, p, "Content-Transfer-Encoding", "quoted-printable",
	    NULL);
	if (p->parent == NULL && mime_field_find(p, "MIME-Version") == NULL)
		edit_field_set(e, p, "MIME-Version", "1.0", NULL);
}

static bool
add_to_part(struct edit *e, const struct mime_part *p,
    const struct disclaimer *d)
{
	bool html = strcmp(p->subtype, "html") == 0;
	size_t len = p->body_end - p->body_off;
	AUTO_BUF struct buf text = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf body = {.max = len + 1};
	struct edit_body *b;
	struct span add;
	size_t off;

	if (p->cte == CTE_UUENCODE || p->cte == CTE_UNKNOWN ||
	    !addition_for(&text, d, p, html))
		return false;
	mime_body_decode(e->m, p, &body);
	b = body.overflow ? NULL : body_of(e, p);
	if (b == NULL)
		return false;
	if (!fits_unencoded(p, buf_span(&text)))
		make_qp(e, b);
	if (html)
		off = d->at_start ? html_body_start(buf_span(&body))
		    : html_body_end(buf_span(&body));
	else
		off = d->at_start ? 0 : body.n;
	add = buf_span(&text);
	if (!html && !d->at_start && !ends_line(buf_span(&body))) {
		/* The last line end belongs to the delimiter: swap. */
		insert(e, b, off, SPAN_LIT("\r\n"));
		add.n -= 2;
	}
	insert(e, b, off, add);
	return true;
}

int
edit_disclaimer(struct edit *e, const char *html, bool at_start,
    bool separator)
{
	AUTO_FREE bool *wanted = xcalloc(e->m->npart, sizeof(*wanted));
	AUTO_BUF struct buf clean = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf text = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf ascii = {.max = SIZE_MAX / 4};
	struct disclaimer d = {.at_start = at_start, .separator = separator};
	int n = 0;

	charset_to_utf8(&clean, SPAN_LIT("utf-8"), span_str(html));
	html_to_text(&text, buf_span(&clean));
	html_to_ascii(&ascii, buf_span(&clean));
	d.html = buf_span(&clean);
	d.text = buf_span(&text);
	d.html_ascii = buf_span(&ascii);
	find_bodies(e, wanted);
	for (size_t i = 0; i < e->m->npart; i++)
		if (wanted[i] && add_to_part(e, e->m->part[i], &d))
			n++;
	return n;
}

/* --- writing ----------------------------------------------------------- */

/* The decoded body with what was inserted. */
static void
put_changed(struct buf *out, const struct edit_body *b, struct span body)
{
	size_t pos = 0;

	for (const struct edit_insert *i = b->first; i != NULL; i = i->next) {
		buf_puts_span(out, span_sub(body, pos, i->off - pos));
		buf_puts_span(out, i->text);
		pos = i->off;
	}
	buf_puts_span(out, span_sub(body, pos, body.n));
}

void
edit_body_write(const struct edit *e, const struct edit_body *b,
    struct buf *out)
{
	const struct mime_part *p = b->p;
	struct span raw = span_sub(e->m->msg, p->body_off,
	    p->body_end - p->body_off);
	AUTO_BUF struct buf body = {.max = raw.n + 1};
	AUTO_BUF struct buf changed = {.max = SIZE_MAX / 4};
	size_t before = out->n;

	mime_body_decode(e->m, p, &body);
	put_changed(&changed, b, buf_span(&body));
	if (b->cte == CTE_BASE64)
		encode_base64(out, buf_span(&changed), ENCODE_LINE);
	else if (b->cte == CTE_QP)
		encode_qp(out, buf_span(&changed));
	else
		buf_puts_span(out, buf_span(&changed));
	/* The body's last line end is the delimiter's, unless it had its own. */
	if (edit_body_needs_eol(e, p) || (b->cte == CTE_BASE64 && raw.n > 0 &&
	    ends_line(raw)))
		if (out->n == before || out->p[out->n - 1] != '\n')
			buf_puts(out, "\r\n");
}
