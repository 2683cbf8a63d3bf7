/*
 * What clients would show or open: the decoded content of every leaf of a
 * message, and of what hides in it (uuencode, yEnc, BinHex, TNEF, signed
 * S/MIME, OpenPGP, files within calendars and HTML), each in every reading that some
 * client makes of it. mime.h tells the structure,
 * this gives the bytes.
 *
 * Pure, never fails; a cap that is reached sets MIME_LIMIT_* of the message.
 */
#ifndef PMG_MAIL_CONTENT_H
#define PMG_MAIL_CONTENT_H

#include "lib/base/buf.h"
#include "lib/mail/mime.h"

enum content_how {
	CONTENT_PLAIN,		/* as its headers declare it */
	CONTENT_OTHER,		/* another reading: of an ambiguous encoding or
				 * structure */
	CONTENT_UUENCODE,	/* inline in a text */
	CONTENT_YENC,
	CONTENT_BINHEX,
	CONTENT_TNEF,		/* attachment within winmail.dat */
	CONTENT_SIGNED,		/* within opaque signed S/MIME */
	CONTENT_PROPERTY,	/* of a calendar or an address card */
	CONTENT_EMBEDDED,	/* in HTML: a data: URI, base64 in a script */
	CONTENT_OPENPGP,	/* an OpenPGP message in a text, in binary */
};

struct content {
	size_t part;		/* index of the MIME part that it is in */
	enum content_how how;
	const char *name;	/* of its own (uuencode, yEnc, TNEF ...); NULL =
				 * the part's */
	/*
	 * Not NULL: it is the body of another part, which only another reading
	 * of the structure has, or which a message within an attachment has.
	 * Only its type, names and defects mean something, no offset does;
	 * name is its first name.
	 */
	const struct mime_part *as;
	size_t off, n;		/* its bytes in the buffer */
	/* A virus engine that reads the raw message may not see these bytes:
	 * have them scanned on their own. */
	bool unseen;
};

struct content_list {
	struct content *item;
	size_t n;
	uint32_t defects;	/* MIME_LIMIT_* when not all is there */
};

enum {
	CONTENT_MAX = 4096,	/* items of one message */
	CONTENT_LEVELS = 8,	/* messages within decoded content */
	/* All that is not plain may take the work of so many decodings of the
	 * message, so that time stays linear in its size. */
	CONTENT_WORK = 16,
	CONTENT_WORK_BASE = 64 * 1024,
	CONTENT_ARENA = 16 * 1024 * 1024,
};

/*
 * Decodes into out (append; its max is the cap of decoded bytes). Leaves come
 * in document order, what else is in a part behind its plain content. Two
 * items may share bytes. Everything but the bytes lives in a.
 */
struct content_list content_of(const struct mime *m, struct buf *out,
    struct arena *a);

#endif
