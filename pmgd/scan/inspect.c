#include "scan/inspect.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "scan/walk.h"

_Static_assert(SCAN_FOUND_ENCRYPTED == (int)WALK_ENCRYPTED &&
    SCAN_FOUND_UNREADABLE == (int)WALK_UNREADABLE &&
    SCAN_FOUND_MACROS == (int)WALK_MACROS &&
    SCAN_FOUND_LIMIT == (int)WALK_LIMIT &&
    SCAN_FOUND_ARCHIVE == (int)WALK_ARCHIVE, "flags of walk.h and proto/scan.h");

/* A private copy: a sender who truncates the file meanwhile would otherwise
 * kill us (SIGBUS), and one who writes to it could show us something else. */
struct copy {
	unsigned char *p;
	size_t n;
};

static void
copy_free(struct copy *c)
{
	if (c->n > 0)
		munmap(c->p, c->n);
	*c = (struct copy){0};
}

/* 0, or -1 with the reason in plain words. c is to be freed in any case. */
static int
copy_read(struct copy *c, int fd, uint64_t off, uint64_t size, struct err *e)
{
	void *p;

	*c = (struct copy){0};
	if (size == 0)
		return 0;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_errno(e, "memory for the message");
	*c = (struct copy){p, size};
	if (pread_all(fd, p, size, (off_t)off) != (ssize_t)size)
		return err_set(e, "the message cannot be read");
	return 0;
}

/* Of a regular file; -1: none. */
static int
file_size(int fd, uint64_t *size_r, struct err *e)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, "the request has no file");
	*size_r = (uint64_t)st.st_size;
	return 0;
}

#ifdef PMG_TEST_HOOKS
/* For the fault tests: a message that crashes or hangs its scanner. */
static void
hook(struct span s)
{
	if (span_find(s, 0, SPAN_LIT("X-PMG-Test: scanner-crash")) != SIZE_MAX)
		raise(SIGKILL);
	while (span_find(s, 0, SPAN_LIT("X-PMG-Test: scanner-hang")) != SIZE_MAX)
		continue;
}
#endif

/* ---- one request ---- */

struct work {
	struct inspection *in;
	struct engine *en;
	const struct scan_settings *s;
	const struct scan_request *rq;
	int64_t deadline;
	struct arena *a;
	uint32_t part;		/* of the object that is walked through */
	bool scan;		/* what is in it, too */
	size_t bytes;		/* that the entries take in the reply */
};

static void
not_scanned(struct work *w, enum scan_result result, const char *why)
{
	struct engine_verdict v = {.result = result};

	str_copy(v.detail, sizeof(v.detail), why);
	engine_verdict_add(&w->in->v, &v);
}

static void
scan_bytes(struct work *w, const struct copy *c, uint32_t where)
{
	int64_t left = w->deadline - clock_mono_ms();
	bool before = w->in->v.result == SCAN_VIRUS;
	struct engine_verdict v;

	if (left <= 0) {
		not_scanned(w, SCAN_TIMEOUT,
		    "the virus scan took longer than its time limit");
		return;
	}
	engine_scan(w->en, c->p, c->n, (unsigned)left, &v);
	/* The message itself tells whether the engine works. A content that
	 * it cannot scan would else be deferred until it bounces. */
	if (where != SCAN_NO_PART && v.result == SCAN_FAILED) {
		log_warn("part %u not scanned on its own: %s", where,
		    v.detail);
		w->in->limits |= SCAN_LIMIT_ENGINE;
		return;
	}
	engine_verdict_add(&w->in->v, &v);
	if (w->in->v.result == SCAN_VIRUS && !before)
		w->in->where = where;
}

/* The message as a whole, which must be as long as announced. */
static int
message_read(struct work *w, struct copy *c, int fd, struct err *e)
{
	uint64_t size = 0;

	*c = (struct copy){0};
	if (file_size(fd, &size, e) != 0)
		return -1;
	if (w->rq->size > w->s->max_message)
		return err_set(e, "the message has %llu bytes, more than the "
		    "%llu that are scanned", (unsigned long long)w->rq->size,
		    (unsigned long long)w->s->max_message);
	if (size != w->rq->size)
		return err_set(e, "the message is not as long as announced "
		    "(%llu bytes)", (unsigned long long)w->rq->size);
	return copy_read(c, fd, 0, size, e);
}

/* Nothing more is worth looking at. */
static bool
is_decided(const struct work *w)
{
	return w->in->v.result == SCAN_VIRUS ||
	    w->in->v.result == SCAN_TIMEOUT;
}

/*
 * What the walk unpacked and the engine could not, or did by another directory
 * of the archive. What the engine met before costs it a hash.
 */
static void
scan_entry(struct work *w, struct span content)
{
	int64_t left = w->deadline - clock_mono_ms();
	struct engine_verdict v;

	if (content.n == 0 || is_decided(w))
		return;
	if (left <= 0) {
		w->in->limits |= SCAN_LIMIT_WALK;
		return;
	}
	engine_scan(w->en, content.p, content.n, (unsigned)left, &v);
	if (v.result == SCAN_FAILED || v.result == SCAN_TIMEOUT) {
		log_warn("part %u: an entry was not scanned on its own: %s",
		    w->part, v.detail);
		w->in->limits |= SCAN_LIMIT_ENGINE;
		return;
	}
	engine_verdict_add(&w->in->v, &v);
	if (w->in->v.result == SCAN_VIRUS)
		w->in->where = w->part;
}

