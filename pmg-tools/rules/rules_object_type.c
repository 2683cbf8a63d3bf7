/* Which types of objects there are on the command line, and their options. */
#include "rules_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules_json.h"
#include "lib/rules/ruleset.h"
#include "rules_names.h"
#include "rules_print.h"

enum { OPTIONS_MAX = 64, HELP_BYTES = 1024, HELP_INDENT = 6 };

static const struct object_words types[] = {
	{WHO_EMAIL, {"value", NULL}, NULL},
	{WHO_DOMAIN, {"value", NULL}, NULL},
	{WHO_REGEX, {"value", NULL}, NULL},
	{WHO_IP, {"value", NULL}, NULL},
	{WHO_NETWORK, {"value", NULL}, NULL},
	{WHO_LDAP_USER, {"account", NULL}, NULL},
	{WHO_LDAP_GROUP, {"group", NULL}, NULL},
	{WHO_RECEIVER, {"value", NULL}, NULL},
	{WHO_RECEIVER_DOMAIN, {"value", NULL}, NULL},
	{WHO_RECEIVER_REGEX, {"value", NULL}, NULL},
	{WHEN_TIMEFRAME, {"start", "end"}, NULL},
	{WHAT_SPAM, {"level", NULL}, NULL},
	{WHAT_VIRUS, {NULL, NULL}, NULL},
	{WHAT_FIELD, {"field", "value"}, NULL},
	{WHAT_CONTENT_TYPE, {"value", NULL}, NULL},
	{WHAT_FILENAME, {"value", NULL}, NULL},
	{WHAT_ARCHIVE_TYPE, {"value", NULL}, NULL},
	{WHAT_ARCHIVE_NAME, {"value", NULL}, NULL},
	{WHAT_ENCRYPTED, {NULL, NULL}, NULL},
	{WHAT_UNREADABLE, {NULL, NULL}, NULL},
	{WHAT_MACROS, {NULL, NULL}, NULL},
	{WHAT_AMBIGUOUS, {NULL, NULL}, NULL},
	{WHAT_LIMITS, {NULL, NULL}, NULL},
	{WHAT_SPF, {"results", NULL}, NULL},
	{WHAT_SIZE, {NULL, NULL}, NULL},
	{ACTION_ACCEPT, {NULL, NULL}, NULL},
	{ACTION_BLOCK, {NULL, NULL}, NULL},
	{ACTION_QUARANTINE, {NULL, NULL}, NULL},
	{ACTION_NOTIFY, {"to", NULL}, "body"},
	{ACTION_BCC, {"to", NULL}, NULL},
	{ACTION_FIELD, {"field", "value"}, NULL},
	{ACTION_REMOVE, {"text", NULL}, "text"},
	{ACTION_DISCLAIMER, {"disclaimer", NULL}, "disclaimer"},
};
enum { NTYPES = sizeof(types) / sizeof(types[0]) };

const struct object_words *
object_words(enum object_type type)
{
	for (size_t i = 0; i < NTYPES; i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

/* ---- names ---- */

/* "top_only" -> "top-only". */
const char *
object_word(char out[OBJECT_WORD_BYTES], const char *name)
{
	str_copy(out, OBJECT_WORD_BYTES, name);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return out;
}

void
object_type_word(struct buf *out, enum object_type type)
{
	char word[OBJECT_WORD_BYTES];

	buf_puts(out, object_word(word, rules_json_type(type)));
}

void
object_types(enum category kind, void (*each)(void *arg, const char *name),
    void *arg)
{
	char word[OBJECT_WORD_BYTES];

	for (size_t i = 0; i < NTYPES; i++)
		if (object_category(types[i].type) == kind)
			each(arg, object_word(word, rules_json_type(
			    types[i].type)));
}

int
object_type(const struct cmd *c, const char *typed, enum object_type *type_r)
{
	char word[OBJECT_WORD_BYTES], given[OBJECT_WORD_BYTES];
	struct nearest near;
	const char *kind = rules_json_kind[c->kind];

	object_word(given, typed);
	nearest_init(&near, given);
	for (size_t i = 0; i < NTYPES; i++) {
		const char *name = rules_json_type(types[i].type);
		enum category cat = object_category(types[i].type);

		if (strcmp(object_word(word, name), given) != 0) {
			if (cat == c->kind)
				nearest_try(&near, name);
			continue;
		}
		*type_r = types[i].type;
		if (cat == c->kind)
			return 0;
		return cmd_usage(c, "%s belongs into a %s-group, not into a "
		    "%s-group", given, rules_json_kind[cat], kind);
	}
	if (near.best != NULL)
		return cmd_usage(c, "there is no %s-object \"%s\"; did you "
		    "mean %s?", kind, typed, object_word(word, near.best));
	return cmd_usage(c, "there is no %s-object \"%s\" (--help lists them)",
	    kind, typed);
}

/* ---- options ---- */

/* What a member takes, for help. */
static const char *
form_word(const struct rules_json_member *m)
{
	switch (m->form) {
	case RULES_JSON_NUMBER:
		return "N";
	case RULES_JSON_CLOCK:
		return "HH:MM";
	case RULES_JSON_WORDS:
		return "WORD,...";
	case RULES_JSON_WORD:
		return "WORD";
	default:
		return "TEXT";
	}
}

/* Options with their names behind them, in one block. */
struct options {
	struct command_option *o;
	char (*name)[OBJECT_WORD_BYTES];
	size_t n;
};

static void
option_add(struct options *all, const char *before, const char *name,
    const char *behind, const char *value)
{
	char word[OBJECT_WORD_BYTES], whole[OBJECT_WORD_BYTES];

	snprintf(whole, sizeof(whole), "%s%.40s%s", before,
	    object_word(word, name), behind);
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->o[i].name, whole) == 0)
			return;
	if (all->n + 1 >= OPTIONS_MAX)
		return;
	str_copy(all->name[all->n], OBJECT_WORD_BYTES, whole);
	all->o[all->n] = (struct command_option){all->name[all->n], value};
	all->n++;
}

