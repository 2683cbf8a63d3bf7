/*
 * From facts to a plan. What holds for all recipients of a rule (From, When,
 * What but for spam) is matched once; each recipient then walks the remaining
 * rules by itself, in order, until a final one takes it. That is the same as
 * offering each rule the recipients that are left, and needs only one
 * recipient's group hits at a time.
 *
 * What depends on a recipient's user lists in so far as spam is asked for:
 * recipients with the same answer of the lists share one evaluation.
 */
#include "lib/rules/category.h"

/* A rule that may still match some recipient. */
struct candidate {
	const struct rule *rule;
	const struct rule_info *info;
	bool what[LISTED_COUNT];	/* What holds */
	uint64_t *marks[LISTED_COUNT];
	struct reason why[CAT_COUNT];	/* To: of the first recipient */
	size_t nrcpt;
};

enum { NO_RULE = -1 };

struct taker {
	uint64_t *took;		/* bit per candidate */
	long final;		/* candidate that ended it, or NO_RULE */
	enum listed listed;
	size_t group;		/* of the plan */
};

struct eval {
	const struct ruleset *rs;
	const struct facts *f;
	struct arena *a;
	struct group_hit *hit;		/* by group: sender, client, time */
	struct group_hit *to;		/* of one recipient at a time */
	struct category_what what;
	bool listed[LISTED_COUNT];	/* some recipient is */
	struct candidate **cand;
	size_t ncand;
	size_t words;			/* of a set of candidates */
	struct taker *taker;		/* by recipient */
};

