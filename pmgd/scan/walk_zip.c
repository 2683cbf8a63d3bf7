/*
 * Zip by both of its lists. The central directory and the headers in front of
 * each member say the same things twice; readers that list go by the one,
 * readers that stream by the other, and where they differ a scanner that knows
 * only one is blind. So: every name of either, and every content that either
 * leads to. libarchive unpacks one member at a time, behind a header of our
 * own making. APPNOTE.TXT 6.3.9, section numbers below.
 */
#include "scan/walk_state.h"

#include <stdlib.h>
#include "lib/base/xalloc.h"

enum {
	LOCAL_SIZE = 30,
	CENTRAL_SIZE = 46,
	END_SIZE = 22,
	END_REACH = 65535 + END_SIZE,
	LOCATOR64_SIZE = 20,
	BIT_ENCRYPTED = 1,
	BIT_LZMA_END = 2,
	BIT_SIZES_BEHIND = 8,
	BIT_MASKED = 1 << 13,	/* names in the local headers are hidden */
	METHOD_STORED = 0,
	METHOD_AES = 99,
	EXTRA_ZIP64 = 1,
	EXTRA_UNICODE_NAME = 0x7075,
	NEED_MAX = 100,		/* of "version needed", times ten */
};

struct member {
	struct span name;
	struct span alias;	/* 4.6.9, the Unicode path */
	uint16_t bits;
	uint16_t method;
	uint32_t crc;
	uint64_t packed;
	uint64_t size;
	uint64_t local;		/* central: where its local header is */
	size_t end;		/* behind this header */
};

struct range {
	size_t from;
	size_t to;
};

struct zip {
	struct walk *w;
	struct span s;
	unsigned depth;
	struct walk_office office;
	bool inner_macros;
	struct range *seen;	/* what the directories account for */
	size_t nseen;
	size_t cap;
	size_t start;		/* of the archive, behind other bytes */
	unsigned flags;
};

static bool
is_at(struct span s, size_t off, const char *magic)
{
	return off <= s.n && s.n - off >= 4 && memcmp(s.p + off, magic, 4) == 0;
}

/* 4.5.3: values that do not fit are here, in this order. */
static void
extra_zip64(struct member *m, struct span data)
{
	uint64_t *const fields[] = {&m->size, &m->packed, &m->local};
	size_t at = 0;

	for (int i = 0; i < 3; i++)
		if (*fields[i] == UINT32_MAX && data.n - at >= 8) {
			*fields[i] = walk_le64(data, at);
			at += 8;
		}
}

static void
member_extra(struct member *m, struct span extra)
{
	while (extra.n >= 4) {
		uint16_t id = walk_le16(extra, 0);
		struct span data = span_sub(extra, 4, walk_le16(extra, 2));

		if (id == EXTRA_ZIP64)
			extra_zip64(m, data);
		else if (id == EXTRA_UNICODE_NAME && data.n > 5)
			m->alias = span_sub(data, 5, data.n);
		extra = span_sub(extra, 4 + data.n, extra.n);
	}
}

static bool
member_central(struct span s, size_t off, struct member *m)
{
	size_t nname, nextra;

	if (!is_at(s, off, "PK\x01\x02") || s.n - off < CENTRAL_SIZE)
		return false;
	nname = walk_le16(s, off + 28);
	nextra = walk_le16(s, off + 30);
	*m = (struct member){
	    .name = span_sub(s, off + CENTRAL_SIZE, nname),
	    .bits = walk_le16(s, off + 8),
	    .method = walk_le16(s, off + 10),
	    .crc = walk_le32(s, off + 16),
	    .packed = walk_le32(s, off + 20),
	    .size = walk_le32(s, off + 24),
	    .local = walk_le32(s, off + 42),
	    .end = off + CENTRAL_SIZE + nname + nextra +
	        walk_le16(s, off + 32)};
	member_extra(m, span_sub(s, off + CENTRAL_SIZE + nname, nextra));
	return true;
}

static bool
member_local(struct span s, size_t off, struct member *m)
{
	size_t nname, nextra;

	if (!is_at(s, off, "PK\x03\x04") || s.n - off < LOCAL_SIZE)
		return false;
	nname = walk_le16(s, off + 26);
	nextra = walk_le16(s, off + 28);
	*m = (struct member){
	    .name = span_sub(s, off + LOCAL_SIZE, nname),
	    .bits = walk_le16(s, off + 6),
	    .method = walk_le16(s, off + 8),
	    .crc = walk_le32(s, off + 14),
	    .packed = walk_le32(s, off + 18),
	    .size = walk_le32(s, off + 22),
	    .end = off + LOCAL_SIZE + nname + nextra};
	member_extra(m, span_sub(s, off + LOCAL_SIZE + nname, nextra));
	return true;
}

