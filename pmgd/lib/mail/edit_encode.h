/*
 * Content-Transfer-Encodings, the writing side (RFC 2045), and the Q encoding
 * of RFC 2047. Line ends written are CRLF; none behind the last line.
 */
#ifndef PMG_MAIL_EDIT_ENCODE_H
#define PMG_MAIL_EDIT_ENCODE_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum { ENCODE_LINE = 76 };

/* line: bytes of a line, a multiple of 4; 0 = all on one. */
void encode_base64(struct buf *out, struct span in, size_t line);
/*
 * Text: CRLF and LF are line ends, a bare CR is encoded. A line that begins
 * with "-" has it encoded: no line ever looks like a delimiter.
 */
void encode_qp(struct buf *out, struct span in);
/* One encoded word's text; what may stand in a phrase stays, blank is "_". */
void encode_q(struct buf *out, struct span in);
bool encode_q_is_safe(unsigned char c);

#endif
