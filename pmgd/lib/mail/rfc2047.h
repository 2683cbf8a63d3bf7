/*
 * Encoded words (RFC 2047), read the way mail clients do: anywhere, also
 * inside quoted strings, longer than 75 bytes, with blanks inside, and with
 * characters cut apart between two words of the same charset. Linear time.
 */
#ifndef PMG_MAIL_RFC2047_H
#define PMG_MAIL_RFC2047_H

#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * Appends a header value unfolded and decoded: valid UTF-8 on one line,
 * without NUL; control characters become blanks. 8-bit text outside of
 * encoded words is guessed (charset.h). Needs at most RFC2047_GROWTH bytes of
 * output for one of input.
 */
void rfc2047_decode(struct buf *out, struct span value);

enum { RFC2047_GROWTH = 3 };

#endif
