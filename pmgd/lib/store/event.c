#include "lib/store/event.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/store/crc32c.h"

enum {
	RECORD_HEAD = 16,	/* length, CRC, sequence */
	CRC_FROM = 8,		/* the CRC covers sequence and payload */
	NAME_DIGITS = 20,
	CURSOR_MAX = 64,
};

/* ---- segments and records, for both sides ---- */

static bool
segment_parse(const char *name, uint64_t *first_r)
{
	int64_t n;

	/* Microseconds fill 16 of the 20 digits until the year 2286. */
	if (strlen(name) != NAME_DIGITS + 4 || strncmp(name, "00", 2) != 0 ||
	    strcmp(name + NAME_DIGITS, ".log") != 0 ||
	    !str_num(span_of(name + 2, NAME_DIGITS - 2), 0, INT64_MAX, &n))
		return false;
	*first_r = (uint64_t)n;
	return true;
}

/*
 * In one pass over the folder: the newest segment that begins at or before
 * seq, and the oldest that begins after it. UINT64_MAX: there is none.
 */
static int
segments_around(const char *dir, uint64_t seq, uint64_t *before_r,
    uint64_t *after_r, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	uint64_t first;

	*before_r = *after_r = UINT64_MAX;
	if (d == NULL)
		return err_errno(e, "%s", dir);
	while ((de = readdir(d)) != NULL) {
		if (!segment_parse(de->d_name, &first))
			continue;
		if (first <= seq &&
		    (*before_r == UINT64_MAX || first > *before_r))
			*before_r = first;
		if (first > seq && first < *after_r)
			*after_r = first;
	}
	closedir(d);
	return 0;
}

static char *
segment_path(const char *dir, uint64_t first)
{
	return xasprintf("%s/%0*" PRIu64 ".log", dir, (int)NAME_DIGITS, first);
}

static int
segment_open(const char *dir, uint64_t first, int flags, struct err *e)
{
	AUTO_FREE char *path = segment_path(dir, first);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0640);

	return fd < 0 ? err_errno(e, "%s", path) : fd;
}

enum record { RECORD_OK, RECORD_END, RECORD_BAD, RECORD_ERROR };

static enum record
payload_read(int fd, uint64_t off, size_t n, struct buf *payload)
{
	unsigned char chunk[4096];

	buf_reset(payload);
	while (n > 0) {
		size_t want = n < sizeof(chunk) ? n : sizeof(chunk);
		ssize_t r = pread_all(fd, chunk, want, off);

		if (r < 0)
			return RECORD_ERROR;
		if ((size_t)r != want)
			return RECORD_BAD;
		buf_put(payload, chunk, want);
		off += want;
		n -= want;
	}
	return payload->overflow ? RECORD_BAD : RECORD_OK;
}

/*
 * The record at off. END: the file ends just there. BAD: incomplete, or its
 * checksum does not hold (torn, being written just now, or damaged).
 */
static enum record
record_read(int fd, uint64_t off, struct buf *payload, uint64_t *seq_r)
{
	unsigned char head[RECORD_HEAD];
	struct cursor c = cur_of(span_of(head, sizeof(head)));
	uint32_t length, crc;
	enum record rc;
	ssize_t n = pread_all(fd, head, sizeof(head), off);

	if (n <= 0)
		return n == 0 ? RECORD_END : RECORD_ERROR;
	if (n != RECORD_HEAD)
		return RECORD_BAD;
	length = cur_u32(&c);
	crc = cur_u32(&c);
	*seq_r = cur_u64(&c);
	/* Also noise can be its own checksum: zeros behind ones are, as a
	 * record of a number that no writer ever reaches; a reader that took it
	 * for the last one would pass over all others. */
	if (length > EVENT_MAX || *seq_r > INT64_MAX)
		return RECORD_BAD;
	rc = payload_read(fd, off + RECORD_HEAD, length, payload);
	if (rc == RECORD_OK &&
	    crc32c(crc32c(0, head + CRC_FROM, RECORD_HEAD - CRC_FROM),
	        payload->p, payload->n) != crc)
		return RECORD_BAD;
	return rc;
}

