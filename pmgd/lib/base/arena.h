/*
 * Memory of one message: everything that is parsed out of it lives and dies
 * together. `max` turns a memory bomb into an ordinary defect: past it
 * arena_alloc() returns NULL and arena_full() stays true. Out of memory of the
 * process ends it.
 */
#ifndef PMG_BASE_ARENA_H
#define PMG_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/span.h"

struct arena {
	struct arena_block *head;
	size_t used;
	size_t max;
	bool full;
};

void arena_init(struct arena *a, size_t max);
/* Frees every block; the arena is empty and may be used again. */
void arena_free(struct arena *a);
/* Zeroed memory, aligned for any type, or NULL past the maximum. */
void *arena_alloc(struct arena *a, size_t n);
/* Zeroed array; NULL past the maximum or when count * size overflows. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* Copies with a NUL behind; NULL past the maximum. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, struct span s);
/*
 * A string of buf_lps(), copied into a; never NULL. A NUL in it or a full
 * arena sets the cursor's error.
 */
const char *cur_str(struct cursor *c, struct arena *a);

static inline bool
arena_full(const struct arena *a)
{
	return a->full;
}

#endif
