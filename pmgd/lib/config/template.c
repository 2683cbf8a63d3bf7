#include "lib/config/template.h"

#include <stdbool.h>
#include <string.h>

enum { DEPTH_MAX = 16, NAME_MAX_BYTES = 64 };

struct block {
	unsigned line;
	bool unless;
	bool seen_else;
	bool outer;	/* what is around it is shown */
	bool shown;
};

struct renderer {
	const struct template *t;
	struct buf *out;
	size_t pos;
	unsigned line;
	struct block block[DEPTH_MAX];
	size_t depth;
	struct err *e;
};

static int
fail(struct renderer *r, const char *what, const char *name)
{
	return err_set(r->e, "%s:%u: %s%s%s", r->t->file, r->line, what,
	    *name ? ": " : "", name);
}

static bool
shown(const struct renderer *r)
{
	return r->depth == 0 || r->block[r->depth - 1].shown;
}

static const char *
value_of(struct renderer *r, const char *name)
{
	const char *v = r->t->lookup(r->t->arg, name);

	if (v == NULL)
		fail(r, "unknown name", name);
	return v;
}

static int
open_block(struct renderer *r, const char *name, bool unless)
{
	/* Hidden text is checked too: its names must exist. */
	const char *v = value_of(r, name);
	struct block *b;

	if (v == NULL)
		return -1;
	if (r->depth == DEPTH_MAX)
		return fail(r, "blocks are nested too deeply", "");
	b = &r->block[r->depth];
	*b = (struct block){.line = r->line, .unless = unless,
	    .outer = shown(r)};
	b->shown = b->outer &&
	    (*v != '\0' && strcmp(v, "0") != 0) != unless;
	r->depth++;
	return 0;
}

static int
close_block(struct renderer *r, bool unless)
{
	if (r->depth == 0 || r->block[r->depth - 1].unless != unless)
		return fail(r, "this end has no beginning", "");
	r->depth--;
	return 0;
}

static int
turn_block(struct renderer *r)
{
	struct block *b;

	if (r->depth == 0 || r->block[r->depth - 1].seen_else)
		return fail(r, "{{else}} without {{#if}}", "");
	b = &r->block[r->depth - 1];
	b->seen_else = true;
	b->shown = b->outer && !b->shown;
	return 0;
}

static int
put_value(struct renderer *r, const char *name)
{
	const char *v = value_of(r, name);

	if (v == NULL)
		return -1;
	if (!shown(r))
		return 0;
	if (r->t->escape != NULL)
		r->t->escape(r->out, v);
	else
		buf_puts(r->out, v);
	return 0;
}

/* True for a directive: what may stand alone on a line without a trace. */
static bool
is_directive(struct span tag)
{
	return tag.n > 0 && (tag.p[0] == '#' || tag.p[0] == '/' ||
	    tag.p[0] == '!' || span_eq(tag, SPAN_LIT("else")));
}

static int
apply(struct renderer *r, struct span tag)
{
	char text[NAME_MAX_BYTES];

	if (tag.n > 0 && tag.p[0] == '!')
		return 0;
	if (tag.n == 0 || tag.n >= sizeof(text) ||
	    memchr(tag.p, '\0', tag.n) != NULL)
		return fail(r, "a name of 1 to 63 bytes is expected", "");
	memcpy(text, tag.p, tag.n);
	text[tag.n] = '\0';
	if (strncmp(text, "#if ", 4) == 0)
		return open_block(r, text + 4, false);
	if (strncmp(text, "#unless ", 8) == 0)
		return open_block(r, text + 8, true);
	if (strcmp(text, "else") == 0)
		return turn_block(r);
	if (strcmp(text, "/if") == 0)
		return close_block(r, false);
	if (strcmp(text, "/unless") == 0)
		return close_block(r, true);
	if (text[0] == '#' || text[0] == '/')
		return fail(r, "unknown directive", text);
	return put_value(r, text);
}

/* [*from, *to) grows to its whole line when there is nothing else on it. */
static void
widen_to_line(struct span s, size_t *from, size_t *to)
{
	size_t a = *from, b = *to;

	while (a > 0 && (s.p[a - 1] == ' ' || s.p[a - 1] == '\t'))
		a--;
	while (b < s.n && (s.p[b] == ' ' || s.p[b] == '\t'))
		b++;
	if ((a > 0 && s.p[a - 1] != '\n') || (b < s.n && s.p[b] != '\n'))
		return;
	*from = a;
	*to = b < s.n ? b + 1 : b;
}

static void
put_text(struct renderer *r, size_t from, size_t to)
{
	if (shown(r))
		buf_puts_span(r->out, span_sub(r->t->text, from, to - from));
	for (; from < to; from++)
		r->line += r->t->text.p[from] == '\n';
}

static int
next_tag(struct renderer *r, size_t from)
{
	struct span s = r->t->text, tag;
	size_t close = span_find(s, from, SPAN_LIT("}}"));
	size_t first = from, last;
	int rc;

	if (close == SIZE_MAX) {
		put_text(r, r->pos, from);
		return fail(r, "{{ without }}", "");
	}
	tag = span_trim(span_sub(s, from + 2, close - from - 2));
	last = close + 2;
	if (is_directive(tag))
		widen_to_line(s, &first, &last);
	/* A directive before this one may have taken the blanks already. */
	put_text(r, r->pos, first < r->pos ? r->pos : first);
	rc = apply(r, tag);
	for (size_t i = first; i < last; i++)
		r->line += s.p[i] == '\n';
	r->pos = last;
	return rc;
}

int
template_render(const struct template *t, struct buf *out, struct err *e)
{
	struct renderer r = {.t = t, .out = out, .line = 1, .e = e};
	size_t from;

	while ((from = span_find(t->text, r.pos, SPAN_LIT("{{"))) != SIZE_MAX)
		if (next_tag(&r, from) != 0)
			return -1;
	put_text(&r, r.pos, t->text.n);
	if (r.depth > 0) {
		r.line = r.block[r.depth - 1].line;
		return fail(&r, "this block has no end", "");
	}
	if (out->overflow)
		return err_set(e, "%s: the result is too large", t->file);
	return 0;
}
