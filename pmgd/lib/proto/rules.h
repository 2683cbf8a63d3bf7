/*
 * Tools (pmg rules, pmgdb, later the API) -> pmgd-store, on admin.sock: the
 * rules, their versions and the draft. One request, one reply; texts are JSON
 * (doc/RULES.md, "Rules as JSON") and travel in the packet or, when they are
 * longer than RULES_INLINE, in a sealed memory file beside it.
 *
 * The store answers when the work is done, which for an edit with thousands of
 * patterns may be minutes; a tool that hangs up withdraws its request unless
 * it has been committed.
 */
#ifndef PMG_PROTO_RULES_H
#define PMG_PROTO_RULES_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	STORE_MSG_RULES = 0x0221,	/* rules_request [+ 1: the text] */
	STORE_MSG_RULES_REPLY = 0x0222,	/* rules_reply [+ 1: text, snapshot] */
	RULES_INLINE = 64 * 1024,	/* longest text in a packet */
	RULES_TEXT_MAX = 64 * 1024 * 1024,
};

enum rules_verb {
	/* The rules of target: the reply's text is the document. */
	RULES_GET = 1,
	/* text = a list of operations on target (live: at once a new version;
	 * draft: one must be open). All or nothing. The reply's text tells the
	 * ids of what was added. */
	RULES_EDIT,
	/* text = a document that replaces all rules of target. */
	RULES_IMPORT,
	/* The draft: a copy of the live rules; one at a time. */
	RULES_DRAFT_OPEN,
	RULES_DRAFT_DISCARD,
	/* The draft's changes on top of the live rules of now; refused, with
	 * their names, when both have changed the same. */
	RULES_DRAFT_REBASE,
	/* The draft becomes the live rules; refused when others were published
	 * since it was opened (rebase first). comment is kept. */
	RULES_PUBLISH,
	/* All versions, newest first, and the draft, if there is one. */
	RULES_VERSIONS,
	/* What changed from target to other. */
	RULES_DIFF,
	/* A new version with the content of target (a version). */
	RULES_ROLLBACK,
	/* A new version with the shipped rules. */
	RULES_RESET,
	/* The compiled target as a descriptor: ruleset_load() takes it. */
	RULES_SNAPSHOT,
	RULES_VERB_END
};

enum rules_where { RULES_LIVE, RULES_DRAFT, RULES_VERSION, RULES_WHERE_END };

struct rules_target {
	uint8_t where;
	uint64_t version;	/* with RULES_VERSION, else 0 */
};

struct rules_request {
	uint8_t verb;
	struct rules_target target;	/* where no verb needs it: live */
	struct rules_target other;	/* RULES_DIFF */
	/* What the tool has seen: the version of the live rules, or with the
	 * draft as target its revision. Refused with RULES_NEWER when there is
	 * a newer one. 0: whatever it is. */
	uint64_t based_on;
	const char *actor;	/* who, for the list of versions */
	const char *comment;
	uint8_t in_file;	/* text is the descriptor's content */
	const char *text;
};

enum rules_code {
	RULES_OK,
	RULES_REFUSED,		/* not possible as asked: text tells why */
	RULES_NEWER,		/* based on what is no longer the newest */
	RULES_FAILED,		/* no fault of who asked: disk, limits */
	RULES_CODE_END
};

struct rules_reply {
	uint8_t code;
	uint64_t version;	/* of the live rules, after the request */
	uint64_t revision;	/* of the draft, 0 = none is open */
	uint8_t in_file;	/* text is the descriptor's content */
	const char *text;	/* JSON; when not RULES_OK: for people */
};

void rules_request_put(struct buf *b, const struct rules_request *q);
int rules_request_get(struct span body, struct rules_request *q,
    struct arena *a);
void rules_reply_put(struct buf *b, const struct rules_reply *r);
int rules_reply_get(struct span body, struct rules_reply *r, struct arena *a);

/* ---- for tools ---- */

struct rules_answer {
	enum rules_code code;
	uint64_t version, revision;
	struct buf text;	/* buf_cstr() */
	int fd;			/* the snapshot, else -1 */
};

/*
 * Asks on a connection to admin.sock and waits; in_file is decided here. -1:
 * no answer (timed out, disconnected; an answer is an answer even when it
 * refuses). The answer is the caller's, to be freed after 0 only.
 */
int rules_ask(int sock, const struct rules_request *q, int timeout_ms,
    struct rules_answer *r, struct err *e);
void rules_answer_free(struct rules_answer *r);

#endif
