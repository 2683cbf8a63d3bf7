#include "lib/net/ldap_haul.h"

#include <stdlib.h>
#include <string.h>
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"

enum {
	TEXT_MAX = 1 << 30,		/* of all strings */
	ADDRESSES_MAX = 1000,		/* of one account */
	LINKS_MAX = 50 * 1000 * 1000,	/* memberships, as they are stated */
	NAME_BYTES_MAX = 1024,
};

const char *const ldap_haul_group_attrs[] = {"cn", "member", "uniqueMember",
    "memberUid", "memberOf", "primaryGroupToken", NULL};
enum { GROUP_CN, GROUP_MEMBER, GROUP_UNIQUE_MEMBER, GROUP_UID, GROUP_OF,
	GROUP_TOKEN };

/* A text and whose it is; sorted, an index. */
struct link {
	const char *text;
	uint32_t row;
};
struct links {
	struct link *v;
	size_t n, cap;
};
struct edge {
	uint32_t from, to;
};
/* Sorted by from, with the first of each in start[], once all are there. */
struct edges {
	struct edge *v;
	size_t n, cap;
	size_t *start;
};

struct group {
	const char *dn, *name;
};
struct account {
	const char *dn;
	const char **address, **name;
	size_t naddress, nname;
};

struct ldap_haul {
	size_t nname, nmail;
	struct arena mem;
	struct group *group;
	size_t ngroup, group_cap;
	struct account *account;
	size_t naccount, account_cap;
	/* What is stated. DNs are normal ones. */
	struct links group_dn, account_dn, account_name, token;
	struct links member;		/* group: DN of a member */
	struct links uid;		/* group: account name of a member */
	struct links account_of;	/* account: DN of a group */
	struct links group_of;		/* group: DN of a group */
	struct links primary_group;	/* account: token of a group */
	/* What follows from it. */
	struct edges direct;		/* account, group */
	struct edges parent;		/* group, group that it is in */
};

int
ldap_haul_account_attrs(const char *const *names, const char *const *mail,
    const char **out, struct err *e)
{
	const char *const *list[] = {names, mail};
	size_t n = HAUL_ACCOUNT_FIRST;

	out[HAUL_MEMBER_OF] = "memberOf";
	out[HAUL_PRIMARY_GROUP] = "primaryGroupID";
	for (int i = 0; i < 2; i++)
		for (const char *const *p = list[i]; *p != NULL; p++) {
			if (n == LDAP_ATTRS_MAX)
				return err_set(e, "too many attributes");
			out[n++] = *p;
		}
	out[n] = NULL;
	return 0;
}

struct ldap_haul *
ldap_haul_new(size_t nname, size_t nmail)
{
	struct ldap_haul *h = xcalloc(1, sizeof(*h));

	h->nname = nname;
	h->nmail = nmail;
	arena_init(&h->mem, TEXT_MAX);
	return h;
}

void
ldap_haul_free(struct ldap_haul *h)
{
	struct links *links[] = {&h->group_dn, &h->account_dn,
	    &h->account_name, &h->token, &h->member, &h->uid, &h->account_of,
	    &h->group_of, &h->primary_group};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		free(links[i]->v);
	free(h->direct.v);
	free(h->direct.start);
	free(h->parent.v);
	free(h->parent.start);
	free(h->group);
	free(h->account);
	arena_free(&h->mem);
	free(h);
}

size_t
ldap_haul_accounts(const struct ldap_haul *h)
{
	return h->naccount;
}

/* Room for one more element. */
static void *
room(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap > 0 ? 2 * *cap : 64;
	return xrealloc(p, *cap, size);
}

/* text NULL (no DN, or no more memory for texts): left out. */
static void
link_add(struct links *l, const char *text, size_t row)
{
	if (text == NULL || l->n == LINKS_MAX)
		return;
	l->v = room(l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = (struct link){text, (uint32_t)row};
}

static void
edge_add(struct edges *x, uint32_t from, uint32_t to)
{
	x->v = room(x->v, x->n, &x->cap, sizeof(*x->v));
	x->v[x->n++] = (struct edge){from, to};
}

/* ---- values ---- */

/* A readable text, in lower case when it is to be compared. */
static const char *
keep(struct ldap_haul *h, struct span s, bool lower)
{
	char *p;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return NULL;
	if (s.n == 0 || s.n > NAME_BYTES_MAX || !utf8_valid(s))
		return NULL;
	p = arena_strndup(&h->mem, s);
	if (p != NULL && lower)
		str_lower(p);
	return p;
}

static const char *
keep_dn(struct ldap_haul *h, struct span s)
{
	const char *text = keep(h, s, false), *kept;
	char *normal = text != NULL ? ldap_normal_dn(text) : NULL;

	if (normal == NULL)
		return NULL;
	kept = arena_strdup(&h->mem, normal);
	free(normal);
	return kept;
}

static void
link_values(struct ldap_haul *h, struct links *l, const struct ldap_attr *a,
    size_t row, const char *(*read)(struct ldap_haul *, struct span))
{
	for (size_t i = 0; i < a->n; i++)
		link_add(l, read(h, a->value[i]), row);
}

static const char *
keep_lower(struct ldap_haul *h, struct span s)
{
	return keep(h, s, true);
}

/* The address in a value, empty when it holds none. */
static struct span
address_of(struct span s)
{
	if (span_iprefix(s, "smtp:") || span_iprefix(s, "smtp$"))
		s = span_sub(s, 5, s.n);
	s = span_trim(s);
	for (size_t i = 0; i < s.n; i++)
		if (strchr(":{}\\/\" ", s.p[i]) != NULL)
			return span_sub(s, 0, 0);
	return addr_valid(s) && utf8_valid(s) ? s : span_sub(s, 0, 0);
}

static void
add_text(const char **list, size_t *n, size_t max, const char *s)
{
	if (s == NULL || *n == max)
		return;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i], s) == 0)
			return;
	list[(*n)++] = s;
}

