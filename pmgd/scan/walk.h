/*
 * What is inside of an attachment: names and types of everything in an
 * archive, a disk image, a package or an Office document, nested. Nothing is
 * written anywhere, nothing is executed. walk.c is the only file that knows
 * libarchive.
 *
 * Hostile bytes: never fails. What cannot be read is an entry of its own.
 * Memory: the bytes, and at most total_bytes that were unpacked from them,
 * beside some MB of libarchive. Exhaustion ends the process.
 */
#ifndef PMG_SCAN_WALK_H
#define PMG_SCAN_WALK_H

#include <stdint.h>
#include "lib/base/span.h"

/* Caps; going past one ends that branch with an entry that has WALK_LIMIT. */
struct walk_limits {
	unsigned depth;		/* archives within archives; tar.gz is two */
	unsigned entries;	/* of the whole walk; folders do not count */
	uint64_t entry_bytes;	/* unpacked, of one entry */
	uint64_t total_bytes;	/* unpacked, of the whole walk */
	unsigned cpu_ms;	/* thread CPU time of the whole walk */
	int64_t deadline_ms;	/* monotonic clock; 0: none. On a loaded machine
				 * CPU time is not the time that passes */
};
extern const struct walk_limits walk_limits_default;

/* A greater depth counts as this one. */
enum { WALK_DEPTH_MAX = 100 };

enum {
	/* Content cannot be read without a password. A PDF that asks for one
	 * only before printing has it, too. */
	WALK_ENCRYPTED = 1,
	WALK_UNREADABLE = 2,	/* broken, or of a kind nobody here can unpack */
	/* Office document with macros or other active content: DDE, actions
	 * that run programs, a template from the web; PDF that runs scripts
	 * by itself or launches programs. */
	WALK_MACROS = 4,
	WALK_LIMIT = 8,		/* a cap was reached: not all was looked at */
	WALK_ARCHIVE = 16,	/* is itself a container that was entered */
};

struct walk_entry {
	const char *name;	/* within its container, UTF-8; "" for an
				 * object without one. Bytes that are not UTF-8
				 * are U+FFFD, control characters %XX. */
	const char *type;	/* by magic, else "application/octet-stream" */
	unsigned depth;		/* 0: the object itself */
	unsigned flags;		/* WALK_*; not those of what is in it */
	uint64_t size;		/* unpacked, as far as it was seen */
	struct span content;	/* what was seen of it; n = 0: nothing */
};

/* The entry lives only during the call. */
typedef void walk_found(void *arg, const struct walk_entry *e);

/*
 * Calls found for the object itself (depth 0) and for all in it. What is in a
 * container comes before it: only then are its flags known; the object itself
 * comes last. An entry to which readers give different names (a zip whose
 * directory and headers differ) is reported once with each. The CPU time that
 * found takes is not the walk's. name: the
 * attachment's, "" = none. Returns the union of all flags.
 */
unsigned walk(struct span bytes, const char *name,
    const struct walk_limits *limits, walk_found *found, void *arg);

/*
 * Loads what names in UTF-16 need (a locale). Once, before a sandbox that
 * hides the file system; without it walk() tries by itself, and if that fails
 * such characters are '?'.
 */
void walk_prepare(void);

#endif
