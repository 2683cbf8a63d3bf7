/*
 *	pmgd (this process)			sockets, strikes, places at spamd,
 *	 |					event file
 *	 +-- worker 0 .. N-1			a socketpair each (lib/proto/filter.h)
 *
 * A worker that breaks the protocol is killed; a message during which a
 * worker died gets a strike.
 */
#include "filter/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include "filter/admission.h"
#include "filter/strikes.h"
#include "filter/worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/xalloc.h"
#include "lib/proto/filter.h"
#include "lib/store/event.h"

enum {
	WORKERS_MAX = ADMISSION_CLIENTS,
	SEGMENT_BYTES = 16 * 1024 * 1024,
	DRAIN_SECONDS = 60,
	/* A worker that dies younger than this is replaced only this late. */
	BACKOFF_MS = 500,
	REPLY_TIMEOUT_MS = 1000,
	FILES_MAX = 1024,	/* a link for each worker, and some */
};

struct parent;

struct child {
	struct parent *parent;
	unsigned slot;
	pid_t pid;		/* 0 = none */
	int fd;
	int64_t born;
	sd_event_source *io, *exit;
};

struct parent {
	const struct parent_options *opt;
	sd_event *loop;
	struct event_writer *events;
	struct strikes *strikes;
	struct admission_state admission;
	struct filter_status status;
	unsigned nworkers;
	bool draining;
	sd_event_source *respawn;
	struct buf in;
	struct child child[WORKERS_MAX];
};

/* In the child: every descriptor but those it works with. Copies of other
 * workers' links would hide the parent's death from them. */
static void
close_inherited(const int *keep, size_t nkeep)
{
	for (int fd = STDERR_FILENO + 1; fd < FILES_MAX; fd++) {
		bool kept = false;

		for (size_t i = 0; i < nkeep; i++)
			kept = kept || keep[i] == fd;
		if (!kept)
			close(fd);
	}
}

