/*
 * From facts to a plan. What holds for all recipients of a rule (From, When,
 * What but spam) is matched once; each recipient then walks the remaining
 * rules by itself, in order, until a final one takes it. That is the same as
 * offering each rule the recipients that are left, and needs only one
 * recipient's group hits at a time.
 */
#include "lib/rules/ruleset.h"

/* A rule that may still match some recipient. */
struct candidate {
	const struct rule *rule;
	const struct rule_info *info;
	const struct object_group *group[CAT_COUNT];
	const struct object *object[CAT_COUNT];
	bool needs_spam;	/* What holds only by the recipient's level */
	uint64_t *marks;
	size_t nrcpt;
	bool changes;		/* has steps: recipients are split by it */
};

enum { NO_RULE = -1 };

struct taker {
	uint64_t *took;		/* bit per candidate */
	long final;		/* candidate that ended it, or NO_RULE */
	size_t group;		/* of the plan */
};

struct eval {
	const struct ruleset *rs;
	const struct facts *f;
	struct arena *a;
	struct group_hit *from;		/* by group: sender and client */
	struct group_hit *what;
	struct group_hit *to;		/* of one recipient at a time */
	struct candidate *cand;
	size_t ncand;
	size_t words;			/* of a set of candidates */
	struct taker *taker;		/* by recipient */
};

static bool
has_bit(const uint64_t *set, size_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

/* An empty category matches; otherwise the first group that was hit tells. */
static bool
category_matches(const struct eval *ev, struct candidate *c,
    enum category cat, const struct group_hit *hit)
{
	const struct rule *r = c->rule;

	if (r->ngroup[cat] == 0)
		return true;
	for (size_t i = 0; i < r->ngroup[cat]; i++) {
		const struct object_group *g = r->group[cat][i];
		uint32_t object = hit[group_index(ev->rs, g)].object;

		if (object == 0)
			continue;
		if (c->group[cat] == NULL) {
			c->group[cat] = g;
			c->object[cat] = &g->object[object - 1];
		}
		return true;
	}
	return false;
}

static bool
when_matches(const struct eval *ev, struct candidate *c)
{
	const struct rule *r = c->rule;

	for (size_t i = 0; i < r->ngroup[CAT_WHEN]; i++) {
		const struct object_group *g = r->group[CAT_WHEN][i];

		c->object[CAT_WHEN] = match_when(g, ev->f->minute_of_day);
		if (c->object[CAT_WHEN] != NULL) {
			c->group[CAT_WHEN] = g;
			return true;
		}
	}
	return r->ngroup[CAT_WHEN] == 0;
}

static bool
has_spam_object(const struct rule *r)
{
	for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++)
		for (size_t i = 0; i < r->group[CAT_WHAT][g]->nobject; i++)
			if (r->group[CAT_WHAT][g]->object[i].type == WHAT_SPAM)
				return true;
	return false;
}

/* The union of the parts that the rule's groups matched. */
static void
collect_marks(const struct eval *ev, struct candidate *c)
{
	const struct rule *r = c->rule;
	size_t words = mark_words(ev->f);

	for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++) {
		const uint64_t *marks = ev->what[group_index(ev->rs,
		    r->group[CAT_WHAT][g])].marks;

		if (marks == NULL)
			continue;
		if (c->marks == NULL)
			c->marks = arena_array(ev->a, words,
			    sizeof(*c->marks));
		for (size_t i = 0; c->marks != NULL && i < words; i++)
			c->marks[i] |= marks[i];
	}
}

static bool
what_matches(const struct eval *ev, struct candidate *c)
{
	if (category_matches(ev, c, CAT_WHAT, ev->what)) {
		collect_marks(ev, c);
		return true;
	}
	c->needs_spam = has_spam_object(c->rule);
	return c->needs_spam;
}

static bool
changes_mail(const struct rule_info *info)
{
	for (size_t i = 0; i < info->naction; i++)
		if (!object_is_notice(info->action[i]->type))
			return true;
	return false;
}

static void
find_candidates(struct eval *ev)
{
	const struct ruleset *rs = ev->rs;

	for (size_t i = 0; i < rs->nrule; i++) {
		struct candidate c = {.rule = rs->rule[i],
			.info = &rs->info[i]};

		if (!rule_applies(c.rule, ev->f->env->dir) ||
		    !category_matches(ev, &c, CAT_FROM, ev->from) ||
		    !when_matches(ev, &c) || !what_matches(ev, &c))
			continue;
		c.changes = changes_mail(c.info);
		ev->cand[ev->ncand++] = c;
	}
	ev->words = (ev->ncand + 63) / 64;
}

static bool
spam_matches(const struct eval *ev, struct candidate *c, size_t rcpt)
{
	const struct rule *r = c->rule;

	for (size_t i = 0; i < r->ngroup[CAT_WHAT]; i++) {
		const struct object_group *g = r->group[CAT_WHAT][i];
		const struct object *o = match_spam(g, ev->f, rcpt);

		if (o == NULL)
			continue;
		if (c->group[CAT_WHAT] == NULL) {
			c->group[CAT_WHAT] = g;
			c->object[CAT_WHAT] = o;
		}
		return true;
	}
	return false;
}

