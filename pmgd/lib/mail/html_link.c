#include "lib/mail/url_list.h"

#include "lib/mail/css.h"
#include "lib/mail/entity.h"
#include "lib/mail/html_tag.h"
#include "lib/mail/html_text.h"
#include "lib/mail/html_token.h"
#include "lib/mail/url_find.h"

enum {
	/* Bytes of an attribute that are read for one URL ... */
	ATTR_MAX = 2 * URL_BYTES_MAX,
	/* ... for many of them, and for documents and styles. */
	ATTR_LONG_MAX = 1 << 20,
	DOCS_MAX = 1000,
};

/* How the value of an attribute holds URLs. */
enum holds { HOLDS_NONE, HOLDS_URL, HOLDS_URLS, HOLDS_SRCSET, HOLDS_STYLE,
	HOLDS_HTML, HOLDS_VALUES };

static const struct {
	const char *name;
	enum holds holds;
} attrs[] = {
    {"href", HOLDS_URL}, {"src", HOLDS_URL}, {"style", HOLDS_STYLE},
    {"action", HOLDS_URL}, {"background", HOLDS_URL},
    {"formaction", HOLDS_URL}, {"poster", HOLDS_URL}, {"cite", HOLDS_URL},
    {"data", HOLDS_URL}, {"codebase", HOLDS_URL}, {"longdesc", HOLDS_URL},
    {"lowsrc", HOLDS_URL}, {"dynsrc", HOLDS_URL}, {"manifest", HOLDS_URL},
    {"icon", HOLDS_URL}, {"profile", HOLDS_URL}, {"xlink:href", HOLDS_URL},
    {"xml:base", HOLDS_URL}, {"code", HOLDS_URL}, {"object", HOLDS_URL},
    {"ping", HOLDS_URLS}, {"archive", HOLDS_URLS}, {"srcset", HOLDS_SRCSET},
    {"imagesrcset", HOLDS_SRCSET}, {"srcdoc", HOLDS_HTML},
    {"from", HOLDS_VALUES}, {"to", HOLDS_VALUES}, {"values", HOLDS_VALUES},
    {"v:src", HOLDS_URL}, {"o:href", HOLDS_URL},
};

/* A document, or one inside of it. */
struct doc {
	struct span html;
	unsigned depth;
};

struct linker {
	struct url_list *l;
	struct doc doc[DOCS_MAX];
	size_t ndoc;
	unsigned depth;		/* of the one that is read */
	struct url_item base;
	bool has_base;
	struct buf value;	/* an attribute, references decoded */
	struct buf css;
};

static void
add(struct linker *k, struct span written, struct span in)
{
	url_list_add(k->l, written, in, URL_IN_HTML,
	    k->has_base ? &k->base : NULL);
}

static bool
is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* URLs between blanks; srcset has a descriptor and a comma behind each. */
static void
add_list(struct linker *k, struct span written, struct span s, bool srcset)
{
	for (size_t i = 0; i < s.n;) {
		size_t from;

		while (i < s.n && (is_space(s.p[i]) || s.p[i] == ','))
			i++;
		for (from = i; i < s.n && !is_space(s.p[i]); i++)
			if (!srcset && s.p[i] == ',')
				break;
		if (i == from)
			continue;
		if (srcset && s.p[i - 1] == ',') {
			add(k, written, span_sub(s, from, i - from - 1));
			continue;
		}
		add(k, written, span_sub(s, from, i - from));
		if (srcset)
			i = span_chr(s, i, ',');
	}
}

/* "a;b;c" of SVG's animations: only what has a scheme. */
static void
add_values(struct linker *k, struct span written, struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t end = span_chr(s, i, ';');
		struct span v = span_trim(span_sub(s, i, end - i));

		if (span_iprefix(v, "http:") || span_iprefix(v, "https:") ||
		    span_iprefix(v, "javascript:"))
			add(k, written, v);
		i = end + 1;
	}
}