static void __attribute__((noreturn))
child_main(struct parent *p, int link)
{
	struct worker w = {.paths = p->opt->paths, .link = {link},
	    .listen_in = p->opt->listen_in, .listen_out = p->opt->listen_out,
	    .ticket = 1};
	int keep[] = {link, w.listen_in, w.listen_out};
	sigset_t none;

	/* Dies with its parent: an orphan could not record anything. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_inherited(keep, 3);
	worker_run(&w);
}

static void slots_serve(struct parent *p);
static int on_packet(sd_event_source *s, int fd, uint32_t revents, void *arg);
static int on_exit_child(sd_event_source *s, const siginfo_t *si, void *arg);

static char *
folder_of(const char *path)
{
	return xstrndup(path, (size_t)(strrchr(path, '/') - path));
}

static void
child_spawn(struct parent *p, unsigned slot)
{
	struct child *c = &p->child[slot];
	struct err e;
	int pair[2];

	if (ipc_pair(pair, &e) != 0)
		fatal("worker: %s", e.text);
	c->pid = fork();
	if (c->pid < 0)
		fatal("fork: %s", strerror(errno));
	if (c->pid == 0)
		child_main(p, pair[1]);
	close(pair[1]);
	c->parent = p;
	c->slot = slot;
	c->fd = pair[0];
	c->born = clock_mono_ms();
	if (sd_event_add_io(p->loop, &c->io, c->fd, EPOLLIN, on_packet, c) < 0 ||
	    sd_event_add_child(p->loop, &c->exit, c->pid, WEXITED,
	        on_exit_child, c) < 0)
		fatal("event loop: cannot watch a worker");
	p->status.workers++;
}

static int
on_respawn(sd_event_source *s, uint64_t usec, void *arg)
{
	struct parent *p = arg;

	(void)s;
	(void)usec;
	for (unsigned i = 0; i < p->nworkers && !p->draining; i++)
		if (p->child[i].pid == 0)
			child_spawn(p, i);
	return 0;
}

static void
respawn_after(struct parent *p, unsigned ms)
{
	uint64_t now;

	sd_event_now(p->loop, CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(p->respawn, now + ms * 1000ull);
	sd_event_source_set_enabled(p->respawn, SD_EVENT_ONESHOT);
}

static void
child_strike(struct parent *p, struct child *c, const char *why)
{
	const char *key = strikes_key(p->strikes, c->slot);

	if (*key == '\0')
		return;
	p->status.strikes++;
	log_warn("message %s: strike: %s", key, why);
	strikes_add(p->strikes, c->slot, STRIKE_CRASH);
}

static void
child_gone(struct parent *p, struct child *c)
{
	sd_event_source_unref(c->io);
	sd_event_source_unref(c->exit);
	c->io = c->exit = NULL;
	close(c->fd);
	c->pid = 0;
	p->status.workers--;
	if (*strikes_key(p->strikes, c->slot) != '\0')
		p->status.busy--;
	strikes_end(p->strikes, c->slot, false);
	admission_end(&p->admission, c->slot, SLOT_UNUSED, clock_mono_ms());
	slots_serve(p);
}

/* Packets that the dead worker still sent come first: an END among them
 * means that its message is innocent. */
static void
child_drain(struct child *c)
{
	while (c->io != NULL && on_packet(c->io, c->fd, 0, c) > 0)
		continue;
}

static int
on_exit_child(sd_event_source *s, const siginfo_t *si, void *arg)
{
	struct child *c = arg;
	struct parent *p = c->parent;
	bool clean = si->si_code == CLD_EXITED && si->si_status == 0;
	bool young = clock_mono_ms() - c->born < BACKOFF_MS;
	char why[64];

	(void)s;
	child_drain(c);
	if (!clean) {
		snprintf(why, sizeof(why), "worker %d %s %d", (int)si->si_pid,
		    si->si_code == CLD_EXITED ? "exited with status"
		                              : "was ended by signal",
		    si->si_status);
		log_warn("%s", why);
		child_strike(p, c, why);
	}
	child_gone(p, c);
	if (!p->draining)
		respawn_after(p, !clean && young ? BACKOFF_MS : 0);
	else if (p->status.workers == 0)
		sd_event_exit(p->loop, 0);
	return 0;
}

static void
reply(struct child *c, uint16_t type, const struct buf *b)
{
	struct err e;

	/* Its socket is empty but for this: it waits for it. */
	if (ipc_send(c->fd, type, buf_span(b), NULL, 0, REPLY_TIMEOUT_MS, &e) !=
	    0)
		log_warn("worker %d: %s", (int)c->pid, e.text);
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

static void
slots_serve(struct parent *p)
{
	enum admission what;
	int slot;

	while ((slot = admission_next(&p->admission, &what)) >= 0)
		if (p->child[slot].pid != 0)
			reply_slot(p, (unsigned)slot, what);
}

static void
handle_slot(struct parent *p, struct child *c, struct cursor *cur)
{
	enum admission what = admission_ask(&p->admission, c->slot,
	    cur_u32(cur), clock_mono_ms());

	if (what != ADMIT_WAIT)
		reply_slot(p, c->slot, what);
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
	slots_serve(p);
}

static void
handle_event(struct parent *p, struct child *c, struct cursor *cur)
{
	bool durable = cur_u8(cur) != 0;
	struct span record = cur_lp(cur);
	struct err e;
	int rc;

	if (!cur_ok(cur))
		return;
	rc = event_write(p->events, record, durable, &e);
	if (rc != 0)
		log_error("event file: %s", e.text);
	reply_u8(c, FILTER_MSG_EVENT_REPLY, rc == 0);
}

static void
handle_begin(struct parent *p, struct child *c, struct cursor *cur)
{
	struct span s = cur_lp(cur);
	char *key = xstrndup(s.p, s.n);
	bool park = strikes_begin(p->strikes, c->slot, key);

	if (*strikes_key(p->strikes, c->slot) != '\0')
		p->status.busy++;
	p->status.messages++;
	p->status.parked += park;
	reply_u8(c, FILTER_MSG_BEGIN_REPLY, park);
	free(key);
}

static void
handle_end(struct parent *p, struct child *c, struct cursor *cur)
{
	bool final = cur_u8(cur) != 0;

	if (*strikes_key(p->strikes, c->slot) != '\0')
		p->status.busy--;
	p->status.deferred += !final;
	strikes_end(p->strikes, c->slot, final);
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
	case FILTER_MSG_SLOT:
		handle_slot(p, c, &cur);
		break;
	case FILTER_MSG_SLOT_END:
		handle_slot_end(p, c, &cur);
		break;
	case FILTER_MSG_EVENT:
		handle_event(p, c, &cur);
		break;
	case FILTER_MSG_END:
		handle_end(p, c, &cur);
		break;
	case FILTER_MSG_STRIKE:
		child_strike(p, c, "the virus scanner died of it");
		break;
	default:
		return false;
	}
	return cur_done(&cur);
}

/* 1: handled a packet; 0: none (any more). */
static int
on_packet(sd_event_source *s, int fd, uint32_t revents, void *arg)
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
static int
on_control(sd_event_source *s, int fd, uint32_t revents, void *arg)
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
	if (ipc_recv(client, &m, &p->in, 200, NULL) == 1) {
		ipc_close_fds(&m);
		if (m.type == FILTER_MSG_STATUS) {
			status_fill(p);
			filter_status_put(&b, &p->status);
			(void)ipc_send(client, FILTER_MSG_STATUS_REPLY,
			    buf_span(&b), NULL, 0, 200, NULL);
		}
	}
	buf_free(&b);
	close(client);
	return 0;
}

/* Without a setting: by memory as the reference product computes it (each
 * worker is small, but a message of 10 MB is held several times). */
