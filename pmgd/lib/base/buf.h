/*
 * A growing byte buffer with a maximum: the only writer of raw bytes. Going
 * past the maximum drops the write and sets `overflow`, which stays set; the
 * caller checks once, before using the result. Out of memory ends the process.
 */
#ifndef PMG_BASE_BUF_H
#define PMG_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/span.h"

struct buf {
	unsigned char *p;
	size_t n;
	size_t cap;
	size_t max;
	bool overflow;
};

/* max: most bytes it may ever hold. No memory is taken before the first put. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empty it, clear `overflow`, keep the memory. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, int c);
void buf_puts(struct buf *b, const char *s);
void buf_puts_span(struct buf *b, struct span s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
/* u32 length, then the bytes: what cur_lp() reads. */
void buf_lp(struct buf *b, struct span s);
void buf_lps(struct buf *b, const char *s);
/* Overwrite four bytes at off (which must have been written). */
void buf_set_u32(struct buf *b, size_t off, uint32_t v);

/* The content as a C string: a NUL is kept behind it, not counted in n. */
const char *buf_cstr(struct buf *b);

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){b->p, b->n};
}

#endif
