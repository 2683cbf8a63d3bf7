/*
 * The header of one part: fields by offsets, and what its Content-* fields
 * say. Only used inside lib/mail (mime.c).
 */
#ifndef PMG_MAIL_MIME_HEADER_H
#define PMG_MAIL_MIME_HEADER_H

#include <stdbool.h>
#include "lib/mail/mime.h"

/* One line of the message. */
struct mime_line {
	size_t off;
	size_t end;		/* without the line end */
	size_t next;		/* behind it */
};

/* The line at off (off < msg.n), at most up to `stop`. */
struct mime_line mime_line_at(struct span msg, size_t off, size_t stop);

static inline struct span
mime_line_text(struct span msg, const struct mime_line *l)
{
	return span_of(msg.p + l->off, l->end - l->off);
}

/* Length of the name when line begins a field (no blanks), else 0. */
size_t mime_field_name_len(struct span line);

/* What the header says beside its first Content-Type, for the defects that
 * only the body can confirm. */
enum mime_hint {
	HINT_MULTIPART	= 1u << 0,	/* some Content-Type is a multipart */
	HINT_MIXED_TYPE	= 1u << 1,	/* and another one is not */
	HINT_BOUNDARY	= 1u << 2,	/* some Content-Type has a boundary */
	HINT_FOREIGN	= 1u << 3,	/* the body has a line of dashes that is
					 * no delimiter, then a header of a
					 * file */
};

/* A field that is worth reading on for behind a line that is none. */
bool mime_field_is_known(struct span line);
/* Whether boundary (blanks around it aside) stands in the header's text as a parameter's value does:
 * behind "=" or a quote. */
bool mime_header_declares(struct span header, struct span boundary);

enum { MIME_BOUNDARIES = 6 };	/* readings of one boundary parameter */

struct mime_boundaries {
	struct span b[MIME_BOUNDARIES];
	size_t n;
	bool multipart;		/* some Content-Type of the part says so */
};

/* Fills p->field from the header's lines in [p->header_off, stop). */
void mime_header_fields(struct mime_part *p, struct span msg, size_t stop,
    const struct mime_limits *lim, struct arena *a);
/*
 * Fills type, subtype, charset, boundary, disposition, filename, alt_name and
 * cte from p->field. digest: the part's default type is message/rfc822.
 */
void mime_header_content(struct mime_part *p, struct span msg, bool digest,
    struct mime_boundaries *b, struct arena *a);
/*
 * Encodings that the header's bytes name anywhere, in whatever disguise: bit i
 * stands for enum cte i.
 */
unsigned mime_header_encodings(const struct mime_part *p, struct span msg);
/* Adds a name that only the body tells (uuencode). */
void mime_header_add_name(struct mime_part *p, struct span name,
    struct arena *a);

#endif
