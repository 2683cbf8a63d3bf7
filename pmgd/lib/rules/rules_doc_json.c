/* A set of rules to and from one JSON document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules_doc.h"

enum { PATH_MAX_LEN = 128, QUOTE_MAX = 60, ITEM_ARENA = 1024 * 1024 };

/* ---- writing ---- */

/* A copy of the content with the id in front. */
static json_t *
with_id(const struct rules_item *it)
{
	json_t *j = json_object();

	json_object_set_new(j, "id", json_integer(it->id));
	json_object_update(j, it->content);
	return j;
}

static json_t *
write_groups(const struct rules_doc *d)
{
	const struct rules_list *l = &d->of[RULES_GROUP];
	AUTO_FREE const struct rules_item **object = rules_doc_objects(d);
	size_t n = d->of[RULES_OBJECT].n, k = 0;
	json_t *groups = json_array();

	for (size_t i = 0; i < l->n; i++) {
		json_t *g = with_id(&l->item[i]), *list = json_array();

		while (k < n && object[k]->group < l->item[i].id)
			k++;
		for (; k < n && object[k]->group == l->item[i].id; k++)
			json_array_append_new(list, with_id(object[k]));
		json_object_set_new(g, "objects", list);
		json_array_append_new(groups, g);
	}
	return groups;
}

static int64_t
priority_of(const struct rules_item *it)
{
	return json_integer_value(json_object_get(it->content, "priority"));
}

/* Higher priority first, then the higher id. */
static int
by_priority(const void *a, const void *b)
{
	const struct rules_item *x = *(const struct rules_item *const *)a;
	const struct rules_item *y = *(const struct rules_item *const *)b;
	int64_t p = priority_of(x), q = priority_of(y);

	if (p != q)
		return p > q ? -1 : 1;
	return x->id > y->id ? -1 : x->id < y->id;
}

static json_t *
write_rules(const struct rules_doc *d)
{
	const struct rules_list *l = &d->of[RULES_RULE];
	AUTO_FREE const struct rules_item **rule =
	    xcalloc(l->n + 1, sizeof(*rule));
	json_t *rules = json_array();

	for (size_t i = 0; i < l->n; i++)
		rule[i] = &l->item[i];
	if (l->n > 1)
		qsort(rule, l->n, sizeof(*rule), by_priority);
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(rules, with_id(rule[i]));
	return rules;
}

json_t *
rules_doc_write(const struct rules_doc *d)
{
	json_t *j = json_object();

	json_object_set_new(j, "format", json_integer(RULES_JSON_FORMAT));
	json_object_set_new(j, "rules", write_rules(d));
	json_object_set_new(j, "groups", write_groups(d));
	return j;
}

/* ---- reading ---- */

static uint32_t
resolve_name(const struct rules_doc *d, enum rules_kind kind, const char *name,
    const char *path, struct err *e)
{
	const struct rules_list *l = &d->of[kind];
	uint32_t id = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(rules_item_name(&l->item[i]), name) != 0)
			continue;
		if (id != 0) {
			err_set(e, "%s: several %ss have the name \"%.*s\" "
			    "(%u, %u): give the id", path,
			    rules_kind_name[kind], QUOTE_MAX, name, id,
			    l->item[i].id);
			return 0;
		}
		id = l->item[i].id;
	}
	if (id == 0)
		err_set(e, "%s: there is no %s \"%.*s\"", path,
		    rules_kind_name[kind], QUOTE_MAX, name);
	return id;
}

