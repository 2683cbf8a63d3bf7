#include "scan/walk.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "scan/walk_state.h"

/*
 * libarchive reads from memory through callbacks, so that the CPU time is
 * looked at even when it skips over something that unpacks to gigabytes. Each
 * format and filter is named: "all" would take text for an archive (mtree),
 * parse XML, and run programs for what it cannot do itself.
 */

enum {
	/* bzip2 turns this much into some 90 MB at worst, in half a second. */
	SLICE = 4096,
};

const struct walk_limits walk_limits_default = {
	/* As section clamav of pmg.conf: archivemaxrec, archivemaxfiles,
	 * archivemaxsize, maxscansize. */
	.depth = 5,
	.entries = 1000,
	.entry_bytes = 25000000,
	.total_bytes = 100000000,
	.cpu_ms = 10000,
};

/* Made once, never changed after. */
static locale_t utf8_locale;

bool
walk_locale_prepare(void)
{
	if (utf8_locale == (locale_t)0)
		utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return utf8_locale != (locale_t)0;
}

void
walk_prepare(void)
{
	walk_locale_prepare();
}

/* Three pieces in a row. */
enum { PIECES = 3 };
struct source {
	struct walk *w;
	struct span piece[PIECES];
	uint64_t pos;
};

static uint64_t
source_size(const struct source *s)
{
	uint64_t n = 0;

	for (int i = 0; i < PIECES; i++)
		n += s->piece[i].n;
	return n;
}

static ssize_t
source_read(struct archive *a, void *arg, const void **p)
{
	struct source *s = arg;
	struct span rest = {NULL, 0};
	uint64_t from = s->pos;

	if (!walk_alive(s->w)) {
		archive_set_error(a, ECANCELED, "limit");
		return ARCHIVE_FATAL;
	}
	for (int i = 0; i < PIECES && rest.n == 0; i++) {
		rest = span_sub(s->piece[i], (size_t)from, SLICE);
		from -= s->piece[i].n < from ? s->piece[i].n : from;
	}
	*p = rest.p;
	s->pos += rest.n;
	return (ssize_t)rest.n;
}

static int64_t
source_seek(struct archive *a, void *arg, int64_t off, int whence)
{
	struct source *s = arg;
	int64_t end = (int64_t)source_size(s);
	int64_t from = whence == SEEK_SET ? 0
	    : whence == SEEK_CUR ? (int64_t)s->pos : end;

	(void)a;
	/* Both are far from the edges: end is the size of what is in memory. */
	if (off < -from || off > end - from)
		return ARCHIVE_FATAL;
	s->pos = (uint64_t)(from + off);
	return (int64_t)s->pos;
}

static int64_t
source_skip(struct archive *a, void *arg, int64_t n)
{
	struct source *s = arg;
	uint64_t left = source_size(s) - s->pos;

	(void)a;
	if (n < 0)
		return 0;
	if ((uint64_t)n > left)
		n = (int64_t)left;
	s->pos += (uint64_t)n;
	return n;
}

typedef int support_fn(struct archive *);

/* From libarchive 3.3.3 and 3.4.0; Debian 9 has 3.2.2. */
#ifdef ARCHIVE_FILTER_ZSTD
static int
support_zstd(struct archive *a)
{
	return archive_read_support_filter_zstd(a);
}
#else
#define support_zstd NULL
#endif

static int
support_rar(struct archive *a)
{
	int rc = archive_read_support_format_rar(a);

#ifdef ARCHIVE_FORMAT_RAR_V5
	if (rc == ARCHIVE_OK)
		rc = archive_read_support_format_rar5(a);
#endif
	return rc;
}

static support_fn *const formats[KIND_MAX] = {
	[KIND_7Z] = archive_read_support_format_7zip,
	[KIND_RAR] = support_rar,
	[KIND_CAB] = archive_read_support_format_cab,
	[KIND_ISO] = archive_read_support_format_iso9660,
	[KIND_LHA] = archive_read_support_format_lha,
	[KIND_LHA_MEMBER] = archive_read_support_format_lha,
	[KIND_TAR] = archive_read_support_format_tar,
	[KIND_CPIO] = archive_read_support_format_cpio,
	[KIND_AR] = archive_read_support_format_ar,
	[KIND_ZIP_MEMBER] = archive_read_support_format_zip_streamable,
};

