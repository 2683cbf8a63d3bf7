#include "lib/rules/rules_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"

enum { PATH_BYTES = 64, SUB_BYTES = 128, EDIT_ARENA = 4 * 1024 * 1024,
	QUOTE_MAX = 60, USERS_MAX = 300 };

/* One operation at work. */
struct edit {
	struct rules_doc *d;
	const json_t *op;
	const char *path;	/* operations[3] */
	struct arena a;
	struct err *e;
};

static const char *
sub(const struct edit *w, char out[SUB_BYTES], const char *name)
{
	snprintf(out, SUB_BYTES, "%s.%s", w->path, name);
	return out;
}

/* The id of the item that member `name` stands for, 0: e tells. */
static uint32_t
ref(struct edit *w, const char *name, enum rules_kind kind)
{
	const json_t *v = json_object_get(w->op, name);
	char path[SUB_BYTES];

	if (v == NULL) {
		err_set(w->e, "%s: is missing", sub(w, path, name));
		return 0;
	}
	return rules_doc_resolve(w->d, kind, v, sub(w, path, name), w->e);
}

static uint32_t
new_id(struct edit *w, enum rules_kind kind)
{
	uint32_t id = rules_doc_id(w->d, kind);

	if (id == 0)
		err_set(w->e, "%s: there are no more ids", w->path);
	return id;
}

/* ---- add ---- */

static const char *
group_kind(const struct rules_item *group)
{
	const char *kind =
	    json_string_value(json_object_get(group->content, "kind"));

	return kind != NULL ? kind : "-";
}

/* The content of an object as stored, NULL: e tells. */
static json_t *
object_content(struct edit *w, const json_t *j, const char *path)
{
	struct object o;

	arena_free(&w->a);
	if (rules_json_read_object(j, path, &o, &w->a, w->e) != 0)
		return NULL;
	return rules_json_object(&o);
}

/*
 * Behind all others of its group: a new id is above every position, as these
 * are ids or count from 1 no further than there are ids.
 */
static uint32_t
put_object(struct edit *w, const json_t *j, const char *path, uint32_t group)
{
	json_t *content = object_content(w, j, path);
	uint32_t id;

	if (content == NULL)
		return 0;
	id = new_id(w, RULES_OBJECT);
	if (id == 0)
		json_decref(content);
	else
		rules_doc_put(w->d, RULES_OBJECT, (struct rules_item){.id = id,
		    .group = group, .position = id, .content = content});
	return id;
}

