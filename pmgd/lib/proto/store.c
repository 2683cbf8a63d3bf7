#include "lib/proto/store.h"

void
store_commit_reply_put(struct buf *b, const struct store_commit_reply *r)
{
	buf_u8(b, r->ok);
	buf_lps(b, r->id);
	buf_lps(b, r->error);
}

int
store_commit_reply_get(struct span body, struct store_commit_reply *r,
    struct arena *a)
{
	struct cursor cur = cur_of(body);

	*r = (struct store_commit_reply){.ok = cur_u8(&cur)};
	r->id = cur_str(&cur, a);
	r->error = cur_str(&cur, a);
	return cur_done(&cur) ? 0 : -1;
}

void
store_set_reply_put(struct buf *b, const struct store_set_reply *r)
{
	buf_u8(b, r->ok);
	buf_lps(b, r->error);
	buf_u32(b, r->n);
	for (uint32_t i = 0; i < r->n; i++)
		buf_lps(b, r->id[i]);
}

int
store_set_reply_get(struct span body, struct store_set_reply *r,
    struct arena *a)
{
	struct cursor cur = cur_of(body);

	*r = (struct store_set_reply){.ok = cur_u8(&cur)};
	r->error = cur_str(&cur, a);
	r->n = cur_u32(&cur);
	if (r->n > STORE_SET_MAX)
		return -1;
	r->id = arena_array(a, r->n, sizeof(*r->id));
	if (r->id == NULL)
		return -1;
	for (uint32_t i = 0; i < r->n; i++)
		r->id[i] = cur_str(&cur, a);
	return cur_done(&cur) ? 0 : -1;
}
