/*
 * One message on its way through a worker: what each step found out and what
 * the next one needs. The steps are receive, parse, checks, plan, prepare,
 * commit, reply (doc/ARCHITECTURE.md, "Way of a mail"); each has its own file
 * and works on this struct only.
 */
#ifndef PMG_FILTER_MESSAGE_H
#define PMG_FILTER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/envelope.h"
#include "lib/mail/mime.h"
#include "lib/mail/smtp.h"
#include "lib/proto/scan.h"
#include "lib/rules/rules.h"
#include "lib/rules/userlist.h"
#include "filter/score.h"
#include "filter/spool.h"

struct macro_rule;

enum result { RESULT_NONE, RESULT_ACCEPTED, RESULT_QUARANTINED, RESULT_BLOCKED,
	RESULT_DEFERRED, RESULT_REJECTED };

/* What became of one recipient. */
struct outcome {
	enum result result;
	const struct rule *rule;	/* NULL = default */
	const char *quarantine_id;	/* "" unless quarantined */
	const char *queue_id;		/* of the reinjected copy, "" */
	struct smtp_reply reply;	/* what Postfix is told */
};

/* The copy of one plan group. */
struct copy {
	const struct plan_group *group;
	/* Whose removal of attachments wants the received mail to be kept in
	 * the attachment quarantine; NULL = nothing was removed, or it need
	 * not be. */
	const struct rule *kept_by;
	struct buf edited;		/* own bytes, up to SPOOL_MEMORY_MAX */
	struct spool_file file;		/* own file, past that; fd -1: none */
	struct span bytes;
};

struct message {
	struct arena arena;
	char logid[32];
	char key[80];			/* strikes: queue id or body hash */
	char store_key[96];		/* the same for the quarantine */
	bool one_reply;			/* ESMTP: one reply for all recipients */
	struct envelope env;
	struct spool_file spool;
	struct span raw;		/* mapped spool file */
	int64_t arrived_us;		/* wall clock */
	int64_t deadline_ms;		/* monotonic: mail.filter-timeout */
	int64_t commit_by_ms;		/* what leaves the worker, until here */
	int64_t notices_by_ms;		/* notices and bounces */

	/* parse */
	struct mime *mime;
	const char *subject;		/* decoded, "" */
	const char *message_id;
	const char *from;		/* decoded From: */

	/* checks; inside.c fills what the rules need to know of contents */
	struct facts facts;
	uint32_t content_defects;	/* of structure and contents */
	bool wants_score;		/* the parent was asked for a place at
					 * spamd, and will answer */
	bool scanned;			/* scan holds a final answer */
	struct scan_reply scan;
	struct score score;
	int spam_level;
	bool broken;			/* ambiguous, and taken for clear by
					 * mail.accept-broken-mime */
	const char *unchecked;		/* "av", "spam", "av,spam", "" */

	/* plan, prepare, commit */
	const struct ruleset *rules;
	struct plan *plan;
	/* One per recipient, or NULL: no user list says anything. */
	const struct userlist_match *listed;
	struct copy *copy;		/* one per plan->group */
	struct outcome *outcome;	/* one per recipient */
	struct macros *macros;		/* macros.c: made when first used */
	struct macro_rule *macro_rules;
	const char **note;		/* free text for the event: edits, notices */
	size_t nnote;
	bool parked;

	/* microseconds, monotonic, per step */
	int64_t us_receive, us_parse, us_virus, us_spam, us_rules, us_commit,
	    us_total;
};

#endif
