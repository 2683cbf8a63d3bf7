/*
 * Event files (lib/store/event.h). 'R': the rest is a segment as it is. Else
 * pairs of bytes, what to write and how much: good records, records cut short,
 * noise. A reader gets each good one once and in order, whatever stands
 * between them, and after the next start of the writer what that writes.
 */
#include <unistd.h>
#include "lib/store/crc32c.h"
#include "lib/store/event.h"
#include "require.h"
#include "scratch.h"

enum { IN_MAX = 1 << 14, FILE_MAX = 1 << 22, SEGMENT = 1 << 30, HEAD = 16,
	RECORDS_MAX = 1 << 13 };

static const char segment[] = "00000000000000000001.log";

static void
put_record(struct buf *b, uint64_t seq, unsigned n)
{
	size_t start = b->n;

	buf_u32(b, n);
	buf_u32(b, 0);
	buf_u64(b, seq);
	for (unsigned i = 0; i < n; i++)
		buf_putc(b, (int)('a' + (seq + i) % 26));
	buf_set_u32(b, start + 4, crc32c(0, b->p + start + 8,
	    b->n - start - 8));
}

/* Fills seq[] with the numbers of the good ones; how many. */
static size_t
put_segment(struct buf *b, struct span in, uint64_t *seq)
{
	uint64_t next = 1;
	size_t n = 0;

	for (struct cursor c = cur_of(in); cur_left(&c) >= 2;) {
		unsigned op = cur_u8(&c) % 8, size = cur_u8(&c);

		if (op == 0) {		/* noise: no length is that large */
			for (unsigned i = 0; i < size; i++)
				buf_putc(b, 0xff);
		} else if (op == 1) {	/* torn */
			put_record(b, next, size);
			b->n -= 1 + size % (HEAD + size);
		} else if (op == 2 && n > 0) {	/* given out already */
			put_record(b, seq[n - 1], size);
		} else {
			put_record(b, next, size);
			seq[n++] = next;
			next += op == 3 ? 1 + size : 1;
		}
	}
	return n;
}

/* All of want[], in order; others (only of raw files) must still grow. */
static uint64_t
read_all(const char *dir, const uint64_t *want, size_t nwant)
{
	struct event_reader *r = event_reader_open(dir, NULL, NULL);
	uint64_t seq, last = 0;
	struct err e = {""};
	struct buf payload;
	size_t n = 0;
	int rc;

	require(r != NULL);
	buf_init(&payload, EVENT_MAX);
	while ((rc = event_read(r, &payload, &seq, &e)) != 0) {
		if (rc < 0) {
			require(e.text[0] != '\0');
			continue;
		}
		require(seq >= last);
		last = seq;
		if (want != NULL && n < nwant)
			require(seq == want[n]);
		n++;
	}
	require(want == NULL || n >= nwant);
	buf_free(&payload);
	event_reader_close(r);
	return last;
}

static void
write_more(const char *dir)
{
	struct event_writer *w = event_writer_open(dir, SEGMENT, NULL);
	uint64_t before, seq;

	require(w != NULL);
	before = event_writer_seq(w);
	require(event_write(w, SPAN_LIT("{}"), false, NULL) == 0);
	seq = event_writer_seq(w);
	require(seq > before);
	event_writer_close(w);
	w = event_writer_open(dir, SEGMENT, NULL);
	require(w != NULL && event_writer_seq(w) == seq);
	event_writer_close(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t want[RECORDS_MAX];
	const char *dir = scratch_dir();
	struct span in;
	struct buf file;
	char path[256];
	size_t n = 0;

	if (size < 1 || size > IN_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	buf_init(&file, FILE_MAX);
	if (data[0] == 'R')
		buf_puts_span(&file, in);
	else
		n = put_segment(&file, in, want);
	scratch_write(segment, buf_span(&file));
	read_all(dir, data[0] == 'R' ? NULL : want, n);
	write_more(dir);
	read_all(dir, NULL, 0);
	snprintf(path, sizeof(path), "%s/%s", dir, segment);
	unlink(path);
	buf_free(&file);
	return 0;
}
