/*
 * What smtp_client.c stands on: the connection, its replies, what EHLO said.
 * No other file includes this.
 */
#ifndef PMG_NET_SMTP_CONN_H
#define PMG_NET_SMTP_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/net/smtp_client.h"

enum { SMTP_QUEUE_ID_MAX = 63 };

enum xforward_attr { XF_NAME, XF_ADDR, XF_PORT, XF_PROTO, XF_HELO, XF_IDENT,
	XF_SOURCE, XF_COUNT };
extern const char *const xforward_name[XF_COUNT];

struct smtp_client {
	char *where;
	int fd;
	int timeout_ms;
	int64_t deadline;	/* of the operation under way */
	struct buf in;		/* replies; read up to in_pos */
	size_t in_pos;
	struct buf out;		/* what smtp_conn_flush() sends */
	bool eof;		/* nothing more will come */
	bool unwritable;	/* the peer takes no more */
	bool unusable;		/* out of step, or the server said 421 */
	bool used;		/* had a transaction */
	bool whole;		/* all recipients or none */
	/* Announced by EHLO. */
	bool pipelining, size, mime8bit, smtputf8, dsn;
	unsigned xforward;	/* bit per enum xforward_attr */
	char queued_as[SMTP_QUEUE_ID_MAX + 1];
};

/* Marks c unusable; returns -1. */
int smtp_conn_lost(struct smtp_client *c, struct err *e, const char *why);
/* Takes what has arrived, without waiting. A broken connection is its end. */
void smtp_conn_receive(struct smtp_client *c);
bool smtp_conn_has_input(const struct smtp_client *c);
/*
 * Sends c->out. Replies that arrive meanwhile are taken in, or both sides
 * could wait for each other. A peer that takes no more is no error yet: its
 * last words may be in the input.
 */
int smtp_conn_flush(struct smtp_client *c, struct err *e);
/* One whole reply; each line also goes to `each`, unless NULL. */
int smtp_conn_reply(struct smtp_client *c, struct smtp_reply *r,
    void (*each)(struct smtp_client *, struct span), struct err *e);

#endif
