/*
 * Messages that made a worker crash or hang. Each such death is a strike;
 * at two strikes the message is parked: quarantined by a path that does not
 * parse it. Keyed by Postfix's queue id (or a body hash).
 *
 * What is being worked on stands in a file before parsing begins; when the
 * parent itself died with its workers, those messages are only suspects: the
 * guilty one is among innocent ones, so an interruption weighs a quarter of a
 * strike. It is forgotten when the message got its final replies.
 */
#ifndef PMG_FILTER_STRIKES_H
#define PMG_FILTER_STRIKES_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/err.h"

enum {
	STRIKE_INTERRUPTED = 1,
	STRIKE_CRASH = 4,
	STRIKE_PARK = 8,	/* park at this weight */
	STRIKE_KEY_MAX = 79,	/* bytes of a key */
	STRIKE_ENTRIES_MAX = 4096,
};

struct strikes;

/* dir: folder of the two files (created by the package). nslots: workers. */
struct strikes *strikes_open(const char *dir, unsigned nslots, struct err *e);
void strikes_close(struct strikes *s);

/* Worker `slot` begins with key. True: park it. */
bool strikes_begin(struct strikes *s, unsigned slot, const char *key);
/* It is through with its message; final: the message needs no memory. */
void strikes_end(struct strikes *s, unsigned slot, bool final);
/* The message in `slot` caused a crash; durable when this returns. */
void strikes_add(struct strikes *s, unsigned slot, int weight);
/* Key in work in that slot, "" = none. */
const char *strikes_key(const struct strikes *s, unsigned slot);

#endif
