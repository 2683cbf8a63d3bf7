/* What tools ask. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/proto/lists.h"
#include "lib/proto/rules.h"
#include "store/store.h"

enum { ADMIN_ARENA = 16 * IPC_MAX, TEXT_MAX = 16 * 1024 };

struct question {
	struct store *s;
	int sock;
	struct span body;
	struct arena a;
	struct buf out;
};

/* Never waits for a tool. */
static bool
send_reply(struct question *k, uint16_t type, int fd)
{
	struct err e;

	if (k->out.overflow || ipc_send(k->sock, type, buf_span(&k->out), &fd,
	        fd >= 0, 0, &e) != 0) {
		log_warn("tool: reply of %zu bytes cannot be sent", k->out.n);
		return false;
	}
	return true;
}

static bool
send_error(struct question *k, const char *text)
{
	buf_reset(&k->out);
	buf_lps(&k->out, text);
	return send_reply(k, STORE_MSG_ERROR, -1);
}

static bool
send_done(struct question *k, uint16_t type, bool ok, const char *text)
{
	struct store_done d = {.ok = ok, .text = text};

	store_done_put(&k->out, &d);
	return send_reply(k, type, -1);
}

static bool
answer_list(struct question *k)
{
	struct store_list l;
	struct store_page page;
	struct err e;

	if (store_list_get(k->body, &l, &k->a) != 0)
		return false;
	if (quarantine_list(k->s->q, &l, &page, &k->a, &e) != 0)
		return send_error(k, e.text);
	store_page_put(&k->out, &page);
	return send_reply(k, STORE_MSG_LIST_REPLY, -1);
}

static bool
answer_show(struct question *k)
{
	AUTO_CLOSE int fd = -1;
	struct store_show w;
	struct store_entry s;
	struct err e;
	uint32_t node;
	int64_t row;
	int rc;

	if (store_show_get(k->body, &w, &k->a) != 0)
		return false;
	if (!store_id_parse(w.id, &node, &row) || node != 0)
		return send_error(k, "no such message");
	rc = quarantine_show(k->s->q, row, &s, &k->a, &e);
	if (rc <= 0)
		return send_error(k, rc == 0 ? "no such message" : e.text);
	if (w.want_file) {
		fd = quarantine_file(k->s->q, row, &e);
		if (fd < 0)
			return send_error(k, e.text);
	}
	store_entry_put(&k->out, &s);
	return send_reply(k, STORE_MSG_SHOW_REPLY, fd);
}

void
admin_actor(int sock, const char *said, struct buf *b)
{
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		peer.uid = (uid_t)-1;
	if (said[0] != '\0')
		log_safe(b, span_str(said), 64);
	else
		buf_puts(b, "-");
	buf_printf(b, " (uid %u)", (unsigned)peer.uid);
}

static bool
answer_act(struct question *k)
{
	AUTO_BUF struct buf actor, text;
	struct store_act t;
	struct err e;
	unsigned asked = 0;
	uint32_t node;
	int64_t row;
	int rc;

	buf_init(&actor, 512);
	buf_init(&text, TEXT_MAX);
	if (store_act_get(k->body, &t, &k->a) != 0)
		return false;
	if (!store_id_parse(t.id, &node, &row) || node != 0)
		return send_done(k, STORE_MSG_ACT_REPLY, false,
		    "no such message");
	admin_actor(k->sock, t.actor, &actor);
	if (t.verb == STORE_RELEASE)
		rc = quarantine_release(k->s->q, row, t.rcpt, buf_cstr(&actor),
		    &asked, &text, &e);
	else
		rc = quarantine_delete(k->s->q, row, t.rcpt, buf_cstr(&actor),
		    &text, &e);
	log_info("C%uR%" PRId64 ": %s by %s%s%s", node, row,
	    t.verb == STORE_RELEASE ? "release" : "delete", buf_cstr(&actor),
	    rc == 0 ? "" : ": ", rc == 0 ? "" : e.text);
	if (asked > 0)
		release_add(k->s->release, row);
	return send_done(k, STORE_MSG_ACT_REPLY, rc == 0,
	    rc == 0 ? buf_cstr(&text) : e.text);
}

static bool
answer_purge(struct question *k)
{
	char text[128];
	unsigned n;
	bool more;
	struct err e;

	if (k->body.n != 0)
		return false;
	if (!purge_now(k->s->purge, &n, &more, &e))
		return send_done(k, STORE_MSG_PURGE_REPLY, false, e.text);
	snprintf(text, sizeof(text), "%u messages expired%s", n,
	    more ? "; the others follow" : "");
	return send_done(k, STORE_MSG_PURGE_REPLY, true, text);
}

static bool
answer_status(struct question *k)
{
	struct store *s = k->s;
	struct store_status st = {.ready = 1, .started_us = s->started_us,
	    .commits = s->commits, .failures = s->failures,
	    .batches = s->batches, .rules_version = s->rules_version,
	    .rules_error = s->rules_error,
	    .lists_version = lists_version(s->lists),
	    .lists_error = lists_error(s->lists)};
	struct statvfs fs;

	if (k->body.n != 0)
		return false;
	quarantine_counts(s->q, st.count, st.bytes);
	st.recovered = quarantine_recovered(s->q);
	st.releases = release_waiting(s->release);
	st.release_error = release_last_error(s->release);
	if (statvfs(s->paths.quarantine, &fs) == 0) {
		st.disk_free = (uint64_t)fs.f_bavail * fs.f_frsize;
		st.disk_size = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	store_status_put(&k->out, &st);
	return send_reply(k, STORE_MSG_STATUS_REPLY, -1);
}

static bool
answer_rules(struct question *k, const struct ipc_msg *m)
{
	AUTO_BUF struct buf actor;
	struct rules_request q;

	buf_init(&actor, 512);
	if (rules_request_get(k->body, &q, &k->a) != 0)
		return false;
	admin_actor(k->sock, q.actor, &actor);
	return rules_request(k->s->rule_work, k->sock, m, buf_cstr(&actor));
}

bool
admin_answer(struct store *s, int sock, struct ipc_msg *m)
{
	struct question k = {.s = s, .sock = sock, .body = m->body};
	bool ok = false;

	arena_init(&k.a, ADMIN_ARENA);
	buf_init(&k.out, IPC_MAX);
	switch (m->type) {
	case STORE_MSG_LIST:
		ok = answer_list(&k);
		break;
	case STORE_MSG_SHOW:
		ok = answer_show(&k);
		break;
	case STORE_MSG_ACT:
		ok = answer_act(&k);
		break;
	case STORE_MSG_PURGE:
		ok = answer_purge(&k);
		break;
	case STORE_MSG_STATUS:
		ok = answer_status(&k);
		break;
	case STORE_MSG_LISTS:
		ok = lists_answer(s->lists, sock, m);
		break;
	case STORE_MSG_RULES:
		ok = answer_rules(&k, m);
		break;
	default:
		break;
	}
	buf_free(&k.out);
	arena_free(&k.a);
	return ok;
}