static void
add_found(void *arg, const struct walk_entry *e)
{
	struct work *w = arg;
	struct inspection *in = w->in;
	struct scan_found f = {.part = w->part,
		.flags = (uint8_t)(e->flags & SCAN_FOUND_FLAGS),
		.depth = (uint8_t)(e->depth < UINT8_MAX ? e->depth
		    : UINT8_MAX),
		/* Of the object itself the worker knows it whole. */
		.name = e->depth > 0 ? e->name : "", .type = e->type};

	if (e->depth > 0 && w->scan)
		scan_entry(w, e->content);
	if (in->found == NULL)
		in->found = arena_array(w->a, SCAN_FOUND_MAX,
		    sizeof(*in->found));
	if (in->found == NULL || in->nfound == SCAN_FOUND_MAX ||
	    !scan_found_fits(&f, &w->bytes)) {
		in->limits |= SCAN_LIMIT_CUT;
		return;
	}
	if (strlen(f.name) > SCAN_NAME_MAX)
		in->limits |= SCAN_LIMIT_CUT;
	f.name = arena_strdup(w->a, f.name);
	f.type = arena_strdup(w->a, f.type);
	if (f.name != NULL && f.type != NULL)
		in->found[in->nfound++] = f;
	else
		in->limits |= SCAN_LIMIT_CUT;
}

/* 0 of a setting means no limit; a walk always has one. */
static uint64_t
limit_of(uint64_t setting, uint64_t otherwise)
{
	return setting > 0 ? setting : otherwise;
}

static void
walk_object(struct work *w, const struct copy *c,
    const struct scan_object *o)
{
	const struct walk_limits *d = &walk_limits_default;
	struct walk_limits l = {
	    .depth = (unsigned)limit_of(w->s->max_recursion, d->depth),
	    .entries = (unsigned)limit_of(w->s->max_files, d->entries),
	    .entry_bytes = limit_of(w->s->max_file, d->entry_bytes),
	    .total_bytes = limit_of(w->s->max_scan, d->total_bytes),
	    .cpu_ms = d->cpu_ms,
	    .deadline_ms = w->deadline,
	};

	if (clock_left_ms(w->deadline) == 0) {
		w->in->limits |= SCAN_LIMIT_WALK;
		return;
	}
	w->part = o->part;
	w->scan = (o->flags & SCAN_OBJECT_SCAN) != 0;
	if (walk(span_of(c->p, c->n), o->name, &l, add_found, w) & WALK_LIMIT)
		w->in->limits |= SCAN_LIMIT_WALK;
}

static void
inspect_object(struct work *w, int fd, uint64_t size,
    const struct scan_object *o, uint8_t what)
{
	struct copy c = {0};
	struct err e;

	if (o->off > size || o->len > size - o->off)
		not_scanned(w, SCAN_FAILED,
		    "an object lies outside of its file");
	else if (copy_read(&c, fd, o->off, o->len, &e) != 0)
		not_scanned(w, SCAN_FAILED, e.text);
	else if (what == SCAN_OBJECT_SCAN)
		scan_bytes(w, &c, o->part);
	else
		walk_object(w, &c, o);
	copy_free(&c);
}

static void
inspect_objects(struct work *w, int fd, uint8_t what)
{
	uint64_t size = 0;
	struct err e;

	if (w->rq->nobject == 0 || is_decided(w))
		return;
	if (file_size(fd, &size, &e) != 0) {
		not_scanned(w, SCAN_FAILED, e.text);
		return;
	}
	for (size_t i = 0; i < w->rq->nobject && !is_decided(w); i++)
		if (w->rq->object[i].flags & what)
			inspect_object(w, fd, size, &w->rq->object[i], what);
}

/*
 * libclamav remembers by their hash what it found clean: a content that it
 * scanned on its own costs a hash when it meets it again in the message.
 * Measured with 1.4: objects and message 1.0 to 1.3 times the message alone.
 * Objects first, because older versions know it again at the same or a greater
 * depth only.
 */
void
inspect(struct inspection *in, struct engine *en,
    const struct scan_settings *s, const struct scan_request *rq, int message,
    int objects, struct arena *a)
{
	struct work w = {.in = in, .en = en, .s = s, .rq = rq, .a = a,
	    .deadline = clock_mono_ms() + s->scan_ms};
	struct copy c;
	struct err e;

	*in = (struct inspection){.v.result = SCAN_CLEAN,
	    .where = SCAN_NO_PART};
	if (message_read(&w, &c, message, &e) != 0) {
		not_scanned(&w, SCAN_FAILED, e.text);
	} else {
#ifdef PMG_TEST_HOOKS
		hook(span_of(c.p, c.n));
#endif
		inspect_objects(&w, objects, SCAN_OBJECT_SCAN);
		if (!is_decided(&w))
			scan_bytes(&w, &c, SCAN_NO_PART);
		inspect_objects(&w, objects, SCAN_OBJECT_LIST);
	}
	copy_free(&c);
	if (in->v.limits)
		in->limits |= SCAN_LIMIT_ENGINE;
}
