/*
 * Rules and plans as text, for the tests of the rules.
 *
 * Rules, one a line: "[off] PRIORITY DIR [from|to|when|what|do OBJECT ...]".
 * "+" begins another group of the same category. "(all)", "(notall)", "(none)"
 * is the mode of the category before its first object, else of the group that
 * it stands in. Ids count from 1; "@N" sets
 * one. Plan: "0,1=accept" is a group of recipients and its end ("quar#3" = by
 * rule 3), then its steps "set(Name)#1", "rm#1{2,4}" (parts), then notices
 * "!bcc#1(0,1)g0", then the fields that are stripped "-X-Name".
 */
#ifndef PMG_TEST_RULES_TEXT_H
#define PMG_TEST_RULES_TEXT_H

#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"
#include "lib/rules/rules.h"

enum { MAX_OBJECTS = 8, MAX_GROUPS = 8 };

/* ---- the small language ---- */

struct category_text {
	struct object object[MAX_GROUPS][MAX_OBJECTS];
	size_t nobject[MAX_GROUPS];
	enum match_mode group_mode[MAX_GROUPS];
	enum match_mode mode;
	bool begun;		/* something of its groups was said */
	size_t ngroup;
};

static char *
cut(char **s, char c)
{
	char *word = *s, *end = word != NULL ? strchr(word, c) : NULL;

	if (end != NULL)
		*end++ = '\0';
	*s = end;
	return word;
}

static const struct {
	const char *word;
	enum object_type type;
	uint32_t flags;
} words[] = {
	{"e", WHO_EMAIL, 0}, {"d", WHO_DOMAIN, 0}, {"r", WHO_REGEX, 0},
	{"ip", WHO_IP, 0}, {"net", WHO_NETWORK, 0}, {"t", WHEN_TIMEFRAME, 0},
	{"ds", WHO_DOMAIN, OBJ_SUBDOMAINS}, {"rcpt", WHO_RECEIVER, 0},
	{"rcptd", WHO_RECEIVER_DOMAIN, 0}, {"rcptr", WHO_RECEIVER_REGEX, 0},
	{"known", WHO_LDAP_GROUP, 0}, {"unknown", WHO_LDAP_GROUP, 0},
	{"mo", WHEN_TIMEFRAME, OBJ_MONDAY},
	{"fri", WHEN_TIMEFRAME, OBJ_MONDAY << 4},
	{"su", WHEN_TIMEFRAME, OBJ_MONDAY << 6},
	{"top", WHAT_FIELD, OBJ_TOP_ONLY},
	{"ctype", WHAT_CONTENT_TYPE, OBJ_ONLY_CONTENT},
	{"spf", WHAT_SPF, 0}, {"size", WHAT_SIZE, 0},
	{"spam", WHAT_SPAM, 0}, {"virus", WHAT_VIRUS, 0},
	{"field", WHAT_FIELD, 0}, {"type", WHAT_CONTENT_TYPE, 0},
	{"file", WHAT_FILENAME, 0}, {"atype", WHAT_ARCHIVE_TYPE, 0},
	{"aname", WHAT_ARCHIVE_NAME, 0}, {"enc", WHAT_ENCRYPTED, 0},
	{"unread", WHAT_UNREADABLE, 0}, {"macros", WHAT_MACROS, 0},
	{"ambig", WHAT_AMBIGUOUS, 0}, {"limits", WHAT_LIMITS, 0},
	{"accept", ACTION_ACCEPT, 0},
	{"block", ACTION_BLOCK, 0}, {"quar", ACTION_QUARANTINE, 0},
	{"set", ACTION_FIELD, 0}, {"rm", ACTION_REMOVE, 0},
	{"rmall", ACTION_REMOVE, OBJ_REMOVE_ALL},
	{"disc", ACTION_DISCLAIMER, 0}, {"bcc", ACTION_BCC, 0},
	{"bcco", ACTION_BCC, OBJ_ORIGINAL}, {"notify", ACTION_NOTIFY, 0},
};

