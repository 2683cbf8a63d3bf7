/* Rules and objects in words, for 80 columns. */
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/rules/ruleset.h"

enum {
	COLUMNS = 79,
	OBJECTS_SHOWN = 10,	/* of one group */
	TEXT_SHOWN = 1024,	/* bytes of one text */
	INDENT_GROUP = 14,
	INDENT_OBJECT = 16,
};

/* As log_safe(), but a backslash stays single: expressions are full of them. */
static void
put_clean(struct buf *out, const char *s)
{
	AUTO_BUF struct buf safe = {.max = 8 * TEXT_SHOWN};
	struct span in;

	log_safe(&safe, span_str(s), TEXT_SHOWN);
	in = buf_span(&safe);
	for (size_t i = 0; i < in.n; i++) {
		buf_putc(out, in.p[i]);
		if (in.p[i] == '\\' && i + 1 < in.n && in.p[i + 1] == '\\')
			i++;
	}
}

static void
put_quoted(struct buf *out, const char *before, const char *s)
{
	buf_puts(out, before);
	buf_puts(out, " \"");
	put_clean(out, s);
	buf_putc(out, '"');
}

static void
put_word(struct buf *out, const char *before, const char *s)
{
	buf_puts(out, before);
	buf_putc(out, ' ');
	put_clean(out, s);
}

static void
put_minutes(struct buf *out, int64_t m)
{
	buf_printf(out, "%02d:%02d", (int)(m / 60), (int)(m % 60));
}

static void
describe_time(struct buf *out, const struct object *o)
{
	if (o->number == o->number2) {
		buf_puts(out, "all day");
		return;
	}
	buf_puts(out, "from ");
	put_minutes(out, o->number);
	buf_puts(out, " to ");
	put_minutes(out, o->number2);
	if (o->number > o->number2)
		buf_puts(out, " of the next day");
}

static void
describe_remove(struct buf *out, const struct object *o)
{
	buf_puts(out, o->flags & OBJ_REMOVE_ALL ? "remove all attachments" :
	    "remove the attachments that matched");
	if (o->flags & OBJ_QUARANTINE_COPY)
		buf_puts(out, " and keep the original mail in the attachment "
		    "quarantine");
}

static void
describe_action(struct buf *out, const struct object *o)
{
	switch (o->type) {
	case ACTION_ACCEPT:
		buf_puts(out, "deliver the mail");
		break;
	case ACTION_BLOCK:
		buf_puts(out, "throw the mail away");
		break;
	case ACTION_QUARANTINE:
		buf_puts(out, "put the mail into the quarantine");
		break;
	case ACTION_NOTIFY:
		put_word(out, "write to", o->value);
		put_quoted(out, ", subject", o->value2);
		if (o->flags & OBJ_ATTACH_ORIGINAL)
			buf_puts(out, ", with the original mail attached");
		break;
	case ACTION_FIELD:
		put_quoted(out, "set the header field", o->value);
		put_quoted(out, " to", o->value2);
		break;
	case ACTION_BCC:
		put_word(out, o->flags & OBJ_ORIGINAL ?
		    "send a copy of the original mail to" :
		    "send a copy of the changed mail to", o->value);
		break;
	case ACTION_REMOVE:
		describe_remove(out, o);
		break;
	case ACTION_DISCLAIMER:
		buf_printf(out, "add the disclaimer at the %s of the text%s",
		    o->flags & OBJ_AT_START ? "start" : "end",
		    o->flags & OBJ_SEPARATOR ? ", behind a line" : "");
		break;
	default:
		buf_puts(out, object_type_name(o->type));
		break;
	}
}