static void
add_css(struct linker *k, struct span css, struct span written)
{
	struct span url;

	buf_reset(&k->css);
	css_clean(&k->css, span_sub(css, 0, ATTR_LONG_MAX));
	for (size_t pos = 0; css_next_url(buf_span(&k->css), &pos, &url);)
		add(k, written, url);
}

/* Text of a script or an event: "http:\/\/x" is how JSON writes it. */
static void
add_script(struct linker *k, struct span s)
{
	struct buf b;
	struct span found;
	uint32_t flags;

	buf_init(&b, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\\' || i + 1 >= s.n || s.p[i + 1] != '/')
			buf_putc(&b, s.p[i]);
	for (size_t pos = 0; url_find(buf_span(&b), &pos, &found, &flags);)
		if ((flags & URL_GUESSED) == 0)
			url_list_add(k->l, s, found, URL_IN_SCRIPT, NULL);
	buf_free(&b);
}

/* A document to be read later; it is copied when it is none of the input. */
static void
add_doc(struct linker *k, struct span html, bool copy)
{
	char *p;

	if (k->depth >= HTML_NESTED_MAX || k->ndoc == DOCS_MAX || html.n == 0) {
		k->l->full |= html.n > 0;
		return;
	}
	if (copy) {
		p = arena_strndup(k->l->a, html);
		if (p == NULL) {
			k->l->full = true;
			return;
		}
		html.p = (const unsigned char *)p;
	}
	k->doc[k->ndoc++] = (struct doc){html, k->depth + 1};
}

/* <meta http-equiv=refresh content="0; url=x">, also without "url=". */
static void
add_refresh(struct linker *k, struct span written, struct span s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != ';' && s.p[i] != ',')
		i++;
	s = span_trim(span_sub(s, i + 1, SIZE_MAX));
	if (span_iprefix(s, "url")) {
		struct span rest = span_trim(span_sub(s, 3, SIZE_MAX));

		if (rest.n > 0 && rest.p[0] == '=')
			s = span_trim(span_sub(rest, 1, SIZE_MAX));
	}
	if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
		unsigned char quote = s.p[0];

		s = span_sub(s, 1, SIZE_MAX);
		s = span_sub(s, 0, span_chr(s, 0, quote));
	}
	if (s.n > 0)
		add(k, written, s);
}

static enum holds
holds_of(struct span name)
{
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (span_ieqs(name, attrs[i].name))
			return attrs[i].holds;
	return HOLDS_NONE;
}

static struct span
decoded(struct linker *k, struct span value, size_t max)
{
	buf_reset(&k->value);
	entity_decode_attr(&k->value, span_sub(value, 0, max));
	return buf_span(&k->value);
}

static void
read_attr(struct linker *k, const struct html_attr *a)
{
	enum holds h = holds_of(a->name);
	struct span v;

	if (h == HOLDS_NONE && (a->name.n < 3 || !span_iprefix(a->name, "on")))
		return;
	v = decoded(k, a->value, h == HOLDS_URL ? ATTR_MAX : ATTR_LONG_MAX);
	if (h == HOLDS_NONE)
		add_script(k, v);
	else if (h == HOLDS_URL)
		add(k, a->value, v);
	else if (h == HOLDS_URLS || h == HOLDS_SRCSET)
		add_list(k, a->value, v, h == HOLDS_SRCSET);
	else if (h == HOLDS_STYLE)
		add_css(k, v, a->value);
	else if (h == HOLDS_VALUES)
		add_values(k, a->value, v);
	else
		add_doc(k, v, true);
}

