/*
 * /var/lib/pmg/ldap: of each profile what was fetched last (PROFILE) and how
 * the last attempt went (PROFILE.state, JSON).
 */
#ifndef PMG_TOOLS_LDAP_STATE_H
#define PMG_TOOLS_LDAP_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/err.h"
#include "lib/config/paths.h"
#include "lib/rules/directory.h"

enum {
	/* Three syncs of the hourly timer were missed. */
	LDAP_OLD_S = 4 * 3600,
};

struct ldap_state {
	int64_t tried;		/* seconds since 1970, 0 = never */
	int64_t synced;		/* of the data in use, 0 = there is none */
	int64_t accounts, groups, addresses, memberships;
	char error[512];	/* of the last attempt, "" = it went well */
};

/* free() it. suffix: "" the data, ".state", ".new". */
char *ldap_state_file(const struct paths *p, const char *profile,
    const char *suffix);
/* Nothing known of the profile: all zeros. -1: not readable. */
int ldap_state_load(const struct paths *p, const char *profile,
    struct ldap_state *s, struct err *e);
int ldap_state_save(const struct paths *p, const char *profile,
    const struct ldap_state *s, struct err *e);
/* The figures of d; tried and error stay. */
void ldap_state_count(struct ldap_state *s, const struct directory *d);
/* NULL: missing (e is empty then), not readable or damaged. */
struct directory *ldap_directory_load(const char *path, struct err *e);
/* "3 minutes"; out: 32 bytes. */
const char *ldap_age_text(char *out, int64_t seconds);

#endif