/* "word", "word=value", "word=value=value2"; numbers as "word=8-16", a time with
 * its zone as "word=8-16-Europe/Berlin". */
static struct object
parse_object(char *text)
{
	struct object o = {.value = "", .value2 = "", .value3 = ""};
	char *word = cut(&text, '='), *value = cut(&text, '=');
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			break;
	assert_true(i < sizeof(words) / sizeof(words[0]));
	o.type = words[i].type;
	o.flags = words[i].flags;
	if (strcmp(word, "unknown") == 0)
		o.number = LDAP_UNKNOWN;
	if (o.type == WHEN_TIMEFRAME || o.type == WHAT_SIZE) {
		o.number = strtol(cut(&value, '-'), NULL, 10);
		o.number2 = strtol(cut(&value, '-'), NULL, 10);
		if (value != NULL)
			o.value = value;
	} else if (o.type == WHAT_SPAM || o.type == WHAT_SPF) {
		o.number = strtol(value, NULL, 10);
	} else if (value != NULL) {
		o.value = value;
	}
	if (text != NULL)
		o.value2 = text;
	return o;
}

/* "(all)" and so on; false: another word. */
static bool
set_mode(struct category_text *c, const char *word)
{
	static const char *const names[] = {"(any)", "(all)", "(notall)",
		"(none)"};

	for (int m = 0; m < MATCH_MODE_COUNT; m++)
		if (strcmp(names[m], word) == 0) {
			if (c->begun)
				c->group_mode[c->ngroup - 1] =
				    (enum match_mode)m;
			else
				c->mode = (enum match_mode)m;
			return true;
		}
	return false;
}

static void
add_object(struct category_text *c, char *word)
{
	size_t g;

	if (set_mode(c, word))
		return;
	c->begun = true;
	if (strcmp(word, "+") == 0) {
		c->ngroup++;
		return;
	}
	g = c->ngroup - 1;
	assert_true(g < MAX_GROUPS && c->nobject[g] < MAX_OBJECTS);
	/* "none": a group without objects. */
	if (strcmp(word, "none") != 0)
		c->object[g][c->nobject[g]++] = parse_object(word);
}

static void
build_category(struct ruleset_builder *b, enum category cat,
    const struct category_text *c, int index[MAX_GROUPS])
{
	struct err e = {""};

	for (size_t g = 0; g < c->ngroup; g++) {
		struct object_group group = {.name = "g", .info = "",
			.cat = cat == CAT_TO ? CAT_FROM : cat,
			.object = (struct object *)(uintptr_t)c->object[g],
			.nobject = c->nobject[g], .mode = c->group_mode[g]};

		index[g] = ruleset_builder_group(b, &group, &e);
		if (index[g] < 0)
			fail_msg("%s", e.text);
	}
}

static void
build_rule(struct ruleset_builder *b, char *line, uint32_t id)
{
	static const char *const names[CAT_COUNT] = {"from", "to", "when",
		"what", "do"};
	struct category_text cats[CAT_COUNT] = {{.ngroup = 0}};
	struct category_text *c = NULL;
	int index[CAT_COUNT][MAX_GROUPS];
	const int *list[CAT_COUNT];
	size_t n[CAT_COUNT];
	struct rule r = {.id = id, .name = "rule", .active = true,
		.priority = -1};
	struct err e = {""};
	char *word;

	while ((word = cut(&line, ' ')) != NULL) {
		int cat;

		for (cat = 0; cat < CAT_COUNT; cat++)
			if (strcmp(word, names[cat]) == 0)
				break;
		if (cat < CAT_COUNT) {
			c = &cats[cat];
			c->ngroup = 1;
		} else if (c != NULL) {
			add_object(c, word);
		} else if (strcmp(word, "off") == 0) {
			r.active = false;
		} else if (word[0] == '@') {
			r.id = (uint32_t)strtoul(word + 1, NULL, 10);
		} else if (r.priority < 0) {
			r.priority = (int)strtol(word, NULL, 10);
		} else {
			r.dir = strcmp(word, "in") == 0 ? RULE_IN :
			    strcmp(word, "out") == 0 ? RULE_OUT : RULE_BOTH;
		}
	}
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		build_category(b, (enum category)cat, &cats[cat], index[cat]);
		list[cat] = index[cat];
		n[cat] = cats[cat].ngroup;
		r.mode[cat] = cats[cat].mode;
	}
	if (ruleset_builder_rule(b, &r, list, n, &e) != 0)
		fail_msg("%s", e.text);
}

