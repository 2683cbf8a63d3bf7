/*
 * Files that HTML and SVG carry in themselves ("HTML smuggling"): "data:" URIs
 * (RFC 2397) in any attribute, and long string literals of base64 in scripts,
 * which a script makes a file of. No script is run.
 */
#include "lib/mail/content_walk.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/mail/cte.h"
#include "lib/mail/cte_variant.h"
#include "lib/mail/entity.h"
#include "lib/mail/html_token.h"
#include "lib/mail/mime_magic.h"
#include "lib/mail/mime_param.h"

enum {
	/* Without a run of such characters there is nothing to look for. */
	RUN_MIN = 64,
	LITERAL_MIN = 128,	/* bytes of base64 that are worth a look */
	LEVELS = 3,		/* HTML in HTML */
};

/* May stand in base64, escaped or not, in a URI or in an attribute. */
static bool
is_data(unsigned char c)
{
	return base64_digit(c) >= 0 || (c != '\0' &&
	    strchr("=%&#;\r\n\t", c) != NULL);
}

/* Looks at one byte of many where there is none. */
static bool
has_run(struct span s)
{
	size_t from = 0;

	while (s.n - from >= RUN_MIN) {
		size_t i = from + RUN_MIN;

		while (i > from && is_data(s.p[i - 1]))
			i--;
		if (i == from)
			return true;
		from = i;
	}
	return false;
}

static bool
is_markup_type(const struct mime_part *p)
{
	static const char *const subtypes[] = {"html", "xhtml+xml", "svg+xml",
	    "xml", "svg"};

	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++)
		if (strcmp(p->subtype, subtypes[i]) == 0)
			return true;
	return false;
}

static bool
is_markup(const struct walk *w, const struct content *it, struct span s)
{
	const struct mime_part *p = it->as;
	const char *type;

	if (p == NULL && !w->inside && it->part < w->m->npart)
		p = w->m->part[it->part];
	if (p != NULL && is_markup_type(p))
		return true;
	type = mime_magic_type(span_sub(s, 0, MIME_MAGIC_HEAD));
	if (type != NULL)
		return strcmp(type, "text/html") == 0;
	s = span_trim(span_sub(s, 0, RUN_MIN));
	return span_iprefix(s, "<svg") || span_iprefix(s, "<?xml") ||
	    span_iprefix(s, "<a") || span_iprefix(s, "<div");
}

/* The walk over one document, of which markup is a copy. */
struct finder {
	struct walk *w;
	struct content it;
	struct span download;	/* the attribute of the tag at hand */
	struct buf text;	/* an attribute, or a literal, decoded */
};

static const char *
file_name(struct finder *f)
{
	struct readings rs = {.a = f->w->a};
	AUTO_BUF struct buf name = {.max = READING_ALT_BYTES};

	entity_decode_attr(&name, f->download);
	readings_add(&rs, buf_span(&name));
	return rs.n > 0 ? (const char *)rs.r[0].p : NULL;
}

/* What is in w->tmp. Pictures that are shown in place are left out. */
static void
add_file(struct finder *f, bool any)
{
	struct content found = {.part = f->it.part, .as = f->it.as,
	    .unseen = true, .how = CONTENT_EMBEDDED, .name = file_name(f)};
	struct walk *w = f->w;
	struct span head = span_sub(buf_span(&w->tmp), 0, MIME_MAGIC_HEAD);
	const char *type = mime_magic_type(head);
	struct reading r;

	if (w->tmp.overflow)
		w->list.defects |= MIME_LIMIT_MEMORY;
	if (type == NULL ? any : !span_iprefix(span_str(type), "image/")) {
		if (reading_begin(w, &r, 0)) {
			buf_puts_span(w->out, buf_span(&w->tmp));
			reading_end(w, &r, &found);
		}
	}
	buf_reset(&w->tmp);
}

