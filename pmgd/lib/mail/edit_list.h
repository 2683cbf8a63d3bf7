/*
 * The edit list itself: replacements of byte ranges of the message, sorted
 * when written. Only edit.c and edit_*.c include this.
 */
#ifndef PMG_MAIL_EDIT_LIST_H
#define PMG_MAIL_EDIT_LIST_H

#include "lib/mail/edit.h"

/* Order of what is inserted at one offset. */
enum edit_rank {
	EDIT_EOL,		/* ends an unfinished header line */
	EDIT_FIELD,
	EDIT_ORPHAN,		/* a name for a line that continues nothing */
	EDIT_BLANK_LINE,	/* ends a header that nothing ended */
	EDIT_BODY,
};

/* Text that is put at one end of a body, in whole lines. */
struct edit_addition {
	struct edit_addition *next;
	bool at_start;
	struct span text;	/* UTF-8 */
	struct span ascii;	/* the same in ASCII; empty = there is none */
};

/* A body that is decoded, changed and encoded again when written. */
struct edit_body {
	const struct mime_part *p;
	enum cte cte;		/* what it is written in */
	bool to_utf8;		/* its own charset cannot hold all of it */
	struct edit_addition *first;	/* in the order of the calls */
};

/* Bytes [off, end) become text, or the changed body. */
struct edit_splice {
	struct edit_splice *next;
	struct edit_splice *next_field;	/* in edit.fields */
	size_t off, end;
	enum edit_rank rank;
	size_t seq;
	bool dead;
	/* Part whose structure this belongs to; NULL: field of the message. */
	const struct mime_part *owner;
	const char *field;	/* name, when it is a field that was set */
	struct span text;
	struct edit_body *body;
};

struct edit {
	const struct mime *m;
	struct arena *a;
	bool utf8;
	bool failed;		/* the arena was full: nothing may be written */
	struct edit_splice *first;
	struct edit_splice **tail;
	size_t nsplice;
	/* Fields that were removed or replaced, by offset: one walk over a
	 * header meets them in step. */
	struct edit_splice *fields;
};

/* NULL when the arena is full; the edit list has then failed. */
struct edit_splice *edit_splice(struct edit *e, const struct mime_part *owner,
    size_t off, size_t end, enum edit_rank rank, struct span text);
/* A copy in the arena; an empty span, and `failed`, when it is full. */
struct span edit_keep(struct edit *e, struct span text);
/* Something follows p's header: make sure that an empty line ends it. */
void edit_end_header(struct edit *e, const struct mime_part *p);
/* Sets a field of a part's header as edit_header_set() does. */
int edit_field_set(struct edit *e, const struct mime_part *p,
    const char *name, const char *value, struct err *err);
/* Whether a line end must follow a new body, so that the delimiter behind
 * it stays one. */
bool edit_body_needs_eol(const struct edit *e, const struct mime_part *p);
/*
 * Puts text at one end of p's body (edit_body.c). False: no charset or no
 * encoding is known in which both can stand; nothing is changed then.
 */
bool edit_body_add(struct edit *e, const struct mime_part *p,
    const struct edit_addition *text);
/* Lines of p may be joined by whoever shows it (RFC 3676). */
bool edit_body_flows(const struct mime_part *p);
/* Appends the changed body, encoded. */
void edit_body_write(const struct edit *e, const struct edit_body *b,
    struct buf *out);

#endif