uint32_t
rules_doc_resolve(const struct rules_doc *d, enum rules_kind kind,
    const json_t *ref, const char *path, struct err *e)
{
	int64_t id;

	if (kind != RULES_OBJECT && json_is_string(ref))
		return resolve_name(d, kind, json_string_value(ref), path, e);
	if (!json_is_integer(ref)) {
		err_set(e, "%s: must be the id%s of %s %s", path,
		    kind != RULES_OBJECT ? " or the name" : "",
		    kind == RULES_OBJECT ? "an" : "a", rules_kind_name[kind]);
		return 0;
	}
	id = json_integer_value(ref);
	if (id < 1 || id > RULES_ID_MAX ||
	    rules_doc_find(d, kind, (uint32_t)id) == NULL) {
		err_set(e, "%s: there is no %s %lld", path,
		    rules_kind_name[kind], (long long)id);
		return 0;
	}
	return (uint32_t)id;
}

/* The groups of one category by id; each must be of the right kind. */
static int
resolve_category(const struct rules_doc *d, json_t *category, int cat,
    const char *path, struct err *e)
{
	json_t *list = json_object_get(category, "groups");
	char sub[PATH_MAX_LEN];

	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct rules_item *g;
		const char *kind;
		uint32_t id;

		snprintf(sub, sizeof(sub), "%s.%s.groups[%zu]", path,
		    rules_json_category[cat], i);
		id = rules_doc_resolve(d, RULES_GROUP,
		    json_array_get(list, i), sub, e);
		if (id == 0)
			return -1;
		g = rules_doc_find(d, RULES_GROUP, id);
		kind = json_string_value(json_object_get(g->content, "kind"));
		if (kind == NULL || strcmp(kind, rules_json_kind[cat]) != 0)
			return err_set(e, "%s: group \"%.*s\" is of kind %s",
			    sub, QUOTE_MAX, rules_item_name(g),
			    kind != NULL ? kind : "-");
		json_array_set_new(list, i, json_integer(id));
	}
	return 0;
}

json_t *
rules_doc_rule(const struct rules_doc *d, const json_t *rule, const char *path,
    struct err *e)
{
	json_t *copy = json_deep_copy(rule), *stored = NULL;
	struct rule_item r;
	struct arena a;
	int rc = 0;

	arena_init(&a, ITEM_ARENA);
	for (int cat = 0; cat < CAT_COUNT && rc == 0; cat++)
		rc = resolve_category(d, json_object_get(copy,
		    rules_json_category[cat]), cat, path, e);
	if (rc == 0 && rules_json_read_rule(copy, path, &r, &a, e) == 0)
		stored = rules_json_rule(&r);
	json_decref(copy);
	arena_free(&a);
	return stored;
}

/* The "id" of item j, or a new one. 0: e tells. */
static uint32_t
item_id(struct rules_doc *d, enum rules_kind kind, const json_t *j,
    const char *path, struct err *e)
{
	int64_t id = 0;
	bool there;

	if (!json_is_object(j)) {
		err_set(e, "%s: must be an object", path);
		return 0;
	}
	if (rules_json_int(j, path, "id", 1, RULES_ID_GIVEN_MAX, &id, &there,
	        e) != 0)
		return 0;
	if (!there)
		id = rules_doc_id(d, kind);
	if (id == 0)
		err_set(e, "%s: there are no more ids", path);
	return (uint32_t)id;
}

/* j without the members that stand beside the content. */
static json_t *
without(const json_t *j, const char *name)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)j);

	json_object_del(copy, "id");
	if (name != NULL)
		json_object_del(copy, name);
	return copy;
}

static int
read_object(struct rules_doc *d, const json_t *j, uint32_t group, size_t index,
    const char *path, struct arena *a, struct err *e)
{
	struct rules_item it = {.group = group, .position = (int64_t)index + 1};
	json_t *bare;
	struct object o;
	int rc;

	it.id = item_id(d, RULES_OBJECT, j, path, e);
	if (it.id == 0)
		return -1;
	bare = without(j, NULL);
	rc = rules_json_read_object(bare, path, &o, a, e);
	json_decref(bare);
	if (rc != 0)
		return -1;
	it.content = rules_json_object(&o);
	rules_doc_append(d, RULES_OBJECT, it);
	return 0;
}

