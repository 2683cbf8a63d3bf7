/*
 * Connections. Workers' commits are gathered: everything that is readable now
 * (at most QUARANTINE_BATCH) shares one transaction, so that the disk is asked
 * once for many. While a batch is written the next one queues up in the
 * sockets: the batches grow with the load by themselves. A set (lib/proto/
 * store.h) is stored by itself.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "store/store.h"

enum {
	CONNECTIONS = 512,	/* further ones wait in the backlog */
	COMMIT_ARENA = 8 * IPC_MAX,
};

struct waiting {
	struct conn *conn;
	struct arena arena;
	struct store_commit commit;
	int fd;
};

struct conn {
	struct server *server;
	struct conn *prev, *next;
	sd_event_source *source;
	int fd;
	bool admin;
	struct waiting *member;	/* of a set that is not closed yet */
	size_t nmember;
};

struct server {
	struct store *store;
	sd_event_source *listen[2];	/* workers, admin */
	int listen_fd[2];
	struct conn *conn;
	unsigned nconn;
	sd_event_source *flush;
	struct waiting batch[QUARANTINE_BATCH];
	size_t nbatch;
	struct buf packet;
};

static void
listen_enable(struct server *v, int enabled)
{
	for (int i = 0; i < 2; i++)
		sd_event_source_set_enabled(v->listen[i], enabled);
}

static void
waiting_free(struct waiting *w)
{
	close(w->fd);
	arena_free(&w->arena);
}

static void
set_drop(struct conn *c)
{
	for (size_t i = 0; i < c->nmember; i++)
		waiting_free(&c->member[i]);
	free(c->member);
	c->member = NULL;
	c->nmember = 0;
}

static void
conn_close(struct conn *c)
{
	struct server *v = c->server;

	set_drop(c);
	sd_event_source_unref(c->source);
	close(c->fd);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		v->conn = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
	if (v->nconn-- == CONNECTIONS)
		listen_enable(v, SD_EVENT_ON);
}

/* ---- batches ---- */

static void
reply(struct conn *c, const struct quarantine_item *it)
{
	struct store_commit_reply r = {.ok = it->ok, .id = "", .error = ""};
	char id[STORE_ID];
	struct buf b;
	struct err e;

	store_id_print(id, 0, it->row);
	if (it->ok)
		r.id = id;
	else
		r.error = it->err.text;
	buf_init(&b, IPC_MAX);
	store_commit_reply_put(&b, &r);
	/* It must not wait for one worker while others wait for it. A reply
	 * that does not fit means that nobody reads: the mail is stored and
	 * comes again, and the unique key finds it. */
	if (ipc_send(c->fd, STORE_MSG_COMMIT_REPLY, buf_span(&b), NULL, 0, 0,
	        &e) != 0)
		log_warn("%s: stored as %s, but not told: %s", it->commit->logid,
		    it->ok ? id : "-", e.text);
	buf_free(&b);
}

static void
log_item(const struct quarantine_item *it)
{
	const struct store_commit *c = it->commit;
	struct buf b;
	char id[STORE_ID];

	buf_init(&b, 1024);
	log_safe(&b, span_str(c->logid), 64);
	store_id_print(id, 0, it->row);
	if (it->ok)
		log_info("%s: %s%s quarantine=%s size=%llu rcpts=%u",
		    buf_cstr(&b), id, it->has_row ? " (again)" : "",
		    quarfile_folder(c->kind), (unsigned long long)c->size,
		    c->nrcpt);
	else
		log_error("%s: not stored: %s", buf_cstr(&b), it->err.text);
	buf_free(&b);
}

static void
end_when_damaged(struct store *s)
{
	if (quarantine_damaged(s->q))
		fatal("quarantine.db is damaged; ending, so that the next "
		    "start repairs it");
}

