/*
 * Mail addresses: those in header fields (RFC 5322, 6532), and the two halves
 * of a single one (RFC 5321, 6531). Lenient where mail is: what clients show
 * as the address is what comes out. No IDNA: a domain is compared by its
 * bytes, ASCII letters in lower case.
 */
#ifndef PMG_MAIL_ADDR_H
#define PMG_MAIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/arena.h"
#include "lib/base/span.h"

enum {
	ADDR_MAX = 1024,	/* bytes; longer ones in a header are cut out */
	ADDR_LIST_MAX = 1000,	/* addresses taken from one field */
};

struct addr {
	const char *addr;	/* "local@Domain" with the domain in lower
				 * case, "user" when there is no domain; UTF-8,
				 * raw 8-bit bytes guessed (charset.h) */
	const char *name;	/* display name, UTF-8 on one line, "" = none */
};

/*
 * The addresses of a field value (folded, raw): mailboxes, members of groups,
 * routes dropped. Returns how many; *list_r is NULL when none.
 */
size_t addr_list(struct span value, struct addr **list_r, struct arena *a);
/* The first one's address, "" when there is none. */
const char *addr_first(struct span value, struct arena *a);

/*
 * The halves around the last "@" that is not quoted. False: there is none, or
 * a half is empty; *local_r is then the whole and *domain_r empty.
 */
bool addr_split(struct span addr, struct span *local_r,
    struct span *domain_r);
/* The address with its domain's ASCII letters in lower case. */
const char *addr_lower_domain(struct span addr, struct arena *a);
/*
 * A Mailbox of RFC 5321 4.1.2 with the UTF-8 of RFC 6531: dot-string or quoted
 * local part (64 bytes), domain or address literal, 254 bytes in all.
 */
bool addr_valid(struct span addr);
/*
 * Labels of letters, digits, "_" and inner "-", at most 63 bytes each and 253
 * in all. Bytes beyond ASCII pass: whether they are UTF-8 is not looked at.
 */
bool addr_valid_domain(struct span domain);

#endif
