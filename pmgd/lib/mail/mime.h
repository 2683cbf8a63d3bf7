/*
 * MIME structure of a message by offsets (RFC 5322, 2045-2047, 2231, 2183).
 *
 * Parses bytes, never fails: what is wrong or ambiguous becomes a defect bit
 * of the part and of the message. Nothing is copied but decoded header values
 * that rules need; everything lives in the caller's arena. No I/O, no clock,
 * no globals, no recursion on input depth. Line ends: CRLF or bare LF are
 * both understood (a bare one is a defect).
 */
#ifndef PMG_MAIL_MIME_H
#define PMG_MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/span.h"

/* Caps. Going past one sets the bit MIME_LIMIT_* and stops descending. */
struct mime_limits {
	size_t depth;		/* nested multiparts and message/rfc822 (100);
				 * MIME_DEPTH_MAX at most */
	size_t parts;		/* parts of the whole message (1000) */
	size_t header_fields;	/* fields of one part (1000) */
	size_t header_bytes;	/* bytes of one part's header (1 MiB) */
	size_t arena_bytes;	/* (16 MiB) */
};
extern const struct mime_limits mime_limits_default;
/* A delimiter line is compared with every open boundary: never too many. */
enum { MIME_DEPTH_MAX = 1000 };

enum mime_defect {
	MIME_LIMIT_DEPTH	= 1u << 0,
	MIME_LIMIT_PARTS	= 1u << 1,
	MIME_LIMIT_HEADER	= 1u << 2,
	MIME_LIMIT_MEMORY	= 1u << 3,
	MIME_BARE_LF		= 1u << 4,
	MIME_BARE_CR		= 1u << 5,
	MIME_NUL		= 1u << 6,
	MIME_BAD_FIELD		= 1u << 7,	/* line in header without colon,
						 * or blanks before it */
	MIME_NO_BOUNDARY	= 1u << 8,	/* multipart without parameter */
	MIME_MISSING_END	= 1u << 9,	/* closing delimiter absent */
	MIME_DUP_TYPE		= 1u << 10,	/* two Content-Type */
	MIME_DUP_ENCODING	= 1u << 11,	/* two Content-Transfer-Encoding */
	MIME_DUP_PARAM		= 1u << 12,	/* parameter given twice */
	MIME_BAD_ENCODING	= 1u << 13,	/* unknown C-T-E, or illegal there */
	MIME_BAD_BASE64		= 1u << 14,
	MIME_BAD_QP		= 1u << 15,
	MIME_8BIT_HEADER	= 1u << 16,
	MIME_BAD_TYPE		= 1u << 17,	/* Content-Type not parsable */
	MIME_BAD_PARAM		= 1u << 18,	/* parameter with several readings */
	MIME_ODD_DELIMITER	= 1u << 19,	/* delimiter with text behind it, or
						 * behind the closing one */
	MIME_DUP_DISPOSITION	= 1u << 20,	/* two Content-Disposition */
	MIME_ODD_BASE64		= 1u << 21,	/* valid, but groups go on in the
						 * next line, or an empty line
						 * stands within */
	MIME_HIDDEN_FIELD	= 1u << 22,	/* a Content- field outside of
						 * every header: a bounce that
						 * quotes a mail, or a part that
						 * only some clients see */
	/*
	 * Below: clients differ about what the message contains, and by how it
	 * is written that looks made. A mailer that is merely sloppy must not
	 * get one; each says what it takes besides.
	 */
	MIME_AMBIG_BOUNDARY	= 1u << 23,	/* two readings of a boundary
						 * parameter both delimit; the
						 * boundary of a multipart comes
						 * back after an outer one ended
						 * it; or the declared one does
						 * not occur and another one
						 * delimits files; text alone is
						 * what broken list software
						 * makes */
	MIME_AMBIG_TYPE		= 1u << 24,	/* no multipart for all clients,
						 * but with delimited files in
						 * it: two Content-Type of both
						 * kinds, or one that is no
						 * multipart/... and yet has a
						 * boundary */
	MIME_AMBIG_ENCODING	= 1u << 25,	/* two encodings that both hide
						 * content (base64, quoted-
						 * printable, uuencode) named for
						 * one part, or the name of one
						 * in a disguise: comment inside,
						 * backslash, RFC 2047 */
	MIME_AMBIG_HEADER	= 1u << 26,	/* a Content- field behind a bare
						 * CR within another field, or a
						 * NUL in a Content- field */
	MIME_PARTIAL		= 1u << 27,	/* message/partial: the rest is
						 * in other mails */
};