void
object_describe(struct buf *out, const struct object *o)
{
	switch (o->type) {
	case WHO_REGEX:
		put_quoted(out, "address matches", o->value);
		break;
	case WHO_EMAIL:
		put_word(out, "address is", o->value);
		break;
	case WHO_DOMAIN:
		put_word(out, "any address at", o->value);
		break;
	case WHO_IP:
		put_word(out, "client is", o->value);
		break;
	case WHO_NETWORK:
		put_word(out, "client is in", o->value);
		break;
	case WHEN_TIMEFRAME:
		describe_time(out, o);
		break;
	case WHAT_SPAM:
		buf_printf(out, "spam level is %d or higher", (int)o->number);
		break;
	case WHAT_VIRUS:
		buf_puts(out, "a virus was found");
		break;
	case WHAT_FIELD:
		put_quoted(out, "header field", o->value);
		put_quoted(out, " matches", o->value2);
		break;
	case WHAT_CONTENT_TYPE:
		put_quoted(out, "content type matches", o->value);
		break;
	case WHAT_FILENAME:
		put_quoted(out, "file name matches", o->value);
		break;
	case WHAT_ARCHIVE_TYPE:
		put_quoted(out, "content type, also in archives, matches",
		    o->value);
		break;
	case WHAT_ARCHIVE_NAME:
		put_quoted(out, "file name in an archive matches", o->value);
		break;
	case WHAT_ENCRYPTED:
		buf_puts(out, "something cannot be read without a password");
		break;
	case WHAT_UNREADABLE:
		buf_puts(out, "an archive is broken or of an unknown kind");
		break;
	case WHAT_MACROS:
		buf_puts(out, "a document has macros or other active content");
		break;
	case WHAT_AMBIGUOUS:
		buf_puts(out, "mail programs read it differently");
		break;
	case WHAT_LIMITS:
		buf_puts(out, "it is too deep, too large or too much to be "
		    "checked whole");
		break;
	default:
		describe_action(out, o);
		break;
	}
}

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
	AUTO_BUF struct buf text = {.max = 64 * TEXT_SHOWN};

	object_describe(&text, o);
	buf_printf(out, "%*s", INDENT_OBJECT, "");
	put_wrapped(out, INDENT_OBJECT, INDENT_OBJECT + 2, buf_span(&text));
}

static void
put_group(struct buf *out, const char *title, const struct object_group *g)
{
	AUTO_BUF struct buf name = {.max = 64 * TEXT_SHOWN};

	put_clean(&name, g->name);
	buf_printf(out, "      %-8s", title);
	put_wrapped(out, INDENT_GROUP, INDENT_GROUP, buf_span(&name));
	for (size_t i = 0; i < g->nobject && i < OBJECTS_SHOWN; i++)
		put_object_line(out, &g->object[i]);
	if (g->nobject > OBJECTS_SHOWN)
		buf_printf(out, "%*s... and %zu more\n", INDENT_OBJECT, "",
		    g->nobject - OBJECTS_SHOWN);
	if (g->nobject == 0)
		buf_printf(out, "%*s(empty: never matches)\n", INDENT_OBJECT,
		    "");
}

static void
put_title(struct buf *out, const struct rule *r)
{
	static const char *const dir[] = {"incoming", "outgoing",
		"incoming and outgoing"};
	AUTO_BUF struct buf name = {.max = 64 * TEXT_SHOWN};

	put_clean(&name, r->name);
	buf_printf(&name, " [%s%s]", dir[r->dir],
	    r->active ? "" : ", NOT ACTIVE");
	buf_printf(out, "%c%3d  ", r->active ? ' ' : '-', r->priority);
	put_wrapped(out, 6, 6, buf_span(&name));
}

void
rule_describe(struct buf *out, const struct rule *r)
{
	static const char *const title[CAT_COUNT] = {"From", "To", "When",
		"What", "Action"};
	bool any = true;

	put_title(out, r);
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		if (cat == CAT_ACTION && any)
			buf_puts(out, "      Any mail\n");
		for (size_t i = 0; i < r->ngroup[cat]; i++) {
			put_group(out, i == 0 ? title[cat] :
			    cat == CAT_ACTION ? "and" : "or",
			    r->group[cat][i]);
			any = false;
		}
	}
	if (r->ngroup[CAT_ACTION] == 0)
		buf_puts(out, "      No action: the rule does nothing\n");
}
