/*
 * Names in RAR archives, version 4 (and 1.5 to 3) and 5, from their block
 * headers: libarchive gives up at the first encrypted one, and an old one
 * knows no version 5. What is stored is read from here, what is packed by
 * libarchive, which takes the names from this list.
 */
#include "scan/walk_state.h"

#include <stdlib.h>
#include "lib/base/arena.h"
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"

enum {
	SIGNATURE4 = 7,
	SIGNATURE5 = 8,
	BLOCK4_MIN = 7,
	TYPE4_MAIN = 0x73,
	TYPE4_FILE = 0x74,
	TYPE4_END = 0x7b,
	MAIN4_ENCRYPTED = 0x80,
	FILE4_SPLIT = 3,
	FILE4_ENCRYPTED = 4,
	FILE4_LARGE = 0x100,
	FILE4_UNICODE = 0x200,
	FILE4_FOLDER = 0xe0,
	BLOCK4_LONG = 0x8000,
	METHOD4_STORED = 0x30,
	TYPE5_FILE = 2,
	TYPE5_ENCRYPTION = 4,
	TYPE5_END = 5,
	BLOCK5_EXTRA = 1,
	BLOCK5_DATA = 2,
	BLOCK5_SPLIT = 0x18,
	FILE5_FOLDER = 1,
	FILE5_TIME = 2,
	FILE5_CRC = 4,
	EXTRA5_ENCRYPTION = 1,
	NAMES_MAX = 16 * 1024 * 1024,
};

struct rar {
	struct walk *w;
	struct span s;
	struct walk_list list;
	size_t cap;
	unsigned files;		/* of the list */
	struct arena names;
	unsigned flags;
};

/* Folders are in the list, too, which libarchive's order counts by, but are no
 * entries: the size of the archive bounds them. */
static bool
list_add(struct rar *r, const struct walk_listed *e)
{
	if (!e->folder && r->files++ == r->w->lim.entries) {
		r->flags |= WALK_LIMIT;
		return false;
	}
	if (r->list.n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 64;
		r->list.e = xrealloc(r->list.e, r->cap, sizeof(*r->list.e));
	}
	r->list.e[r->list.n++] = *e;
	return true;
}

/*
 * The second form of a name in version 3 and 4: UTF-16 whose high bytes are
 * mostly those of the first byte, or which repeats the first form.
 */
