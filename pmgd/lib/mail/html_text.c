#include "lib/mail/html_text.h"

#include <stdlib.h>
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/css.h"
#include "lib/mail/entity.h"
#include "lib/mail/html_tag.h"
#include "lib/mail/html_token.h"
#include "lib/mail/utf8.h"

enum {
	BREAKS_MAX = 2,		/* line ends in a row */
	BUCKETS = 256,
	STYLE_MAX = 64 * 1024,	/* bytes of a style attribute that are read */
	NO_BREAK_SPACE = 0xa0,
};

/* An open element: the hash of its lower-case name, and is its content seen. */
struct open {
	uint32_t name;
	bool hidden;
};

struct reader {
	struct html_text *t;
	struct buf scratch;
	struct open open[HTML_DEPTH_MAX];
	size_t nopen;
	size_t beyond;			/* open ones too deep for open[] */
	unsigned short count[BUCKETS];	/* of open[] by name */
	unsigned base;			/* flags of the document */
	bool blank;			/* due before the next character */
	unsigned breaks;		/* line ends that are due */
	size_t pre;			/* open <pre> */
	bool title, unseen;
};

static uint32_t
name_hash(struct span name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (uint32_t)ascii_lower(name.p[i])) * 16777619u;
	return h;
}

static bool
is_hidden(const struct reader *r)
{
	return r->nopen > 0 && r->open[r->nopen - 1].hidden;
}

static void
push(struct reader *r, uint32_t name, bool hidden)
{
	if (r->nopen == HTML_DEPTH_MAX) {
		r->beyond++;
		return;
	}
	hidden = hidden || is_hidden(r);
	r->open[r->nopen++] = (struct open){name, hidden};
	r->count[name % BUCKETS]++;
}

/* Closes the innermost open element of that name and those in it. */
static void
pop(struct reader *r, uint32_t name)
{
	size_t i = r->nopen;

	if (r->beyond > 0) {
		r->beyond--;
		return;
	}
	if (r->count[name % BUCKETS] == 0)
		return;
	while (i > 0 && r->open[i - 1].name != name)
		i--;
	if (i == 0)
		return;
	while (r->nopen >= i)
		r->count[r->open[--r->nopen].name % BUCKETS]--;
}

/* <p>, <li>, <td> ... without an end tag end at the next one. */
static void
close_sibling(struct reader *r, uint32_t name)
{
	if (r->beyond == 0 && r->nopen > 0 &&
	    r->open[r->nopen - 1].name == name)
		pop(r, name);
}

static unsigned
flags_now(const struct reader *r)
{
	return r->base | (is_hidden(r) || r->unseen ? HTML_TEXT_HIDDEN : 0) |
	    (r->title ? HTML_TEXT_TITLE : 0);
}

/* What was appended behind off belongs to a run with the flags of now. */
static void
account(struct reader *r, size_t off)
{
	struct html_text *t = r->t;
	unsigned flags = flags_now(r);
	size_t n = t->text.n - off;

	if (n == 0)
		return;
	if (t->nrun > 0 && (t->run[t->nrun - 1].flags == flags ||
	    t->nrun == HTML_RUNS_MAX)) {
		if (t->nrun == HTML_RUNS_MAX)
			t->run[t->nrun - 1].flags = 0;
		t->run[t->nrun - 1].n += n;
		return;
	}
	if (t->nrun == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->run = xrealloc(t->run, t->cap, sizeof(*t->run));
	}
	t->run[t->nrun++] = (struct html_run){off, n, flags};
}

static void
put_due(struct reader *r)
{
	struct buf *b = &r->t->text;

	if (b->n > 0 && r->breaks > 0)
		buf_put(b, "\n\n", r->breaks);
	else if (b->n > 0 && r->blank)
		buf_putc(b, ' ');
	r->breaks = 0;
	r->blank = false;
}

static void
break_line(struct reader *r, bool again)
{
	r->blank = false;
	if (r->breaks == 0 || (again && r->breaks < BREAKS_MAX))
		r->breaks++;
}

