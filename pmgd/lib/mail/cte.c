#include "lib/mail/cte.h"

#include "lib/base/str.h"
#include "lib/mail/cte_sink.h"
#include "lib/mail/cte_variant.h"
#include "lib/mail/uu.h"

enum { B64_JUNK = 0, B64_DIGITS = 64, B64_SPACE = 65, B64_PAD = 66 };

/* Value of a digit plus one, or one of the kinds above. */
static const unsigned char b64[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
    ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['='] = B64_PAD, [' '] = B64_SPACE, ['\t'] = B64_SPACE,
    ['\r'] = B64_SPACE, ['\n'] = B64_SPACE,
};

/* Whole groups of four digits from i on, most of any real input; returns the
 * offset behind them. */
static size_t
b64_groups(struct span in, size_t i, struct sink *s)
{
	while (in.n - i >= 4 && !sink_full(s)) {
		unsigned a = b64[in.p[i]] - 1u, b = b64[in.p[i + 1]] - 1u;
		unsigned c = b64[in.p[i + 2]] - 1u, d = b64[in.p[i + 3]] - 1u;

		if (a >= B64_DIGITS || b >= B64_DIGITS || c >= B64_DIGITS ||
		    d >= B64_DIGITS)
			break;
		a = a << 18 | b << 12 | c << 6 | d;
		sink_put(s, a >> 16);
		sink_put(s, a >> 8);
		sink_put(s, a);
		i += 4;
	}
	return i;
}

/* Bytes of an unfinished group: 2 digits hold one byte, 3 hold two. */
static void
b64_finish(struct sink *s, uint32_t acc, unsigned digits)
{
	if (digits == 2)
		sink_put(s, acc >> 4 & 0xff);
	if (digits == 3) {
		sink_put(s, acc >> 10 & 0xff);
		sink_put(s, acc >> 2 & 0xff);
	}
}

/* Line ends between digits: valid as they are, but a reader of single lines,
 * or one that thinks the header goes up to there, makes something else of it. */
struct b64_lines {
	bool data;		/* digits seen */
	size_t ends;		/* line ends since then */
	bool odd;
};

static inline void
b64_lines_digit(struct b64_lines *l)
{
	if (l->ends > 1 && l->data)
		l->odd = true;
	l->ends = 0;
	l->data = true;
}

/*
 * Foreign bytes are skipped and data behind padding is decoded too: several
 * clients do so, and malware is sent that way.
 */
static uint32_t
decode_base64(struct span in, struct sink *s)
{
	struct b64_lines l = {0};
	uint32_t acc = 0;
	uint32_t bad = 0;
	unsigned digits = 0;
	unsigned pads = 0;	/* "=" still to come */
	bool ended = false;

	for (size_t i = 0; i < in.n && !sink_full(s); i++) {
		size_t start = i;
		unsigned v;

		if (digits == 0 && !ended) {
			i = b64_groups(in, i, s);
			if (i > start)
				b64_lines_digit(&l);
			if (i == in.n)
				break;
		}
		v = b64[in.p[i]];
		if (v - 1 < B64_DIGITS) {
			b64_lines_digit(&l);
			if (ended)
				bad = MIME_BAD_BASE64;
			ended = false;
			pads = 0;
			acc = acc << 6 | (v - 1);
			if (++digits < 4)
				continue;
			sink_put(s, acc >> 16);
			sink_put(s, acc >> 8);
			sink_put(s, acc);
			digits = 0;
		} else if (v == B64_PAD && digits >= 2) {
			b64_finish(s, acc, digits);
			pads = 3 - digits;
			digits = 0;
			ended = true;
		} else if (v == B64_PAD && pads > 0) {
			pads--;
		} else if (v != B64_SPACE) {
			bad = MIME_BAD_BASE64;
			if (v == B64_PAD)
				digits = 0;
		} else if (in.p[i] == '\n') {
			l.ends++;
			if (digits > 0)
				l.odd = true;
		}
	}
	b64_finish(s, acc, digits);
	if (digits > 0 || pads > 0)
		bad = MIME_BAD_BASE64;
	return bad | (l.odd ? MIME_ODD_BASE64 : 0);
}

int
base64_digit(unsigned char c)
{
	return b64[c] - 1u < B64_DIGITS ? b64[c] - 1 : -1;
}