static void
name4_decode(struct buf *out, struct span plain, struct span enc)
{
	size_t at = 1, pos = 0;
	unsigned high = enc.n > 0 ? enc.p[0] : 0;
	unsigned ops = 0, left = 0;

	while (at < enc.n && pos < UINT16_MAX) {
		unsigned c = 0, op;

		if (left == 0) {
			ops = enc.p[at++];
			left = 8;
		}
		left -= 2;
		op = ops >> left & 3;
		if (at >= enc.n)
			break;
		if (op == 3) {
			unsigned n = (enc.p[at] & 0x7f) + 2;
			bool shift = (enc.p[at++] & 0x80) != 0;
			unsigned add = shift && at < enc.n ? enc.p[at++] : 0;

			for (; n > 0 && pos < plain.n; n--, pos++) {
				c = plain.p[pos];
				if (shift)
					c = ((c + add) & 0xff) | high << 8;
				utf8_put(out, c >= 0xd800 && c < 0xe000
				    ? 0xfffd : c);
			}
			continue;
		}
		c = enc.p[at++];
		if (op == 1)
			c |= high << 8;
		else if (op == 2 && at < enc.n)
			c |= (unsigned)enc.p[at++] << 8;
		utf8_put(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
		pos++;
	}
}

static struct span
name4(struct rar *r, struct span raw, bool unicode)
{
	size_t nul = span_chr(raw, 0, '\0');
	struct buf b;
	char *copy;

	if (!unicode || nul == raw.n)
		return raw;
	buf_init(&b, 4 * UINT16_MAX);
	name4_decode(&b, span_sub(raw, 0, nul),
	    span_sub(raw, nul + 1, raw.n));
	copy = arena_strndup(&r->names, buf_span(&b));
	raw = copy != NULL ? span_of(copy, b.n) : span_sub(raw, 0, nul);
	buf_free(&b);
	return raw;
}

static bool
file4(struct rar *r, struct span h, unsigned bits, struct span data,
    bool whole)
{
	size_t at = bits & FILE4_LARGE ? 40 : 32;
	struct walk_listed e = {.folder = (bits & FILE4_FOLDER) ==
	    FILE4_FOLDER};

	e.name = name4(r, span_sub(h, at, walk_le16(h, 26)),
	    (bits & FILE4_UNICODE) != 0);
	if (bits & FILE4_ENCRYPTED)
		e.flags |= WALK_ENCRYPTED;
	if ((bits & FILE4_SPLIT) != 0 || !whole)
		e.flags |= WALK_UNREADABLE;
	if (h.n > 25 && h.p[25] == METHOD4_STORED &&
	    (bits & FILE4_ENCRYPTED) == 0)
		e.stored = data;
	return list_add(r, &e);
}

static void
list4(struct rar *r)
{
	size_t at = SIGNATURE4;

	while (r->s.n - at >= BLOCK4_MIN) {
		unsigned type = r->s.p[at + 2];
		unsigned bits = walk_le16(r->s, at + 3);
		size_t size = walk_le16(r->s, at + 5);
		struct span h = span_sub(r->s, at, size);
		uint64_t data = 0;

		if (size < BLOCK4_MIN || h.n < size) {
			r->flags |= WALK_UNREADABLE;
			return;
		}
		if (type == TYPE4_MAIN && (bits & MAIN4_ENCRYPTED) != 0) {
			r->flags |= WALK_ENCRYPTED;
			return;
		}
		if (type == TYPE4_END)
			return;
		if (type == TYPE4_FILE || (bits & BLOCK4_LONG) != 0)
			data = walk_le32(h, 7);
		if (type == TYPE4_FILE && (bits & FILE4_LARGE) != 0)
			data |= (uint64_t)walk_le32(h, 32) << 32;
		at += size;
		if (type == TYPE4_FILE && !file4(r, h, bits, span_sub(r->s, at,
		        data > SIZE_MAX ? SIZE_MAX : (size_t)data),
		        data <= r->s.n - at))
			return;
		if (data > r->s.n - at) {
			r->flags |= WALK_UNREADABLE;
			return;
		}
		at += (size_t)data;
	}
}

/* Seven bits a byte, the lowest first. */
static uint64_t
vint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = cur_u8(c);

		v |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0)
			return v;
	}
	c->bad = true;
	return 0;
}

static struct span
take(struct cursor *c, uint64_t n)
{
	return cur_take(c, n > cur_left(c) ? cur_left(c) : (size_t)n);
}

static bool
extra5_encrypted(struct span extra)
{
	struct cursor c = cur_of(extra);

	while (cur_left(&c) > 0) {
		uint64_t n = vint(&c);
		struct span rec = take(&c, n);
		struct cursor r = cur_of(rec);

		if (rec.n > 0 && vint(&r) == EXTRA5_ENCRYPTION)
			return true;
	}
	return false;
}

/* c: behind the common part of the header. */
static bool
file5(struct rar *r, struct cursor *c, struct span extra, struct span data,
    bool whole)
{
	struct walk_listed e = {.folder = false};
	uint64_t bits = vint(c), method, n;

	vint(c);	/* size */
	vint(c);	/* attributes */
	if (bits & FILE5_TIME)
		cur_take(c, 4);
	if (bits & FILE5_CRC)
		cur_take(c, 4);
	method = vint(c) >> 7 & 7;
	vint(c);	/* system */
	n = vint(c);
	e.name = take(c, n);
	e.folder = (bits & FILE5_FOLDER) != 0;
	if (extra5_encrypted(extra))
		e.flags |= WALK_ENCRYPTED;
	if (!whole)
		e.flags |= WALK_UNREADABLE;
	if (method == 0 && (e.flags & WALK_ENCRYPTED) == 0)
		e.stored = data;
	return list_add(r, &e);
}

