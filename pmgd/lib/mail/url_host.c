#include "lib/mail/url_host.h"

#include <arpa/inet.h>
#include "lib/base/str.h"
#include "lib/mail/url.h"
#include "lib/mail/utf8.h"

enum {
	HOST_MAX = 1024,	/* bytes that are looked at; DNS takes 253 */
	IPV4_PARTS = 4,
};

struct range {
	uint32_t first, last;
	uint32_t to;		/* first becomes this one ... */
	uint32_t step;		/* ... each step one further; modulo `period` */
	uint32_t period;
};

/*
 * Characters that stand for ASCII ones in a host (compatibility mappings of
 * UTS 46), and upper case of alphabets that real domains use. A period: the
 * styles of mathematical letters follow each other.
 */
static const struct range ranges[] = {
    {0xa0, 0xa0, ' ', 1, 0}, {0xb2, 0xb3, '2', 1, 0}, {0xb9, 0xb9, '1', 1, 0},
    {0xc0, 0xd6, 0xe0, 1, 0}, {0xd8, 0xde, 0xf8, 1, 0},
    {0x178, 0x178, 0xff, 1, 0},
    {0x391, 0x3a1, 0x3b1, 1, 0}, {0x3a3, 0x3a9, 0x3c3, 1, 0},
    {0x400, 0x40f, 0x450, 1, 0}, {0x410, 0x42f, 0x430, 1, 0},
    {0x531, 0x556, 0x561, 1, 0},
    {0x2000, 0x200a, ' ', 0, 0}, {0x202f, 0x202f, ' ', 1, 0},
    {0x2070, 0x2070, '0', 1, 0}, {0x2074, 0x2079, '4', 1, 0},
    {0x2080, 0x2089, '0', 1, 0}, {0x2102, 0x2102, 'c', 1, 0},
    {0x210a, 0x210a, 'g', 1, 0}, {0x210b, 0x210e, 'h', 0, 0},
    {0x2110, 0x2111, 'i', 0, 0}, {0x2112, 0x2113, 'l', 0, 0},
    {0x2115, 0x2115, 'n', 1, 0}, {0x2119, 0x2119, 'p', 1, 0},
    {0x211a, 0x211a, 'q', 1, 0}, {0x211b, 0x211d, 'r', 0, 0},
    {0x2124, 0x2124, 'z', 1, 0}, {0x2128, 0x2128, 'z', 1, 0},
    {0x212a, 0x212a, 'k', 1, 0}, {0x212c, 0x212c, 'b', 1, 0},
    {0x212d, 0x212d, 'c', 1, 0}, {0x212f, 0x2130, 'e', 0, 0},
    {0x2131, 0x2131, 'f', 1, 0}, {0x2133, 0x2133, 'm', 1, 0},
    {0x2134, 0x2134, 'o', 1, 0},
    {0x2460, 0x2468, '1', 1, 0}, {0x24b6, 0x24cf, 'a', 1, 0},
    {0x24d0, 0x24e9, 'a', 1, 0}, {0x24ea, 0x24ea, '0', 1, 0},
    {0x3000, 0x3000, ' ', 1, 0}, {0x3002, 0x3002, '.', 1, 0},
    {0xff01, 0xff5e, '!', 1, 0},
    {0xff61, 0xff61, '.', 1, 0}, {0x1d400, 0x1d6a3, 'a', 1, 26},
    {0x1d7ce, 0x1d7ff, '0', 1, 10}, {0x1f130, 0x1f149, 'a', 1, 0},
};

/* Not there for a resolver (UTS 46 "ignored"). */
static bool
is_ignored(uint32_t c)
{
	return c == 0xad || c == 0x200b || c == 0x2060 || c == 0x2064 ||
	    c == 0xfeff || c == 0x34f || (c >= 0x180b && c <= 0x180d) ||
	    (c >= 0xfe00 && c <= 0xfe0f);
}

static uint32_t
map_char(uint32_t c)
{
	/* Pairs of upper and lower case. */
	if ((c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
	    (c >= 0x14a && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *r = &ranges[i];
		uint32_t at = c - r->first;

		if (c < r->first || c > r->last)
			continue;
		if (r->period != 0)
			at %= r->period;
		return (uint32_t)ascii_lower((int)(r->to + at * r->step));
	}
	return c;
}

static uint32_t
put_mapped(struct buf *out, struct span s)
{
	uint32_t flags = 0, cp, to;

	for (size_t i = 0, n; i < s.n; i += n) {
		if (s.p[i] < 0x80) {
			n = 1;
			buf_putc(out, ascii_lower(s.p[i]));
			continue;
		}
		n = utf8_next(s, i, &cp);
		if (n == 0) {
			n = 1;
			flags |= URL_BAD_HOST;
			utf8_put(out, 0xfffd);
			continue;
		}
		if (is_ignored(cp)) {
			flags |= URL_HOST_ODD;
			continue;
		}
		to = map_char(cp);
		if (to < 0x80)
			flags |= URL_HOST_ODD;
		else
			flags |= URL_IDN;
		utf8_put(out, to);
	}
	return flags;
}

/* One number of an address: decimal, 0octal, 0xhex. */
static bool
ipv4_number(struct span s, uint64_t *v)
{
	unsigned base = 10;
	size_t i = 0;

	*v = 0;
	if (s.n > 1 && s.p[0] == '0') {
		base = s.p[1] == 'x' ? 16 : 8;
		i = base == 16 ? 2 : 1;
	}
	for (; i < s.n; i++) {
		unsigned char c = s.p[i];
		unsigned d = ascii_isdigit(c) ? (unsigned)(c - '0')
		    : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 99;

		if (d >= base)
			return false;
		if (*v <= UINT32_MAX)
			*v = *v * base + d;
	}
	return s.n > 0;
}

static bool
all_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_isdigit(s.p[i]))
			return false;
	return s.n > 0;
}

