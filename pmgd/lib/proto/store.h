/*
 * pmgd worker -> pmgd-store: commit a message to the quarantine.
 *
 * The worker sends one STORE_MSG_COMMIT with the final bytes as a descriptor; the
 * store copies them into a file of its own, fsyncs file and folder, commits
 * the row with synchronous=FULL, and only then answers OK. (queue_id,
 * rcpt_key) is unique: a retry after a lost reply answers OK with the same id.
 *
 * A set is several commits of one message that are stored all or none: each is
 * a STORE_MSG_MEMBER, which has no answer; STORE_MSG_SET closes the set, and
 * is answered. A connection that ends before that leaves nothing.
 */
#ifndef PMG_PROTO_STORE_H
#define PMG_PROTO_STORE_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/held.h"

enum {
	STORE_MSG_COMMIT = 0x0201,	/* + 1 descriptor */
	STORE_MSG_COMMIT_REPLY = 0x0202,
	STORE_MSG_MEMBER = 0x0203,	/* + 1 descriptor */
	STORE_MSG_SET = 0x0204,		/* no body */
	STORE_MSG_SET_REPLY = 0x0205,
};

/* Two descriptors for each while it is stored. */
enum { STORE_SET_MAX = 100 };

struct store_commit_reply {
	uint8_t ok;
	const char *id;		/* quarantine id as shown to people: C0R12 */
	const char *error;	/* why not; the worker answers 451 */
};

struct store_set_reply {
	uint8_t ok;
	const char *error;	/* why not; nothing was stored */
	const char **id;	/* one a member, in their order */
	uint32_t n;
};

void store_set_reply_put(struct buf *b, const struct store_set_reply *r);
int store_set_reply_get(struct span body, struct store_set_reply *r,
    struct arena *a);
void store_commit_reply_put(struct buf *b, const struct store_commit_reply *r);
int store_commit_reply_get(struct span body, struct store_commit_reply *r,
    struct arena *a);

#endif
