/*
 * SMTP client for reinjection: one connection, one or more transactions, to a
 * unix socket ("/path") or TCP ("127.0.0.1:10025"). Blocking with a deadline.
 * Success of a transaction is only the 250 after end of data.
 */
#ifndef PMG_NET_SMTP_CLIENT_H
#define PMG_NET_SMTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/err.h"
#include "lib/base/span.h"
#include "lib/mail/envelope.h"
#include "lib/mail/smtp.h"

struct smtp_client;

/* Connects, greets with EHLO helo. NULL: e tells. */
struct smtp_client *smtp_client_open(const char *where, const char *helo,
    int timeout_ms, struct err *e);
/*
 * For the transactions to come: the message is sent to all recipients or to
 * none. When the server refuses one, DATA is not sent, and the recipients it
 * had taken get the reply SMTP_NOT_SENT.
 */
enum { SMTP_NOT_SENT = 1 };
void smtp_client_set_whole(struct smtp_client *c, bool whole);
/* For each of the transactions to come. */
void smtp_client_set_timeout(struct smtp_client *c, int timeout_ms);
/*
 * Sends msg to the recipients `to` of env, with XFORWARD, BODY, SMTPUTF8,
 * RET, ENVID, NOTIFY and ORCPT as in env and announced by the server.
 *
 * rcpt_reply[i]: final reply for to[i]: the refusal of RCPT, else the reply
 * after end of data (code 0: connection lost, unknown: treat as 451).
 * Returns 0 when the transaction got that far, -1 when the connection is
 * unusable (all rcpt_reply codes are then 0; e tells). A server that offers
 * no SMTPUTF8 for a message that needs it: 553 5.6.7 for all.
 */
int smtp_client_send(struct smtp_client *c, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span msg,
    struct smtp_reply *rcpt_reply, struct err *e);
/* Queue id from the last 250 ("queued as X"), "" when there was none. */
const char *smtp_client_queued_as(const struct smtp_client *c);
/* QUIT without waiting for long; frees. NULL is legal. */
void smtp_client_close(struct smtp_client *c);

#endif