static bool
is_folder(struct span name, uint64_t size)
{
	return size == 0 && name.n > 0 && name.p[name.n - 1] == '/';
}

/* The header behind which libarchive unpacks one member. sizes: they are
 * known, else it goes by the end of the packed stream. */
static struct span
member_header(const struct member *m, bool sizes, unsigned char *h)
{
	uint32_t packed = sizes ? (uint32_t)m->packed : 0;
	uint32_t size = !sizes ? 0
	    : m->size >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)m->size;
	uint32_t crc = sizes ? m->crc : 0;
	uint16_t bits = (uint16_t)((m->bits & BIT_LZMA_END) |
	    (sizes ? 0 : BIT_SIZES_BEHIND));

	memset(h, 0, LOCAL_SIZE + 1);
	memcpy(h, "PK\x03\x04\x3f", 5);
	h[6] = (unsigned char)bits;
	h[8] = (unsigned char)m->method;
	h[9] = (unsigned char)(m->method >> 8);
	for (int i = 0; i < 4; i++) {
		h[14 + i] = (unsigned char)(crc >> 8 * i);
		h[18 + i] = (unsigned char)(packed >> 8 * i);
		h[22 + i] = (unsigned char)(size >> 8 * i);
	}
	h[26] = 1;
	h[LOCAL_SIZE] = 'x';
	return span_of(h, LOCAL_SIZE + 1);
}

static void
member_object(struct zip *z, const struct walk_names *names,
    struct span content, unsigned flags)
{
	for (unsigned i = 0; i < names->n; i++)
		walk_office_note(&z->office, names->s[i], content);
	flags = walk_object(z->w, names, content, z->depth, flags);
	if (flags & WALK_MACROS)
		z->inner_macros = true;
}

static void
member_stored(struct zip *z, const struct walk_names *names, struct span data,
    unsigned flags)
{
	if (data.n > z->w->lim.entry_bytes) {
		data.n = (size_t)z->w->lim.entry_bytes;
		flags |= WALK_LIMIT;
	}
	if (!walk_spend(z->w, data.n)) {
		flags |= WALK_LIMIT;
		data.n = 0;
	}
	member_object(z, names, data, flags);
}

static void
member_packed(struct zip *z, const struct walk_names *names,
    const struct member *m, struct span data, bool sizes, unsigned flags)
{
	unsigned char h[LOCAL_SIZE + 1];
	struct buf content;

	buf_init(&content, (size_t)z->w->lim.entry_bytes);
	if (data.n > 0 || m->size > 0)
		flags |= walk_unpack(z->w, KIND_ZIP_MEMBER,
		    member_header(m, sizes, h), data, &content);
	member_object(z, names, buf_span(&content), flags);
	buf_free(&content);
}

/* One reading of a member: its content begins at off. */
static void
member_emit(struct zip *z, const struct walk_names *names,
    const struct member *m, size_t off)
{
	bool sizes = m->packed != 0 || (m->bits & BIT_SIZES_BEHIND) == 0;
	struct span data = span_sub(z->s, off, z->s.n);
	unsigned flags = 0;

	if (!walk_begin(z->w))
		return;
	if (sizes && m->packed > data.n)
		flags |= WALK_UNREADABLE;
	else if (sizes)
		data.n = (size_t)m->packed;
	if ((m->bits & BIT_ENCRYPTED) != 0 || m->method == METHOD_AES) {
		walk_leaf(z->w, names, z->depth, flags | WALK_ENCRYPTED,
		    "application/octet-stream", 0);
		for (unsigned i = 0; i < names->n; i++)
			walk_office_note(&z->office, names->s[i],
			    span_str(""));
	} else if (m->method == METHOD_STORED) {
		member_stored(z, names, data, flags);
	} else {
		member_packed(z, names, m, data, sizes && flags == 0, flags);
	}
}

static void
seen_add(struct zip *z, size_t from, size_t to)
{
	if (z->nseen == z->cap) {
		z->cap = z->cap ? 2 * z->cap : 64;
		z->seen = xrealloc(z->seen, z->cap, sizeof(*z->seen));
	}
	z->seen[z->nseen++] = (struct range){from, to};
}

