/*
 * The dialogue with Postfix's lmtp or smtp client: LHLO gets a reply for each
 * recipient after the data (RFC 2033), EHLO one for all. Receives messages,
 * hands each to filter_message() and passes the outcome on.
 */
#ifndef PMG_FILTER_SESSION_H
#define PMG_FILTER_SESSION_H

#include "filter/worker.h"
#include "lib/mail/envelope.h"

void session_run(struct worker *w, int fd, enum direction dir);

#endif