static void
type_options(struct options *all, const struct object_words *t)
{
	struct rules_json_member m[RULES_JSON_MEMBERS];
	size_t n = rules_json_members(t->type, m);

	for (size_t i = 0; i < n; i++) {
		bool flag = m[i].form == RULES_JSON_FLAG;

		option_add(all, "", m[i].name, "", flag ? NULL
		    : form_word(&m[i]));
		if (flag)
			option_add(all, "no-", m[i].name, "", NULL);
	}
	if (t->file != NULL)
		option_add(all, "", t->file, "-file", "FILE");
}

static struct options
options_new(void)
{
	struct options all = {.o = xcalloc(1, OPTIONS_MAX *
	    (sizeof(struct command_option) + OBJECT_WORD_BYTES))};

	all.name = (char (*)[OBJECT_WORD_BYTES])(void *)(all.o + OPTIONS_MAX);
	return all;
}

struct command_option *
object_options(enum category kind)
{
	struct options all = options_new();

	for (size_t i = 0; i < NTYPES; i++)
		if (object_category(types[i].type) == kind)
			type_options(&all, &types[i]);
	return all.o;
}

static bool
is_value(const struct object_words *t, const char *name)
{
	for (int i = 0; i < OBJECT_VALUES && t->value[i] != NULL; i++)
		if (strcmp(t->value[i], name) == 0)
			return true;
	return false;
}

/* " VALUE", or " [VALUE]" where it may be left out. */
static void
put_value(struct buf *b, const struct rules_json_member *m, size_t n,
    const char *name)
{
	char word[OBJECT_WORD_BYTES];
	bool needed = false;

	for (size_t i = 0; i < n; i++)
		needed = needed || (m[i].needed &&
		    strcmp(m[i].name, name) == 0);
	object_word(word, name);
	for (char *p = word; *p != '\0'; p++)
		*p -= *p >= 'a' && *p <= 'z' ? 'a' - 'A' : 0;
	buf_printf(b, needed ? " %s" : " [%s]", word);
}

/* " [--mode any|none|group]" */
static void
put_member(struct buf *b, const struct rules_json_member *m)
{
	char word[OBJECT_WORD_BYTES];

	buf_printf(b, " [--%s", object_word(word, m->name));
	if (m->form == RULES_JSON_WORD) {
		for (size_t k = 0; k < m->nwords; k++)
			buf_printf(b, "%c%s", k > 0 ? '|' : ' ', m->words[k]);
	} else if (m->form != RULES_JSON_FLAG) {
		buf_printf(b, " %s", form_word(m));
	}
	buf_putc(b, ']');
}

static void
print_type(const struct object_words *t)
{
	struct rules_json_member m[RULES_JSON_MEMBERS];
	size_t n = rules_json_members(t->type, m);
	AUTO_BUF struct buf b = {.max = HELP_BYTES};
	char word[OBJECT_WORD_BYTES];

	buf_printf(&b, "  %s", object_word(word, rules_json_type(t->type)));
	for (int k = 0; k < OBJECT_VALUES && t->value[k] != NULL; k++)
		put_value(&b, m, n, t->value[k]);
	for (size_t i = 0; i < n; i++)
		if (!is_value(t, m[i].name))
			put_member(&b, &m[i]);
	if (t->file != NULL)
		buf_printf(&b, " [--%s-file FILE]", t->file);
	print_wrapped(&b, HELP_INDENT);
}

void
object_print_types(enum category kind)
{
	for (size_t i = 0; i < NTYPES; i++)
		if (object_category(types[i].type) == kind)
			print_type(&types[i]);
}