static unsigned
workers_wanted(const struct parent_options *o, const struct config *c)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	int64_t mb = (int64_t)pages * size / (1024 * 1024);
	int64_t n = 5 + (mb - 2560) / 150;

	if (o->workers > 0)
		n = o->workers;
	else if (config_is_set(c, "mail", "max_filters"))
		n = config_int(c, "mail", "max_filters");
	else if (n > 40)
		n = 40;
	if (n < 2)
		n = 2;
	return n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static unsigned
spamd_places(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

static int
on_hup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct parent *p = arg;
	struct config *c;
	struct err e;
	unsigned n;

	(void)s;
	(void)si;
	c = config_load(p->opt->paths->config, &e);
	if (c == NULL) {
		log_error("reload refused, the former settings stay: %s",
		    e.text);
		return 0;
	}
	n = workers_wanted(p->opt, c);
	config_free(c);
	/* Workers take settings and rules by themselves, between messages. */
	for (unsigned i = n; i < p->nworkers; i++)
		if (p->child[i].pid != 0)
			kill(p->child[i].pid, SIGTERM);
	p->nworkers = n;
	respawn_after(p, 0);
	log_info("reloaded: %u workers", n);
	return 0;
}

static int
on_drain_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)usec;
	(void)arg;
	log_warn("workers still busy after %d s: ending them; their mail stays "
	    "in Postfix's queue", DRAIN_SECONDS);
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int
on_term(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct parent *p = arg;

	(void)s;
	(void)si;
	if (p->draining)
		return 0;
	p->draining = true;
	sd_notify(0, "STOPPING=1");
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (p->child[i].pid != 0)
			kill(p->child[i].pid, SIGTERM);
	if (p->status.workers == 0)
		return sd_event_exit(p->loop, 0);
	return sd_event_add_time_relative(p->loop, NULL, CLOCK_MONOTONIC,
	    DRAIN_SECONDS * 1000000ull, 0, on_drain_timeout, p);
}

/* Landlock only ever narrows: what a worker needs has to be in here, too. */
static void
parent_sandbox(const struct parent_options *o, bool tcp)
{
	AUTO_FREE char *strikes = folder_of(o->paths->strikes);
	AUTO_FREE char *rules = folder_of(o->paths->rules);
	const char *read_paths[] = {"/usr", "/etc/localtime", "/dev/urandom",
	    "/sys/devices/system/cpu", o->paths->config, rules, NULL};
	const char *write_paths[] = {o->paths->active, o->paths->events,
	    strikes, NULL};
	struct sandbox sb = {.net = tcp ? SANDBOX_NET_INET : SANDBOX_NET_UNIX,
	    .fork = true, .nofile = FILES_MAX, .read_paths = read_paths, .write_paths = write_paths};
	struct err e;

	if (sandbox_enter(&sb, &e) != 0)
		fatal("sandbox: %s", e.text);
}

static void
parent_open(struct parent *p, const struct parent_options *o)
{
	AUTO_FREE char *dir = folder_of(o->paths->strikes);
	struct config *c;
	struct err e;

	c = config_load(o->paths->config, &e);
	if (c == NULL)
		fatal("%s", e.text);
	parent_sandbox(o, config_bool(c, "mail", "tcp_filter_ports"));
	p->nworkers = workers_wanted(o, c);
	config_free(c);
	p->events = event_writer_open(o->paths->events, SEGMENT_BYTES, &e);
	if (p->events == NULL)
		fatal("event file: %s", e.text);
	p->strikes = strikes_open(dir, WORKERS_MAX, &e);
	if (p->strikes == NULL)
		fatal("strikes: %s", e.text);
	admission_init(&p->admission, spamd_places());
	buf_init(&p->in, IPC_MAX);
	p->status.started_us = clock_wall_us();
}

static void
parent_signals(struct parent *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (sd_event_add_signal(p->loop, NULL, SIGTERM, on_term, p) < 0 ||
	    sd_event_add_signal(p->loop, NULL, SIGINT, on_term, p) < 0 ||
	    sd_event_add_signal(p->loop, NULL, SIGHUP, on_hup, p) < 0)
		fatal("event loop: cannot watch signals");
}

int
parent_run(const struct parent_options *o)
{
	struct parent *p = xcalloc(1, sizeof(*p));
	int rc;

	p->opt = o;
	if (sd_event_new(&p->loop) < 0)
		fatal("event loop: cannot be made");
	parent_open(p, o);
	parent_signals(p);
	if (sd_event_add_io(p->loop, NULL, o->listen_control, EPOLLIN,
	        on_control, p) < 0 ||
	    sd_event_add_time_relative(p->loop, &p->respawn, CLOCK_MONOTONIC, 0,
	        0, on_respawn, p) < 0)
		fatal("event loop: cannot watch the control socket");
	sd_notifyf(0, "READY=1\nSTATUS=%u workers", p->nworkers);
	log_info("ready: %u workers, %u places at spamd", p->nworkers,
	    p->admission.places);
	rc = sd_event_loop(p->loop);
	event_writer_close(p->events);
	strikes_close(p->strikes);
	return rc < 0 ? 1 : rc;
}