static void
read_tag(struct linker *k, const struct html_token *t)
{
	struct html_attrs it = html_attrs(t);
	struct html_attr a;
	bool meta = span_ieqs(t->name, "meta"), refresh = false;
	struct span content = {NULL, 0};

	while (html_attr_next(&it, &a)) {
		if (meta && span_ieqs(a.name, "http-equiv"))
			refresh = span_ieqs(span_trim(a.value), "refresh");
		else if (meta && span_ieqs(a.name, "content"))
			content = a.value;
		else
			read_attr(k, &a);
	}
	if (refresh)
		add_refresh(k, content, decoded(k, content, ATTR_MAX));
}

static void
read_raw(struct linker *k, struct span element, struct span s)
{
	if (span_ieqs(element, "script"))
		add_script(k, s);
	else if (span_ieqs(element, "style"))
		add_css(k, s, s);
	else
		add_doc(k, s, false);
}

static void
read_doc(struct linker *k, struct span html)
{
	struct html_lexer lexer;
	struct html_token t;
	struct span element = {NULL, 0};

	html_lexer_init(&lexer, html);
	while (html_next(&lexer, &t)) {
		/* Outlook reads what is in <!--[if mso]> ... <![endif]-->. */
		if (t.type == HTML_COMMENT && span_iprefix(t.body, "[if"))
			add_doc(k, t.body, false);
		else if (t.type == HTML_RAW_TEXT)
			read_raw(k, element, t.body);
		else if (t.type == HTML_START || t.type == HTML_END)
			read_tag(k, &t);
		if (t.type == HTML_START)
			element = t.name;
	}
}

static bool
may_have_base(struct span html)
{
	for (size_t i = 0; (i = span_chr(html, i, '<')) < html.n; i++)
		if (span_iprefix(span_sub(html, i, 5), "<base"))
			return true;
	return false;
}

/* The first <base href>, wherever it stands, is that of the document. */
static void
find_base(struct linker *k, struct span html, struct buf *norm)
{
	struct html_lexer lexer;
	struct html_token t;
	struct html_attr a;

	html_lexer_init(&lexer, html);
	if (!may_have_base(html))
		return;
	while (!k->has_base && html_next(&lexer, &t)) {
		struct html_attrs it = html_attrs(&t);

		if (t.type != HTML_START || !span_ieqs(t.name, "base"))
			continue;
		while (!k->has_base && html_attr_next(&it, &a)) {
			buf_reset(norm);
			k->has_base = span_ieqs(a.name, "href") &&
			    url_normalise(norm, &k->base.at, decoded(k,
			    a.value, ATTR_MAX), SPAN_LIT(""), NULL) &&
			    k->base.at.host_n > 0;
		}
	}
	k->base.norm = (const char *)norm->p;
	k->base.n = norm->n;
}

/* Links that a client makes of what is no link in the source. */
static void
read_text(struct url_list *l, struct span html)
{
	struct html_text t;
	char *copy;

	html_text_of(&t, html, HTML_TEXT_GROWTH * (html.n + 1));
	copy = arena_strndup(l->a, buf_span(&t.text));
	if (copy != NULL)
		url_list_add_text(l, span_of(copy, t.text.n), URL_IN_TEXT);
	else
		l->full = true;
	html_text_free(&t);
}

void
url_list_add_html(struct url_list *l, struct span html)
{
	struct linker *k = arena_alloc(l->a, sizeof(*k));
	struct buf base;

	if (k == NULL) {
		l->full = true;
		return;
	}
	memset(k, 0, sizeof(*k));
	k->l = l;
	buf_init(&k->value, 2 * ATTR_LONG_MAX);
	buf_init(&k->css, CSS_GROWTH * ATTR_LONG_MAX);
	buf_init(&base, URL_NORM_MAX);
	find_base(k, html, &base);
	k->doc[k->ndoc++] = (struct doc){html, 0};
	for (size_t i = 0; i < k->ndoc; i++) {
		k->depth = k->doc[i].depth;
		read_doc(k, k->doc[i].html);
	}
	read_text(l, html);
	buf_free(&base);
	buf_free(&k->value);
	buf_free(&k->css);
}
