/*
 * S/MIME messages (RFC 8551, RFC 5652): what was signed, which a client shows
 * as if it stood there in plain, and whether it is encrypted.
 */
#ifndef PMG_MAIL_CMS_H
#define PMG_MAIL_CMS_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * Appends the signed content to out, BER with indefinite lengths and strings
 * in pieces included. Signatures are not looked at: clients show the content
 * none the less. What is cut short gives what is there. False: no SignedData,
 * or nothing in it (a detached signature).
 */
bool cms_signed_content(struct span in, struct buf *out);

/*
 * Encrypted, for somebody (RFC 5652 section 6, RFC 5083) or with a password
 * (section 8). What is within a signature is not looked at.
 */
bool cms_is_encrypted(struct span in);

#endif
