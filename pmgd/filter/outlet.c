#include "filter/outlet.h"

#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

enum { STORE_TIMEOUT_MS = 60 * 1000 };

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
    int timeout_ms, const struct envelope *env, const struct recipient *to,
    size_t nto, struct span bytes, struct smtp_reply *reply, struct err *e)
{
	int64_t began = clock_mono_ms();

	if (o->client != NULL && (strcmp(o->where, where) != 0 ||
	    clock_left_ms(o->opened_ms + OUTLET_AGE_MS) == 0))
		client_close(o);
	for (;;) {
		bool kept = o->client != NULL;

		if (!kept) {
			o->client = smtp_client_open(where, host, timeout_ms,
			    e);
			o->opened_ms = clock_mono_ms();
			str_copy(o->where, sizeof(o->where), where);
		}
		if (o->client == NULL)
			return -1;
		smtp_client_set_timeout(o->client, timeout_ms);
		if (smtp_client_send(o->client, env, to, nto, bytes, reply,
		        e) == 0)
			return 0;
		client_close(o);
		/* One that was kept may have been closed by Postfix meanwhile,
		 * which shows at once; a new one gets one try. One that hung
		 * has had its time. */
		if (!kept || clock_mono_ms() - began >= timeout_ms / 2)
			return -1;
	}
}

/* ---- the store ---- */

/* 1: answered; 0: the connection ended without an answer; -1: e tells. */
static int
store_ask(struct outlet *o, int fd, struct span request, struct ipc_msg *m,
    struct buf *b, struct err *e)
{
	int rc;

	if (ipc_send(o->store, STORE_MSG_COMMIT, request, &fd, 1,
	        STORE_TIMEOUT_MS, e) != 0)
		return 0;
	rc = ipc_recv(o->store, m, b, STORE_TIMEOUT_MS, e);
	if (rc == 0)
		err_set(e, "pmgd-store ended before it answered");
	return rc;
}

/*
 * A commit may be asked for twice (queue id and recipients are its key), so
 * that an end of a kept connection is tried again whatever the store had done.
 */
static int
store_answer(struct outlet *o, const char *path, int fd, struct span request,
    struct ipc_msg *m, struct buf *b, struct err *e)
{
	for (;;) {
		bool kept = o->store >= 0;
		int rc;

		if (!kept)
			o->store = ipc_connect(path, STORE_TIMEOUT_MS, e);
		if (o->store < 0)
			return -1;
		rc = store_ask(o, fd, request, m, b, e);
		if (rc == 1)
			return 0;
		store_close(o);
		if (rc < 0 || !kept)
			return -1;
	}
}

int
outlet_commit(struct outlet *o, const char *path, int fd, struct span request,
    struct store_commit_reply *r, struct arena *a, struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct ipc_msg m;

	if (store_answer(o, path, fd, request, &m, &b, e) != 0)
		return -1;
	ipc_close_fds(&m);
	if (m.type != STORE_MSG_COMMIT_REPLY ||
	    store_commit_reply_get(m.body, r, a) != 0)
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