static bool
is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void
put_space(struct reader *r, unsigned char c)
{
	if (r->pre > 0 && c == '\n')
		break_line(r, true);
	else if (r->pre > 0 && c == ' ') {
		put_due(r);
		r->blank = true;
	} else if (r->breaks == 0) {
		r->blank = true;
	}
}

/* One character of a text, decoded; what is no character is replaced. */
static size_t
put_char(struct reader *r, struct span s, size_t i)
{
	struct buf *b = &r->t->text;
	unsigned char c = s.p[i];
	uint32_t cp = c;
	size_t n = 1;

	if (c >= 0x80)
		n = utf8_next(s, i, &cp);
	if (cp == NO_BREAK_SPACE && n > 0) {
		r->blank = r->breaks == 0;
		return n;
	}
	if (c < 0x20 || c == 0x7f || (n > 0 && cp >= 0x80 && cp < 0xa0))
		return n;
	put_due(r);
	if (n == 0) {
		buf_puts(b, "\xef\xbf\xbd");
		return 1;
	}
	buf_put(b, s.p + i, n);
	return n;
}

static size_t
put_reference(struct reader *r, struct span s, size_t i)
{
	size_t n;

	buf_reset(&r->scratch);
	n = entity_decode(&r->scratch, s, i, false);
	if (n == 0) {
		put_char(r, s, i);
		return 1;
	}
	for (size_t k = 0; k < r->scratch.n;) {
		struct span c = buf_span(&r->scratch);

		if (is_space(c.p[k]))
			put_space(r, c.p[k++]);
		else
			k += put_char(r, c, k);
	}
	return n;
}

/* Printable ASCII but '&': copied in one go. */
static size_t
plain_run(struct span s, size_t i)
{
	size_t from = i;

	while (i < s.n && s.p[i] > 0x20 && s.p[i] < 0x7f && s.p[i] != '&')
		i++;
	return i - from;
}

static void
put_text(struct reader *r, struct span s, bool references)
{
	size_t from = r->t->text.n;

	for (size_t i = 0; i < s.n;) {
		size_t n = plain_run(s, i);

		if (n > 0) {
			put_due(r);
			buf_put(&r->t->text, s.p + i, n);
			i += n;
		} else if (is_space(s.p[i])) {
			put_space(r, s.p[i++]);
		} else if (s.p[i] == '&' && references) {
			i += put_reference(r, s, i);
		} else {
			i += put_char(r, s, i);
		}
	}
	account(r, from);
}

static bool
style_hides(struct reader *r, struct span value)
{
	struct buf css;
	bool hides;

	buf_reset(&r->scratch);
	entity_decode_attr(&r->scratch, span_sub(value, 0, STYLE_MAX));
	buf_init(&css, CSS_GROWTH * (r->scratch.n + 1));
	css_clean(&css, buf_span(&r->scratch));
	hides = css_hides(buf_span(&css));
	buf_free(&css);
	return hides;
}

static bool
tag_hides(struct reader *r, const struct html_token *tok)
{
	struct html_attrs it = html_attrs(tok);
	struct html_attr a;
	bool styled = false, hides = false;

	while (html_attr_next(&it, &a)) {
		if (span_ieqs(a.name, "hidden"))
			hides = true;
		/* Of two, browsers take the first. */
		if (!styled && span_ieqs(a.name, "style")) {
			styled = true;
			hides = style_hides(r, a.value) || hides;
		}
	}
	return hides;
}

