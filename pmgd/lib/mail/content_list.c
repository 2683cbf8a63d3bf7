#include "lib/mail/content_walk.h"

enum { FIRST_ITEMS = 16 };

bool
walk_room(struct walk *w)
{
	size_t cap = w->cap ? w->cap * 2 : FIRST_ITEMS;
	struct content *more;
	uint64_t *hash;

	if (w->list.n < w->cap)
		return true;
	if (w->list.n >= CONTENT_MAX) {
		w->list.defects |= MIME_LIMIT_PARTS;
		return false;
	}
	more = arena_array(w->a, cap, sizeof(*more));
	hash = arena_array(w->a, cap, sizeof(*hash));
	if (more == NULL || hash == NULL) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return false;
	}
	if (w->list.n > 0) {
		memcpy(more, w->list.item, w->list.n * sizeof(*more));
		memcpy(hash, w->hash, w->list.n * sizeof(*hash));
	}
	w->list.item = more;
	w->hash = hash;
	w->cap = cap;
	return true;
}

/*
 * FNV-1a over words: only to tell readings apart quickly. It has no key, and
 * senders can make collisions: what a comparison in vain costs is work.
 */
static uint64_t
hash_bytes(uint64_t h, const unsigned char *p, size_t n)
{
	uint64_t v;

	h ^= n;

	for (; n >= sizeof(v); p += sizeof(v), n -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = (h ^ v) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

/* Of bytes under a name; never 0. */
static uint64_t
hash_item(const struct walk *w, const struct content *it)
{
	uint64_t h = hash_bytes(0xcbf29ce484222325u, w->out->p + it->off,
	    it->n);

	if (it->name != NULL)
		h = hash_bytes(h, (const unsigned char *)it->name,
		    strlen(it->name));
	return h | 1;
}

static bool
same_name(const struct content *x, const struct content *y)
{
	if (x->name == NULL || y->name == NULL)
		return y->name == NULL;
	return strcmp(x->name, y->name) == 0;
}

/* Whether the list has those bytes under that name. Once the work is used up
 * nothing is known any more: at worst something is listed twice. */
static bool
is_known(struct walk *w, const struct content *it, uint64_t hash)
{
	const unsigned char *p = w->out->p;

	for (size_t i = w->list.n; i > 0 && w->work > 0; i--) {
		const struct content *x = &w->list.item[i - 1];
		bool plain = w->hash[i - 1] == 0;

		if (x->n != it->n || (plain && x->part != it->part) ||
		    (!plain && w->hash[i - 1] != hash))
			continue;
		if (same_name(x, it) &&
		    memcmp(p + x->off, p + it->off, it->n) == 0)
			return true;
		if (!plain)
			w->work -= w->work < it->n ? w->work : it->n;
	}
	return false;
}

/* A reading that stops earlier shares the bytes of the plain one. */
static bool
is_beginning(struct walk *w, struct content *it)
{
	for (size_t i = w->list.n; i > 0; i--) {
		const struct content *x = &w->list.item[i - 1];

		if (x->part != it->part)
			break;
		if (w->hash[i - 1] != 0)
			continue;
		if (x->n < it->n || memcmp(w->out->p + x->off,
		        w->out->p + it->off, it->n) != 0)
			return false;
		it->off = x->off;
		return true;
	}
	return false;
}

bool
walk_add(struct walk *w, struct content it)
{
	uint64_t hash;

	if (it.n == 0)
		return false;
	hash = hash_item(w, &it);
	if (is_known(w, &it, hash) || !walk_room(w))
		return false;
	w->hash[w->list.n] = hash;
	w->list.item[w->list.n++] = it;
	return true;
}

struct content
walk_item(const struct walk *w, const struct mime_part *p,
    enum content_how how)
{
	struct content it = {.part = p->index, .how = how};

	if (!w->inside)
		return it;
	it.part = w->part;
	it.as = p;
	it.name = p->filename;
	return it;
}

bool
reading_begin(struct walk *w, struct reading *r, size_t n)
{
	if (w->out->overflow || w->work < n || w->list.n >= CONTENT_MAX) {
		w->list.defects |= w->list.n >= CONTENT_MAX ?
		    MIME_LIMIT_PARTS : MIME_LIMIT_MEMORY;
		return false;
	}
	w->work -= n;
	r->off = w->out->n;
	r->max = w->out->max;
	if (w->out->max - r->off > w->work)
		w->out->max = r->off + w->work;
	return true;
}

bool
reading_end(struct walk *w, const struct reading *r, struct content *it)
{
	struct buf *out = w->out;

	it->off = r->off;
	it->n = out->n - r->off;
	w->work -= it->n;
	out->max = r->max;
	if (out->overflow)
		w->list.defects |= MIME_LIMIT_MEMORY;
	out->overflow = false;
	if (it->n > 0 && is_beginning(w, it))
		out->n = r->off;
	if (!walk_add(w, *it)) {
		out->n = r->off;
		return false;
	}
	content_inline(w, *it);
	return true;
}

void
walk_message_later(struct walk *w, struct span in, bool copy)
{
	struct job *j;

	if (in.n == 0)
		return;
	if (w->level >= CONTENT_LEVELS) {
		w->list.defects |= MIME_LIMIT_DEPTH;
		return;
	}
	j = w->work >= in.n ? arena_alloc(w->a, sizeof(*j)) : NULL;
	if (j == NULL) {
		w->list.defects |= MIME_LIMIT_MEMORY;
		return;
	}
	w->work -= in.n;
	j->part = w->part;
	j->level = w->level + 1;
	j->in = in;
	if (copy) {
		buf_init(&j->bytes, in.n);
		buf_puts_span(&j->bytes, in);
		j->in = buf_span(&j->bytes);
	}
	*w->last = j;
	w->last = &j->next;
}
