/*
 * Content-Transfer-Encodings (RFC 2045 section 6; uuencode as POSIX has it).
 * Decoding never stops at broken input: what mail clients would still show is
 * produced, and the defect bits of mime.h say that it was broken. One pass,
 * constant memory besides the output.
 */
#ifndef PMG_MAIL_CTE_H
#define PMG_MAIL_CTE_H

#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/mime.h"

/*
 * Appends the decoded bytes of in to out (NULL: only look for defects) and
 * returns defect bits: MIME_BAD_BASE64, MIME_ODD_BASE64, MIME_BAD_QP,
 * MIME_BAD_ENCODING (no uuencoded data there).
 */
uint32_t cte_decode(enum cte cte, struct span in, struct buf *out);

/* The encoding that a name stands for, CTE_UNKNOWN for all others. */
enum cte cte_by_name(struct span name);

/* The "Q" encoding of RFC 2047; spaces inside are taken as they are. */
void cte_decode_q(struct span in, struct buf *out);

/* %XX of RFC 2231; a percent sign without two digits stays. */
void cte_decode_percent(struct span in, struct buf *out);

/* File name of the first uuencode "begin" line, an empty span if none. */
struct span cte_uu_name(struct span in);

#endif
