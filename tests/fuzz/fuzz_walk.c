/*
 * The archive walker, its limits small so that they are met often. libarchive
 * itself is not instrumented: what is sought is in our own readers, and in
 * what they let through to it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/mail/utf8.h"
#include "scan/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CPU_SLACK_MS = 5000, NAMES_EACH = 8 };

static const struct walk_limits small = {.depth = 4, .entries = 60,
    .entry_bytes = 300000, .total_bytes = 1500000, .cpu_ms = 500};

struct seen {
	unsigned calls;
	unsigned flags;
	unsigned depth;		/* of the last one */
	size_t input;
	const char *bad;
};

static void
found(void *arg, const struct walk_entry *e)
{
	struct seen *s = arg;
	struct span name = span_str(e->name);

	if (s->calls > 0 && s->depth == 0)
		s->bad = "an entry behind the object itself";
	if (e->depth > small.depth)
		s->bad = "depth";
	if (e->type == NULL || !utf8_valid(name))
		s->bad = "a name that is not UTF-8, or no type";
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 0x20 || name.p[i] == 0x7f)
			s->bad = "a control character in a name";
	if (e->size > (e->depth == 0 ? s->input : small.entry_bytes))
		s->bad = "size";
	s->calls++;
	s->flags |= e->flags;
	s->depth = e->depth;
}

static int64_t
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen s = {.input = size};
	int64_t began = cpu_ms();
	unsigned flags = walk(span_of(data, size), "", &small, found, &s);

	if (s.calls == 0 || s.depth != 0)
		s.bad = "the object itself is not the last one";
	if (s.calls > (small.entries + 1) * NAMES_EACH)
		s.bad = "more entries than allowed";
	if (flags != s.flags)
		s.bad = "flags are not the union";
	if (cpu_ms() - began > small.cpu_ms + CPU_SLACK_MS)
		s.bad = "CPU time";
	if (s.bad != NULL) {
		fprintf(stderr, "fuzz_walk: broken: %s\n", s.bad);
		abort();
	}
	return 0;
}
