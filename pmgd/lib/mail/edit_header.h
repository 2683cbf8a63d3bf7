/*
 * The one writer of header fields: whatever the value holds, exactly one field
 * comes out. Pure.
 */
#ifndef PMG_MAIL_EDIT_HEADER_H
#define PMG_MAIL_EDIT_HEADER_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	HEADER_LINE = 78,	/* folded there where a blank allows it */
	HEADER_LINE_MAX = 998,	/* never longer, without CRLF */
	HEADER_NAME_MAX = 76,
};

/* RFC 5322 ftext, 1 to HEADER_NAME_MAX bytes. */
bool header_name_valid(struct span name);
/*
 * Appends "Name: value" with its CRLF. value: UTF-8 text, decoded; a line end
 * in it becomes a fold, other control characters "?", NUL goes. Words that are
 * not plain ASCII, look like an encoded word, or are too long for a line are
 * encoded (RFC 2047); with `utf8` non-ASCII ones stay. In address fields
 * a quoted string is one word. -1: bad name.
 */
int header_put(struct buf *out, const char *name, struct span value,
    bool utf8, struct err *err);

#endif
