/*
 * Files in a OneNote section: each is behind the identifier of a
 * FileDataStoreObject ([MS-ONESTORE] 2.6.13), not packed. Their names are
 * kept elsewhere, in the page that shows them, and not read.
 */
#include "scan/walk_state.h"

enum { BEFORE_DATA = 16 + 8 + 4 + 8 };

unsigned
walk_onenote(struct walk *w, const struct walk_in *in)
{
	const struct span id = SPAN_LIT("\xe7\x16\xe3\xbd\x65\x26\x11\x45"
	    "\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac");
	const struct walk_names none = {.n = 0};
	size_t at = 0;

	while ((at = span_find(in->bytes, at, id)) != SIZE_MAX) {
		uint64_t size = walk_le64(in->bytes, at + id.n);
		struct span data;

		at += BEFORE_DATA;
		if (at > in->bytes.n)
			return WALK_UNREADABLE;
		data = span_sub(in->bytes, at, size > SIZE_MAX ? SIZE_MAX
		    : (size_t)size);
		if (!walk_begin(w) || !walk_spend(w, data.n))
			return WALK_LIMIT;
		walk_object(w, &none, data, in->depth,
		    data.n < size ? WALK_UNREADABLE : 0);
		at += data.n;
	}
	return 0;
}