/* Browsers take a host for an IPv4 address when its last label is a number. */
static bool
ends_in_number(struct span host)
{
	size_t dot = host.n;
	struct span last;
	uint64_t v;

	while (dot > 0 && host.p[dot - 1] != '.')
		dot--;
	last = span_sub(host, dot, SIZE_MAX);
	return all_digits(last) ||
	    (span_iprefix(last, "0x") && ipv4_number(last, &v));
}

static bool
ipv4_parse(struct span host, uint32_t *addr)
{
	uint64_t v = 0, sum = 0;
	size_t i = 0, parts = 0;

	for (;; parts++) {
		size_t dot = span_chr(host, i, '.');

		if (parts == IPV4_PARTS ||
		    !ipv4_number(span_sub(host, i, dot - i), &v))
			return false;
		if (dot == host.n)
			break;
		if (v > 255)
			return false;
		sum |= v << 8 * (3 - parts);
		i = dot + 1;
	}
	if (v >> 8 * (IPV4_PARTS - parts) != 0)
		return false;
	*addr = (uint32_t)(sum | v);
	return true;
}

static uint32_t
put_ipv6(struct buf *out, struct span raw)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr in;

	if (raw.n < 3 || raw.n > sizeof(text) || raw.p[raw.n - 1] != ']' ||
	    span_chr(raw, 0, '\0') < raw.n)
		return URL_BAD_HOST;
	memcpy(text, raw.p + 1, raw.n - 2);
	text[raw.n - 2] = '\0';
	if (inet_pton(AF_INET6, text, &in) != 1)
		return URL_BAD_HOST;
	inet_ntop(AF_INET6, &in, text, sizeof(text));
	buf_printf(out, "[%s]", text);
	return URL_IP;
}

static bool
is_forbidden(unsigned char c)
{
	return c <= 0x20 || c == 0x7f || strchr("#/:<>?@[\\]^|%\"'`{}", c);
}

static uint32_t
put_name(struct buf *out, struct span host)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < host.n; i++) {
		if (is_forbidden(host.p[i])) {
			buf_printf(out, "%%%02X", host.p[i]);
			flags |= URL_BAD_HOST;
		} else {
			buf_putc(out, host.p[i]);
		}
	}
	if (span_iprefix(host, "xn--") ||
	    span_find(host, 0, SPAN_LIT(".xn--")) != SIZE_MAX)
		flags |= URL_IDN;
	return flags;
}

static uint32_t
put_ipv4(struct buf *out, struct span host)
{
	char text[INET_ADDRSTRLEN];
	uint32_t addr;
	struct in_addr in;

	if (!ipv4_parse(host, &addr))
		return URL_BAD_HOST | put_name(out, host);
	in.s_addr = htonl(addr);
	inet_ntop(AF_INET, &in, text, sizeof(text));
	buf_puts(out, text);
	return URL_IP | (span_eq(host, span_str(text)) ? 0 : URL_IP_ODD);
}

/* DNS has no such name. */
static bool
has_empty_label(struct span host)
{
	return host.n == 0 || host.p[0] == '.' ||
	    host.p[host.n - 1] == '.' ||
	    span_find(host, 0, SPAN_LIT("..")) != SIZE_MAX;
}

uint32_t
url_host_put(struct buf *out, struct span raw)
{
	struct buf decoded, mapped;
	struct span host;
	uint32_t flags = 0;

	if (raw.n > HOST_MAX) {
		raw.n = HOST_MAX;
		flags |= URL_BAD_HOST;
	}
	if (raw.n > 0 && raw.p[0] == '[') {
		flags |= put_ipv6(out, raw);
		if ((flags & URL_BAD_HOST) == 0)
			return flags;
	}
	buf_init(&decoded, HOST_MAX);
	buf_init(&mapped, 3 * HOST_MAX);
	url_percent_decode(&decoded, raw);
	if (decoded.n != raw.n)
		flags |= URL_HOST_ODD;
	flags |= put_mapped(&mapped, buf_span(&decoded));
	host = buf_span(&mapped);
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	if (ends_in_number(host))
		flags |= put_ipv4(out, host);
	else
		flags |= put_name(out, host);
	if (has_empty_label(host))
		flags |= URL_BAD_HOST;
	buf_free(&decoded);
	buf_free(&mapped);
	return flags;
}
