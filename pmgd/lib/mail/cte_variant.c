#include "lib/mail/cte_variant.h"

#include "lib/base/str.h"
#include "lib/mail/cte_sink.h"
#include "lib/mail/uu.h"

static bool
is_lwsp(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- base64 ---- */

unsigned
base64_odd(struct span in)
{
	unsigned odd = 0;
	size_t digits = 0;	/* of the group; pads end it */
	size_t ends = 0;
	bool data = false, pad = false;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];

		if (base64_digit(c) >= 0) {
			if (pad)
				odd |= ODD_PAD;
			if (data && ends > 1)
				odd |= ODD_BLANK;
			pad = false;
			data = true;
			ends = 0;
			digits++;
		} else if (c == '=') {
			if (digits % 4 < 2)
				odd |= pad ? 0 : ODD_PAD;
			pad = true;
		} else if (c == '\n') {
			ends++;
			if (digits % 4 != 0 && !pad)
				odd |= ODD_LINE;
			/* Lines of "xxxxx=" count, too. */
			if (pad && digits % 4 < 2)
				odd |= ODD_LINE;
		} else if (!is_lwsp(c)) {
			odd |= ODD_JUNK;
			ends = 0;
			data = true;
		}
	}
	return odd;
}

bool
base64_style_for(enum base64_style style, unsigned odd)
{
	static const unsigned cause[B64_STYLES] = {
	    [B64_STOP] = ODD_PAD, [B64_NO_PAD] = ODD_PAD,
	    [B64_PAD_ZERO] = ODD_PAD, [B64_TUPLES] = ODD_PAD,
	    [B64_URL] = ODD_JUNK,
	    [B64_JUNK_LINE] = ODD_JUNK, [B64_CLEAN_LINES] = ODD_JUNK,
	    [B64_EACH_LINE] = ODD_LINE, [B64_BEHIND_BLANK] = ODD_BLANK,
	};

	return (odd & cause[style]) != 0;
}

struct group {
	uint32_t acc;
	unsigned n;
};

static void
group_add(struct group *g, int digit, struct sink *s)
{
	g->acc = g->acc << 6 | (unsigned)digit;
	if (++g->n < 4)
		return;
	sink_put(s, g->acc >> 16 & 0xff);
	sink_put(s, g->acc >> 8 & 0xff);
	sink_put(s, g->acc & 0xff);
	*g = (struct group){0, 0};
}

/* Two digits hold one byte, three hold two. */
static void
group_end(struct group *g, struct sink *s)
{
	if (g->n == 2)
		sink_put(s, g->acc >> 4 & 0xff);
	if (g->n == 3) {
		sink_put(s, g->acc >> 10 & 0xff);
		sink_put(s, g->acc >> 2 & 0xff);
	}
	*g = (struct group){0, 0};
}

static int
url_digit(unsigned char c)
{
	return base64_digit(c == '-' ? '+' : c == '_' ? '/' : c);
}

static bool
is_clean(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (base64_digit(line.p[i]) < 0 && line.p[i] != '=' &&
		    !is_lwsp(line.p[i]))
			return false;
	return true;
}

/* Offset behind the first empty line that has data in front of it. */
static size_t
behind_blank(struct span in)
{
	size_t off = 0;
	bool data = false;

	while (off < in.n) {
		struct span line = span_trim(line_next(in, &off));

		if (line.n > 0)
			data = true;
		else if (data)
			return off;
	}
	return 0;
}

/* False: the data ends here. */
static bool
decode_line(struct span line, enum base64_style style, struct group *g,
    struct sink *s)
{
	size_t place = 0;	/* within the tuple of characters */

	for (size_t i = 0; i < line.n; i++) {
		int d = style == B64_URL ? url_digit(line.p[i])
		                         : base64_digit(line.p[i]);

		if (style == B64_TUPLES && !is_lwsp(line.p[i])) {
			if (d >= 0)
				group_add(g, d, s);
			if (++place % 4 == 0)
				group_end(g, s);
			continue;
		}
		if (d >= 0) {
			group_add(g, d, s);
		} else if (line.p[i] != '=') {
			if (!is_lwsp(line.p[i]) && style == B64_JUNK_LINE)
				return true;
		} else if (style == B64_PAD_ZERO) {
			group_add(g, 0, s);
		} else if (style != B64_NO_PAD) {
			group_end(g, s);
			if (style == B64_STOP || style == B64_EACH_LINE)
				return style == B64_EACH_LINE;
		}
	}
	return true;
}

