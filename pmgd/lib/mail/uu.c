#include "lib/mail/uu.h"

#include "lib/mail/cte.h"

enum { MODE_MAX = 6 };	/* digits; with the kind of file in front */

struct span
line_next(struct span in, size_t *off)
{
	size_t lf = span_chr(in, *off, '\n');
	struct span line = span_sub(in, *off, lf - *off);

	*off = lf < in.n ? lf + 1 : lf;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static size_t
skip_blanks(struct span line, size_t i)
{
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	return i;
}

/* Behind "begin" and its blanks; 0: it is none. */
static size_t
begin_word(struct span line, bool *base64)
{
	static const char plain[] = "begin", b64[] = "begin-base64";
	size_t n;

	*base64 = span_iprefix(line, b64);
	if (!*base64 && !span_iprefix(line, plain))
		return 0;
	n = (*base64 ? sizeof(b64) : sizeof(plain)) - 1;
	return skip_blanks(line, n) > n ? skip_blanks(line, n) : 0;
}

/* As POSIX has it: a mode of three digits, and a name. */
static bool
is_begin(struct span line, struct span *name, bool *base64)
{
	size_t digits = begin_word(line, base64);
	size_t i = digits;

	while (i < line.n && line.p[i] >= '0' && line.p[i] <= '7')
		i++;
	if (digits == 0 || i < digits + 3 || i > digits + MODE_MAX ||
	    skip_blanks(line, i) == i)
		return false;
	*name = span_trim(span_sub(line, i, line.n));
	return true;
}

bool
uu_begin(struct span line, struct span *name, bool *base64)
{
	size_t digits, i;

	line = span_sub(line, skip_blanks(line, 0), line.n);
	if (is_begin(line, name, base64))
		return true;
	digits = i = begin_word(line, base64);
	if (digits == 0 || *base64)
		return false;
	while (i < line.n && line.p[i] >= '0' && line.p[i] <= '7')
		i++;
	if (i < line.n && skip_blanks(line, i) == i)
		i = digits;		/* a name that begins with a digit */
	*name = span_trim(span_sub(line, i, line.n));
	return true;
}

/* A data line's length byte fits the line: 4 characters for 3 bytes. */
static bool
uu_data(struct span line)
{
	size_t want;

	if (line.n < 2 || line.p[0] <= ' ' || line.p[0] > '`')
		return false;
	want = (line.p[0] - 32u) & 63;
	/* Padding of the last group, and trailing blanks, get lost. */
	return want > 0 && line.n - 1 >= (want * 4 + 2) / 3 &&
	    line.n - 1 <= (want + 2) / 3 * 4 + 2;
}

/* Its last blanks, which stand for zeros, got lost on the way. */
static bool
uu_stripped(struct span line)
{
	if (line.n < 1 || line.p[0] <= ' ' || line.p[0] > '`')
		return false;
	for (size_t i = 1; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '`')
			return false;
	return line.n - 1 < (((line.p[0] - 32u) & 63) * 4 + 2) / 3;
}

static void
uu_line(struct span line, struct sink *s)
{
	size_t left = (line.p[0] - 32u) & 63;
	size_t i = 1;

	while (left > 0) {
		uint32_t acc = 0;

		for (size_t k = 0; k < 4; k++, i++)
			acc = acc << 6 |
			    (i < line.n ? (line.p[i] - 32u) & 63 : 0);
		for (size_t k = 0; k < 3 && left > 0; k++, left--)
			sink_put(s, acc >> (16 - 8 * k));
	}
}

/* "begin-base64 644 x", base64 lines, "====". */
static size_t
base64_block(struct span in, size_t off, struct buf *out, size_t *lines)
{
	size_t start = off;
	size_t stop = off;

	while (off < in.n) {
		struct span line = line_next(in, &off);

		if (span_eq(line, SPAN_LIT("====")))
			break;
		/* No data: the first line of the next one, perhaps. */
		if (span_find(line, 0, SPAN_LIT("-")) != SIZE_MAX) {
			off = stop;
			break;
		}
		stop = off;
		if (line.n > 0)
			++*lines;
	}
	cte_decode(CTE_BASE64, span_sub(in, start, stop - start), out);
	return off;
}

size_t
uu_block(struct span in, size_t off, bool base64, bool stripped,
    struct buf *out, size_t *lines)
{
	struct sink s = {.out = out};

	*lines = 0;
	if (base64)
		return base64_block(in, off, out, lines);
	while (off < in.n && !sink_full(&s)) {
		size_t start = off;
		struct span line = line_next(in, &off);
		struct span name;

		if (is_begin(line, &name, &base64)) {
			off = start;
			break;
		}
		if (span_eq(span_trim(line), SPAN_LIT("end")))
			break;
		if (uu_data(line) ||
		    (stripped && *lines > 0 && uu_stripped(line))) {
			uu_line(line, &s);
			++*lines;
		} else if (*lines == 0 && line.n > 0) {
			off = start;
			break;
		}
	}
	sink_flush(&s);
	return off;
}

/*
 * Every data line of every begin...end, or all data lines when there is no
 * begin (headers that say uuencode over bare data do exist). Without any the
 * text stays as it is.
 */
uint32_t
uu_decode(struct span in, struct sink *s)
{
	bool bare = cte_uu_name(in).p == NULL;
	bool inside = bare;
	bool base64;
	size_t lines = 0;
	struct span name;

	for (size_t off = 0; off < in.n && !sink_full(s);) {
		struct span line = line_next(in, &off);

		if (is_begin(line, &name, &base64)) {
			inside = true;
		} else if (!bare && span_eq(line, SPAN_LIT("end"))) {
			inside = false;
		} else if (inside && uu_data(line)) {
			uu_line(line, s);
			lines++;
		}
	}
	if (lines > 0)
		return bare ? MIME_BAD_ENCODING : 0;
	sink_puts(s, in);
	return MIME_BAD_ENCODING;
}

struct span
cte_uu_name(struct span in)
{
	struct span name;
	bool base64;

	for (size_t off = 0; off < in.n;) {
		struct span line = line_next(in, &off);

		if (is_begin(line, &name, &base64))
			return name;
	}
	return span_of(NULL, 0);
}
