/*
 * OLE2 compound files ([MS-CFB]): old Office documents, installer packages,
 * mails saved by Outlook. All entries of the directory are read in their
 * order, not along its tree: none can hide by not being linked.
 */
#include "scan/walk_state.h"

#include <stdlib.h>
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"
#include "scan/walk_ole2.h"

enum {
	HEADER = 512,
	HEADER_FATS = 109,
	ENTRY = 128,
	TYPE_STREAM = 2,
	TYPE_ROOT = 5,
	NAME_UNITS = 31,
};
#define SECTOR_MAX UINT32_C(0xfffffffa)	/* above: end of chain, free ... */

struct ole2 {
	struct walk *w;
	struct span s;
	size_t sector;
	size_t small;		/* sector of the small streams */
	uint32_t sectors;	/* as many as the file can have */
	uint32_t *fat;		/* the sectors that hold the table */
	uint32_t nfat;
	uint32_t small_below;
	struct buf small_fat;
	struct buf smalls;
	struct buf folder;
	struct ole2_office office;
	unsigned flags;
};

static struct span
sector_at(const struct ole2 *o, uint32_t n)
{
	uint64_t at = ((uint64_t)n + 1) * o->sector;

	return at < o->s.n ? span_sub(o->s, (size_t)at, o->sector)
	    : span_of(NULL, 0);
}

static uint32_t
sector_next(const struct ole2 *o, uint32_t n)
{
	uint32_t per = (uint32_t)(o->sector / 4);

	if (n / per >= o->nfat)
		return UINT32_MAX;
	return walk_le32(sector_at(o, o->fat[n / per]), n % per * 4);
}

/* Up to size bytes along a chain; false: it is shorter, or runs in circles. */
static bool
chain_read(struct ole2 *o, uint32_t n, uint64_t size, struct buf *out)
{
	for (uint32_t step = 0; out->n < size && out->n < out->max; step++) {
		struct span sec = sector_at(o, n);
		size_t room = out->max - out->n;

		if (n >= SECTOR_MAX || step > o->sectors || sec.n == 0)
			return false;
		sec = span_sub(sec, 0, size - out->n > room ? room
		    : (size_t)(size - out->n));
		buf_put(out, sec.p, sec.n);
		n = sector_next(o, n);
	}
	return true;
}

static bool
small_read(struct ole2 *o, uint32_t n, uint64_t size, struct buf *out)
{
	struct span table = buf_span(&o->small_fat);

	for (size_t step = 0; out->n < size && out->n < out->max; step++) {
		struct span sec = n < SECTOR_MAX ? span_sub(
		    buf_span(&o->smalls), n * o->small, o->small)
		    : span_of(NULL, 0);

		if (sec.n == 0 || step > o->smalls.n / o->small)
			return false;
		sec = span_sub(sec, 0, (size_t)(size - out->n));
		buf_put(out, sec.p, sec.n);
		n = (size_t)n * 4 + 4 <= table.n ? walk_le32(table,
		    (size_t)n * 4) : UINT32_MAX;
	}
	return true;
}

/* Where the table is: the first sectors in the header, more in a chain. */
static void
fat_find(struct ole2 *o)
{
	uint32_t next = walk_le32(o->s, 68);
	uint32_t per = (uint32_t)(o->sector / 4) - 1;
	uint32_t max = o->sectors / (per + 1) + 1;

	o->fat = xcalloc(max, sizeof(*o->fat));
	for (size_t i = 0; i < HEADER_FATS && o->nfat < max; i++) {
		uint32_t n = walk_le32(o->s, 76 + 4 * i);

		if (n < SECTOR_MAX)
			o->fat[o->nfat++] = n;
	}
	for (uint32_t step = 0; next < SECTOR_MAX && step < max; step++) {
		struct span sec = sector_at(o, next);

		for (uint32_t i = 0; i < per && o->nfat < max; i++) {
			uint32_t n = walk_le32(sec, (size_t)i * 4);

			if (sec.n > 0 && n < SECTOR_MAX)
				o->fat[o->nfat++] = n;
		}
		next = sec.n == o->sector ? walk_le32(sec, (size_t)per * 4)
		    : UINT32_MAX;
	}
}

/* False: this is no such file. */
static bool
ole2_open(struct ole2 *o)
{
	unsigned shift = walk_le16(o->s, 30), small = walk_le16(o->s, 32);

	if (o->s.n < HEADER || (shift != 9 && shift != 12) || small < 4 ||
	    small >= shift)
		return false;
	o->sector = (size_t)1 << shift;
	o->small = (size_t)1 << small;
	o->sectors = o->s.n / o->sector > SECTOR_MAX - 1 ? SECTOR_MAX - 1
	    : (uint32_t)(o->s.n / o->sector);
	o->small_below = walk_le32(o->s, 56);
	fat_find(o);
	/* Their ends show by themselves: neither has its size in the header. */
	chain_read(o, walk_le32(o->s, 48), UINT64_MAX, &o->folder);
	chain_read(o, walk_le32(o->s, 60), UINT64_MAX, &o->small_fat);
	return o->folder.n >= ENTRY;
}

