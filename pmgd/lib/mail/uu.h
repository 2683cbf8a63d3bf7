/*
 * uuencode (POSIX), also in its base64 form ("begin-base64"): as a transfer
 * encoding, and as blocks within a text. Only used inside lib/mail.
 */
#ifndef PMG_MAIL_UU_H
#define PMG_MAIL_UU_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/cte_sink.h"

/* The line at *off without its end; *off moves behind it. */
struct span line_next(struct span in, size_t *off);

/*
 * "begin 644 name" or "begin-base64 644 name": the name may hold blanks. Also
 * what some programs take for it, if data follows: indented, a mode of other
 * length or none, no name.
 */
bool uu_begin(struct span line, struct span *name, bool *base64);
/*
 * Decodes the block whose data begins at off, up to "end" or the next "begin";
 * lines between that are no data are skipped. Returns the offset behind it.
 * lines: data lines in it, 0 = the text behind "begin" is no data. stripped:
 * lines that lost blanks at their end are data, too.
 */
size_t uu_block(struct span in, size_t off, bool base64, bool stripped,
    struct buf *out, size_t *lines);
/* As a transfer encoding: all of in; defect bits as cte_decode(). */
uint32_t uu_decode(struct span in, struct sink *s);

#endif
