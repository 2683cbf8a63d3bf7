/*
 * Tools (pmgqm, pmg, later the API) -> pmgd-store, on admin.sock. One packet
 * asks, one packet answers: the reply of the same name, or STORE_MSG_ERROR.
 * Tools are outside peers: whoever breaks the protocol is disconnected.
 */
#ifndef PMG_PROTO_STORE_ADMIN_H
#define PMG_PROTO_STORE_ADMIN_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/held.h"

enum {
	STORE_MSG_LIST = 0x0211,	/* store_list */
	STORE_MSG_LIST_REPLY = 0x0212,	/* store_page */
	STORE_MSG_SHOW = 0x0213,	/* store_show */
	STORE_MSG_SHOW_REPLY = 0x0214,	/* store_entry [+ 1 descriptor] */
	STORE_MSG_ACT = 0x0215,		/* store_act */
	STORE_MSG_ACT_REPLY = 0x0216,	/* store_done */
	STORE_MSG_PURGE = 0x0217,	/* empty */
	STORE_MSG_PURGE_REPLY = 0x0218,	/* store_done */
	STORE_MSG_STATUS = 0x0219,	/* empty */
	STORE_MSG_STATUS_REPLY = 0x021a, /* store_status */
	STORE_MSG_ERROR = 0x021f,	/* one string: why not */
};

struct store_show {
	const char *id;
	uint8_t want_file;	/* pass a descriptor; the message is its first
				 * `size` bytes */
};

enum store_verb { STORE_RELEASE = 1, STORE_DELETE = 2 };

struct store_act {
	uint8_t verb;
	const char *id;
	const char *rcpt;	/* "" = every recipient */
	const char *actor;	/* who, for the journal */
};

struct store_done {
	uint8_t ok;
	const char *text;	/* for people: what was done, or why not */
};

struct store_status {
	uint8_t ready;
	int64_t started_us;
	/* spam, virus, attachment, poison, held */
	uint64_t count[QUARANTINE_KINDS];
	uint64_t bytes[QUARANTINE_KINDS];
	uint64_t commits, failures, batches;	/* since the start */
	uint32_t recovered;	/* rows made again at the start */
	uint32_t releases;	/* asked for, not yet done */
	const char *release_error;	/* of the last failed try, "" */
	uint64_t rules_version;
	const char *rules_error;	/* why the newest did not compile, "" */
	uint64_t lists_version;
	const char *lists_error;	/* as rules_error */
	uint64_t disk_free, disk_size;
};

void store_list_put(struct buf *b, const struct store_list *l);
int store_list_get(struct span body, struct store_list *l, struct arena *a);
void store_page_put(struct buf *b, const struct store_page *p);
int store_page_get(struct span body, struct store_page *p, struct arena *a);
void store_show_put(struct buf *b, const struct store_show *s);
int store_show_get(struct span body, struct store_show *s, struct arena *a);
void store_entry_put(struct buf *b, const struct store_entry *e);
int store_entry_get(struct span body, struct store_entry *e, struct arena *a);
void store_act_put(struct buf *b, const struct store_act *t);
int store_act_get(struct span body, struct store_act *t, struct arena *a);
void store_done_put(struct buf *b, const struct store_done *d);
int store_done_get(struct span body, struct store_done *d, struct arena *a);
void store_status_put(struct buf *b, const struct store_status *s);
int store_status_get(struct span body, struct store_status *s,
    struct arena *a);

#endif
