#include "pmg_rules_edit.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/str.h"
#include "lib/rules/rules_json.h"
#include "rules_client.h"
#include "rules_view.h"

enum { PRIORITY_MAX = 100 };

const struct command_option rules_add_options[] = {
	{"priority", "N"}, {"direction", "DIRECTION"}, {"active", NULL},
	{"from", "WHO-GROUP"}, {"to", "WHO-GROUP"}, {"when", "WHEN-GROUP"},
	{"what", "WHAT-GROUP"}, {"action", "ACTION-GROUP"}, {NULL, NULL}};
const struct command_option rules_set_options[] = {
	{"name", "NAME"}, {"priority", "N"}, {"direction", "DIRECTION"},
	{"active", NULL}, {"inactive", NULL},
	{"from", "WHO-GROUP"}, {"to", "WHO-GROUP"}, {"when", "WHEN-GROUP"},
	{"what", "WHAT-GROUP"}, {"action", "ACTION-GROUP"},
	{"no-from", NULL}, {"no-to", NULL}, {"no-when", NULL},
	{"no-what", NULL}, {"no-action", NULL}, {NULL, NULL}};

/* A rule without a group of this category matches, or does, ... */
static const char *const without[CAT_COUNT] = {
	[CAT_FROM] = "it matches every sender",
	[CAT_TO] = "it matches every recipient",
	[CAT_WHEN] = "it matches at any time",
	[CAT_WHAT] = "it matches whatever is in the mail",
	[CAT_ACTION] = "it does nothing"};

const char *
mode_argument(const struct cmd *c, const char *word)
{
	static const char *const words[][2] = {{"any", "any"}, {"all", "all"},
		{"not-all", "not_all"}, {"not_all", "not_all"},
		{"none", "none"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i][0]) == 0)
			return words[i][1];
	cmd_usage(c, "\"%s\" is no mode (any, all, not-all: at least one does "
	    "not match, none)", word);
	return NULL;
}

/* ---- members from options ---- */

static int
put_priority(const struct cmd *c, json_t *j)
{
	const char *text = cmd_option(c, "priority");
	int64_t n;

	if (text == NULL)
		return 0;
	if (!str_num(span_str(text), 0, PRIORITY_MAX, &n))
		return cmd_usage(c, "\"%s\" is not a priority (0 to %d, the "
		    "highest comes first)", text, PRIORITY_MAX);
	json_object_set_new(j, "priority", json_integer(n));
	return 0;
}

static int
put_direction(const struct cmd *c, json_t *j)
{
	const char *d = cmd_option(c, "direction");

	if (d == NULL)
		return 0;
	if (strcmp(d, "in") != 0 && strcmp(d, "out") != 0 &&
	    strcmp(d, "both") != 0)
		return cmd_usage(c, "\"%s\" is no direction (in: from the "
		    "Internet, out: from your servers, both)", d);
	json_object_set_new(j, "direction", json_string(d));
	return 0;
}

/* The groups that --from ... name, in their order. */
static int
put_category(const struct cmd *c, const struct view *v, int cat, json_t *j)
{
	const char *name = rules_json_category[cat];
	json_t *list = NULL;
	char no[16];

	for (size_t i = 0; i < c->ngiven; i++) {
		const struct object_group *g;

		if (strcmp(c->given[i].name, name) != 0)
			continue;
		g = view_group(c, v, view_kind_of(cat), c->given[i].value);
		if (g == NULL) {
			json_decref(list);
			return CMD_REFUSED;
		}
		list = list != NULL ? list : json_array();
		json_array_append_new(list, json_integer(g->id));
	}
	snprintf(no, sizeof(no), "no-%s", name);
	if (cmd_flag(c, no) && list != NULL) {
		json_decref(list);
		return cmd_usage(c, "--%s and --%s exclude each other", name,
		    no);
	}
	if (cmd_flag(c, no))
		json_object_set_new(j, name, json_null());
	else if (list != NULL)
		json_object_set_new(j, name, json_pack("{s:o}", "groups",
		    list));
	return 0;
}

static int
put_members(const struct cmd *c, const struct view *v, json_t *j)
{
	int rc = put_priority(c, j);

	if (rc == 0)
		rc = put_direction(c, j);
	for (int cat = 0; cat < CAT_COUNT && rc == 0; cat++)
		rc = put_category(c, v, cat, j);
	return rc;
}

