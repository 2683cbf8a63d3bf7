/*
 * Mail that is held: what the quarantine knows of a message beside its bytes.
 * The worker tells it (lib/proto/store.h), the message's file carries it
 * (lib/store/quarfile.h), the tools read it (lib/proto/store_admin.h).
 */
#ifndef PMG_MAIL_HELD_H
#define PMG_MAIL_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* QUAR_HELD: accepted, and on its way to Postfix: pmgd-store sends it without
 * being asked and forgets it then. */
enum quarantine_kind { QUAR_SPAM = 'S', QUAR_VIRUS = 'V', QUAR_ATTACHMENT = 'A',
	QUAR_POISON = 'P', QUAR_HELD = 'H' };
enum { QUARANTINE_KINDS = 5 };

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

void store_commit_put(struct buf *b, const struct store_commit *c);
int store_commit_get(struct span body, struct store_commit *c,
    struct arena *a);

/* "C0R12": node 0, row 12. */
enum { STORE_ID = 48 };
void store_id_print(char id[STORE_ID], uint32_t node, int64_t row);
bool store_id_parse(const char *id, uint32_t *node_r, int64_t *row_r);

enum {
	STORE_RCPTS_SHOWN = 100,	/* of one message */
	STORE_ACTIONS_SHOWN = 100,
	STORE_PAGE = 200,		/* entries in one list packet */
};

/* Which messages; "" and 0 do not restrict. Newest first. */
struct store_list {
	uint8_t kind;		/* enum quarantine_kind */
	const char *rcpt;	/* whole address, ASCII case ignored */
	const char *sender;
	uint64_t since_us, until_us;	/* time of arrival; until excluded */
	int64_t before;		/* go on: `next` of the page before */
	uint32_t limit;
};

/*
 * state: "new", "releasing" (asked for, not yet accepted by Postfix),
 * "released", "refused" (Postfix said 5xx; may be released again),
 * "deleted", "expired".
 */
struct store_entry_rcpt {
	const char *addr;
	const char *state;
	uint64_t time_us;	/* of that state, 0 for new */
};

struct store_entry_action {
	uint64_t time_us;
	const char *action;
	const char *rcpt;	/* "" = the whole message */
	const char *actor;
	const char *detail;
};

struct store_entry {
	const char *id;
	uint8_t kind;
	uint8_t recovered;	/* row made again from the file */
	uint8_t missing;	/* row without a file */
	uint8_t dir;
	uint64_t size, time_us;
	int32_t spam_level;
	const char *sender, *header_from, *subject, *message_id, *rule, *virus,
	    *spam_info, *logid, *queue_id, *client_addr, *file;
	struct store_entry_rcpt *rcpt;
	uint32_t nrcpt;
	uint32_t nrcpt_all;	/* more than nrcpt: not all are shown */
	struct store_entry_action *action;	/* only in SHOW; newest last */
	uint32_t naction;
};

struct store_page {
	struct store_entry *entry;
	uint32_t nentry;
	int64_t next;		/* 0: that was all */
};

#endif