/* Where a member's data that begin at off end, at the most. */
static size_t
data_end(const struct zip *z, size_t off, uint64_t packed)
{
	if (off >= z->s.n || packed > z->s.n - off)
		return z->s.n;
	return off + (size_t)packed;
}

/* The same to every reader? */
static bool
same_reading(const struct member *c, const struct member *l)
{
	return c->method == l->method &&
	    ((c->bits ^ l->bits) & BIT_ENCRYPTED) == 0 &&
	    (c->packed == l->packed || ((l->bits & BIT_SIZES_BEHIND) != 0 &&
	        l->packed == 0));
}

static void
central_emit(struct zip *z, const struct member *c, uint64_t base)
{
	struct walk_names names = {.n = 0};
	uint64_t at = c->local + base;
	struct member l;
	bool found;

	walk_name_add(&names, c->name);
	walk_name_add(&names, c->alias);
	found = at < z->s.n && member_local(z->s, (size_t)at, &l);
	if (!found) {
		at = c->local;
		found = at < z->s.n && member_local(z->s, (size_t)at, &l);
	}
	if (!found) {
		if (walk_begin(z->w))
			walk_leaf(z->w, &names, z->depth, WALK_UNREADABLE |
			    (c->bits & BIT_ENCRYPTED ? WALK_ENCRYPTED : 0),
			    "application/octet-stream", 0);
		return;
	}
	if ((l.bits & BIT_MASKED) == 0) {
		walk_name_add(&names, l.name);
		walk_name_add(&names, l.alias);
	}
	if (same_reading(c, &l)) {
		seen_add(z, (size_t)at, data_end(z, l.end, c->packed));
		if (!is_folder(c->name, c->packed) ||
		    !is_folder(l.name, c->packed))
			member_emit(z, &names, c, l.end);
		return;
	}
	seen_add(z, (size_t)at, data_end(z, l.end,
	    c->packed < l.packed ? c->packed : l.packed));
	member_emit(z, &names, c, l.end);
	member_emit(z, &names, &l, l.end);
}

/* The directory at from; false when there is none. */
static bool
central_read(struct zip *z, size_t from, uint64_t base)
{
	struct member c;
	size_t at = from;

	while (!z->w->stop && member_central(z->s, at, &c)) {
		central_emit(z, &c, base);
		at = c.end;
	}
	if (at == from)
		return false;
	seen_add(z, from, at < z->s.n ? at : z->s.n);
	return true;
}

/* The last end record (4.3.16), or SIZE_MAX. */
static size_t
end_find(struct span s)
{
	size_t low = s.n > END_REACH ? s.n - END_REACH : 0;

	for (size_t at = s.n; at-- > low;)
		if (s.p[at] == 'P' && is_at(s, at, "PK\x05\x06") &&
		    s.n - at >= END_SIZE)
			return at;
	return SIZE_MAX;
}

/*
 * Where the directory is: just before its end record, as readers of archives
 * behind other bytes have it, or where the record says. Both, if they differ.
 */
static void
central_all(struct zip *z)
{
	size_t end = end_find(z->s);
	uint64_t size, off;
	bool any = false;

	if (end == SIZE_MAX) {
		z->flags |= WALK_UNREADABLE;
		return;
	}
	size = walk_le32(z->s, end + 12);
	off = walk_le32(z->s, end + 16);
	if (size == 0 && walk_le16(z->s, end + 10) == 0)
		return;
	if ((size == UINT32_MAX || off == UINT32_MAX) &&
	    end >= LOCATOR64_SIZE &&
	    is_at(z->s, end - LOCATOR64_SIZE, "PK\x06\x07")) {
		/* 4.3.15, 4.3.14; the record is just before its locator. */
		size_t rec = end - LOCATOR64_SIZE >= 56
		    ? end - LOCATOR64_SIZE - 56 : 0;

		if (!is_at(z->s, rec, "PK\x06\x06"))
			rec = (size_t)walk_le64(z->s, end - 12);
		if (rec < end && is_at(z->s, rec, "PK\x06\x06")) {
			size = walk_le64(z->s, rec + 40);
			off = walk_le64(z->s, rec + 48);
			end = rec;
		}
	}
	if (size <= end) {
		uint64_t base = end - size >= off ? end - size - off : 0;

		z->start = (size_t)base;
		any = central_read(z, end - (size_t)size, base);
	}
	if (off < z->s.n && off != end - size)
		any |= central_read(z, (size_t)off, 0);
	if (!any)
		z->flags |= WALK_UNREADABLE;
}

