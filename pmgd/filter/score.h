/*
 * Spam scoring behind one interface; score_spamd.c is the engine that asks
 * SpamAssassin's spamd. A job never blocks: the caller polls its descriptor
 * together with whatever else runs at the same time.
 */
#ifndef PMG_FILTER_SCORE_H
#define PMG_FILTER_SCORE_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/mail/envelope.h"
#include "lib/mail/mime.h"
#include "lib/rules/rules.h"

enum score_state {
	SCORE_SKIPPED,		/* not asked: no rule needs it, virus found */
	SCORE_SCORED,
	SCORE_UNCHECKED,	/* asked and failed, or the breaker is open */
};

struct score {
	enum score_state state;
	int64_t milli;		/* score * 1000 */
	struct spam_hit *hit;
	size_t nhit;
	const char *bayes;	/* probability as text, "" */
	const char *autolearn;	/* "ham", "spam", "no", "" */
	const char *detail;	/* why skipped or unchecked; "truncated" */
};

struct score_job;

/*
 * Connects to where (unix socket path) and prepares the request: the message
 * without any X-PMG-Envelope-From of its own, headed by ours; cut at a line
 * end to at most max_bytes. NULL: e tells.
 */
struct score_job *score_start(const char *where, const struct envelope *env,
    const struct mime *mime, uint64_t max_bytes, struct err *e);
int score_fd(const struct score_job *j);
short score_events(const struct score_job *j);	/* POLLIN, POLLOUT */
/* Goes on as far as it can. 1: finished, r filled; 0: more; -1: failed. */
int score_step(struct score_job *j, struct score *r, struct arena *a,
    struct err *e);
/* Ends it, finished or not. NULL is legal. */
void score_free(struct score_job *j);

/* Parses a spamd reply (whole, as read to end of file); fuzzed. */
int score_parse_reply(struct span reply, struct score *r, struct arena *a,
    struct err *e);

#endif
