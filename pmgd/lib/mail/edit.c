#include "lib/mail/edit.h"

#include <stdlib.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_header.h"
#include "lib/mail/edit_list.h"
#include "lib/mail/mime_header.h"
#include "lib/mail/utf8.h"

enum {
	FIELD_MAX = 1024 * 1024,	/* one field that we write */
	FILENAME_MAX_BYTES = 200,
};

/* --- the list ---------------------------------------------------------- */

struct edit *
edit_new(const struct mime *m, bool utf8, struct arena *a)
{
	struct edit *e = arena_alloc(a, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->m = m;
	e->a = a;
	e->utf8 = utf8;
	e->tail = &e->first;
	return e;
}

bool
edit_empty(const struct edit *e)
{
	for (const struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead)
			return false;
	return !e->failed;
}

struct span
edit_keep(struct edit *e, struct span text)
{
	char *copy = arena_strndup(e->a, text);

	if (copy == NULL) {
		e->failed = true;
		return span_of(NULL, 0);
	}
	return span_of(copy, text.n);
}

struct edit_splice *
edit_splice(struct edit *e, const struct mime_part *owner, size_t off,
    size_t end, enum edit_rank rank, struct span text)
{
	struct edit_splice *s = arena_alloc(e->a, sizeof(*s));

	if (s == NULL) {
		e->failed = true;
		return NULL;
	}
	*s = (struct edit_splice){.off = off, .end = end, .rank = rank,
	    .seq = e->nsplice++, .owner = owner, .text = text};
	*e->tail = s;
	e->tail = &s->next;
	return s;
}

/* --- header ------------------------------------------------------------ */

static struct span
header_of(const struct edit *e, const struct mime_part *p)
{
	return span_sub(e->m->msg, p->header_off,
	    p->header_end - p->header_off);
}

/* Length of the header's fields, without the empty line that ends them. */
static size_t
fields_len(struct span header)
{
	size_t n = header.n;

	if (n == 0 || header.p[n - 1] != '\n')
		return n;
	n -= n >= 2 && header.p[n - 2] == '\r' ? 2 : 1;
	return n == 0 || header.p[n - 1] == '\n' ? n : header.n;
}

struct field {
	size_t off, end;	/* in the message, with its last line end */
	struct span name;
};

/*
 * Next field of the header at *off. Walks the lines, not p->field: that list
 * is capped, and a field beyond the cap must not escape removal.
 */
static bool
field_next(const struct edit *e, const struct mime_part *p, size_t *off,
    struct field *f)
{
	struct span msg = e->m->msg;
	struct mime_line l;
	struct span text;

	for (f->name.n = 0; f->name.n == 0 && *off < p->header_end;
	    *off = l.next) {
		l = mime_line_at(msg, *off, p->header_end);
		text = mime_line_text(msg, &l);
		f->off = l.off;
		f->name = span_sub(text, 0, mime_field_name_len(text));
		if (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
			f->name.n = 0;
	}
	while (*off < p->header_end &&
	    (msg.p[*off] == ' ' || msg.p[*off] == '\t'))
		*off = mime_line_at(msg, *off, p->header_end).next;
	f->end = *off;
	return f->name.n > 0;
}

static struct edit_splice *
splice_at(const struct edit *e, size_t off, size_t end)
{
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->off == off && s->end == end)
			return s;
	return NULL;
}

/* What an earlier call set under that name. */
static struct edit_splice *
splice_set(const struct edit *e, const struct mime_part *p, const char *name)
{
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->field != NULL && s->owner == p &&
		    span_ieqs(span_str(s->field), name))
			return s;
	return NULL;
}

/* What a header is searched for. */
struct wanted {
	const char *name;
	bool prefix;
};

static bool
is_wanted(struct span name, const struct wanted *w)
{
	return w->prefix ? span_iprefix(name, w->name)
	    : span_ieqs(name, w->name);
}

/*
 * Removes p's wanted fields that are still there. Returns how many; the first
 * one's splice in *first_r.
 */