static uint32_t
add_object(struct edit *w)
{
	static const char *const names[] = {"op", "object", "to", NULL};
	char path[SUB_BYTES];
	uint32_t group;

	if (rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	group = ref(w, "to", RULES_GROUP);
	if (group == 0)
		return 0;
	return put_object(w, json_object_get(w->op, "object"),
	    sub(w, path, "object"), group);
}

static json_t *
group_content(struct edit *w, const json_t *j, const char *path)
{
	struct object_group g;

	arena_free(&w->a);
	if (rules_json_read_group(j, path, &g, &w->a, w->e) != 0)
		return NULL;
	return rules_json_group(&g);
}

static int
add_objects(struct edit *w, const json_t *list, uint32_t group)
{
	char path[SUB_BYTES];

	if (list != NULL && !json_is_array(list))
		return err_set(w->e, "%s: must be a list",
		    sub(w, path, "group.objects"));
	for (size_t i = 0; i < json_array_size(list); i++) {
		snprintf(path, sizeof(path), "%s.group.objects[%zu]", w->path,
		    i);
		if (put_object(w, json_array_get(list, i), path, group) ==
		    0)
			return -1;
	}
	return 0;
}

static uint32_t
add_group(struct edit *w)
{
	static const char *const names[] = {"op", "group", NULL};
	const json_t *j = json_object_get(w->op, "group");
	char path[SUB_BYTES];
	json_t *bare, *content;
	uint32_t id;

	if (rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	bare = json_copy((json_t *)(uintptr_t)j);
	json_object_del(bare, "objects");
	content = group_content(w, bare, sub(w, path, "group"));
	json_decref(bare);
	if (content == NULL)
		return 0;
	id = new_id(w, RULES_GROUP);
	if (id == 0) {
		json_decref(content);
		return 0;
	}
	rules_doc_put(w->d, RULES_GROUP, (struct rules_item){.id = id,
	    .content = content});
	return add_objects(w, json_object_get(j, "objects"), id) == 0 ? id : 0;
}

static uint32_t
add_rule(struct edit *w)
{
	static const char *const names[] = {"op", "rule", NULL};
	char path[SUB_BYTES];
	json_t *content;
	uint32_t id;

	if (rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	content = rules_doc_rule(w->d, json_object_get(w->op, "rule"),
	    sub(w, path, "rule"), w->e);
	if (content == NULL)
		return 0;
	id = new_id(w, RULES_RULE);
	if (id == 0)
		json_decref(content);
	else
		rules_doc_put(w->d, RULES_RULE, (struct rules_item){.id = id,
		    .content = content});
	return id;
}

/* ---- set ---- */

/*
 * The old content with the given members in place of its own; null takes one
 * away. A rule's categories are merged in the same way.
 */
static json_t *
merge(const json_t *old, const json_t *values, bool deep)
{
	json_t *j = json_deep_copy(old), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)values, key, v) {
		json_t *mine = json_object_get(j, key);

		if (json_is_null(v))
			json_object_del(j, key);
		else if (deep && json_is_object(mine) && json_is_object(v))
			json_object_set_new(j, key, merge(mine, v, false));
		else
			json_object_set(j, key, v);
	}
	return j;
}

static json_t *
checked_content(struct edit *w, enum rules_kind kind,
    const struct rules_item *it, const json_t *merged, const char *path)
{
	json_t *content;

	if (kind == RULES_RULE)
		return rules_doc_rule(w->d, merged, path, w->e);
	if (kind == RULES_OBJECT)
		return object_content(w, merged, path);
	content = group_content(w, merged, path);
	if (content != NULL && strcmp(json_string_value(json_object_get(content,
	        "kind")), group_kind(it)) != 0) {
		err_set(w->e, "%s.kind: a group stays of its kind (%s)", path,
		    group_kind(it));
		json_decref(content);
		return NULL;
	}
	return content;
}

static uint32_t
set_item(struct edit *w, enum rules_kind kind)
{
	const char *const names[] = {"op", rules_kind_name[kind], "values",
	    NULL};
	const json_t *values = json_object_get(w->op, "values");
	uint32_t id = ref(w, rules_kind_name[kind], kind);
	struct rules_item it;
	char path[SUB_BYTES];
	json_t *merged;

	if (id == 0 || rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	if (!json_is_object(values)) {
		err_set(w->e, "%s: must be an object", sub(w, path, "values"));
		return 0;
	}
	it = *rules_doc_find(w->d, kind, id);
	merged = merge(it.content, values, kind == RULES_RULE);
	/* Of another type: its number is the new one's. */
	if (kind == RULES_OBJECT && json_object_get(values, "type") != NULL &&
	    json_object_get(values, "otype") == NULL)
		json_object_del(merged, "otype");
	it.content = checked_content(w, kind, &it, merged,
	    sub(w, path, "values"));
	json_decref(merged);
	if (it.content == NULL)
		return 0;
	rules_doc_put(w->d, kind, it);
	return id;
}

/* ---- delete ---- */

/* The names of rules that use a group; 0 when none does. */
static size_t
users(const struct rules_doc *d, uint32_t group, char *out, size_t size)
{
	const struct rules_list *l = &d->of[RULES_RULE];
	size_t n = 0, at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		for (int cat = 0; cat < CAT_COUNT; cat++) {
			const json_t *list = json_object_get(json_object_get(
			    l->item[i].content, rules_json_category[cat]),
			    "groups");

			for (size_t k = 0; k < json_array_size(list); k++) {
				if (json_integer_value(json_array_get(list,
				        k)) != group)
					continue;
				if (at < size)
					at += (size_t)snprintf(out + at,
					    size - at, "%s\"%.*s\"",
					    n > 0 ? ", " : "", QUOTE_MAX,
					    rules_item_name(&l->item[i]));
				n++;
			}
		}
	return n;
}

static void
drop_objects(struct rules_doc *d, uint32_t group)
{
	struct rules_list *l = &d->of[RULES_OBJECT];
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->item[i].group == group)
			json_decref(l->item[i].content);
		else
			l->item[kept++] = l->item[i];
	}
	l->n = kept;
}

