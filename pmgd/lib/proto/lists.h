/*
 * Tools (pmg list, later the API) -> pmgd-store, on admin.sock: user lists.
 * One request, one reply. Edits are all or nothing, and on the disk when they
 * are answered; text says for people what was done, or why not.
 */
#ifndef PMG_PROTO_LISTS_H
#define PMG_PROTO_LISTS_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"
#include "lib/rules/userlist_row.h"

enum {
	STORE_MSG_LISTS = 0x0231,	/* lists_request [+ 1: CSV] */
	STORE_MSG_LISTS_REPLY = 0x0232,	/* lists_reply [+ 1: CSV] */
	LISTS_PAGE = 100,		/* rows in one reply */
	LISTS_ROWS = 1000,		/* in one request */
	LISTS_FILE_MAX = 32 * 1024 * 1024,	/* CSV, bytes */
};

enum lists_verb {
	/* The entries of owner, or of every owner, in pages: as long as more
	 * is set, ask again with after = that of the reply. */
	LISTS_SHOW = 1,
	LISTS_ADD,		/* row[], on the list of owner and kind */
	/* row[] from that list; refused when one is not on it. */
	LISTS_REMOVE,
	LISTS_REPLACE,		/* the list holds exactly row[] */
	/* The descriptor: a sealed memory file (memfile.h). replace: lists of
	 * owners and kinds that the file names hold exactly what it says. */
	LISTS_IMPORT,
	/* As SHOW, all at once: the reply has the file. */
	LISTS_EXPORT,
	LISTS_VERB_END
};

/* allow and block as in enum userlist_kind */
enum { LISTS_BOTH = 2 };

struct lists_request {
	uint8_t verb;
	uint8_t every_owner;	/* SHOW, EXPORT */
	uint8_t kind;		/* SHOW, EXPORT, IMPORT: or LISTS_BOTH */
	uint8_t replace;	/* IMPORT */
	const char *owner;	/* as people write it; "" = for all */
	const char *actor;	/* who, for the journal */
	const char *after_owner, *after_entry;	/* SHOW */
	struct userlist_row *row;	/* entry, comment */
	uint32_t nrow;
};

enum lists_code {
	LISTS_OK,
	LISTS_REFUSED,		/* not possible as asked: text tells why */
	LISTS_FAILED,		/* no fault of who asked: disk, limits */
	LISTS_CODE_END
};

struct lists_reply {
	uint8_t code;
	const char *text;
	uint32_t added, moved, removed, same;
	uint32_t wait_ms;	/* until workers know of it; 0 = they do */
	uint8_t more;
	const char *after_owner, *after_entry;
	struct userlist_row *row;
	uint32_t nrow;
};

void lists_request_put(struct buf *b, const struct lists_request *q);
int lists_request_get(struct span body, struct lists_request *q,
    struct arena *a);
void lists_reply_put(struct buf *b, const struct lists_reply *r);
int lists_reply_get(struct span body, struct lists_reply *r, struct arena *a);

/*
 * Asks on a connection to admin.sock and waits. file: of LISTS_IMPORT, else
 * empty; *fd_r: of LISTS_EXPORT, else -1. The reply lives in a. -1: no answer
 * (an answer is an answer even when it refuses).
 */
int lists_ask(int sock, const struct lists_request *q, struct span file,
    int timeout_ms, struct lists_reply *r, int *fd_r, struct arena *a,
    struct err *e);

#endif
