/*
 * The LDAP directory as rules see it: which addresses exist, whose they are,
 * and in which groups. `pmg ldap sync` writes one snapshot file of all
 * profiles; workers load it as they load the rules. A pure lookup: no server
 * is asked while a mail waits.
 *
 * Addresses, accounts and groups compare without regard to case (ASCII); a
 * domain in another form (A-label, U-label) is another domain. profile "" =
 * any. Strings that come back live as long as the directory.
 */
#ifndef PMG_RULES_DIRECTORY_H
#define PMG_RULES_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

struct directory;

/* From a snapshot's bytes (checksummed), which are copied; NULL: damaged, e
 * tells. */
struct directory *directory_load(struct span snapshot, struct err *e);
void directory_free(struct directory *d);

/* Whether the directory holds data of the profile at all. Without (it was
 * never fetched), its addresses are neither known nor unknown. */
bool directory_has_profile(const struct directory *d, const char *profile);
/* Some account of the profile has this address. */
bool directory_knows(const struct directory *d, const char *profile,
    const char *address);
/* The account that has this name, which may have several, itself. */
bool directory_is_account(const struct directory *d, const char *profile,
    const char *account, const char *address);
/* group: its DN, or its name where that is unique in the profile. */
bool directory_in_group(const struct directory *d, const char *profile,
    const char *group, const char *address);
/* The account's primary address: key of user lists and of the quarantine, in
 * lower case. address itself when the directory does not know it. */
const char *directory_primary(const struct directory *d, const char *address);

/* ---- looking through (tools) ---- */

struct directory_profile {
	const char *name;
	int64_t synced;		/* seconds since 1970: when it was fetched */
};
struct directory_account {
	uint32_t profile;	/* index */
	const char *dn;
	uint32_t nname;
	uint32_t naddress;	/* at least 1; the first is the primary one */
	uint32_t ngroup;
	/* For the functions below. */
	uint32_t first_name, first_address, first_group;
};
struct directory_group {
	uint32_t profile;
	const char *dn;
	const char *name;
	bool unique;		/* no other group of the profile has the name */
};

uint32_t directory_profiles(const struct directory *d);
uint32_t directory_accounts(const struct directory *d);
uint32_t directory_groups(const struct directory *d);
/* i below the number of them. */
struct directory_profile directory_profile(const struct directory *d,
    uint32_t i);
struct directory_account directory_account(const struct directory *d,
    uint32_t i);
struct directory_group directory_group(const struct directory *d, uint32_t i);
/* The account's name, address or group (index) number i. */
const char *directory_name(const struct directory *d,
    const struct directory_account *a, uint32_t i);
const char *directory_address(const struct directory *d,
    const struct directory_account *a, uint32_t i);
uint32_t directory_membership(const struct directory *d,
    const struct directory_account *a, uint32_t i);
/* The next account with this address from *pos (0 at first); false: no more. */
bool directory_find(const struct directory *d, const char *address,
    uint32_t *pos, uint32_t *account_r);

/* ---- building (pmg ldap sync, tests) ---- */

struct directory_builder;
/* Strings are copied. */
struct directory_builder *directory_builder_new(void);
/* Groups and accounts from here on are this profile's. */
void directory_builder_profile(struct directory_builder *b, const char *name,
    int64_t synced);
/* Its index for directory_builder_member(). */
uint32_t directory_builder_group(struct directory_builder *b, const char *dn,
    const char *name);
/* An account with its primary address. */
void directory_builder_account(struct directory_builder *b, const char *dn,
    const char *primary);
/* Of the last account: a name to log in with; another address. What it has
 * already is left out. */
void directory_builder_name(struct directory_builder *b, const char *name);
void directory_builder_address(struct directory_builder *b,
    const char *address);
/* Of the last account: a group of the same profile that it is in, also by way
 * of other groups. To be said once for each. */
void directory_builder_member(struct directory_builder *b, uint32_t group);
/* All that d holds of the profile ("" = of all). */
void directory_builder_copy(struct directory_builder *b,
    const struct directory *d, const char *profile);
/* The snapshot's bytes, appended. -1: more than a snapshot may hold. */
int directory_build(struct directory_builder *b, struct buf *snapshot,
    struct err *e);
void directory_builder_free(struct directory_builder *b);

#endif
