#include "lib/rules/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include "lib/base/str.h"

enum { MAPPED_BITS = 96 };		/* of ::ffff:0:0 */
static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool
parse(struct span text, struct network *n, unsigned *bits)
{
	char s[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(s) || span_chr(text, 0, '\0') < text.n)
		return false;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	n->prefix = 128;
	if (inet_pton(AF_INET6, s, n->addr) == 1) {
		*bits = 128;
		return true;
	}
	memcpy(n->addr, mapped, sizeof(mapped));
	*bits = 32;
	return inet_pton(AF_INET, s, n->addr + sizeof(mapped)) == 1;
}

bool
network_parse_ip(const char *text, struct network *n)
{
	unsigned bits;

	return parse(span_str(text), n, &bits);
}

void
network_clear_host(struct network *n)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = n->prefix > 8 * i ? n->prefix - 8 * i : 0;

		if (keep < 8)
			n->addr[i] &= (unsigned char)(0xff00u >> keep);
	}
}

bool
network_parse_cidr(const char *text, struct network *n)
{
	struct span s = span_str(text);
	size_t slash = span_chr(s, 0, '/');
	unsigned bits;
	int64_t prefix;

	if (slash == s.n || !parse(span_sub(s, 0, slash), n, &bits) ||
	    !str_num(span_sub(s, slash + 1, s.n), 0, bits, &prefix))
		return false;
	n->prefix = 128 - bits + (unsigned)prefix;
	network_clear_host(n);
	return true;
}

static bool
is_mapped(const struct network *n)
{
	return n->prefix >= MAPPED_BITS &&
	    memcmp(n->addr, mapped, sizeof(mapped)) == 0;
}

bool
network_contains(const struct network *n, const struct network *ip)
{
	struct network masked = *ip;

	if (is_mapped(ip) != is_mapped(n))
		return false;
	masked.prefix = n->prefix;
	network_clear_host(&masked);
	return memcmp(masked.addr, n->addr, sizeof(n->addr)) == 0;
}

/* FNV-1a over lower-case ASCII. Only administrators put keys in, so nobody
 * outside can build long chains. */
static uint32_t
hash(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)ascii_lower(s.p[i])) * 16777619u;
	return h;
}

bool
address_index_init(struct address_index *x, size_t nentry, size_t nnetwork,
    struct arena *a)
{
	*x = (struct address_index){.nbucket = 16};
	while (x->nbucket < nentry)
		x->nbucket *= 2;
	x->bucket = arena_array(a, x->nbucket, sizeof(*x->bucket));
	x->entry = arena_array(a, nentry, sizeof(*x->entry));
	x->network = arena_array(a, nnetwork, sizeof(*x->network));
	return !arena_full(a);
}

void
address_index_add(struct address_index *x, struct span key, uint32_t group,
    uint32_t object)
{
	uint32_t *bucket = &x->bucket[hash(key) & (x->nbucket - 1)];

	x->entry[x->nentry] =
	    (struct address_entry){key, group, object, *bucket};
	*bucket = (uint32_t)++x->nentry;
}

void
address_index_add_network(struct address_index *x, const struct network *n,
    uint32_t group, uint32_t object)
{
	x->network[x->nnetwork++] = (struct address_network){*n, group, object};
}

static int
compare_addr(const struct network *a, const struct network *b)
{
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}

static int
network_order(const void *va, const void *vb)
{
	const struct network *a = &((const struct address_network *)va)->net;
	const struct network *b = &((const struct address_network *)vb)->net;

	return a->prefix != b->prefix ? (a->prefix < b->prefix ? -1 : 1) :
	    compare_addr(a, b);
}

void
address_index_finish(struct address_index *x)
{
	if (x->nnetwork > 0)
		qsort(x->network, x->nnetwork, sizeof(*x->network),
		    network_order);
	for (size_t i = 0; i < x->nnetwork; i++) {
		unsigned prefix = x->network[i].net.prefix;

		if (i == 0 || prefix != x->network[i - 1].net.prefix)
			x->run[x->nrun++] = (struct address_run){prefix, i, 0};
		x->run[x->nrun - 1].n++;
	}
}

/* The first network of the run that is not below n. */
static size_t
find_network(const struct address_index *x, const struct address_run *run,
    const struct network *n)
{
	size_t low = run->first, high = run->first + run->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_addr(&x->network[mid].net, n) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
address_index_networks(const struct address_index *x, const struct network *ip,
    void (*hit)(void *arg, uint32_t group, uint32_t object), void *arg)
{
	for (size_t r = 0; r < x->nrun; r++) {
		const struct address_run *run = &x->run[r];
		struct network masked = *ip;

		if (is_mapped(ip) && run->prefix < MAPPED_BITS)
			continue;
		masked.prefix = run->prefix;
		network_clear_host(&masked);
		for (size_t i = find_network(x, run, &masked);
		    i < run->first + run->n &&
		    compare_addr(&x->network[i].net, &masked) == 0; i++)
			hit(arg, x->network[i].group, x->network[i].object);
	}
}

const struct address_entry *
address_index_next(const struct address_index *x, struct span key,
    uint32_t *pos)
{
	uint32_t i = *pos != 0 ? x->entry[*pos - 1].next :
	    x->bucket[hash(key) & (x->nbucket - 1)];

	while (i != 0 && !span_ieq(x->entry[i - 1].key, key))
		i = x->entry[i - 1].next;
	*pos = i;
	return i != 0 ? &x->entry[i - 1] : NULL;
}

struct span
address_domain(const char *addr)
{
	const char *at = strrchr(addr, '@');

	return at == NULL || at == addr ? SPAN_LIT("") : span_str(at + 1);
}
