/*
 * lists.active. The rows of one version are read in slices, since only the
 * parent has the database (child.h), into a builder that the child gets by
 * fork; the child compiles, compares, writes. An edit waits for that before it
 * is answered, so that the next mail knows of it; but when edits come in quick
 * succession the file is written only so often that reading the rows takes a
 * small part of the loop's time.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "store/lists_internal.h"

enum {
	PUBLISH_PART = 10,	/* of the loop's time at most one of so many */
	RETRY_MS = 5000,	/* after a file that could not be written */
};

struct publisher {
	struct lists *l;
	sd_event_source *tick, *timer;
	/* What is being worked on; builder NULL = nothing. */
	struct userlist_builder *builder;
	struct listdb_place place;
	uint64_t version;
	int64_t began_ms;
	int64_t spent_ms;	/* of the loop's time */
	struct child *child;
	/* What was last: */
	bool known;		/* the file holds done_version */
	uint64_t done_version;
	int64_t next_ms;	/* not again before */
	char error[512];
};

/* ---- in the child ---- */

static bool
is_there(const char *path, struct span fresh)
{
	struct buf old = {.max = USERLIST_FILE_MAX};

	return access(path, F_OK) == 0 && file_read(path, &old, NULL) == 0 &&
	    span_eq(buf_span(&old), fresh);
}

static void
work(void *arg, int out)
{
	const struct publisher *p = arg;
	const char *path = p->l->s->paths.lists;
	struct buf fresh = {.max = USERLIST_FILE_MAX};
	struct err e;

	if (userlist_compile(p->builder, p->version, &fresh, &e) != 0)
		child_finish(out, LISTS_FAILED, false, e.text);
	if (is_there(path, buf_span(&fresh)))
		child_finish(out, LISTS_OK, false, "");
	/* What a worker cannot load must not replace what it can. */
	if (userlist_load(buf_span(&fresh), &e) == NULL ||
	    atomicfile_write(path, buf_span(&fresh), 0644, &e) != 0)
		child_finish(out, LISTS_FAILED, false, e.text);
	child_finish(out, LISTS_OK, true, "");
}

/* ---- in the parent ---- */

static void
timer_set(struct publisher *p)
{
	sd_event_source_set_time(p->timer, (uint64_t)p->next_ms * 1000);
	sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static void
finish(struct publisher *p, const char *error)
{
	int64_t now = clock_mono_ms();

	userlist_builder_free(p->builder);
	p->builder = NULL;
	str_copy(p->error, sizeof(p->error), error);
	if (*error != '\0') {
		log_error("lists: %s; the published ones stay", error);
		p->next_ms = now + RETRY_MS;
		timer_set(p);
	} else {
		p->known = true;
		p->done_version = p->version;
		p->next_ms = now + PUBLISH_PART * p->spent_ms;
	}
	/* There may be something newer by now. */
	publisher_kick(p, false);
	lists_published(p->l);
}

static void
on_ended(void *arg, const struct child_result *result)
{
	struct publisher *p = arg;

	p->child = NULL;
	if (result->code == LISTS_OK && result->written)
		log_info("lists: version %llu published in %lld ms",
		    (unsigned long long)p->version,
		    (long long)(clock_mono_ms() - p->began_ms));
	finish(p, result->code == LISTS_OK ? "" : result->text);
}

static void
start_child(struct publisher *p)
{
	const struct child_work w = {.what = "the user lists",
	    .cpu_s = LISTS_CPU_S, .wall_s = LISTS_WALL_S,
	    .memory_mb = LISTS_MEMORY_MB, .run = work, .ended = on_ended,
	    .arg = p};
	struct err e;

	p->child = child_start(p->l->s->loop, &w, &e);
	if (p->child == NULL)
		finish(p, e.text);
}

static bool
take_row(const struct userlist_row *r, void *arg)
{
	userlist_builder_add(arg, r->owner, r->kind, r->entry);
	return true;
}

static int
on_tick(sd_event_source *source, void *arg)
{
	const struct listdb_query all = {.one_owner = false};
	struct publisher *p = arg;
	int64_t began = clock_mono_ms();
	struct err e;
	int rc = listdb_slice(p->l->db, &all, p->version, &p->place,
	    LISTS_SLICE_MS, take_row, p->builder, &e);

	p->spent_ms += clock_mono_ms() - began;
	if (rc == 1) {
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	if (rc == 0)
		start_child(p);
	else
		finish(p, e.text);
	return 0;
}

static void
start(struct publisher *p)
{
	p->builder = userlist_builder_new();
	memset(&p->place, 0, sizeof(p->place));
	p->version = p->l->version;
	p->began_ms = clock_mono_ms();
	p->spent_ms = 0;
	sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	sd_event_source_set_enabled(p->tick, SD_EVENT_ONESHOT);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct publisher *p = arg;

	(void)source;
	(void)usec;
	if (p->builder == NULL)
		start(p);
	return 0;
}

void
publisher_kick(struct publisher *p, bool again)
{
	if (again) {
		p->known = false;
		p->next_ms = 0;
	}
	if (p->builder != NULL || (p->known && p->error[0] == '\0' &&
	        p->done_version == p->l->version))
		return;
	if (clock_mono_ms() >= p->next_ms)
		start(p);
	else
		timer_set(p);
}

int64_t
publisher_wait(const struct publisher *p, uint64_t version)
{
	int64_t left = p->next_ms - clock_mono_ms();

	if (p->known && p->error[0] == '\0' && p->done_version >= version)
		return 0;
	if (p->builder != NULL)
		return -1;
	return left > 0 ? left : 1;
}

const char *
publisher_error(const struct publisher *p)
{
	return p->error;
}

struct publisher *
publisher_new(struct lists *l)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->l = l;
	if (sd_event_add_defer(l->s->loop, &p->tick, on_tick, p) < 0 ||
	    sd_event_add_time(l->s->loop, &p->timer, CLOCK_MONOTONIC, 0, 1000,
	        on_timer, p) < 0)
		fatal("event loop: cannot add the lists");
	sd_event_source_set_enabled(p->tick, SD_EVENT_OFF);
	sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	return p;
}

void
publisher_free(struct publisher *p)
{
	child_stop(p->child);
	userlist_builder_free(p->builder);
	sd_event_source_unref(p->tick);
	sd_event_source_unref(p->timer);
	free(p);
}
