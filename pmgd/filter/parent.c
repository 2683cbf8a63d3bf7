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
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include "filter/parent_state.h"
#include "filter/worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/xalloc.h"
#include "lib/proto/filter.h"

enum {
	SEGMENT_BYTES = 16 * 1024 * 1024,
	DRAIN_SECONDS = 60,
	PRUNE_SECONDS = 3600,
	/* A worker that dies younger than this is replaced only this late. */
	BACKOFF_MS = 500,
	FILES_MAX = 1024,	/* a link for each worker, and some */
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
	/* Else syslog(3) goes on to write to a number that soon is a client's. */
	closelog();
	close_inherited(keep, 3);
	worker_run(&w);
}

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
	if (sd_event_add_io(p->loop, &c->io, c->fd, EPOLLIN, packets_take, c) < 0 ||
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

/* Microseconds on the loop's clock (the _relative call is of systemd 247). */
static uint64_t
loop_time(struct parent *p)
{
	uint64_t now = 0;

	sd_event_now(p->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void
respawn_after(struct parent *p, unsigned ms)
{
	sd_event_source_set_time(p->respawn, loop_time(p) + ms * 1000ull);
	sd_event_source_set_enabled(p->respawn, SD_EVENT_ONESHOT);
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
	packets_serve_slots(p);
}

/* Packets that the dead worker still sent come first: an END among them
 * means that its message is innocent. */
static void
child_drain(struct child *c)
{
	while (c->io != NULL && packets_take(c->io, c->fd, 0, c) > 0)
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
		packets_strike(p, c, why);
	}
	child_gone(p, c);
	if (!p->draining)
		respawn_after(p, !clean && young ? BACKOFF_MS : 0);
	else if (p->status.workers == 0)
		sd_event_exit(p->loop, 0);
	return 0;
}

static unsigned
workers_wanted(const struct parent_options *o, const struct config *c)
{
	int64_t n = o->workers > 0 ? o->workers
	                           : config_int(c, "mail", "filter_workers");

	return n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static void
settings_take(struct parent *p, const struct config *c)
{
	p->admission.places = (unsigned)config_int(c, "spam",
	    "spamd_children");
	p->event_keep_seconds = config_int(c, "admin", "eventlifetime") *
	    24 * 3600;
	recent_close(p->recent);
	p->recent = recent_open(p->opt->paths->recent,
	    (uint64_t)config_int(c, "admin", "replaysize") << 20);
}

/* Old event files go, at start and each hour. */
static int
on_prune(sd_event_source *s, uint64_t usec, void *arg)
{
	struct parent *p = arg;
	struct err e;
	int n = event_prune(p->events, p->event_keep_seconds, &e);

	if (n < 0)
		log_warn("old event files: %s", e.text);
	else if (n > 0)
		log_info("removed %d event files past admin.eventlifetime", n);
	sd_event_source_set_time(s, usec + PRUNE_SECONDS * 1000000ull);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
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
	settings_take(p, c);
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
	return sd_event_add_time(p->loop, NULL, CLOCK_MONOTONIC,
	    loop_time(p) + DRAIN_SECONDS * 1000000ull, 0, on_drain_timeout, p);
}

/* Landlock only ever narrows: what a worker needs has to be in here, too. */
static void
parent_sandbox(const struct parent_options *o, bool tcp)
{
	AUTO_FREE char *strikes = folder_of(o->paths->strikes);
	AUTO_FREE char *rules = folder_of(o->paths->rules);
	const char *read_paths[] = {"/usr", "/etc/localtime", "/dev/urandom",
	    "/sys/devices/system/cpu", o->paths->config, rules,
	    o->paths->ldap, NULL};
	const char *write_paths[] = {o->paths->active, o->paths->events,
	    o->paths->recent, strikes, NULL};
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
	charset_warm_up(&p->charsets);
	p->nworkers = workers_wanted(o, c);
	admission_init(&p->admission, 1);
	settings_take(p, c);
	config_free(c);
	p->events = event_writer_open(o->paths->events, SEGMENT_BYTES, &e);
	if (p->events == NULL)
		fatal("event file: %s", e.text);
	p->strikes = strikes_open(dir, WORKERS_MAX, &e);
	if (p->strikes == NULL)
		fatal("strikes: %s", e.text);
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
	        packets_control, p) < 0 ||
	    sd_event_add_time(p->loop, &p->respawn, CLOCK_MONOTONIC,
	        loop_time(p), 0, on_respawn, p) < 0 ||
	    sd_event_add_time(p->loop, NULL, CLOCK_MONOTONIC, loop_time(p), 0,
	        on_prune, p) < 0)
		fatal("event loop: cannot watch the control socket");
	sd_notifyf(0, "READY=1\nSTATUS=%u workers", p->nworkers);
	log_info("ready: %u workers, %u places at spamd", p->nworkers,
	    p->admission.places);
	rc = sd_event_loop(p->loop);
	event_writer_close(p->events);
	recent_close(p->recent);
	strikes_close(p->strikes);
	charset_cool_down(&p->charsets);
	return rc < 0 ? 1 : rc;
}
