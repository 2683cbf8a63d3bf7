/* The worker's end of lib/proto/filter.h. A broken link ends the worker. */
#ifndef PMG_FILTER_PARENTLINK_H
#define PMG_FILTER_PARENTLINK_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/span.h"

struct parent_link {
	int fd;
};

/* True: the message has its strikes, park it. */
bool parent_begin(struct parent_link *l, const char *key);
void parent_end(struct parent_link *l, bool final);
void parent_strike(struct parent_link *l);
/* Asks for a place at spamd; the answer comes as a packet on l->fd. */
void parent_slot_ask(struct parent_link *l, uint32_t ticket);
/* Reads one packet: 1 granted, 0 refused, -1 it was for an older ticket. */
int parent_slot_answer(struct parent_link *l, uint32_t ticket);
void parent_slot_end(struct parent_link *l, int how);
/* Writes an event record. False: it is not written (known only when durable;
 * else it is too large). */
bool parent_event(struct parent_link *l, struct span record, bool durable);

#endif
