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
#include "lib/mail/held.h"

enum {
	STORE_MSG_COMMIT = 0x0201,	/* + 1 descriptor */
	STORE_MSG_COMMIT_REPLY = 0x0202,
};

struct store_commit_reply {
	uint8_t ok;
	const char *id;		/* quarantine id as shown to people: C0R12 */
	const char *error;	/* why not; the worker answers 451 */
};

void store_commit_reply_put(struct buf *b, const struct store_commit_reply *r);
int store_commit_reply_get(struct span body, struct store_commit_reply *r,
    struct arena *a);

#endif
