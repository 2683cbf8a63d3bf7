/*
 * Who an address is: an index from e-mail addresses, domains and IP networks
 * to the objects that name them. Addresses and domains are looked up in a hash
 * table, networks in a sorted list for each length of prefix that occurs: the
 * time does not depend on how many there are.
 */
#ifndef PMG_RULES_ADDRESS_H
#define PMG_RULES_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/span.h"

/* An address of either family as IPv6: IPv4 is ::ffff:a.b.c.d. */
struct network {
	unsigned char addr[16];
	unsigned prefix;	/* 0..128 */
};

/* "192.0.2.1", "2001:db8::1". */
bool network_parse_ip(const char *text, struct network *n);
/* "192.0.2.0/24"; bits behind the prefix are cleared. */
bool network_parse_cidr(const char *text, struct network *n);
/* Clears the bits behind the prefix. */
void network_clear_host(struct network *n);
/* IPv4 is never in a network that is wider than ::ffff:0:0/96: ::/0 is all of
 * IPv6 only. */
bool network_contains(const struct network *n, const struct network *ip);

struct address_entry {
	struct span key;	/* "a@b" or a domain; any case */
	uint32_t group, object;
	uint32_t next;		/* index + 1 in the chain, 0 = last */
};

struct address_network {
	struct network net;
	uint32_t group, object;
};

/* Networks with the same prefix, by address. */
struct address_run {
	unsigned prefix;
	size_t first, n;
};

struct address_index {
	uint32_t *bucket;	/* index + 1 */
	size_t nbucket;		/* a power of two */
	struct address_entry *entry;
	size_t nentry;
	struct address_network *network;
	size_t nnetwork;
	struct address_run run[129];
	size_t nrun;
};

/* For exactly these numbers of entries; false when a has no room. */
bool address_index_init(struct address_index *x, size_t nentry,
    size_t nnetwork, struct arena *a);
void address_index_add(struct address_index *x, struct span key,
    uint32_t group, uint32_t object);
void address_index_add_network(struct address_index *x,
    const struct network *n, uint32_t group, uint32_t object);
/* When everything was added. */
void address_index_finish(struct address_index *x);

/* Walks the entries equal to key: *pos starts at 0; NULL = no more. */
const struct address_entry *address_index_next(const struct address_index *x,
    struct span key, uint32_t *pos);
/* Calls hit(arg, group, object) for each network that contains ip. */
void address_index_networks(const struct address_index *x,
    const struct network *ip,
    void (*hit)(void *arg, uint32_t group, uint32_t object), void *arg);
/* Behind the last '@'; empty when nothing stands before it. */
struct span address_domain(const char *addr);

#endif
