/*
 * Byte-exact changes of a message. An edit list is collected against the
 * offsets of one parsed message and then written once: bytes that no edit
 * touches leave exactly as they came. Line ends written are CRLF.
 *
 * Inputs are checked by the one header writer: names are RFC 5322 ftext,
 * values lose CR, LF (a line end becomes a fold) and NUL, non-ASCII is RFC
 * 2047-encoded (or stays UTF-8 with `utf8`, RFC 6532), lines are folded at 78
 * and never exceed 998 bytes.
 */
#ifndef PMG_MAIL_EDIT_H
#define PMG_MAIL_EDIT_H

#include <stdbool.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/mail/mime.h"

struct edit;	/* lives in the arena */

struct edit *edit_new(const struct mime *m, bool utf8, struct arena *a);
bool edit_empty(const struct edit *e);

/* On top of the message, in the order of the calls. -1: bad field name. */
int edit_header_add(struct edit *e, const char *name, const char *value,
    struct err *err);
/* Every field of that name of the top header goes, also beyond the parser's
 * caps; those that edit_header_add put on top stay. Returns how many. */
int edit_header_remove(struct edit *e, const char *name);
/* The same for every name that begins so ("X-PMG-"). */
int edit_header_remove_prefix(struct edit *e, const char *prefix);
/* The first one gets the value, further ones go; added on top of the message
 * when absent. */
int edit_header_set(struct edit *e, const char *name, const char *value,
    struct err *err);
/*
 * The part becomes a text part (text/plain or text/html) with this UTF-8 text
 * and this file name; its place in the structure stays. Of a whole message,
 * also of one that is attached, the body and the Content-* fields are replaced,
 * and the other fields stay.
 */
void edit_part_replace(struct edit *e, const struct mime_part *p,
    const char *filename, const char *text, bool html);
/* Was it replaced, or is it inside of a part that was? */
bool edit_part_replaced(const struct edit *e, const struct mime_part *p);

enum edit_disclaimer_flag {
	EDIT_AT_START	= 1u << 0,
	EDIT_SEPARATOR	= 1u << 1,	/* a line "--" between both texts */
	EDIT_SIGNED_TOO	= 1u << 2,	/* also where it breaks a signature */
};
/*
 * Adds text to the body: to the first inline text/plain or text/html, of
 * multipart/alternative to that of each alternative. html: HTML fragment; the
 * plain form is derived from it. The part's charset and transfer encoding
 * stay. HTML gets references for what its charset lacks; a text that cannot
 * hold the addition becomes UTF-8, if all that is in it can be read; a 7bit or
 * 8bit body that cannot hold the bytes becomes quoted-printable.
 *
 * Left alone: encrypted messages, and signed ones without EDIT_SIGNED_TOO
 * (S/MIME and PGP/MIME; PGP in the text). Returns the number of parts changed.
 */
int edit_disclaimer(struct edit *e, const char *html, unsigned flags);

/* Writes the edited message. out->overflow tells when it does not fit, or
 * when the arena was full and an edit is missing: it must not be used then. */
void edit_write(const struct edit *e, struct buf *out);

#endif
