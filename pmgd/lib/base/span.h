/*
 * A span is a read-only view of bytes owned by somebody else. A cursor walks
 * a span; its error is sticky: after the first short read every further read
 * returns zeros and cur_ok() is false, so a decoder checks once, at its end.
 * Integers are big-endian.
 */
#ifndef PMG_BASE_SPAN_H
#define PMG_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const unsigned char *p;
	size_t n;
};

#define SPAN_LIT(s) ((struct span){(const unsigned char *)(s), sizeof(s) - 1})

static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){(const unsigned char *)p, n};
}

static inline struct span
span_str(const char *s)
{
	return (struct span){(const unsigned char *)s, s ? strlen(s) : 0};
}

/* The part of s that starts at off, at most n bytes; clamped, never outside. */
struct span span_sub(struct span s, size_t off, size_t n);
bool span_eq(struct span a, struct span b);
/* ASCII letters compare equal in either case; all other bytes exactly. */
bool span_ieq(struct span a, struct span b);
bool span_ieqs(struct span a, const char *s);
bool span_iprefix(struct span s, const char *prefix);
/* Without leading and trailing SP, HTAB, CR, LF. */
struct span span_trim(struct span s);
/* Offset of the first byte c at or after from, or s.n. */
size_t span_chr(struct span s, size_t from, unsigned char c);
/* Offset of needle at or after from, or SIZE_MAX. */
size_t span_find(struct span s, size_t from, struct span needle);

struct cursor {
	struct span s;
	size_t pos;
	bool bad;
};

static inline struct cursor
cur_of(struct span s)
{
	return (struct cursor){s, 0, false};
}

uint8_t cur_u8(struct cursor *c);
uint16_t cur_u16(struct cursor *c);
uint32_t cur_u32(struct cursor *c);
uint64_t cur_u64(struct cursor *c);
/* n raw bytes; an empty span and the error when fewer are left. */
struct span cur_take(struct cursor *c, size_t n);
/* u32 length, then that many bytes. */
struct span cur_lp(struct cursor *c);

static inline bool
cur_ok(const struct cursor *c)
{
	return !c->bad;
}

static inline size_t
cur_left(const struct cursor *c)
{
	return c->bad ? 0 : c->s.n - c->pos;
}

/* True when everything was read and nothing was short. */
static inline bool
cur_done(const struct cursor *c)
{
	return !c->bad && c->pos == c->s.n;
}

#endif
