/*
 * Patterns with * (any characters, none included) and ? (one character of
 * UTF-8). The text is prepared once and then compared with any number of
 * patterns, each in one pass over its bytes: no pattern makes it go back.
 * Bytes are compared as they are; who wants to ignore case lowers both.
 */
#ifndef PMG_RULES_GLOB_H
#define PMG_RULES_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/span.h"

enum { GLOB_TEXT_MAX = 1023 };	/* bytes; longer texts match nothing */

struct glob_text {
	size_t n;		/* bytes of the text */
	size_t nword;		/* 64-bit words for a bit per position, the
				 * end included */
	uint16_t row[256];	/* 1 + row of mask where the byte occurs */
	uint64_t *mask;		/* rows of nword: bit i = text[i] is that byte */
	uint64_t *next;		/* bit i = text[i] continues a character */
};

/* False: too long, or the arena is full. */
bool glob_prepare(struct glob_text *t, struct span text, struct arena *a);
/* The whole text from byte `from` (at most t->n) on. */
bool glob_match(const struct glob_text *t, size_t from, struct span pattern);
/* Has a * or ?. */
bool glob_is_pattern(struct span s);
/* What stands behind the last * or ?: every text that matches ends so. */
struct span glob_tail(struct span pattern);

#endif
