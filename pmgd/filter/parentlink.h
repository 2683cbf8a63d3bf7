/* The worker's end of lib/proto/filter.h. A broken link ends the worker. */
#ifndef PMG_FILTER_PARENTLINK_H
#define PMG_FILTER_PARENTLINK_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/span.h"

struct parent_link {
	int fd;
};

/* True: the message has its strikes, park it. Else, with want_slot, the answer
 * about a place at spamd comes as a packet on l->fd. */
bool parent_begin(struct parent_link *l, const char *key, bool want_slot,
    uint32_t ticket);
void parent_strike(struct parent_link *l);
/* Reads one packet: 1 granted, 0 refused, -1 it was for an older ticket. */
int parent_slot_answer(struct parent_link *l, uint32_t ticket);
void parent_slot_end(struct parent_link *l, int how);
/*
 * Through with the message: its event record is written ("" = none), what the
 * rules were told is kept if there is room for it in the packet, and it is
 * forgotten when it got final replies. 1: sent and, when durable, on the disk;
 * 0: it could not be written, the message counts as deferred; -1: it is too
 * large for a packet, nothing was sent.
 */
int parent_end(struct parent_link *l, bool final, struct span record,
    bool durable, struct span recorded);
/* Before anything is committed: a record of what will be discarded, durable.
 * 1: written, 0: not, -1: too large for a packet. */
int parent_discard(struct parent_link *l, struct span record);

#endif