/* Installer packages pack two characters of a stream's name into one. */
static void
put_unit(struct buf *out, unsigned u, bool packed)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz._";

	if (packed && u >= 0x3800 && u < 0x4840) {
		buf_putc(out, digits[(u - 0x3800) & 0x3f]);
		if (u < 0x4800)
			buf_putc(out, digits[(u - 0x3800) >> 6 & 0x3f]);
	} else if (packed && u == 0x4840) {
		buf_putc(out, '!');
	} else {
		utf8_put(out, u >= 0xd800 && u < 0xe000 ? 0xfffd : u);
	}
}

static void
entry_name(const struct ole2 *o, struct span e, struct buf *out)
{
	size_t n = walk_le16(e, 64) / 2;

	if (n > NAME_UNITS + 1)
		n = NAME_UNITS + 1;
	for (size_t i = 0; i < n; i++) {
		unsigned u = walk_le16(e, 2 * i);

		if (u == 0)
			break;
		put_unit(out, u, o->office.installer);
	}
}

static void
stream_content(struct ole2 *o, struct span name, struct span content,
    const struct walk_in *in, unsigned flags)
{
	struct walk_names names = {.n = 0};
	struct span inner, label;

	ole2_note_stream(&o->office, name, content);
	walk_name_add(&names, name);
	walk_object(o->w, &names, content, in->depth, flags);
	names.n = 0;
	if (ole2_package(name, content, &label, &inner)) {
		walk_name_add(&names, label);
		if (walk_begin(o->w))
			walk_object(o->w, &names, inner, in->depth, 0);
	} else if (ole2_is_file_name(name) && walk_begin(o->w)) {
		struct buf text;

		buf_init(&text, 4 * (size_t)UINT16_MAX);
		ole2_file_name(name, content, &text);
		walk_name_add(&names, buf_span(&text));
		walk_leaf(o->w, &names, in->depth, 0,
		    "application/octet-stream", 0);
		buf_free(&text);
	}
}

static void
stream_read(struct ole2 *o, struct span e, struct span name,
    const struct walk_in *in)
{
	uint32_t start = walk_le32(e, 116);
	uint64_t size = walk_le64(e, 120);
	struct buf content;
	unsigned flags = 0;
	bool whole;

	if (!walk_begin(o->w))
		return;
	/* The high half means nothing in files with small sectors. */
	if (o->sector == 512)
		size &= UINT32_MAX;
	buf_init(&content, (size_t)o->w->lim.entry_bytes);
	if (size < o->small_below)
		whole = small_read(o, start, size, &content);
	else
		whole = chain_read(o, start, size, &content);
	if (!whole)
		flags |= WALK_UNREADABLE;
	else if (content.n < size)
		flags |= WALK_LIMIT;
	if (walk_spend(o->w, content.n))
		stream_content(o, name, buf_span(&content), in, flags);
	buf_free(&content);
}

static void
entry_read(struct ole2 *o, struct span e, const struct walk_in *in)
{
	unsigned type = e.p[66];
	struct buf name;

	/* 0: a free one. */
	if (type == 0)
		return;
	buf_init(&name, 4 * (NAME_UNITS + 1));
	entry_name(o, e, &name);
	ole2_note_entry(&o->office, buf_span(&name));
	if (type == TYPE_STREAM)
		stream_read(o, e, buf_span(&name), in);
	buf_free(&name);
}

static void
root_read(struct ole2 *o)
{
	struct span folder = buf_span(&o->folder);

	for (size_t at = 0; folder.n - at >= ENTRY; at += ENTRY) {
		struct span e = span_sub(folder, at, ENTRY);

		if (e.p[66] != TYPE_ROOT)
			continue;
		o->office.installer = span_eq(span_sub(e, 80, 16),
		    SPAN_LIT("\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"));
		chain_read(o, walk_le32(e, 116), walk_le32(e, 120),
		    &o->smalls);
		return;
	}
}

static void
folder_read(struct ole2 *o, const struct walk_in *in)
{
	struct span folder = buf_span(&o->folder);

	root_read(o);
	for (size_t at = 0; folder.n - at >= ENTRY && !o->w->stop; at += ENTRY)
		entry_read(o, span_sub(folder, at, ENTRY), in);
}

unsigned
walk_ole2(struct walk *w, const struct walk_in *in)
{
	struct ole2 o = {.w = w, .s = in->bytes};

	buf_init(&o.folder, in->bytes.n);
	buf_init(&o.small_fat, in->bytes.n);
	buf_init(&o.smalls, in->bytes.n);
	if (ole2_open(&o)) {
		folder_read(&o, in);
		if (ole2_type(&o.office) != NULL)
			*in->type_r = ole2_type(&o.office);
	} else {
		o.flags |= WALK_UNREADABLE;
	}
	if (o.office.macros)
		o.flags |= WALK_MACROS;
	if (o.office.encrypted)
		o.flags |= WALK_ENCRYPTED;
	if (w->stop)
		o.flags |= WALK_LIMIT;
	free(o.fat);
	buf_free(&o.folder);
	buf_free(&o.small_fat);
	buf_free(&o.smalls);
	return o.flags;
}
