/* Text helpers. ASCII only: mail syntax never depends on the locale. */
#ifndef PMG_BASE_STR_H
#define PMG_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/span.h"

static inline int
ascii_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static inline bool
ascii_isdigit(int c)
{
	return c >= '0' && c <= '9';
}

/* Lower-cases ASCII letters in place. */
void str_lower(char *s);
/* Whole decimal number in [min, max]; false otherwise, *out untouched. */
bool str_num(struct span s, int64_t min, int64_t max, int64_t *out);
/* Copies with truncation, always terminated; returns false when it was cut. */
bool str_copy(char *dst, size_t size, const char *src);

#endif
