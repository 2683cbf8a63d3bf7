/*
 * The content of a signed S/MIME message (RFC 8551 3.5.2, RFC 5652 section 5):
 * a client shows what is in the SignedData as if it stood there in plain. Only
 * used inside lib/mail.
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

#endif
