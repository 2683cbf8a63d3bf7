#include "lib/mail/entity.h"

#include "lib/base/str.h"
#include "lib/mail/entity_table.h"
#include "lib/mail/utf8.h"
#include "lib/mail/word_table.h"

enum {
	LEGACY_NAME_MAX = 6,	/* of those that need no semicolon */
	CODE_MAX = 0x10ffff,
	REPLACEMENT = 0xfffd,
};

static int
digit(unsigned char c, unsigned base)
{
	int l = ascii_lower(c);

	if (ascii_isdigit(c))
		return c - '0';
	return base == 16 && l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* What browsers show for a number: 0x80 to 0x9f are Windows-1252. */
static uint32_t
remap(uint32_t v)
{
	static const uint16_t c1[32] = {
	    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021,
	    0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
	    0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	    0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178};

	if (v >= 0x80 && v < 0xa0)
		return c1[v - 0x80];
	if (v == 0 || v > CODE_MAX || (v >= 0xd800 && v <= 0xdfff))
		return REPLACEMENT;
	return v;
}

static size_t
decode_number(struct buf *out, struct span s, size_t off)
{
	size_t i = off + 2;
	unsigned base = 10;
	uint32_t v = 0;
	size_t first;

	if (i < s.n && ascii_lower(s.p[i]) == 'x') {
		base = 16;
		i++;
	}
	for (first = i; i < s.n && digit(s.p[i], base) >= 0; i++)
		if (v <= CODE_MAX)
			v = v * base + (uint32_t)digit(s.p[i], base);
	if (i == first)
		return 0;
	utf8_put(out, remap(v));
	if (i < s.n && s.p[i] == ';')
		i++;
	return i - off;
}

static bool
is_name_char(unsigned char c)
{
	int l = ascii_lower(c);

	return ascii_isdigit(c) || (l >= 'a' && l <= 'z');
}

/* The codes of "=CODE" or "=CODE+CODE". */
static uint32_t
next_code(struct span value, size_t *i)
{
	uint32_t v = 0;

	for (++*i; *i < value.n && value.p[*i] != '+'; ++*i)
		v = v << 4 | (uint32_t)digit(value.p[*i], 16);
	return v;
}

static void
put_codes(struct buf *out, struct span value)
{
	for (size_t i = 0; i < value.n;)
		utf8_put(out, next_code(value, &i));
}

static size_t
decode_name(struct buf *out, struct span s, size_t off, bool attr)
{
	static const struct span table = {(const unsigned char *)entity_table,
	    sizeof(entity_table) - 1};
	struct span rest = span_sub(s, off + 1, ENTITY_NAME_MAX + 1);
	struct span value;
	size_t n = 0;

	while (n < rest.n && is_name_char(rest.p[n]))
		n++;
	if (n < rest.n && rest.p[n] == ';' &&
	    word_find(table, span_sub(rest, 0, n), &value)) {
		put_codes(out, value);
		return n + 2;
	}
	for (size_t k = n < LEGACY_NAME_MAX ? n : LEGACY_NAME_MAX; k > 1; k--) {
		if (!word_find(table, span_sub(rest, 0, k), &value) ||
		    value.p[0] != ':')
			continue;
		/* "?a=1&copy=2" is a query. */
		if (attr && k < rest.n &&
		    (rest.p[k] == '=' || is_name_char(rest.p[k])))
			return 0;
		put_codes(out, value);
		return k + 1;
	}
	return 0;
}

size_t
entity_decode(struct buf *out, struct span s, size_t off, bool attr)
{
	if (off + 1 < s.n && s.p[off + 1] == '#')
		return decode_number(out, s, off);
	return decode_name(out, s, off, attr);
}

uint32_t
entity_code(struct span name)
{
	struct span value;
	size_t i = 0;

	uint32_t code;

	if (!word_find(SPAN_LIT(entity_table), name, &value))
		return 0;
	code = next_code(value, &i);
	return i == value.n ? code : 0;
}

void
entity_decode_attr(struct buf *out, struct span value)
{
	for (size_t i = 0; i < value.n;) {
		size_t amp = span_chr(value, i, '&');
		size_t n;

		buf_puts_span(out, span_sub(value, i, amp - i));
		if (amp == value.n)
			break;
		n = entity_decode(out, value, amp, true);
		if (n == 0) {
			buf_putc(out, '&');
			n = 1;
		}
		i = amp + n;
	}
}
