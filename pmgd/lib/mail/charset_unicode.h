/*
 * UTF-7 (RFC 2152) and UTF-16 to UTF-8, without iconv: what no table is needed
 * for has to be read in every sandbox. Broken input becomes U+FFFD. Only used
 * inside lib/mail (charset.c).
 */
#ifndef PMG_MAIL_CHARSET_UNICODE_H
#define PMG_MAIL_CHARSET_UNICODE_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

void charset_put_utf7(struct buf *out, struct span in);
void charset_put_utf16(struct buf *out, struct span in, bool big_endian);

#endif
