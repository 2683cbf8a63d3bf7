#include "rules_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/rules/rules_json.h"
#include "rules_client.h"
#include "rules_names.h"

enum { VIEW_ARENA = 1024 * 1024 * 1024, PATH_BYTES = 64, IDS_BYTES = 200 };

const char *
view_kind(enum category kind)
{
	return rules_json_kind[kind];
}

int
view_category(const char *name)
{
	for (int cat = 0; cat < CAT_COUNT; cat++)
		if (strcmp(name, rules_json_category[cat]) == 0)
			return cat;
	return -1;
}

enum category
view_kind_of(int category)
{
	return category == CAT_TO ? CAT_FROM : (enum category)category;
}

/* ---- from the document ---- */

static uint32_t
id_of(const json_t *j)
{
	return (uint32_t)json_integer_value(json_object_get(j, "id"));
}

/* What the reader of the content does not know is taken out. */
static json_t *
bare(const json_t *j)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)j);

	json_object_del(copy, "id");
	json_object_del(copy, "objects");
	return copy;
}

static int
read_group(struct view *v, size_t at, const json_t *j, struct err *e)
{
	const json_t *list = json_object_get(j, "objects");
	struct object_group *g = &v->group[at];
	json_t *b = bare(j);
	char path[PATH_BYTES];
	int rc;

	snprintf(path, sizeof(path), "groups[%zu]", at);
	rc = rules_json_read_group(b, path, g, &v->a, e);
	json_decref(b);
	if (rc != 0)
		return -1;
	g->id = id_of(j);
	g->nobject = json_array_size(list);
	g->object = arena_array(&v->a, g->nobject + 1, sizeof(*g->object));
	v->object_id[at] = arena_array(&v->a, g->nobject + 1,
	    sizeof(uint32_t));
	if (g->object == NULL || v->object_id[at] == NULL)
		return err_set(e, "the rules are too large");
	for (size_t i = 0; i < g->nobject; i++) {
		json_t *o = json_array_get(list, i);

		v->object_id[at][i] = id_of(o);
		b = bare(o);
		snprintf(path, sizeof(path), "groups[%zu].objects[%zu]", at, i);
		rc = rules_json_read_object(b, path, &g->object[i], &v->a, e);
		json_decref(b);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static struct object_group *
group_by_id(const struct view *v, uint32_t id)
{
	for (size_t i = 0; i < v->ngroup; i++)
		if (v->group[i].id == id)
			return &v->group[i];
	return NULL;
}

static int
read_rule(struct view *v, size_t at, const json_t *j, struct err *e)
{
	struct rule_item item;
	json_t *b = bare(j);
	char path[PATH_BYTES];
	struct rule *r = &v->rule[at];
	int rc;

	snprintf(path, sizeof(path), "rules[%zu]", at);
	rc = rules_json_read_rule(b, path, &item, &v->a, e);
	json_decref(b);
	if (rc != 0)
		return -1;
	*r = item.r;
	r->id = id_of(j);
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		r->group[cat] = arena_array(&v->a, r->ngroup[cat] + 1,
		    sizeof(*r->group[cat]));
		for (size_t i = 0; i < r->ngroup[cat]; i++) {
			r->group[cat][i] = group_by_id(v, item.group[cat][i]);
			if (r->group[cat][i] == NULL)
				return err_set(e, "%s: there is no group %u",
				    path, item.group[cat][i]);
		}
	}
	return 0;
}

static int
read_document(struct view *v, struct err *e)
{
	const json_t *groups = json_object_get(v->document, "groups");
	const json_t *rules = json_object_get(v->document, "rules");

	v->ngroup = json_array_size(groups);
	v->nrule = json_array_size(rules);
	v->group = arena_array(&v->a, v->ngroup + 1, sizeof(*v->group));
	v->object_id = arena_array(&v->a, v->ngroup + 1,
	    sizeof(*v->object_id));
	v->rule = arena_array(&v->a, v->nrule + 1, sizeof(*v->rule));
	for (size_t i = 0; i < v->ngroup; i++)
		if (read_group(v, i, json_array_get(groups, i), e) != 0)
			return -1;
	for (size_t i = 0; i < v->nrule; i++)
		if (read_rule(v, i, json_array_get(rules, i), e) != 0)
			return -1;
	return 0;
}

int
view_load(struct cmd *c, struct view *v)
{
	struct rules_request q = {.verb = RULES_GET, .target = c->target};
	struct rules_answer r;
	struct err e;
	int rc;

	*v = (struct view){.nrule = 0};
	arena_init(&v->a, VIEW_ARENA);
	rc = client_ask_json(c, &q, &v->document, &r);
	if (rc != 0)
		return rc;
	v->version = c->target.where == RULES_DRAFT ? r.revision : r.version;
	rules_answer_free(&r);
	if (read_document(v, &e) == 0)
		return 0;
	view_free(v);
	return cmd_refuse(c, "pmgd-store's rules are not understood: %s (are "
	    "the packages pmgd and pmg-tools of one version?)", e.text);
}

void
view_free(struct view *v)
{
	json_decref(v->document);
	v->document = NULL;
	arena_free(&v->a);
}

/* ---- by what was typed ---- */

static bool
is_number(const char *ref, uint32_t *id_r)
{
	int64_t n;

	if (!str_num(span_str(ref), 1, RULES_ID_MAX, &n))
		return false;
	*id_r = (uint32_t)n;
	return true;
}

/* A search by name: one is found, or the ids of several are told. */
struct search {
	const char *ref;
	const char *what;	/* "rule", "who-group" ... */
	const char *list;	/* the command that lists them */
	size_t found;
	size_t n;
	struct buf ids;
	struct nearest near;
};

static void
search_try(struct search *s, const char *name, uint32_t id, size_t at)
{
	if (strcmp(name, s->ref) != 0) {
		nearest_try(&s->near, name);
		return;
	}
	buf_printf(&s->ids, "%s%u", s->n > 0 ? ", " : "", id);
	s->found = at;
	s->n++;
}

static bool
search_end(const struct cmd *c, struct search *s)
{
	uint32_t id;

	if (s->n > 1)
		cmd_refuse(c, "%zu %ss have the name \"%s\": say the id (%s)",
		    s->n, s->what, s->ref, buf_cstr(&s->ids));
	else if (s->n == 0 && is_number(s->ref, &id))
		cmd_refuse(c, "there is no %s %s (%s tells the ids)", s->what,
		    s->ref, s->list);
	else if (s->n == 0 && s->near.best != NULL)
		cmd_refuse(c, "there is no %s \"%s\"; did you mean \"%s\"?",
		    s->what, s->ref, s->near.best);
	else if (s->n == 0)
		cmd_refuse(c, "there is no %s \"%s\" (%s tells the names)",
		    s->what, s->ref, s->list);
	buf_free(&s->ids);
	return s->n == 1;
}

const struct rule *
view_rule(const struct cmd *c, const struct view *v, const char *ref)
{
	struct search s = {.ref = ref, .what = "rule",
		.list = "pmg rules list", .ids = {.max = IDS_BYTES}};
	uint32_t id;

	if (is_number(ref, &id))
		for (size_t i = 0; i < v->nrule; i++)
			if (v->rule[i].id == id)
				return &v->rule[i];
	nearest_init(&s.near, ref);
	for (size_t i = 0; i < v->nrule; i++)
		search_try(&s, v->rule[i].name, v->rule[i].id, i);
	return search_end(c, &s) ? &v->rule[s.found] : NULL;
}

/* Of another kind than meant: said so. */
static const struct object_group *
of_kind(const struct cmd *c, enum category kind,
    const struct object_group *g)
{
	if (g->cat == kind)
		return g;
	cmd_refuse(c, "group %u \"%s\" is a %s-group, not a %s-group", g->id,
	    g->name, view_kind(g->cat), view_kind(kind));
	return NULL;
}

/* The only one of another kind that has the name, if there is one. */
static const struct object_group *
elsewhere(const struct view *v, const char *ref)
{
	for (size_t i = 0; i < v->ngroup; i++)
		if (strcmp(v->group[i].name, ref) == 0)
			return &v->group[i];
	return NULL;
}

const struct object_group *
view_group(const struct cmd *c, const struct view *v, enum category kind,
    const char *ref)
{
	char what[16], list[24];
	struct search s = {.ref = ref, .what = what, .list = list,
		.ids = {.max = IDS_BYTES}};
	const struct object_group *g;
	uint32_t id;

	snprintf(what, sizeof(what), "%s-group", view_kind(kind));
	snprintf(list, sizeof(list), "pmg %s list", view_kind(kind));
	if (is_number(ref, &id) && (g = group_by_id(v, id)) != NULL)
		return of_kind(c, kind, g);
	nearest_init(&s.near, ref);
	for (size_t i = 0; i < v->ngroup; i++)
		if (v->group[i].cat == kind)
			search_try(&s, v->group[i].name, v->group[i].id, i);
	if (s.n == 0 && (g = elsewhere(v, ref)) != NULL)
		return of_kind(c, kind, g);
	return search_end(c, &s) ? &v->group[s.found] : NULL;
}

const struct object *
view_object(const struct cmd *c, const struct view *v, const char *ref,
    const struct object_group **group_r)
{
	uint32_t id;

	if (!is_number(ref, &id)) {
		cmd_refuse(c, "\"%s\" is not the id of an object (a number, as "
		    "\"pmg %s show GROUP\" tells it)", ref, view_kind(c->kind));
		return NULL;
	}
	for (size_t i = 0; i < v->ngroup; i++)
		for (size_t k = 0; k < v->group[i].nobject; k++)
			if (v->object_id[i][k] == id) {
				*group_r = of_kind(c, c->kind, &v->group[i]);
				return *group_r != NULL
				    ? &v->group[i].object[k] : NULL;
			}
	cmd_refuse(c, "there is no object %s (\"pmg %s show GROUP\" tells the "
	    "ids)", ref, view_kind(c->kind));
	return NULL;
}

json_t *
view_json(const struct view *v, const char *list, uint32_t id)
{
	json_t *all = json_object_get(v->document, list);

	for (size_t i = 0; i < json_array_size(all); i++)
		if (id_of(json_array_get(all, i)) == id)
			return json_array_get(all, i);
	return NULL;
}

bool
view_uses(const struct rule *r, const struct object_group *g)
{
	for (int cat = 0; cat < CAT_COUNT; cat++)
		for (size_t i = 0; i < r->ngroup[cat]; i++)
			if (r->group[cat][i] == g)
				return true;
	return false;
}