static uint32_t
delete_item(struct edit *w, enum rules_kind kind)
{
	const char *const names[] = {"op", rules_kind_name[kind], NULL};
	uint32_t id = ref(w, rules_kind_name[kind], kind);
	char who[USERS_MAX], path[SUB_BYTES];

	if (id == 0 || rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	/* A category that loses its last group matches everything. */
	if (kind == RULES_GROUP && users(w->d, id, who, sizeof(who)) > 0) {
		err_set(w->e, "%s: group \"%.*s\" is used by rule %s: unlink "
		    "it first", sub(w, path, "group"), QUOTE_MAX,
		    rules_item_name(rules_doc_find(w->d, kind, id)), who);
		return 0;
	}
	if (kind == RULES_GROUP)
		drop_objects(w->d, id);
	rules_doc_remove(w->d, kind, id);
	return id;
}

/* ---- link, unlink, move ---- */

static int
category_of(struct edit *w)
{
	char path[SUB_BYTES];
	const char *word;

	if (rules_json_text(w->op, w->path, "category", &word, w->e) != 0)
		return -1;
	if (word == NULL)
		return err_set(w->e, "%s: is missing",
		    sub(w, path, "category"));
	return rules_json_word(word, w->path, "category", rules_json_category,
	    CAT_COUNT, w->e);
}

/* Index of id in a list, or its length. */
static size_t
index_of(const json_t *list, uint32_t id)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_array_get(list, i)) == id)
			break;
	return i;
}

/* The list of a category's groups in a copy of a rule; made when missing. */
static json_t *
group_list(json_t *rule, int cat)
{
	json_t *c = json_object_get(rule, rules_json_category[cat]), *list;

	if (c == NULL) {
		c = json_object();
		json_object_set_new(rule, rules_json_category[cat], c);
	}
	list = json_object_get(c, "groups");
	if (list == NULL) {
		list = json_array();
		json_object_set_new(c, "groups", list);
	}
	return list;
}

static int
relink(struct edit *w, json_t *list, uint32_t group, bool link)
{
	size_t at = index_of(list, group);

	if (link && at == json_array_size(list))
		json_array_append_new(list, json_integer(group));
	if (!link && at == json_array_size(list))
		return err_set(w->e, "%s: the group is not linked there",
		    w->path);
	if (!link)
		json_array_remove(list, at);
	return 0;
}

static uint32_t
link_group(struct edit *w, bool link)
{
	static const char *const names[] = {"op", "rule", "category", "group",
	    NULL};
	uint32_t id = ref(w, "rule", RULES_RULE);
	uint32_t group = id == 0 ? 0 : ref(w, "group", RULES_GROUP);
	struct rules_item it;
	json_t *copy;
	int cat;

	if (group == 0 || rules_json_only(w->op, w->path, names, w->e) != 0)
		return 0;
	cat = category_of(w);
	if (cat < 0)
		return 0;
	it = *rules_doc_find(w->d, RULES_RULE, id);
	copy = json_deep_copy(it.content);
	it.content = NULL;
	if (relink(w, group_list(copy, cat), group, link) == 0)
		it.content = rules_doc_rule(w->d, copy, w->path, w->e);
	json_decref(copy);
	if (it.content == NULL)
		return 0;
	rules_doc_put(w->d, RULES_RULE, it);
	return id;
}

