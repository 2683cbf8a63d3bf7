/* pmg ldap: the LDAP profiles of ldap.conf and what was fetched of them. */
#ifndef PMG_TOOLS_PMG_LDAP_H
#define PMG_TOOLS_PMG_LDAP_H

#include <stdbool.h>
#include "lib/config/ldap.h"
#include "lib/config/paths.h"
#include "lib/net/ldap_fetch.h"

/* argv[0] is "ldap". Exit status. */
int pmg_ldap_main(int argc, char **argv, const struct paths *p);

/* ---- between its files ---- */

struct pmg_ldap {
	const struct paths *paths;
	struct ldap_conf conf;
	bool json;
	bool force;
};

/* profile NULL = all that are not disabled. Exit status 0: for every profile
 * there is data, of now or of before. */
int pmg_ldap_sync(struct pmg_ldap *l, const char *profile);
int pmg_ldap_test(struct pmg_ldap *l, const struct ldap_profile *profile);
int pmg_ldap_list(struct pmg_ldap *l);
int pmg_ldap_show(struct pmg_ldap *l, const struct ldap_profile *profile);
int pmg_ldap_search(struct pmg_ldap *l, const char *address);
int pmg_ldap_groups(struct pmg_ldap *l, const char *profile);
int pmg_ldap_accounts(struct pmg_ldap *l, const char *profile);

/* What ldap_fetch() needs of a profile; lives as long as it. */
struct ldap_lists {
	const char *account[LDAP_NAMES_MAX + 1], *mail[LDAP_NAMES_MAX + 1],
	    *groupclass[LDAP_NAMES_MAX + 1];
};
struct ldap_source pmg_ldap_source(const struct ldap_profile *profile,
    struct ldap_lists *lists);
/* Words of ldap.conf. */
const char *pmg_ldap_mode(const struct ldap_profile *profile);

/*
 * Runs fn in a child that ends after so many seconds: no server, and no fault
 * of libldap, holds up or takes down more than this one attempt. -1: what fn
 * said, or how the child ended.
 */
int pmg_ldap_guarded(int (*fn)(void *arg, struct err *e), void *arg,
    unsigned seconds, struct err *e);

#endif
