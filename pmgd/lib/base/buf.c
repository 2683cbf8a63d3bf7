#include "lib/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include "lib/base/xalloc.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
}

/*
 * Room for n more bytes and the NUL of buf_cstr(). False past the maximum;
 * once a write was dropped, later ones are too: a gap would be worse than a
 * truncated end.
 */
static bool
buf_reserve(struct buf *b, size_t n)
{
	size_t want;

	if (b->overflow || n > b->max - b->n) {
		b->overflow = true;
		return false;
	}
	want = b->n + n + 1;
	if (want > b->cap) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap < want)
			cap *= 2;
		b->p = xrealloc(b->p, cap, 1);
		b->cap = cap;
	}
	return true;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!buf_reserve(b, n) || n == 0)
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void
buf_putc(struct buf *b, int c)
{
	unsigned char u = (unsigned char)c;

	buf_put(b, &u, 1);
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_puts_span(struct buf *b, struct span s)
{
	buf_put(b, s.p, s.n);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list ap2;
	int n;

	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap2);
	va_end(ap2);
	if (n < 0 || !buf_reserve(b, (size_t)n)) {
		b->overflow = true;
		return;
	}
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

static void
buf_uint(struct buf *b, uint64_t v, size_t n)
{
	unsigned char be[8];

	for (size_t i = 0; i < n; i++)
		be[i] = (unsigned char)(v >> 8 * (n - 1 - i));
	buf_put(b, be, n);
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_uint(b, v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	buf_uint(b, v, 2);
}

void
buf_u32(struct buf *b, uint32_t v)
{
	buf_uint(b, v, 4);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	buf_uint(b, v, 8);
}

void
buf_lp(struct buf *b, struct span s)
{
	if (s.n > UINT32_MAX) {
		b->overflow = true;
		return;
	}
	buf_u32(b, (uint32_t)s.n);
	buf_puts_span(b, s);
}

void
buf_lps(struct buf *b, const char *s)
{
	buf_lp(b, span_str(s));
}

void
buf_set_u32(struct buf *b, size_t off, uint32_t v)
{
	if (off > b->n || b->n - off < 4)
		return;
	for (size_t i = 0; i < 4; i++)
		b->p[off + i] = (unsigned char)(v >> 8 * (3 - i));
}

const char *
buf_cstr(struct buf *b)
{
	if (b->p == NULL)
		return "";
	b->p[b->n] = '\0';
	return (const char *)b->p;
}