static bool
has_bit(const uint64_t *set, size_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

/* Whether What holds for anybody. */
static bool
find_what(struct eval *ev, struct candidate *c)
{
	bool any = false;

	for (int l = 0; l < LISTED_COUNT; l++) {
		struct reason why;

		if (!ev->listed[l])
			continue;
		c->what[l] = category_what_holds(&ev->what, c->rule, c->info,
		    (enum listed)l, &why, &c->marks[l]);
		if (c->what[l] && !any)
			c->why[CAT_WHAT] = why;
		any = any || c->what[l];
		if (c->info->uses_spam)
			continue;
		/* The same for all. */
		for (int k = 0; k < LISTED_COUNT; k++) {
			c->what[k] = c->what[l];
			c->marks[k] = c->marks[l];
		}
		break;
	}
	return any;
}

static void
find_candidates(struct eval *ev)
{
	const struct ruleset *rs = ev->rs;

	for (size_t i = 0; i < rs->nrule; i++) {
		struct candidate c = {.rule = rs->rule[i],
			.info = &rs->info[i]};

		if (!rule_applies(c.rule, ev->f->env->dir) ||
		    !category_holds(rs, c.rule, CAT_FROM, ev->hit,
		        &c.why[CAT_FROM]) ||
		    !category_holds(rs, c.rule, CAT_WHEN, ev->hit,
		        &c.why[CAT_WHEN]) ||
		    !find_what(ev, &c))
			continue;
		ev->cand[ev->ncand] = arena_alloc(ev->a, sizeof(c));
		if (ev->cand[ev->ncand] != NULL)
			*ev->cand[ev->ncand++] = c;
	}
	ev->words = (ev->ncand + 63) / 64;
}

static void
walk_rules(struct eval *ev, size_t rcpt)
{
	struct person p = {ev->f->env->rcpt[rcpt].addr, NULL,
		ev->f->directory};
	struct taker *t = &ev->taker[rcpt];

	memset(ev->to, 0, ev->rs->ngroup * sizeof(*ev->to));
	match_who(ev->rs, &p, ev->to);
	for (size_t i = 0; i < ev->ncand && t->final == NO_RULE; i++) {
		struct candidate *c = ev->cand[i];
		struct reason why;

		if (!c->what[t->listed] || !category_holds(ev->rs, c->rule,
		    CAT_TO, ev->to, &why))
			continue;
		if (c->nrcpt++ == 0)
			c->why[CAT_TO] = why;
		t->took[i / 64] |= (uint64_t)1 << i % 64;
		if (c->info->final != NULL)
			t->final = (long)i;
	}
}

static bool
same_marks(const struct eval *ev, const uint64_t *x, const uint64_t *y)
{
	if (x == NULL || y == NULL)
		return x == y;
	return memcmp(x, y, mark_words(ev->f) * sizeof(*x)) == 0;
}

static bool
same_copy(const struct eval *ev, const struct taker *x, const struct taker *y)
{
	if (x->final != y->final)
		return false;
	for (size_t i = 0; i < ev->ncand; i++) {
		const struct candidate *c = ev->cand[i];

		if (c->info->changes && has_bit(x->took, i) !=
		    has_bit(y->took, i))
			return false;
		if (c->info->uses_marks && has_bit(x->took, i) &&
		    !same_marks(ev, c->marks[x->listed], c->marks[y->listed]))
			return false;
	}
	return true;
}

/* Gives each recipient the number of its group; returns how many. first[g]:
 * the first recipient of group g. */
static size_t
split(struct eval *ev, size_t *first)
{
	size_t n = 0, g;

	for (size_t r = 0; r < ev->f->env->nrcpt; r++) {
		for (g = 0; g < n; g++)
			if (same_copy(ev, &ev->taker[first[g]], &ev->taker[r]))
				break;
		if (g == n)
			first[n++] = r;
		ev->taker[r].group = g;
	}
	return n;
}

static enum disposition
disposition_of(const struct object *final)
{
	if (final->type == ACTION_QUARANTINE)
		return DISP_QUARANTINE;
	return final->type == ACTION_BLOCK ? DISP_BLOCK : DISP_ACCEPT;
}

static void
lay_steps(const struct eval *ev, const struct taker *t, struct plan_group *g)
{
	size_t max = 0;

	for (size_t i = 0; i < ev->ncand; i++)
		if (has_bit(t->took, i))
			max += ev->cand[i]->info->naction;
	g->step = arena_array(ev->a, max, sizeof(*g->step));
	for (size_t i = 0; g->step != NULL && i < ev->ncand; i++) {
		const struct candidate *c = ev->cand[i];
		const uint64_t *marks = c->marks[t->listed];

		for (size_t k = 0; has_bit(t->took, i) &&
		    k < c->info->naction; k++)
			if (!object_is_notice(c->info->action[k]->type))
				g->step[g->nstep++] = (struct plan_step){
					c->rule, c->info->action[k], marks,
					marks ? mark_words(ev->f) : 0};
	}
}

static void
lay_groups(struct eval *ev, struct plan *p)
{
	size_t nrcpt = ev->f->env->nrcpt;
	size_t *first = arena_array(ev->a, nrcpt, sizeof(*first));
	size_t *rcpt = arena_array(ev->a, nrcpt, sizeof(*rcpt));

	if (first == NULL || rcpt == NULL)
		return;
	p->ngroup = split(ev, first);
	p->group = arena_array(ev->a, p->ngroup, sizeof(*p->group));
	for (size_t g = 0; p->group != NULL && g < p->ngroup; g++) {
		const struct taker *t = &ev->taker[first[g]];
		struct plan_group *pg = &p->group[g];

		pg->rcpt = rcpt;
		for (size_t r = first[g]; r < nrcpt; r++)
			if (ev->taker[r].group == g)
				pg->rcpt[pg->nrcpt++] = r;
		rcpt += pg->nrcpt;
		lay_steps(ev, t, pg);
		pg->disp = DISP_ACCEPT;
		if (t->final != NO_RULE) {
			pg->rule = ev->cand[t->final]->rule;
			pg->disp = disposition_of(
			    ev->cand[t->final]->info->final);
		}
	}
}

static size_t *
recipients_of(const struct eval *ev, size_t cand)
{
	size_t *rcpt = arena_array(ev->a, ev->cand[cand]->nrcpt, sizeof(*rcpt));
	size_t n = 0;

	for (size_t r = 0; rcpt != NULL && r < ev->f->env->nrcpt; r++)
		if (has_bit(ev->taker[r].took, cand))
			rcpt[n++] = r;
	return rcpt;
}

static void
notices_of(const struct eval *ev, struct plan *p, size_t i)
{
	const struct candidate *c = ev->cand[i];
	size_t *rcpt = recipients_of(ev, i);
	const uint64_t *marks = rcpt != NULL ?
	    c->marks[ev->taker[rcpt[0]].listed] : NULL;

	for (size_t k = 0; rcpt != NULL && k < c->info->naction; k++)
		if (object_is_notice(c->info->action[k]->type))
			p->notice[p->nnotice++] = (struct plan_notice){
				.rule = c->rule, .action = c->info->action[k],
				.rcpt = rcpt, .nrcpt = c->nrcpt,
				.group = ev->taker[rcpt[0]].group,
				.marks = marks, .nmark_words =
				marks ? mark_words(ev->f) : 0};
}

static void
lay_notices(struct eval *ev, struct plan *p)
{
	size_t max = 0;

	for (size_t i = 0; i < ev->ncand; i++)
		if (ev->cand[i]->nrcpt > 0)
			max += ev->cand[i]->info->naction;
	p->notice = arena_array(ev->a, max, sizeof(*p->notice));
	for (size_t i = 0; p->notice != NULL && i < ev->ncand; i++)
		if (ev->cand[i]->nrcpt > 0)
			notices_of(ev, p, i);
}

static void
lay_matches(struct eval *ev, struct plan *p)
{
	p->match = arena_array(ev->a, ev->ncand, sizeof(*p->match));
	for (size_t i = 0; p->match != NULL && i < ev->ncand; i++) {
		const struct candidate *c = ev->cand[i];
		struct plan_match *m = &p->match[p->nmatch];

		if (c->nrcpt == 0)
			continue;
		m->rule = c->rule;
		m->nrcpt = c->nrcpt;
		for (int cat = 0; cat < CAT_COUNT; cat++) {
			m->group[cat] = c->why[cat].group;
			m->object[cat] = c->why[cat].object;
		}
		p->nmatch++;
	}
}

static bool
eval_init(struct eval *ev)
{
	size_t n = ev->rs->ngroup, nrcpt = ev->f->env->nrcpt;

	ev->hit = arena_array(ev->a, n, sizeof(*ev->hit));
	ev->to = arena_array(ev->a, n, sizeof(*ev->to));
	ev->cand = arena_array(ev->a, ev->rs->nrule, sizeof(*ev->cand));
	ev->taker = arena_array(ev->a, nrcpt, sizeof(*ev->taker));
	if (arena_full(ev->a))
		return false;
	for (size_t r = 0; r < nrcpt; r++) {
		ev->taker[r].listed = match_listed(ev->f, r);
		ev->listed[ev->taker[r].listed] = true;
	}
	return category_what_init(&ev->what, ev->rs, ev->f, ev->a);
}

static bool
takers_init(struct eval *ev)
{
	for (size_t r = 0; r < ev->f->env->nrcpt; r++) {
		struct taker *t = &ev->taker[r];

		t->final = NO_RULE;
		t->took = arena_array(ev->a, ev->words, sizeof(*t->took));
	}
	return !arena_full(ev->a);
}

struct plan *
rules_evaluate(const struct ruleset *rs, const struct facts *f,
    struct arena *a)
{
	struct eval ev = {.rs = rs, .f = f, .a = a};
	const char *client = f->env->client_addr;
	struct person sender = {f->env->sender, client != NULL ? client : "",
		f->directory};
	struct plan *p = arena_alloc(a, sizeof(*p));

	if (p == NULL || !eval_init(&ev))
		return NULL;
	match_who(rs, &sender, ev.hit);
	match_when(rs, f, ev.hit);
	find_candidates(&ev);
	if (!takers_init(&ev))
		return NULL;
	for (size_t r = 0; r < f->env->nrcpt; r++)
		walk_rules(&ev, r);
	lay_groups(&ev, p);
	lay_notices(&ev, p);
	lay_matches(&ev, p);
	p->strip = rs->strip[f->env->dir];
	p->nstrip = rs->nstrip[f->env->dir];
	return arena_full(a) ? NULL : p;
}