static struct ruleset *
compile(struct ruleset_builder *b)
{
	struct buf snapshot;
	struct ruleset *rs;
	struct err e = {""};

	buf_init(&snapshot, SIZE_MAX / 2);
	if (ruleset_compile(b, 7, &snapshot, &e) != 0)
		fail_msg("compile: %s", e.text);
	rs = ruleset_load(buf_span(&snapshot), &e);
	if (rs == NULL)
		fail_msg("load: %s", e.text);
	buf_free(&snapshot);
	ruleset_builder_free(b);
	return rs;
}

static struct ruleset *
rules_from_text(const char *text)
{
	struct ruleset_builder *b = ruleset_builder_new();
	char *copy = xstrdup(text), *rest = copy, *line;

	for (uint32_t id = 1; (line = cut(&rest, '\n')) != NULL; id++)
		build_rule(b, line, id);
	free(copy);
	return compile(b);
}

/* ---- the plan as text ---- */

static void
put_marks(struct buf *out, const uint64_t *marks, size_t nwords)
{
	char sep = '{';

	if (marks == NULL)
		return;
	for (size_t i = 0; i < 64 * nwords; i++)
		if (marks[i / 64] >> i % 64 & 1) {
			buf_printf(out, "%c%zu", sep, i);
			sep = ',';
		}
	buf_putc(out, '}');
}

static void
put_list(struct buf *out, const size_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%zu", i > 0 ? "," : "", list[i]);
}

static void
put_step(struct buf *out, const struct plan_step *s)
{
	if (s->action->type == ACTION_FIELD)
		buf_printf(out, " set(%s)#%u", s->action->value, s->rule->id);
	else if (s->action->type == ACTION_REMOVE)
		buf_printf(out, " %s#%u", s->action->flags & OBJ_REMOVE_ALL ?
		    "rmall" : "rm", s->rule->id);
	else
		buf_printf(out, " disc#%u", s->rule->id);
	put_marks(out, s->marks, s->nmark_words);
}

static void
put_plan(struct buf *out, const struct plan *p)
{
	static const char *const end[] = {"accept", "block", "quar"};

	for (size_t g = 0; g < p->ngroup; g++) {
		const struct plan_group *pg = &p->group[g];

		buf_puts(out, g > 0 ? " " : "");
		put_list(out, pg->rcpt, pg->nrcpt);
		buf_printf(out, "=%s", end[pg->disp]);
		if (pg->rule != NULL)
			buf_printf(out, "#%u", pg->rule->id);
		for (size_t i = 0; i < pg->nstep; i++)
			put_step(out, &pg->step[i]);
	}
	for (size_t i = 0; i < p->nnotice; i++) {
		const struct plan_notice *n = &p->notice[i];

		buf_printf(out, " !%s#%u(", n->action->type == ACTION_BCC ?
		    "bcc" : "notify", n->rule->id);
		put_list(out, n->rcpt, n->nrcpt);
		buf_printf(out, ")g%zu", n->group);
		put_marks(out, n->marks, n->nmark_words);
	}
	for (size_t i = 0; i < p->nstrip; i++)
		buf_printf(out, " -%s", p->strip[i]);
}

#endif