static support_fn *const filters[KIND_MAX] = {
	[KIND_GZIP] = archive_read_support_filter_gzip,
	[KIND_BZIP2] = archive_read_support_filter_bzip2,
	[KIND_XZ] = archive_read_support_filter_xz,
	[KIND_LZMA] = archive_read_support_filter_lzma,
	[KIND_LZIP] = archive_read_support_filter_lzip,
	[KIND_LZ4] = archive_read_support_filter_lz4,
	[KIND_COMPRESS] = archive_read_support_filter_compress,
	[KIND_RPM] = archive_read_support_filter_rpm,
	[KIND_ZSTD] = support_zstd,
};

/* False: this libarchive cannot, or only by running a program. */
static bool
reader_support(struct archive *a, enum walk_kind kind)
{
	if (filters[kind] != NULL)
		return filters[kind](a) == ARCHIVE_OK &&
		    archive_read_support_format_raw(a) == ARCHIVE_OK &&
		    archive_read_support_format_empty(a) == ARCHIVE_OK;
	if (formats[kind] == NULL || formats[kind](a) != ARCHIVE_OK)
		return false;
	/* A wrong checksum says nothing of what a reader will show. */
	if (kind == KIND_ZIP_MEMBER)
		archive_read_set_format_option(a, NULL, "ignorecrc32", "1");
	/* Behind the end that the first reader sees. */
	if (kind == KIND_TAR)
		archive_read_set_format_option(a, NULL,
		    "read_concatenated_archives", "1");
	return true;
}

static struct archive *
reader_open(struct source *s, enum walk_kind kind)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	archive_read_set_read_callback(a, source_read);
	archive_read_set_seek_callback(a, source_seek);
	archive_read_set_skip_callback(a, source_skip);
	archive_read_set_callback_data(a, s);
	if (!reader_support(a, kind) || archive_read_open1(a) != ARCHIVE_OK) {
		archive_read_free(a);
		return NULL;
	}
	return a;
}

/* Why it went no further. */
static unsigned
reader_failure(struct walk *w, struct archive *a)
{
	const char *text = archive_error_string(a);

	if (w->stop)
		return WALK_LIMIT;
	if (text != NULL && (strstr(text, "ncrypt") != NULL ||
	    strstr(text, "assphrase") != NULL))
		return WALK_ENCRYPTED;
	return WALK_UNREADABLE;
}

/* Solid: what was not read of one entry is unpacked before the next. */
static bool
is_solid(enum walk_kind kind)
{
	return kind == KIND_7Z || kind == KIND_RAR || kind == KIND_CAB;
}

static void
put_zeros(struct buf *out, uint64_t n)
{
	static const unsigned char zeros[4096];

	while (n > 0 && out->n < out->max) {
		size_t k = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		if (k > out->max - out->n)
			k = out->max - out->n;
		buf_put(out, zeros, k);
		n -= k;
	}
}

/* The content of the entry at hand; of a long one the start. */
static unsigned
read_content(struct walk *w, struct archive *a, enum walk_kind kind,
    struct buf *out)
{
	unsigned flags = 0;

	for (;;) {
		const void *p = NULL;
		size_t n = 0, room = out->max - out->n;
		int64_t off = 0;
		int rc = archive_read_data_block(a, &p, &n, &off);

		if (rc == ARCHIVE_EOF || (rc == ARCHIVE_WARN && n == 0))
			return flags;
		if (rc < ARCHIVE_WARN)
			return flags | reader_failure(w, a);
		if (!walk_spend(w, n))
			return flags | WALK_LIMIT;
		/* A hole in a sparse file. */
		if (kind == KIND_TAR && off > 0 && (uint64_t)off > out->n) {
			if (!walk_spend(w, (uint64_t)off - out->n > room
			        ? room : (uint64_t)off - out->n))
				return flags | WALK_LIMIT;
			put_zeros(out, (uint64_t)off - out->n);
			room = out->max - out->n;
		}
		buf_put(out, p, n < room ? n : room);
		if (n > room) {
			flags |= WALK_LIMIT;
			if (!is_solid(kind))
				return flags;
		}
	}
}

