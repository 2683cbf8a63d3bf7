/*
 * Inside of userlist_*.c: the compiled file. Behind the header of sealed.h:
 *
 *	4  owners, 4 entries, 4 of these that are networks
 *	owners, ascending: lp name, for each kind and class 4 entries of it
 *	entries: lp text; those of an owner one after another, by kind, by class
 *
 * lp = u32 length and that many bytes, the last of them NUL. Entries of each
 * class are ascending, so that they are found by bisection: nothing has to be
 * built when the file is loaded, and nobody's choice of names makes it slow.
 */
#ifndef PMG_RULES_USERLIST_FILE_H
#define PMG_RULES_USERLIST_FILE_H

#include "lib/rules/address.h"
#include "lib/rules/sealed.h"
#include "lib/rules/userlist.h"

enum userlist_class {
	CLASS_NAME,		/* address or domain, as it is */
	CLASS_GLOB,		/* with * or ?; by its tail, then by its text */
	CLASS_NETWORK,		/* by prefix, then by address */
	CLASS_COUNT
};

struct userlist_owner {
	struct span name;
	uint32_t first;		/* of its entries */
	uint32_t first_network;
	uint32_t n[USERLIST_KINDS][CLASS_COUNT];
};

struct userlist {
	uint64_t version;
	char *text;
	struct arena mem;
	struct userlist_owner *owner;
	size_t nowner;
	struct span *entry;	/* without the NUL behind it */
	size_t nentry;
	struct network *network;	/* of the entries of that class */
	size_t nnetwork;
};

extern const struct sealed_kind userlist_sealed;

/* memcmp() order; the shorter of two equal beginnings first. */
int userlist_compare(struct span a, struct span b);
int userlist_compare_glob(struct span a, struct span b);
int userlist_compare_network(const struct network *a, const struct network *b);
/* n is filled for CLASS_NETWORK. */
enum userlist_class userlist_classify(const char *entry, struct network *n);

#endif
