#include "lib/mail/held.h"

#include <inttypes.h>
#include <stdio.h>
#include "lib/base/str.h"

/* Each recipient is three length-prefixed strings: what it takes at least. */
enum { RCPT_MIN = 12 };

static bool
valid_kind(uint8_t kind)
{
	return kind == QUAR_SPAM || kind == QUAR_VIRUS ||
	    kind == QUAR_ATTACHMENT || kind == QUAR_POISON ||
	    kind == QUAR_HELD;
}

void
store_commit_put(struct buf *b, const struct store_commit *c)
{
	buf_u8(b, (uint8_t)c->kind);
	buf_lps(b, c->logid);
	buf_lps(b, c->queue_id);
	buf_lps(b, c->sender);
	buf_lps(b, c->header_from);
	buf_lps(b, c->subject);
	buf_lps(b, c->message_id);
	buf_lps(b, c->rule);
	buf_lps(b, c->virus);
	buf_u32(b, (uint32_t)c->spam_level);
	buf_lps(b, c->spam_info);
	buf_lps(b, c->client_addr);
	buf_lps(b, c->envid);
	buf_lps(b, c->ret);
	buf_u8(b, c->smtputf8);
	buf_u8(b, c->body_8bit);
	buf_u8(b, c->dir);
	buf_u64(b, c->size);
	buf_u64(b, c->time_us);
	buf_u32(b, c->nrcpt);
	for (uint32_t i = 0; i < c->nrcpt; i++) {
		buf_lps(b, c->rcpt[i].addr);
		buf_lps(b, c->rcpt[i].notify);
		buf_lps(b, c->rcpt[i].orcpt);
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
		c->rcpt[i].addr = cur_str(cur, a);
		c->rcpt[i].notify = cur_str(cur, a);
		c->rcpt[i].orcpt = cur_str(cur, a);
	}
}

int
store_commit_get(struct span body, struct store_commit *c, struct arena *a)
{
	struct cursor cur = cur_of(body);
	uint8_t kind = cur_u8(&cur);

	*c = (struct store_commit){.kind = (enum quarantine_kind)kind};
	c->logid = cur_str(&cur, a);
	c->queue_id = cur_str(&cur, a);
	c->sender = cur_str(&cur, a);
	c->header_from = cur_str(&cur, a);
	c->subject = cur_str(&cur, a);
	c->message_id = cur_str(&cur, a);
	c->rule = cur_str(&cur, a);
	c->virus = cur_str(&cur, a);
	c->spam_level = (int32_t)cur_u32(&cur);
	c->spam_info = cur_str(&cur, a);
	c->client_addr = cur_str(&cur, a);
	c->envid = cur_str(&cur, a);
	c->ret = cur_str(&cur, a);
	c->smtputf8 = cur_u8(&cur);
	c->body_8bit = cur_u8(&cur);
	c->dir = cur_u8(&cur);
	c->size = cur_u64(&cur);
	c->time_us = cur_u64(&cur);
	rcpts_get(&cur, c, a);
	return cur_done(&cur) && valid_kind(kind) ? 0 : -1;
}

void
store_id_print(char id[STORE_ID], uint32_t node, int64_t row)
{
	snprintf(id, STORE_ID, "C%" PRIu32 "R%" PRId64, node, row);
}

bool
store_id_parse(const char *id, uint32_t *node_r, int64_t *row_r)
{
	struct span s = span_str(id);
	size_t r = span_chr(s, 0, 'R');
	int64_t node, row;

	if (s.n == 0 || s.p[0] != 'C' || r == s.n ||
	    !str_num(span_sub(s, 1, r - 1), 0, UINT32_MAX, &node) ||
	    !str_num(span_sub(s, r + 1, s.n), 1, INT64_MAX, &row))
		return false;
	*node_r = (uint32_t)node;
	*row_r = row;
	return true;
}
