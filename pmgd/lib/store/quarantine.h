/*
 * The quarantine: quarantine.db and the message files. Its only user is
 * pmgd-store.
 *
 * A message is one row of `messages` and one of `recipients` for each; both
 * are only ever inserted. What happens to it later are rows of `actions`; the
 * state of a recipient is its last action. Rows carry (node, incarnation,
 * seq): another node can copy them with a cursor. The incarnation is new in
 * each new database file. A message of kind QUAR_HELD is inserted together
 * with its release; its file goes when every recipient is released.
 *
 * actions: release, again   asked for (again: after a refusal)
 *          released         Postfix has it
 *          refused          Postfix said 5xx
 *          failed           a try failed; a note, no state
 *          delete, expired  the file may go
 *          removed          the file is gone; of the whole message
 */
#ifndef PMG_STORE_QUARANTINE_H
#define PMG_STORE_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/mail/held.h"
#include "lib/store/quarfile.h"

enum { QUARANTINE_BATCH = 64 };

struct quarantine;

/*
 * Opens or creates both, and makes rows again for files that have none. A
 * damaged database is moved aside and made again from the files. NULL: e.
 */
struct quarantine *quarantine_open(const char *db_path, const char *files,
    struct err *e);
void quarantine_close(struct quarantine *q);
/* A statement met damage: end, and be started again (quarantine_open heals). */
bool quarantine_damaged(const struct quarantine *q);
uint32_t quarantine_recovered(const struct quarantine *q);
/* Messages whose file is there, and their bytes; by index of quarfile_kind. */
void quarantine_counts(const struct quarantine *q,
    uint64_t count[QUARFILE_KINDS], uint64_t bytes[QUARFILE_KINDS]);

struct quarantine_item {
	const struct store_commit *commit;
	int fd;			/* the message; stays the caller's */
	/* result: */
	bool ok;
	int64_t row;
	struct err err;		/* when not ok */
	/* private: */
	char rcpt_key[65];
	struct quarfile file;
	bool has_row, has_file;
	size_t same;		/* index of an equal item before, or itself */
};

/*
 * Stores up to QUARANTINE_BATCH messages with one transaction. When it returns,
 * each item that is ok has its file, its folder's entry and its row on the
 * disk; of one that is not ok, nothing is left. An item that was stored before
 * (same queue id, same mail, same recipients) is ok with the row it has.
 */
void quarantine_commit(struct quarantine *q, struct quarantine_item *item,
    size_t n);

/*
 * The same for items that are one message's copies: all of them or none. n is
 * not limited. When one cannot be stored, each has ok = false and the reason.
 */
void quarantine_commit_set(struct quarantine *q, struct quarantine_item *item,
    size_t n);

/* Fills page (in a). */
int quarantine_list(struct quarantine *q, const struct store_list *l,
    struct store_page *page, struct arena *a, struct err *e);
/* 1: found, 0: no such row, -1: error. */
int quarantine_show(struct quarantine *q, int64_t row, struct store_entry *s,
    struct arena *a, struct err *e);
/* Descriptor of the message's file, or -1. */
int quarantine_file(struct quarantine *q, int64_t row, struct err *e);

/*
 * Asks for a release: durable when it returns. rcpt "" = all. *asked_r: how
 * many recipients now wait for Postfix because of this call; text says what
 * was done for people. 0: done, or already done; -1: refused, e tells.
 */
int quarantine_release(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, unsigned *asked_r, struct buf *text, struct err *e);
/* Deletes for one or all recipients; the file goes with the last of them. */
int quarantine_delete(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, struct buf *text, struct err *e);

/* Rows with recipients that wait for Postfix, at most max. */
int quarantine_pending(struct quarantine *q, int64_t *row, size_t max,
    size_t *n_r, struct err *e);

/* One release, as it has to be sent. */
struct quarantine_send {
	struct store_commit commit;	/* of the row; rcpt: those that wait */
	int64_t *rcpt_row;
};
/* 1: something waits, 0: nothing (any more), -1. Everything in a. */
int quarantine_send_get(struct quarantine *q, int64_t row,
    struct quarantine_send *s, struct arena *a, struct err *e);
/* What became of it: action is released, refused or failed. */
int quarantine_send_result(struct quarantine *q, int64_t row,
    int64_t rcpt_row, const char *action, const char *detail, struct err *e);

/*
 * Expires what is older than its lifetime, at most max messages a call;
 * pending releases stay. days[] by index of quarfile_kind; 0 = for ever.
 * *expired_r: how many; as many as max: call again.
 */
int quarantine_purge(struct quarantine *q,
    const int64_t days[QUARFILE_KINDS], uint64_t now_us, unsigned max,
    unsigned *expired_r, struct err *e);

#endif
