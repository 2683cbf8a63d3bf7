/*
 * pmgd worker -> pmgd-store: commit a message to the quarantine.
 *
 * The worker sends one SCMD_COMMIT with the final bytes as a descriptor; the
 * store copies them into a file of its own, fsyncs file and folder, commits
 * the row with synchronous=FULL, and only then answers OK. (queue_id,
 * rcpt_key) is unique: a retry after a lost reply answers OK with the same id.
 */
#ifndef PMG_PROTO_STORE_H
#define PMG_PROTO_STORE_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	STORE_MSG_COMMIT = 0x0201,	/* + 1 descriptor */
	STORE_MSG_COMMIT_REPLY = 0x0202,
};

enum quarantine_kind { QUAR_SPAM = 'S', QUAR_VIRUS = 'V', QUAR_ATTACHMENT = 'A',
	QUAR_POISON = 'P' };

struct store_rcpt {
	const char *addr;
	const char *notify;	/* DSN parameters, for the release */
	const char *orcpt;
};

struct store_commit {
	enum quarantine_kind kind;
	const char *logid;
	const char *queue_id;
	const char *sender;
	const char *header_from;	/* decoded UTF-8, for lists; may be "" */
	const char *subject;
	const char *message_id;
	const char *rule;		/* name of the rule */
	const char *virus;
	int32_t spam_level;
	const char *spam_info;		/* "RULE:score,..." */
	const char *client_addr;
	const char *envid;
	const char *ret;
	uint8_t smtputf8;
	uint8_t body_8bit;
	uint8_t dir;
	uint64_t size;
	uint64_t time_us;		/* wall clock, arrival */
	struct store_rcpt *rcpt;
	uint32_t nrcpt;
};

struct store_commit_reply {
	uint8_t ok;
	const char *id;		/* quarantine id as shown to people: C0R12 */
	const char *error;	/* why not; the worker answers 451 */
};

void store_commit_put(struct buf *b, const struct store_commit *c);
int store_commit_get(struct span body, struct store_commit *c,
    struct arena *a);
void store_commit_reply_put(struct buf *b, const struct store_commit_reply *r);
int store_commit_reply_get(struct span body, struct store_commit_reply *r,
    struct arena *a);

/*
 * A length-prefixed string of the store's packets, copied into a; never NULL.
 * A NUL in it or a full arena sets the cursor's error.
 */
const char *store_str_get(struct cursor *c, struct arena *a);

#endif