void
server_flush(struct server *v)
{
	static struct quarantine_item item[QUARANTINE_BATCH];
	struct store *s = v->store;
	size_t n = v->nbatch;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		item[i] = (struct quarantine_item){
		    .commit = &v->batch[i].commit, .fd = v->batch[i].fd};
	quarantine_commit(s->q, item, n);
	s->batches++;
	for (size_t i = 0; i < n; i++) {
		struct waiting *w = &v->batch[i];

		if (item[i].ok)
			s->commits++;
		else
			s->failures++;
		reply(w->conn, &item[i]);
		log_item(&item[i]);
		sd_event_source_set_enabled(w->conn->source, SD_EVENT_ON);
		waiting_free(w);
	}
	v->nbatch = 0;
	end_when_damaged(s);
}

static int
on_flush(sd_event_source *source, void *arg)
{
	(void)source;
	server_flush(arg);
	return 0;
}

/* False: the peer is not one of ours. */
static bool
waiting_take(struct waiting *w, struct conn *c, struct ipc_msg *m)
{
	if (m->nfd != 1)
		return false;
	arena_init(&w->arena, COMMIT_ARENA);
	if (store_commit_get(m->body, &w->commit, &w->arena) != 0) {
		arena_free(&w->arena);
		return false;
	}
	w->fd = m->fd[0];
	m->fd[0] = -1;
	w->conn = c;
	return true;
}

static bool
commit_take(struct conn *c, struct ipc_msg *m)
{
	struct server *v = c->server;

	if (c->nmember > 0 || !waiting_take(&v->batch[v->nbatch], c, m))
		return false;
	v->nbatch++;
	/* Not read from again, so not closed, before it has its answer. */
	sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
	if (v->nbatch == QUARANTINE_BATCH)
		server_flush(v);
	else
		sd_event_source_set_enabled(v->flush, SD_EVENT_ONESHOT);
	return true;
}

/* ---- sets ---- */

static bool
member_take(struct conn *c, struct ipc_msg *m)
{
	if (c->nmember == STORE_SET_MAX)
		return false;
	if (c->member == NULL)
		c->member = xcalloc(STORE_SET_MAX, sizeof(*c->member));
	if (!waiting_take(&c->member[c->nmember], c, m))
		return false;
	c->nmember++;
	return true;
}

static void
set_reply(struct conn *c, const struct quarantine_item *item, size_t n)
{
	char text[STORE_SET_MAX][STORE_ID];
	const char *id[STORE_SET_MAX];
	struct store_set_reply r = {.ok = item[0].ok, .error = "", .id = id,
	    .n = (uint32_t)n};
	struct buf b;
	struct err e;

	if (!item[0].ok)
		r.error = item[0].err.text;
	for (size_t i = 0; i < n; i++) {
		store_id_print(text[i], 0, item[i].row);
		id[i] = text[i];
	}
	buf_init(&b, IPC_MAX);
	store_set_reply_put(&b, &r);
	if (ipc_send(c->fd, STORE_MSG_SET_REPLY, buf_span(&b), NULL, 0, 0,
	        &e) != 0)
		log_warn("%s: a set of %zu was %s, but not told: %s",
		    item[0].commit->logid, n, r.ok ? "stored" : "refused",
		    e.text);
	buf_free(&b);
}

/* The worker whose set was left lying while we hung or were away has told its
 * client to try again by now. */
static bool
gave_up(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0;
}

/* At once and by itself: a batch is all or none only in its rows. */
static bool
set_store(struct conn *c, const struct ipc_msg *m)
{
	struct store *s = c->server->store;
	struct quarantine_item *item;
	size_t n = c->nmember;

	if (n == 0 || m->nfd != 0 || m->body.n != 0)
		return false;
	if (gave_up(c)) {
		log_warn("%s: a set of %zu came too late, dropped",
		    c->member[0].commit.logid, n);
		set_drop(c);
		return true;
	}
	item = xcalloc(n, sizeof(*item));
	for (size_t i = 0; i < n; i++)
		item[i] = (struct quarantine_item){
		    .commit = &c->member[i].commit, .fd = c->member[i].fd};
	quarantine_commit_set(s->q, item, n);
	s->batches++;
	s->commits += item[0].ok ? n : 0;
	s->failures += item[0].ok ? 0 : n;
	set_reply(c, item, n);
	for (size_t i = 0; i < n; i++) {
		log_item(&item[i]);
		if (item[i].ok && item[i].commit->kind == QUAR_HELD)
			release_add(s->release, item[i].row);
	}
	free(item);
	set_drop(c);
	end_when_damaged(s);
	return true;
}

