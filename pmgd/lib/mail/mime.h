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
	size_t depth;		/* nested multiparts and message/rfc822 (30);
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
};

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
	 * would show stand in alt_name. */
	const char *filename;
	const char **alt_name;
	size_t nalt_name;
	enum cte cte;
	uint32_t defects;
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

#endif
