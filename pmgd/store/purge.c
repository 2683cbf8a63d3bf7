/* Lifetimes: expires what is too old, in small steps between commits. */
#include <stdlib.h>
#include <time.h>
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/config/config.h"
#include "store/store.h"

enum {
	STEP = 200,		/* messages in one go */
	STEPS_AT_ONCE = 10,	/* when a person asked */
	FIRST_S = 60,
	EVERY_S = 3600,
	NEXT_MS = 20,
};

struct purge {
	struct store *store;
	sd_event_source *timer;
	int64_t days[QUARFILE_KINDS];
	bool known;		/* days: from a configuration that was sound */
};

void
purge_reload(struct purge *p)
{
	struct err e;
	struct config *c = config_load(p->store->paths.config, &e);
	int64_t spam, virus;

	if (c == NULL) {
		log_error("%s; lifetimes: %s", e.text, p->known
		    ? "the former ones stay" : "nothing expires");
		return;
	}
	spam = config_int(c, "spamquar", "lifetime");
	virus = config_int(c, "virusquar", "lifetime");
	config_free(c);
	p->days[0] = spam;
	p->days[1] = virus;
	p->days[2] = spam;
	/* Poison is kept for whoever looks into it; so is what Postfix refused
	 * for good. What waits for Postfix does not expire. */
	p->days[3] = p->days[4] = spam > virus ? spam : virus;
	p->known = true;
}

static int
purge_step(struct purge *p, unsigned *n_r, struct err *e)
{
	*n_r = 0;
	if (!p->known)
		return err_set(e, "the configuration is not sound");
	return quarantine_purge(p->store->q, p->days,
	    (uint64_t)clock_wall_us(), STEP, n_r, e);
}

static void
purge_arm(struct purge *p, uint64_t delay_us)
{
	uint64_t now;

	sd_event_now(p->store->loop, CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(p->timer, now + delay_us);
	sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static int
on_purge(sd_event_source *source, uint64_t usec, void *arg)
{
	struct purge *p = arg;
	unsigned n;
	struct err e;

	(void)source;
	(void)usec;
	if (!p->known)
		purge_reload(p);
	if (p->known && purge_step(p, &n, &e) != 0) {
		log_error("purge: %s", e.text);
		n = 0;
	} else if (!p->known) {
		n = 0;
	}
	if (n > 0)
		log_info("purge: %u messages expired", n);
	purge_arm(p, n == STEP ? NEXT_MS * 1000ull : EVERY_S * 1000000ull);
	return 0;
}

bool
purge_now(struct purge *p, unsigned *n_r, bool *more_r, struct err *e)
{
	unsigned n = STEP;

	*n_r = 0;
	purge_reload(p);
	for (int i = 0; i < STEPS_AT_ONCE && n == STEP; i++) {
		if (purge_step(p, &n, e) != 0)
			return false;
		*n_r += n;
	}
	*more_r = n == STEP;
	if (*more_r)
		purge_arm(p, NEXT_MS * 1000ull);
	return true;
}

struct purge *
purge_new(struct store *s)
{
	struct purge *p = xcalloc(1, sizeof(*p));

	p->store = s;
	purge_reload(p);
	if (sd_event_add_time(s->loop, &p->timer, CLOCK_MONOTONIC, 0, 0,
	        on_purge, p) < 0)
		fatal("event loop: cannot add a timer");
	purge_arm(p, FIRST_S * 1000000ull);
	return p;
}

void
purge_free(struct purge *p)
{
	sd_event_source_unref(p->timer);
	free(p);
}
