#include "lib/rules/combine.h"

#include <string.h>

bool
marks_any(const struct marks *m, size_t words)
{
	for (size_t i = 0; m->part != NULL && i < words; i++)
		if (m->part[i] != 0)
			return true;
	return m->whole;
}

struct outcome
outcome_truth(bool holds)
{
	struct outcome o = {{false, NULL}, {false, NULL}};

	o.yes.whole = holds;
	o.no.whole = !holds;
	return o;
}

static uint64_t
word(const struct marks *m, size_t i)
{
	return m->part != NULL ? m->part[i] : 0;
}

/* Whatever one of them names. */
static void
either(struct marks *sum, const struct marks *m, size_t words)
{
	for (size_t i = 0; m->part != NULL && i < words; i++)
		sum->part[i] |= m->part[i];
	sum->whole = sum->whole || m->whole;
}

/* Parts of which both speak: by name, or because one speaks of the whole mail;
 * but those only that one of them names. */
static void
both(struct marks *sum, const struct marks *m, size_t words)
{
	uint64_t any_of_sum = sum->whole ? UINT64_MAX : 0;
	uint64_t any_of_m = m->whole ? UINT64_MAX : 0;

	for (size_t i = 0; i < words; i++)
		sum->part[i] = (sum->part[i] & (word(m, i) | any_of_m)) |
		    (word(m, i) & (sum->part[i] | any_of_sum));
	sum->whole = sum->whole && m->whole;
}

bool
combine_init(struct combine *c, size_t words, struct arena *a)
{
	c->words = words;
	c->sum.yes.part = arena_array(a, words, sizeof(uint64_t));
	c->sum.no.part = arena_array(a, words, sizeof(uint64_t));
	return !arena_full(a);
}

static bool
is_all(enum match_mode mode)
{
	return mode == MATCH_ALL || mode == MATCH_NOT_ALL;
}

void
combine_begin(struct combine *c, enum match_mode mode)
{
	c->mode = mode;
	c->n = 0;
	memset(c->sum.yes.part, 0, c->words * sizeof(uint64_t));
	memset(c->sum.no.part, 0, c->words * sizeof(uint64_t));
	/* Where "both" begins, nothing is excluded yet. */
	c->sum.yes.whole = is_all(mode);
	c->sum.no.whole = !is_all(mode);
}

/* De Morgan: the contrary of "all" is that the contrary of one holds. */
void
combine_add(struct combine *c, const struct outcome *o)
{
	c->n++;
	if (is_all(c->mode)) {
		both(&c->sum.yes, &o->yes, c->words);
		either(&c->sum.no, &o->no, c->words);
	} else {
		either(&c->sum.yes, &o->yes, c->words);
		both(&c->sum.no, &o->no, c->words);
	}
}

struct outcome
combine_end(const struct combine *c)
{
	if (c->n == 0)
		return outcome_truth(mode_holds(c->mode, 0, 0));
	if (c->mode == MATCH_NOT_ALL || c->mode == MATCH_NONE)
		return (struct outcome){c->sum.no, c->sum.yes};
	return c->sum;
}
