/*
 * pmgd worker -> pmgd-scan scanner. The worker connects, sends one request
 * with the message as a descriptor (readable, at any offset; the scanner maps
 * it), gets one reply, closes. End of file without a reply: the scanner died
 * of this message.
 */
#ifndef PMG_PROTO_SCAN_H
#define PMG_PROTO_SCAN_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	SCAN_MSG_REQUEST = 0x0101,	/* + 1 descriptor */
	SCAN_MSG_REPLY = 0x0102,
	SCAN_MSG_STATUS = 0x0103,	/* tools: empty body */
	SCAN_MSG_STATUS_REPLY = 0x0104,
	SCAN_TEXT_MAX = 4096,		/* bytes of one text field; cut there */
};

struct scan_request {
	const char *logid;
	uint64_t size;
};

enum scan_result {
	SCAN_CLEAN = 0,
	SCAN_VIRUS = 1,
	SCAN_HEURISTIC = 2,	/* only Heuristics.*: adds to the spam score */
	SCAN_NOT_READY = 3,	/* engine not loaded or too old: `detail` says */
	SCAN_FAILED = 4,	/* libclamav error: not scanned */
	SCAN_TIMEOUT = 5,	/* gave up within its own limit */
};

struct scan_reply {
	enum scan_result result;
	const char *name;	/* virus or first heuristic, "" */
	const char *detail;	/* plain words for not ready / failed */
	uint64_t db_version;	/* of daily, 0 = unknown */
	uint32_t cpu_us;	/* thread CPU time of the scan */
	/* Heuristics found, comma-separated names; "" */
	const char *heuristics;
};

struct scan_status {
	uint8_t ready;
	const char *detail;	/* plain words: why not, or what is loaded */
	uint64_t signatures;
	uint64_t loaded_at;	/* seconds since the epoch */
	uint32_t scanners;
	uint64_t scanned;
	uint64_t crashed;
};

void scan_request_put(struct buf *b, const struct scan_request *r);
/* Decoders: strings are copied into a. -1: broken (the peer's fault). */
int scan_request_get(struct span body, struct scan_request *r, struct arena *a);
void scan_reply_put(struct buf *b, const struct scan_reply *r);
int scan_reply_get(struct span body, struct scan_reply *r, struct arena *a);
void scan_status_put(struct buf *b, const struct scan_status *s);
int scan_status_get(struct span body, struct scan_status *s, struct arena *a);

#endif