static bool
worker_packet(struct conn *c, struct ipc_msg *m)
{
	switch (m->type) {
	case STORE_MSG_COMMIT:
		return commit_take(c, m);
	case STORE_MSG_MEMBER:
		return member_take(c, m);
	case STORE_MSG_SET:
		return set_store(c, m);
	default:
		return false;
	}
}

/* ---- connections ---- */

static int
on_packet(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct conn *c = arg;
	struct server *v = c->server;
	struct ipc_msg m;
	struct err e = {"bad packet"};
	bool good;
	int rc;

	(void)source;
	(void)events;
	rc = ipc_recv(fd, &m, &v->packet, 0, &e);
	if (rc == 0) {
		conn_close(c);
		return 0;
	}
	if (rc < 0)
		good = false;
	else if (c->admin)
		good = admin_answer(v->store, fd, &m);
	else
		good = worker_packet(c, &m);
	if (rc > 0)
		ipc_close_fds(&m);
	if (!good) {
		log_error("%s: disconnected: %s", c->admin ? "tool" : "worker",
		    e.text);
		conn_close(c);
	}
	return 0;
}

static int
on_connect(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct server *v = arg;
	bool admin = source == v->listen[1];
	int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	(void)events;
	if (sock < 0) {
		/* Out of descriptors: those who wait here stay in the backlog;
		 * the loop must not spin on them. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_error("accept: %s", strerror(errno));
			usleep(10000);
		}
		return 0;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct conn){.server = v, .next = v->conn, .fd = sock,
	    .admin = admin};
	if (sd_event_add_io(v->store->loop, &c->source, sock, EPOLLIN,
	        on_packet, c) < 0)
		fatal("event loop: cannot add a connection");
	sd_event_source_set_priority(c->source,
	    admin ? PRIORITY_OTHER : PRIORITY_COMMIT);
	if (v->conn != NULL)
		v->conn->prev = c;
	v->conn = c;
	if (++v->nconn == CONNECTIONS)
		listen_enable(v, SD_EVENT_OFF);
	return 0;
}

struct server *
server_new(struct store *s, int workers, int admin)
{
	struct server *v = xcalloc(1, sizeof(*v));
	const int fd[2] = {workers, admin};

	v->store = s;
	buf_init(&v->packet, IPC_MAX);
	for (int i = 0; i < 2; i++) {
		v->listen_fd[i] = fd[i];
		if (sd_event_add_io(s->loop, &v->listen[i], fd[i], EPOLLIN,
		        on_connect, v) < 0)
			fatal("event loop: cannot listen");
		sd_event_source_set_priority(v->listen[i],
		    i == 1 ? PRIORITY_OTHER : PRIORITY_COMMIT);
	}
	if (sd_event_add_defer(s->loop, &v->flush, on_flush, v) < 0)
		fatal("event loop: cannot defer");
	sd_event_source_set_priority(v->flush, PRIORITY_OTHER);
	sd_event_source_set_enabled(v->flush, SD_EVENT_OFF);
	return v;
}

void
server_free(struct server *v)
{
	server_flush(v);
	while (v->conn != NULL)
		conn_close(v->conn);
	for (int i = 0; i < 2; i++) {
		sd_event_source_unref(v->listen[i]);
		close(v->listen_fd[i]);
	}
	sd_event_source_unref(v->flush);
	buf_free(&v->packet);
	free(v);
}