static int
range_compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* The next signature of a member's end, where no header told its size. */
static size_t
next_signature(struct span s, size_t from)
{
	for (size_t at = from; (at = span_find(s, at, SPAN_LIT("PK"))) !=
	    SIZE_MAX; at++)
		if (is_at(s, at, "PK\x03\x04") || is_at(s, at, "PK\x07\x08") ||
		    is_at(s, at, "PK\x01\x02"))
			return at;
	return s.n;
}

/* A local header that no directory names; returns where to go on. */
static size_t
orphan_local(struct zip *z, size_t at, struct member *l)
{
	struct walk_names names = {.n = 0};
	size_t next = data_end(z, l->end, l->packed);

	if (l->packed == 0 && (l->bits & BIT_SIZES_BEHIND) != 0) {
		next = next_signature(z->s, l->end);
		if (l->method == METHOD_STORED && next > l->end)
			l->packed = next - l->end;
	}
	if (is_folder(l->name, l->packed) && next == l->end)
		return next;
	walk_name_add(&names, l->name);
	walk_name_add(&names, l->alias);
	member_emit(z, &names, l, l->end);
	return next > at + 4 ? next : at + 4;
}

/*
 * A directory that no end record leads to, or not the last one; returns its
 * end. Members that were met by their local headers are left out.
 */
static size_t
orphan_central(struct zip *z, size_t at)
{
	size_t seen = z->nseen, end = at;
	struct member c, l;
	uint64_t base, off;

	while (member_central(z->s, end, &c))
		end = c.end;
	off = is_at(z->s, end, "PK\x05\x06") ? walk_le32(z->s, end + 16) : at;
	base = off < at ? at - off : 0;
	for (size_t rec = at; !z->w->stop && member_central(z->s, rec, &c);
	    rec = c.end) {
		uint64_t local = c.local + base;

		if (local >= z->start && local < at &&
		    member_local(z->s, (size_t)local, &l) &&
		    span_eq(c.name, l.name) && same_reading(&c, &l))
			continue;
		central_emit(z, &c, base);
		z->nseen = seen;
	}
	return end;
}

static bool
plausible_local(struct span s, size_t at, struct member *l)
{
	return member_local(s, at, l) && l->name.n > 0 &&
	    l->end <= s.n && (walk_le16(s, at + 4) & 0xff) <= NEED_MAX;
}

/* Headers in what the directories do not account for. */
static void
orphans(struct zip *z)
{
	struct member m;
	size_t i = 0, at = z->start;

	if (z->nseen > 0)
		qsort(z->seen, z->nseen, sizeof(*z->seen), range_compare);
	while (!z->w->stop &&
	    (at = span_find(z->s, at, SPAN_LIT("PK"))) != SIZE_MAX) {
		while (i < z->nseen && z->seen[i].to <= at)
			i++;
		if (i < z->nseen && z->seen[i].from <= at)
			at = z->seen[i].to;
		else if (plausible_local(z->s, at, &m))
			at = orphan_local(z, at, &m);
		else if (member_central(z->s, at, &m) && m.name.n > 0 &&
		    m.end <= z->s.n)
			at = orphan_central(z, at);
		else
			at += 2;
	}
}

unsigned
walk_zip(struct walk *w, const struct walk_in *in)
{
	struct zip z = {.w = w, .s = in->bytes, .depth = in->depth};
	const char *type;

	central_all(&z);
	/* Who reads from the start sees a zip only if it starts like one. */
	if (is_at(in->bytes, 0, "PK\x03\x04") ||
	    is_at(in->bytes, 0, "PK00") || z.start > in->bytes.n)
		z.start = 0;
	if (z.nseen > 0 || !w->stop)
		orphans(&z);
	free(z.seen);
	type = walk_office_type(&z.office);
	/* Behind other bytes, those decide what it is called. */
	if (type != NULL && is_at(in->bytes, 0, "PK\x03\x04"))
		*in->type_r = type;
	if (z.office.macros || (z.office.content_types && z.inner_macros) ||
	    ((z.office.content_types || z.office.odf) && z.office.active))
		z.flags |= WALK_MACROS;
	if (z.office.encrypted)
		z.flags |= WALK_ENCRYPTED;
	if (w->stop)
		z.flags |= WALK_LIMIT;
	return z.flags;
}
