/* A set of rules into a builder; the shipped ones out of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules_doc.h"

enum {
	QUOTE_MAX = 60,
	BUILD_ARENA = 1024 * 1024 * 1024,
	SNAPSHOT_MAX = 16 * 1024 * 1024,	/* of the shipped rules */
};

struct build {
	const struct rules_doc *d;
	struct ruleset_builder *b;
	const struct rules_item **object;	/* by group and position */
	size_t nobject, next;
	int *index;			/* the builder's, of each group */
	struct arena a;
};

static int
build_objects(struct build *w, uint32_t group, const char *name,
    struct object_group *g, struct err *e)
{
	size_t end = w->next;
	char path[160];

	while (end < w->nobject && w->object[end]->group == group)
		end++;
	g->object = xcalloc(end - w->next + 1, sizeof(*g->object));
	for (; w->next < end; w->next++) {
		const struct rules_item *it = w->object[w->next];

		snprintf(path, sizeof(path), "group \"%.*s\", object %u",
		    QUOTE_MAX, name, it->id);
		if (rules_json_read_object(it->content, path,
		        &g->object[g->nobject++], &w->a, e) != 0)
			return -1;
	}
	return 0;
}

static int
build_group(struct build *w, size_t i, struct err *e)
{
	const struct rules_item *it = &w->d->of[RULES_GROUP].item[i];
	struct object_group g;
	char path[32];
	int rc = -1;

	if (w->next < w->nobject && w->object[w->next]->group < it->id)
		return err_set(e, "object %u: its group %u does not exist",
		    w->object[w->next]->id, w->object[w->next]->group);
	arena_free(&w->a);
	snprintf(path, sizeof(path), "group %u", it->id);
	if (rules_json_read_group(it->content, path, &g, &w->a, e) != 0)
		return -1;
	g.id = it->id;
	if (build_objects(w, it->id, g.name, &g, e) == 0) {
		w->index[i] = ruleset_builder_group(w->b, &g, e);
		rc = w->index[i] < 0 ? -1 : 0;
	}
	free(g.object);
	return rc;
}

static int
build_rule(struct build *w, const struct rules_item *it, struct err *e)
{
	const struct rules_list *groups = &w->d->of[RULES_GROUP];
	const int *group[CAT_COUNT];
	struct rule_item r;
	char path[32];

	arena_free(&w->a);
	snprintf(path, sizeof(path), "rule %u", it->id);
	if (rules_json_read_rule(it->content, path, &r, &w->a, e) != 0)
		return -1;
	r.r.id = it->id;
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		int *index = arena_array(&w->a, r.r.ngroup[cat],
		    sizeof(*index));

		if (index == NULL)
			return err_set(e, "the rules are too large");
		for (size_t k = 0; k < r.r.ngroup[cat]; k++) {
			const struct rules_item *g = rules_doc_find(w->d,
			    RULES_GROUP, r.group[cat][k]);

			if (g == NULL)
				return err_set(e, "rule \"%.*s\" names group "
				    "%u, which does not exist", QUOTE_MAX,
				    r.r.name, r.group[cat][k]);
			index[k] = w->index[g - groups->item];
		}
		group[cat] = index;
	}
	return ruleset_builder_rule(w->b, &r.r, group, r.r.ngroup, e);
}

int
rules_doc_build(const struct rules_doc *d, struct ruleset_builder *b,
    struct err *e)
{
	struct build w = {.d = d, .b = b, .nobject = d->of[RULES_OBJECT].n};
	const struct rules_list *rules = &d->of[RULES_RULE];
	int rc = 0;

	w.object = rules_doc_objects(d);
	w.index = xcalloc(d->of[RULES_GROUP].n + 1, sizeof(*w.index));
	arena_init(&w.a, BUILD_ARENA);
	for (size_t i = 0; i < d->of[RULES_GROUP].n && rc == 0; i++)
		rc = build_group(&w, i, e);
	if (rc == 0 && w.next < w.nobject)
		rc = err_set(e, "object %u: its group %u does not exist",
		    w.object[w.next]->id, w.object[w.next]->group);
	for (size_t i = 0; i < rules->n && rc == 0; i++)
		rc = build_rule(&w, &rules->item[i], e);
	arena_free(&w.a);
	free(w.index);
	free(w.object);
	return rc;
}

/* ---- from a loaded set ---- */

static void
add_rule(struct rules_doc *d, const struct rule *r)
{
	struct rule_item it = {.r = *r};

	for (int cat = 0; cat < CAT_COUNT; cat++) {
		it.group[cat] = xcalloc(r->ngroup[cat] + 1,
		    sizeof(*it.group[cat]));
		for (size_t i = 0; i < r->ngroup[cat]; i++)
			it.group[cat][i] = r->group[cat][i]->id;
	}
	rules_doc_append(d, RULES_RULE, (struct rules_item){.id = r->id,
	    .content = rules_json_rule(&it)});
	for (int cat = 0; cat < CAT_COUNT; cat++)
		free(it.group[cat]);
}

