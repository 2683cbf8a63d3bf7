#include "lib/mail/binhex.h"

#include "lib/mail/cte_sink.h"

enum {
	RUN = 0x90,		/* marker: the byte before, this many times */
	NAME_MAX_LEN = 63,
	LINE_MIN = 32,		/* digits of a header, at least */
	HEAD_BEHIND_NAME = 1 + 4 + 4 + 2 + 4 + 4 + 2,
	DATA_LENGTH = 1 + 4 + 4 + 2,	/* offset of it behind the name */
};

static const char alphabet[] =
    "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";

bool
binhex_begin(struct span line)
{
	return span_iprefix(line, "(This file must be converted");
}

static int
digit(unsigned char c)
{
	const char *p = c != '\0' ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

bool
binhex_data_begin(struct span line)
{
	line = span_trim(line);
	if (line.n <= LINE_MIN || line.p[0] != ':')
		return false;
	for (size_t i = 1; i < line.n; i++)
		if (digit(line.p[i]) < 0 &&
		    (line.p[i] != ':' || i + 1 < line.n))
			return false;
	return true;
}

struct runs {
	struct sink s;
	unsigned last;
	bool marker;		/* a count comes next */
};

static void
runs_put(struct runs *r, unsigned c)
{
	if (r->marker) {
		r->marker = false;
		if (c == 0) {
			sink_put(&r->s, RUN);
			r->last = RUN;
		}
		for (; c > 1; c--)
			sink_put(&r->s, r->last);
	} else if (c == RUN) {
		r->marker = true;
	} else {
		sink_put(&r->s, c);
		r->last = c;
	}
}

/* Decodes up to the closing ":"; returns the offset behind it. */
static size_t
decode_text(struct span in, size_t off, struct buf *raw)
{
	struct runs r = {.s = {.out = raw}};
	uint32_t acc = 0;
	unsigned bits = 0;

	for (; off < in.n && in.p[off] != ':' && !sink_full(&r.s); off++) {
		int d = digit(in.p[off]);

		if (d < 0)
			continue;
		acc = (acc << 6 | (unsigned)d) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		runs_put(&r, acc >> bits & 0xff);
	}
	sink_flush(&r.s);
	return off < in.n ? off + 1 : off;
}

bool
binhex_decode(struct span in, size_t off, struct buf *raw, struct binhex *r,
    size_t *data_off, size_t *data_n)
{
	size_t start = raw->n;
	struct cursor c;
	struct span all;
	size_t name_n;
	uint32_t want;

	off = span_chr(in, off, ':');
	r->end = off;
	if (off == in.n)
		return false;
	r->end = decode_text(in, off + 1, raw);
	all = span_sub(buf_span(raw), start, raw->n - start);
	c = cur_of(all);
	name_n = cur_u8(&c);
	if (name_n > NAME_MAX_LEN)
		return false;
	r->name = cur_take(&c, name_n);
	cur_take(&c, DATA_LENGTH);
	want = cur_u32(&c);
	if (!cur_ok(&c) || all.n < 1 + name_n + HEAD_BEHIND_NAME)
		return false;
	*data_off = start + 1 + name_n + HEAD_BEHIND_NAME;
	*data_n = raw->n - *data_off;
	/* Version 0, and a file that is there. */
	r->sure = name_n > 0 && all.p[1 + name_n] == 0 && want <= *data_n;
	if (want > 0 && want < *data_n)
		*data_n = want;
	return true;
}