static int
fields_remove(struct edit *e, const struct mime_part *p,
    const struct wanted *w, struct edit_splice **first_r)
{
	const struct mime_part *owner = p->parent != NULL ? p : NULL;
	struct edit_splice **at = &e->fields;
	size_t off = p->header_off;
	struct field f;
	int n = 0;

	*first_r = NULL;
	while (field_next(e, p, &off, &f)) {
		struct edit_splice *s;

		if (!is_wanted(f.name, w))
			continue;
		while (*at != NULL && ((*at)->off < f.off ||
		    ((*at)->off == f.off && (*at)->dead)))
			at = &(*at)->next_field;
		if (*at != NULL && (*at)->off == f.off)
			continue;
		s = edit_splice(e, owner, f.off, f.end, EDIT_FIELD,
		    span_of(NULL, 0));
		if (s == NULL)
			break;
		s->next_field = *at;
		*at = s;
		if (n++ == 0)
			*first_r = s;
	}
	return n;
}

void
edit_end_header(struct edit *e, const struct mime_part *p)
{
	struct span header = header_of(e, p);
	size_t at = p->header_end;

	if (fields_len(header) < header.n)
		return;
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->rank == EDIT_BLANK_LINE && s->off == at)
			return;
	edit_splice(e, p->parent != NULL ? p : NULL, at, at, EDIT_BLANK_LINE,
	    SPAN_LIT("\r\n"));
}

/* Behind p's last field. */
static struct edit_splice *
field_append(struct edit *e, const struct mime_part *p, struct span text)
{
	const struct mime_part *owner = p->parent != NULL ? p : NULL;
	struct span header = header_of(e, p);
	size_t n = fields_len(header);
	size_t at = p->header_off + n;

	if (n > 0 && header.p[n - 1] != '\n' && splice_at(e, at, at) == NULL)
		edit_splice(e, owner, at, at, EDIT_EOL, SPAN_LIT("\r\n"));
	if (p->body_off < p->body_end)
		edit_end_header(e, p);
	return edit_splice(e, owner, at, at, EDIT_FIELD, text);
}

/*
 * A message that begins with a blank: under a field of ours that line would
 * continue it, and its sender would say what the field says.
 */
static void
orphan_name(struct edit *e)
{
	struct span header = header_of(e, e->m->part[0]);

	if (header.n == 0 || (header.p[0] != ' ' && header.p[0] != '\t'))
		return;
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->rank == EDIT_ORPHAN)
			return;
	edit_splice(e, NULL, 0, 0, EDIT_ORPHAN, SPAN_LIT("X-PMG-Orphan:"));
}

/* On top of the message: above all that may be signed, and whatever odd lines
 * the header has. */
static struct edit_splice *
field_prepend(struct edit *e, struct span text)
{
	const struct mime_part *top = e->m->part[0];

	if (top->body_off < top->body_end)
		edit_end_header(e, top);
	orphan_name(e);
	return edit_splice(e, NULL, 0, 0, EDIT_FIELD, text);
}

static int
field_text(struct edit *e, const char *name, const char *value,
    struct span *text_r, struct err *err)
{
	AUTO_BUF struct buf b = {.max = FIELD_MAX};

	if (header_put(&b, name, span_str(value), e->utf8, err) == -1)
		return -1;
	if (b.overflow)
		return err_set(err, "header field %.100s is too long", name);
	*text_r = edit_keep(e, buf_span(&b));
	return 0;
}

int
edit_header_add(struct edit *e, const char *name, const char *value,
    struct err *err)
{
	struct span text;

	if (field_text(e, name, value, &text, err) == -1)
		return -1;
	field_prepend(e, text);
	return 0;
}

int
edit_header_remove(struct edit *e, const char *name)
{
	struct edit_splice *first;
	struct edit_splice *set = splice_set(e, NULL, name);
	int n = fields_remove(e, e->m->part[0],
	    &(struct wanted){.name = name}, &first);

	if (set == NULL)
		return n;
	/* The range it replaced stays removed. */
	set->field = NULL;
	set->text = span_of(NULL, 0);
	return n + 1;
}