static int
hex_value(unsigned char c)
{
	if (ascii_isdigit(c))
		return c - '0';
	c = (unsigned char)ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that two hex digits at off stand for, -1: there are none. */
static int
hex_pair(struct span in, size_t off)
{
	int hi, lo;

	if (off > in.n || in.n - off < 2)
		return -1;
	hi = hex_value(in.p[off]);
	lo = hex_value(in.p[off + 1]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* Offset behind blanks. */
static size_t
skip_blanks(struct span in, size_t i)
{
	while (i < in.n && (in.p[i] == ' ' || in.p[i] == '\t'))
		i++;
	return i;
}

/* Bytes of the line end at i: 0 none, 1 LF, 2 CRLF. */
static size_t
eol_len(struct span in, size_t i)
{
	if (i < in.n && in.p[i] == '\n')
		return 1;
	return in.n - i >= 2 && in.p[i] == '\r' && in.p[i + 1] == '\n' ? 2 : 0;
}

/* Blanks in front of a line end are transport padding: RFC 2045 6.7 (3). */
static uint32_t
decode_qp(struct span in, struct sink *s)
{
	uint32_t bad = 0;
	size_t i = 0;

	while (i < in.n && !sink_full(s)) {
		unsigned char c = in.p[i];
		size_t j;
		int v;

		if (c == ' ' || c == '\t') {
			j = skip_blanks(in, i);
			if (j < in.n && eol_len(in, j) == 0)
				sink_puts(s, span_sub(in, i, j - i));
			i = j;
		} else if (c != '=') {
			if (c >= 0x7f)
				bad = MIME_BAD_QP;
			sink_put(s, c);
			i++;
		} else if ((v = hex_pair(in, i + 1)) >= 0) {
			if (in.p[i + 1] >= 'a' || in.p[i + 2] >= 'a')
				bad = MIME_BAD_QP;
			sink_put(s, (unsigned)v);
			i += 3;
		} else {
			j = skip_blanks(in, i + 1);
			if (j == in.n || eol_len(in, j) > 0) {
				i = j < in.n ? j + eol_len(in, j) : j;
				continue;
			}
			bad = MIME_BAD_QP;
			sink_put(s, c);
			i++;
		}
	}
	return bad;
}

uint32_t
cte_decode(enum cte cte, struct span in, struct buf *out)
{
	struct sink s = {.out = out};
	uint32_t bad = 0;

	switch (cte) {
	case CTE_BASE64:
		bad = decode_base64(in, &s);
		break;
	case CTE_QP:
		bad = decode_qp(in, &s);
		break;
	case CTE_UUENCODE:
		bad = uu_decode(in, &s);
		break;
	case CTE_7BIT: case CTE_8BIT: case CTE_BINARY: case CTE_UNKNOWN:
		if (out != NULL)
			sink_puts(&s, in);
		break;
	}
	sink_flush(&s);
	return bad;
}

enum cte
cte_by_name(struct span name)
{
	static const struct {
		const char *name;
		enum cte cte;
	} known[] = {
	    {"7bit", CTE_7BIT}, {"8bit", CTE_8BIT}, {"binary", CTE_BINARY},
	    {"base64", CTE_BASE64}, {"x-base64", CTE_BASE64},
	    {"quoted-printable", CTE_QP}, {"x-quoted-printable", CTE_QP},
	    {"x-uuencode", CTE_UUENCODE}, {"uuencode", CTE_UUENCODE},
	    {"x-uue", CTE_UUENCODE}, {"uue", CTE_UUENCODE},
	    {"x-uu", CTE_UUENCODE},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_ieqs(name, known[i].name))
			return known[i].cte;
	return CTE_UNKNOWN;
}

void
cte_decode_q(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int v = in.p[i] == '=' ? hex_pair(in, i + 1) : -1;

		if (v >= 0)
			i += 2;
		else
			v = in.p[i] == '_' ? ' ' : in.p[i];
		buf_putc(out, v);
	}
}

void
cte_decode_percent(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int v = in.p[i] == '%' ? hex_pair(in, i + 1) : -1;

		if (v >= 0)
			i += 2;
		else
			v = in.p[i];
		buf_putc(out, v);
	}
}
