/*
 * The steps between "received" and "reply". Each takes the message one step
 * further and never sends anything to the client.
 */
#ifndef PMG_FILTER_FILTER_H
#define PMG_FILTER_FILTER_H

#include "filter/message.h"
#include "filter/outcome.h"
#include "filter/outlet.h"
#include "filter/worker.h"

/*
 * All steps for a received message (m->spool, m->raw, m->env filled): parse,
 * checks, plan, prepare, commit. Afterwards each m->outcome[i].reply holds
 * what Postfix is to be told for recipient i.
 */
void filter_message(struct worker *w, struct message *m);

/* checks.c: virus scan and spam score, at the same time. False: the message
 * has to be deferred as a whole, and the outcomes say why. */
bool checks_run(struct worker *w, struct message *m);
/* prepare.c: writes the copies that rules change. -1: no space. */
int prepare_copies(struct worker *w, struct message *m, struct err *e);
/* prepare.c: the received mail for the attachment quarantine, into a file made
 * here. Its Message-ID gets "pmg-aquar-" in front: after a release, the
 * recipient's server must not take it for the copy without attachments. -1: no
 * space. */
int prepare_original(struct worker *w, struct message *m,
    struct spool_file *f, struct err *e);
/* macros.c: values of the macros for one rule; they live in the arena. */
void macros_of(const struct worker *w, struct message *m,
    const struct rule *r, struct macros *out);
/* macros.c: text with its macros, cut at max bytes. */
void macros_text(const struct worker *w, struct message *m,
    const struct rule *r, const char *text, size_t max, struct buf *out);
/* commit.c: quarantine and reinjection, outcomes filled. */
void commit_plan(struct worker *w, struct message *m);
/* commit.c: the received bytes to the quarantine for all recipients, nothing
 * parsed: messages with two strikes, and av_failure = quarantine. */
void commit_hold(struct worker *w, struct message *m,
    enum quarantine_kind kind, const char *why);
/* notice.c: notifications and BCC. Failures are logged, no more. */
void notices_send(struct worker *w, struct message *m);
/* bounce.c: tells the sender whom a rule kept the message from, when the one
 * reply was a yes and mail.ndr_on_block wants it. Failures are logged. */
void bounce_blocked(struct worker *w, struct message *m);
/* commit.c: deadline_ms, but not longer than one transaction may take. */
int64_t reinject_by(int64_t deadline_ms);
/* commit.c: sends bytes back to Postfix until deadline_ms. */
int reinject(struct worker *w, int64_t deadline_ms,
    const struct envelope *env, const struct recipient *to, size_t nto,
    struct span bytes, struct smtp_reply *reply, struct err *e);
/* record.c: the event record, and the end of the message for the parent, which
 * comes before anything is told to the client. False: not written; what is
 * confirmed only by its record must be deferred. */
bool record_end(struct worker *w, const struct message *m);
/* record.c: what will be discarded, on the disk before anything is committed:
 * for messages that get one reply. False: not written. */
bool record_discards(struct worker *w, struct message *m);

/* Adds a line to m->note (edits, notices) for the event record. */
void message_note(struct message *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
