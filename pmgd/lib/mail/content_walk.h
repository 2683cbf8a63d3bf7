/*
 * What the files of content_of() share: the walk over a message and the list
 * that it fills. Only used inside lib/mail.
 */
#ifndef PMG_MAIL_CONTENT_WALK_H
#define PMG_MAIL_CONTENT_WALK_H

#include "lib/mail/content.h"

/* What a parse did not get to, the list does not have. */
#define CONTENT_LIMITS							\
	((uint32_t)(MIME_LIMIT_DEPTH | MIME_LIMIT_PARTS |		\
	    MIME_LIMIT_HEADER | MIME_LIMIT_MEMORY))

/* A message within the content, still to be read. */
struct job {
	struct job *next;
	struct buf bytes;	/* its copy, if it is decoded content */
	struct span in;
	size_t part;
	unsigned level;
};

struct walk {
	const struct mime *m;	/* what is walked now */
	bool inside;		/* it is not the message itself, but in `part`
				 * of it */
	size_t part;
	unsigned level;
	struct content_list list;
	size_t cap;
	uint64_t *hash;		/* of each item that is not plain */
	size_t work;		/* left: CONTENT_WORK */
	struct buf *out;
	struct buf tmp;
	bool in_signed;
	unsigned html_level;	/* HTML in HTML */
	struct arena *a;
	struct job *first, **last;
};

/* content_list.c. False: no room for one more item, which is noted. */
bool walk_room(struct walk *w);

/* A reading that is being decoded into w->out. */
struct reading {
	size_t off;
	size_t max;	/* of w->out, restored by reading_end() */
};

/* False: no room, or no work of n input bytes left, which is noted. */
bool reading_begin(struct walk *w, struct reading *r, size_t n);
/*
 * Lists what was decoded since, with part, how, name, as, unseen of *it, whose
 * off and n are set. Bytes that the list has already are dropped. False:
 * nothing was listed.
 */
bool reading_end(struct walk *w, const struct reading *r, struct content *it);
/* The same for bytes that are in w->out already: it.off, it.n. */
bool walk_add(struct walk *w, struct content it);

/* To be parsed as a message of its own; in must stay where it is, or copy. */
void walk_message_later(struct walk *w, struct span in, bool copy);

/* The item of a part of w->m: part and `as`. */
struct content walk_item(const struct walk *w, const struct mime_part *p,
    enum content_how how);

/* w->tmp, empty, and not larger than what may still be done. */
static inline struct buf *
walk_tmp(struct walk *w)
{
	buf_reset(&w->tmp);
	w->tmp.max = w->out->max < w->work ? w->out->max : w->work;
	return &w->tmp;
}

static inline struct span
walk_body(const struct walk *w, const struct mime_part *p)
{
	return span_sub(w->m->msg, p->body_off, p->body_end - p->body_off);
}

/* content.c: all readings of a leaf of w->m. */
void content_leaf(struct walk *w, const struct mime_part *p);
/* content_odd.c: other readings of a leaf's encoding. */
void content_odd(struct walk *w, const struct mime_part *p);
/* content_inline.c: blocks and attachments within the bytes of an item. */
void content_inline(struct walk *w, struct content it);
/* content_property.c: files in a calendar or an address card. */
bool content_is_properties(struct span in);
void content_properties(struct walk *w, struct content it);
/* content_html.c: files in HTML and SVG. */
void content_html(struct walk *w, struct content it);
/* content_hidden.c: parts outside of the structure. */
void content_hidden(struct walk *w, const struct mime_part *p);

/* content_structure.c: parts that another reading of the structure has. */
void content_structures(struct walk *w, const struct mime *m);
/* The same where bare CR and NUL are taken in another way. */
void content_bytes(struct walk *w, const struct mime *m);
/* mime_parse() must have memory for one part, whatever comes. */
bool walk_parse_room(const struct walk *w);

#endif
