#include "lib/mail/edit_html.h"

#include <stdbool.h>
#include "lib/base/str.h"
#include "lib/mail/entity.h"
#include "lib/mail/utf8.h"

enum {
	REFERENCE_MAX = ENTITY_NAME_MAX + 1,	/* bytes of "name;" */
	TAG_NAME_MAX = 16,
	NO_BREAK_SPACE = 0xa0,
};

static int
digit(unsigned char c, int base)
{
	int l = ascii_lower(c);

	if (ascii_isdigit(c))
		return c - '0';
	return base == 16 && l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The character of "#228" or "#xe4"; 0: none that may be written. */
static uint32_t
numeric_entity(struct span s)
{
	int base = s.n > 1 && ascii_lower(s.p[1]) == 'x' ? 16 : 10;
	uint32_t v = 0;

	s = span_sub(s, base == 16 ? 2 : 1, s.n);
	for (size_t i = 0; i < s.n; i++) {
		int d = digit(s.p[i], base);

		if (d < 0 || v > 0x10ffff)
			return 0;
		v = v * (uint32_t)base + (uint32_t)d;
	}
	if (v < 0x20 || (v >= 0x7f && v < 0xa0) || v > 0x10ffff ||
	    (v >= 0xd800 && v <= 0xdfff))
		return 0;
	return v;
}

/* Decodes the entity at off (an "&") and returns what is behind it. */
static size_t
put_entity(struct buf *out, struct span html, size_t off)
{
	struct span rest = span_sub(html, off + 1, REFERENCE_MAX);
	size_t end = span_chr(rest, 0, ';');
	struct span name = span_sub(rest, 0, end);
	uint32_t cp = 0;

	if (end < rest.n && name.n > 0 && name.p[0] == '#')
		cp = numeric_entity(name);
	else if (end < rest.n)
		cp = entity_code(name);
	/* Whoever writes it by hand means a blank. */
	if (cp == NO_BREAK_SPACE)
		cp = ' ';
	if (cp < 0x20) {
		buf_putc(out, '&');
		return off + 1;
	}
	utf8_put(out, cp);
	return off + end + 2;
}

/* Behind the tag or comment at off; attribute values may hold ">". */
static size_t
tag_end(struct span html, size_t off)
{
	unsigned char quote = 0;

	if (span_iprefix(span_sub(html, off, 4), "<!--")) {
		size_t end = span_find(html, off + 4, SPAN_LIT("-->"));

		return end == SIZE_MAX ? html.n : end + 3;
	}
	for (size_t i = off + 1; i < html.n; i++) {
		unsigned char c = html.p[i];

		if (quote != 0 ? c == quote : c == '"' || c == '\'')
			quote = quote != 0 ? 0 : c;
		else if (quote == 0 && c == '>')
			return i + 1;
	}
	return html.n;
}

/* "br", "/p", ...: what stands behind "<" up to something else. */
static struct span
tag_name(struct span html, size_t off)
{
	size_t i = off + 1;

	if (i < html.n && html.p[i] == '/')
		i++;
	while (i < html.n && i - off <= TAG_NAME_MAX &&
	    (digit(html.p[i], 10) >= 0 ||
	    (ascii_lower(html.p[i]) >= 'a' && ascii_lower(html.p[i]) <= 'z')))
		i++;
	return span_sub(html, off + 1, i - off - 1);
}

static bool
name_in(struct span name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (span_ieqs(name, *list))
			return true;
	return false;
}

/* First (or last) tag of that name at or behind off; SIZE_MAX: none. */
static size_t
find_tag(struct span html, size_t off, const char *name, bool last)
{
	size_t found = SIZE_MAX;

	for (; off < html.n; off++) {
		off = span_chr(html, off, '<');
		if (off == html.n || !span_ieqs(tag_name(html, off), name))
			continue;
		found = off;
		if (!last)
			break;
	}
	return found;
}

struct text {
	struct buf *out;
	bool blank;		/* a blank is due before the next character */
	bool pre;
};

static void
new_line(struct text *t)
{
	t->blank = false;
	if (t->out->n > 0)
		buf_putc(t->out, '\n');
}

/* A block begins on a line of its own. */
static void
fresh_line(struct text *t)
{
	t->blank = false;
	if (t->out->n > 0 && t->out->p[t->out->n - 1] != '\n')
		buf_putc(t->out, '\n');
}

static size_t
text_tag(struct text *t, struct span html, size_t off)
{
	static const char *const blocks[] = {"p", "/p", "div", "/div", "tr",
	    "/tr", "table", "/table", "ul", "/ul", "ol", "/ol", "li", "h1",
	    "/h1", "h2", "/h2", "h3", "/h3", "h4", "/h4", "blockquote",
	    "/blockquote", "pre", "/pre", "hr", NULL};
	struct span name = tag_name(html, off);
	size_t end = tag_end(html, off);

	if (span_ieqs(name, "br"))
		new_line(t);
	else if (name_in(name, blocks))
		fresh_line(t);
	else if (span_ieqs(name, "td") || span_ieqs(name, "th"))
		t->blank = true;
	if (span_ieqs(name, "pre"))
		t->pre = true;
	else if (span_ieqs(name, "/pre"))
		t->pre = false;
	else if (span_ieqs(name, "script"))
		end = find_tag(html, end, "/script", false);
	else if (span_ieqs(name, "style"))
		end = find_tag(html, end, "/style", false);
	else if (span_ieqs(name, "title"))
		end = find_tag(html, end, "/title", false);
	return end == SIZE_MAX ? html.n : end;
}

/* "<" before anything that is no tag is a character. */
static bool
is_tag(struct span html, size_t off)
{
	size_t i = off + 1;
	int c;

	if (i < html.n && html.p[i] == '/')
		i++;
	if (i >= html.n)
		return false;
	c = ascii_lower(html.p[i]);
	return (c >= 'a' && c <= 'z') || c == '!' || c == '?';
}

static size_t
text_char(struct text *t, struct span html, size_t off)
{
	unsigned char c = html.p[off];

	if (t->pre && c == '\n') {
		new_line(t);
		return off + 1;
	}
	if (c == '\r' && t->pre)
		return off + 1;
	if (!t->pre && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
		t->blank = true;
		return off + 1;
	}
	if (t->blank && t->out->n > 0 && t->out->p[t->out->n - 1] != '\n')
		buf_putc(t->out, ' ');
	t->blank = false;
	if (c == '&')
		return put_entity(t->out, html, off);
	if (c >= 0x20 && c != 0x7f)
		buf_putc(t->out, c);
	return off + 1;
}

void
html_to_text(struct buf *out, struct span html)
{
	struct buf text;
	struct text t = {.out = &text};
	struct span trimmed;
	size_t i = 0;

	buf_init(&text, html.n + 1);
	while (i < html.n) {
		if (html.p[i] == '<' && is_tag(html, i))
			i = text_tag(&t, html, i);
		else
			i = text_char(&t, html, i);
	}
	trimmed = span_trim(buf_span(&text));
	buf_puts_span(out, trimmed);
	buf_free(&text);
}

void
html_to_ascii(struct buf *out, struct span html)
{
	uint32_t cp;
	size_t n;

	for (size_t i = 0; i < html.n; i += n) {
		n = utf8_next(html, i, &cp);
		if (n > 1)
			buf_printf(out, "&#%u;", (unsigned)cp);
		else if (n == 1)
			buf_putc(out, html.p[i]);
		else
			n = 1;
	}
}

size_t
html_body_start(struct span html)
{
	size_t off = find_tag(html, 0, "body", false);

	return off == SIZE_MAX ? 0 : tag_end(html, off);
}

size_t
html_body_end(struct span html)
{
	size_t off = find_tag(html, 0, "/body", true);

	if (off == SIZE_MAX)
		off = find_tag(html, 0, "/html", true);
	return off == SIZE_MAX ? html.n : off;
}