static void
list5(struct rar *r)
{
	struct cursor all = cur_of(r->s);

	cur_take(&all, SIGNATURE5);
	while (cur_left(&all) > 5) {
		struct cursor h;
		struct span data, head;
		uint64_t size, type, bits, extra = 0, n = 0;
		bool whole;

		cur_take(&all, 4);	/* checksum */
		size = vint(&all);
		whole = size <= cur_left(&all);
		head = take(&all, size);
		h = cur_of(head);
		type = vint(&h);
		bits = vint(&h);
		if (bits & BLOCK5_EXTRA)
			extra = vint(&h);
		if (bits & BLOCK5_DATA)
			n = vint(&h);
		if (!whole || !cur_ok(&h) || extra > head.n) {
			r->flags |= WALK_UNREADABLE;
			return;
		}
		if (type == TYPE5_ENCRYPTION)
			r->flags |= WALK_ENCRYPTED;
		if (type == TYPE5_ENCRYPTION || type == TYPE5_END)
			return;
		whole = n <= cur_left(&all);
		data = take(&all, n);
		if (type == TYPE5_FILE && !file5(r, &h, span_sub(head,
		        head.n - (size_t)extra, (size_t)extra), data,
		        whole && (bits & BLOCK5_SPLIT) == 0))
			return;
		if (!whole) {
			r->flags |= WALK_UNREADABLE;
			return;
		}
	}
}

/* What libarchive did not, or need not, unpack. */
static void
emit_rest(struct rar *r, const struct walk_in *in)
{
	for (size_t i = 0; i < r->list.n && !r->w->stop; i++) {
		struct walk_listed *e = &r->list.e[i];
		struct walk_names names = {.n = 0};
		unsigned flags = e->flags;

		if (e->done || e->folder || !walk_begin(r->w))
			continue;
		walk_name_add(&names, e->name);
		if (e->stored.n > r->w->lim.entry_bytes) {
			e->stored.n = (size_t)r->w->lim.entry_bytes;
			flags |= WALK_LIMIT;
		}
		if (e->stored.n > 0 && walk_spend(r->w, e->stored.n))
			walk_object(r->w, &names, e->stored, in->depth, flags);
		else
			walk_leaf(r->w, &names, in->depth, flags |
			    (r->w->stop ? WALK_LIMIT : 0),
			    "application/octet-stream", 0);
	}
}

static bool
has_packed(const struct walk_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->e[i].folder && l->e[i].stored.n == 0)
			return true;
	return false;
}

/* Packed files that libarchive never came to. */
static void
mark_unread(struct walk_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->e[i].done && l->e[i].stored.n == 0 &&
		    (l->e[i].flags & WALK_ENCRYPTED) == 0)
			l->e[i].flags |= WALK_UNREADABLE;
}

unsigned
walk_rar(struct walk *w, const struct walk_in *in)
{
	struct rar r = {.w = w, .s = in->bytes};
	bool encrypted = false;

	arena_init(&r.names, NAMES_MAX);
	if (r.s.n > SIGNATURE5 && r.s.p[6] == 1)
		list5(&r);
	else if (r.s.n > SIGNATURE4)
		list4(&r);
	for (size_t i = 0; i < r.list.n; i++)
		encrypted |= (r.list.e[i].flags & WALK_ENCRYPTED) != 0;
	if (has_packed(&r.list)) {
		unsigned f = walk_archive(w, KIND_RAR, in, &r.list);

		/* Of what it says of the whole, we know better. */
		r.flags |= f & WALK_LIMIT;
		if (!encrypted)
			r.flags |= f & (WALK_ENCRYPTED | WALK_UNREADABLE);
		mark_unread(&r.list);
	}
	emit_rest(&r, in);
	if (w->stop)
		r.flags |= WALK_LIMIT;
	arena_free(&r.names);
	free(r.list.e);
	return r.flags;
}
