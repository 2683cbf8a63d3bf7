#include "filter/inside.h"

#include <string.h>
#include "filter/filter.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/mail/content.h"

enum {
	/* The engine's own parser does not find every content: viruses need
	 * them as much as names and types do. */
	INSIDE_NEEDS = NEED_VIRUS | NEED_CONTENT | NEED_ARCHIVE | NEED_LIMITS,
	/* Decoded bytes of one message, whatever clamav.maxscansize says: the
	 * worker's address space has to hold them twice while they grow. */
	BYTES_MAX = 512 * 1024 * 1024,
	NAME_SHOWN = 100,	/* bytes of a name in a note */
};

/* ---- which contents the scanner gets ---- */

/*
 * All but texts are scanned on their own, too: where the engine's own MIME
 * parser goes another way, it would not see them. Those that it does see cost
 * no second scan (inspect.c).
 */
static uint8_t
wanted_for(const struct message *m, unsigned needs, const struct content *c,
    struct span bytes)
{
	uint8_t flags = 0;

	if (c->unseen || m->facts.ambiguous ||
	    !facts_is_text(m->mime, c, bytes))
		flags |= SCAN_OBJECT_SCAN;
	if ((needs & (NEED_ARCHIVE | NEED_LIMITS)) &&
	    facts_may_hold_more(m->mime, c, bytes))
		flags |= SCAN_OBJECT_LIST;
	return c->n > 0 ? flags : 0;
}

static const char *
hint_of(const struct message *m, const struct content *c)
{
	const char *name = facts_name(m->mime, c);
	size_t n = strlen(name);

	return n > SCAN_HINT_MAX ? name + n - SCAN_HINT_MAX : name;
}

static int
put_object(struct message *m, struct inside_objects *o, uint8_t flags,
    const struct content *c, struct span bytes, struct err *e)
{
	if (o->n == SCAN_OBJECTS_MAX) {
		m->facts.limits = true;
		return 0;
	}
	o->object[o->n++] = (struct scan_object){.part = (uint32_t)c->part,
		.flags = flags, .off = o->file.size, .len = c->n,
		.name = hint_of(m, c)};
	return spool_write(&o->file, span_sub(bytes, c->off, c->n), e);
}

static int
put_objects(struct worker *w, struct message *m, unsigned needs,
    const struct content_list *list, struct span bytes,
    struct inside_objects *o, struct err *e)
{
	size_t max = list->n < SCAN_OBJECTS_MAX ? list->n : SCAN_OBJECTS_MAX;

	for (size_t i = 0; i < list->n; i++) {
		uint8_t flags = wanted_for(m, needs, &list->item[i], bytes);

		if (flags == 0)
			continue;
		if (o->object == NULL) {
			o->object = arena_array(&m->arena, max,
			    sizeof(*o->object));
			if (o->object == NULL)
				return err_set(e, "no memory for attachments");
			if (spool_open(&o->file, w->paths->active, e) != 0)
				return -1;
		}
		if (put_object(m, o, flags, &list->item[i], bytes, e) != 0)
			return -1;
	}
	return o->n > 0 ? spool_seal(&o->file, e) : 0;
}

int
inside_prepare(struct worker *w, struct message *m, unsigned needs,
    struct inside_objects *o, struct err *e)
{
	int64_t max = config_int(w->config, "clamav", "maxscansize");
	AUTO_BUF struct buf bytes = {.max = (size_t)(max < BYTES_MAX ? max
	    : BYTES_MAX)};
	struct content_list list = {.n = 0};
	bool decode = (needs & INSIDE_NEEDS) && facts_need_content(m->mime);

	*o = (struct inside_objects){.file = SPOOL_FILE_NONE};
	m->facts.mime = m->mime;
	if (decode)
		list = content_of(m->mime, &bytes, &m->arena);
	m->content_defects = facts_unclear(m->mime, &list);
	if (!facts_from_content(&m->facts, decode ? &list : NULL,
	    buf_span(&bytes), &m->arena))
		return err_set(e, "no memory for attachments");
	if (bytes.overflow)
		m->facts.limits = true;
	return put_objects(w, m, needs, &list, buf_span(&bytes), o, e);
}

void
inside_close(struct inside_objects *o)
{
	spool_close(&o->file);
}

