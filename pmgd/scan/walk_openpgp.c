/*
 * An OpenPGP message that is encrypted, or one that is not: packed and signed
 * at most, which every client that has OpenPGP opens without a password.
 */
#include "scan/walk_state.h"

#include "lib/mail/openpgp.h"
#include "lib/mail/uu.h"

enum { PACKED_DEPTH = 4, ARMOR_REACH = 1024, GZIP_TRAILER = 8 };

/* The line behind the first line of armor, 0: there is none at the start. */
static size_t
armor_start(struct span s)
{
	size_t off = 0;

	while (off < s.n && off < ARMOR_REACH) {
		struct span line = line_next(s, &off);

		if (openpgp_armor_begin(line))
			return off;
		if (span_trim(line).n > 0)
			break;
	}
	return 0;
}

bool
walk_is_openpgp(struct span bytes)
{
	return openpgp_kind_of(bytes) != OPENPGP_NONE ||
	    armor_start(bytes) != 0;
}

static unsigned
literal(struct walk *w, const struct walk_in *in, struct span body)
{
	struct walk_names names = {.n = 0};
	struct span name, data;
	unsigned flags = 0;

	if (!openpgp_literal(body, &name, &data))
		return WALK_UNREADABLE;
	if (!walk_begin(w))
		return WALK_LIMIT;
	walk_name_add(&names, name);
	if (data.n > w->lim.entry_bytes) {
		data = span_sub(data, 0, (size_t)w->lim.entry_bytes);
		flags = WALK_LIMIT;
	}
	walk_object(w, &names, data, in->depth, flags);
	return 0;
}

/* Raw deflate is made a gzip, zlib as well, without its two bytes. */
static unsigned
unpack(struct walk *w, struct span body, struct buf *out)
{
	const struct span gzip = SPAN_LIT("\x1f\x8b\x08\0\0\0\0\0\0\xff");

	switch (body.n > 0 ? body.p[0] : 0) {
	case OPENPGP_ZIP:
		return walk_unpack(w, KIND_GZIP, gzip,
		    span_sub(body, 1, body.n), out);
	case OPENPGP_ZLIB:
		return walk_unpack(w, KIND_GZIP, gzip,
		    span_sub(body, 3, body.n), out);
	case OPENPGP_BZIP2:
		return walk_unpack(w, KIND_BZIP2, span_str(""),
		    span_sub(body, 1, body.n), out);
	default:
		return WALK_UNREADABLE;
	}
}

static unsigned packets(struct walk *w, const struct walk_in *in,
    struct span s, unsigned depth);

static unsigned
packed(struct walk *w, const struct walk_in *in, struct span body,
    unsigned depth)
{
	struct buf content;
	unsigned flags;

	if (depth == PACKED_DEPTH)
		return WALK_LIMIT;
	buf_init(&content, (size_t)w->lim.entry_bytes);
	flags = unpack(w, body, &content);
	/* The end of what was made a gzip does not fit. */
	if (content.n > 0)
		flags &= ~(unsigned)WALK_UNREADABLE;
	flags |= packets(w, in, buf_span(&content), depth + 1);
	buf_free(&content);
	return flags;
}

static unsigned
packets(struct walk *w, const struct walk_in *in, struct span s,
    unsigned depth)
{
	struct openpgp_packet p;
	unsigned flags = 0;
	size_t off = 0;

	if (openpgp_kind_of(s) == OPENPGP_ENCRYPTED)
		return WALK_ENCRYPTED;
	while (walk_alive(w) && openpgp_next(s, &off, &p)) {
		struct buf body;

		if (p.tag != OPENPGP_COMPRESSED && p.tag != OPENPGP_LITERAL)
			continue;
		/* Not longer than the bytes that it lies in. */
		buf_init(&body, s.n + GZIP_TRAILER);
		openpgp_body(s, &p, &body);
		/* libarchive wants to see one before it gives a byte. */
		for (int i = 0; i < GZIP_TRAILER && p.tag ==
		    OPENPGP_COMPRESSED; i++)
			buf_putc(&body, '\0');
		flags |= p.tag == OPENPGP_LITERAL
		    ? literal(w, in, buf_span(&body))
		    : packed(w, in, buf_span(&body), depth);
		buf_free(&body);
	}
	return w->stop ? flags | WALK_LIMIT : flags;
}

unsigned
walk_openpgp(struct walk *w, const struct walk_in *in)
{
	size_t armor = openpgp_kind_of(in->bytes) == OPENPGP_NONE
	    ? armor_start(in->bytes) : 0;
	unsigned flags, before = w->entries;
	struct buf bytes;

	*in->type_r = "application/pgp-encrypted";
	/* A few first bytes may mislead. */
	if (armor == 0) {
		flags = packets(w, in, in->bytes, 0);
		if (w->entries == before)
			flags &= ~(unsigned)WALK_UNREADABLE;
		return flags;
	}
	buf_init(&bytes, in->bytes.n);
	openpgp_dearmor(in->bytes, armor, &bytes);
	flags = packets(w, in, buf_span(&bytes), 0);
	/* It calls itself a message, and nobody here knows more of it. */
	if (w->entries == before && (flags & ~(unsigned)WALK_UNREADABLE) == 0)
		flags = WALK_ENCRYPTED;
	buf_free(&bytes);
	return flags;
}
