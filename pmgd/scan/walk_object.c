#include "scan/walk_state.h"

#include "lib/mail/mime_magic.h"

/* As far as a magic lies from the start: ISO 9660 at 32769. */
enum { HEAD = 33 * 1024 };

static unsigned
enter(struct walk *w, enum walk_kind k, const struct walk_in *in)
{
	if (walk_is_stream(k))
		return walk_stream(w, k, in);
	switch (k) {
	case KIND_ZIP:
		return walk_zip(w, in);
	case KIND_OLE2:
		return walk_ole2(w, in);
	case KIND_ARJ:
		return walk_arj(w, in);
	case KIND_RAR:
		return walk_rar(w, in);
	case KIND_PDF:
		return walk_pdf(w, in);
	case KIND_TNEF:
		return walk_tnef(w, in);
	case KIND_OPENPGP:
		return walk_openpgp(w, in);
	case KIND_SMIME:
		return WALK_ENCRYPTED;
	case KIND_ONENOTE:
		return walk_onenote(w, in);
	default:
		return walk_archive(w, k, in, NULL);
	}
}

/* Behind other bytes: a mere look-alike leaves no trace, unless there are so
 * many that what is behind them was not tried. */
static unsigned
enter_embedded(struct walk *w, const struct walk_in *in)
{
	struct walk_embedded found[WALK_EMBEDDED];
	struct walk_in inner = *in;
	const char *ignored = NULL;
	unsigned n = walk_embedded_find(in->bytes, found);
	unsigned flags = 0;

	if (n > 0 && in->depth > w->lim.depth)
		return WALK_LIMIT;
	if (n == WALK_EMBEDDED)
		flags |= WALK_LIMIT;
	inner.type_r = &ignored;
	for (unsigned i = 0; i < n && !w->stop; i++) {
		unsigned before = w->entries, f;

		inner.bytes = span_sub(in->bytes, found[i].off, in->bytes.n);
		f = enter(w, found[i].kind, &inner);
		if (w->entries > before)
			flags |= f | WALK_ARCHIVE;
		else
			flags |= f & WALK_ENCRYPTED;
	}
	return flags;
}

/* Kinds that have no members are read at any depth. */
static bool
is_container(enum walk_kind k)
{
	return k != KIND_PDF && k != KIND_SMIME;
}

static unsigned
enter_all(struct walk *w, uint32_t kinds, const struct walk_in *in)
{
	unsigned flags = 0;

	for (enum walk_kind k = KIND_NONE + 1; k < KIND_MAX; k++) {
		if ((kinds & 1u << k) == 0)
			continue;
		if (k == KIND_CLOSED) {
			flags |= WALK_UNREADABLE;
			continue;
		}
		if (w->stop || (is_container(k) && in->depth > w->lim.depth)) {
			flags |= WALK_LIMIT;
			continue;
		}
		flags |= enter(w, k, in);
		if (is_container(k))
			flags |= WALK_ARCHIVE;
	}
	return flags;
}

/* Nothing that is whole begins at the start: a zip is found by its end. */
static bool
hides_embedded(struct span bytes, uint32_t kinds)
{
	bool zip = bytes.n > 1 && bytes.p[0] == 'P' && bytes.p[1] == 'K';

	kinds &= ~(1u << KIND_PDF);
	return kinds == 0 || (kinds == 1u << KIND_ZIP && !zip);
}

unsigned
walk_object(struct walk *w, const struct walk_names *names,
    struct span bytes, unsigned depth, unsigned flags)
{
	const char *type = mime_magic_type(span_sub(bytes, 0, HEAD));
	struct walk_in in = {bytes, names, depth + 1, &type};
	uint32_t kinds = walk_kinds(bytes, type);
	bool cut = (flags & WALK_LIMIT) != 0;
	unsigned f;

	if (hides_embedded(bytes, kinds))
		flags |= enter_embedded(w, &in);
	f = enter_all(w, kinds, &in);
	/* Its end is missing because we did not unpack it. */
	if (cut)
		f &= ~(unsigned)WALK_UNREADABLE;
	flags |= f;
	if (type == NULL)
		type = "application/octet-stream";
	w->content = bytes;
	walk_leaf(w, names, depth, flags, type, bytes.n);
	w->content = span_of(NULL, 0);
	return flags;
}
