/*
 * pmgd worker -> pmgd-scan scanner. The worker connects, sends one request
 * with the message as a descriptor (readable, at any offset; the scanner
 * copies it), gets one reply, closes. End of file without a reply: the scanner
 * died of this message.
 *
 * With objects there is a second descriptor: decoded contents of the message,
 * and the table says where in it each object lies. An object is scanned on its
 * own, or looked into as a container whose entries the reply lists, or both.
 */
#ifndef PMG_PROTO_SCAN_H
#define PMG_PROTO_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	SCAN_MSG_REQUEST = 0x0101,	/* + 1 descriptor, 2 with objects */
	SCAN_MSG_REPLY = 0x0102,
	SCAN_MSG_STATUS = 0x0103,	/* tools: empty body */
	SCAN_MSG_STATUS_REPLY = 0x0104,
	/* Empty: such a request is not known here. Programs of different
	 * versions meet during an upgrade, and no message must look guilty of
	 * that: another layout of a packet is another number. */
	SCAN_MSG_UNKNOWN = 0x01ff,
	SCAN_TEXT_MAX = 4096,		/* bytes of one text field; cut there */
	/* A request and a reply have to fit one packet (IPC_MAX). */
	SCAN_OBJECTS_MAX = 1500,
	SCAN_HINT_MAX = 64,		/* bytes of an object's name: its end */
	SCAN_NAME_MAX = 1024,		/* of an entry's name: its end */
	SCAN_TYPE_MAX = 128,
	SCAN_FOUND_MAX = 10 * 1000,	/* entries in one reply */
	SCAN_FOUND_BYTES = 128 * 1024,	/* that they take in it */
};

enum { SCAN_OBJECT_SCAN = 1, SCAN_OBJECT_LIST = 2 };

/* Some decoded content of a part. */
struct scan_object {
	uint32_t part;		/* index of the MIME part, told back */
	uint8_t flags;		/* SCAN_OBJECT_* */
	uint64_t off, len;	/* in the second descriptor */
	const char *name;	/* the end of its file name, "" = none: a hint
				 * what it is where its bytes do not tell */
};

struct scan_request {
	const char *logid;
	uint64_t size;
	struct scan_object *object;
	size_t nobject;
};

enum scan_result {
	SCAN_CLEAN = 0,
	SCAN_VIRUS = 1,
	SCAN_HEURISTIC = 2,	/* only Heuristics.*: adds to the spam score */
	SCAN_NOT_READY = 3,	/* engine not loaded or too old: `detail` says */
	SCAN_FAILED = 4,	/* libclamav error: not scanned */
	SCAN_TIMEOUT = 5,	/* gave up within its own limit */
};

/* Of an entry; the numbers are those of scan/walk.h. */
enum {
	SCAN_FOUND_ENCRYPTED = 1,
	SCAN_FOUND_UNREADABLE = 2,
	SCAN_FOUND_MACROS = 4,
	SCAN_FOUND_LIMIT = 8,
	SCAN_FOUND_ARCHIVE = 16,
	SCAN_FOUND_FLAGS = 31,
};

/* The object itself (depth 0, no name) or something inside of it. */
struct scan_found {
	uint32_t part;
	uint8_t flags;		/* SCAN_FOUND_* */
	uint8_t depth;
	const char *name;
	const char *type;
};

enum {
	SCAN_LIMIT_ENGINE = 1,	/* libclamav did not look at all of it */
	SCAN_LIMIT_WALK = 2,	/* nor did the walk through its archives */
	SCAN_LIMIT_CUT = 4,	/* not all entries, or not all of a name,
				 * stand in the reply */
	SCAN_LIMITS = 7,
};

enum { SCAN_NO_PART = UINT32_MAX };

struct scan_reply {
	enum scan_result result;
	const char *name;	/* virus or first heuristic, "" */
	const char *detail;	/* plain words for not ready / failed */
	uint64_t db_version;	/* of daily, 0 = unknown */
	uint32_t cpu_us;	/* thread CPU time of the scan */
	/* Heuristics found, comma-separated names; "" */
	const char *heuristics;
	uint32_t where;		/* part of the object that held the virus;
				 * SCAN_NO_PART: found in the raw message */
	uint8_t limits;		/* SCAN_LIMIT_*: something may hide */
	struct scan_found *found;
	size_t nfound;
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

/* What goes past a cap of the above is cut: r->nobject <= SCAN_OBJECTS_MAX is
 * the caller's to keep; scan_found_fits() tells for entries. */
void scan_request_put(struct buf *b, const struct scan_request *r);
/* Adds what the entry takes in a reply to *bytes. False: no room for it. */
bool scan_found_fits(const struct scan_found *f, size_t *bytes);
/* Decoders: strings are copied into a. -1: broken (the peer's fault). */
int scan_request_get(struct span body, struct scan_request *r, struct arena *a);
void scan_reply_put(struct buf *b, const struct scan_reply *r);
int scan_reply_get(struct span body, struct scan_reply *r, struct arena *a);
void scan_status_put(struct buf *b, const struct scan_status *s);
int scan_status_get(struct span body, struct scan_status *s, struct arena *a);

#endif
