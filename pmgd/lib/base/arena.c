#include "lib/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include "lib/base/xalloc.h"

enum { BLOCK_SIZE = 32 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(16) unsigned char data[];
};

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

void
arena_free(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b != NULL) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	*a = (struct arena){.max = a->max};
}

static struct arena_block *
arena_grow(struct arena *a, size_t n)
{
	/* A large block goes behind the head, so that the head's rest stays
	 * in use; its own rest never would be, so it has none. */
	bool apart = a->head != NULL && n > BLOCK_SIZE / 4;
	size_t size = apart || n > BLOCK_SIZE ? n : BLOCK_SIZE;
	struct arena_block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	if (apart) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *p;

	if (n == 0)
		n = 1;
	if (n > a->max) {
		a->full = true;
		return NULL;
	}
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->full || n > a->max - a->used) {
		a->full = true;
		return NULL;
	}
	if (b == NULL || n > b->size - b->used)
		b = arena_grow(a, n);
	p = b->data + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size) {
		a->full = true;
		return NULL;
	}
	return arena_alloc(a, count * size);
}

char *
arena_strndup(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, span_str(s));
}

const char *
cur_str(struct cursor *c, struct arena *a)
{
	struct span s = cur_lp(c);
	const char *copy = NULL;

	if (cur_ok(c) && span_chr(s, 0, '\0') == s.n)
		copy = arena_strndup(a, s);
	if (copy == NULL)
		c->bad = true;
	return copy == NULL ? "" : copy;
}
