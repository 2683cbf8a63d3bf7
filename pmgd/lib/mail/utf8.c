#include "lib/mail/utf8.h"

size_t
utf8_next(struct span s, size_t off, uint32_t *cp_r)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n;
	uint32_t v;
	unsigned char c;

	if (off >= s.n)
		return 0;
	c = s.p[off];
	n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
	    : c < 0xf5 ? 4 : 0;
	if (n == 0 || n > s.n - off)
		return 0;
	v = n == 1 ? c : c & (0xffu >> (n + 1));
	for (size_t k = 1; k < n; k++) {
		if ((s.p[off + k] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s.p[off + k] & 0x3f);
	}
	if (v < min[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp_r = v;
	return n;
}

bool
utf8_valid(struct span s)
{
	uint32_t cp;
	size_t n;

	for (size_t i = 0; i < s.n; i += n) {
		n = utf8_next(s, i, &cp);
		if (n == 0)
			return false;
	}
	return true;
}

bool
utf8_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

void
utf8_put(struct buf *out, uint32_t cp)
{
	unsigned char c[4];
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	c[0] = (unsigned char)(n == 1 ? cp
	    : (0xf00u >> n & 0xff) | cp >> 6 * (n - 1));
	for (size_t i = 1; i < n; i++)
		c[i] = (unsigned char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
	buf_put(out, c, n);
}