static struct span
entry_name(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);

	if (name == NULL)
		name = archive_entry_pathname_utf8(e);
	return span_str(name);
}

static void
one_entry(struct walk *w, struct archive *a, struct archive_entry *e,
    enum walk_kind kind, const struct walk_in *in, struct walk_listed *listed)
{
	struct walk_names names = {.n = 0};
	unsigned flags = listed ? listed->flags : 0;
	struct buf content;

	/* What our own lister can do, it does better. */
	if (listed != NULL && (listed->stored.n > 0 || listed->folder))
		return;
	if (listed == NULL && archive_entry_filetype(e) == AE_IFDIR)
		return;
	if (!walk_begin(w))
		return;
	walk_name_add(&names, listed ? listed->name : entry_name(e));
	if (listed != NULL)
		listed->done = true;
	if (archive_entry_is_encrypted(e))
		flags |= WALK_ENCRYPTED;
	buf_init(&content, (size_t)w->lim.entry_bytes);
	if ((flags & WALK_ENCRYPTED) == 0)
		flags |= read_content(w, a, kind, &content);
	if (content.n == 0 && flags != 0)
		walk_leaf(w, &names, in->depth, flags,
		    "application/octet-stream", 0);
	else
		walk_object(w, &names, buf_span(&content), in->depth, flags);
	buf_free(&content);
}

static unsigned
all_entries(struct walk *w, struct archive *a, enum walk_kind kind,
    const struct walk_in *in, struct walk_list *list)
{
	struct archive_entry *e;

	for (size_t i = 0;; i++) {
		int rc = archive_read_next_header(a, &e);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc < ARCHIVE_WARN)
			return reader_failure(w, a);
		if (w->stop || !walk_alive(w))
			return WALK_LIMIT;
		if (rc == ARCHIVE_RETRY)
			continue;
		one_entry(w, a, e, kind, in,
		    list != NULL && i < list->n ? &list->e[i] : NULL);
		if (w->stop)
			return WALK_LIMIT;
	}
}

unsigned
walk_archive(struct walk *w, enum walk_kind kind, const struct walk_in *in,
    struct walk_list *list)
{
	struct source s = {.w = w, .piece = {in->bytes}};
	locale_t before = (locale_t)0;
	struct archive *a;
	unsigned flags;

	if (walk_locale_prepare())
		before = uselocale(utf8_locale);
	a = reader_open(&s, kind);
	flags = a != NULL ? all_entries(w, a, kind, in, list)
	    : w->stop ? WALK_LIMIT : WALK_UNREADABLE;
	archive_read_free(a);
	if (before != (locale_t)0)
		uselocale(before);
	return flags;
}

unsigned
walk_unpack(struct walk *w, enum walk_kind kind, struct span head,
    struct span body, struct buf *out)
{
	/* libarchive wants to see the largest kind of data descriptor behind
	 * a zip member of unknown size, which the last one may not have. */
	static const unsigned char zeros[32];
	struct source s = {.w = w, .piece = {head, body,
	    span_of(zeros, kind == KIND_ZIP_MEMBER ? sizeof(zeros) : 0)}};
	struct archive_entry *e;
	struct archive *a = reader_open(&s, kind);
	unsigned flags = 0;
	int rc;

	if (a == NULL)
		return w->stop ? WALK_LIMIT : WALK_UNREADABLE;
	rc = archive_read_next_header(a, &e);
	if (rc < ARCHIVE_WARN)
		flags = reader_failure(w, a);
	else if (rc != ARCHIVE_EOF)
		flags = read_content(w, a, kind, out);
	archive_read_free(a);
	return flags;
}

unsigned
walk(struct span bytes, const char *name, const struct walk_limits *limits,
    walk_found *found, void *arg)
{
	struct walk w = {.lim = *limits, .found = found, .arg = arg};
	struct walk_names names = {.n = 0};

	if (w.lim.depth > WALK_DEPTH_MAX)
		w.lim.depth = WALK_DEPTH_MAX;
	/* Also the size of a buffer. */
	if (w.lim.entry_bytes > SIZE_MAX / 4)
		w.lim.entry_bytes = SIZE_MAX / 4;
	walk_name_add(&names, span_str(name));
	walk_alive(&w);
	walk_object(&w, &names, bytes, 0, 0);
	return w.flags;
}
