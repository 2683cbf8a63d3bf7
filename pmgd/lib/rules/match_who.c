/* Which who-objects mean somebody. */
#include "lib/rules/match.h"

enum { DOMAIN_BYTES_MAX = 255 };	/* RFC 1035 2.3.4 */

struct who {
	const struct ruleset *rs;
	const struct person *person;
	struct group_hit *hit;
};

static const struct object *
object_of(const struct ruleset *rs, uint32_t group, uint32_t object)
{
	return &rs->group[group].object[object];
}

/* Receiver objects never mean a sender. */
static bool
may_mean(const struct who *w, enum object_type type)
{
	bool receiver = type == WHO_RECEIVER || type == WHO_RECEIVER_DOMAIN ||
	    type == WHO_RECEIVER_REGEX;

	return !receiver || w->person->client == NULL;
}

static void
on_pattern(void *arg, size_t index)
{
	const struct who *w = arg;
	const struct pattern_index *x = &w->rs->pattern[PAT_ADDRESS];
	const struct object_ref *r;

	if (index >= x->nref)
		return;
	r = &x->ref[index];
	if (may_mean(w, object_of(w->rs, r->group, r->object)->type))
		group_hit_note(&w->hit[r->group], r->object);
}

enum key { KEY_ADDRESS, KEY_DOMAIN, KEY_PARENT_DOMAIN };

static bool
is_named_by(const struct object *o, enum key key)
{
	if (o->type == WHO_EMAIL || o->type == WHO_RECEIVER)
		return key == KEY_ADDRESS;
	return key == KEY_DOMAIN ||
	    (key == KEY_PARENT_DOMAIN && (o->flags & OBJ_SUBDOMAINS));
}

static void
match_key(const struct who *w, struct span text, enum key key)
{
	const struct address_entry *entry;
	uint32_t pos = 0;

	while ((entry = address_index_next(&w->rs->who, text, &pos)) != NULL) {
		const struct object *o = object_of(w->rs, entry->group,
		    entry->object);

		if (is_named_by(o, key) && may_mean(w, o->type))
			group_hit_note(&w->hit[entry->group], entry->object);
	}
}

/* No object names a domain that is longer than domains can be. */
static void
match_parents(const struct who *w, struct span domain)
{
	size_t dot = 0;

	while ((dot = span_chr(domain, dot, '.')) < domain.n) {
		struct span parent = span_sub(domain, ++dot, domain.n);

		if (parent.n <= DOMAIN_BYTES_MAX)
			match_key(w, parent, KEY_PARENT_DOMAIN);
	}
}

static void
on_network(void *arg, uint32_t group, uint32_t object)
{
	const struct who *w = arg;

	group_hit_note(&w->hit[group], object);
}

static void
match_networks(struct who *w)
{
	struct network client;

	if (network_parse_ip(w->person->client, &client))
		address_index_networks(&w->rs->who, &client, on_network, w);
}

/*
 * While a profile has never been fetched, nobody is known by it and nobody
 * unknown: a rule against unknown recipients must not take all mail because
 * the server was away on the first day.
 */
static bool
match_ldap(const struct object *o, const struct person *p)
{
	const struct directory *d = p->directory;

	if (d == NULL || !directory_has_profile(d, o->value))
		return false;
	if (o->type == WHO_LDAP_USER)
		return directory_is_account(d, o->value, o->value2, p->addr);
	if (o->number == LDAP_GROUP)
		return directory_in_group(d, o->value, o->value2, p->addr);
	return directory_knows(d, o->value, p->addr) ==
	    (o->number == LDAP_KNOWN);
}

void
match_who(const struct ruleset *rs, const struct person *p,
    struct group_hit *hit)
{
	struct who w = {rs, p, hit};
	struct span domain = address_domain(p->addr);

	match_key(&w, span_str(p->addr), KEY_ADDRESS);
	if (domain.n > 0)
		match_key(&w, domain, KEY_DOMAIN);
	if (rs->has_subdomains)
		match_parents(&w, domain);
	if (rs->pattern[PAT_ADDRESS].set != NULL)
		pattern_set_scan(rs->pattern[PAT_ADDRESS].set,
		    span_str(p->addr), on_pattern, &w);
	if (p->client != NULL)
		match_networks(&w);
	for (size_t i = 0; i < rs->nldap; i++) {
		const struct object_ref *r = &rs->ldap[i];

		if (match_ldap(object_of(rs, r->group, r->object), p))
			group_hit_note(&hit[r->group], r->object);
	}
}
