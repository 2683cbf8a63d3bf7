#include "lib/proto/filter.h"

void
filter_status_put(struct buf *b, const struct filter_status *s)
{
	buf_u32(b, s->workers);
	buf_u32(b, s->busy);
	buf_u64(b, s->accepted);
	buf_u64(b, s->messages);
	buf_u64(b, s->deferred);
	buf_u32(b, s->slots);
	buf_u32(b, s->slots_used);
	buf_u32(b, s->slots_waiting);
	buf_u8(b, s->spamd_open);
	buf_u64(b, s->spamd_failures);
	buf_u64(b, s->strikes);
	buf_u64(b, s->parked);
	buf_u64(b, s->rules_version);
	buf_u64(b, (uint64_t)s->started_us);
}

int
filter_status_get(struct span body, struct filter_status *s)
{
	struct cursor c = cur_of(body);

	s->workers = cur_u32(&c);
	s->busy = cur_u32(&c);
	s->accepted = cur_u64(&c);
	s->messages = cur_u64(&c);
	s->deferred = cur_u64(&c);
	s->slots = cur_u32(&c);
	s->slots_used = cur_u32(&c);
	s->slots_waiting = cur_u32(&c);
	s->spamd_open = cur_u8(&c);
	s->spamd_failures = cur_u64(&c);
	s->strikes = cur_u64(&c);
	s->parked = cur_u64(&c);
	s->rules_version = cur_u64(&c);
	s->started_us = (int64_t)cur_u64(&c);
	return cur_done(&c) ? 0 : -1;
}
