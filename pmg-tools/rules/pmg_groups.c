#include "pmg_groups.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/rules/rules_json.h"
#include "pmg_rules_edit.h"
#include "rules_client.h"
#include "rules_object.h"
#include "rules_print.h"
#include "rules_view.h"

enum { TEXT_BYTES = 64 * 1024, NAME_COLUMNS = 32, INFO_COLUMNS = 21,
	OBJECT_INDENT = 10 };

static const char *const mode_words[MATCH_MODE_COUNT] = {"any", "all",
	"not-all", "none"};

/* ---- list, show ---- */

static size_t
users(const struct view *v, const struct object_group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < v->nrule; i++)
		n += view_uses(&v->rule[i], g);
	return n;
}

static int
list_json(const struct cmd *c, const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->ngroup; i++)
		if (v->group[i].cat == c->kind)
			json_array_append(list, view_json(v, "groups",
			    v->group[i].id));
	client_print_json(list);
	json_decref(list);
	return CMD_OK;
}

static int
group_list(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	if (c->json)
		rc = list_json(c, &v);
	else
		printf("%5s %7s %7s %5s  %-*s  %s\n", "ID", "MODE", "OBJECTS",
		    "RULES", NAME_COLUMNS, "NAME", "INFO");
	for (size_t i = 0; i < v.ngroup && !c->json; i++) {
		const struct object_group *g = &v.group[i];

		if (g->cat != c->kind)
			continue;
		printf("%5u %7s %7zu %5zu  ", g->id, c->kind == CAT_ACTION
		    ? "-" : mode_words[g->mode], g->nobject, users(&v, g));
		print_cell(g->name, NAME_COLUMNS);
		fputs("  ", stdout);
		print_cell(g->info, INFO_COLUMNS - 5);
		putchar('\n');
	}
	view_free(&v);
	return rc;
}

static void
print_users(const struct view *v, const struct object_group *g)
{
	AUTO_BUF struct buf b = {.max = TEXT_BYTES};

	for (size_t i = 0; i < v->nrule; i++)
		if (view_uses(&v->rule[i], g))
			buf_printf(&b, "%s\"%s\"", b.n > 0 ? ", " : "",
			    v->rule[i].name);
	print_field("Rules    ", b.n > 0 ? buf_cstr(&b) : "none uses it");
}

static void
print_objects(const struct view *v, const struct object_group *g)
{
	const uint32_t *id = v->object_id[g - v->group];

	if (g->nobject == 0)
		puts("Objects  none: it never matches");
	for (size_t i = 0; i < g->nobject; i++) {
		AUTO_BUF struct buf b = {.max = TEXT_BYTES};

		buf_printf(&b, "%8u  ", id[i]);
		object_describe(&b, &g->object[i]);
		print_wrapped(&b, OBJECT_INDENT);
	}
}

static void
print_group(const struct view *v, const struct object_group *g)
{
	static const char *const modes[MATCH_MODE_COUNT] = {
		"any of its objects matches", "all of its objects match",
		"at least one of its objects does not match",
		"none of its objects matches"};
	AUTO_BUF struct buf b = {.max = TEXT_BYTES};

	buf_printf(&b, "\"%s\" (%s-group %u)", g->name, view_kind(g->cat),
	    g->id);
	print_field("Group    ", buf_cstr(&b));
	if (g->info[0] != '\0')
		print_field("Info     ", g->info);
	if (g->cat != CAT_ACTION)
		print_field("Matches  when ", modes[g->mode]);
	print_users(v, g);
	print_objects(v, g);
}

static int
group_show(struct cmd *c)
{
	const struct object_group *g;
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	g = view_group(c, &v, c->kind, c->arg[0]);
	if (g == NULL)
		rc = CMD_REFUSED;
	else if (c->json)
		rc = client_print_json(view_json(&v, "groups", g->id));
	else
		print_group(&v, g);
	view_free(&v);
	return rc;
}

/* ---- edits ---- */

static const struct command_option group_add_options[] = {
	{"info", "TEXT"}, {"mode", "MODE"}, {NULL, NULL}};