static bool
says_primary(struct span s)
{
	return span_eq(span_sub(s, 0, 5), SPAN_LIT("SMTP:"));
}

static size_t
take_addresses(struct ldap_haul *h, const struct ldap_attr *attr,
    const char **list)
{
	size_t n = 0;

	for (size_t a = 0; a < h->nmail; a++)
		for (int primary = 1; primary >= 0; primary--)
			for (size_t i = 0; i < attr[a].n; i++) {
				struct span s = attr[a].value[i];

				if (says_primary(s) == (primary == 1))
					add_text(list, &n, ADDRESSES_MAX,
					    keep(h, address_of(s), true));
			}
	return n;
}

static const char **
keep_list(struct ldap_haul *h, const char *const *list, size_t *n)
{
	const char **p = arena_array(&h->mem, *n + 1, sizeof(*p));

	if (p == NULL)
		*n = 0;
	else if (*n > 0)
		memcpy(p, list, *n * sizeof(*p));
	return p;
}

void
ldap_haul_group(struct ldap_haul *h, const struct ldap_entry *entry)
{
	const struct ldap_attr *attr = entry->attr;
	const char *dn = keep(h, span_str(entry->dn), false);
	size_t row = h->ngroup;
	const char *name = NULL;

	if (dn == NULL)
		return;
	if (attr[GROUP_CN].n > 0)
		name = keep(h, attr[GROUP_CN].value[0], false);
	h->group = room(h->group, row, &h->group_cap, sizeof(*h->group));
	h->group[h->ngroup++] = (struct group){dn, name != NULL ? name : ""};
	link_add(&h->group_dn, keep_dn(h, span_str(dn)), row);
	link_values(h, &h->member, &attr[GROUP_MEMBER], row, keep_dn);
	link_values(h, &h->member, &attr[GROUP_UNIQUE_MEMBER], row, keep_dn);
	link_values(h, &h->uid, &attr[GROUP_UID], row, keep_lower);
	link_values(h, &h->group_of, &attr[GROUP_OF], row, keep_dn);
	link_values(h, &h->token, &attr[GROUP_TOKEN], row, keep_lower);
}

void
ldap_haul_account(struct ldap_haul *h, const struct ldap_entry *entry)
{
	const struct ldap_attr *attr = entry->attr;
	const char *list[ADDRESSES_MAX];
	struct account a = {.dn = keep(h, span_str(entry->dn), false)};
	size_t row = h->naccount;

	a.naddress = take_addresses(h, attr + HAUL_ACCOUNT_FIRST + h->nname,
	    list);
	if (a.dn == NULL || a.naddress == 0)
		return;
	a.address = keep_list(h, list, &a.naddress);
	for (size_t k = 0; k < h->nname; k++)
		for (size_t i = 0; i < attr[HAUL_ACCOUNT_FIRST + k].n; i++)
			add_text(list, &a.nname, ADDRESSES_MAX, keep(h,
			    attr[HAUL_ACCOUNT_FIRST + k].value[i], true));
	a.name = keep_list(h, list, &a.nname);
	h->account = room(h->account, row, &h->account_cap,
	    sizeof(*h->account));
	h->account[h->naccount++] = a;
	link_add(&h->account_dn, keep_dn(h, span_str(a.dn)), row);
	for (size_t i = 0; i < a.nname; i++)
		link_add(&h->account_name, a.name[i], row);
	link_values(h, &h->account_of, &attr[HAUL_MEMBER_OF], row, keep_dn);
	link_values(h, &h->primary_group, &attr[HAUL_PRIMARY_GROUP], row,
	    keep_lower);
}