/* What a careful policy holds for: mails of which nobody can say what the
 * recipient will see. */
#define MIME_AMBIGUOUS							\
	((uint32_t)(MIME_AMBIG_BOUNDARY | MIME_AMBIG_TYPE |		\
	    MIME_AMBIG_ENCODING | MIME_AMBIG_HEADER | MIME_PARTIAL))

enum cte { CTE_7BIT, CTE_8BIT, CTE_BINARY, CTE_BASE64, CTE_QP, CTE_UUENCODE,
	CTE_UNKNOWN };

/* One header field. Offsets are into the message. */
struct mime_field {
	size_t off;		/* first byte of the name */
	size_t end;		/* behind the field's last line end */
	struct span name;	/* without colon and blanks before it */
	struct span value;	/* raw, behind the colon, folded, no last EOL */
};

struct mime_part {
	struct mime_part *parent;
	struct mime_part *child;	/* first; NULL = leaf */
	struct mime_part *next;		/* sibling */
	size_t index;			/* in struct mime.part: the mark's bit */
	size_t depth;
	size_t header_off, header_end;	/* header_end: behind the empty line */
	size_t body_off, body_end;	/* undecoded body, without the line end
					 * that belongs to the delimiter */
	struct mime_field *field;
	size_t nfield;
	/* Lower case, defaults of RFC 2045 5.2 filled in: never NULL. */
	const char *type;		/* "text" */
	const char *subtype;		/* "plain" */
	const char *charset;		/* "" = none given */
	const char *boundary;		/* NULL = none */
	const char *disposition;	/* "attachment", "inline", "" */
	/* Decoded to UTF-8 (RFC 2231, 2047); Content-Disposition filename,
	 * else Content-Type name; NULL = none. Further names that some client
	 * would show stand in alt_name, also where there is none of those:
	 * out of Content-Location, Content-Description. */
	const char *filename;
	const char **alt_name;
	size_t nalt_name;
	enum cte cte;
	uint32_t defects;
	unsigned hints;			/* of lib/mail itself: mime_header.h */
};

struct mime {
	struct span msg;		/* the whole message, caller's */
	struct mime_part **part;	/* in document order; [0] = the message */
	size_t npart;
	uint32_t defects;		/* union over the parts */
};

/* Never NULL; with an arena too small even for one part it is fatal(). */
struct mime *mime_parse(struct span msg, const struct mime_limits *lim,
    struct arena *a);

/*
 * The same by another reading of the structure: mime_parse() takes every
 * reading of a boundary for a delimiter, the outer of two boundaries, and
 * a line that only begins like a delimiter.
 */
struct mime_reading {
	size_t boundary;	/* only this one of several, from 1; 0 = all */
	bool inner_first;	/* an outer delimiter counts only when the
				 * inner multipart has ended */
	bool exact;		/* a delimiter is a whole line */
};
struct mime *mime_parse_reading(struct span msg, const struct mime_limits *lim,
    const struct mime_reading *reading, struct arena *a);

/* First field of that name (ASCII case-insensitive) of a part, or NULL. */
const struct mime_field *mime_field_find(const struct mime_part *p,
    const char *name);
/* Field value unfolded, RFC 2047-decoded, as UTF-8; "" on arena exhaustion. */
const char *mime_field_text(const struct mime_field *f, struct arena *a);
/* Decodes the body (base64, quoted-printable, uuencode or as is) into out. */
struct buf;
void mime_body_decode(const struct mime *m, const struct mime_part *p,
    struct buf *out);
/* Name of a defect bit, e.g. "missing-end", for logs and events. */
const char *mime_defect_name(uint32_t bit);
/* Name of the first MIME_AMBIGUOUS bit in defects, NULL = none. */
const char *mime_ambiguity(uint32_t defects);

#endif
