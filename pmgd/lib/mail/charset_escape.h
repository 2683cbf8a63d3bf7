/*
 * Charsets that switch between ASCII and two-byte characters by escape
 * sequences, turned into the 8-bit charset with the same characters, which
 * iconv reads; with its own converters what Windows added to them would be
 * lost. Only used inside lib/mail (charset.c).
 */
#ifndef PMG_MAIL_CHARSET_ESCAPE_H
#define PMG_MAIL_CHARSET_ESCAPE_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * ISO-2022-JP (RFC 1468, and what Windows calls 50220-50222: half-width
 * katakana, NEC's and IBM's characters) to Windows code page 932. False, out
 * as before: it switches to sets that are not in there.
 */
bool charset_jis_to_cp932(struct buf *out, struct span in);
/* Whether an escape sequence to JIS X 0208 is in there. */
bool charset_has_jis(struct span in);
/* ISO-2022-KR (RFC 1557) to EUC-KR. */
void charset_kr_to_euc(struct buf *out, struct span in);
/* HZ (RFC 1843) to EUC-CN. */
void charset_hz_to_euc(struct buf *out, struct span in);

#endif
