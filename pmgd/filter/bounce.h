/*
 * Delivery status notifications (RFC 3464) for messages whose one reply was a
 * yes: the client's side cannot tell the sender of those who do not get it.
 * Only the header of the message goes back, never what a rule objected to.
 */
#ifndef PMG_FILTER_BOUNCE_H
#define PMG_FILTER_BOUNCE_H

#include "filter/message.h"
#include "filter/worker.h"

/*
 * One for the recipients rcpt[] that want to be told of (NOTIFY, RFC 3461);
 * their outcomes say why. False: there is nothing to send (nobody wants it,
 * or the sender is the null sender).
 */
bool bounce_compose(const struct worker *w, const struct message *m,
    const size_t *rcpt, size_t nrcpt, struct buf *out);

#endif
