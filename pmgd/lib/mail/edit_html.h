/*
 * The little HTML that a disclaimer needs. Bytes in an ASCII-compatible
 * charset; no document is built, nothing is executed or fetched.
 */
#ifndef PMG_MAIL_EDIT_HTML_H
#define PMG_MAIL_EDIT_HTML_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* What a reader would see of a fragment (html_text.h), as UTF-8 with LF line
 * ends, without what is hidden. No blank lines at either end. */
void html_to_text(struct buf *out, struct span html);
/* Non-ASCII characters of valid UTF-8 as &#N;. */
void html_to_ascii(struct buf *out, struct span html);
/* Is there a tag of HTML in it? "<mail@example.com>" is none. */
bool html_has_tags(struct span text);

/* Where text goes in a document. */
struct html_places {
	size_t start;	/* behind <body>, else behind the head, else 0 */
	size_t end;	/* in front of the last </body>, else of the last
			 * </html>, else at the end; never behind what
			 * swallows it: an open comment, tag, script ... */
};
struct html_places html_places(struct span html);

#endif
