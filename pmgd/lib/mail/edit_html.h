/*
 * The little HTML that a disclaimer needs. Bytes in an ASCII-compatible
 * charset; no document is built, nothing is executed or fetched.
 */
#ifndef PMG_MAIL_EDIT_HTML_H
#define PMG_MAIL_EDIT_HTML_H

#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * What a reader would see of a fragment, as UTF-8 with LF line ends: no tags,
 * comments, scripts or styles; blanks collapsed; entities decoded. No blank
 * lines at either end.
 */
void html_to_text(struct buf *out, struct span html);
/* Non-ASCII characters of valid UTF-8 as &#N;. */
void html_to_ascii(struct buf *out, struct span html);
/* Where text goes in a document: behind <body>, or 0. */
size_t html_body_start(struct span html);
/* In front of the last </body>, else of the last </html>, else its end. */
size_t html_body_end(struct span html);

#endif
