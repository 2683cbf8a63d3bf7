/*
 * Entries of the quarantine: what of a message pmgd-store is asked to keep, for
 * whom, and in which words.
 */
#ifndef PMG_FILTER_ENTRY_H
#define PMG_FILTER_ENTRY_H

#include "filter/filter.h"
#include "lib/mail/held.h"

/* So many recipients fit into one packet to the store, however long their
 * addresses and DSN parameters are. */
enum { ENTRY_RCPT_FEW = 50 };

struct entry {
	enum quarantine_kind kind;
	const struct rule *rule;	/* or NULL and: */
	const char *why;		/* in a few words, "" */
	const struct spool_file *file;	/* the bytes */
	const char *sender;
	const struct recipient *to;
	size_t nto;
};

const char *entry_kind_word(enum quarantine_kind k);

/*
 * Users may release what is in the spam quarantine. What holds a virus, or may
 * hide one because nobody could look at all of it, is for administrators.
 */
enum quarantine_kind entry_kind(const struct message *m,
    const struct rule *rule);

/* A copy as a file for the store; made into *held when it is only in memory.
 * NULL: no space, logged. */
const struct spool_file *entry_file(struct worker *w, struct message *m,
    const struct copy *c, struct spool_file *held);

enum entry_fit { ENTRY_FITS, ENTRY_TOO_LONG, ENTRY_NO_MEMORY };
/* The encoded struct store_commit into b (made here; empty unless it fits). */
enum entry_fit entry_put(struct message *m, const struct entry *t,
    struct buf *b, struct err *e);

/*
 * Commits t, until m->commit_by_ms: as one entry, or as several where one
 * packet cannot hold all recipients. id[k] for t->to[k], NULL = not committed.
 * False: some are not.
 */
bool entry_commit(struct worker *w, struct message *m, const struct entry *t,
    const char **id);

#endif
