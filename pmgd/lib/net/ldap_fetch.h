/* All accounts and groups of an LDAP server as a directory's profile. */
#ifndef PMG_NET_LDAP_FETCH_H
#define PMG_NET_LDAP_FETCH_H

#include <stdint.h>
#include "lib/base/err.h"
#include "lib/net/ldap.h"
#include "lib/rules/directory.h"

struct ldap_source {
	struct ldap_server server[2];	/* the second when the first fails */
	size_t nserver;
	const char *basedn;		/* "" = as the server says */
	const char *groupbasedn;	/* "" = basedn */
	const char *filter;		/* of accounts, with parentheses, or "" */
	/* Names, each list with NULL behind it: */
	const char *const *account, *const *mail, *const *groupclass;
};

/*
 * Connects, fetches everything and puts it into b as the profile; nothing useful is
 * in b on error. now: seconds since 1970. How long it may take, apart
 * from single waits (ldap.h), is the caller's business.
 */
int ldap_fetch(const struct ldap_source *s, const char *profile, int64_t now,
    struct directory_builder *b, struct err *e);
/*
 * Only looks: connects to one server and asks for some accounts. base_r, to be
 * freed: the base that was searched; found_r: how many of the first
 * LDAP_PAGE_ENTRIES entries are accounts with an address.
 */
int ldap_probe(const struct ldap_source *s, size_t server, char **base_r,
    size_t *found_r, struct err *e);

#endif
