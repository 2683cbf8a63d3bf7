/* What a loaded ruleset computes once, so that evaluation only looks it up. */
#include <string.h>
#include "lib/rules/ruleset.h"

static bool
is_network(enum object_type type)
{
	return type == WHO_IP || type == WHO_NETWORK;
}

static void
index_who_object(struct ruleset *rs, uint32_t group, uint32_t object)
{
	const struct object *o = &rs->group[group].object[object];
	struct network n;

	if (o->type == WHO_EMAIL || o->type == WHO_DOMAIN)
		address_index_add(&rs->who, span_str(o->value), group, object);
	else if (o->type == WHO_IP && network_parse_ip(o->value, &n))
		address_index_add_network(&rs->who, &n, group, object);
	else if (o->type == WHO_NETWORK && network_parse_cidr(o->value, &n))
		address_index_add_network(&rs->who, &n, group, object);
}

static void
index_who(struct ruleset *rs)
{
	size_t naddr = 0, nnet = 0;

	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; i < rs->group[g].nobject; i++) {
			enum object_type t = rs->group[g].object[i].type;

			naddr += t == WHO_EMAIL || t == WHO_DOMAIN;
			nnet += is_network(t);
		}
	if (!address_index_init(&rs->who, naddr, nnet, &rs->mem))
		return;
	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; i < rs->group[g].nobject; i++)
			index_who_object(rs, (uint32_t)g, (uint32_t)i);
}

/* The distinct header field names of all match-field objects. */
static void
index_fields(struct ruleset *rs)
{
	const struct pattern_index *x = &rs->pattern[PAT_FIELD];

	rs->field = arena_array(&rs->mem, x->nref, sizeof(*rs->field));
	for (size_t i = 0; rs->field != NULL && i < x->nref; i++) {
		const struct object_ref *r = &x->ref[i];
		const char *name = rs->group[r->group].object[r->object].value;
		size_t k;

		for (k = 0; k < rs->nfield; k++)
			if (span_ieqs(span_str(name), rs->field[k]))
				break;
		if (k == rs->nfield)
			rs->field[rs->nfield++] = name;
	}
}

/* Inserts behind what has the same order: ties stay as written. */
static void
insert_action(struct rule_info *info, const struct object *o)
{
	size_t i = info->naction++;
	int order = object_action_order(o->type);

	for (; i > 0; i--) {
		if (object_action_order(info->action[i - 1]->type) <= order)
			break;
		info->action[i] = info->action[i - 1];
	}
	info->action[i] = o;
}

/*
 * Of several final actions the one with the lowest order wins: it leaves no
 * recipient to the others.
 */
static void
index_actions(struct ruleset *rs, const struct rule *r,
    struct rule_info *info)
{
	size_t n = 0;

	for (size_t g = 0; g < r->ngroup[CAT_ACTION]; g++)
		n += r->group[CAT_ACTION][g]->nobject;
	info->action = arena_array(&rs->mem, n, sizeof(*info->action));
	if (info->action == NULL)
		return;
	for (size_t g = 0; g < r->ngroup[CAT_ACTION]; g++)
		for (size_t i = 0; i < r->group[CAT_ACTION][g]->nobject; i++) {
			const struct object *o =
			    &r->group[CAT_ACTION][g]->object[i];

			if (!object_is_final(o->type))
				insert_action(info, o);
			else if (info->final == NULL ||
			    object_action_order(o->type) <
			    object_action_order(info->final->type))
				info->final = o;
		}
}

/*
 * A header field that every mail gets must be filled in. Notifications only
 * tell what other rules asked for: they are rare, and their texts name every
 * macro.
 */
static bool
sets_field_to(const struct object *o, const char *macro)
{
	return o->type == ACTION_FIELD && strstr(o->value2, macro) != NULL;
}

static void
note_needs(struct ruleset *rs, const struct object *o, int dir)
{
	int kind = object_pattern_kind(o->type);

	if (kind >= 0)
		rs->uses_pattern[dir][kind] = true;
	if (o->type == WHAT_SPAM || sets_field_to(o, "__SPAMLEVEL__") ||
	    sets_field_to(o, "__SPAMSTARS__") ||
	    sets_field_to(o, "__SPAM_HITS__") ||
	    sets_field_to(o, "__SPAM_INFO__"))
		rs->needs[dir] |= NEED_SPAM;
	if (o->type == WHAT_VIRUS || sets_field_to(o, "__VIRUS_INFO__"))
		rs->needs[dir] |= NEED_VIRUS;
	rs->needs[dir] |= object_content_needs(o->type);
}

static void
note_strip(struct ruleset *rs, const struct object *o, int dir)
{
	if (o->type != ACTION_FIELD || !span_iprefix(span_str(o->value), "X-"))
		return;
	for (size_t i = 0; i < rs->nstrip[dir]; i++)
		if (span_ieqs(span_str(o->value), rs->strip[dir][i]))
			return;
	rs->strip[dir][rs->nstrip[dir]++] = o->value;
}

static size_t
count_fields(const struct rule *r)
{
	size_t n = 0;

	for (size_t g = 0; g < r->ngroup[CAT_ACTION]; g++)
		for (size_t i = 0; i < r->group[CAT_ACTION][g]->nobject; i++)
			n += r->group[CAT_ACTION][g]->object[i].type ==
			    ACTION_FIELD;
	return n;
}

static void
note_rule(struct ruleset *rs, const struct rule *r, int dir)
{
	/* Who-groups are left out: an address is looked up in all of them at
	 * once, and a list may be long. */
	for (int cat = CAT_WHEN; cat < CAT_COUNT; cat++)
		for (size_t g = 0; g < r->ngroup[cat]; g++)
			for (size_t i = 0; i < r->group[cat][g]->nobject; i++) {
				note_needs(rs, &r->group[cat][g]->object[i],
				    dir);
				note_strip(rs, &r->group[cat][g]->object[i],
				    dir);
			}
}

static void
index_direction(struct ruleset *rs, int dir)
{
	size_t n = 0;

	for (size_t i = 0; i < rs->nrule; i++)
		n += count_fields(rs->rule[i]);
	rs->strip[dir] = arena_array(&rs->mem, n, sizeof(*rs->strip[dir]));
	if (rs->strip[dir] == NULL)
		return;
	for (size_t i = 0; i < rs->nrule; i++)
		if (rule_applies(rs->rule[i], (enum direction)dir))
			note_rule(rs, rs->rule[i], dir);
}

bool
ruleset_index(struct ruleset *rs)
{
	index_who(rs);
	index_fields(rs);
	rs->info = arena_array(&rs->mem, rs->nrule, sizeof(*rs->info));
	for (size_t i = 0; rs->info != NULL && i < rs->nrule; i++)
		index_actions(rs, rs->rule[i], &rs->info[i]);
	index_direction(rs, DIR_IN);
	index_direction(rs, DIR_OUT);
	return !arena_full(&rs->mem);
}
