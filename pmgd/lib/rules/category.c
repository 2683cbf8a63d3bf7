#include "lib/rules/category.h"

/* The one that decided for a mode: one that holds, or one that does not. */
static bool
explains(enum match_mode mode, bool holds)
{
	return holds == (mode == MATCH_ANY || mode == MATCH_ALL);
}

static struct reason
reason_of(const struct object_group *g, bool holds, uint32_t first)
{
	bool object = holds && first > 0 &&
	    (g->mode == MATCH_ANY || g->mode == MATCH_ALL);

	return (struct reason){g, object ? &g->object[first - 1] : NULL};
}

bool
category_holds(const struct ruleset *rs, const struct rule *r,
    enum category cat, const struct group_hit *hit, struct reason *why)
{
	enum match_mode mode = r->mode[cat];
	size_t n = 0, total = r->ngroup[cat];

	*why = (struct reason){NULL, NULL};
	for (size_t i = 0; i < total; i++) {
		const struct object_group *g = r->group[cat][i];
		const struct group_hit *h = &hit[group_index(rs, g)];
		bool holds = mode_holds(g->mode, h->count, g->nobject);

		n += holds;
		if (why->group == NULL && explains(mode, holds))
			*why = reason_of(g, holds, h->first);
		if (mode == MATCH_ANY && holds)
			return true;
	}
	return total == 0 || mode_holds(mode, n, total);
}

/* ---- what ---- */

bool
category_what_init(struct category_what *w, const struct ruleset *rs,
    const struct facts *f, struct arena *a)
{
	size_t words = mark_words(f);

	*w = (struct category_what){.rs = rs, .f = f, .a = a};
	if (!match_what(rs, f, &w->hits, a))
		return false;
	/* Nothing but the sums of the matching: the usual case. */
	if (rs->ndetail == 0 && !rs->has_modes)
		return true;
	w->leaves = arena_array(a, words, sizeof(*w->leaves));
	w->contrary = arena_array(a, words, sizeof(*w->contrary));
	if (!combine_init(&w->group, words, a) ||
	    !combine_init(&w->all, words, a))
		return false;
	for (size_t i = 0; i < f->mime->npart; i++)
		if (f->mime->part[i]->child == NULL)
			w->leaves[i / 64] |= (uint64_t)1 << i % 64;
	return true;
}

static void
unite(const struct category_what *w, uint64_t **sum, const uint64_t *part)
{
	size_t words = mark_words(w->f);

	if (part == NULL)
		return;
	if (*sum == NULL)
		*sum = arena_array(w->a, words, sizeof(**sum));
	for (size_t i = 0; *sum != NULL && i < words; i++)
		(*sum)[i] |= part[i];
}

static const struct object *
spam_object(const struct category_what *w, const struct object_group *g,
    enum listed listed)
{
	for (size_t i = 0; i < g->nobject; i++)
		if (g->object[i].type == WHAT_SPAM &&
		    match_spam(&g->object[i], w->f, listed))
			return &g->object[i];
	return NULL;
}

/*
 * All modes are "any": the sums that matching has made tell everything. Spam
 * adds no parts, so that it is asked last.
 */
static bool
plain_holds(const struct category_what *w, const struct rule *r,
    bool uses_spam, enum listed listed, struct reason *why,
    uint64_t **marks_r)
{
	for (size_t i = 0; i < r->ngroup[CAT_WHAT]; i++) {
		const struct object_group *g = r->group[CAT_WHAT][i];
		const struct what_hit *h =
		    &w->hits.group[group_index(w->rs, g)];

		if (h->first > 0 && why->group == NULL)
			*why = reason_of(g, true, h->first);
		unite(w, marks_r, h->marks.part);
	}
	for (size_t i = 0; uses_spam && why->group == NULL &&
	    i < r->ngroup[CAT_WHAT]; i++) {
		const struct object_group *g = r->group[CAT_WHAT][i];
		const struct object *o = spam_object(w, g, listed);

		if (o != NULL)
			*why = (struct reason){g, o};
	}
	return why->group != NULL;
}

/* Objects whose contrary is a statement about the other parts. */
static bool
is_of_parts(const struct object *o)
{
	switch (o->type) {
	case WHAT_FIELD:
		return !(o->flags & OBJ_TOP_ONLY);
	case WHAT_CONTENT_TYPE:
	case WHAT_FILENAME:
	case WHAT_ARCHIVE_TYPE:
	case WHAT_ARCHIVE_NAME:
	case WHAT_ENCRYPTED:
	case WHAT_UNREADABLE:
	case WHAT_MACROS:
		return true;
	default:
		return false;
	}
}

static struct outcome
outcome_of(struct category_what *w, const struct object *o,
    const struct marks *hit, enum listed listed)
{
	if (o->type == WHAT_SPAM)
		return outcome_truth(match_spam(o, w->f, listed));
	if (!is_of_parts(o))
		return outcome_truth(hit->whole);
	if (hit->whole)
		return (struct outcome){*hit, {false, NULL}};
	for (size_t i = 0; i < mark_words(w->f); i++)
		w->contrary[i] = w->leaves[i] &
		    ~(hit->part != NULL ? hit->part[i] : 0);
	return (struct outcome){*hit, {false, w->contrary}};
}

/* first: index + 1 of the first object that holds, 0 = none. */
static struct outcome
group_outcome(struct category_what *w, const struct object_group *g,
    enum listed listed, uint32_t *first)
{
	const struct marks *hit = w->hits.object +
	    w->rs->detail[group_index(w->rs, g)];

	*first = 0;
	combine_begin(&w->group, g->mode);
	for (size_t i = 0; i < g->nobject; i++) {
		struct outcome o = outcome_of(w, &g->object[i], &hit[i],
		    listed);

		if (*first == 0 && marks_any(&o.yes, w->group.words))
			*first = (uint32_t)i + 1;
		combine_add(&w->group, &o);
	}
	return combine_end(&w->group);
}

static bool
combined_holds(struct category_what *w, const struct rule *r,
    enum listed listed, struct reason *why, uint64_t **marks_r)
{
	enum match_mode mode = r->mode[CAT_WHAT];
	struct outcome sum;

	combine_begin(&w->all, mode);
	for (size_t i = 0; i < r->ngroup[CAT_WHAT]; i++) {
		const struct object_group *g = r->group[CAT_WHAT][i];
		uint32_t first;
		struct outcome o = group_outcome(w, g, listed, &first);
		bool holds = marks_any(&o.yes, w->all.words);

		if (why->group == NULL && explains(mode, holds))
			*why = reason_of(g, holds, first);
		combine_add(&w->all, &o);
	}
	sum = combine_end(&w->all);
	if (!marks_any(&sum.yes, w->all.words))
		return false;
	/* Parts that were named go before the mail as a whole. */
	if (marks_any(&(struct marks){false, sum.yes.part}, w->all.words))
		unite(w, marks_r, sum.yes.part);
	return true;
}

bool
category_what_holds(struct category_what *w, const struct rule *r,
    const struct rule_info *info, enum listed listed, struct reason *why,
    uint64_t **marks_r)
{
	*why = (struct reason){NULL, NULL};
	*marks_r = NULL;
	if (r->ngroup[CAT_WHAT] == 0)
		return true;
	if (info->plain_what)
		return plain_holds(w, r, info->uses_spam, listed, why,
		    marks_r);
	return combined_holds(w, r, listed, why, marks_r);
}
