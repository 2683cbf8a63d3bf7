/*
 * LDAP servers (RFC 4511): a connection, and searches whose entries come one
 * at a time. Certificates are checked when that is wanted; results come in
 * pages (RFC 2696), so that servers that give 1,000 entries at a time
 * (Active Directory) give all; referrals are not followed. Every wait ends, and
 * a search that did not come to its proper end is an error, however much of it
 * has arrived.
 */
#ifndef PMG_NET_LDAP_H
#define PMG_NET_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	LDAP_CONNECT_S = 10,
	LDAP_ANSWER_S = 60,		/* until the next entry or result */
	LDAP_PAGE_ENTRIES = 500,
	LDAP_SEARCH_ENTRIES_MAX = 2000000,
	LDAP_SEARCH_MIB_MAX = 1024,	/* of all values of a search */
	LDAP_MESSAGE_MIB_MAX = 64,	/* one entry */
	LDAP_ATTRS_MAX = 96,
};

enum ldap_security { LDAP_SECURITY_NONE, LDAP_SECURITY_TLS,
	LDAP_SECURITY_STARTTLS };

/* Strings are "" where nothing is set. */
struct ldap_server {
	const char *host;		/* name or IP address */
	unsigned port;			/* 0 = 389, ldaps 636 */
	enum ldap_security security;
	bool verify;			/* the certificate, with its name */
	const char *cafile;		/* "" = the system's */
	const char *binddn, *bindpw;	/* "" = anonymous */
};

/* Values of one attribute, in the server's order. */
struct ldap_attr {
	struct span *value;
	size_t n;
};
struct ldap_entry {
	const char *dn;
	const struct ldap_attr *attr;	/* as they were asked for */
};
typedef void ldap_entry_fn(void *arg, const struct ldap_entry *entry);

struct ldap_conn;
/* Connects and binds. refused_r: the server is there, but does not accept the
 * account; another one will not either. */
struct ldap_conn *ldap_conn_open(const struct ldap_server *s, bool *refused_r,
    struct err *e);
void ldap_conn_close(struct ldap_conn *c);

/* The base that the server's root DSE names, NULL when none; free() it. */
char *ldap_conn_base(struct ldap_conn *c);
/*
 * The whole tree below base. attrs: LDAP_ATTRS_MAX at most, NULL behind the
 * last. limit: no more entries than that are asked for, 0 = all.
 */
int ldap_conn_search(struct ldap_conn *c, const char *base,
    const char *filter, const char *const *attrs, size_t limit,
    ldap_entry_fn *fn, void *arg, struct err *e);

/* In a form in which equal names are the same bytes: lower case, escapes and
 * blanks as libldap writes them; free() it. NULL: no DN. */
char *ldap_normal_dn(const char *dn);
/* The value of the first RDN, "" when dn is none; free() it. */
char *ldap_dn_name(const char *dn);

#endif
