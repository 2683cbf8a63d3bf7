#include "filter/parentlink.h"

#include <stdlib.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/proto/filter.h"

/* The parent answers within a few milliseconds; fsync of an event included. */
enum { LINK_TIMEOUT_MS = 60 * 1000 };

static void
put(struct parent_link *l, uint16_t type, struct span body)
{
	struct err e;

	if (ipc_send(l->fd, type, body, NULL, 0, LINK_TIMEOUT_MS, &e) != 0)
		fatal("parent: %s", e.text);
}

/* Waits for a packet of that type; late answers for places are passed over. */
static struct span
get(struct parent_link *l, uint16_t type, struct buf *b)
{
	struct ipc_msg m;
	struct err e;

	for (;;) {
		int rc = ipc_recv(l->fd, &m, b, LINK_TIMEOUT_MS, &e);

		if (rc == 0)
			exit(0);	/* the parent went away */
		if (rc < 0)
			fatal("parent: %s", e.text);
		ipc_close_fds(&m);
		if (m.type == type)
			return m.body;
		if (m.type != FILTER_MSG_SLOT_REPLY)
			fatal("parent: packet type 0x%x for 0x%x", m.type,
			    type);
	}
}

static void
put_u8(struct parent_link *l, uint16_t type, uint8_t v)
{
	put(l, type, span_of(&v, 1));
}

bool
parent_begin(struct parent_link *l, const char *key, bool want_slot,
    uint32_t ticket)
{
	AUTO_BUF struct buf b = {.max = 256};
	struct cursor c;

	buf_lps(&b, key);
	buf_u8(&b, want_slot);
	buf_u32(&b, ticket);
	put(l, FILTER_MSG_BEGIN, buf_span(&b));
	c = cur_of(get(l, FILTER_MSG_BEGIN_REPLY, &b));
	return cur_u8(&c) == 1;
}

void
parent_strike(struct parent_link *l)
{
	put(l, FILTER_MSG_STRIKE, span_of(NULL, 0));
}

int
parent_slot_answer(struct parent_link *l, uint32_t ticket)
{
	AUTO_BUF struct buf b = {.max = 256};
	struct cursor c = cur_of(get(l, FILTER_MSG_SLOT_REPLY, &b));
	uint32_t t = cur_u32(&c);
	uint8_t granted = cur_u8(&c);

	if (!cur_ok(&c))
		fatal("parent: short slot reply");
	return t == ticket ? granted == 1 : -1;
}

void
parent_slot_end(struct parent_link *l, int how)
{
	put_u8(l, FILTER_MSG_SLOT_END, (uint8_t)how);
}

int
parent_end(struct parent_link *l, bool final, struct span record, bool durable,
    struct span recorded)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct cursor c;

	buf_u8(&b, final);
	buf_u8(&b, durable);
	buf_lp(&b, record);
	/* Of the two the one that can be spared. */
	if (b.n + recorded.n + 2 * sizeof(uint32_t) > b.max)
		recorded = span_of(NULL, 0);
	buf_lp(&b, recorded);
	if (b.overflow)
		return -1;
	put(l, FILTER_MSG_END, buf_span(&b));
	if (!durable)
		return 1;
	c = cur_of(get(l, FILTER_MSG_END_REPLY, &b));
	return cur_u8(&c) == 1;
}

int
parent_discard(struct parent_link *l, struct span record)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct cursor c;

	buf_lp(&b, record);
	if (b.overflow)
		return -1;
	put(l, FILTER_MSG_DISCARD, buf_span(&b));
	c = cur_of(get(l, FILTER_MSG_DISCARD_REPLY, &b));
	return cur_u8(&c) == 1;
}