void
base64_decode_style(struct span in, enum base64_style style, struct buf *out)
{
	struct sink s = {.out = out};
	struct group g = {0, 0};
	size_t off = style == B64_BEHIND_BLANK ? behind_blank(in) : 0;

	while (off < in.n && !sink_full(&s)) {
		struct span line = line_next(in, &off);

		if (style == B64_CLEAN_LINES && !is_clean(line))
			continue;
		if (!decode_line(line, style, &g, &s))
			break;
		if (style == B64_EACH_LINE)
			g = (struct group){0, 0};
	}
	group_end(&g, &s);
	sink_flush(&s);
}

/* ---- quoted-printable ---- */

static bool
is_hex(unsigned char c)
{
	c = (unsigned char)ascii_lower(c);
	return ascii_isdigit(c) || (c >= 'a' && c <= 'f');
}

static unsigned
hex(unsigned char c)
{
	c = (unsigned char)ascii_lower(c);
	return (unsigned)(ascii_isdigit(c) ? c - '0' : c - 'a' + 10);
}

static bool
is_lower_hex(unsigned char c)
{
	return c >= 'a' && c <= 'f';
}

/* Length of the soft line break at i, where "=" stands; 0 = none. */
static size_t
soft_break(struct span in, size_t i)
{
	size_t j = i + 1;

	while (j < in.n && (in.p[j] == ' ' || in.p[j] == '\t'))
		j++;
	if (j < in.n && in.p[j] == '\r')
		j++;
	if (j < in.n && in.p[j] != '\n')
		return 0;
	return (j < in.n ? j + 1 : j) - i;
}

static bool
is_escape(struct span in, size_t i)
{
	return in.n - i >= 3 && is_hex(in.p[i + 1]) && is_hex(in.p[i + 2]);
}

unsigned
qp_odd(struct span in)
{
	bool lower = false, upper = false;
	unsigned odd = 0;

	for (size_t i = span_chr(in, 0, '='); i < in.n;
	     i = span_chr(in, i + 1, '=')) {
		if (is_escape(in, i)) {
			for (size_t k = i + 1; k < i + 3; k++) {
				lower |= is_lower_hex(in.p[k]);
				upper |= in.p[k] >= 'A' && in.p[k] <= 'F';
			}
		} else if (soft_break(in, i) == 0) {
			odd |= ODD_ESCAPE;
		}
	}
	return odd | (lower && upper ? ODD_CASE : 0);
}

bool
qp_style_for(enum qp_style style, unsigned odd)
{
	if (style == QP_DROP_SIGN || style == QP_DROP_ESCAPE)
		return (odd & ODD_ESCAPE) != 0;
	/* Escapes can be broken apart by either kind of lower case digit. */
	return (odd & (ODD_CASE | ODD_ESCAPE)) != 0;
}

/* How many characters of the bad escape at i vanish. */
static size_t
bad_escape(struct span in, size_t i, enum qp_style style)
{
	size_t n = 1;

	if (style == QP_DROP_SIGN)
		return 1;
	while (n < 3 && i + n < in.n && in.p[i + n] != '=' &&
	    !is_lwsp(in.p[i + n]))
		n++;
	return n;
}

static void
decode_qp(struct span in, enum qp_style style, struct sink *s)
{
	size_t i = 0;

	while (i < in.n && !sink_full(s)) {
		size_t soft;
		bool lower;

		if (in.p[i] != '=') {
			sink_put(s, in.p[i++]);
			continue;
		}
		soft = soft_break(in, i);
		lower = is_escape(in, i) && style >= QP_UPPER &&
		    (is_lower_hex(in.p[i + 1]) || is_lower_hex(in.p[i + 2]));
		if (soft > 0) {
			i += soft;
		} else if (is_escape(in, i) && !lower) {
			sink_put(s, hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
			i += 3;
		} else {
			i += bad_escape(in, i, style);
		}
	}
}

void
qp_decode_style(struct span in, enum qp_style style, struct buf *out)
{
	struct sink s = {.out = out};
	struct buf less;

	if (style != QP_UPPER_PAIR) {
		decode_qp(in, style, &s);
		sink_flush(&s);
		return;
	}
	buf_init(&less, in.n);
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] == '=' && i + 1 < in.n &&
		    is_lower_hex(in.p[i + 1]))
			i++;
		else
			buf_putc(&less, in.p[i]);
	decode_qp(buf_span(&less), style, &s);
	sink_flush(&s);
	buf_free(&less);
}
