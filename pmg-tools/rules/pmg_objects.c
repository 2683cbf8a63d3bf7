/* `pmg who object ...`: single objects. */
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/rules/rules_json.h"
#include "pmg_groups.h"
#include "rules_client.h"
#include "rules_object.h"
#include "rules_view.h"

static int
add(struct cmd *c, const struct view *v)
{
	const struct object_group *g = view_group(c, v, c->kind, c->arg[0]);
	enum object_type type;
	struct client_done d;
	json_t *object;
	int rc;

	if (g == NULL)
		return CMD_REFUSED;
	rc = object_type(c, c->arg[1], &type);
	if (rc == 0)
		rc = object_of_args(c, type, c->arg + 2, c->narg - 2, true,
		    &object);
	if (rc != 0)
		return rc;
	rc = client_edit(c, json_pack("[{s:s, s:i, s:o}]", "op", "add", "to",
	    (int)g->id, "object", object), 0, &d);
	if (rc != 0)
		return rc;
	return client_done(c, &d, "object %u added to \"%s\"",
	    client_id(&d, 0), g->name);
}

int
object_add(struct cmd *c)
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
set(struct cmd *c, const struct view *v)
{
	const struct object_group *g;
	const struct object *o = view_object(c, v, c->arg[0], &g);
	json_t *values;
	int rc;

	if (o == NULL)
		return CMD_REFUSED;
	rc = object_of_args(c, o->type, c->arg + 1, c->narg - 1, false,
	    &values);
	if (rc != 0)
		return rc;
	if (json_object_size(values) == 0) {
		json_decref(values);
		return cmd_usage(c, "nothing to set: say a value or an option");
	}
	return client_edit_one(c, json_pack("{s:s, s:i, s:o}", "op", "set",
	    "object", (int)v->object_id[g - v->group][o - g->object],
	    "values", values), "object %s of \"%s\" changed", c->arg[0],
	    g->name);
}

int
object_set(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	rc = set(c, &v);
	view_free(&v);
	return rc;
}

static void
note_empty(const struct cmd *c, const struct object_group *g, int n)
{
	if (g->nobject == (size_t)n && c->kind != CAT_ACTION)
		cmd_note(c, "note: \"%s\" has no object any more and never "
		    "matches", g->name);
}

int
object_delete(struct cmd *c)
{
	const struct object_group *g = NULL;
	json_t *list = json_array();
	struct client_done d;
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	for (int i = 0; i < c->narg && rc == 0; i++) {
		if (view_object(c, &v, c->arg[i], &g) == NULL)
			rc = CMD_REFUSED;
		else
			json_array_append_new(list, json_pack("{s:s, s:I}",
			    "op", "delete", "object",
			    (json_int_t)strtol(c->arg[i], NULL, 10)));
	}
	if (rc != 0)
		json_decref(list);
	else
		rc = client_edit(c, list, 0, &d);
	if (rc == 0) {
		note_empty(c, g, c->narg);
		rc = c->narg == 1 ? client_done(c, &d, "object %s deleted from "
		    "\"%s\"", c->arg[0], g->name)
		    : client_done(c, &d, "%d objects deleted", c->narg);
	}
	view_free(&v);
	return rc;
}

int
object_move(struct cmd *c)
{
	const struct object_group *g;
	struct view v;
	int64_t place;
	int rc;

	if (!str_num(span_str(c->arg[1]), 0, RULES_ID_MAX, &place))
		return cmd_usage(c, "\"%s\" is no place (0 is the first)",
		    c->arg[1]);
	rc = view_load(c, &v);
	if (rc != 0)
		return rc;
	if (view_object(c, &v, c->arg[0], &g) == NULL)
		rc = CMD_REFUSED;
	else
		rc = client_edit_one(c, json_pack("{s:s, s:I, s:I}", "op",
		    "move", "object", (json_int_t)strtol(c->arg[0], NULL, 10),
		    "position", (json_int_t)place),
		    "object %s of \"%s\" moved", c->arg[0], g->name);
	view_free(&v);
	return rc;
}
