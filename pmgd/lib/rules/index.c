/* What a loaded ruleset computes once, so that evaluation only looks it up. */
#include <string.h>
#include "lib/rules/ruleset.h"

static bool
is_network(enum object_type type)
{
	return type == WHO_IP || type == WHO_NETWORK;
}

/* An address or a domain that is looked up. */
static bool
is_key(enum object_type type)
{
	return type == WHO_EMAIL || type == WHO_DOMAIN ||
	    type == WHO_RECEIVER || type == WHO_RECEIVER_DOMAIN;
}

static bool
is_ldap(enum object_type type)
{
	return type == WHO_LDAP_GROUP || type == WHO_LDAP_USER;
}

static bool
is_frame(enum object_type type)
{
	return type == WHEN_TIMEFRAME;
}

static bool
is_fact(enum object_type type)
{
	return object_category(type) == CAT_WHAT && type != WHAT_SPAM &&
	    object_pattern_kind(type) < 0;
}

/* All objects of some types; how many. ref NULL: only counted. */
static size_t
find_objects(const struct ruleset *rs, bool (*wanted)(enum object_type),
    struct object_ref *ref)
{
	size_t n = 0;

	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; i < rs->group[g].nobject; i++) {
			if (!wanted(rs->group[g].object[i].type))
				continue;
			if (ref != NULL)
				ref[n] = (struct object_ref){(uint32_t)g,
					(uint32_t)i};
			n++;
		}
	return n;
}

static struct object_ref *
list_objects(struct ruleset *rs, bool (*wanted)(enum object_type), size_t *n_r)
{
	size_t n = find_objects(rs, wanted, NULL);
	struct object_ref *ref = arena_array(&rs->mem, n, sizeof(*ref));

	*n_r = ref != NULL ? find_objects(rs, wanted, ref) : 0;
	return ref;
}

static void
index_who_object(struct ruleset *rs, uint32_t group, uint32_t object)
{
	const struct object *o = &rs->group[group].object[object];
	struct network n;

	if (is_key(o->type))
		address_index_add(&rs->who, span_str(o->value), group, object);
	else if (o->type == WHO_IP && network_parse_ip(o->value, &n))
		address_index_add_network(&rs->who, &n, group, object);
	else if (o->type == WHO_NETWORK && network_parse_cidr(o->value, &n))
		address_index_add_network(&rs->who, &n, group, object);
	if (o->flags & OBJ_SUBDOMAINS)
		rs->has_subdomains = true;
}

static void
index_who(struct ruleset *rs)
{
	if (!address_index_init(&rs->who, find_objects(rs, is_key, NULL),
	    find_objects(rs, is_network, NULL), &rs->mem))
		return;
	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; i < rs->group[g].nobject; i++)
			index_who_object(rs, (uint32_t)g, (uint32_t)i);
	address_index_finish(&rs->who);
}

static bool
is_plain(const struct rule *r)
{
	for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++)
		if (r->group[CAT_WHAT][g]->mode != MATCH_ANY)
			return false;
	return r->mode[CAT_WHAT] == MATCH_ANY || r->ngroup[CAT_WHAT] == 0;
}

static void
keep_apart(struct ruleset *rs, const struct object_group *g)
{
	uint32_t *detail = &rs->detail[group_index(rs, g)];

	if (*detail != NO_DETAIL)
		return;
	*detail = (uint32_t)rs->ndetail;
	rs->ndetail += g->nobject;
}

/* Where a mode is more than "any", evaluation asks for each object. */
static void
index_modes(struct ruleset *rs)
{
	rs->detail = arena_array(&rs->mem, rs->ngroup, sizeof(*rs->detail));
	if (rs->detail == NULL)
		return;
	for (size_t g = 0; g < rs->ngroup; g++)
		rs->detail[g] = NO_DETAIL;
	for (size_t i = 0; i < rs->nrule; i++) {
		const struct rule *r = rs->rule[i];

		if (is_plain(r))
			continue;
		rs->has_modes = true;
		for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++)
			keep_apart(rs, r->group[CAT_WHAT][g]);
	}
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

bool
rule_looks_for(const struct rule *r, enum object_type type)
{
	for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++)
		for (size_t i = 0; i < r->group[CAT_WHAT][g]->nobject; i++)
			if (r->group[CAT_WHAT][g]->object[i].type == type)
				return true;
	return false;
}

static void
index_rule(struct ruleset *rs, const struct rule *r, struct rule_info *info)
{
	index_actions(rs, r, info);
	info->plain_what = is_plain(r);
	info->uses_spam = rule_looks_for(r, WHAT_SPAM);
	for (size_t i = 0; i < info->naction; i++) {
		const struct object *o = info->action[i];

		info->changes = info->changes || !object_is_notice(o->type);
		info->uses_marks = info->uses_marks ||
		    (o->type == ACTION_REMOVE && !(o->flags & OBJ_REMOVE_ALL));
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
	rs->ldap = list_objects(rs, is_ldap, &rs->nldap);
	rs->frame = list_objects(rs, is_frame, &rs->nframe);
	rs->fact = list_objects(rs, is_fact, &rs->nfact);
	index_fields(rs);
	index_modes(rs);
	rs->info = arena_array(&rs->mem, rs->nrule, sizeof(*rs->info));
	for (size_t i = 0; rs->info != NULL && i < rs->nrule; i++)
		index_rule(rs, rs->rule[i], &rs->info[i]);
	index_direction(rs, DIR_IN);
	index_direction(rs, DIR_OUT);
	return !arena_full(&rs->mem);
}
