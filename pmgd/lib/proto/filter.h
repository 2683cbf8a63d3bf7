/*
 * pmgd worker <-> pmgd parent, over the socketpair the parent made. The
 * parent keeps what must outlive a worker: strikes, the places at spamd, the
 * event file. It never looks into a message.
 *
 * Order for one message: BEGIN -> BEGIN_REPLY, [SLOT_REPLY, SLOT_END],
 * [DISCARD -> DISCARD_REPLY], END [-> END_REPLY]; only then the client is told. A worker that dies between
 * BEGIN and END costs its message a strike. A ticket tells a late SLOT_REPLY
 * from the next one.
 */
#ifndef PMG_PROTO_FILTER_H
#define PMG_PROTO_FILTER_H

#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	FILTER_MSG_BEGIN = 0x0301,	/* lp key: queue id or body hash; u8: 1
					 * a place at spamd is wanted; u32
					 * ticket */
	FILTER_MSG_BEGIN_REPLY = 0x0302, /* u8: 1 park it, do not parse; then
					 * no place is given */
	FILTER_MSG_SLOT_REPLY = 0x0304,	/* u32 ticket, u8: 1 granted, 0 breaker
					 * open; when it is its turn */
	FILTER_MSG_SLOT_END = 0x0305,	/* u8: enum slot_end */
	FILTER_MSG_END = 0x0306,	/* u8: 1 final replies, 0 deferred; u8
					 * durable; lp event record, "" none;
					 * lp what the rules were told
					 * (lib/rules/recorded.h), "" none.
					 * Durable and event not written:
					 * deferred */
	FILTER_MSG_END_REPLY = 0x0307,	/* u8: 1 written; only when durable */
	FILTER_MSG_STRIKE = 0x0309,	/* the scanner died of this message */
	FILTER_MSG_DISCARD = 0x030a,	/* lp event record: written durably,
					 * the message goes on */
	FILTER_MSG_DISCARD_REPLY = 0x030b, /* u8: 1 written */
	/* tools -> parent on control.sock */
	FILTER_MSG_STATUS = 0x0310,
	FILTER_MSG_STATUS_REPLY = 0x0311,
};

enum slot_end { SLOT_FAILED = 0, SLOT_ANSWERED = 1, SLOT_UNUSED = 2 };

struct filter_status {
	uint32_t workers, busy;
	uint64_t accepted, messages, deferred;
	uint32_t slots, slots_used, slots_waiting;
	uint8_t spamd_open;	/* circuit breaker: 1 = spamd is not asked */
	uint64_t spamd_failures, strikes, parked;
	uint64_t rules_version;
	int64_t started_us;
};

void filter_status_put(struct buf *b, const struct filter_status *s);
int filter_status_get(struct span body, struct filter_status *s);

#endif
