#include "lib/rules/rules_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"
#include "lib/rules/ruleset.h"

const char *const rules_json_category[CAT_COUNT] = {"from", "to", "when",
	"what", "action"};
const char *const rules_json_kind[CAT_COUNT] = {"who", "who", "when", "what",
	"action"};

static const char *const mode_words[MATCH_MODE_COUNT] = {"any", "all",
	"not_all", "none"};
static const char *const direction_words[] = {"in", "out", "both"};

enum { QUOTE_MAX = 60, WORDS_MAX = 200 };

json_t *
rules_json_string(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j != NULL)
		return j;
	copy = xstrdup(s);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

/* ---- members ---- */

int
rules_json_only(const json_t *j, const char *path, const char *const *names,
    struct err *e)
{
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(j))
		return err_set(e, "%s: must be an object", path);
	json_object_foreach((json_t *)(uintptr_t)j, key, value) {
		for (i = 0; names[i] != NULL && strcmp(names[i], key) != 0; i++)
			;
		if (names[i] == NULL)
			return err_set(e, "%s: \"%.*s\" is not known here",
			    path, QUOTE_MAX, key);
	}
	return 0;
}

int
rules_json_text(const json_t *j, const char *path, const char *name,
    const char **text_r, struct err *e)
{
	const json_t *v = json_object_get(j, name);

	*text_r = NULL;
	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return err_set(e, "%s.%s: must be a text", path, name);
	*text_r = json_string_value(v);
	return 0;
}

int
rules_json_int(const json_t *j, const char *path, const char *name,
    int64_t min, int64_t max, int64_t *value_r, bool *there_r, struct err *e)
{
	const json_t *v = json_object_get(j, name);

	*there_r = v != NULL;
	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min ||
	    json_integer_value(v) > max)
		return err_set(e, "%s.%s: must be a number from %lld to %lld",
		    path, name, (long long)min, (long long)max);
	*value_r = json_integer_value(v);
	return 0;
}

int
rules_json_word(const char *word, const char *path, const char *name,
    const char *const *words, size_t n, struct err *e)
{
	char all[WORDS_MAX] = "";
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (words[i] == NULL)
			continue;
		if (strcmp(word, words[i]) == 0)
			return (int)i;
		if (at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at,
			    "%s%s", at > 0 ? ", " : "", words[i]);
	}
	return err_set(e, "%s.%s: \"%.*s\" is none of: %s", path, name,
	    QUOTE_MAX, word, all);
}

/* A member that is one of some words: its index, dflt when absent. -1: e. */
static int
get_word(const json_t *j, const char *path, const char *name, int dflt,
    const char *const *words, size_t n, struct err *e)
{
	const char *text;

	if (rules_json_text(j, path, name, &text, e) != 0)
		return -1;
	if (text != NULL)
		return rules_json_word(text, path, name, words, n, e);
	if (dflt < 0)
		return err_set(e, "%s.%s: is missing", path, name);
	return dflt;
}

static int
get_bool(const json_t *j, const char *path, const char *name, bool *value_r,
    struct err *e)
{
	const json_t *v = json_object_get(j, name);

	*value_r = json_is_true(v);
	if (v != NULL && !json_is_boolean(v))
		return err_set(e, "%s.%s: must be true or false", path, name);
	return 0;
}

static int
too_large(struct err *e)
{
	return err_set(e, "the rules are too large");
}

/* A required text, copied. */
static int
get_name(const json_t *j, const char *path, const char *name, const char **r,
    struct arena *a, struct err *e)
{
	const char *text;

	if (rules_json_text(j, path, name, &text, e) != 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return err_set(e, "%s.%s: is missing", path, name);
	/* It is one line of lists, logs and records. */
	for (const char *s = text; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return err_set(e, "%s.%s: has a control character (a "
			    "line end, a tab ...)", path, name);
	*r = arena_strdup(a, text);
	return *r == NULL ? too_large(e) : 0;
}

/* ---- groups ---- */

json_t *
rules_json_group(const struct object_group *g)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", rules_json_string(g->name));
	if (g->info != NULL && g->info[0] != '\0')
		json_object_set_new(j, "info", rules_json_string(g->info));
	json_object_set_new(j, "kind", json_string(rules_json_kind[g->cat]));
	if (g->mode != MATCH_ANY)
		json_object_set_new(j, "mode",
		    json_string(mode_words[g->mode]));
	return j;
}

int
rules_json_read_group(const json_t *j, const char *path,
    struct object_group *g, struct arena *a, struct err *e)
{
	static const char *const names[] = {"name", "info", "kind", "mode",
	    NULL};
	/* CAT_TO is no kind of its own. */
	static const char *const kinds[CAT_COUNT] = {"who", NULL, "when",
	    "what", "action"};
	const char *info;
	int cat, mode;