static const struct command_option group_set_options[] = {
	{"name", "NAME"}, {"info", "TEXT"}, {"mode", "MODE"}, {NULL, NULL}};

static int
name_is_free(const struct cmd *c, const struct view *v, const char *name,
    const struct object_group *self)
{
	if (name[0] == '\0')
		return cmd_usage(c, "the name is empty");
	for (size_t i = 0; i < v->ngroup; i++)
		if (&v->group[i] != self && v->group[i].cat == c->kind &&
		    strcmp(v->group[i].name, name) == 0)
			return cmd_refuse(c, "there is a %s-group \"%s\" "
			    "already (id %u)", view_kind(c->kind), name,
			    v->group[i].id);
	return 0;
}

static int
put_members(const struct cmd *c, json_t *j)
{
	const char *info = cmd_option(c, "info");
	const char *mode = cmd_option(c, "mode");

	if (mode != NULL && c->kind == CAT_ACTION)
		return cmd_usage(c, "actions have no mode: all of them are "
		    "carried out");
	if (mode != NULL && (mode = mode_argument(c, mode)) == NULL)
		return CMD_USAGE;
	if (info != NULL)
		json_object_set_new(j, "info", json_string(info));
	if (mode != NULL)
		json_object_set_new(j, "mode", json_string(mode));
	return 0;
}

/* arg: NAME [TYPE VALUE...] */
static int
add(struct cmd *c, json_t *group)
{
	enum object_type type;
	struct client_done d;
	json_t *object;
	int rc = put_members(c, group);

	if (rc == 0 && c->narg > 1) {
		rc = object_type(c, c->arg[1], &type);
		if (rc != 0)
			return rc;
		rc = object_of_args(c, type, c->arg + 2, c->narg - 2, true,
		    &object);
		if (rc != 0)
			return rc;
		json_object_set_new(group, "objects", json_pack("[o]",
		    object));
	}
	if (rc == 0)
		rc = client_edit(c, json_pack("[{s:s, s:O}]", "op", "add",
		    "group", group), 0, &d);
	if (rc != 0)
		return rc;
	return client_done(c, &d, "%s-group %u \"%s\" added",
	    view_kind(c->kind), client_id(&d, 0), c->arg[0]);
}

static int
group_add(struct cmd *c)
{
	struct view v;
	json_t *group;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	group = json_pack("{s:s, s:s}", "name", c->arg[0], "kind",
	    view_kind(c->kind));
	rc = name_is_free(c, &v, c->arg[0], NULL);
	if (rc == 0)
		rc = add(c, group);
	json_decref(group);
	view_free(&v);
	return rc;
}

static int
set_values(struct cmd *c, const struct object_group *g, json_t *values,
    const char *done)
{
	const char *name = json_string_value(json_object_get(values, "name"));

	return client_edit_one(c, json_pack("{s:s, s:i, s:O}", "op", "set",
	    "group", (int)g->id, "values", values), "%s-group %u \"%s\" %s",
	    view_kind(c->kind), g->id, name != NULL ? name : g->name, done);
}

/* set, rename and mode; values (taken over) is complete but for options. */
static int
set(struct cmd *c, json_t *values, const char *done)
{
	const char *name = json_string_value(json_object_get(values, "name"));
	const struct object_group *g;
	struct view v;
	int rc = put_members(c, values);

	if (rc == 0 && json_object_size(values) == 0)
		rc = cmd_usage(c, "nothing to set: say an option");
	if (rc == 0)
		rc = view_load(c, &v);
	if (rc != 0) {
		json_decref(values);
		return rc;
	}
	g = view_group(c, &v, c->kind, c->arg[0]);
	rc = g == NULL ? CMD_REFUSED
	    : name != NULL ? name_is_free(c, &v, name, g) : 0;
	if (rc == 0)
		rc = set_values(c, g, values, done);
	json_decref(values);
	view_free(&v);
	return rc;
}

static int
group_set(struct cmd *c)
{
	json_t *values = json_object();

	if (cmd_flag(c, "name"))
		json_object_set_new(values, "name",
		    json_string(cmd_option(c, "name")));
	return set(c, values, "changed");
}

