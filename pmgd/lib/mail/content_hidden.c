#include "lib/mail/content_walk.h"

#include "lib/mail/mime_header.h"

/*
 * A header of a part, beginning with a Content- field, where the structure has
 * none: behind a boundary that only some clients know, in a preamble, behind
 * an empty line. What begins there is read as a message.
 */
struct finder {
	struct span in;
	struct span dashes;	/* the word of the line of dashes before */
	bool have_dashes;
};

static bool
is_blank(struct span line)
{
	return span_trim(line).n == 0;
}

static bool
starts_field(struct span text)
{
	size_t i = 0;

	while (i < text.n && text.p[i] <= ' ')
		i++;
	text = span_sub(text, i, text.n);
	return span_iprefix(text, "content-") && mime_field_name_len(text) > 0;
}

static bool
is_dashes(struct span text)
{
	return text.n >= 2 && text.p[0] == '-' && text.p[1] == '-';
}

/* Up to the first blank or control: some clients stop there. */
static struct span
first_word(struct span text)
{
	size_t n = 2;

	while (n < text.n && text.p[n] > ' ')
		n++;
	return span_sub(text, 0, n);
}

/* A line that ends the part that began behind f->dashes. */
static bool
ends_part(const struct finder *f, struct span text)
{
	if (!is_dashes(text))
		return false;
	if (!f->have_dashes)
		return true;
	return text.n >= f->dashes.n &&
	    memcmp(text.p, f->dashes.p, f->dashes.n) == 0;
}

/* Offset of the line that ends the part whose header starts at off. */
static size_t
part_end(const struct finder *f, size_t off)
{
	bool header = true;
	bool multipart = false;

	while (off < f->in.n) {
		struct mime_line l = mime_line_at(f->in, off, f->in.n);
		struct span text = mime_line_text(f->in, &l);

		if (header && is_blank(text))
			header = false;
		else if (header && span_find(text, 0, SPAN_LIT("oundary")) !=
		    SIZE_MAX)
			multipart = true;
		if (ends_part(f, text) && (f->have_dashes || !multipart))
			return off;
		off = l.next;
	}
	return off;
}

static void
find(struct walk *w, size_t from, size_t to)
{
	struct finder f = {.in = span_sub(w->m->msg, 0, to)};
	size_t off = from;

	while (off < to) {
		struct mime_line l = mime_line_at(f.in, off, to);
		struct span text = mime_line_text(f.in, &l);
		size_t end;

		if (is_dashes(text)) {
			f.dashes = first_word(text);
			f.have_dashes = true;
		} else if (starts_field(text)) {
			end = part_end(&f, off);
			walk_message_later(w,
			    span_sub(f.in, off, end - off), false);
			l.next = end;
			f.have_dashes = false;
		} else if (!is_blank(text)) {
			f.have_dashes = false;
		}
		off = l.next;
	}
}

void
content_hidden(struct walk *w, const struct mime_part *p)
{
	const struct mime_part *last = p->child;

	if ((p->defects & MIME_HIDDEN_FIELD) == 0)
		return;
	if (p->child == NULL) {
		find(w, p->body_off, p->body_end);
		return;
	}
	while (last->next != NULL)
		last = last->next;
	find(w, p->body_off, p->child->header_off);
	find(w, last->body_end, p->body_end);
}
