/* One compressed stream: gzip and its kin, and the payload of an rpm. */
#include "scan/walk_state.h"

#include "lib/base/str.h"

/* The name in the header of a gzip, RFC 1952 section 2.3. */
static struct span
gzip_name(struct span s)
{
	enum { FEXTRA = 4, FNAME = 8 };
	size_t at = 10, end;

	if (s.n < 10 || (s.p[3] & FNAME) == 0)
		return span_str("");
	if (s.p[3] & FEXTRA)
		at += 2 + (size_t)walk_le16(s, at);
	end = span_chr(s, at, '\0');
	return end < s.n ? span_sub(s, at, end - at) : span_str("");
}

/* What unpacking tools call the result: the name without its last ending. */
static void
outer_name(struct buf *out, struct span name)
{
	size_t dot = name.n;
	struct span ending;

	while (dot > 0 && name.p[dot - 1] != '.')
		dot--;
	if (dot < 2)
		return;
	ending = span_sub(name, dot, name.n);
	buf_puts_span(out, span_sub(name, 0, dot - 1));
	if (span_ieqs(ending, "tgz") || span_ieqs(ending, "tbz") ||
	    span_ieqs(ending, "tbz2") || span_ieqs(ending, "txz") ||
	    span_ieqs(ending, "tzst") || span_ieqs(ending, "taz"))
		buf_puts(out, ".tar");
}

unsigned
walk_stream(struct walk *w, enum walk_kind kind, const struct walk_in *in)
{
	struct walk_names names = {.n = 0};
	struct buf content, outer;
	unsigned flags;

	if (!walk_begin(w))
		return WALK_LIMIT;
	buf_init(&content, (size_t)w->lim.entry_bytes);
	buf_init(&outer, SIZE_MAX / 2);
	flags = walk_unpack(w, kind, span_str(""), in->bytes, &content);
	/* A package without its payload was cut off. */
	if (kind == KIND_RPM && content.n == 0 && flags == 0)
		flags = WALK_UNREADABLE;
	if (in->names->n > 0)
		outer_name(&outer, in->names->s[0]);
	if (kind == KIND_GZIP)
		walk_name_add(&names, gzip_name(in->bytes));
	walk_name_add(&names, buf_span(&outer));
	/* Nothing came out: not even an entry. */
	if (content.n > 0 || flags == 0)
		walk_object(w, &names, buf_span(&content), in->depth,
		    flags & ~(unsigned)WALK_ENCRYPTED);
	buf_free(&content);
	buf_free(&outer);
	return flags;
}
