/*
 * Regular expressions of rules: many patterns, one pass over the subject, in
 * linear time whatever the pattern (Hyperscan). pattern.c is the only file
 * that knows the library. Patterns are UTF-8, match without regard to case,
 * and a dot matches a line end as well: no encoded newline hides a name.
 *
 * A compiled set is bytes that any x86-64 machine with SSSE3 can load; loading
 * and scanning need no executable memory. A loaded set holds its own scratch
 * space: one thread at a time.
 */
#ifndef PMG_RULES_PATTERN_H
#define PMG_RULES_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	PATTERN_BYTES_MAX = 2048,	/* of one pattern */
	PATTERN_COUNT_MAX = 200000,	/* in one set */
};

struct pattern {
	const char *text;
	bool whole;		/* must match the whole subject, not a part */
};

/* -1: e has what is wrong, where (1 = first byte), and what to do about it. */
int pattern_check(const struct pattern *p, struct err *e);
/*
 * Compiles n checked patterns; appends the set's bytes to out. -1: *bad_r is
 * the pattern at fault (n = all of them together), e tells.
 */
int pattern_compile(const struct pattern *p, size_t n, struct buf *out,
    size_t *bad_r, struct err *e);

struct pattern_set;
/* NULL: damaged or made for another library version; e tells. */
struct pattern_set *pattern_set_load(struct span bytes, struct err *e);
void pattern_set_free(struct pattern_set *s);
/* Calls hit(arg, index of the pattern) once for each pattern that matches.
 * Bytes that are not UTF-8 count as U+FFFD. */
void pattern_set_scan(const struct pattern_set *s, struct span subject,
    void (*hit)(void *arg, size_t index), void *arg);

#endif
