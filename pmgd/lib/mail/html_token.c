#include "lib/mail/html_token.h"

#include "lib/base/str.h"
#include "lib/mail/html_tag.h"

void
html_lexer_init(struct html_lexer *l, struct span html)
{
	memset(l, 0, sizeof(*l));
	l->in = html;
}

static bool
is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool
is_alpha(unsigned char c)
{
	int l = ascii_lower(c);

	return l >= 'a' && l <= 'z';
}

static bool
ends_name(unsigned char c)
{
	return is_space(c) || c == '/' || c == '>';
}

static struct span
between(struct span s, size_t from, size_t to)
{
	return span_sub(s, from, to - from);
}

static size_t
skip_space(struct span s, size_t i)
{
	while (i < s.n && is_space(s.p[i]))
		i++;
	return i;
}

/* The value behind '=' at *pos. A '>' instead of it ends the tag. */
static struct span
read_value(struct span s, size_t *pos)
{
	size_t i = skip_space(s, *pos);
	size_t from = i;

	if (i < s.n && (s.p[i] == '"' || s.p[i] == '\'')) {
		size_t end = span_chr(s, i + 1, s.p[i]);

		*pos = end < s.n ? end + 1 : end;
		return between(s, i + 1, end);
	}
	while (i < s.n && !is_space(s.p[i]) && s.p[i] != '>')
		i++;
	*pos = i;
	return between(s, from, i);
}

/* One attribute; false with *pos at the '>' or at the end. */
static bool
read_attr(struct span s, size_t *pos, struct html_attr *a)
{
	size_t i = *pos, from;

	while (i < s.n && (is_space(s.p[i]) || s.p[i] == '/'))
		i++;
	*pos = i;
	if (i >= s.n || s.p[i] == '>')
		return false;
	/* An '=' in front belongs to the name. */
	for (from = i++; i < s.n && !ends_name(s.p[i]) && s.p[i] != '=';)
		i++;
	a->name = between(s, from, i);
	a->value = span_sub(s, i, 0);
	*pos = i;
	i = skip_space(s, i);
	if (i < s.n && s.p[i] == '=') {
		*pos = i + 1;
		a->value = read_value(s, pos);
	}
	return true;
}

bool
html_attr_next(struct html_attrs *it, struct html_attr *a)
{
	return read_attr(it->s, &it->pos, a);
}

/* Elements of SVG and MathML in which HTML goes on. */
static bool
is_html_island(struct span name)
{
	return span_ieqs(name, "foreignobject") || span_ieqs(name, "desc") ||
	    span_ieqs(name, "annotation-xml") || span_ieqs(name, "mtext") ||
	    span_ieqs(name, "mi") || span_ieqs(name, "mo") ||
	    span_ieqs(name, "mn") || span_ieqs(name, "ms");
}

static void
follow_foreign(struct html_lexer *l, const struct html_token *t)
{
	bool root = span_ieqs(t->name, "svg") || span_ieqs(t->name, "math");

	if (t->type == HTML_START) {
		if (root)
			l->foreign = !t->self_closing;
		else if ((t->flags & HTML_BREAKOUT) != 0 ||
		    is_html_island(t->name))
			l->foreign = false;
	} else if (root) {
		l->foreign = false;
	} else if (is_html_island(t->name)) {
		l->foreign = true;
	}
}

/* Behind "<" or "</" stands a letter. */
static void
read_tag(struct html_lexer *l, struct html_token *t, size_t name)
{
	struct span s = l->in;
	struct html_attr a;
	size_t i = name, attrs, last;

	while (i < s.n && !ends_name(s.p[i]))
		i++;
	t->name = between(s, name, i);
	t->flags = html_tag_flags(t->name);
	attrs = i;
	do {
		last = i;
	} while (read_attr(s, &i, &a));
	t->body = between(s, attrs, i);
	t->cut = i >= s.n;
	t->self_closing = !t->cut && i > last && s.p[i - 1] == '/';
	l->pos = t->cut ? s.n : i + 1;
	follow_foreign(l, t);
	if (t->type == HTML_START && !l->foreign &&
	    (t->flags & (HTML_RAW | HTML_RCDATA)) != 0) {
		l->raw = t->name;
		l->rcdata = (t->flags & HTML_RCDATA) != 0;
	}
}

/*
 * Offset of the first '>' at or behind from with those bytes between from and
 * it; the input's length if none. (memmem() in a loop is slow under ASan.)
 */
static size_t
find_end(struct span s, size_t from, const char *before)
{
	size_t n = strlen(before), i;

	for (i = span_chr(s, from, '>'); i < s.n; i = span_chr(s, i + 1, '>'))
		if (i - from >= n && memcmp(s.p + i - n, before, n) == 0)
			break;
	return i;
}

/* Content from `from` up to those bytes and a '>', or up to the input's end. */
static void
read_until(struct html_lexer *l, struct html_token *t, size_t from,
    const char *before)
{
	size_t at = find_end(l->in, from, before);

	t->cut = at == l->in.n;
	t->body = between(l->in, from, t->cut ? at : at - strlen(before));
	l->pos = t->cut ? at : at + 1;
}

