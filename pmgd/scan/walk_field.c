/*
 * Fields of a WordprocessingML text (ECMA-376 part 1, 17.16). The instruction
 * of one may be split over runs and have other fields in it; only its first
 * word counts here.
 */
#include "scan/walk_active.h"

#include <string.h>
#include <strings.h>

enum { FIELD_WORD = 7, FIELD_DEPTH = 32 };

struct level {
	char word[FIELD_WORD + 1];
	size_t n;		/* of it; more than FIELD_WORD: too long */
	bool done;		/* the word has ended */
};

struct fields {
	struct level level[FIELD_DEPTH];
	size_t depth;		/* deeper ones have no level of their own */
	bool in_text;		/* of an instruction */
	bool found;
};

static void
level_end(struct fields *f, struct level *l)
{
	l->done = true;
	if (l->n <= FIELD_WORD && (strcasecmp(l->word, "DDE") == 0 ||
	    strcasecmp(l->word, "DDEAUTO") == 0))
		f->found = true;
}

static void
level_text(struct fields *f, struct level *l, struct span text)
{
	for (size_t i = 0; i < text.n && !l->done; i++) {
		unsigned char c = text.p[i];

		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
			if (l->n < FIELD_WORD)
				l->word[l->n] = (char)c;
			l->n++;
		} else if (l->n > 0 || c > ' ') {
			level_end(f, l);
		}
	}
}

static struct level *
level_now(struct fields *f)
{
	return &f->level[f->depth < FIELD_DEPTH ? f->depth : FIELD_DEPTH - 1];
}

/* Name without prefix, as far as it decides. */
static struct span
local_name(struct span tag)
{
	size_t from = 0, at = 0;

	for (; at < tag.n && tag.p[at] > ' ' && tag.p[at] != '/'; at++)
		if (tag.p[at] == ':')
			from = at + 1;
	return span_sub(tag, from, at - from);
}

/* The value of an attribute by its local name, without the opening quote. */
static struct span
attribute(struct span tag, const char *name)
{
	struct span word = span_str(name);

	for (size_t at = 0; (at = span_find(tag, at, word)) != SIZE_MAX;
	    at++) {
		size_t v = at + word.n;

		if (at == 0 || (tag.p[at - 1] > ' ' && tag.p[at - 1] != ':'))
			continue;
		while (v < tag.n && (tag.p[v] <= ' ' || tag.p[v] == '='))
			v++;
		if (v < tag.n && (tag.p[v] == '"' || tag.p[v] == '\''))
			return span_sub(tag, v + 1, tag.n);
	}
	return span_of(NULL, 0);
}

static void
simple_field(struct fields *f, struct span instruction)
{
	struct level l = {.n = 0};
	size_t end = span_chr(instruction, 0, '"');

	level_text(f, &l, span_sub(instruction, 0, end));
	if (!l.done)
		level_end(f, &l);
}

static void
field_mark(struct fields *f, struct span tag)
{
	struct span type = attribute(tag, "fldCharType");

	if (span_iprefix(type, "begin")) {
		f->depth++;
		*level_now(f) = (struct level){.n = 0};
		return;
	}
	if (!level_now(f)->done)
		level_end(f, level_now(f));
	if (span_iprefix(type, "end") && f->depth > 0)
		f->depth--;
}

static void
take_tag(struct fields *f, struct span tag)
{
	bool close = tag.n > 0 && tag.p[0] == '/';
	struct span name = local_name(close ? span_sub(tag, 1, tag.n) : tag);

	if (span_ieqs(name, "instrText"))
		f->in_text = !close && tag.p[tag.n - 1] != '/';
	else if (span_ieqs(name, "fldSimple"))
		simple_field(f, attribute(tag, "instr"));
	else if (span_ieqs(name, "fldChar") && !close)
		field_mark(f, tag);
}

/* What is between < and the next tag's <: returns where that is. */
static size_t
take_piece(struct fields *f, struct span s, size_t at)
{
	const struct span cdata = SPAN_LIT("<![CDATA["), note = SPAN_LIT("<!--");
	struct span rest = span_sub(s, at, s.n);
	size_t end, next;

	if (span_eq(span_sub(rest, 0, note.n), note)) {
		end = span_find(rest, note.n, SPAN_LIT("-->"));
		end = end == SIZE_MAX ? rest.n : end + 2;
	} else if (span_eq(span_sub(rest, 0, cdata.n), cdata)) {
		end = span_find(rest, cdata.n, SPAN_LIT("]]>"));
		end = end == SIZE_MAX ? rest.n : end + 2;
		if (f->in_text)
			level_text(f, level_now(f), span_sub(rest, cdata.n,
			    end - cdata.n - 2));
	} else {
		end = span_chr(rest, 1, '>');
		take_tag(f, span_sub(rest, 1, end - 1));
	}
	if (end >= rest.n)
		return s.n;
	next = span_chr(rest, end + 1, '<');
	if (f->in_text)
		level_text(f, level_now(f), span_sub(rest, end + 1,
		    next - end - 1));
	return at + next;
}

bool
active_fields(struct span s)
{
	struct fields f = {.depth = 0};

	if (span_find(s, 0, SPAN_LIT("instrText")) == SIZE_MAX &&
	    span_find(s, 0, SPAN_LIT("fldSimple")) == SIZE_MAX)
		return false;
	for (size_t at = span_chr(s, 0, '<'); at < s.n && !f.found;)
		at = take_piece(&f, s, at);
	if (!level_now(&f)->done)
		level_end(&f, level_now(&f));
	return f.found;
}
