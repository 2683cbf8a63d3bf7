#include "lib/proto/lists.h"

#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/memfile.h"

enum { ROW_MIN = 4 + 1 + 4 + 4 + 4 + 8 };

static void
rows_put(struct buf *b, const struct userlist_row *row, uint32_t n)
{
	buf_u32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		buf_lps(b, row[i].owner);
		buf_u8(b, (uint8_t)row[i].kind);
		buf_lps(b, row[i].entry);
		buf_lps(b, row[i].comment);
		buf_lps(b, row[i].actor);
		buf_u64(b, (uint64_t)row[i].time_us);
	}
}

static struct userlist_row *
rows_get(struct cursor *c, uint32_t *n_r, struct arena *a)
{
	uint32_t n = cur_u32(c);
	struct userlist_row *row = NULL;

	if (n <= cur_left(c) / ROW_MIN)
		row = arena_array(a, n, sizeof(*row));
	if (row == NULL) {
		c->bad = true;
		n = 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint8_t kind;

		row[i].owner = cur_str(c, a);
		kind = cur_u8(c);
		row[i].kind = (enum userlist_kind)kind;
		row[i].entry = cur_str(c, a);
		row[i].comment = cur_str(c, a);
		row[i].actor = cur_str(c, a);
		row[i].time_us = (int64_t)cur_u64(c);
		if (kind >= USERLIST_KINDS)
			c->bad = true;
	}
	*n_r = n;
	return row;
}

void
lists_request_put(struct buf *b, const struct lists_request *q)
{
	buf_u8(b, q->verb);
	buf_u8(b, q->every_owner);
	buf_u8(b, q->kind);
	buf_u8(b, q->replace);
	buf_lps(b, q->owner);
	buf_lps(b, q->actor);
	buf_lps(b, q->after_owner);
	buf_lps(b, q->after_entry);
	rows_put(b, q->row, q->nrow);
}

int
lists_request_get(struct span body, struct lists_request *q, struct arena *a)
{
	struct cursor c = cur_of(body);
	bool both;

	*q = (struct lists_request){.verb = cur_u8(&c)};
	q->every_owner = cur_u8(&c);
	q->kind = cur_u8(&c);
	q->replace = cur_u8(&c);
	q->owner = cur_str(&c, a);
	q->actor = cur_str(&c, a);
	q->after_owner = cur_str(&c, a);
	q->after_entry = cur_str(&c, a);
	q->row = rows_get(&c, &q->nrow, a);
	both = q->verb == LISTS_SHOW || q->verb == LISTS_EXPORT ||
	    q->verb == LISTS_IMPORT;
	return cur_done(&c) && q->verb >= LISTS_SHOW &&
	        q->verb < LISTS_VERB_END && q->every_owner <= 1 &&
	        q->replace <= 1 && q->nrow <= LISTS_ROWS &&
	        (q->kind < USERLIST_KINDS || (both && q->kind == LISTS_BOTH))
	    ? 0 : -1;
}

void
lists_reply_put(struct buf *b, const struct lists_reply *r)
{
	buf_u8(b, r->code);
	buf_lps(b, r->text);
	buf_u32(b, r->added);
	buf_u32(b, r->moved);
	buf_u32(b, r->removed);
	buf_u32(b, r->same);
	buf_u32(b, r->wait_ms);
	buf_u8(b, r->more);
	buf_lps(b, r->after_owner);
	buf_lps(b, r->after_entry);
	rows_put(b, r->row, r->nrow);
}

int
lists_reply_get(struct span body, struct lists_reply *r, struct arena *a)
{
	struct cursor c = cur_of(body);

	*r = (struct lists_reply){.code = cur_u8(&c)};
	r->text = cur_str(&c, a);
	r->added = cur_u32(&c);
	r->moved = cur_u32(&c);
	r->removed = cur_u32(&c);
	r->same = cur_u32(&c);
	r->wait_ms = cur_u32(&c);
	r->more = cur_u8(&c);
	r->after_owner = cur_str(&c, a);
	r->after_entry = cur_str(&c, a);
	r->row = rows_get(&c, &r->nrow, a);
	return cur_done(&c) && r->code < LISTS_CODE_END && r->more <= 1 ? 0
	                                                                : -1;
}

/* ---- for tools ---- */

static int
request_send(int sock, const struct lists_request *q, struct span file,
    int timeout_ms, struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	AUTO_CLOSE int fd = -1;

	if (q->verb == LISTS_IMPORT) {
		fd = memfile_of("lists", file, e);
		if (fd < 0)
			return -1;
	}
	lists_request_put(&b, q);
	if (b.overflow)
		return err_set(e, "too much at once: put it into a file and "
		    "import that");
	return ipc_send(sock, STORE_MSG_LISTS, buf_span(&b), &fd, fd >= 0,
	    timeout_ms, e);
}

int
lists_ask(int sock, const struct lists_request *q, struct span file,
    int timeout_ms, struct lists_reply *r, int *fd_r, struct arena *a,
    struct err *e)
{
	AUTO_BUF struct buf packet = {.max = IPC_MAX};
	struct ipc_msg m;
	int rc;

	*fd_r = -1;
	if (request_send(sock, q, file, timeout_ms, e) != 0)
		return -1;
	rc = ipc_recv(sock, &m, &packet, timeout_ms, e);
	if (rc == 0)
		return err_set(e, "pmgd-store has closed the connection");
	if (rc < 0)
		return -1;
	if (m.type != STORE_MSG_LISTS_REPLY ||
	    lists_reply_get(m.body, r, a) != 0) {
		ipc_close_fds(&m);
		return err_set(e, "pmgd-store: answer not understood");
	}
	if (q->verb == LISTS_EXPORT && r->code == LISTS_OK && m.nfd == 1) {
		*fd_r = m.fd[0];
		m.fd[0] = -1;
	}
	ipc_close_fds(&m);
	return 0;
}
