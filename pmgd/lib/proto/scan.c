#include "lib/proto/scan.h"

#include <string.h>

/* Text is cut by the sender, so that no reply is ever too long to read. */
static void
text_put(struct buf *b, const char *s)
{
	struct span t = span_str(s);

	buf_lp(b, span_sub(t, 0, SCAN_TEXT_MAX));
}

/* NULL when it is missing, too long, or carries a NUL. */
static const char *
text_get(struct cursor *c, struct arena *a)
{
	struct span t = cur_lp(c);

	if (!cur_ok(c) || t.n > SCAN_TEXT_MAX || span_chr(t, 0, '\0') != t.n)
		return NULL;
	return arena_strndup(a, t);
}

void
scan_request_put(struct buf *b, const struct scan_request *r)
{
	text_put(b, r->logid);
	buf_u64(b, r->size);
}

int
scan_request_get(struct span body, struct scan_request *r, struct arena *a)
{
	struct cursor c = cur_of(body);

	r->logid = text_get(&c, a);
	r->size = cur_u64(&c);
	return r->logid != NULL && cur_done(&c) ? 0 : -1;
}

void
scan_reply_put(struct buf *b, const struct scan_reply *r)
{
	buf_u8(b, (uint8_t)r->result);
	text_put(b, r->name);
	text_put(b, r->detail);
	buf_u64(b, r->db_version);
	buf_u32(b, r->cpu_us);
	text_put(b, r->heuristics);
}

int
scan_reply_get(struct span body, struct scan_reply *r, struct arena *a)
{
	struct cursor c = cur_of(body);
	uint8_t result = cur_u8(&c);

	r->result = (enum scan_result)result;
	r->name = text_get(&c, a);
	r->detail = text_get(&c, a);
	r->db_version = cur_u64(&c);
	r->cpu_us = cur_u32(&c);
	r->heuristics = text_get(&c, a);
	if (result > SCAN_TIMEOUT || r->name == NULL || r->detail == NULL ||
	    r->heuristics == NULL)
		return -1;
	return cur_done(&c) ? 0 : -1;
}

void
scan_status_put(struct buf *b, const struct scan_status *s)
{
	buf_u8(b, s->ready);
	text_put(b, s->detail);
	buf_u64(b, s->signatures);
	buf_u64(b, s->loaded_at);
	buf_u32(b, s->scanners);
	buf_u64(b, s->scanned);
	buf_u64(b, s->crashed);
}

int
scan_status_get(struct span body, struct scan_status *s, struct arena *a)
{
	struct cursor c = cur_of(body);

	s->ready = cur_u8(&c);
	s->detail = text_get(&c, a);
	s->signatures = cur_u64(&c);
	s->loaded_at = cur_u64(&c);
	s->scanners = cur_u32(&c);
	s->scanned = cur_u64(&c);
	s->crashed = cur_u64(&c);
	return s->ready <= 1 && s->detail != NULL && cur_done(&c) ? 0 : -1;
}
