#include "rules_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/rules/rules_json.h"

enum { TEXT_FILE_MAX = 1024 * 1024, KEY_ARENA = 1024 * 1024 };

/* ---- from the command line ---- */

/* "fail,softfail", and of weekdays also "mon-fri". False: no such word. */
static bool
add_words(json_t *list, const struct rules_json_member *m, struct span word)
{
	size_t dash = span_chr(word, 0, '-');
	struct span from = span_sub(word, 0, dash);
	struct span to = dash < word.n ? span_sub(word, dash + 1, word.n)
	    : from;
	size_t a = m->nwords, b = m->nwords;

	for (size_t i = 0; i < m->nwords; i++) {
		if (m->words[i] == NULL)
			continue;
		a = span_ieqs(from, m->words[i]) ? i : a;
		b = span_ieqs(to, m->words[i]) ? i : b;
	}
	if (a == m->nwords || b == m->nwords)
		return false;
	for (size_t i = a;; i = (i + 1) % m->nwords) {
		if (m->words[i] != NULL)
			json_array_append_new(list, json_string(m->words[i]));
		if (i == b)
			return true;
	}
}

static void
put_choices(struct buf *b, const struct rules_json_member *m)
{
	for (size_t i = 0; i < m->nwords; i++)
		if (m->words[i] != NULL)
			buf_printf(b, "%s%s", b->n > 0 ? ", " : "",
			    m->words[i]);
}

static json_t *
words_value(const struct cmd *c, const struct rules_json_member *m,
    const char *text)
{
	struct span all = span_str(text);
	json_t *list = json_array();

	for (size_t i = 0; i <= all.n;) {
		size_t end = span_chr(all, i, ',');
		struct span word = span_sub(all, i, end - i);

		if (!add_words(list, m, word)) {
			AUTO_BUF struct buf b = {.max = 1024};

			put_choices(&b, m);
			cmd_usage(c, "\"%.*s\" is none of: %s", (int)word.n,
			    (const char *)word.p, buf_cstr(&b));
			json_decref(list);
			return NULL;
		}
		i = end + 1;
	}
	return list;
}

/* Bytes may have a unit: 20M. */
static json_t *
number_value(const struct cmd *c, const struct rules_json_member *m,
    const char *text, bool bytes)
{
	static const char units[] = "KMG";
	struct span s = span_str(text);
	int64_t n, unit = 1;
	const char *u = NULL;

	if (bytes && s.n > 1)
		u = memchr(units, s.p[s.n - 1] & ~0x20, sizeof(units) - 1);
	if (u != NULL) {
		unit = (int64_t)1 << (10 * (u - units + 1));
		s.n--;
	}
	if (!str_num(s, 0, INT64_MAX / unit, &n)) {
		cmd_usage(c, "%s: \"%s\" is not a number%s", m->name, text,
		    bytes ? " of bytes (such as 500K or 20M)" : "");
		return NULL;
	}
	return json_integer(n * unit);
}

static json_t *
member_value(const struct cmd *c, enum object_type type,
    const struct rules_json_member *m, const char *text)
{
	switch (m->form) {
	case RULES_JSON_NUMBER:
		return number_value(c, m, text, type == WHAT_SIZE);
	case RULES_JSON_WORDS:
		return words_value(c, m, text);
	case RULES_JSON_FLAG:
		return json_true();
	case RULES_JSON_CLOCK:
		/* "8:00" is what people type. */
		if (strlen(text) == 4 && text[1] == ':') {
			char clock[] = "0x:xx";

			memcpy(clock + 1, text, 4);
			return json_string(clock);
		}
		return json_string(text);
	default:
		return json_string(text);
	}
}

static json_t *
file_value(const struct cmd *c, const char *path)
{
	AUTO_BUF struct buf b = {.max = TEXT_FILE_MAX};
	struct err e;
	json_t *j;

	if (file_read(path, &b, &e) != 0) {
		cmd_refuse(c, "%s", e.text);
		return NULL;
	}
	j = json_stringn((const char *)b.p, b.n);
	if (j == NULL || memchr(buf_cstr(&b), '\0', b.n) != NULL) {
		cmd_refuse(c, "%s: is not a text in UTF-8", path);
		json_decref(j);
		return NULL;
	}
	return j;
}

/* One option into j. 0, the exit status, or -1: the type has no such member. */
static int
option_into(const struct cmd *c, const struct object_words *t,
    const struct rules_json_member *m, size_t n, const struct cmd_given *g,
    json_t *j)
{
	char word[OBJECT_WORD_BYTES], file[OBJECT_WORD_BYTES + 8], no[OBJECT_WORD_BYTES + 8];
	json_t *v = NULL;

	for (size_t i = 0; i < n; i++) {
		bool flag = m[i].form == RULES_JSON_FLAG;

		object_word(word, m[i].name);
		snprintf(file, sizeof(file), "%s-file", word);
		snprintf(no, sizeof(no), "no-%s", word);
		if (strcmp(g->name, word) == 0)
			v = member_value(c, t->type, &m[i], g->value);
		else if (flag && strcmp(g->name, no) == 0)
			v = json_false();
		else if (t->file != NULL && strcmp(t->file, m[i].name) == 0 &&
		    strcmp(g->name, file) == 0)
			v = file_value(c, g->value);
		else
			continue;
		if (v == NULL)
			return strcmp(g->name, file) == 0 ? CMD_REFUSED
			    : CMD_USAGE;
		json_object_set_new(j, m[i].name, v);
		return 0;
	}
	return -1;
}