void
rules_doc_from_ruleset(struct rules_doc *d, const struct ruleset *rs)
{
	const struct object_group *g;
	const struct rule **rule;
	size_t n = ruleset_groups(rs, &g);
	uint32_t twice;

	for (size_t i = 0; i < n; i++) {
		rules_doc_append(d, RULES_GROUP, (struct rules_item){
		    .id = g[i].id, .content = rules_json_group(&g[i])});
		for (size_t k = 0; k < g[i].nobject; k++)
			rules_doc_append(d, RULES_OBJECT, (struct rules_item){
			    .id = rules_doc_id(d, RULES_OBJECT),
			    .group = g[i].id, .position = (int64_t)k + 1,
			    .content = rules_json_object(&g[i].object[k])});
	}
	n = ruleset_rules(rs, &rule);
	for (size_t i = 0; i < n; i++)
		add_rule(d, rule[i]);
	for (int k = 0; k < RULES_KINDS; k++)
		rules_doc_sort(d, (enum rules_kind)k, &twice);
}

/* ---- the shipped rules ---- */

static struct ruleset *
load_shipped(struct err *e)
{
	struct ruleset_builder *b = ruleset_builder_new();
	AUTO_BUF struct buf snapshot = {.max = SNAPSHOT_MAX};
	struct ruleset *rs = NULL;

	if (ruleset_builder_shipped(b, e) == 0 &&
	    ruleset_compile(b, 0, &snapshot, e) == 0)
		rs = ruleset_load(buf_span(&snapshot), e);
	ruleset_builder_free(b);
	return rs;
}

/* The id of what has this name before, else a new one. */
static uint32_t
id_of(struct rules_doc *d, enum rules_kind kind, const struct rules_doc *before,
    const char *name)
{
	const struct rules_list *l = &before->of[kind];

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(rules_item_name(&l->item[i]), name) == 0 &&
		    rules_doc_find(d, kind, l->item[i].id) == NULL)
			return l->item[i].id;
	return rules_doc_id(d, kind);
}

/* An object of the group with the same content, else a new id. */
static uint32_t
object_id_of(struct rules_doc *d, const struct rules_doc *before,
    uint32_t group, const json_t *content)
{
	const struct rules_list *l = &before->of[RULES_OBJECT];

	for (size_t i = 0; i < l->n; i++)
		if (l->item[i].group == group &&
		    json_equal(l->item[i].content, (json_t *)(uintptr_t)content)
		    && rules_doc_find(d, RULES_OBJECT, l->item[i].id) == NULL)
			return l->item[i].id;
	return rules_doc_id(d, RULES_OBJECT);
}

static void
put_shipped_objects(struct rules_doc *d, const struct rules_doc *before,
    const struct object_group *g, uint32_t id)
{
	for (size_t k = 0; k < g->nobject; k++) {
		struct rules_item it = {.group = id,
		    .position = (int64_t)k + 1,
		    .content = rules_json_object(&g->object[k])};

		it.id = object_id_of(d, before, id, it.content);
		rules_doc_put(d, RULES_OBJECT, it);
	}
}

static void
put_shipped_rule(struct rules_doc *d, const struct rules_doc *before,
    const struct rule *r, const uint32_t *id, const struct object_group *first)
{
	struct rule_item it = {.r = *r};

	for (int cat = 0; cat < CAT_COUNT; cat++) {
		it.group[cat] = xcalloc(r->ngroup[cat] + 1,
		    sizeof(*it.group[cat]));
		for (size_t i = 0; i < r->ngroup[cat]; i++)
			it.group[cat][i] = id[r->group[cat][i] - first];
	}
	rules_doc_put(d, RULES_RULE, (struct rules_item){
	    .id = id_of(d, RULES_RULE, before, r->name),
	    .content = rules_json_rule(&it)});
	for (int cat = 0; cat < CAT_COUNT; cat++)
		free(it.group[cat]);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a;
	const struct rule *y = *(const struct rule *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int
rules_doc_shipped(struct rules_doc *d, const struct rules_doc *before,
    struct err *e)
{
	struct ruleset *rs = load_shipped(e);
	const struct object_group *g;
	const struct rule **rule;
	AUTO_FREE const struct rule **order = NULL;
	AUTO_FREE uint32_t *id = NULL;
	size_t n;

	if (rs == NULL)
		return -1;
	n = ruleset_groups(rs, &g);
	id = xcalloc(n + 1, sizeof(*id));
	for (size_t i = 0; i < n; i++) {
		id[i] = id_of(d, RULES_GROUP, before, g[i].name);
		rules_doc_put(d, RULES_GROUP, (struct rules_item){.id = id[i],
		    .content = rules_json_group(&g[i])});
		put_shipped_objects(d, before, &g[i], id[i]);
	}
	/* In the order in which they are shipped: that of equal priorities. */
	n = ruleset_rules(rs, &rule);
	order = xcalloc(n + 1, sizeof(*order));
	memcpy(order, rule, n * sizeof(*order));
	qsort(order, n, sizeof(*order), compare_ids);
	for (size_t i = 0; i < n; i++)
		put_shipped_rule(d, before, order[i], id, g);
	ruleset_free(rs);
	return 0;
}
