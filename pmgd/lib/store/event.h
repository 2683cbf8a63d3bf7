/*
 * Event files: append-only, sequenced, checksummed. One writer process per
 * folder; readers keep a cursor and see each record exactly once, whatever
 * dies in between. Segments are named by the sequence number of their first
 * record (%020llu.log); a record is
 *     u32 length, u32 CRC-32C of what follows, u64 sequence, payload
 * (length: of the payload). Sequence numbers only grow; each start of a writer
 * leaves a gap (it goes on at the wall clock's microseconds), so that a number
 * that a power loss took away never comes back with other content.
 * A torn tail (crash of the writer) is cut off by the writer at its next
 * start; a reader stops in front of it. What a payload is, is the writer's
 * matter.
 */
#ifndef PMG_STORE_EVENT_H
#define PMG_STORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum { EVENT_MAX = 1024 * 1024 };	/* bytes of one payload */

struct event_writer;

/* Opens or continues the folder (created 0750). NULL: e tells. */
struct event_writer *event_writer_open(const char *dir, uint64_t segment_bytes,
    struct err *e);
/*
 * Appends; durable: fdatasync before it returns. -1: not written, or, when
 * fdatasync failed, perhaps not on the disk: it is never tried again for that
 * record, the next one begins a new segment.
 */
int event_write(struct event_writer *w, struct span payload, bool durable,
    struct err *e);
/*
 * Removes segments whose last record is older than that many seconds; the
 * newest one always stays. Returns how many, -1: e tells.
 */
int event_prune(struct event_writer *w, int64_t keep_seconds, struct err *e);
/* Removes the oldest segments, never the newest, until all have at most that
 * many bytes. 0, or -1: e tells. */
int event_prune_bytes(struct event_writer *w, uint64_t most, struct err *e);
/* Sequence number of the last record written or found; 0: none. */
uint64_t event_writer_seq(const struct event_writer *w);
void event_writer_close(struct event_writer *w);

struct event_reader;

/* cursor_path: file that keeps the position (atomically); NULL = from the
 * start, position not kept. */
struct event_reader *event_reader_open(const char *dir,
    const char *cursor_path, struct err *e);
/* 1: next record in payload and *seq; 0: none now; -1: damaged, e tells
 * (the reader then stands behind the damage). */
int event_read(struct event_reader *r, struct buf *payload, uint64_t *seq,
    struct err *e);
/* Makes the position durable: records read so far are never seen again. */
int event_reader_commit(struct event_reader *r, struct err *e);
void event_reader_close(struct event_reader *r);

#endif
