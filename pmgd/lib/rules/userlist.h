/*
 * User lists: whose mail somebody wants in spite of what the spam filter says
 * (allow), and whose not at all (block); the reference product's user white-
 * and blacklists (pmg.md 3.2). A list belongs to a recipient, to a domain, or
 * to all. The closest list with an entry that matches decides; within it allow
 * goes before block. Only the spam objects of rules ask.
 *
 * Entries are compared with the sender of the envelope and the addresses in
 * From, Envelope-Sender, Resent-Sender, X-Envelope-From and EnvelopeFrom of the
 * mail's own header:
 *
 *	anna@example.com	the address
 *	example.com		the address' domain, not those under it
 *	*@*.example.com		* = any characters, ? = one; without @ the
 *				domain is meant
 *	192.0.2.1, 2001:db8::/32	the client, or the network it is in
 *
 * pmgd-store compiles all lists into one file, workers load it. Everything
 * here is pure.
 */
#ifndef PMG_RULES_USERLIST_H
#define PMG_RULES_USERLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"
#include "lib/rules/rules.h"

enum userlist_kind { USERLIST_ALLOW, USERLIST_BLOCK, USERLIST_KINDS };

enum {
	USERLIST_ENTRY_MAX = 512,	/* characters of an entry */
	USERLIST_OWNER_MAX = 320,	/* bytes */
	/* Bytes of all entries of one list of a recipient, and of a domain's or
	 * the one for all, which administrators import. */
	USERLIST_OWN_MAX = 200 * 1024,
	USERLIST_WIDE_MAX = 16 * 1024 * 1024,
	USERLIST_SENDERS = 100,		/* addresses of a mail that count */
	USERLIST_FILE_MAX = 256 * 1024 * 1024,
};

/* ---- the form of owners and entries (userlist_entry.c) ---- */

/*
 * The one form in which an owner or an entry is stored: lower case, networks
 * without host bits, "@example.com" as "example.com". Appended to out; -1: it
 * is none, e tells why.
 */
int userlist_owner(struct buf *out, struct span text, struct err *e);
int userlist_entry(struct buf *out, struct span text, struct err *e);
/* Of bytes that one list of this owner may have. */
size_t userlist_max(const char *owner);
/* "allow" or "block". */
const char *userlist_kind_name(enum userlist_kind kind);
bool userlist_kind_parse(struct span name, enum userlist_kind *kind_r);

/* ---- building ---- */

struct userlist_builder;
struct userlist_builder *userlist_builder_new(void);
/* Both in the form above ("" = the list for all); copied. */
void userlist_builder_add(struct userlist_builder *b, const char *owner,
    enum userlist_kind kind, const char *entry);
/* Writes the file's bytes; the same lists give the same bytes. */
int userlist_compile(struct userlist_builder *b, uint64_t version,
    struct buf *out, struct err *e);
void userlist_builder_free(struct userlist_builder *b);

/* ---- asking ---- */

struct userlist;

/* From the file's bytes (checksummed); NULL: damaged, e tells. */
struct userlist *userlist_load(struct span file, struct err *e);
void userlist_free(struct userlist *l);
uint64_t userlist_version(const struct userlist *l);
size_t userlist_owners(const struct userlist *l);

/* What a mail is compared by. */
struct userlist_mail;
/* NULL: a is full. m may be NULL (not parsed): the envelope only. */
struct userlist_mail *userlist_mail(const struct envelope *env,
    const struct mime *m, struct arena *a);

struct userlist_match {
	int verdict;		/* -1 allowed, 1 blocked, 0 no entry matches */
	const char *owner;	/* of the list, "" = for all; as long as l */
	const char *entry;
};

/*
 * primary: the address under which the recipient's own list is kept besides
 * its own (LDAP); NULL = none. m keeps what was found for domains.
 */
struct userlist_match userlist_check(const struct userlist *l,
    struct userlist_mail *m, const char *rcpt, const char *primary);
/*
 * For every recipient of f->env: fills f->user_list, and returns the reasons;
 * both live in a. NULL: no list has anything to say. Nothing is looked for
 * when l is NULL.
 */
const struct userlist_match *userlist_apply(const struct userlist *l,
    struct facts *f, struct arena *a);

#endif
