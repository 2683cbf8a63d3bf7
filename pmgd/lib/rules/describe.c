/* Rules in words, for 80 columns. */
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/rules/describe.h"
#include "lib/rules/ruleset.h"

enum {
	COLUMNS = 79,
	OBJECTS_SHOWN = 10,	/* of one group */
	INDENT_GROUP = 14,
	INDENT_OBJECT = 16,
};

static size_t
columns(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

/*
 * Appends words of text, broken at blanks so that lines end before COLUMNS;
 * further lines begin at indent. at: the column that out stands in.
 */
static void
put_wrapped(struct buf *out, size_t at, size_t indent, struct span text)
{
	bool first = true;

	for (size_t i = 0; i < text.n;) {
		size_t end = span_chr(text, i, ' ');
		struct span word = span_sub(text, i, end - i);
		size_t width = columns(word);

		if (!first && at + 1 + width > COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_putc(out, ' ');
			at++;
		}
		buf_puts_span(out, word);
		at += width;
		first = false;
		i = end + 1;
	}
	buf_putc(out, '\n');
}

static void
put_object_line(struct buf *out, const struct object *o)
{
	AUTO_BUF struct buf text = {.max = 64 * DESCRIBE_TEXT_MAX};

	object_describe(&text, o);
	buf_printf(out, "%*s", INDENT_OBJECT, "");
	put_wrapped(out, INDENT_OBJECT, INDENT_OBJECT + 2, buf_span(&text));
}

/* Behind a group's name: what its objects have to do. */
static const char *
group_mode(const struct object_group *g)
{
	static const char *const words[] = {"", " (all of these)",
		" (at least one of these does not)", " (none of these)"};

	return g->cat == CAT_ACTION ? "" : words[g->mode];
}

static const char *
empty_words(const struct object_group *g)
{
	if (g->cat == CAT_ACTION)
		return "(empty: does nothing)";
	return g->mode == MATCH_NONE ? "(empty: always matches)" :
	    "(empty: never matches)";
}

static void
put_group(struct buf *out, const char *title, const struct object_group *g)
{
	AUTO_BUF struct buf name = {.max = 64 * DESCRIBE_TEXT_MAX};

	describe_text(&name, g->name);
	buf_puts(&name, group_mode(g));
	buf_printf(out, "      %-8s", title);
	put_wrapped(out, INDENT_GROUP, INDENT_GROUP, buf_span(&name));
	for (size_t i = 0; i < g->nobject && i < OBJECTS_SHOWN; i++)
		put_object_line(out, &g->object[i]);
	if (g->nobject > OBJECTS_SHOWN)
		buf_printf(out, "%*s... and %zu more\n", INDENT_OBJECT, "",
		    g->nobject - OBJECTS_SHOWN);
	if (g->nobject == 0)
		buf_printf(out, "%*s%s\n", INDENT_OBJECT, "", empty_words(g));
}

static void
put_title(struct buf *out, const struct rule *r)
{
	static const char *const dir[] = {"incoming", "outgoing",
		"incoming and outgoing"};
	AUTO_BUF struct buf name = {.max = 64 * DESCRIBE_TEXT_MAX};

	describe_text(&name, r->name);
	buf_printf(&name, " [%s%s]", dir[r->dir],
	    r->active ? "" : ", NOT ACTIVE");
	buf_printf(out, "%c%3d  ", r->active ? ' ' : '-', r->priority);
	put_wrapped(out, 6, 6, buf_span(&name));
}

/* Whether the groups of the category have to fail. */
static bool
is_inverted(const struct rule *r, int cat)
{
	return r->mode[cat] == MATCH_NOT_ALL || r->mode[cat] == MATCH_NONE;
}

/* "From", and "or", "and" in front of further groups. */
static void
put_category(struct buf *out, const struct rule *r, int cat)
{
	static const char *const title[CAT_COUNT] = {"From", "To", "When",
		"What", "Action"};
	static const char *const joint[] = {"or", "and", "", ""};
	const char *first = title[cat];
	bool action = cat == CAT_ACTION;

	if (!action && is_inverted(r, cat) && r->ngroup[cat] > 0) {
		buf_printf(out, "      %-8s", first);
		buf_puts(out, r->mode[cat] == MATCH_NONE ?
		    "none of these groups matches:\n" :
		    "at least one of these groups does not match:\n");
		first = "";
	}
	for (size_t i = 0; i < r->ngroup[cat]; i++)
		put_group(out, i == 0 ? first : action ? "and" :
		    joint[r->mode[cat]], r->group[cat][i]);
}

void
rule_describe(struct buf *out, const struct rule *r)
{
	bool any = true;

	put_title(out, r);
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		if (cat == CAT_ACTION && any)
			buf_puts(out, "      Any mail\n");
		put_category(out, r, cat);
		any = any && r->ngroup[cat] == 0;
	}
	if (r->ngroup[CAT_ACTION] == 0)
		buf_puts(out, "      No action: the rule does nothing\n");
}

void
match_describe(struct buf *out, const struct plan_match *m, enum category cat)
{
	const struct object_group *g = m->group[cat];

	if (g == NULL)
		return;
	describe_text(out, g->name);
	buf_puts(out, ": ");
	if (m->object[cat] != NULL)
		object_describe(out, m->object[cat]);
	else if (is_inverted(m->rule, cat))
		buf_puts(out, "does not match");
	else
		buf_puts(out, g->mode == MATCH_NONE ?
		    "none of its objects matches" :
		    "at least one of its objects does not match");
}
