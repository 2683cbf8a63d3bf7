/* Lists to the bytes of the file. */
#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"
#include "lib/rules/glob.h"
#include "lib/rules/userlist_file.h"

const struct sealed_kind userlist_sealed = {"PMGLISTS", 1, "file of lists"};

struct item {
	char *owner, *entry;
	enum userlist_kind kind;
	enum userlist_class class;
	struct network net;
};

struct userlist_builder {
	struct item *item;
	size_t n, cap;
};

int
userlist_compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : a.n < b.n ? -1 : a.n > b.n;
}

int
userlist_compare_glob(struct span a, struct span b)
{
	int c = userlist_compare(glob_tail(a), glob_tail(b));

	return c != 0 ? c : userlist_compare(a, b);
}

int
userlist_compare_network(const struct network *a, const struct network *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}

enum userlist_class
userlist_classify(const char *entry, struct network *n)
{
	if (glob_is_pattern(span_str(entry)))
		return CLASS_GLOB;
	return network_parse_ip(entry, n) || network_parse_cidr(entry, n)
	    ? CLASS_NETWORK : CLASS_NAME;
}

struct userlist_builder *
userlist_builder_new(void)
{
	return xcalloc(1, sizeof(struct userlist_builder));
}

void
userlist_builder_free(struct userlist_builder *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		free(b->item[i].owner);
	free(b->item);
	free(b);
}

void
userlist_builder_add(struct userlist_builder *b, const char *owner,
    enum userlist_kind kind, const char *entry)
{
	size_t no = strlen(owner) + 1, ne = strlen(entry) + 1;
	struct item *it;

	if (b->n == b->cap) {
		b->cap = b->cap > 0 ? 2 * b->cap : 64;
		b->item = xrealloc(b->item, b->cap, sizeof(*b->item));
	}
	it = &b->item[b->n++];
	*it = (struct item){.owner = xcalloc(no + ne, 1), .kind = kind};
	it->entry = it->owner + no;
	memcpy(it->owner, owner, no);
	memcpy(it->entry, entry, ne);
	it->class = userlist_classify(entry, &it->net);
}

static int
compare_items(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;
	int c = userlist_compare(span_str(a->owner), span_str(b->owner));

	if (c != 0)
		return c;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->class == CLASS_NETWORK)
		return userlist_compare_network(&a->net, &b->net);
	return a->class == CLASS_GLOB
	    ? userlist_compare_glob(span_str(a->entry), span_str(b->entry))
	    : userlist_compare(span_str(a->entry), span_str(b->entry));
}

/* Two ways to write the same network, or the same entry twice: one. */
static void
drop_equal(struct userlist_builder *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (n > 0 && compare_items(&b->item[n - 1], &b->item[i]) == 0)
			free(b->item[i].owner);
		else
			b->item[n++] = b->item[i];
	}
	b->n = n;
}

static void
put_text(struct buf *out, const char *s)
{
	buf_lp(out, span_of(s, strlen(s) + 1));
}

/* The owner whose entries begin at item i; where the next one's do. */
static size_t
put_owner(struct buf *out, const struct userlist_builder *b, size_t i)
{
	const char *owner = b->item[i].owner;
	uint32_t n[USERLIST_KINDS][CLASS_COUNT] = {{0}};

	for (; i < b->n && strcmp(b->item[i].owner, owner) == 0; i++)
		n[b->item[i].kind][b->item[i].class]++;
	put_text(out, owner);
	for (int k = 0; k < USERLIST_KINDS; k++)
		for (int c = 0; c < CLASS_COUNT; c++)
			buf_u32(out, n[k][c]);
	return i;
}

int
userlist_compile(struct userlist_builder *b, uint64_t version,
    struct buf *out, struct err *e)
{
	size_t owners_off = out->n + SEALED_HEADER;
	uint32_t owners = 0, networks = 0;

	if (b->n > 0)
		qsort(b->item, b->n, sizeof(*b->item), compare_items);
	drop_equal(b);
	sealed_open(out, &userlist_sealed, version);
	for (int i = 0; i < 3; i++)
		buf_u32(out, 0);
	for (size_t i = 0; i < b->n; owners++)
		i = put_owner(out, b, i);
	for (size_t i = 0; i < b->n; i++) {
		networks += b->item[i].class == CLASS_NETWORK;
		put_text(out, b->item[i].entry);
	}
	if (out->overflow)
		return err_set(e, "the lists are larger than %zu bytes",
		    out->max);
	buf_set_u32(out, owners_off, owners);
	buf_set_u32(out, owners_off + 4, (uint32_t)b->n);
	buf_set_u32(out, owners_off + 8, networks);
	sealed_close(out);
	return 0;
}