/* It is an option about objects at all, though not of this type. */
static bool
is_object_option(const struct cmd *c, const char *name)
{
	for (const struct command_option *o = c->objects; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

static int
options_into(const struct cmd *c, const struct object_words *t,
    const struct rules_json_member *m, size_t n, json_t *j)
{
	for (size_t i = 0; i < c->ngiven; i++) {
		const struct cmd_given *g = &c->given[i];
		AUTO_BUF struct buf b = {.max = OBJECT_WORD_BYTES};
		int rc = is_object_option(c, g->name)
		    ? option_into(c, t, m, n, g, j) : 0;

		if (rc == 0)
			continue;
		if (rc > 0)
			return rc;
		object_type_word(&b, t->type);
		return cmd_usage(c, "%s has no option --%s (--help lists the "
		    "types with their options)", buf_cstr(&b), g->name);
	}
	return 0;
}

static const struct rules_json_member *
member_of(const struct rules_json_member *m, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(m[i].name, name) == 0)
			return &m[i];
	return NULL;
}

/* "08:00-16:00" is both values of a time frame. */
static bool
is_span(const struct object_words *t, char **arg, int narg)
{
	return t->type == WHEN_TIMEFRAME && narg == 1 &&
	    strchr(arg[0], '-') != NULL;
}

static int
values_into(const struct cmd *c, const struct object_words *t,
    const struct rules_json_member *m, size_t n, char **arg, int narg,
    json_t *j)
{
	char start[OBJECT_WORD_BYTES], end[OBJECT_WORD_BYTES];
	char *both[OBJECT_VALUES] = {start, end};
	int max = 0;

	while (max < OBJECT_VALUES && t->value[max] != NULL)
		max++;
	if (is_span(t, arg, narg)) {
		size_t dash = strcspn(arg[0], "-");

		snprintf(start, sizeof(start), "%.*s", (int)dash, arg[0]);
		snprintf(end, sizeof(end), "%s", arg[0] + dash + 1);
		arg = both;
		narg = OBJECT_VALUES;
	}
	if (narg > max)
		return cmd_usage(c, "one value too many: \"%s\"%s", arg[max],
		    max > 0 ? " (a value with blanks stands in quotes)" : "");
	for (int i = 0; i < narg; i++) {
		json_t *v = member_value(c, t->type,
		    member_of(m, n, t->value[i]), arg[i]);

		if (v == NULL)
			return CMD_USAGE;
		json_object_set_new(j, t->value[i], v);
	}
	return 0;
}

static int
complete(const struct cmd *c, const struct object_words *t,
    const struct rules_json_member *m, size_t n, json_t *j)
{
	char word[OBJECT_WORD_BYTES], type[OBJECT_WORD_BYTES];

	if (t->type == WHO_LDAP_GROUP && json_object_get(j, "mode") == NULL &&
	    json_object_get(j, "group") != NULL)
		json_object_set_new(j, "mode", json_string("group"));
	for (size_t i = 0; i < n; i++) {
		if (!m[i].needed || json_object_get(j, m[i].name) != NULL)
			continue;
		object_word(word, m[i].name);
		object_word(type, rules_json_type(t->type));
		if (t->type == WHO_LDAP_GROUP)
			return cmd_usage(c, "%s: which? A group, or --mode any "
			    "(addresses that the directory knows) or none", type);
		return cmd_usage(c, "%s: %s is missing (--help tells the "
		    "values)", type, word);
	}
	json_object_set_new(j, "type", json_string(rules_json_type(t->type)));
	return 0;
}

int
object_of_args(const struct cmd *c, enum object_type type, char **arg,
    int narg, bool whole, json_t **object_r)
{
	const struct object_words *t = object_words(type);
	struct rules_json_member m[RULES_JSON_MEMBERS];
	size_t n = rules_json_members(type, m);
	json_t *j;
	int rc;

	if (t == NULL)
		return cmd_refuse(c, "objects of this type cannot be written "
		    "on a command line");
	j = json_object();
	rc = values_into(c, t, m, n, arg, narg, j);
	if (rc == 0)
		rc = options_into(c, t, m, n, j);
	if (rc == 0 && whole)
		rc = complete(c, t, m, n, j);
	if (rc == 0)
		*object_r = j;
	else
		json_decref(j);
	return rc;
}

/* ---- one value a line ---- */

bool
object_is_value(enum object_type type)
{
	const struct object_words *t = object_words(type);

	return t != NULL && t->value[0] != NULL && t->value[1] == NULL &&
	    t->file == NULL && type != WHAT_SPF && type != WHAT_SPAM;
}

const char *
object_value(const json_t *object, enum object_type type)
{
	const struct object_words *t = object_words(type);

	return t == NULL || t->value[0] == NULL ? NULL
	    : json_string_value(json_object_get(object, t->value[0]));
}

char *
object_key(const json_t *object, struct err *e)
{
	json_t *bare = json_copy((json_t *)(uintptr_t)object), *stored;
	char *text = NULL;
	struct object o;
	struct arena a;

	arena_init(&a, KEY_ARENA);
	json_object_del(bare, "id");
	if (rules_json_read_object(bare, "object", &o, &a, e) == 0) {
		stored = rules_json_object(&o);
		text = json_dumps(stored, JSON_COMPACT | JSON_SORT_KEYS);
		json_decref(stored);
	}
	json_decref(bare);
	arena_free(&a);
	return text;
}