/* "data:" [type] *(";" parameter) [";base64"] "," data */
static void
data_uri(struct finder *f, struct span value)
{
	const struct span word = SPAN_LIT(";base64");
	struct span uri, head;
	size_t comma;

	buf_reset(&f->text);
	entity_decode_attr(&f->text, value);
	uri = span_trim(buf_span(&f->text));
	if (!span_iprefix(uri, "data:"))
		return;
	comma = span_chr(uri, 0, ',');
	head = span_trim(span_sub(uri, 0, comma));
	uri = span_sub(uri, comma + 1, uri.n);
	if (uri.n < RUN_MIN)
		return;
	if (head.n > word.n && span_ieq(span_sub(head, head.n - word.n,
	    word.n), word)) {
		AUTO_BUF struct buf plain = {.max = uri.n};

		cte_decode_percent(uri, &plain);
		cte_decode(CTE_BASE64, buf_span(&plain), walk_tmp(f->w));
	} else {
		cte_decode_percent(uri, walk_tmp(f->w));
	}
	add_file(f, true);
}

static void
tag(struct finder *f, const struct html_token *t)
{
	struct html_attrs it = html_attrs(t);
	struct html_attr a;

	f->download = span_of(NULL, 0);
	while (html_attr_next(&it, &a))
		if (span_ieqs(a.name, "download") && f->download.n == 0)
			f->download = a.value;
	it = html_attrs(t);
	while (html_attr_next(&it, &a))
		if (a.value.n >= RUN_MIN)
			data_uri(f, a.value);
}

/* Appends the literal that begins behind the quote at *at, which moves behind
 * its end. False: it is not base64. */
static bool
take_literal(struct finder *f, struct span s, size_t *at)
{
	unsigned char quote = s.p[(*at)++];
	size_t from = *at;

	while (*at < s.n && is_data(s.p[*at]))
		++*at;
	if (*at == s.n || s.p[*at] != quote)
		return false;
	buf_puts_span(&f->text, span_sub(s, from, *at - from));
	++*at;
	return true;
}

static bool
is_quote(unsigned char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Offset of the quote of a literal that is added to the one before at; s.n:
 * there is none. */
static size_t
next_piece(struct span s, size_t at)
{
	bool plus = false;

	for (; at < s.n; at++) {
		if (s.p[at] == '+' && !plus)
			plus = true;
		else if (is_quote(s.p[at]) && plus)
			return at;
		else if (s.p[at] > ' ')
			break;
	}
	return s.n;
}

static void
literals(struct finder *f, struct span s)
{
	size_t at = 0;

	f->download = span_of(NULL, 0);
	while (at < s.n) {
		if (!is_quote(s.p[at])) {
			at++;
			continue;
		}
		buf_reset(&f->text);
		while (at < s.n && take_literal(f, s, &at))
			if (next_piece(s, at) < s.n)
				at = next_piece(s, at);
			else
				break;
		if (f->text.n < LITERAL_MIN)
			continue;
		cte_decode(CTE_BASE64, buf_span(&f->text), walk_tmp(f->w));
		add_file(f, false);
	}
}

static void
find(struct finder *f, struct span markup)
{
	struct html_lexer l;
	struct html_token t;

	html_lexer_init(&l, markup);
	while (html_next(&l, &t)) {
		if (t.type == HTML_START)
			tag(f, &t);
		else if ((t.type == HTML_RAW_TEXT || t.type == HTML_TEXT) &&
		    t.body.n >= LITERAL_MIN && has_run(t.body))
			literals(f, t.body);
	}
}

void
content_html(struct walk *w, struct content it)
{
	struct span s = span_sub(buf_span(w->out), it.off, it.n);
	struct finder f = {.w = w, .it = it};
	struct buf markup;

	if (w->html_level == LEVELS || !has_run(s) || !is_markup(w, &it, s))
		return;
	if (w->work < s.n) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	w->work -= s.n;
	/* The buffer moves while things are added. */
	buf_init(&markup, s.n);
	buf_puts_span(&markup, s);
	buf_init(&f.text, 2 * s.n + RUN_MIN);
	w->html_level++;
	find(&f, buf_span(&markup));
	w->html_level--;
	buf_free(&f.text);
	buf_free(&markup);
}
