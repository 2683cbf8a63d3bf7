/*
 * yEnc blocks ("=ybegin ... =yend") within a text, as newsreaders and some
 * mail clients show them. Only used inside lib/mail.
 */
#ifndef PMG_MAIL_YENC_H
#define PMG_MAIL_YENC_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* "=ybegin line=128 size=1 name=x": the name goes on to the line's end. */
bool yenc_begin(struct span line, struct span *name);
/* Decodes what follows such a line at off; returns the offset behind it. */
size_t yenc_block(struct span in, size_t off, struct buf *out);

#endif
