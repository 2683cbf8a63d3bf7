/*
 * A body that text is added to. Nothing is laid down before the message is
 * written: only what of its header has to change is found out with each
 * addition, by trying it. The charset stays unless it cannot hold the text,
 * the transfer encoding unless its lines cannot.
 */
#include "lib/base/cleanup.h"
#include "lib/mail/charset.h"
#include "lib/mail/charset_label.h"
#include "lib/mail/cte.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_html.h"
#include "lib/mail/edit_list.h"
#include "lib/mail/utf8.h"

enum {
	LINE_LIMIT = 998,	/* RFC 5322 2.1.1 */
	ESC = 0x1b,
};

static const struct span to_ascii = {(const unsigned char *)"\x1b(B", 3};
static const struct span byte_order_mark =
    {(const unsigned char *)"\xef\xbb\xbf", 3};

static bool
is_html(const struct mime_part *p)
{
	return strcmp(p->subtype, "html") == 0;
}

/* --- charset ----------------------------------------------------------- */

static enum charset_kind
kind_of(const struct edit_body *b)
{
	return b->to_utf8 ? CHARSET_UTF8
	    : charset_find(span_str(b->p->charset))->kind;
}

/* May text be put in front of and behind other text of this charset? */
static bool
is_joinable(enum charset_kind k)
{
	switch (k) {
	case CHARSET_GUESS: case CHARSET_UTF8: case CHARSET_1252:
	case CHARSET_SINGLE: case CHARSET_MULTI: case CHARSET_2022JP:
		return true;
	default:
		return false;
	}
}

/* The body as the changed one has it, before anything is added. False: it
 * cannot be read for sure. */
static bool
body_read(const struct edit *e, const struct edit_body *b, struct buf *out)
{
	AUTO_BUF struct buf raw = {.max = b->p->body_end - b->p->body_off + 1};
	struct span label = span_str(b->p->charset);
	size_t start = out->n;

	if (!b->to_utf8) {
		mime_body_decode(e->m, b->p, out);
		return true;
	}
	mime_body_decode(e->m, b->p, &raw);
	if (charset_find(label)->kind == CHARSET_GUESS &&
	    !utf8_valid(buf_span(&raw)))
		return false;
	charset_to_utf8(out, label, buf_span(&raw));
	return span_find(buf_span(out), start,
	    SPAN_LIT("\xef\xbf\xbd")) == SIZE_MAX;
}

/* Appends one addition in the body's charset. */
static bool
put_addition(struct buf *out, const struct edit_body *b,
    const struct edit_addition *a)
{
	struct span label = b->to_utf8 ? SPAN_LIT("utf-8")
	    : span_str(b->p->charset);
	bool plain = b->cte != CTE_7BIT || a->ascii.n == 0 ||
	    utf8_is_ascii(a->text);

	if (plain && charset_from_utf8(out, label, a->text) == 0)
		return true;
	return a->ascii.n > 0 && charset_from_utf8(out, label, a->ascii) == 0;
}

/* --- places ------------------------------------------------------------ */

/* Where ISO-2022-JP stands in another set than ASCII, there are no tags. */
static struct html_places
jis_places(struct span body)
{
	AUTO_BUF struct buf masked = {.max = body.n};
	bool ascii = true;

	for (size_t i = 0; i < body.n; i++) {
		if (body.p[i] == ESC)
			ascii = span_eq(span_sub(body, i, to_ascii.n),
			    to_ascii);
		buf_putc(&masked, ascii && body.p[i] != ESC ? body.p[i] : 'x');
	}
	return html_places(buf_span(&masked));
}

static struct html_places
places_of(const struct edit_body *b, struct span body)
{
	struct html_places at = {0, body.n};

	if (is_html(b->p))
		at = kind_of(b) == CHARSET_2022JP ? jis_places(body)
		    : html_places(body);
	if (at.start == 0 && kind_of(b) == CHARSET_UTF8 &&
	    span_eq(span_sub(body, 0, byte_order_mark.n), byte_order_mark))
		at.start = byte_order_mark.n;
	if (at.end < at.start)
		at.end = at.start;
	return at;
}

/* Does ISO-2022-JP end in another set than ASCII? */
static bool
is_shifted(struct span body)
{
	for (size_t i = body.n; i > 0; i--)
		if (body.p[i - 1] == ESC)
			return !span_eq(span_sub(body, i - 1, to_ascii.n),
			    to_ascii);
	return false;
}

/* param: ";name=value", lower case. */
static bool
has_param(const struct mime_part *p, const char *param)
{
	const struct mime_field *f = mime_field_find(p, "Content-Type");
	AUTO_BUF struct buf b = {.max = 4096};

	for (size_t i = 0; f != NULL && i < f->value.n; i++)
		if (f->value.p[i] > ' ' && f->value.p[i] != '"')
			buf_putc(&b, f->value.p[i]);
	for (size_t i = 0; i < b.n; i++)
		if (span_iprefix(span_sub(buf_span(&b), i, b.n), param))
			return true;
	return false;
}

bool
edit_body_flows(const struct mime_part *p)
{
	return has_param(p, ";format=flowed");
}

/* --- together ---------------------------------------------------------- */

static bool
ends_line(struct span s)
{
	return s.n == 0 || s.p[s.n - 1] == '\n';
}

static void
put_starts(struct buf *out, const struct edit_body *b)
{
	for (const struct edit_addition *a = b->first; a != NULL; a = a->next)
		if (a->at_start)
			put_addition(out, b, a);
}