/* ---- what came back ---- */

static unsigned
inside_flags(unsigned found)
{
	return (found & SCAN_FOUND_ENCRYPTED ? INSIDE_ENCRYPTED : 0) |
	    (found & SCAN_FOUND_UNREADABLE ? INSIDE_UNREADABLE : 0) |
	    (found & SCAN_FOUND_MACROS ? INSIDE_MACROS : 0);
}

/* Behind what the bytes alone told. */
static void
add_found(struct message *m)
{
	const struct scan_reply *r = &m->scan;
	struct facts *f = &m->facts;
	struct inside *all = arena_array(&m->arena, f->ninside + r->nfound,
	    sizeof(*all));

	if (all == NULL)
		return;		/* filter_message() looks at the arena */
	if (f->ninside > 0)
		memcpy(all, f->inside, f->ninside * sizeof(*all));
	for (size_t i = 0; i < r->nfound; i++) {
		const struct scan_found *s = &r->found[i];

		if (s->part >= m->mime->npart)
			fatal("pmgd-scan broke the protocol");
		all[f->ninside++] = (struct inside){.part = s->part,
			.depth = s->depth, .flags = inside_flags(s->flags),
			.name = s->name, .type = s->type};
	}
	f->inside = all;
}

/* A blank between reasons. */
static void
add_reason(struct buf *b, struct span text)
{
	if (b->n > 0)
		buf_putc(b, ' ');
	buf_puts_span(b, text);
}

/* Of the heuristics only those that are about limits. */
static void
add_engine_limits(struct buf *b, const char *heuristics)
{
	struct span all = span_str(heuristics);
	size_t before = b->n, end;

	for (size_t i = 0; i < all.n; i = end + 1) {
		struct span name;

		end = span_chr(all, i, ',');
		name = span_sub(all, i, end - i);
		if (span_iprefix(name, "Heuristics.Limits."))
			add_reason(b, name);
	}
	if (b->n == before)
		add_reason(b, SPAN_LIT("virus-scanner"));
}

static void
note_limits(struct message *m)
{
	AUTO_BUF struct buf b = {.max = 2048};
	uint8_t limits = m->scanned ? m->scan.limits : 0;

	facts_defects(&b, m->content_defects & ~(uint32_t)MIME_AMBIGUOUS);
	if (limits & SCAN_LIMIT_ENGINE)
		add_engine_limits(&b, m->scan.heuristics);
	if (limits & SCAN_LIMIT_WALK)
		add_reason(&b, SPAN_LIT("archives"));
	if (limits & SCAN_LIMIT_CUT)
		add_reason(&b, SPAN_LIT("names-in-archives"));
	if (b.n == 0)
		add_reason(&b, SPAN_LIT("contents"));
	message_note(m, "not checked whole, limits exceeded: %s",
	    buf_cstr(&b));
	log_info("limits exceeded: %s", buf_cstr(&b));
}

static void
note_ambiguous(struct message *m)
{
	AUTO_BUF struct buf b = {.max = 1024};

	facts_defects(&b, m->content_defects & MIME_AMBIGUOUS);
	message_note(m, "mail programs read it differently: %s",
	    buf_cstr(&b));
	log_info("ambiguous: %s", buf_cstr(&b));
}

static void
note_virus(struct message *m)
{
	AUTO_BUF struct buf b = {.max = 8 * NAME_SHOWN};
	const struct mime_part *p;

	if (m->scan.result != SCAN_VIRUS || m->scan.where == SCAN_NO_PART)
		return;
	if (m->scan.where >= m->mime->npart)
		fatal("pmgd-scan broke the protocol");
	p = m->mime->part[m->scan.where];
	log_safe(&b, span_str(p->filename != NULL ? p->filename : ""),
	    NAME_SHOWN);
	message_note(m, "virus %s in the decoded part %u%s%s", m->scan.name,
	    m->scan.where, b.n > 0 ? ": " : "", buf_cstr(&b));
}

void
inside_finish(struct message *m)
{
	if (m->scanned) {
		add_found(m);
		note_virus(m);
	}
	if (m->scanned && m->scan.limits != 0)
		m->facts.limits = true;
	if (m->facts.ambiguous)
		note_ambiguous(m);
	if (m->facts.limits)
		note_limits(m);
}