/* ---- who is in which group ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(((const struct link *)a)->text,
	    ((const struct link *)b)->text);
}

static void
links_sort(struct links *l)
{
	if (l->n > 0)
		qsort(l->v, l->n, sizeof(*l->v), by_text);
}

/* The first with this text; those behind it may have it, too. */
static size_t
links_find(const struct links *l, const char *text)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(l->v[mid].text, text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
links_has(const struct links *l, size_t i, const char *text)
{
	return i < l->n && strcmp(l->v[i].text, text) == 0;
}

/* Groups that only memberOf names. */
static void
add_named_groups(struct ldap_haul *h, struct links *of)
{
	size_t known = h->group_dn.n;

	links_sort(of);
	for (size_t i = 0; i < of->n; i++) {
		const char *dn = of->v[i].text, *name;
		struct links searched = {h->group_dn.v, known, known};
		char *rdn;

		if ((i > 0 && strcmp(of->v[i - 1].text, dn) == 0) ||
		    links_has(&searched, links_find(&searched, dn), dn))
			continue;
		rdn = ldap_dn_name(dn);
		name = keep(h, span_str(rdn), false);
		free(rdn);
		h->group = room(h->group, h->ngroup, &h->group_cap,
		    sizeof(*h->group));
		h->group[h->ngroup] = (struct group){dn,
		    name != NULL ? name : ""};
		link_add(&h->group_dn, dn, h->ngroup++);
	}
	links_sort(&h->group_dn);
}

/* For each stated link (row, text): an edge to every row that index has under
 * the text; reverse: from there. */
static void
join(struct edges *x, const struct links *stated, const struct links *index,
    bool reverse)
{
	for (size_t i = 0; i < stated->n; i++) {
		const char *text = stated->v[i].text;
		uint32_t row = stated->v[i].row;

		for (size_t k = links_find(index, text);
		    links_has(index, k, text); k++)
			edge_add(x, reverse ? index->v[k].row : row,
			    reverse ? row : index->v[k].row);
	}
}

static int
by_from(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

/* n: how many rows edges can begin at. */
static void
edges_finish(struct edges *x, size_t n)
{
	size_t i = 0;

	if (x->n > 0)
		qsort(x->v, x->n, sizeof(*x->v), by_from);
	x->start = xcalloc(n + 1, sizeof(*x->start));
	for (size_t row = 0; row <= n; row++) {
		while (i < x->n && x->v[i].from < row)
			i++;
		x->start[row] = i;
	}
}

static void
resolve(struct ldap_haul *h)
{
	links_sort(&h->group_dn);
	links_sort(&h->account_dn);
	links_sort(&h->account_name);
	links_sort(&h->token);
	add_named_groups(h, &h->account_of);
	add_named_groups(h, &h->group_of);
	join(&h->direct, &h->account_of, &h->group_dn, false);
	join(&h->direct, &h->primary_group, &h->token, false);
	join(&h->direct, &h->member, &h->account_dn, true);
	join(&h->direct, &h->uid, &h->account_name, true);
	join(&h->parent, &h->group_of, &h->group_dn, false);
	join(&h->parent, &h->member, &h->group_dn, true);
	edges_finish(&h->direct, h->naccount);
	edges_finish(&h->parent, h->ngroup);
}

/* Groups found so far from one account: each once, so that a cycle ends. */
struct reach {
	uint32_t *seen;		/* of each group: for which account last */
	uint32_t *list;
	size_t n;
	uint32_t mark;
};

static void
reach_add(struct reach *r, const struct edges *x, uint32_t from)
{
	for (size_t i = x->start[from]; i < x->start[from + 1]; i++) {
		uint32_t group = x->v[i].to;

		if (r->seen[group] == r->mark)
			continue;
		r->seen[group] = r->mark;
		r->list[r->n++] = group;
	}
}

static void
build_account(struct ldap_haul *h, struct directory_builder *b, uint32_t row,
    const uint32_t *group, struct reach *r)
{
	const struct account *a = &h->account[row];

	directory_builder_account(b, a->dn, a->address[0]);
	for (size_t i = 0; i < a->nname; i++)
		directory_builder_name(b, a->name[i]);
	for (size_t i = 1; i < a->naddress; i++)
		directory_builder_address(b, a->address[i]);
	r->n = 0;
	r->mark = row + 1;
	reach_add(r, &h->direct, row);
	for (size_t i = 0; i < r->n; i++)
		reach_add(r, &h->parent, r->list[i]);
	for (size_t i = 0; i < r->n; i++)
		directory_builder_member(b, group[r->list[i]]);
}

int
ldap_haul_build(struct ldap_haul *h, struct directory_builder *b,
    struct err *e)
{
	struct reach r = {.n = 0};
	uint32_t *group;

	resolve(h);
	if (arena_full(&h->mem) || h->member.n == LINKS_MAX ||
	    h->account_of.n == LINKS_MAX || h->uid.n == LINKS_MAX ||
	    h->naccount >= UINT32_MAX)
		return err_set(e, "more accounts and memberships than fit "
		    "into memory: narrow basedn, filter or groupbasedn");
	group = xcalloc(h->ngroup + 1, sizeof(*group));
	r.seen = xcalloc(h->ngroup + 1, sizeof(*r.seen));
	r.list = xcalloc(h->ngroup + 1, sizeof(*r.list));
	for (size_t i = 0; i < h->ngroup; i++)
		group[i] = directory_builder_group(b, h->group[i].dn,
		    h->group[i].name);
	for (size_t i = 0; i < h->naccount; i++)
		build_account(h, b, (uint32_t)i, group, &r);
	free(group);
	free(r.seen);
	free(r.list);
	return 0;
}
