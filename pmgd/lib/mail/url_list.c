#include "lib/mail/url_list.h"

#include "lib/mail/url_find.h"
#include "lib/mail/url_rewriter.h"

enum { FIRST_CAP = 32 };

void
url_list_init(struct url_list *l, struct arena *a, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->a = a;
	l->max = max;
}

static uint32_t
hash(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 16777619u;
	/* The low bits choose the slot. */
	return h ^ h >> 15;
}

/* The slot of norm: its own, or a free one. The table is never full. */
static uint32_t *
slot_of(const struct url_list *l, struct span norm)
{
	size_t i = hash(norm) & (l->nslot - 1);

	while (l->slot[i] != 0) {
		const struct url_item *u = &l->item[l->slot[i] - 1];

		if (span_eq(span_of(u->norm, u->n), norm))
			break;
		i = (i + 1) & (l->nslot - 1);
	}
	return &l->slot[i];
}

/* Room for one more; slots are twice the items. */
static bool
grow(struct url_list *l)
{
	size_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
	struct url_item *item;

	if (l->n < l->cap)
		return true;
	item = arena_array(l->a, cap, sizeof(*item));
	l->slot = item != NULL ? arena_array(l->a, cap * 2, sizeof(*l->slot))
	    : NULL;
	if (l->slot == NULL) {
		/* The old table is gone: nothing can be added any more. */
		l->max = l->nslot = 0;
		return false;
	}
	if (l->n > 0)
		memcpy(item, l->item, l->n * sizeof(*item));
	l->item = item;
	l->cap = cap;
	l->nslot = cap * 2;
	for (size_t i = 0; i < l->n; i++)
		*slot_of(l, span_of(item[i].norm, item[i].n)) =
		    (uint32_t)i + 1;
	return true;
}

/* Index of the item of that normal form, new or not; SIZE_MAX: no room. */
static size_t
insert(struct url_list *l, struct span norm, const struct url_item *u)
{
	uint32_t *slot = l->nslot > 0 ? slot_of(l, norm) : NULL;
	char *copy;

	if (slot != NULL && *slot != 0) {
		struct url_item *old = &l->item[*slot - 1];
		uint32_t guessed = old->at.flags & u->at.flags & URL_GUESSED;

		old->at.flags |= u->at.flags;
		old->at.flags = (old->at.flags & ~(uint32_t)URL_GUESSED) |
		    guessed;
		return *slot - 1;
	}
	if (l->n >= l->max || !grow(l) ||
	    (copy = arena_strndup(l->a, norm)) == NULL) {
		l->full = true;
		return SIZE_MAX;
	}
	l->item[l->n] = *u;
	l->item[l->n].norm = copy;
	l->item[l->n].n = norm.n;
	*slot_of(l, norm) = (uint32_t)++l->n;
	return l->n - 1;
}

struct job {
	size_t from;		/* index of the one to look into */
	unsigned depth;
};

/* The normal form of in; without a scheme, of "www.x" as a client sees it. */
static bool
normal_form(struct buf *norm, struct url_item *u, struct span in,
    const struct url_item *base)
{
	uint32_t where = u->at.flags;
	struct buf guess;
	bool ok;

	if ((where & URL_GUESSED) == 0 && url_normalise(norm, &u->at, in,
	    base != NULL ? span_of(base->norm, base->n) : SPAN_LIT(""),
	    base != NULL ? &base->at : NULL)) {
		u->at.flags |= where;
		return true;
	}
	in = span_trim(span_sub(in, 0, URL_BYTES_MAX));
	if (!url_is_bare(in))
		return false;
	buf_init(&guess, URL_BYTES_MAX + 8);
	buf_puts(&guess, "http://");
	buf_puts_span(&guess, in);
	ok = url_normalise(norm, &u->at, buf_span(&guess), SPAN_LIT(""), NULL);
	u->at.flags |= where | URL_GUESSED;
	buf_free(&guess);
	return ok;
}

/* Index of one URL, new or not. */
static size_t
add_one(struct url_list *l, struct buf *norm, struct span in,
    struct url_item *u, const struct url_item *base)
{
	buf_reset(norm);
	return normal_form(norm, u, in, base) ? insert(l, buf_span(norm), u)
	    : SIZE_MAX;
}

/* Every URL inside of the one at index, level by level. */
static void
add_nested(struct url_list *l, struct buf *norm, size_t index)
{
	struct job job[URL_UNWRAP_TOTAL];
	size_t njob = 1, next = 0;
	struct buf text;
	struct url_unwrapped found;

	buf_init(&text, URL_UNWRAP_BYTES);
	job[0] = (struct job){.from = index};
	for (; next < njob; next++) {
		const struct url_item *u = &l->item[job[next].from];

		l->item[job[next].from].at.flags |= url_unwrap(
		    span_of(u->norm, u->n), &u->at, &text, &found);
		if (found.n == 0 || job[next].depth == URL_NESTED_MAX)
			continue;
		for (size_t i = 0; i < found.n && njob < URL_UNWRAP_TOTAL;
		    i++) {
			struct url_item in = {.from = job[next].from};
			size_t before = l->n, at;
			struct span s = span_of(text.p + found.off[i],
			    found.len[i]);

			in.at.flags = URL_DECODED |
			    (l->item[in.from].at.flags & (URL_IN_TEXT |
			    URL_IN_HTML | URL_IN_SCRIPT));
			at = add_one(l, norm, s, &in, NULL);
			if (at != SIZE_MAX && l->n > before)
				job[njob++] = (struct job){.from = at,
				    .depth = job[next].depth + 1};
		}
	}
	buf_free(&text);
}

void
url_list_add(struct url_list *l, struct span written, struct span in,
    uint32_t flags, const struct url_item *base)
{
	struct url_item u = {.written = written, .from = SIZE_MAX};
	size_t before = l->n, at;
	struct buf norm;

	u.at.flags = flags;
	buf_init(&norm, 2 * (size_t)URL_NORM_MAX);
	at = add_one(l, &norm, in, &u, base);
	if (at != SIZE_MAX && l->n > before)
		add_nested(l, &norm, at);
	buf_free(&norm);
}

void
url_list_add_text(struct url_list *l, struct span text, uint32_t where)
{
	struct span found;
	uint32_t flags;

	for (size_t pos = 0; url_find(text, &pos, &found, &flags);)
		url_list_add(l, found, found, flags | where, NULL);
}
