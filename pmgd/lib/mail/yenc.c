#include "lib/mail/yenc.h"

#include "lib/mail/cte_sink.h"
#include "lib/mail/uu.h"

bool
yenc_begin(struct span line, struct span *name)
{
	size_t at;

	if (!span_iprefix(line, "=ybegin "))
		return false;
	at = span_find(line, 0, SPAN_LIT(" name="));
	*name = at == SIZE_MAX ? span_of(line.p, 0)
	                       : span_trim(span_sub(line, at + 6, line.n));
	return true;
}

size_t
yenc_block(struct span in, size_t off, struct buf *out)
{
	struct sink s = {.out = out};

	while (off < in.n && !sink_full(&s)) {
		size_t start = off;
		struct span line = line_next(in, &off);
		size_t i = 0;

		if (span_iprefix(line, "=yend"))
			break;
		if (span_iprefix(line, "=ybegin ")) {
			off = start;
			break;
		}
		if (span_iprefix(line, "=ypart "))
			continue;
		/* NNTP doubles a dot at the start of a line. */
		if (line.n > 1 && line.p[0] == '.' && line.p[1] == '.')
			i = 1;
		for (; i < line.n; i++) {
			unsigned c = line.p[i];

			if (c == '=' && i + 1 < line.n)
				c = line.p[++i] - 64u;
			sink_put(&s, (c - 42u) & 0xff);
		}
	}
	sink_flush(&s);
	return off;
}