static int
group_rename(struct cmd *c)
{
	return set(c, json_pack("{s:s}", "name", c->arg[1]), "renamed");
}

static int
group_mode(struct cmd *c)
{
	const char *word;

	if (c->kind == CAT_ACTION)
		return cmd_refuse(c, "actions have no mode: all of them are "
		    "carried out");
	word = mode_argument(c, c->arg[1]);
	return word == NULL ? CMD_USAGE
	    : set(c, json_pack("{s:s}", "mode", word), "changed");
}

static int
group_delete(struct cmd *c)
{
	json_t *list = json_array();
	struct client_done d;
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	for (int i = 0; i < c->narg && rc == 0; i++) {
		const struct object_group *g = view_group(c, &v, c->kind,
		    c->arg[i]);

		if (g == NULL)
			rc = CMD_REFUSED;
		else
			json_array_append_new(list, json_pack("{s:s, s:i}",
			    "op", "delete", "group", (int)g->id));
	}
	view_free(&v);
	if (rc != 0)
		json_decref(list);
	else
		rc = client_edit(c, list, 0, &d);
	if (rc != 0)
		return rc;
	return c->narg == 1 ? client_done(c, &d, "%s-group \"%s\" deleted",
	    view_kind(c->kind), c->arg[0])
	    : client_done(c, &d, "%d %s-groups deleted", c->narg,
	          view_kind(c->kind));
}

/* ---- commands ---- */

static const struct command commands[] = {
	{.name = "list", .args = "", .takes = TAKES_READ,
	    .summary = "all groups", .run = group_list},
	{.name = "show", .args = "GROUP", .takes = TAKES_READ,
	    .summary = "one group and its objects", .run = group_show},
	{.name = "add", .args = "NAME [TYPE] [VALUE...]", .takes = TAKES_EDIT,
	    .options = group_add_options, .object_options = true,
	    .summary = "a new group, with a first object", .run = group_add},
	{.name = "set", .args = "GROUP", .takes = TAKES_EDIT,
	    .options = group_set_options, .summary = "its name, info, mode",
	    .run = group_set},
	{.name = "rename", .args = "GROUP NAME", .takes = TAKES_EDIT,
	    .summary = "another name", .run = group_rename},
	{.name = "mode", .args = "GROUP MODE", .takes = TAKES_EDIT,
	    .summary = "any, all, not-all, none of its objects",
	    .run = group_mode},
	{.name = "delete", .args = "GROUP...", .takes = TAKES_EDIT,
	    .summary = "groups that no rule uses", .run = group_delete},
	{.name = "object add", .args = "GROUP TYPE [VALUE...]",
	    .takes = TAKES_EDIT, .object_options = true,
	    .summary = "an object into a group", .run = object_add},
	{.name = "object set", .args = "OBJECT [VALUE...]",
	    .takes = TAKES_EDIT, .object_options = true,
	    .summary = "other values for an object", .run = object_set},
	{.name = "object delete", .args = "OBJECT...", .takes = TAKES_EDIT,
	    .summary = "objects out of their groups", .run = object_delete},
	{.name = "object move", .args = "OBJECT POSITION",
	    .takes = TAKES_EDIT, .summary = "0: to the first place",
	    .run = object_move},
	{.name = "import", .args = "GROUP TYPE FILE", .takes = TAKES_EDIT,
	    .options = objects_import_options, .object_options = true,
	    .summary = "one value a line, \"-\": stdin",
	    .run = objects_import},
	{.name = "export", .args = "GROUP TYPE",
	    .takes = TAKES_DRAFT | TAKES_VERSION, .object_options = true,
	    .summary = "the same to stdout", .run = objects_export},
	{.name = NULL},
};

const struct noun group_nouns[GROUP_NOUNS] = {
	{"pmg who", commands, CAT_FROM},
	{"pmg when", commands, CAT_WHEN},
	{"pmg what", commands, CAT_WHAT},
	{"pmg action", commands, CAT_ACTION},
};
