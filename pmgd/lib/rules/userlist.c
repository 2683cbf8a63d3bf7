/* What the lists say of a mail. */
#include <string.h>
#include "lib/base/str.h"
#include "lib/mail/addr.h"
#include "lib/rules/glob.h"
#include "lib/rules/userlist_file.h"

/* Up to this many patterns are simply compared, one after another. */
enum { FEW = 16, SENDER_MAX = USERLIST_ENTRY_MAX };

struct sender {
	struct span addr;	/* lower case */
	size_t domain;		/* where it begins; addr.n = there is none */
	struct glob_text *text;	/* NULL: no list had patterns so far */
};

/* The last list but the recipient's own that was asked, and what it said. */
struct memo {
	bool known;
	struct span owner;
	struct userlist_match match;
};

struct userlist_mail {
	struct arena *arena;
	struct sender sender[USERLIST_SENDERS];
	size_t nsender;
	bool has_client;
	struct network client;
	struct memo domain, all;
};

static const char *const listed_field[] = {"From", "Envelope-Sender",
    "Resent-Sender", "X-Envelope-From", "EnvelopeFrom"};

/* ---- the mail's side ---- */

static void
add_sender(struct userlist_mail *m, const char *addr)
{
	struct sender *s = &m->sender[m->nsender];
	char *low;
	size_t at;

	if (*addr == '\0' || m->nsender == USERLIST_SENDERS ||
	    strlen(addr) > SENDER_MAX)
		return;
	low = arena_strdup(m->arena, addr);
	if (low == NULL)
		return;
	str_lower(low);
	*s = (struct sender){.addr = span_str(low)};
	for (size_t i = 0; i < m->nsender; i++)
		if (span_eq(m->sender[i].addr, s->addr))
			return;
	for (at = s->addr.n; at > 0 && low[at - 1] != '@'; at--)
		;
	s->domain = at > 0 ? at : s->addr.n;
	m->nsender++;
}

static bool
is_listed(struct span name)
{
	for (size_t i = 0; i < sizeof(listed_field) / sizeof(*listed_field);
	    i++)
		if (span_ieqs(name, listed_field[i]))
			return true;
	return false;
}

struct userlist_mail *
userlist_mail(const struct envelope *env, const struct mime *mime,
    struct arena *a)
{
	struct userlist_mail *m = arena_alloc(a, sizeof(*m));
	const struct mime_part *top;
	struct addr *list;

	if (m == NULL)
		return NULL;
	m->arena = a;
	m->has_client = env->client_addr != NULL &&
	    network_parse_ip(env->client_addr, &m->client);
	add_sender(m, env->sender);
	top = mime != NULL && mime->npart > 0 ? mime->part[0] : NULL;
	for (size_t i = 0; top != NULL && i < top->nfield &&
	    m->nsender < USERLIST_SENDERS; i++) {
		size_t n = is_listed(top->field[i].name)
		    ? addr_list(top->field[i].value, &list, a) : 0;

		for (size_t k = 0; k < n; k++)
			add_sender(m, list[k].addr);
	}
	return arena_full(a) ? NULL : m;
}

/* ---- one class of one list ---- */

/* The first of n entries that is not before key. */
static size_t
lower_bound(const struct span *entry, size_t n, struct span key,
    struct span (*part)(struct span))
{
	size_t from = 0;

