/*
 * Messages that get one reply for all their recipients (ESMTP: before the
 * queue). "Try again" repeats the message for everybody, so nothing may have
 * been committed for anybody then. Hence one commit and no more:
 *
 *	one accepted copy, nothing kept    one transaction with Postfix, to all
 *	                                   of its recipients or to none
 *	anything else                      one set in pmgd-store, all or none;
 *	                                   accepted copies are in it as "held",
 *	                                   and the store sends them
 *
 * What rules discard beside that is on record before. Table of states:
 * doc/RELIABILITY.md.
 */
#ifndef PMG_FILTER_TOGETHER_H
#define PMG_FILTER_TOGETHER_H

#include "filter/message.h"
#include "filter/worker.h"
#include "lib/mail/held.h"

/* Both fill every outcome: all deferred, or none. m->commit_by_ms is set. */
void together_plan(struct worker *w, struct message *m);
/* The received bytes to the quarantine for all, nothing parsed. */
void together_hold(struct worker *w, struct message *m,
    enum quarantine_kind kind, const char *why);

#endif