int
edit_header_remove_prefix(struct edit *e, const char *prefix)
{
	struct edit_splice *first;

	return fields_remove(e, e->m->part[0],
	    &(struct wanted){.name = prefix, .prefix = true}, &first);
}

/* on_top: where a field goes that p does not have yet; p is the message. */
static int
field_set(struct edit *e, const struct mime_part *p, const char *name,
    const char *value, bool on_top, struct err *err)
{
	const struct mime_part *owner = p->parent != NULL ? p : NULL;
	struct edit_splice *s = splice_set(e, owner, name);
	struct edit_splice *first;
	struct span text;

	if (field_text(e, name, value, &text, err) == -1)
		return -1;
	if (s == NULL) {
		fields_remove(e, p, &(struct wanted){.name = name}, &first);
		s = first != NULL ? first
		    : on_top ? field_prepend(e, span_of(NULL, 0))
		             : field_append(e, p, span_of(NULL, 0));
	}
	if (s == NULL)
		return 0;	/* arena full: noted */
	s->text = text;
	s->field = arena_strdup(e->a, name);
	if (s->field == NULL)
		e->failed = true;
	return 0;
}

int
edit_field_set(struct edit *e, const struct mime_part *p, const char *name,
    const char *value, struct err *err)
{
	return field_set(e, p, name, value, false, err);
}

int
edit_header_set(struct edit *e, const char *name, const char *value,
    struct err *err)
{
	return field_set(e, e->m->part[0], name, value, true, err);
}

/* --- parts ------------------------------------------------------------- */

static bool
is_inside(const struct mime_part *p, const struct mime_part *ancestor)
{
	while (p != NULL && p != ancestor)
		p = p->parent;
	return p != NULL;
}

bool
edit_part_replaced(const struct edit *e, const struct mime_part *p)
{
	for (const struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead && s->owner != NULL && s->body == NULL &&
		    s->rank == EDIT_BODY && is_inside(p, s->owner))
			return true;
	return false;
}

bool
edit_body_needs_eol(const struct edit *e, const struct mime_part *p)
{
	struct span msg = e->m->msg;

	return p->body_end < msg.n && msg.p[p->body_end] != '\n' &&
	    msg.p[p->body_end] != '\r';
}

/*
 * A file name as a parameter: as it is when it is plain, else RFC 2231. Paths,
 * quotes and control characters have no place in it.
 */
static void
put_filename(struct buf *out, const char *filename)
{
	struct span s = span_sub(span_str(filename), 0, FILENAME_MAX_BYTES);
	bool plain = true;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] >= 0x7f || s.p[i] == '"' ||
		    s.p[i] == '\\')
			plain = false;
	if (plain) {
		buf_puts(out, ";\r\n filename=\"");
		buf_puts_span(out, s);
		buf_putc(out, '"');
		return;
	}
	while (s.n > 0 && !utf8_valid(s))
		s.n--;
	buf_puts(out, ";\r\n filename*=utf-8''");
	for (size_t i = 0; i < s.n; i++) {
		if (encode_q_is_safe(s.p[i]) && s.p[i] != ' ' &&
		    s.p[i] != '*' && s.p[i] != '/')
			buf_putc(out, s.p[i]);
		else
			buf_printf(out, "%%%02X", s.p[i]);
	}
}

/* A part with this text; the header without what only a root part has. */
static void
put_text_part(struct buf *out, const char *filename, bool html)
{
	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n",
	    html ? "html" : "plain");
	if (filename == NULL || *filename == '\0')
		return;
	buf_printf(out, "Content-Disposition: %s", html ? "inline"
	    : "attachment");
	put_filename(out, filename);
	buf_puts(out, "\r\n");
}

/* A message, the whole or one that is attached: its header says more than what
 * its body is. */
static bool
is_message(const struct mime_part *p)
{
	return p->parent == NULL || strcmp(p->parent->type, "message") == 0;
}

