#include "lib/store/rulerows.h"

#include <stdlib.h>
#include "lib/base/xalloc.h"

void
rule_rows_free(struct rule_rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->row[i].content);
	free(r->row);
	*r = (struct rule_rows){NULL, 0, 0};
}

static void
push(struct rule_rows *r, struct rule_row row)
{
	if (r->n == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 64;
		r->row = xrealloc(r->row, r->cap, sizeof(*r->row));
	}
	r->row[r->n++] = row;
}

void
rule_rows_add(struct rule_rows *r, const struct rule_row *row)
{
	struct rule_row copy = *row;

	copy.content = xstrdup(row->content);
	push(r, copy);
}

void
rule_rows_copy(struct rule_rows *to, const struct rule_rows *from)
{
	for (size_t i = 0; i < from->n; i++)
		rule_rows_add(to, &from->row[i]);
}

static int
compare(const struct rule_row *a, const struct rule_row *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void
rule_rows_apply(struct rule_rows *r, const struct rule_rows *changes)
{
	struct rule_rows out = {NULL, 0, 0};
	size_t i = 0;

	for (size_t k = 0; k < changes->n; k++) {
		const struct rule_row *c = &changes->row[k];

		while (i < r->n && compare(&r->row[i], c) < 0)
			push(&out, r->row[i++]);
		if (i < r->n && compare(&r->row[i], c) == 0)
			free(r->row[i++].content);
		if (!c->deleted)
			rule_rows_add(&out, c);
	}
	while (i < r->n)
		push(&out, r->row[i++]);
	free(r->row);
	*r = out;
}

int
rule_rows_to_doc(const struct rule_rows *r, struct rules_doc *d, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct rule_row *row = &r->row[i];
		json_t *content = json_loads(row->content, 0, NULL);

		if (content == NULL)
			return err_set(e, "config.db: %s %u is damaged",
			    rules_kind_name[row->kind], row->id);
		rules_doc_append(d, (enum rules_kind)row->kind,
		    (struct rules_item){.id = row->id, .group = row->group,
		    .position = row->position, .content = content});
	}
	return 0;
}

static void
add_change(void *arg, enum rules_kind kind, const struct rules_item *before,
    const struct rules_item *after)
{
	struct rule_row row = {.kind = (uint8_t)kind, .deleted = after == NULL};

	if (after != NULL) {
		row.id = after->id;
		row.group = after->group;
		row.position = after->position;
		row.content = json_dumps(after->content, JSON_COMPACT);
	} else {
		row.id = before->id;
		row.group = before->group;
		row.content = xstrdup("");
	}
	push(arg, row);
}

void
rule_rows_between(const struct rules_doc *before, const struct rules_doc *after,
    struct rule_rows *r)
{
	rules_doc_compare(before, after, add_change, r);
}

void
rule_rows_put(struct buf *b, const struct rule_rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct rule_row *row = &r->row[i];

		buf_u8(b, row->kind);
		buf_u8(b, row->deleted);
		buf_u32(b, row->id);
		buf_u32(b, row->group);
		buf_u64(b, (uint64_t)row->position);
		buf_lps(b, row->content);
	}
}

int
rule_rows_get(struct span s, struct rule_rows *r)
{
	struct cursor c = cur_of(s);

	while (cur_left(&c) > 0) {
		struct rule_row row = {.kind = cur_u8(&c)};
		struct span text;

		row.deleted = cur_u8(&c) != 0;
		row.id = cur_u32(&c);
		row.group = cur_u32(&c);
		row.position = (int64_t)cur_u64(&c);
		text = cur_lp(&c);
		if (!cur_ok(&c) || row.kind >= RULES_KINDS)
			return -1;
		row.content = xstrndup(text.p, text.n);
		push(r, row);
	}
	return cur_ok(&c) ? 0 : -1;
}