static int
read_group(struct rules_doc *d, const json_t *j, const char *path,
    struct err *e)
{
	const json_t *list = json_object_get(j, "objects");
	struct rules_item it = {.id = item_id(d, RULES_GROUP, j, path, e)};
	char sub[PATH_MAX_LEN];
	struct object_group g;
	json_t *bare;
	struct arena a;
	int rc;

	if (it.id == 0)
		return -1;
	if (list != NULL && !json_is_array(list))
		return err_set(e, "%s.objects: must be a list", path);
	arena_init(&a, ITEM_ARENA);
	bare = without(j, "objects");
	rc = rules_json_read_group(bare, path, &g, &a, e);
	json_decref(bare);
	if (rc == 0) {
		it.content = rules_json_group(&g);
		rules_doc_append(d, RULES_GROUP, it);
	}
	for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
		arena_free(&a);
		snprintf(sub, sizeof(sub), "%s.objects[%zu]", path, i);
		rc = read_object(d, json_array_get(list, i), it.id, i, sub, &a,
		    e);
	}
	arena_free(&a);
	return rc;
}

static int
read_rule(struct rules_doc *d, const json_t *j, const char *path,
    struct err *e)
{
	struct rules_item it = {.id = item_id(d, RULES_RULE, j, path, e)};
	json_t *bare;

	if (it.id == 0)
		return -1;
	bare = without(j, NULL);
	it.content = rules_doc_rule(d, bare, path, e);
	json_decref(bare);
	if (it.content == NULL)
		return -1;
	rules_doc_append(d, RULES_RULE, it);
	return 0;
}

static int
read_list(struct rules_doc *d, const json_t *document, const char *name,
    int (*read)(struct rules_doc *, const json_t *, const char *,
        struct err *), struct err *e)
{
	const json_t *list = json_object_get(document, name);
	char path[PATH_MAX_LEN];

	if (!json_is_array(list))
		return err_set(e, "%s: must be a list", name);
	for (size_t i = 0; i < json_array_size(list); i++) {
		snprintf(path, sizeof(path), "%s[%zu]", name, i);
		if (read(d, json_array_get(list, i), path, e) != 0)
			return -1;
	}
	return 0;
}

static int
sort(struct rules_doc *d, enum rules_kind kind, struct err *e)
{
	uint32_t twice;

	if (rules_doc_sort(d, kind, &twice) != 0)
		return err_set(e, "%s %u is there twice", rules_kind_name[kind],
		    twice);
	return 0;
}

/* New ids must lie above those that the document brings along. */
static void
reserve_ids(struct rules_doc *d, enum rules_kind kind, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);
		int64_t id = json_integer_value(json_object_get(j, "id"));

		if (id >= d->next[kind] && id <= RULES_ID_GIVEN_MAX)
			d->next[kind] = (uint32_t)id + 1;
		if (kind == RULES_GROUP)
			reserve_ids(d, RULES_OBJECT,
			    json_object_get(j, "objects"));
	}
}

int
rules_doc_read(struct rules_doc *d, const json_t *document, struct err *e)
{
	static const char *const names[] = {"format", "version", "rules",
	    "groups", NULL};
	int64_t format = RULES_JSON_FORMAT;
	bool there;

	if (rules_json_only(document, "document", names, e) != 0 ||
	    rules_json_int(document, "document", "format", RULES_JSON_FORMAT,
	        RULES_JSON_FORMAT, &format, &there, e) != 0)
		return -1;
	reserve_ids(d, RULES_GROUP, json_object_get(document, "groups"));
	reserve_ids(d, RULES_RULE, json_object_get(document, "rules"));
	if (read_list(d, document, "groups", read_group, e) != 0 ||
	    sort(d, RULES_GROUP, e) != 0 || sort(d, RULES_OBJECT, e) != 0 ||
	    read_list(d, document, "rules", read_rule, e) != 0)
		return -1;
	return sort(d, RULES_RULE, e);
}
