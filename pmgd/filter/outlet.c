#include "filter/outlet.h"

#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

static void
client_close(struct outlet *o)
{
	smtp_client_close(o->client);
	o->client = NULL;
}

static void
store_close(struct outlet *o)
{
	if (o->store >= 0)
		close(o->store);
	o->store = -1;
}

/* ---- Postfix ---- */

int
outlet_send(struct outlet *o, const char *where, const char *host,
    int64_t deadline_ms, bool whole, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span bytes,
    struct smtp_reply *reply, struct err *e)
{
	if (o->client != NULL && (strcmp(o->where, where) != 0 ||
	    clock_left_ms(o->opened_ms + OUTLET_AGE_MS) == 0))
		client_close(o);
	for (;;) {
		bool kept = o->client != NULL;
		int left = clock_left_ms(deadline_ms);

		if (left == 0)
			return err_set(e, "no time left");
		if (!kept) {
			o->client = smtp_client_open(where, host, left, e);
			o->opened_ms = clock_mono_ms();
			str_copy(o->where, sizeof(o->where), where);
		}
		if (o->client == NULL)
			return -1;
		smtp_client_set_timeout(o->client, clock_left_ms(deadline_ms));
		smtp_client_set_whole(o->client, whole);
		if (smtp_client_send(o->client, env, to, nto, bytes, reply,
		        e) == 0)
			return 0;
		client_close(o);
		/* One that was kept may have been closed by Postfix meanwhile,
		 * which shows at once; a new one gets one try. One that hung
		 * has had its time. */
		if (!kept || clock_left_ms(deadline_ms) <= left / 2)
			return -1;
	}
}

/* ---- the store ---- */

/* What the store is asked: one commit, or a set. */
struct question {
	const struct outlet_member *member;
	size_t n;
	bool set;
	int64_t deadline_ms;
};

static int
store_put(struct outlet *o, const struct question *q, struct err *e)
{
	for (size_t i = 0; i < q->n; i++)
		if (ipc_send(o->store, q->set ? STORE_MSG_MEMBER
		        : STORE_MSG_COMMIT, buf_span(&q->member[i].request),
		        &q->member[i].fd, 1, clock_left_ms(q->deadline_ms),
		        e) != 0)
			return -1;
	return !q->set ? 0 : ipc_send(o->store, STORE_MSG_SET,
	    span_of(NULL, 0), NULL, 0, clock_left_ms(q->deadline_ms), e);
}

/* 1: answered; 0: the connection ended without an answer; -1: e tells. */
static int
store_ask(struct outlet *o, const struct question *q, struct ipc_msg *m,
    struct buf *b, struct err *e)
{
	int rc;

	if (store_put(o, q, e) != 0)
		return clock_left_ms(q->deadline_ms) > 0 ? 0 : -1;
	rc = ipc_recv(o->store, m, b, clock_left_ms(q->deadline_ms), e);
	if (rc == 0)
		err_set(e, "pmgd-store ended before it answered");
	return rc;
}

/*
 * A commit may be asked for twice (queue id and recipients are its key), so
 * that an end of a kept connection is tried again whatever the store had done.
 */
static int
store_answer(struct outlet *o, const char *path, const struct question *q,
    struct ipc_msg *m, struct buf *b, struct err *e)
{
	for (;;) {
		bool kept = o->store >= 0;
		int rc;

		if (clock_left_ms(q->deadline_ms) == 0)
			return err_set(e, "no time left");
		if (!kept)
			o->store = ipc_connect(path,
			    clock_left_ms(q->deadline_ms), e);
		if (o->store < 0)
			return -1;
		rc = store_ask(o, q, m, b, e);
		if (rc == 1)
			return 0;
		store_close(o);
		if (rc < 0 || !kept)
			return -1;
	}
}

int
outlet_commit(struct outlet *o, const char *path, int64_t deadline_ms,
    int fd, struct span request, struct store_commit_reply *r,
    struct arena *a, struct err *e)
{
	const struct outlet_member one = {.fd = fd, .request = {
	    .p = (unsigned char *)(uintptr_t)request.p, .n = request.n}};
	const struct question q = {&one, 1, false, deadline_ms};
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct ipc_msg m;

	if (store_answer(o, path, &q, &m, &b, e) != 0)
		return -1;
	ipc_close_fds(&m);
	if (m.type != STORE_MSG_COMMIT_REPLY ||
	    store_commit_reply_get(m.body, r, a) != 0)
		fatal("pmgd-store broke the protocol");
	return r->ok ? 0 : err_set(e, "%s", r->error);
}

int
outlet_commit_set(struct outlet *o, const char *path, int64_t deadline_ms,
    const struct outlet_member *member, size_t n, struct store_set_reply *r,
    struct arena *a, struct err *e)
{
	const struct question q = {member, n, true, deadline_ms};
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct ipc_msg m;

	if (store_answer(o, path, &q, &m, &b, e) != 0)
		return -1;
	ipc_close_fds(&m);
	if (m.type != STORE_MSG_SET_REPLY ||
	    store_set_reply_get(m.body, r, a) != 0 || (r->ok && r->n != n))
		fatal("pmgd-store broke the protocol");
	return r->ok ? 0 : err_set(e, "%s", r->error);
}

/* ---- both ---- */

bool
outlet_is_open(const struct outlet *o)
{
	return o->client != NULL || o->store >= 0;
}

void
outlet_close(struct outlet *o)
{
	client_close(o);
	store_close(o);
}
