#include "lib/mail/charset_unicode.h"

#include "lib/base/str.h"
#include "lib/mail/utf8.h"

enum { REPLACEMENT = 0xfffd };

/* Code units of UTF-16, one after the other. */
struct units {
	struct buf *out;
	uint32_t high;	/* first half of a pair, 0 = none */
};

static bool
is_high(uint32_t u)
{
	return u >= 0xd800 && u <= 0xdbff;
}

static bool
is_low(uint32_t u)
{
	return u >= 0xdc00 && u <= 0xdfff;
}

static void
unit_end(struct units *s)
{
	if (s->high != 0)
		utf8_put(s->out, REPLACEMENT);
	s->high = 0;
}

static void
unit_put(struct units *s, uint32_t u)
{
	if (s->high != 0 && is_low(u)) {
		utf8_put(s->out, 0x10000 + ((s->high - 0xd800) << 10) +
		        (u - 0xdc00));
		s->high = 0;
		return;
	}
	unit_end(s);
	if (is_high(u))
		s->high = u;
	else
		utf8_put(s->out, is_low(u) ? REPLACEMENT : u);
}

void
charset_put_utf16(struct buf *out, struct span in, bool big_endian)
{
	struct units s = {.out = out};
	size_t i;

	for (i = 0; in.n - i >= 2; i += 2)
		unit_put(&s, big_endian
		    ? (uint32_t)in.p[i] << 8 | in.p[i + 1]
		    : (uint32_t)in.p[i + 1] << 8 | in.p[i]);
	unit_end(&s);
	if (i < in.n)
		utf8_put(out, REPLACEMENT);
}

static int
digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_isdigit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The base64 behind the "+" in front of i; returns the offset behind it. */
static size_t
shifted(struct buf *out, struct span in, size_t i)
{
	struct units s = {.out = out};
	uint32_t acc = 0;
	unsigned bits = 0;
	int v;

	if (i < in.n && in.p[i] == '-') {
		buf_putc(out, '+');
		return i + 1;
	}
	for (; i < in.n && (v = digit(in.p[i])) >= 0; i++) {
		acc = (acc << 6 | (uint32_t)v) & 0x3fffff;
		bits += 6;
		if (bits >= 16) {
			bits -= 16;
			unit_put(&s, acc >> bits & 0xffff);
		}
	}
	unit_end(&s);
	return i < in.n && in.p[i] == '-' ? i + 1 : i;
}

void
charset_put_utf7(struct buf *out, struct span in)
{
	size_t i = 0;

	while (i < in.n && !out->overflow) {
		unsigned char c = in.p[i++];

		if (c == '+')
			i = shifted(out, in, i);
		else
			utf8_put(out, c < 0x80 ? c : REPLACEMENT);
	}
}