static void
start_tag(struct reader *r, const struct html_token *tok)
{
	uint32_t name = name_hash(tok->name);
	unsigned f = tok->flags;
	bool hides = tok->body.n > 0 && tag_hides(r, tok);

	if ((f & HTML_BLOCK) != 0)
		close_sibling(r, name_hash(SPAN_LIT("p")));
	if (span_ieqs(tok->name, "tr")) {
		close_sibling(r, name_hash(SPAN_LIT("td")));
		close_sibling(r, name_hash(SPAN_LIT("th")));
	}
	if ((f & HTML_SIBLING) != 0)
		close_sibling(r, name);
	if (span_ieqs(tok->name, "br"))
		break_line(r, true);
	else if ((f & HTML_BLOCK) != 0)
		break_line(r, false);
	else if ((f & HTML_CELL) != 0 && r->breaks == 0)
		r->blank = true;
	if ((f & HTML_VOID) != 0)
		return;
	if (span_ieqs(tok->name, "pre") || span_ieqs(tok->name, "xmp") ||
	    span_ieqs(tok->name, "plaintext"))
		r->pre++;
	r->title = span_ieqs(tok->name, "title");
	/* Raw text is one token, told apart by r->unseen. */
	r->unseen = (f & HTML_RAW) != 0 && (f & HTML_UNSEEN) != 0;
	push(r, name, hides || ((f & HTML_UNSEEN) != 0 && !r->unseen));
}

static void
end_tag(struct reader *r, const struct html_token *tok)
{
	r->title = r->unseen = false;
	if (r->pre > 0 && (span_ieqs(tok->name, "pre") ||
	    span_ieqs(tok->name, "xmp")))
		r->pre--;
	if (span_ieqs(tok->name, "br"))
		break_line(r, true);
	else if ((tok->flags & HTML_BLOCK) != 0 ||
	    span_ieqs(tok->name, "title"))
		break_line(r, false);
	pop(r, name_hash(tok->name));
}

static void read_all(struct reader *r, struct span html);

/* Content of a comment for Outlook; comments in it are comments. */
static void
conditional(struct reader *r, const struct html_token *tok)
{
	struct span body = tok->body;
	size_t gt = span_chr(body, 0, ']');
	struct reader *inner;

	gt = span_chr(body, gt, '>');
	if (r->base != 0 || !span_iprefix(body, "[if") || gt == body.n)
		return;
	inner = xcalloc(1, sizeof(*inner));
	inner->t = r->t;
	buf_init(&inner->scratch, r->scratch.max);
	inner->base = HTML_TEXT_CONDITIONAL;
	inner->breaks = 1;
	read_all(inner, span_sub(body, gt + 1, SIZE_MAX));
	buf_free(&inner->scratch);
	free(inner);
	break_line(r, false);
}

static void
read_all(struct reader *r, struct span html)
{
	struct html_lexer lexer;
	struct html_token tok;

	html_lexer_init(&lexer, html);
	while (html_next(&lexer, &tok)) {
		if (tok.type == HTML_TEXT)
			put_text(r, tok.body, true);
		else if (tok.type == HTML_RAW_TEXT && !r->unseen)
			put_text(r, tok.body, false);
		else if (tok.type == HTML_COMMENT)
			conditional(r, &tok);
		else if (tok.type == HTML_START && !tok.cut)
			start_tag(r, &tok);
		else if (tok.type == HTML_END && !tok.cut)
			end_tag(r, &tok);
	}
}

void
html_text_of(struct html_text *t, struct span html, size_t max)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	memset(t, 0, sizeof(*t));
	buf_init(&t->text, max);
	buf_init(&r->scratch, (size_t)ENTITY_GROWTH_PER_5 * STYLE_MAX);
	r->t = t;
	read_all(r, html);
	buf_free(&r->scratch);
	free(r);
}

void
html_text_free(struct html_text *t)
{
	buf_free(&t->text);
	free(t->run);
	memset(t, 0, sizeof(*t));
}

void
html_text_without(const struct html_text *t, unsigned flags, struct buf *out)
{
	size_t from = out->n;
	int gap = 0;		/* blank that stood before what is left out */

	for (size_t i = 0; i < t->nrun; i++) {
		const unsigned char *p = t->text.p + t->run[i].off;

		if ((t->run[i].flags & flags) != 0) {
			if (is_space(p[0]) && gap != '\n')
				gap = p[0];
			continue;
		}
		if (gap != 0 && out->n > from && !is_space(p[0]))
			buf_putc(out, gap);
		gap = 0;
		if (out->n == from && is_space(p[0]))
			buf_put(out, p + 1, t->run[i].n - 1);
		else
			buf_put(out, p, t->run[i].n);
	}
}
