/* UTF-8 of RFC 3629: no overlong forms, no surrogates, up to U+10FFFF. */
#ifndef PMG_MAIL_UTF8_H
#define PMG_MAIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* Bytes of the character at off (and the character), 0 when it is invalid. */
size_t utf8_next(struct span s, size_t off, uint32_t *cp_r);
bool utf8_valid(struct span s);
bool utf8_is_ascii(struct span s);
/* Appends one character; cp is a valid code point. */
void utf8_put(struct buf *out, uint32_t cp);

#endif
