/*
 * Character references as browsers read them (HTML standard, 13.2.5.72 on):
 * all 2125 names, those of old without a semicolon too, numbers with the
 * remaps of Windows-1252.
 */
#ifndef PMG_MAIL_ENTITY_H
#define PMG_MAIL_ENTITY_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	/* Bytes of the longest name. */
	ENTITY_NAME_MAX = 31,
	/* Bytes of UTF-8 per five bytes of source, at most ("&nGt;"). */
	ENTITY_GROWTH_PER_5 = 6,
};

/*
 * Appends the character of the reference that begins at off, an '&', and
 * returns how many bytes it takes; 0 and nothing is appended when it is none.
 * attr: inside an attribute, where "&copy=1" is none. A blank of any width
 * stays what it is.
 */
size_t entity_decode(struct buf *out, struct span s, size_t off, bool attr);
/* The code of one name, without "&" and ";"; 0: unknown, or of two codes. */
uint32_t entity_code(struct span name);
/* All references of an attribute's value decoded. */
void entity_decode_attr(struct buf *out, struct span value);

#endif
