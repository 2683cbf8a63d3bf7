/*
 * What an LDAP server gave, until it is a directory: accounts with their
 * addresses, groups, and who is in which. No I/O.
 *
 * Addresses: the first of the first attribute that has any is the primary one;
 * among the values of one attribute "SMTP:" (proxyAddresses of Exchange) comes
 * before "smtp:" and plain ones; what is no address (sip:, x500:) is left out.
 *
 * Membership: an account's memberOf and primaryGroupID; a group's member,
 * uniqueMember (DNs) and memberUid (account names); groups in groups the same
 * way, to any depth, cycles included. A group that memberOf names and no
 * search found is one, too: its name is that of its first RDN.
 */
#ifndef PMG_NET_LDAP_HAUL_H
#define PMG_NET_LDAP_HAUL_H

#include <stddef.h>
#include "lib/base/err.h"
#include "lib/net/ldap.h"
#include "lib/rules/directory.h"

struct ldap_haul;

/* Attributes to ask for, and the order of those in an entry. */
extern const char *const ldap_haul_group_attrs[];
enum { HAUL_MEMBER_OF, HAUL_PRIMARY_GROUP, HAUL_ACCOUNT_FIRST };
/* Behind the fixed ones: names of accounts, then addresses; NULL at the end of
 * each list. out: LDAP_ATTRS_MAX + 1. -1: more than that. */
int ldap_haul_account_attrs(const char *const *names, const char *const *mail,
    const char **out, struct err *e);

/* nname, nmail: how many attributes of each kind an account's entry has. */
struct ldap_haul *ldap_haul_new(size_t nname, size_t nmail);
void ldap_haul_free(struct ldap_haul *h);
/* An entry of a search for groups, or for accounts. One without an address is
 * left out. */
void ldap_haul_group(struct ldap_haul *h, const struct ldap_entry *entry);
void ldap_haul_account(struct ldap_haul *h, const struct ldap_entry *entry);
size_t ldap_haul_accounts(const struct ldap_haul *h);
/* Once, at the end: groups and accounts into the builder's current profile.
 * -1: more than may be kept. */
int ldap_haul_build(struct ldap_haul *h, struct directory_builder *b,
    struct err *e);

#endif
