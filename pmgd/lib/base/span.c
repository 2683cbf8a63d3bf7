#include "lib/base/span.h"

#include "lib/base/str.h"

struct span
span_sub(struct span s, size_t off, size_t n)
{
	if (off > s.n)
		off = s.n;
	if (n > s.n - off)
		n = s.n - off;
	return span_of(s.p ? s.p + off : NULL, n);
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_ieq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool
span_ieqs(struct span a, const char *s)
{
	return span_ieq(a, span_str(s));
}

bool
span_iprefix(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && span_ieq(span_of(s.p, n), span_of(prefix, n));
}

static bool
is_trimmed(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && is_trimmed(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_trimmed(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t
span_chr(struct span s, size_t from, unsigned char c)
{
	const unsigned char *hit;

	if (from >= s.n)
		return s.n;
	hit = memchr(s.p + from, c, s.n - from);
	return hit ? (size_t)(hit - s.p) : s.n;
}

size_t
span_find(struct span s, size_t from, struct span needle)
{
	const unsigned char *hit;

	if (from > s.n || needle.n > s.n - from)
		return SIZE_MAX;
	if (needle.n == 0)
		return from;
	hit = memmem(s.p + from, s.n - from, needle.p, needle.n);
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

/* Advances over n bytes and returns them, or sets the sticky error. */
static const unsigned char *
cur_advance(struct cursor *c, size_t n)
{
	const unsigned char *p;

	if (c->bad || n > c->s.n - c->pos) {
		c->bad = true;
		return NULL;
	}
	/* Even plus nothing, a null pointer is undefined behaviour. */
	p = c->s.p != NULL ? c->s.p + c->pos : NULL;
	c->pos += n;
	return p;
}

static uint64_t
cur_uint(struct cursor *c, size_t n)
{
	const unsigned char *p = cur_advance(c, n);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
cur_u8(struct cursor *c)
{
	return (uint8_t)cur_uint(c, 1);
}

uint16_t
cur_u16(struct cursor *c)
{
	return (uint16_t)cur_uint(c, 2);
}

uint32_t
cur_u32(struct cursor *c)
{
	return (uint32_t)cur_uint(c, 4);
}

uint64_t
cur_u64(struct cursor *c)
{
	return cur_uint(c, 8);
}

struct span
cur_take(struct cursor *c, size_t n)
{
	const unsigned char *p = cur_advance(c, n);

	return span_of(p, p ? n : 0);
}

struct span
cur_lp(struct cursor *c)
{
	return cur_take(c, cur_u32(c));
}
