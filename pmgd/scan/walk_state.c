#include "scan/walk_state.h"

#include <time.h>
#include "lib/base/clock.h"
#include "lib/mail/utf8.h"

/* A name of a mail's attachment is shorter; of a longer one the end tells. */
enum { NAME_BYTES = 1024, NAME_CLEAN_MAX = 3 * NAME_BYTES };

static int64_t
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
walk_stop(struct walk *w)
{
	w->stop = true;
	w->flags |= WALK_LIMIT;
}

bool
walk_alive(struct walk *w)
{
	if (w->cpu_end_us == 0)
		w->cpu_end_us = cpu_us() + (int64_t)w->lim.cpu_ms * 1000;
	else if (!w->stop && (cpu_us() > w->cpu_end_us ||
	    (w->lim.deadline_ms != 0 && clock_mono_ms() > w->lim.deadline_ms)))
		walk_stop(w);
	return !w->stop;
}

bool
walk_begin(struct walk *w)
{
	if (!walk_alive(w))
		return false;
	if (w->entries >= w->lim.entries) {
		walk_stop(w);
		return false;
	}
	w->entries++;
	return true;
}

bool
walk_spend(struct walk *w, uint64_t n)
{
	if (n > w->lim.total_bytes - w->total) {
		walk_stop(w);
		return false;
	}
	w->total += n;
	return walk_alive(w);
}

void
walk_name_add(struct walk_names *names, struct span name)
{
	if (name.n == 0 || names->n == WALK_NAMES)
		return;
	for (unsigned i = 0; i < names->n; i++)
		if (span_eq(names->s[i], name))
			return;
	names->s[names->n++] = name;
}

static void
name_clean(struct buf *out, struct span name)
{
	uint32_t cp;
	size_t n;

	if (name.n > NAME_BYTES)
		name = span_sub(name, name.n - NAME_BYTES, NAME_BYTES);
	for (size_t i = 0; i < name.n; i += n) {
		n = utf8_next(name, i, &cp);
		if (n == 0) {
			buf_puts(out, "\xef\xbf\xbd");
			n = 1;
		} else if (cp < 0x20 || cp == 0x7f) {
			buf_printf(out, "%%%02X", (unsigned)cp);
		} else {
			buf_put(out, name.p + i, n);
		}
	}
}

static void
report_name(struct walk *w, struct span name, struct walk_entry *e)
{
	struct buf b;
	int64_t began;

	buf_init(&b, NAME_CLEAN_MAX);
	name_clean(&b, name);
	e->name = buf_cstr(&b);
	began = cpu_us();
	w->found(w->arg, e);
	w->cpu_end_us += cpu_us() - began;
	buf_free(&b);
}

void
walk_leaf(struct walk *w, const struct walk_names *names, unsigned depth,
    unsigned flags, const char *type, uint64_t size)
{
	struct walk_entry e = {.type = type, .depth = depth, .flags = flags,
	    .size = size, .content = w->content};

	w->flags |= flags;
	if (names->n == 0)
		report_name(w, span_str(""), &e);
	for (unsigned i = 0; i < names->n; i++) {
		struct span s = names->s[i];
		size_t nul = span_chr(s, 0, '\0');

		report_name(w, s, &e);
		/* Programs in C end the name there, others do not. */
		if (nul < s.n)
			report_name(w, span_sub(s, 0, nul), &e);
	}
}

uint16_t
walk_le16(struct span s, size_t off)
{
	if (s.n < 2 || off > s.n - 2)
		return 0;
	return (uint16_t)(s.p[off] | s.p[off + 1] << 8);
}

uint32_t
walk_le32(struct span s, size_t off)
{
	if (s.n < 4 || off > s.n - 4)
		return 0;
	return walk_le16(s, off) | (uint32_t)walk_le16(s, off + 2) << 16;
}

uint64_t
walk_le64(struct span s, size_t off)
{
	if (s.n < 8 || off > s.n - 8)
		return 0;
	return walk_le32(s, off) | (uint64_t)walk_le32(s, off + 4) << 32;
}
