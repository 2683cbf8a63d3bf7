#include "lib/proto/rules.h"

#include <stdlib.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/memfile.h"

static void
target_put(struct buf *b, const struct rules_target *t)
{
	buf_u8(b, t->where);
	buf_u64(b, t->version);
}

static bool
target_get(struct cursor *c, struct rules_target *t)
{
	t->where = cur_u8(c);
	t->version = cur_u64(c);
	return t->where < RULES_WHERE_END &&
	    (t->where == RULES_VERSION) == (t->version != 0);
}

void
rules_request_put(struct buf *b, const struct rules_request *q)
{
	buf_u8(b, q->verb);
	target_put(b, &q->target);
	target_put(b, &q->other);
	buf_u64(b, q->based_on);
	buf_lps(b, q->actor);
	buf_lps(b, q->comment);
	buf_u8(b, q->in_file);
	buf_lps(b, q->text);
}

int
rules_request_get(struct span body, struct rules_request *q, struct arena *a)
{
	struct cursor c = cur_of(body);
	bool good;

	*q = (struct rules_request){.verb = cur_u8(&c)};
	good = target_get(&c, &q->target);
	good = target_get(&c, &q->other) && good;
	q->based_on = cur_u64(&c);
	q->actor = cur_str(&c, a);
	q->comment = cur_str(&c, a);
	q->in_file = cur_u8(&c);
	q->text = cur_str(&c, a);
	return cur_done(&c) && good && q->verb >= RULES_GET &&
	        q->verb < RULES_VERB_END && q->in_file <= 1
	    ? 0 : -1;
}

void
rules_reply_put(struct buf *b, const struct rules_reply *r)
{
	buf_u8(b, r->code);
	buf_u64(b, r->version);
	buf_u64(b, r->revision);
	buf_u8(b, r->in_file);
	buf_lps(b, r->text);
}

int
rules_reply_get(struct span body, struct rules_reply *r, struct arena *a)
{
	struct cursor c = cur_of(body);

	*r = (struct rules_reply){.code = cur_u8(&c)};
	r->version = cur_u64(&c);
	r->revision = cur_u64(&c);
	r->in_file = cur_u8(&c);
	r->text = cur_str(&c, a);
	return cur_done(&c) && r->code < RULES_CODE_END && r->in_file <= 1
	    ? 0 : -1;
}

/* ---- for tools ---- */

static int
request_send(int sock, const struct rules_request *q, int timeout_ms,
    struct err *e)
{
	struct span text = span_str(q->text);
	struct rules_request out = *q;
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	AUTO_CLOSE int fd = -1;

	out.in_file = text.n > RULES_INLINE;
	if (out.in_file) {
		fd = memfile_of("rules", text, e);
		if (fd < 0)
			return -1;
		out.text = "";
	}
	rules_request_put(&b, &out);
	if (b.overflow)
		return err_set(e, "the comment is too long");
	return ipc_send(sock, STORE_MSG_RULES, buf_span(&b), &fd, fd >= 0,
	    timeout_ms, e);
}

/* Takes what the reply says out of m, its descriptor included. */
static int
reply_take(struct ipc_msg *m, struct rules_answer *answer, struct arena *a,
    struct err *e)
{
	struct rules_reply r;

	if (m->type != STORE_MSG_RULES_REPLY ||
	    rules_reply_get(m->body, &r, a) != 0 || (r.in_file && m->nfd != 1))
		return err_set(e, "pmgd-store: answer not understood");
	answer->code = (enum rules_code)r.code;
	answer->version = r.version;
	answer->revision = r.revision;
	if (r.in_file)
		return memfile_read(m->fd[0], true, &answer->text, e);
	buf_puts(&answer->text, r.text);
	if (m->nfd > 0) {
		answer->fd = m->fd[0];
		m->fd[0] = -1;
	}
	return 0;
}

int
rules_ask(int sock, const struct rules_request *q, int timeout_ms,
    struct rules_answer *r, struct err *e)
{
	AUTO_BUF struct buf packet = {.max = IPC_MAX};
	struct ipc_msg m;
	struct arena a;
	int rc;

	*r = (struct rules_answer){.text = {.max = RULES_TEXT_MAX}, .fd = -1};
	if (request_send(sock, q, timeout_ms, e) != 0)
		return -1;
	rc = ipc_recv(sock, &m, &packet, timeout_ms, e);
	if (rc == 0)
		return err_set(e, "pmgd-store has closed the connection");
	if (rc < 0)
		return -1;
	arena_init(&a, 2 * IPC_MAX);
	rc = reply_take(&m, r, &a, e);
	arena_free(&a);
	ipc_close_fds(&m);
	if (rc != 0)
		rules_answer_free(r);
	return rc;
}

void
rules_answer_free(struct rules_answer *r)
{
	buf_free(&r->text);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