/* ---- writer ---- */

struct event_writer {
	char *dir;
	uint64_t segment_bytes;
	uint64_t seq;		/* of the last record */
	uint64_t next;		/* of the next one */
	uint64_t end;		/* of the good records in fd */
	int fd;			/* -1: the next record begins a segment */
	bool dirty;		/* bytes behind `end` are to be cut off */
	struct buf record;
};

static int
dir_sync(const char *dir, struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(e, "%s: fsync", dir);
	return 0;
}

static void
segment_leave(struct event_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->end = 0;
	w->dirty = false;
}

/* Finds the end of the newest segment's good records. */
static int
writer_continue(struct event_writer *w, uint64_t first, struct err *e)
{
	AUTO_BUF struct buf payload;
	enum record rc;
	uint64_t seq;

	buf_init(&payload, EVENT_MAX);
	w->fd = segment_open(w->dir, first, O_RDWR, e);
	if (w->fd < 0)
		return -1;
	/* Also for a segment that holds no record yet. */
	w->seq = first - 1;
	while ((rc = record_read(w->fd, w->end, &payload, &seq)) == RECORD_OK &&
	    seq > w->seq) {
		w->seq = seq;
		w->end += RECORD_HEAD + payload.n;
	}
	if (rc == RECORD_ERROR)
		return err_errno(e, "%s: read", w->dir);
	w->dirty = rc != RECORD_END;
	return 0;
}

struct event_writer *
event_writer_open(const char *dir, uint64_t segment_bytes, struct err *e)
{
	struct event_writer *w = xcalloc(1, sizeof(*w));
	uint64_t newest, none;

	w->dir = xstrdup(dir);
	w->segment_bytes = segment_bytes;
	w->fd = -1;
	buf_init(&w->record, EVENT_MAX + RECORD_HEAD);
	if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
		err_errno(e, "%s", dir);
		goto fail;
	}
	if (segments_around(dir, UINT64_MAX - 1, &newest, &none, e) != 0 ||
	    (newest != UINT64_MAX && writer_continue(w, newest, e) != 0))
		goto fail;
	w->next = (uint64_t)clock_wall_us();
	if (w->next <= w->seq)
		w->next = w->seq + 1;
	return w;
fail:
	event_writer_close(w);
	return NULL;
}

static int
writer_segment(struct event_writer *w, struct err *e)
{
	if (w->fd >= 0 && w->end >= w->segment_bytes)
		segment_leave(w);
	if (w->fd >= 0)
		return 0;
	w->fd = segment_open(w->dir, w->next, O_RDWR | O_CREAT | O_EXCL, e);
	if (w->fd < 0)
		return -1;
	if (dir_sync(w->dir, e) != 0) {
		segment_leave(w);
		w->next++;	/* the name is taken */
		return -1;
	}
	return 0;
}

/* A reader stops in front of half a record; the next one must not follow it. */
static int
writer_cut(struct event_writer *w, struct err *e)
{
	if (!w->dirty)
		return 0;
	if (ftruncate(w->fd, (off_t)w->end) != 0)
		return err_errno(e, "%s: cannot cut off a torn record", w->dir);
	w->dirty = false;
	return 0;
}

static void
record_put(struct buf *b, uint64_t seq, struct span payload)
{
	buf_reset(b);
	buf_u32(b, (uint32_t)payload.n);
	buf_u32(b, 0);
	buf_u64(b, seq);
	buf_puts_span(b, payload);
	buf_set_u32(b, 4, crc32c(0, b->p + CRC_FROM, b->n - CRC_FROM));
}

int
event_write(struct event_writer *w, struct span payload, bool durable,
    struct err *e)
{
	if (payload.n > EVENT_MAX)
		return err_set(e, "event of %zu bytes", payload.n);
	if (writer_cut(w, e) != 0 || writer_segment(w, e) != 0)
		return -1;
	record_put(&w->record, w->next, payload);
	if (lseek(w->fd, (off_t)w->end, SEEK_SET) < 0 ||
	    write_all(w->fd, w->record.p, w->record.n) != 0) {
		w->dirty = true;
		err_errno(e, "%s: write", w->dir);
		writer_cut(w, NULL);
		return -1;
	}
	w->end += w->record.n;
	w->seq = w->next++;
	if (durable && fdatasync(w->fd) != 0) {
		err_errno(e, "%s: fdatasync", w->dir);
		segment_leave(w);
		return -1;
	}
	return 0;
}

