#include "lib/mail/edit_html.h"

#include "lib/base/cleanup.h"
#include "lib/mail/html_tag.h"
#include "lib/mail/html_text.h"
#include "lib/mail/html_token.h"
#include "lib/mail/utf8.h"

void
html_to_text(struct buf *out, struct span html)
{
	AUTO_BUF struct buf seen = {.max = html.n * HTML_TEXT_GROWTH + 1};
	struct html_text t;

	html_text_of(&t, html, html.n * HTML_TEXT_GROWTH + 1);
	html_text_without(&t, HTML_TEXT_HIDDEN | HTML_TEXT_TITLE |
	    HTML_TEXT_CONDITIONAL, &seen);
	html_text_free(&t);
	buf_puts_span(out, span_trim(buf_span(&seen)));
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

bool
html_has_tags(struct span text)
{
	struct html_lexer l;
	struct html_token t;

	html_lexer_init(&l, text);
	while (html_next(&l, &t))
		if ((t.type == HTML_START || t.type == HTML_END) && !t.cut &&
		    (html_tag_flags(t.name) != 0 || span_ieqs(t.name, "a")))
			return true;
	return false;
}

/* Where a document's text begins, by the best mark of it seen so far. */
enum mark { MARK_NONE, MARK_DOCTYPE, MARK_HTML, MARK_HEAD, MARK_BODY };

static enum mark
start_mark(const struct html_token *t)
{
	if (t->type == HTML_DOCTYPE)
		return MARK_DOCTYPE;
	if (t->type == HTML_START && span_ieqs(t->name, "html"))
		return MARK_HTML;
	if (t->type == HTML_END && span_ieqs(t->name, "head"))
		return MARK_HEAD;
	if (t->type == HTML_START && span_ieqs(t->name, "body"))
		return MARK_BODY;
	return MARK_NONE;
}

struct html_places
html_places(struct span html)
{
	size_t body = SIZE_MAX, root = SIZE_MAX, tag = 0, tail = html.n;
	struct html_places at = {0, 0};
	enum mark best = MARK_NONE;
	struct html_lexer l;
	struct html_token t;

	html_lexer_init(&l, html);
	while (html_next(&l, &t)) {
		size_t off = (size_t)(t.src.p - html.p);
		enum mark m = start_mark(&t);

		if (t.cut) {
			tail = t.type == HTML_RAW_TEXT ? tag : off;
			break;
		}
		if (m > best) {
			best = m;
			at.start = off + t.src.n;
		}
		if (t.type == HTML_START)
			tag = off;
		else if (t.type == HTML_END && span_ieqs(t.name, "body"))
			body = off;
		else if (t.type == HTML_END && span_ieqs(t.name, "html"))
			root = off;
	}
	/* Inside of a script or the like, which nothing ends. */
	if (l.raw.n > 0 && tag < tail)
		tail = tag;
	at.end = body != SIZE_MAX ? body : root != SIZE_MAX ? root : tail;
	if (at.end > tail)
		at.end = tail;
	if (at.start > at.end)
		at.start = at.end;
	return at;
}
