/*
 * BinHex 4.0 (RFC 1741): a Macintosh file as text. Only used inside lib/mail.
 */
#ifndef PMG_MAIL_BINHEX_H
#define PMG_MAIL_BINHEX_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

struct binhex {
	struct span name;	/* within the data; raw bytes */
	size_t end;		/* offset behind it in the text */
	bool sure;		/* its header fits: no text looks like that */
};

/* "(This file must be converted with BinHex 4.0)" stands in front of it, or
 * other words behind the first ones. */
bool binhex_begin(struct span line);
/* The first line of the data itself, for what has no such words in front. */
bool binhex_data_begin(struct span line);
/*
 * The data whose first ":" stands at or behind off. raw gets the decoded bytes
 * without run lengths: header, data fork, resource fork; data_off and data_n
 * tell the data fork in it, which is cut short when the text is. False: no data
 * there; r->end is the offset up to which there is none, too. Checksums are not
 * looked at: clients open the file none the less.
 */
bool binhex_decode(struct span in, size_t off, struct buf *raw,
    struct binhex *r, size_t *data_off, size_t *data_n);

#endif