/* A file is written last when it gets its last record. */
static bool
segment_older(int dir, const char *name, int64_t keep_seconds)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < clock_wall_us() / 1000000 - keep_seconds;
}

int
event_prune(struct event_writer *w, int64_t keep_seconds, struct err *e)
{
	uint64_t newest, none, first;
	struct dirent *de;
	int removed = 0;
	DIR *d;

	if (segments_around(w->dir, UINT64_MAX - 1, &newest, &none, e) != 0)
		return -1;
	d = opendir(w->dir);
	if (d == NULL)
		return err_errno(e, "%s", w->dir);
	while ((de = readdir(d)) != NULL)
		if (segment_parse(de->d_name, &first) && first != newest &&
		    segment_older(dirfd(d), de->d_name, keep_seconds) &&
		    unlinkat(dirfd(d), de->d_name, 0) == 0)
			removed++;
	closedir(d);
	return removed;
}

/* Bytes of all segments, and the oldest of them. -1: e tells. */
static int
segments_sum(const char *dir, uint64_t *bytes_r, uint64_t *oldest_r,
    struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	struct stat st;
	uint64_t first;

	if (d == NULL)
		return err_errno(e, "%s", dir);
	*bytes_r = 0;
	*oldest_r = UINT64_MAX;
	while ((de = readdir(d)) != NULL) {
		if (!segment_parse(de->d_name, &first) || fstatat(dirfd(d),
		    de->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		*bytes_r += (uint64_t)st.st_size;
		if (first < *oldest_r)
			*oldest_r = first;
	}
	closedir(d);
	return 0;
}

int
event_prune_bytes(struct event_writer *w, uint64_t most, struct err *e)
{
	uint64_t newest, none, bytes = 0, oldest = UINT64_MAX;

	if (segments_around(w->dir, UINT64_MAX - 1, &newest, &none, e) != 0)
		return -1;
	for (;;) {
		AUTO_FREE char *path = NULL;

		if (segments_sum(w->dir, &bytes, &oldest, e) != 0)
			return -1;
		if (bytes <= most || oldest == UINT64_MAX || oldest == newest)
			return 0;
		path = segment_path(w->dir, oldest);
		if (unlink(path) != 0)
			return err_errno(e, "%s", path);
	}
}

uint64_t
event_writer_seq(const struct event_writer *w)
{
	return w->seq;
}

void
event_writer_close(struct event_writer *w)
{
	if (w == NULL)
		return;
	segment_leave(w);
	buf_free(&w->record);
	free(w->dir);
	free(w);
}

/* ---- reader ---- */

struct event_reader {
	char *dir;
	char *cursor;		/* NULL: not kept */
	uint64_t next;		/* first sequence number not yet given out */
	int fd;
	uint64_t first;		/* name of the segment in fd */
	uint64_t off;
};

static int
cursor_load(struct event_reader *r, struct err *e)
{
	AUTO_BUF struct buf b;
	int64_t n;

	buf_init(&b, CURSOR_MAX);
	if (access(r->cursor, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(r->cursor, &b, e) != 0)
		return -1;
	if (!str_num(span_trim(buf_span(&b)), 0, INT64_MAX, &n))
		return err_set(e, "%s: not a position", r->cursor);
	r->next = (uint64_t)n;
	return 0;
}

struct event_reader *
event_reader_open(const char *dir, const char *cursor_path, struct err *e)
{
	struct event_reader *r = xcalloc(1, sizeof(*r));

	r->dir = xstrdup(dir);
	r->fd = -1;
	if (cursor_path != NULL) {
		r->cursor = xstrdup(cursor_path);
		if (cursor_load(r, e) != 0) {
			event_reader_close(r);
			return NULL;
		}
	}
	return r;
}

static int
reader_enter(struct event_reader *r, uint64_t first, struct err *e)
{
	int fd = segment_open(r->dir, first, O_RDONLY, e);

	if (fd < 0)
		return -1;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->first = first;
	r->off = 0;
	return 0;
}

/* 1: stands in a segment, 0: there is none yet, -1: error. */
static int
reader_start(struct event_reader *r, struct err *e)
{
	uint64_t before, after;

	if (r->fd >= 0)
		return 1;
	/* No folder yet: its writer has never run. */
	if (access(r->dir, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (segments_around(r->dir, r->next, &before, &after, e) != 0)
		return -1;
	if (before == UINT64_MAX)
		before = after;
	if (before == UINT64_MAX)
		return 0;
	return reader_enter(r, before, e) == 0 ? 1 : -1;
}

/*
 * Offset of the next good record behind off, or the file's size. Only good
 * records with a larger sequence count, so bytes inside a payload that look
 * like an old record cannot take the reader back.
 */
static uint64_t
reader_resync(struct event_reader *r, uint64_t off, uint64_t size,
    struct buf *payload, bool *found_r)
{
	uint64_t seq;

	*found_r = true;
	for (off++; off + RECORD_HEAD <= size; off++)
		if (record_read(r->fd, off, payload, &seq) == RECORD_OK &&
		    seq >= r->next)
			return off;
	*found_r = false;
	return size;
}

static int
reader_damaged(struct event_reader *r, uint64_t to, struct err *e)
{
	uint64_t from = r->off;

	r->off = to;
	return err_set(e,
	    "%s/%0*" PRIu64 ".log: %" PRIu64 " damaged bytes at %" PRIu64,
	    r->dir, (int)NAME_DIGITS, r->first, to - from, from);
}

/*
 * No good record at r->off. Either that is the end for now, or the next
 * segment goes on, or there is damage. 2: read again, 0: none now.
 */
static int
reader_stuck(struct event_reader *r, struct buf *payload, struct err *e)
{
	uint64_t before, after, size, to, seq;
	enum record rc;
	struct stat st;
	bool found;

	if (segments_around(r->dir, r->first, &before, &after, e) != 0)
		return -1;
	if (fstat(r->fd, &st) != 0)
		return err_errno(e, "%s: stat", r->dir);
	size = (uint64_t)st.st_size;
	to = size;
	found = false;
	if (size > r->off)
		to = reader_resync(r, r->off, size, payload, &found);
	/*
	 * Looked at again only now: a record that the writer was in the middle
	 * of is complete before anything behind it can be seen.
	 */
	rc = record_read(r->fd, r->off, payload, &seq);
	if (rc == RECORD_OK)
		return 2;
	if (rc == RECORD_ERROR)
		return err_errno(e, "%s: read", r->dir);
	if (found)
		return reader_damaged(r, to, e);
	if (after == UINT64_MAX)
		return 0;
	if (rc == RECORD_BAD)
		return reader_damaged(r, size, e);
	return reader_enter(r, after, e) == 0 ? 2 : -1;
}

int
event_read(struct event_reader *r, struct buf *payload, uint64_t *seq,
    struct err *e)
{
	int rc = reader_start(r, e);

	if (rc <= 0)
		return rc;
	for (;;) {
		switch (record_read(r->fd, r->off, payload, seq)) {
		case RECORD_OK:
			r->off += RECORD_HEAD + payload->n;
			if (*seq < r->next)
				break;
			r->next = *seq + 1;
			return 1;
		case RECORD_ERROR:
			return err_errno(e, "%s: read", r->dir);
		case RECORD_END:
		case RECORD_BAD:
			rc = reader_stuck(r, payload, e);
			if (rc != 2)
				return rc;
		}
	}
}

int
event_reader_commit(struct event_reader *r, struct err *e)
{
	AUTO_BUF struct buf b = {.max = CURSOR_MAX};

	if (r->cursor == NULL)
		return 0;
	buf_printf(&b, "%" PRIu64 "\n", r->next);
	return atomicfile_write(r->cursor, buf_span(&b), 0640, e);
}

void
event_reader_close(struct event_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->dir);
	free(r->cursor);
	free(r);
}
