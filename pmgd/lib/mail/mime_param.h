/*
 * Parameters of Content-Type and Content-Disposition (RFC 2045, 2183, 2231),
 * with every reading that some mail client has. Only used inside lib/mail.
 *
 * A parameter that is written in an unusual way (text behind a quoted string,
 * segments out of order, given twice, RFC 2047 inside quotes, ...) is read
 * differently by different clients. A list of readings holds them all, the
 * most standard one first.
 */
#ifndef PMG_MAIL_MIME_PARAM_H
#define PMG_MAIL_MIME_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	PARAMS_MAX = 128,	/* interesting ones of one field */
	READINGS_MAX = 16,
	/* Longer values get no other readings than the standard one. */
	READING_ALT_BYTES = 2048,
};

enum param_name { PARAM_BOUNDARY, PARAM_CHARSET, PARAM_NAME, PARAM_FILENAME };

struct param {
	enum param_name name;
	int seq;		/* of name*SEQ, -1 = none */
	bool ext;		/* name*= or name*SEQ*=: percent-encoded */
	struct span raw;	/* up to the semicolon, quotes and folds kept */
};

struct params {
	struct param p[PARAMS_MAX];	/* past the end the last one changes */
	size_t n;
	uint32_t defects;	/* MIME_DUP_PARAM, MIME_BAD_PARAM */
};

/* All parameters of the four names in value at or behind off. */
void params_parse(struct params *ps, struct span value, size_t off);

struct readings {
	struct span r[READINGS_MAX];	/* in the arena, NUL behind each */
	size_t n;
	struct arena *a;
};

/* Readings of a parameter as text: UTF-8 on one line, without controls. */
void readings_text(struct readings *rs, const struct params *ps,
    enum param_name name);
/* The same as bytes: nothing but RFC 2231's own decoding. */
void readings_bytes(struct readings *rs, const struct params *ps,
    enum param_name name);

/* One more text reading, e.g. the name of a uuencoded file. */
void readings_add(struct readings *rs, struct span s);

/* The content of the quoted string at the start, or the first word. */
void param_strict(struct buf *out, struct span raw);
/*
 * Joins the words, quoted strings unquoted and comments dropped: how the value
 * of a structured field reads for a client that does not look closely.
 */
void param_join(struct buf *out, struct span raw);
/* Offset behind blanks, folds and comments; a comment without an end is none. */
size_t param_skip_cfws(struct span s, size_t i);

#endif
