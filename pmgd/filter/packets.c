/* What the parent does with each packet of a worker, and of tools. */
#include "filter/parent_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/proto/filter.h"

enum { CONTROL_TIMEOUT_MS = 200 };

void
packets_strike(struct parent *p, struct child *c, const char *why)
{
	const char *key = strikes_key(p->strikes, c->slot);

	if (*key == '\0')
		return;
	p->status.strikes++;
	log_warn("message %s: strike: %s", key, why);
	strikes_add(p->strikes, c->slot, STRIKE_CRASH);
}

static void
reply(struct child *c, uint16_t type, const struct buf *b)
{
	struct err e;

	/* Its socket is empty but for this: it waits for it. One that does not
	 * read is not to hold up the others. */
	if (ipc_send(c->fd, type, buf_span(b), NULL, 0, 0, &e) == 0)
		return;
	log_error("worker %d: %s", (int)c->pid, e.text);
	kill(c->pid, SIGKILL);
}

static void
reply_u8(struct child *c, uint16_t type, uint8_t v)
{
	struct buf b;

	buf_init(&b, 8);
	buf_u8(&b, v);
	reply(c, type, &b);
	buf_free(&b);
}

static void
reply_slot(struct parent *p, unsigned slot, enum admission what)
{
	struct buf b;

	buf_init(&b, 8);
	buf_u32(&b, p->admission.client[slot].ticket);
	buf_u8(&b, what == ADMIT_GRANTED);
	reply(&p->child[slot], FILTER_MSG_SLOT_REPLY, &b);
	buf_free(&b);
}

void
packets_serve_slots(struct parent *p)
{
	enum admission what;
	int slot;

	while ((slot = admission_next(&p->admission, &what)) >= 0)
		if (p->child[slot].pid != 0)
			reply_slot(p, (unsigned)slot, what);
}

static void
handle_slot_end(struct parent *p, struct child *c, struct cursor *cur)
{
	bool was_open = p->admission.open;

	admission_end(&p->admission, c->slot, cur_u8(cur), clock_mono_ms());
	if (p->admission.open && !was_open)
		log_error("spamd failed %u times in a row: it is not asked any "
		    "more but for one probe each %d s; mail goes on without "
		    "spam score, marked X-PMG-Unchecked",
		    p->admission.failures, BREAKER_PROBE_MS / 1000);
	if (!p->admission.open && was_open)
		log_info("spamd answers again");
	packets_serve_slots(p);
}

static void
handle_begin(struct parent *p, struct child *c, struct cursor *cur)
{
	struct span s = cur_lp(cur);
	bool want_slot = cur_u8(cur) != 0;
	uint32_t ticket = cur_u32(cur);
	char *key = xstrndup(s.p, s.n);
	bool park = strikes_begin(p->strikes, c->slot, key);
	enum admission what = ADMIT_WAIT;

	if (*strikes_key(p->strikes, c->slot) != '\0')
		p->status.busy++;
	p->status.messages++;
	p->status.parked += park;
	reply_u8(c, FILTER_MSG_BEGIN_REPLY, park);
	if (want_slot && !park)
		what = admission_ask(&p->admission, c->slot, ticket,
		    clock_mono_ms());
	if (what != ADMIT_WAIT)
		reply_slot(p, c->slot, what);
	free(key);
}

static void
handle_end(struct parent *p, struct child *c, struct cursor *cur)
{
	bool final = cur_u8(cur) != 0, durable = cur_u8(cur) != 0;
	struct span record = cur_lp(cur), recorded = cur_lp(cur);
	struct err e;
	int rc = 0;

	if (!cur_ok(cur))
		return;
	if (record.n > 0)
		rc = event_write(p->events, record, durable, &e);
	if (rc != 0)
		log_error("event file: %s", e.text);
	final = final && (rc == 0 || !durable);
	if (*strikes_key(p->strikes, c->slot) != '\0')
		p->status.busy--;
	p->status.deferred += !final;
	strikes_end(p->strikes, c->slot, final);
	if (durable)
		reply_u8(c, FILTER_MSG_END_REPLY, rc == 0);
	recent_write(p->recent, recorded);
}

static void
handle_discard(struct parent *p, struct child *c, struct cursor *cur)
{
	struct span record = cur_lp(cur);
	struct err e;
	int rc;

	if (!cur_ok(cur))
		return;
	rc = event_write(p->events, record, true, &e);
	if (rc != 0)
		log_error("event file: %s", e.text);
	reply_u8(c, FILTER_MSG_DISCARD_REPLY, rc == 0);
}

static bool
dispatch(struct child *c, const struct ipc_msg *m)
{
	struct cursor cur = cur_of(m->body);
	struct parent *p = c->parent;

	switch (m->type) {
	case FILTER_MSG_BEGIN:
		handle_begin(p, c, &cur);
		break;
	case FILTER_MSG_SLOT_END:
		handle_slot_end(p, c, &cur);
		break;
	case FILTER_MSG_END:
		handle_end(p, c, &cur);
		break;
	case FILTER_MSG_DISCARD:
		handle_discard(p, c, &cur);
		break;
	case FILTER_MSG_STRIKE:
		packets_strike(p, c, "the virus scanner died of it");
		break;
	default:
		return false;
	}
	return cur_done(&cur);
}

/* 1: handled a packet; 0: none (any more). */
int
packets_take(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct child *c = arg;
	struct parent *p = c->parent;
	struct ipc_msg m;
	struct err e = {""};
	int rc;

	(void)revents;
	rc = ipc_recv(fd, &m, &p->in, 0, &e);
	if (rc == 1) {
		ipc_close_fds(&m);
		if (dispatch(c, &m))
			return 1;
		snprintf(e.text, sizeof(e.text), "packet type 0x%x", m.type);
		rc = -1;
	}
	/* The exit handler sees the rest when the worker closed its end. */
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	if (rc < 0 && revents != 0) {
		log_error("worker %d broke the protocol: %s", (int)c->pid,
		    e.text);
		kill(c->pid, SIGKILL);
	}
	return 0;
}

static void
status_fill(struct parent *p)
{
	p->status.slots = p->admission.places;
	p->status.slots_used = p->admission.used;
	p->status.slots_waiting = admission_waiting(&p->admission);
	p->status.spamd_open = p->admission.open;
	p->status.spamd_failures = p->admission.total_failures;
}

/* One question, one answer; a client that is slow or wrong is dropped. */
int
packets_control(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct parent *p = arg;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ipc_msg m;
	struct buf b;

	(void)s;
	(void)revents;
	if (client < 0)
		return 0;
	buf_init(&b, 4096);
	if (ipc_recv(client, &m, &p->in, CONTROL_TIMEOUT_MS, NULL) == 1) {
		ipc_close_fds(&m);
		if (m.type == FILTER_MSG_STATUS) {
			status_fill(p);
			filter_status_put(&b, &p->status);
			(void)ipc_send(client, FILTER_MSG_STATUS_REPLY,
			    buf_span(&b), NULL, 0, CONTROL_TIMEOUT_MS, NULL);
		}
	}
	buf_free(&b);
	close(client);
	return 0;
}
