#include "lib/rules/rules_doc.h"

#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"

const char *const rules_kind_name[RULES_KINDS] = {"rule", "group", "object"};

void
rules_doc_init(struct rules_doc *d)
{
	*d = (struct rules_doc){.next = {1, 1, 1}};
}

void
rules_doc_free(struct rules_doc *d)
{
	for (int k = 0; k < RULES_KINDS; k++) {
		for (size_t i = 0; i < d->of[k].n; i++)
			json_decref(d->of[k].item[i].content);
		free(d->of[k].item);
		d->of[k] = (struct rules_list){NULL, 0, 0};
	}
}

void
rules_doc_copy(struct rules_doc *d, const struct rules_doc *from)
{
	for (int k = 0; k < RULES_KINDS; k++) {
		const struct rules_list *l = &from->of[k];

		d->of[k].item = xcalloc(l->n, sizeof(*l->item));
		d->of[k].n = d->of[k].cap = l->n;
		for (size_t i = 0; i < l->n; i++) {
			d->of[k].item[i] = l->item[i];
			json_incref(l->item[i].content);
		}
		d->next[k] = from->next[k];
	}
}

/* Index of the first item with this id or a higher one. */
static size_t
lower_bound(const struct rules_list *l, uint32_t id)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->item[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct rules_item *
rules_doc_find(const struct rules_doc *d, enum rules_kind kind, uint32_t id)
{
	const struct rules_list *l = &d->of[kind];
	size_t i = lower_bound(l, id);

	return i < l->n && l->item[i].id == id ? &l->item[i] : NULL;
}

static void
used(struct rules_doc *d, enum rules_kind kind, uint32_t id)
{
	if (id >= d->next[kind])
		d->next[kind] = id + 1;
}

void
rules_doc_append(struct rules_doc *d, enum rules_kind kind,
    struct rules_item it)
{
	struct rules_list *l = &d->of[kind];

	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 64;
		l->item = xrealloc(l->item, l->cap, sizeof(*l->item));
	}
	l->item[l->n++] = it;
	used(d, kind, it.id);
}

void
rules_doc_put(struct rules_doc *d, enum rules_kind kind, struct rules_item it)
{
	struct rules_item *old = rules_doc_find(d, kind, it.id);
	struct rules_list *l = &d->of[kind];
	size_t i;

	if (old != NULL) {
		json_decref(old->content);
		*old = it;
		return;
	}
	i = lower_bound(l, it.id);
	rules_doc_append(d, kind, it);
	memmove(&l->item[i + 1], &l->item[i], (l->n - 1 - i) * sizeof(it));
	l->item[i] = it;
}

static int
by_id(const void *a, const void *b)
{
	const struct rules_item *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int
rules_doc_sort(struct rules_doc *d, enum rules_kind kind, uint32_t *twice_r)
{
	struct rules_list *l = &d->of[kind];

	if (l->n > 1)
		qsort(l->item, l->n, sizeof(*l->item), by_id);
	for (size_t i = 1; i < l->n; i++)
		if (l->item[i].id == l->item[i - 1].id) {
			*twice_r = l->item[i].id;
			return -1;
		}
	return 0;
}

void
rules_doc_remove(struct rules_doc *d, enum rules_kind kind, uint32_t id)
{
	struct rules_item *it = rules_doc_find(d, kind, id);
	struct rules_list *l = &d->of[kind];

	if (it == NULL)
		return;
	json_decref(it->content);
	l->n--;
	memmove(it, it + 1, (size_t)(l->item + l->n - it) * sizeof(*it));
}

uint32_t
rules_doc_id(struct rules_doc *d, enum rules_kind kind)
{
	return d->next[kind] > RULES_ID_MAX ? 0 : d->next[kind]++;
}

static int
by_group(const void *a, const void *b)
{
	const struct rules_item *x = *(const struct rules_item *const *)a;
	const struct rules_item *y = *(const struct rules_item *const *)b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return by_id(x, y);
}

const struct rules_item **
rules_doc_objects(const struct rules_doc *d)
{
	const struct rules_list *l = &d->of[RULES_OBJECT];
	const struct rules_item **p = xcalloc(l->n + 1, sizeof(*p));

	for (size_t i = 0; i < l->n; i++)
		p[i] = &l->item[i];
	if (l->n > 1)
		qsort(p, l->n, sizeof(*p), by_group);
	return p;
}

const char *
rules_item_name(const struct rules_item *it)
{
	const char *name =
	    json_string_value(json_object_get(it->content, "name"));

	return name != NULL ? name : "";
}

static bool
same(const struct rules_item *a, const struct rules_item *b)
{
	return a->group == b->group && a->position == b->position &&
	    (a->content == b->content || json_equal(a->content, b->content));
}

void
rules_doc_compare(const struct rules_doc *before, const struct rules_doc *after,
    rules_doc_change *change, void *arg)
{
	for (int k = 0; k < RULES_KINDS; k++) {
		const struct rules_list *a = &before->of[k], *b = &after->of[k];
		size_t i = 0, j = 0;

		while (i < a->n || j < b->n) {
			const struct rules_item *x = i < a->n ? &a->item[i]
			    : NULL;
			const struct rules_item *y = j < b->n ? &b->item[j]
			    : NULL;

			if (x != NULL && y != NULL && x->id != y->id) {
				if (x->id < y->id)
					y = NULL;
				else
					x = NULL;
			}
			i += x != NULL;
			j += y != NULL;
			if (x == NULL || y == NULL || !same(x, y))
				change(arg, (enum rules_kind)k, x, y);
		}
	}
}
