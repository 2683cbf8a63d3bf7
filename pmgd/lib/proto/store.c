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