	*g = (struct object_group){.id = 0};
	if (rules_json_only(j, path, names, e) != 0 ||
	    get_name(j, path, "name", &g->name, a, e) != 0 ||
	    rules_json_text(j, path, "info", &info, e) != 0)
		return -1;
	cat = get_word(j, path, "kind", -1, kinds, CAT_COUNT, e);
	mode = get_word(j, path, "mode", MATCH_ANY, mode_words,
	    MATCH_MODE_COUNT, e);
	if (cat < 0 || mode < 0)
		return -1;
	if (cat == CAT_ACTION && mode != MATCH_ANY)
		return err_set(e, "%s.mode: actions have none", path);
	g->info = arena_strdup(a, info != NULL ? info : "");
	g->cat = (enum category)cat;
	g->mode = (enum match_mode)mode;
	return g->info == NULL ? too_large(e) : 0;
}

/* ---- rules ---- */

static void
put_category(json_t *j, const struct rule_item *r, int cat)
{
	json_t *c, *list;

	if (r->r.ngroup[cat] == 0 && r->r.mode[cat] == MATCH_ANY)
		return;
	c = json_object();
	list = json_array();
	if (r->r.mode[cat] != MATCH_ANY)
		json_object_set_new(c, "mode",
		    json_string(mode_words[r->r.mode[cat]]));
	for (size_t i = 0; i < r->r.ngroup[cat]; i++)
		json_array_append_new(list, json_integer(r->group[cat][i]));
	json_object_set_new(c, "groups", list);
	json_object_set_new(j, rules_json_category[cat], c);
}

json_t *
rules_json_rule(const struct rule_item *r)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", rules_json_string(r->r.name));
	json_object_set_new(j, "priority", json_integer(r->r.priority));
	json_object_set_new(j, "active", json_boolean(r->r.active));
	json_object_set_new(j, "direction",
	    json_string(direction_words[r->r.dir]));
	for (int cat = 0; cat < CAT_COUNT; cat++)
		put_category(j, r, cat);
	return j;
}

static int
read_groups(const json_t *list, const char *path, struct rule_item *r, int cat,
    struct arena *a, struct err *e)
{
	size_t n = json_array_size(list);

	if (list != NULL && !json_is_array(list))
		return err_set(e, "%s.groups: must be a list of ids", path);
	r->group[cat] = arena_array(a, n, sizeof(*r->group[cat]));
	if (r->group[cat] == NULL)
		return too_large(e);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);

		if (!json_is_integer(v) || json_integer_value(v) < 1 ||
		    json_integer_value(v) > RULES_ID_MAX)
			return err_set(e, "%s.groups[%zu]: must be the id of a "
			    "group", path, i);
		r->group[cat][i] = (uint32_t)json_integer_value(v);
	}
	r->r.ngroup[cat] = n;
	return 0;
}

static int
read_category(const json_t *j, const char *path, struct rule_item *r, int cat,
    struct arena *a, struct err *e)
{
	static const char *const names[] = {"mode", "groups", NULL};
	const json_t *c = json_object_get(j, rules_json_category[cat]);
	char sub[256];
	int mode;

	if (c == NULL)
		return 0;
	snprintf(sub, sizeof(sub), "%s.%s", path, rules_json_category[cat]);
	if (rules_json_only(c, sub, names, e) != 0)
		return -1;
	mode = get_word(c, sub, "mode", MATCH_ANY, mode_words,
	    MATCH_MODE_COUNT, e);
	if (mode < 0)
		return -1;
	if (cat == CAT_ACTION && mode != MATCH_ANY)
		return err_set(e, "%s.mode: actions have none", sub);
	r->r.mode[cat] = (enum match_mode)mode;
	return read_groups(json_object_get(c, "groups"), sub, r, cat, a, e);
}

int
rules_json_read_rule(const json_t *j, const char *path, struct rule_item *r,
    struct arena *a, struct err *e)
{
	static const char *const names[] = {"name", "priority", "active",
	    "direction", "from", "to", "when", "what", "action", NULL};
	int64_t priority = 0;
	bool there;
	int dir;

	*r = (struct rule_item){.r = {.id = 0}};
	if (rules_json_only(j, path, names, e) != 0 ||
	    get_name(j, path, "name", &r->r.name, a, e) != 0 ||
	    rules_json_int(j, path, "priority", 0, RULE_PRIORITY_MAX,
	        &priority, &there, e) != 0)
		return -1;
	if (!there || json_object_get(j, "active") == NULL)
		return err_set(e, "%s.%s: is missing", path,
		    there ? "active" : "priority");
	if (get_bool(j, path, "active", &r->r.active, e) != 0)
		return -1;
	dir = get_word(j, path, "direction", -1, direction_words, 3, e);
	if (dir < 0)
		return -1;
	r->r.priority = (int)priority;
	r->r.dir = (enum rule_dir)dir;
	for (int cat = 0; cat < CAT_COUNT; cat++)
		if (read_category(j, path, r, cat, a, e) != 0)
			return -1;
	return 0;
}
