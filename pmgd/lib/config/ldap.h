/*
 * /etc/pmg/ldap.conf: LDAP profiles, in the reference product's syntax:
 *
 *	ldap: PROFILE
 *		server1 ldap.example.com
 *		mode ldap+starttls
 *		bindpw c2VjcmV0
 *
 * bindpw is base64, comment has %XX for what is not plain text, as there. A
 * file with any error is refused whole, with file, line and reason; a missing
 * file is an empty one.
 */
#ifndef PMG_CONFIG_LDAP_H
#define PMG_CONFIG_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	LDAP_PROFILES_MAX = 64,
	LDAP_PROFILE_BYTES_MAX = 64,	/* of a profile's name */
	LDAP_NAMES_MAX = 32,		/* in a list of names */
};

enum ldap_transport { LDAP_PLAIN, LDAP_TLS, LDAP_STARTTLS };

/* Attributes or object classes. */
struct ldap_names {
	char *name[LDAP_NAMES_MAX];
	size_t n;
};

/* Strings are "" when not set, never NULL. */
struct ldap_profile {
	char *name;
	unsigned line;		/* where its section begins */
	bool disable;
	char *comment;
	enum ldap_transport mode;
	bool verify;		/* the server's certificate */
	char *cafile;		/* "" = the system's */
	char *server1, *server2;
	unsigned port;		/* 0 = 389, ldaps 636 */
	char *binddn, *bindpw;	/* "" = anonymous; bindpw is decoded */
	char *basedn;		/* "" = what the server's root DSE says */
	char *groupbasedn;	/* "" = groups are what memberOf names */
	char *filter;		/* of accounts, on top of "has an address";
				 * with its parentheses */
	struct ldap_names account, mail, groupclass;
};

struct ldap_conf {
	struct ldap_profile *profile;	/* in the file's order */
	size_t n;
};

int ldap_conf_load(struct ldap_conf *c, const char *path, struct err *e);
void ldap_conf_free(struct ldap_conf *c);
/* NULL: there is none of this name. */
const struct ldap_profile *ldap_conf_find(const struct ldap_conf *c,
    const char *name);
/* Letters, digits, '-' and '_', beginning with a letter: also a file's name. */
bool ldap_valid_profile(struct span name);

#endif