/* ---- add, set ---- */

static int
name_is_free(const struct cmd *c, const struct view *v, const char *name,
    const struct rule *self)
{
	if (name[0] == '\0')
		return cmd_usage(c, "the name is empty");
	for (size_t i = 0; i < v->nrule; i++)
		if (&v->rule[i] != self && strcmp(v->rule[i].name, name) == 0)
			return cmd_refuse(c, "there is a rule \"%s\" already "
			    "(id %u)", name, v->rule[i].id);
	return 0;
}

static int
add(struct cmd *c, const struct view *v)
{
	const char *name = c->arg[0];
	bool active = cmd_flag(c, "active");
	struct client_done d;
	json_t *rule;
	int rc = name_is_free(c, v, name, NULL);

	if (rc != 0)
		return rc;
	if (!cmd_flag(c, "priority") || !cmd_flag(c, "direction"))
		return cmd_usage(c, "--%s is missing",
		    cmd_flag(c, "priority") ? "direction" : "priority");
	rule = json_pack("{s:s, s:b}", "name", name, "active", active);
	rc = put_members(c, v, rule);
	if (rc == 0)
		rc = client_edit(c, json_pack("[{s:s, s:O}]", "op", "add",
		    "rule", rule), 0, &d);
	json_decref(rule);
	if (rc != 0)
		return rc;
	return client_done(c, &d, "rule %u \"%s\" added%s", client_id(&d, 0),
	    name, active ? "" : ", not active yet");
}

int
rules_add(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = add(c, &v);
	view_free(&v);
	return rc;
}

static int
set_values(struct cmd *c, uint32_t id, const char *name, json_t *values,
    const char *done)
{
	return client_edit_one(c, json_pack("{s:s, s:i, s:o}", "op", "set",
	    "rule", (int)id, "values", values), "rule %u \"%s\" %s", id, name,
	    done);
}

static int
set(struct cmd *c, const struct view *v)
{
	const struct rule *r = view_rule(c, v, c->arg[0]);
	const char *name = cmd_option(c, "name");
	json_t *values;
	int rc;

	if (r == NULL)
		return CMD_REFUSED;
	if (c->ngiven == 0)
		return cmd_usage(c, "nothing to set: say an option");
	if (cmd_flag(c, "active") && cmd_flag(c, "inactive"))
		return cmd_usage(c, "--active and --inactive exclude each "
		    "other");
	rc = name != NULL ? name_is_free(c, v, name, r) : 0;
	if (rc != 0)
		return rc;
	values = json_object();
	if (name != NULL)
		json_object_set_new(values, "name", json_string(name));
	if (cmd_flag(c, "active") || cmd_flag(c, "inactive"))
		json_object_set_new(values, "active",
		    json_boolean(cmd_flag(c, "active")));
	rc = put_members(c, v, values);
	if (rc == 0)
		return set_values(c, r->id, name != NULL ? name : r->name,
		    values, "changed");
	json_decref(values);
	return rc;
}

int
rules_set(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = set(c, &v);
	view_free(&v);
	return rc;
}

int
rules_rename(struct cmd *c)
{
	const struct rule *r;
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	r = view_rule(c, &v, c->arg[0]);
	rc = r == NULL ? CMD_REFUSED : name_is_free(c, &v, c->arg[1], r);
	if (rc == 0)
		rc = set_values(c, r->id, c->arg[1],
		    json_pack("{s:s}", "name", c->arg[1]), "renamed");
	view_free(&v);
	return rc;
}

/* ---- several rules at once ---- */

/* One operation for each rule that is named; all or none. */
static int
each_rule(struct cmd *c, json_t *(*make)(const struct rule *r),
    const char *done)
{
	json_t *list = json_array();
	const struct rule *r = NULL;
	struct client_done d;
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	for (int i = 0; i < c->narg && rc == 0; i++) {
		r = view_rule(c, &v, c->arg[i]);
		if (r == NULL)
			rc = CMD_REFUSED;
		else
			json_array_append_new(list, make(r));
	}
	if (rc != 0)
		json_decref(list);
	else
		rc = client_edit(c, list, 0, &d);
	if (rc == 0)
		rc = c->narg == 1 ? client_done(c, &d, "rule %u \"%s\" %s",
		    r->id, r->name, done)
		    : client_done(c, &d, "%d rules %s", c->narg, done);
	view_free(&v);
	return rc;
}

