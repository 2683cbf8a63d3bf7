/* The bytes of the file to lists, or the reason why not. */
#include <stdlib.h>
#include "lib/base/xalloc.h"
#include "lib/rules/glob.h"
#include "lib/rules/userlist_file.h"

enum {
	OWNER_MIN = 4 + 1 + 4 * USERLIST_KINDS * CLASS_COUNT,
	ENTRY_MIN = 4 + 1,
	/* Memory that one byte of the file can ask for at most: an entry of 5
	 * bytes becomes a span and, it may be, a network. */
	MEMORY_PER_BYTE = 16,
	MEMORY_BASE = 1 << 20,
};

struct load {
	struct cursor c;
	struct userlist *l;
	size_t entry, network;	/* read so far */
};

static bool
damaged(struct load *k)
{
	k->c.bad = true;
	return false;
}

static struct span
take_text(struct load *k)
{
	struct span s = cur_lp(&k->c);

	if (s.n == 0 || span_chr(s, 0, '\0') != s.n - 1) {
		damaged(k);
		return SPAN_LIT("");
	}
	return span_sub(s, 0, s.n - 1);
}

static void *
take_array(struct load *k, uint32_t count, size_t min, size_t size)
{
	void *p = NULL;

	if (count <= cur_left(&k->c) / min)
		p = arena_array(&k->l->mem, count, size);
	if (p == NULL)
		damaged(k);
	return p;
}

static void
take_owners(struct load *k)
{
	struct userlist *l = k->l;
	uint64_t entries = 0, networks = 0;

	for (size_t i = 0; i < l->nowner && cur_ok(&k->c); i++) {
		struct userlist_owner *o = &l->owner[i];

		o->name = take_text(k);
		o->first = (uint32_t)entries;
		o->first_network = (uint32_t)networks;
		for (int kind = 0; kind < USERLIST_KINDS; kind++) {
			for (int c = 0; c < CLASS_COUNT; c++) {
				o->n[kind][c] = cur_u32(&k->c);
				entries += o->n[kind][c];
			}
			networks += o->n[kind][CLASS_NETWORK];
		}
		if (entries > l->nentry || networks > l->nnetwork ||
		    (i > 0 && userlist_compare(o[-1].name, o->name) >= 0))
			damaged(k);
	}
	if (entries != l->nentry || networks != l->nnetwork)
		damaged(k);
}

static bool
ascending(const struct load *k, enum userlist_class class)
{
	const struct span *s = &k->l->entry[k->entry];
	const struct network *n = &k->l->network[k->network];

	if (class == CLASS_NETWORK)
		return userlist_compare_network(n - 1, n) < 0;
	return (class == CLASS_GLOB ? userlist_compare_glob(s[-1], s[0])
	                            : userlist_compare(s[-1], s[0])) < 0;
}

static void
take_class(struct load *k, uint32_t n, enum userlist_class class)
{
	struct userlist *l = k->l;

	for (uint32_t i = 0; i < n && cur_ok(&k->c); i++) {
		struct span s = take_text(k);
		struct network net;

		if (!cur_ok(&k->c) ||
		    userlist_classify((const char *)s.p, &net) != class) {
			damaged(k);
			return;
		}
		l->entry[k->entry] = s;
		if (class == CLASS_NETWORK)
			l->network[k->network] = net;
		if (i > 0 && !ascending(k, class))
			damaged(k);
		k->entry++;
		k->network += class == CLASS_NETWORK;
	}
}

static bool
take_contents(struct load *k)
{
	struct userlist *l = k->l;
	uint32_t owners = cur_u32(&k->c), entries = cur_u32(&k->c);
	uint32_t networks = cur_u32(&k->c);

	l->owner = take_array(k, owners, OWNER_MIN, sizeof(*l->owner));
	l->entry = take_array(k, entries, ENTRY_MIN, sizeof(*l->entry));
	l->network = take_array(k, networks, ENTRY_MIN, sizeof(*l->network));
	if (!cur_ok(&k->c))
		return false;
	l->nowner = owners;
	l->nentry = entries;
	l->nnetwork = networks;
	take_owners(k);
	for (size_t i = 0; i < l->nowner; i++)
		for (int kind = 0; kind < USERLIST_KINDS; kind++)
			for (int c = 0; c < CLASS_COUNT; c++)
				take_class(k, l->owner[i].n[kind][c],
				    (enum userlist_class)c);
	return cur_done(&k->c);
}

struct userlist *
userlist_load(struct span file, struct err *e)
{
	struct load k = {.entry = 0};
	uint64_t version;
	struct span rest;

	if (sealed_read(file, &userlist_sealed, &k.c, &version, e) != 0)
		return NULL;
	rest = cur_take(&k.c, cur_left(&k.c));
	k.l = xcalloc(1, sizeof(*k.l));
	k.l->version = version;
	k.l->text = xstrndup(rest.p, rest.n);
	arena_init(&k.l->mem, MEMORY_BASE + MEMORY_PER_BYTE * rest.n);
	k.c = cur_of(span_of(k.l->text, rest.n));
	if (take_contents(&k))
		return k.l;
	userlist_free(k.l);
	err_set(e, "file of lists: owners or entries are damaged");
	return NULL;
}

void
userlist_free(struct userlist *l)
{
	if (l == NULL)
		return;
	arena_free(&l->mem);
	free(l->text);
	free(l);
}

uint64_t
userlist_version(const struct userlist *l)
{
	return l->version;
}

size_t
userlist_owners(const struct userlist *l)
{
	return l->nowner;
}