/* before: what stands in front of it, up to its end or to a tag. */
static void
put_ends(struct buf *out, const struct edit_body *b, struct span before,
    bool last)
{
	bool open = !is_html(b->p) && !ends_line(before);
	size_t from = out->n;

	if (last && kind_of(b) == CHARSET_2022JP && is_shifted(before))
		buf_puts_span(out, to_ascii);
	/* A flowed line must not go on into ours. */
	if (!is_html(b->p) && (open || (before.n > 2 &&
	    span_eq(span_sub(before, before.n - 3, 3), SPAN_LIT(" \r\n")) &&
	    edit_body_flows(b->p))))
		buf_puts(out, "\r\n");
	for (const struct edit_addition *a = b->first; a != NULL; a = a->next)
		if (!a->at_start)
			put_addition(out, b, a);
	/* The body's last line end belongs to the delimiter: swap. */
	if (open && out->n >= from + 2)
		out->n -= 2;
}

static bool
has_end(const struct edit_body *b)
{
	for (const struct edit_addition *a = b->first; a != NULL; a = a->next)
		if (!a->at_start)
			return true;
	return false;
}

static void
put_changed(struct buf *out, const struct edit_body *b, struct span body)
{
	struct html_places at = places_of(b, body);

	buf_puts_span(out, span_sub(body, 0, at.start));
	put_starts(out, b);
	buf_puts_span(out, span_sub(body, at.start, at.end - at.start));
	if (has_end(b))
		put_ends(out, b, span_sub(body, 0, at.end), at.end == body.n);
	buf_puts_span(out, span_sub(body, at.end, body.n));
}

/* --- adding ------------------------------------------------------------ */

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
fits_unencoded(const struct edit_body *b, struct span text)
{
	if (b->to_utf8 || (b->cte == CTE_7BIT && !utf8_is_ascii(text)))
		return false;
	for (size_t pos = 0; pos < text.n;) {
		size_t end = span_chr(text, pos, '\n');
		struct span line = span_sub(text, pos, end - pos);

		if (line.n > LINE_LIMIT || like_delimiter(b->p, line))
			return false;
		pos = end + 1;
	}
	return true;
}

static void
set_field(struct edit *e, const struct mime_part *p, const char *name,
    const char *value)
{
	edit_field_set(e, p, name, value, NULL);
	if (p->parent == NULL && mime_field_find(p, "MIME-Version") == NULL)
		edit_field_set(e, p, "MIME-Version", "1.0", NULL);
}

static void
make_qp(struct edit *e, struct edit_body *b)
{
	if (b->cte == CTE_QP || b->cte == CTE_BASE64)
		return;
	b->cte = CTE_QP;
	set_field(e, b->p, "Content-Transfer-Encoding", "quoted-printable");
}

static void
make_utf8(struct edit *e, struct edit_body *b)
{
	AUTO_BUF struct buf type = {.max = 200};

	buf_printf(&type, "text/%s; charset=utf-8", is_html(b->p) ? "html"
	    : "plain");
	if (edit_body_flows(b->p))
		buf_puts(&type, "; format=flowed");
	if (has_param(b->p, ";delsp=yes"))
		buf_puts(&type, "; delsp=yes");
	set_field(e, b->p, "Content-Type", buf_cstr(&type));
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
	*b = (struct edit_body){.p = p, .cte = p->cte};
	s->body = b;
	edit_end_header(e, p);
	return b;
}

/* Everything that was added up to now can be written so. */
static bool
holds_all(const struct edit *e, const struct edit_body *b)
{
	AUTO_BUF struct buf body = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf text = {.max = SIZE_MAX / 4};

	if (!is_joinable(kind_of(b)) || !body_read(e, b, &body))
		return false;
	for (const struct edit_addition *a = b->first; a != NULL; a = a->next)
		if (!put_addition(&text, b, a))
			return false;
	return true;
}

static void
fit_encoding(struct edit *e, struct edit_body *b)
{
	AUTO_BUF struct buf text = {.max = SIZE_MAX / 4};

	for (const struct edit_addition *a = b->first; a != NULL; a = a->next)
		put_addition(&text, b, a);
	if (!fits_unencoded(b, buf_span(&text)))
		make_qp(e, b);
}

bool
edit_body_add(struct edit *e, const struct mime_part *p,
    const struct edit_addition *text)
{
	struct edit_addition *a = arena_alloc(e->a, sizeof(*a)), **last;
	struct edit_body try = {.p = p, .cte = p->cte}, *b = NULL;

	if (a == NULL) {
		e->failed = true;
		return false;
	}
	*a = *text;
	a->next = NULL;
	if (p->cte == CTE_UUENCODE || p->cte == CTE_UNKNOWN)
		return false;
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->body != NULL && s->body->p == p)
			try = *(b = s->body);
	for (last = &try.first; *last != NULL; last = &(*last)->next)
		;
	*last = a;
	if (!holds_all(e, &try)) {
		try.to_utf8 = true;
		if (!holds_all(e, &try)) {
			*last = NULL;
			return false;
		}
	}
	if (b == NULL && (b = body_of(e, p)) == NULL)
		return false;
	if (try.to_utf8 && !b->to_utf8)
		make_utf8(e, b);
	*b = try;
	fit_encoding(e, b);
	return true;
}

/* --- writing ----------------------------------------------------------- */

void
edit_body_write(const struct edit *e, const struct edit_body *b,
    struct buf *out)
{
	const struct mime_part *p = b->p;
	struct span raw = span_sub(e->m->msg, p->body_off,
	    p->body_end - p->body_off);
	AUTO_BUF struct buf body = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf changed = {.max = SIZE_MAX / 4};
	size_t before = out->n;

	body_read(e, b, &body);
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