/* Every Content-* field of a message goes, for the new ones. */
static void
message_header_replace(struct edit *e, const struct mime_part *p,
    struct span fields)
{
	const struct mime_part *owner = p->parent != NULL ? p : NULL;
	struct edit_splice *first;

	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (s->field != NULL && s->owner == owner &&
		    span_iprefix(span_str(s->field), "Content-"))
			s->dead = true;
	fields_remove(e, p, &(struct wanted){"Content-", true}, &first);
	if (mime_field_find(p, "MIME-Version") == NULL)
		edit_field_set(e, p, "MIME-Version", "1.0", NULL);
	field_append(e, p, fields);
}

/* Edits inside of p have nothing left to work on. */
static void
forget_inside(struct edit *e, const struct mime_part *p)
{
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (s->owner != NULL && is_inside(s->owner, p))
			s->dead = true;
}

void
edit_part_replace(struct edit *e, const struct mime_part *p,
    const char *filename, const char *text, bool html)
{
	size_t n = strlen(text);
	AUTO_BUF struct buf header = {.max = 4096};
	AUTO_BUF struct buf body = {.max = n * 4 + 4096};

	forget_inside(e, p);
	put_text_part(&header, p->parent == NULL ? NULL : filename, html);
	encode_qp(&body, span_of(text, n));
	if (is_message(p)) {
		message_header_replace(e, p, edit_keep(e, buf_span(&header)));
		edit_end_header(e, p);
		if (p->parent == NULL || edit_body_needs_eol(e, p))
			buf_puts(&body, "\r\n");
		edit_splice(e, p, p->body_off, p->parent == NULL
		    ? e->m->msg.n : p->body_end, EDIT_BODY,
		    edit_keep(e, buf_span(&body)));
		return;
	}
	header.max += body.n + 8;
	buf_puts(&header, "\r\n");
	buf_puts_span(&header, buf_span(&body));
	if (edit_body_needs_eol(e, p))
		buf_puts(&header, "\r\n");
	edit_splice(e, p, p->header_off, p->body_end, EDIT_BODY,
	    edit_keep(e, buf_span(&header)));
}

/* --- writing ----------------------------------------------------------- */

/* By place; at one place insertions first, then the widest range. */
static int
splice_order(const void *left, const void *right)
{
	const struct edit_splice *a = *(const struct edit_splice *const *)left;
	const struct edit_splice *b = *(const struct edit_splice *const *)right;
	bool a_wide = a->end > a->off, b_wide = b->end > b->off;

	if (a->off != b->off)
		return a->off < b->off ? -1 : 1;
	if (a_wide != b_wide)
		return a_wide ? 1 : -1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

/* False when the line that had no end was removed meanwhile. */
static bool
is_unfinished(const struct buf *out, size_t start)
{
	return out->n > start && out->p[out->n - 1] != '\n';
}

void
edit_write(const struct edit *e, struct buf *out)
{
	AUTO_FREE struct edit_splice **sorted = xcalloc(e->nsplice + 1,
	    sizeof(*sorted));
	size_t n = 0, pos = 0, start = out->n;

	if (e->failed) {
		out->overflow = true;
		return;
	}
	for (struct edit_splice *s = e->first; s != NULL; s = s->next)
		if (!s->dead)
			sorted[n++] = s;
	qsort(sorted, n, sizeof(struct edit_splice *), splice_order);
	for (size_t i = 0; i < n; i++) {
		const struct edit_splice *s = sorted[i];

		/* Inside of what was replaced as a whole. */
		if (s->off < pos)
			continue;
		buf_puts_span(out, span_sub(e->m->msg, pos, s->off - pos));
		if (s->body != NULL)
			edit_body_write(e, s->body, out);
		else if (s->rank != EDIT_EOL || is_unfinished(out, start))
			buf_puts_span(out, s->text);
		pos = s->end;
	}
	buf_puts_span(out, span_sub(e->m->msg, pos, e->m->msg.n));
}