/* "-->", "--!>", and right behind the start also ">" and "->". */
static void
read_comment(struct html_lexer *l, struct html_token *t, size_t from)
{
	struct span s = l->in;
	size_t i;

	if (span_iprefix(span_sub(s, from, 1), ">") ||
	    span_iprefix(span_sub(s, from, 2), "->")) {
		t->body = span_sub(s, from, 0);
		l->pos = from + (s.p[from] == '>' ? 1 : 2);
		return;
	}
	for (i = from; (i = span_chr(s, i, '>')) < s.n; i++) {
		size_t n = i > from && s.p[i - 1] == '!' ? 3 : 2;

		if (i - from >= n && s.p[i - n] == '-' &&
		    s.p[i - n + 1] == '-') {
			t->body = between(s, from, i - n);
			l->pos = i + 1;
			return;
		}
	}
	t->cut = true;
	t->body = between(s, from, s.n);
	l->pos = s.n;
}

/* Behind "<!". */
static void
read_declaration(struct html_lexer *l, struct html_token *t)
{
	struct span rest = span_sub(l->in, l->pos + 2, SIZE_MAX);
	size_t from = l->pos + 2;

	t->type = HTML_COMMENT;
	if (span_iprefix(rest, "--")) {
		read_comment(l, t, from + 2);
	} else if (span_iprefix(rest, "doctype")) {
		t->type = HTML_DOCTYPE;
		read_until(l, t, from + 7, "");
	} else if (l->foreign && rest.n >= 7 &&
	    memcmp(rest.p, "[CDATA[", 7) == 0) {
		t->type = HTML_RAW_TEXT;
		read_until(l, t, from + 7, "]]");
	} else {
		read_until(l, t, from, "");
	}
}

/* A '<' that begins anything but text; *name: offset of a tag's name. */
static bool
is_markup(struct span s, size_t i)
{
	unsigned char c;

	if (i + 1 >= s.n)
		return false;
	c = s.p[i + 1];
	return is_alpha(c) || c == '!' || c == '?' || (c == '/' && i + 2 < s.n);
}

static void
read_markup(struct html_lexer *l, struct html_token *t)
{
	struct span s = l->in;
	size_t i = l->pos;
	unsigned char c = s.p[i + 1];

	if (is_alpha(c)) {
		t->type = HTML_START;
		read_tag(l, t, i + 1);
	} else if (c == '!') {
		read_declaration(l, t);
	} else if (c == '/' && is_alpha(s.p[i + 2])) {
		t->type = HTML_END;
		read_tag(l, t, i + 2);
	} else {
		t->type = HTML_COMMENT;
		read_until(l, t, i + (c == '/' ? 2 : 1), "");
	}
}

/* "<name" or "</name" at i, and the name ends there. */
static bool
tag_at(struct span s, size_t i, struct span name, bool end)
{
	size_t n = i + (end ? 2 : 1);

	return (!end || (i + 1 < s.n && s.p[i + 1] == '/')) &&
	    span_ieq(span_sub(s, n, name.n), name) && n + name.n < s.n &&
	    ends_name(s.p[n + name.n]);
}

/*
 * Where the content of a script ends: "<!--" and then "<script" in it take its
 * end tags in, up to "-->".
 */
static size_t
script_end(struct span s, size_t i, struct span name)
{
	bool escaped = false, twice = false;

	for (; i < s.n; i++) {
		struct span here;

		if (!escaped)
			i = span_chr(s, i, '<');
		while (i < s.n && s.p[i] != '<' && s.p[i] != '-')
			i++;
		here = span_sub(s, i, 4);
		if (span_iprefix(here, "-->")) {
			escaped = twice = false;
		} else if (!escaped && span_iprefix(here, "<!--")) {
			escaped = true;
			i++;
		} else if (tag_at(s, i, name, true)) {
			if (!twice)
				return i;
			twice = false;
		} else if (escaped && tag_at(s, i, name, false)) {
			twice = true;
		}
	}
	return s.n;
}

static size_t
raw_end(struct span s, size_t i, struct span name)
{
	if (span_ieqs(name, "plaintext"))
		return s.n;
	if (span_ieqs(name, "script"))
		return script_end(s, i, name);
	for (i = span_chr(s, i, '<'); i < s.n; i = span_chr(s, i + 1, '<'))
		if (tag_at(s, i, name, true))
			return i;
	return s.n;
}

bool
html_next(struct html_lexer *l, struct html_token *t)
{
	struct span s = l->in;
	size_t from = l->pos, i;

	if (from >= s.n)
		return false;
	memset(t, 0, sizeof(*t));
	if (l->raw.n > 0) {
		i = raw_end(s, from, l->raw);
		t->type = l->rcdata ? HTML_TEXT : HTML_RAW_TEXT;
		t->cut = i == s.n;
		l->raw.n = 0;
		if (i > from) {
			l->pos = i;
			t->src = t->body = between(s, from, i);
			return true;
		}
	}
	if (s.p[from] == '<' && is_markup(s, from)) {
		read_markup(l, t);
		t->src = between(s, from, l->pos);
		return true;
	}
	for (i = span_chr(s, from + 1, '<'); i < s.n && !is_markup(s, i);)
		i = span_chr(s, i + 1, '<');
	t->type = HTML_TEXT;
	t->cut = false;
	l->pos = i;
	t->src = t->body = between(s, from, i);
	return true;
}
