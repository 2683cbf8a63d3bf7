/*
 * The LDAP directory as rules see it: which addresses exist, whose they are,
 * and in which groups. `pmg ldap sync` writes one snapshot file of all
 * profiles; workers load it as they load the rules. A pure lookup: no server
 * is asked while a mail waits.
 *
 * Addresses, accounts and groups compare without regard to case (ASCII).
 * profile "" = any.
 */
#ifndef PMG_RULES_DIRECTORY_H
#define PMG_RULES_DIRECTORY_H

#include <stdbool.h>
#include "lib/base/err.h"
#include "lib/base/span.h"

struct directory;

/* From a snapshot's bytes (checksummed); NULL: damaged, e tells. */
struct directory *directory_load(struct span snapshot, struct err *e);
void directory_free(struct directory *d);

/* Some account of the profile has this address. */
bool directory_knows(const struct directory *d, const char *profile,
    const char *address);
/* The account itself. */
bool directory_is_account(const struct directory *d, const char *profile,
    const char *account, const char *address);
/* group: its DN, or its name where that is unique. */
bool directory_in_group(const struct directory *d, const char *profile,
    const char *group, const char *address);
/* The account's primary address: key of user lists and of the quarantine.
 * address itself when the directory does not know it. */
const char *directory_primary(const struct directory *d, const char *address);

#endif