static json_t *
make_delete(const struct rule *r)
{
	return json_pack("{s:s, s:i}", "op", "delete", "rule", (int)r->id);
}

static json_t *
make_enable(const struct rule *r)
{
	return json_pack("{s:s, s:i, s:{s:b}}", "op", "set", "rule",
	    (int)r->id, "values", "active", 1);
}

static json_t *
make_disable(const struct rule *r)
{
	return json_pack("{s:s, s:i, s:{s:b}}", "op", "set", "rule",
	    (int)r->id, "values", "active", 0);
}

int
rules_delete(struct cmd *c)
{
	return each_rule(c, make_delete, "deleted");
}

int
rules_enable(struct cmd *c)
{
	return each_rule(c, make_enable, "is active");
}

int
rules_disable(struct cmd *c)
{
	return each_rule(c, make_disable, "is not active any more");
}

/* ---- groups of a rule ---- */

static int
category_argument(const struct cmd *c, const char *word)
{
	int cat = view_category(word);

	if (cat < 0)
		cmd_usage(c, "\"%s\" is no category of a rule (from, to, when, "
		    "what, action)", word);
	return cat;
}

/* How many groups of the category stay when n are taken out. */
static void
note_empty(const struct cmd *c, const struct rule *r, int cat, size_t n)
{
	if (r->ngroup[cat] <= n)
		cmd_note(c, "note: rule \"%s\" has no group in \"%s\" any "
		    "more: %s", r->name, rules_json_category[cat],
		    without[cat]);
}

/* arg: RULE CATEGORY GROUP... */
static int
relink(struct cmd *c, const struct view *v, const char *op, const char *done)
{
	const struct rule *r = view_rule(c, v, c->arg[0]);
	int cat = r == NULL ? -1 : category_argument(c, c->arg[1]);
	const struct object_group *g = NULL;
	json_t *list;
	struct client_done d;
	int rc;

	if (cat < 0)
		return r == NULL ? CMD_REFUSED : CMD_USAGE;
	list = json_array();
	for (int i = 2; i < c->narg; i++) {
		g = view_group(c, v, view_kind_of(cat), c->arg[i]);
		if (g == NULL) {
			json_decref(list);
			return CMD_REFUSED;
		}
		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:i}",
		    "op", op, "rule", (int)r->id, "category",
		    rules_json_category[cat], "group", (int)g->id));
	}
	rc = client_edit(c, list, 0, &d);
	if (rc != 0)
		return rc;
	if (strcmp(op, "unlink") == 0)
		note_empty(c, r, cat, (size_t)c->narg - 2);
	if (c->narg == 3)
		return client_done(c, &d, "rule %u \"%s\": \"%s\" %s %s", r->id,
		    r->name, g->name, done, c->arg[1]);
	return client_done(c, &d, "rule %u \"%s\": %d groups %s %s", r->id,
	    r->name, c->narg - 2, done, c->arg[1]);
}

int
rules_link(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = relink(c, &v, "link", "is now in");
	view_free(&v);
	return rc;
}

int
rules_unlink(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = relink(c, &v, "unlink", "is no longer in");
	view_free(&v);
	return rc;
}

static int
mode(struct cmd *c, const struct view *v)
{
	const struct rule *r = view_rule(c, v, c->arg[0]);
	const char *word;
	int cat;

	if (r == NULL)
		return CMD_REFUSED;
	cat = category_argument(c, c->arg[1]);
	word = cat < 0 ? NULL : mode_argument(c, c->arg[2]);
	if (word == NULL)
		return CMD_USAGE;
	if (cat == CAT_ACTION)
		return cmd_refuse(c, "actions have no mode: all of them are "
		    "carried out");
	return client_edit_one(c, json_pack("{s:s, s:i, s:{s:{s:s}}}", "op",
	    "set", "rule", (int)r->id, "values", rules_json_category[cat],
	    "mode", word), "rule %u \"%s\": %s matches when %s of its groups "
	    "%s", r->id, r->name, c->arg[1],
	    strcmp(word, "not_all") == 0 ? "at least one" : word,
	    strcmp(word, "not_all") == 0 ? "does not" : strcmp(word, "any") == 0
	    ? "does" : "do");
}

int
rules_mode(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = mode(c, &v);
	view_free(&v);
	return rc;
}
