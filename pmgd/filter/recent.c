#include "filter/recent.h"

#include <stdlib.h>
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/store/event.h"

enum {
	/* So many files make up what is kept: the oldest one goes at a time. */
	SEGMENTS = 8,
};

struct recent {
	struct event_writer *w;
	uint64_t most;
	uint64_t written;	/* bytes since the last look at the sizes */
	bool failing;
};

static void
prune(struct recent *r)
{
	struct err e;

	r->written = 0;
	if (event_prune_bytes(r->w, r->most, &e) != 0)
		log_warn("recorded messages: %s", e.text);
}

struct recent *
recent_open(const char *dir, uint64_t most)
{
	struct recent *r = xcalloc(1, sizeof(*r));
	struct err e;

	r->most = most;
	r->w = event_writer_open(dir, most / SEGMENTS + 1, &e);
	if (r->w == NULL) {
		log_warn("recorded messages: %s", e.text);
		free(r);
		return NULL;
	}
	prune(r);
	if (most > 0)
		return r;
	recent_close(r);
	return NULL;
}

void
recent_write(struct recent *r, struct span recorded)
{
	struct err e;

	if (r == NULL || recorded.n == 0)
		return;
	if (event_write(r->w, recorded, false, &e) != 0) {
		if (!r->failing)
			log_warn("recorded messages: %s", e.text);
		r->failing = true;
		return;
	}
	r->failing = false;
	r->written += recorded.n;
	if (r->written > r->most / SEGMENTS)
		prune(r);
}

void
recent_close(struct recent *r)
{
	if (r == NULL)
		return;
	event_writer_close(r->w);
	free(r);
}