	while (n > 0) {
		size_t half = n / 2;
		struct span s = entry[from + half];

		if (userlist_compare(part != NULL ? part(s) : s, key) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

static const char *
find_name(const struct span *entry, size_t n, struct span key)
{
	size_t i = lower_bound(entry, n, key, NULL);

	return i < n && span_eq(entry[i], key) ? (const char *)entry[i].p
	                                       : NULL;
}

static const char *
match_names(const struct span *entry, size_t n, struct userlist_mail *m)
{
	const char *hit = NULL;

	for (size_t i = 0; i < m->nsender && hit == NULL; i++) {
		const struct sender *s = &m->sender[i];

		if (s->domain == s->addr.n)
			continue;
		hit = find_name(entry, n, s->addr);
		if (hit == NULL)
			hit = find_name(entry, n,
			    span_sub(s->addr, s->domain, s->addr.n));
	}
	return hit;
}

/* False: the arena is full. */
static bool
prepare(struct sender *s, struct arena *a)
{
	struct glob_text *t;

	if (s->text != NULL)
		return true;
	t = arena_alloc(a, sizeof(*t));
	if (t == NULL || !glob_prepare(t, s->addr, a))
		return false;
	s->text = t;
	return true;
}

/* With an @ it is compared with the address, else with its domain. */
static bool
matches(const struct sender *s, struct span pattern)
{
	return glob_match(s->text, span_chr(pattern, 0, '@') < pattern.n
	    ? 0 : s->domain, pattern);
}

/* Only patterns whose tail is one of the address' own can match. */
static const char *
match_tails(const struct span *entry, size_t n, const struct sender *s)
{
	for (size_t off = 0; off <= s->addr.n; off++) {
		struct span tail = span_sub(s->addr, off, s->addr.n);

		for (size_t i = lower_bound(entry, n, tail, glob_tail);
		    i < n && span_eq(glob_tail(entry[i]), tail); i++)
			if (matches(s, entry[i]))
				return (const char *)entry[i].p;
	}
	return NULL;
}

static const char *
match_globs(const struct span *entry, size_t n, struct userlist_mail *m)
{
	for (size_t i = 0; n > 0 && i < m->nsender; i++) {
		struct sender *s = &m->sender[i];
		const char *hit;

		if (!prepare(s, m->arena))
			continue;
		if (n > FEW) {
			hit = match_tails(entry, n, s);
			if (hit != NULL)
				return hit;
			continue;
		}
		for (size_t k = 0; k < n; k++)
			if (matches(s, entry[k]))
				return (const char *)entry[k].p;
	}
	return NULL;
}

/* The first network at or behind key, by prefix and address. */
static size_t
network_bound(const struct network *net, size_t n, const struct network *key)
{
	size_t from = 0;

	while (n > 0) {
		size_t half = n / 2;

		if (userlist_compare_network(&net[from + half], key) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* One search for each length of prefix that the list has. */
static const char *
match_networks(const struct span *entry, const struct network *net, size_t n,
    const struct userlist_mail *m)
{
	for (size_t i = 0; m->has_client && i < n;) {
		struct network key = m->client;

		key.prefix = net[i].prefix;
		network_clear_host(&key);
		i = network_bound(net, n, &key);
		if (i < n && userlist_compare_network(&net[i], &key) == 0 &&
		    network_contains(&net[i], &m->client))
			return (const char *)entry[i].p;
		memset(key.addr, 0xff, sizeof(key.addr));
		i = network_bound(net, n, &key);
		i += i < n && userlist_compare_network(&net[i], &key) == 0;
	}
	return NULL;
}

/* ---- one list, all lists ---- */

static const struct userlist_owner *
find_owner(const struct userlist *l, struct span name)
{
	size_t from = 0, n = l->nowner;

	while (n > 0) {
		size_t half = n / 2;
		int c = userlist_compare(l->owner[from + half].name, name);

		if (c == 0)
			return &l->owner[from + half];
		if (c < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return NULL;
}

static struct userlist_match
ask_list(const struct userlist *l, struct span name, struct userlist_mail *m)
{
	const struct userlist_owner *o = find_owner(l, name);
	const struct span *entry = o != NULL ? l->entry + o->first : NULL;
	const struct network *net = o != NULL ? l->network + o->first_network
	                                      : NULL;

	for (int k = 0; o != NULL && k < USERLIST_KINDS; k++) {
		const uint32_t *n = o->n[k];
		const char *hit = match_names(entry, n[CLASS_NAME], m);

		entry += n[CLASS_NAME];
		if (hit == NULL)
			hit = match_globs(entry, n[CLASS_GLOB], m);
		entry += n[CLASS_GLOB];
		if (hit == NULL)
			hit = match_networks(entry, net, n[CLASS_NETWORK], m);
		entry += n[CLASS_NETWORK];
		net += n[CLASS_NETWORK];
		if (hit != NULL)
			return (struct userlist_match){
			    k == USERLIST_ALLOW ? -1 : 1,
			    (const char *)o->name.p, hit};
	}
	return (struct userlist_match){0, "", ""};
}

/* Of a domain, or all: the same for the next recipient. */
static struct userlist_match
ask_shared(const struct userlist *l, struct span name, struct memo *memo,
    struct userlist_mail *m)
{
	if (!memo->known || !span_eq(memo->owner, name)) {
		char *copy = arena_strndup(m->arena, name);

		memo->match = ask_list(l, name, m);
		memo->known = copy != NULL;
		memo->owner = span_of(copy, copy != NULL ? name.n : 0);
	}
	return memo->match;
}

static struct userlist_match
ask_own(const struct userlist *l, const char *addr, struct span *domain_r,
    char low[USERLIST_OWNER_MAX + 1], struct userlist_mail *m)
{
	size_t n = strlen(addr);
	struct span local;

	*domain_r = SPAN_LIT("");
	if (n == 0 || n > USERLIST_OWNER_MAX)
		return (struct userlist_match){0, "", ""};
	memcpy(low, addr, n + 1);
	str_lower(low);
	addr_split(span_of(low, n), &local, domain_r);
	return ask_list(l, span_of(low, n), m);
}

struct userlist_match
userlist_check(const struct userlist *l, struct userlist_mail *m,
    const char *rcpt, const char *primary)
{
	char low[USERLIST_OWNER_MAX + 1], low2[USERLIST_OWNER_MAX + 1];
	struct span domain, other;
	struct userlist_match r = ask_own(l, rcpt, &domain, low, m);

	if (r.verdict == 0 && primary != NULL && strcmp(primary, rcpt) != 0)
		r = ask_own(l, primary, &other, low2, m);
	if (r.verdict == 0 && domain.n > 0)
		r = ask_shared(l, domain, &m->domain, m);
	if (r.verdict == 0)
		r = ask_shared(l, SPAN_LIT(""), &m->all, m);
	return r;
}

const struct userlist_match *
userlist_apply(const struct userlist *l, struct facts *f, struct arena *a)
{
	size_t n = f->env->nrcpt;
	struct userlist_match *match;
	struct userlist_mail *m;
	signed char *verdict;
	bool any = false;

	if (l == NULL || l->nowner == 0)
		return NULL;
	m = userlist_mail(f->env, f->mime, a);
	verdict = arena_array(a, n, sizeof(*verdict));
	match = arena_array(a, n, sizeof(*match));
	for (size_t i = 0; m != NULL && verdict != NULL && match != NULL &&
	    i < n; i++) {
		const char *rcpt = f->env->rcpt[i].addr;

		match[i] = userlist_check(l, m, rcpt, f->directory != NULL
		    ? directory_primary(f->directory, rcpt) : NULL);
		verdict[i] = (signed char)match[i].verdict;
		any = any || verdict[i] != 0;
	}
	if (!any)
		return NULL;
	f->user_list = verdict;
	return match;
}
