/*
 * The little CSS that mail is read with: does a declaration hide its element,
 * and which addresses does a style sheet name. Selectors are not matched.
 */
#ifndef PMG_MAIL_CSS_H
#define PMG_MAIL_CSS_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * Appends css without comments and with escapes ("\75rl") resolved; what
 * stands in strings and in url() keeps its comment signs. Never longer than
 * CSS_GROWTH times the input.
 */
enum { CSS_GROWTH = 3 };
void css_clean(struct buf *out, struct span css);

/* Whether the declarations of a style attribute (cleaned) hide its element:
 * not displayed, no height, no font size, transparent, moved out of sight. */
bool css_hides(struct span decls);

/*
 * The next address in cleaned css at or behind *pos: url(x), or a string that
 * may be one (@import "x", image-set("x")). False: no more.
 */
bool css_next_url(struct span css, size_t *pos, struct span *url);

#endif