/* Reasons are noted in a copy, so that those of half a match get lost. */
static void
walk_rules(struct eval *ev, size_t rcpt)
{
	struct taker *t = &ev->taker[rcpt];

	memset(ev->to, 0, ev->rs->ngroup * sizeof(*ev->to));
	match_who(ev->rs, ev->f->env->rcpt[rcpt].addr, NULL, ev->to);
	for (size_t i = 0; i < ev->ncand && t->final == NO_RULE; i++) {
		struct candidate c = ev->cand[i];

		if ((c.needs_spam && !spam_matches(ev, &c, rcpt)) ||
		    !category_matches(ev, &c, CAT_TO, ev->to))
			continue;
		c.nrcpt++;
		ev->cand[i] = c;
		t->took[i / 64] |= (uint64_t)1 << i % 64;
		if (c.info->final != NULL)
			t->final = (long)i;
	}
}

static bool
same_copy(const struct eval *ev, const struct taker *x, const struct taker *y)
{
	if (x->final != y->final)
		return false;
	for (size_t i = 0; i < ev->ncand; i++)
		if (ev->cand[i].changes &&
		    has_bit(x->took, i) != has_bit(y->took, i))
			return false;
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
			max += ev->cand[i].info->naction;
	g->step = arena_array(ev->a, max, sizeof(*g->step));
	for (size_t i = 0; g->step != NULL && i < ev->ncand; i++) {
		const struct candidate *c = &ev->cand[i];

		for (size_t k = 0; has_bit(t->took, i) &&
		    k < c->info->naction; k++)
			if (!object_is_notice(c->info->action[k]->type))
				g->step[g->nstep++] = (struct plan_step){
					c->rule, c->info->action[k], c->marks,
					c->marks ? mark_words(ev->f) : 0};
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
			pg->rule = ev->cand[t->final].rule;
			pg->disp = disposition_of(
			    ev->cand[t->final].info->final);
		}
	}
}

static size_t *
recipients_of(const struct eval *ev, size_t cand)
{
	size_t *rcpt = arena_array(ev->a, ev->cand[cand].nrcpt, sizeof(*rcpt));
	size_t n = 0;

	for (size_t r = 0; rcpt != NULL && r < ev->f->env->nrcpt; r++)
		if (has_bit(ev->taker[r].took, cand))
			rcpt[n++] = r;
	return rcpt;
}

static void
notices_of(const struct eval *ev, struct plan *p, size_t i)
{
	const struct candidate *c = &ev->cand[i];
	size_t *rcpt = recipients_of(ev, i);

	for (size_t k = 0; rcpt != NULL && k < c->info->naction; k++)
		if (object_is_notice(c->info->action[k]->type))
			p->notice[p->nnotice++] = (struct plan_notice){
				.rule = c->rule, .action = c->info->action[k],
				.rcpt = rcpt, .nrcpt = c->nrcpt,
				.group = ev->taker[rcpt[0]].group,
				.marks = c->marks, .nmark_words =
				c->marks ? mark_words(ev->f) : 0};
}

static void
lay_notices(struct eval *ev, struct plan *p)
{
	size_t max = 0;

	for (size_t i = 0; i < ev->ncand; i++)
		if (ev->cand[i].nrcpt > 0)
			max += ev->cand[i].info->naction;
	p->notice = arena_array(ev->a, max, sizeof(*p->notice));
	for (size_t i = 0; p->notice != NULL && i < ev->ncand; i++)
		if (ev->cand[i].nrcpt > 0)
			notices_of(ev, p, i);
}

static void
lay_matches(struct eval *ev, struct plan *p)
{
	p->match = arena_array(ev->a, ev->ncand, sizeof(*p->match));
	for (size_t i = 0; p->match != NULL && i < ev->ncand; i++) {
		const struct candidate *c = &ev->cand[i];
		struct plan_match *m = &p->match[p->nmatch];

		if (c->nrcpt == 0)
			continue;
		m->rule = c->rule;
		m->nrcpt = c->nrcpt;
		memcpy(m->group, c->group, sizeof(m->group));
		memcpy(m->object, c->object, sizeof(m->object));
		p->nmatch++;
	}
}

static bool
eval_init(struct eval *ev)
{
	size_t n = ev->rs->ngroup, nrcpt = ev->f->env->nrcpt;

	ev->from = arena_array(ev->a, n, sizeof(*ev->from));
	ev->what = arena_array(ev->a, n, sizeof(*ev->what));
	ev->to = arena_array(ev->a, n, sizeof(*ev->to));
	ev->cand = arena_array(ev->a, ev->rs->nrule, sizeof(*ev->cand));
	ev->taker = arena_array(ev->a, nrcpt, sizeof(*ev->taker));
	return !arena_full(ev->a);
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
	struct plan *p = arena_alloc(a, sizeof(*p));

	if (p == NULL || !eval_init(&ev))
		return NULL;
	match_who(rs, f->env->sender, f->env->client_addr, ev.from);
	match_what(rs, f, ev.what, a);
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
