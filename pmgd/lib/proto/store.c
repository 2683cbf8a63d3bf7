#include "lib/proto/store.h"

/* Each recipient is three length-prefixed strings: what it takes at least. */
enum { RCPT_MIN = 12 };

const char *
store_str_get(struct cursor *c, struct arena *a)
{
	struct span s = cur_lp(c);
	const char *copy = NULL;

	if (cur_ok(c) && span_chr(s, 0, '\0') == s.n)
		copy = arena_strndup(a, s);
	if (copy == NULL)
		c->bad = true;
	return copy == NULL ? "" : copy;
}

static void
str_put(struct buf *b, const char *s)
{
	buf_lps(b, s == NULL ? "" : s);
}

static bool
valid_kind(uint8_t kind)
{
	return kind == QUAR_SPAM || kind == QUAR_VIRUS ||
	    kind == QUAR_ATTACHMENT || kind == QUAR_POISON;
}

void
store_commit_put(struct buf *b, const struct store_commit *c)
{
	buf_u8(b, (uint8_t)c->kind);
	str_put(b, c->logid);
	str_put(b, c->queue_id);
	str_put(b, c->sender);
	str_put(b, c->header_from);
	str_put(b, c->subject);
	str_put(b, c->message_id);
	str_put(b, c->rule);
	str_put(b, c->virus);
	buf_u32(b, (uint32_t)c->spam_level);
	str_put(b, c->spam_info);
	str_put(b, c->client_addr);
	str_put(b, c->envid);
	str_put(b, c->ret);
	buf_u8(b, c->smtputf8);
	buf_u8(b, c->body_8bit);
	buf_u8(b, c->dir);
	buf_u64(b, c->size);
	buf_u64(b, c->time_us);
	buf_u32(b, c->nrcpt);
	for (uint32_t i = 0; i < c->nrcpt; i++) {
		str_put(b, c->rcpt[i].addr);
		str_put(b, c->rcpt[i].notify);
		str_put(b, c->rcpt[i].orcpt);
	}
}

static void
rcpts_get(struct cursor *cur, struct store_commit *c, struct arena *a)
{
	c->nrcpt = cur_u32(cur);
	/* Bounded by the bytes that are there, not by the peer's word. */
	if (c->nrcpt > cur_left(cur) / RCPT_MIN) {
		cur->bad = true;
		return;
	}
	c->rcpt = arena_array(a, c->nrcpt, sizeof(*c->rcpt));
	if (c->rcpt == NULL) {
		cur->bad = true;
		return;
	}
	for (uint32_t i = 0; i < c->nrcpt; i++) {
		c->rcpt[i].addr = store_str_get(cur, a);
		c->rcpt[i].notify = store_str_get(cur, a);
		c->rcpt[i].orcpt = store_str_get(cur, a);
	}
}

int
store_commit_get(struct span body, struct store_commit *c, struct arena *a)
{
	struct cursor cur = cur_of(body);
	uint8_t kind = cur_u8(&cur);

	*c = (struct store_commit){.kind = (enum quarantine_kind)kind};
	c->logid = store_str_get(&cur, a);
	c->queue_id = store_str_get(&cur, a);
	c->sender = store_str_get(&cur, a);
	c->header_from = store_str_get(&cur, a);
	c->subject = store_str_get(&cur, a);
	c->message_id = store_str_get(&cur, a);
	c->rule = store_str_get(&cur, a);
	c->virus = store_str_get(&cur, a);
	c->spam_level = (int32_t)cur_u32(&cur);
	c->spam_info = store_str_get(&cur, a);
	c->client_addr = store_str_get(&cur, a);
	c->envid = store_str_get(&cur, a);
	c->ret = store_str_get(&cur, a);
	c->smtputf8 = cur_u8(&cur);
	c->body_8bit = cur_u8(&cur);
	c->dir = cur_u8(&cur);
	c->size = cur_u64(&cur);
	c->time_us = cur_u64(&cur);
	rcpts_get(&cur, c, a);
	return cur_done(&cur) && valid_kind(kind) ? 0 : -1;
}

void
store_commit_reply_put(struct buf *b, const struct store_commit_reply *r)
{
	buf_u8(b, r->ok);
	str_put(b, r->id);
	str_put(b, r->error);
}

int
store_commit_reply_get(struct span body, struct store_commit_reply *r,
    struct arena *a)
{
	struct cursor cur = cur_of(body);

	*r = (struct store_commit_reply){.ok = cur_u8(&cur)};
	r->id = store_str_get(&cur, a);
	r->error = store_str_get(&cur, a);
	return cur_done(&cur) ? 0 : -1;
}