/* An object to a place in its group: 0 is the first. All get new positions:
 * what was between two of them may be taken. */
static uint32_t
move_object(struct edit *w)
{
	static const char *const names[] = {"op", "object", "position", NULL};
	uint32_t id = ref(w, "object", RULES_OBJECT), group;
	AUTO_FREE const struct rules_item **object = NULL;
	size_t n = w->d->of[RULES_OBJECT].n, at = 0;
	int64_t place = 0;
	bool there;

	if (id == 0 || rules_json_only(w->op, w->path, names, w->e) != 0 ||
	    rules_json_int(w->op, w->path, "position", 0, RULES_ID_MAX, &place,
	        &there, w->e) != 0)
		return 0;
	if (!there) {
		err_set(w->e, "%s.position: is missing", w->path);
		return 0;
	}
	group = rules_doc_find(w->d, RULES_OBJECT, id)->group;
	object = rules_doc_objects(w->d);
	for (size_t i = 0; i < n; i++) {
		struct rules_item *it;

		if (object[i]->group != group || object[i]->id == id)
			continue;
		it = rules_doc_find(w->d, RULES_OBJECT, object[i]->id);
		at += at == (size_t)place;
		it->position = (int64_t)++at;
	}
	if ((size_t)place > at)
		place = (int64_t)at;
	rules_doc_find(w->d, RULES_OBJECT, id)->position = place + 1;
	return id;
}

/* ---- all of them ---- */

/* Which kind an operation is about: the member that is there. */
static int
kind_of(const json_t *op)
{
	for (int k = 0; k < RULES_KINDS; k++)
		if (json_object_get(op, rules_kind_name[k]) != NULL)
			return k;
	return -1;
}

static uint32_t
apply(struct edit *w)
{
	enum { ADD, SET, DELETE, LINK, UNLINK, MOVE, OPS };
	static const char *const words[OPS] = {"add", "set", "delete", "link",
	    "unlink", "move"};
	const char *word = json_string_value(json_object_get(w->op, "op"));
	int op = -1, kind = kind_of(w->op);

	if (word == NULL)
		err_set(w->e, "%s.op: is missing", w->path);
	else
		op = rules_json_word(word, w->path, "op", words, OPS, w->e);
	if (op < 0)
		return 0;
	if (op == LINK || op == UNLINK)
		return link_group(w, op == LINK);
	if (op == MOVE)
		return move_object(w);
	if (kind < 0) {
		err_set(w->e, "%s: names no rule, group or object", w->path);
		return 0;
	}
	if (op == SET)
		return set_item(w, (enum rules_kind)kind);
	if (op == DELETE)
		return delete_item(w, (enum rules_kind)kind);
	return kind == RULES_RULE ? add_rule(w)
	    : kind == RULES_GROUP ? add_group(w) : add_object(w);
}

int
rules_edit(struct rules_doc *d, const json_t *operations, json_t **ids_r,
    struct err *e)
{
	struct edit w = {.d = d, .e = e};
	char path[PATH_BYTES];
	uint32_t id = 1;

	*ids_r = NULL;
	if (!json_is_array(operations))
		return err_set(e, "operations: must be a list");
	*ids_r = json_array();
	arena_init(&w.a, EDIT_ARENA);
	for (size_t i = 0; i < json_array_size(operations) && id != 0; i++) {
		snprintf(path, sizeof(path), "operations[%zu]", i);
		w.op = json_array_get(operations, i);
		w.path = path;
		id = apply(&w);
		json_array_append_new(*ids_r, json_integer(id));
	}
	arena_free(&w.a);
	if (id != 0)
		return 0;
	json_decref(*ids_r);
	*ids_r = NULL;
	return -1;
}
