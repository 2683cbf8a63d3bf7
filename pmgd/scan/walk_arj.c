/*
 * ARJ: headers by the TECHNOTE of its author. Methods 1 to 3 are the coding
 * that LHA calls lh7 with a smaller window, so libarchive unpacks them behind
 * an LHA header; method 4 nobody else has.
 */
#include "scan/walk_state.h"

enum {
	HEADER_MAX = 2600,
	FIRST_MIN = 30,
	BIT_GARBLED = 1,
	BIT_VOLUME = 4,
	METHOD_STORED = 0,
	METHOD_LZH_LAST = 3,
	TYPE_TEXT = 1,		/* 0 binary, 1 text; above: folders, labels */
	LHA_HEADER = 25,
};

struct arj_member {
	struct span name;
	unsigned bits;
	unsigned method;
	unsigned type;
	uint32_t packed;
	uint32_t size;
	size_t end;		/* behind the header */
};

/* 1, 0 at the end of the archive, -1 when it is broken. */
static int
arj_header(struct span s, size_t at, struct arj_member *m)
{
	size_t size, first, ext;
	struct span h;

	if (at > s.n || s.n - at < 4 || s.p[at] != 0x60 || s.p[at + 1] != 0xea)
		return -1;
	size = walk_le16(s, at + 2);
	if (size == 0)
		return 0;
	h = span_sub(s, at + 4, size);
	first = h.n > 0 ? h.p[0] : 0;
	if (size > HEADER_MAX || h.n < size || first < FIRST_MIN ||
	    first > size)
		return -1;
	*m = (struct arj_member){.bits = h.p[4], .method = h.p[5],
	    .type = h.p[6], .packed = walk_le32(h, 12),
	    .size = walk_le32(h, 16)};
	m->name = span_sub(h, first, span_chr(h, first, '\0') - first);
	at += 4 + size + 4;
	/* Extended headers, each with a checksum. */
	while ((ext = walk_le16(s, at)) != 0 && at < s.n)
		at += 2 + ext + 4;
	m->end = at + 2;
	return m->end <= s.n ? 1 : -1;
}

/* A level 0 header, one character of name. The checksum of the content is
 * left zero: ARJ has another kind of it. */
static struct span
lha_header(const struct arj_member *m, size_t packed, unsigned char *h)
{
	unsigned sum = 0;

	memset(h, 0, LHA_HEADER);
	h[0] = LHA_HEADER - 2;
	memcpy(h + 2, "-lh7-", 5);
	for (int i = 0; i < 4; i++) {
		h[7 + i] = (unsigned char)(packed >> 8 * i);
		h[11 + i] = (unsigned char)(m->size >> 8 * i);
	}
	h[19] = 0x20;
	h[21] = 1;
	h[22] = 'x';
	for (int i = 2; i < LHA_HEADER; i++)
		sum += h[i];
	h[1] = (unsigned char)sum;
	return span_of(h, LHA_HEADER);
}

static void
arj_packed(struct walk *w, const struct walk_names *names,
    const struct arj_member *m, struct span data, unsigned depth,
    unsigned flags)
{
	unsigned char h[LHA_HEADER];
	struct buf content;
	unsigned f;

	buf_init(&content, (size_t)w->lim.entry_bytes);
	f = walk_unpack(w, KIND_LHA_MEMBER, lha_header(m, data.n, h), data,
	    &content);
	/* Whole, though its checksum is not the one of LHA. */
	if (content.n == m->size)
		f = 0;
	walk_object(w, names, buf_span(&content), depth, flags | f);
	buf_free(&content);
}

static void
arj_emit(struct walk *w, const struct arj_member *m, struct span data,
    unsigned depth)
{
	struct walk_names names = {.n = 0};
	unsigned flags = data.n < m->packed ? WALK_UNREADABLE : 0;

	walk_name_add(&names, m->name);
	if (m->bits & BIT_VOLUME)
		flags |= WALK_UNREADABLE;
	if (!walk_begin(w))
		return;
	if (m->bits & BIT_GARBLED)
		walk_leaf(w, &names, depth, flags | WALK_ENCRYPTED,
		    "application/octet-stream", 0);
	else if (m->method == METHOD_STORED && walk_spend(w, data.n))
		walk_object(w, &names, span_sub(data, 0,
		        (size_t)w->lim.entry_bytes), depth, flags |
		        (data.n > w->lim.entry_bytes ? WALK_LIMIT : 0));
	else if (m->method <= METHOD_LZH_LAST && !w->stop)
		arj_packed(w, &names, m, data, depth, flags);
	else
		walk_leaf(w, &names, depth, flags | (w->stop ? WALK_LIMIT
		    : WALK_UNREADABLE), "application/octet-stream", 0);
}

unsigned
walk_arj(struct walk *w, const struct walk_in *in)
{
	struct arj_member m;
	size_t at;
	int rc = arj_header(in->bytes, 0, &m);

	if (rc != 1)
		return WALK_UNREADABLE;
	at = m.end;
	while ((rc = arj_header(in->bytes, at, &m)) == 1) {
		struct span data = span_sub(in->bytes, m.end, m.packed);

		if (m.type <= TYPE_TEXT)
			arj_emit(w, &m, data, in->depth);
		if (w->stop || !walk_alive(w))
			return WALK_LIMIT;
		at = m.end + data.n;
	}
	return rc == 0 ? 0 : WALK_UNREADABLE;
}
