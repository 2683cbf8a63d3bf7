#include "scan/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/proto/scan.h"
#include "scan/dbdir.h"
#include "scan/loader.h"
#include "scan/notready.h"
#include "scan/tmptree.h"

enum {
	LOADERS_MAX = 4,	/* one serves, one loads, others drain */
	SETTLE_MS = 1000,	/* the folder must be quiet that long */
	LOOK_MS = 60000,	/* beside inotify */
	LOOK_NOT_READY_MS = 5000,
	LOAD_MAX_MS = 900000,
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 600000,
	STOP_MS = 30000,
};

enum loader_state { NONE = 0, LOADING, SERVING, DRAINING };

struct loader_ref {
	enum loader_state state;
	pid_t pid;
	int fd;			/* closing it drains */
	uint64_t fingerprint;
	int64_t built;
	int64_t deadline_ms;	/* loading, draining */
	char summary[512];
};

struct supervisor {
	const struct scan_options *options;
	const struct paths *paths;
	struct scan_settings *s;
	struct scan_shared *shared;
	struct loader_ref loader[LOADERS_MAX];
	struct notready pending;
	int listen_fd;
	int signal_fd;
	int inotify_fd;
	int watch;		/* -1: the folder is not there */
	int64_t next_look_ms;
	uint64_t seen;		/* fingerprint of the last look */
	uint64_t failed;	/* fingerprint that would not load */
	int64_t retry_ms;
	int64_t retry_wait_ms;
	int64_t stop_ms;	/* 0: running */
	char why[SCAN_TEXT_MAX];	/* not ready: plain words */
	char trouble[600];	/* last failure to load; "" */
};

static struct loader_ref *
find(struct supervisor *sv, enum loader_state state)
{
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		if (sv->loader[i].state == state)
			return &sv->loader[i];
	return NULL;
}

/* What people are told, in status and in each refusal. */
static void
publish(struct supervisor *sv, const char *why)
{
	const struct loader_ref *l = find(sv, SERVING);
	struct scan_shared *sh = sv->shared;
	char text[SCAN_TEXT_MAX];

	if (l == NULL)
		snprintf(text, sizeof(text), "%s", why);
	else
		snprintf(text, sizeof(text), "%s%s%s", l->summary,
		    why[0] != '\0' ? "; " : "", why);
	if (l == NULL && strcmp(sv->why, text) != 0)
		log_warn("not ready: %s", text);
	if (strcmp(sv->why, text) != 0)
		sd_notifyf(0, "STATUS=%s", text);
	str_copy(sv->why, sizeof(sv->why), text);
	str_copy(sh->detail, sizeof(sh->detail), text);
	sh->ready = l != NULL;
	sh->scanners = l != NULL ? sv->s->scanners : 0;
}

static void
loader_fork(struct supervisor *sv, struct loader_ref *l, const int pair[2])
{
	l->pid = fork();
	if (l->pid != 0)
		return;
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		if (sv->loader[i].fd >= 0)
			close(sv->loader[i].fd);
	notready_close(&sv->pending);
	close(sv->signal_fd);
	close(sv->inotify_fd);
	close(pair[0]);
	loader_run(sv->s, sv->shared, sv->listen_fd, pair[1]);
}

static void
loader_start(struct supervisor *sv, const struct dbdir_state *db)
{
	struct loader_ref *l = find(sv, NONE);
	int pair[2];
	struct err e;

	if (l == NULL || ipc_pair(pair, &e) != 0) {
		log_error("no new loader now: %s",
		    l == NULL ? "too many are draining" : e.text);
		return;
	}
	log_info("loading %s", sv->s->dbdir);
	loader_fork(sv, l, pair);
	close(pair[1]);
	if (l->pid < 0) {
		log_error("loader: fork: %s", strerror(errno));
		close(pair[0]);
		return;
	}
	l->state = LOADING;
	l->fd = pair[0];
	l->fingerprint = db->fingerprint;
	l->built = db->built;
	l->deadline_ms = clock_mono_ms() + LOAD_MAX_MS;
	str_copy(l->summary, sizeof(l->summary), db->summary);
}

static void
loader_drain(struct supervisor *sv, struct loader_ref *l)
{
	/* One that loads holds no mail, and does not listen either. */
	if (l->state == LOADING)
		kill(l->pid, SIGKILL);
	l->state = DRAINING;
	l->deadline_ms = clock_mono_ms() + sv->s->scan_ms +
	    2 * SCAN_HARD_EXTRA_MS;
	close(l->fd);
	l->fd = -1;
}

static void
loader_ready(struct supervisor *sv, struct loader_ref *l, struct span body)
{
	struct cursor c = cur_of(body);
	uint64_t signatures = cur_u64(&c);
	uint64_t version = cur_u64(&c);
	uint32_t left_out = cur_u32(&c);
	struct loader_ref *old = find(sv, SERVING);

	if (!cur_done(&c))
		fatal("loader: broken report");
	if (old != NULL)
		loader_drain(sv, old);
	l->state = SERVING;
	sv->failed = 0;
	sv->retry_wait_ms = RETRY_FIRST_MS;
	sv->trouble[0] = '\0';
	if (left_out > 0)
		snprintf(sv->trouble, sizeof(sv->trouble),
		    "%u broken signature files were left out (see the log)",
		    left_out);
	sv->shared->signatures = signatures;
	sv->shared->loaded_at = (uint64_t)(clock_wall_us() / 1000000);
	publish(sv, sv->trouble);
	log_info("ready: %s, %llu signatures (daily %llu)", sv->why,
	    (unsigned long long)signatures, (unsigned long long)version);
	/* What came meanwhile is seen now; and the scanners take over. */
	sv->next_look_ms = clock_mono_ms();
}

/* A set that did not load is tried again later, or at once when it changes. */
static void
loader_trouble(struct supervisor *sv, struct loader_ref *l, const char *why)
{
	snprintf(sv->trouble, sizeof(sv->trouble),
	    find(sv, SERVING) != NULL && l->state == LOADING
	    ? "a newer virus database was refused: %s"
	    : "virus database could not be loaded: %s", why);
	log_error("%s", sv->trouble);
	sv->failed = l->fingerprint;
	sv->retry_ms = clock_mono_ms() + sv->retry_wait_ms;
	sv->retry_wait_ms *= 2;
	if (sv->retry_wait_ms > RETRY_MAX_MS)
		sv->retry_wait_ms = RETRY_MAX_MS;
	sv->next_look_ms = clock_mono_ms();
}

static void
loader_message(struct supervisor *sv, struct loader_ref *l)
{
	AUTO_BUF struct buf b;
	struct ipc_msg m;
	struct cursor c;
	struct span why;
	char text[512];
	struct err e;

	buf_init(&b, 2 * SCAN_TEXT_MAX);
	if (ipc_recv(l->fd, &m, &b, 0, &e) <= 0) {
		/* It is ending; reap() has the details. */
		close(l->fd);
		l->fd = -1;
		return;
	}
	ipc_close_fds(&m);
	c = cur_of(m.body);
	if (l->state == LOADING && m.type == LOADER_READY) {
		loader_ready(sv, l, m.body);
	} else if (l->state == LOADING && m.type == LOADER_FAILED) {
		why = cur_lp(&c);
		snprintf(text, sizeof(text), "%.*s", (int)why.n,
		    (const char *)why.p);
		loader_trouble(sv, l, text);
		loader_drain(sv, l);
	} else {
		fatal("loader: unexpected report 0x%x", m.type);
	}
}

static void
loader_dead(struct supervisor *sv, struct loader_ref *l, int status)
{
	AUTO_FREE char *tmp = xasprintf("%s/%d", sv->s->tmpdir, (int)l->pid);
	char text[128];

	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->state == LOADING || l->state == SERVING) {
		if (WIFSIGNALED(status))
			snprintf(text, sizeof(text), "the loader died of "
			    "signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
		else
			snprintf(text, sizeof(text),
			    "the loader ended with status %d",
			    WEXITSTATUS(status));
		if (l->state == SERVING)
			l->state = NONE;
		loader_trouble(sv, l, text);
	}
	l->state = NONE;
	l->pid = 0;
	/* Scanners of a killed loader may still be at work in there; libclamav
	 * then fails for their last message, which is deferred. */
	tmptree_remove(tmp);
}

static void
reap(struct supervisor *sv)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < LOADERS_MAX; i++)
			if (sv->loader[i].state != NONE &&
			    sv->loader[i].pid == pid)
				loader_dead(sv, &sv->loader[i], status);
}

static void
stop(struct supervisor *sv)
{
	if (sv->stop_ms != 0)
		return;
	log_info("stopping");
	sd_notify(0, "STOPPING=1");
	sv->stop_ms = clock_mono_ms() + STOP_MS;
	notready_close(&sv->pending);
	close(sv->listen_fd);
	sv->listen_fd = -1;
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		if (sv->loader[i].state == LOADING ||
		    sv->loader[i].state == SERVING)
			loader_drain(sv, &sv->loader[i]);
}

/*
 * New settings, and a new loader for them while the old one goes on. Where the
 * databases are is fixed by the sandbox: for that the process ends, and is
 * started again by systemd.
 */
static void
reload(struct supervisor *sv)
{
	struct loader_ref *l = find(sv, SERVING);
	struct err e;
	struct scan_settings *s = settings_load(sv->options, sv->paths, &e);

	if (s == NULL) {
		log_error("settings: %s; the former ones stay", e.text);
	} else if (strcmp(s->dbdir, sv->s->dbdir) != 0) {
		log_info("clamav.dbdir has changed: starting again");
		settings_free(s);
		stop(sv);
		return;
	} else {
		settings_free(sv->s);
		sv->s = s;
	}
	if (l != NULL)
		l->fingerprint = 0;
	sv->failed = 0;
	sv->next_look_ms = 0;
}

static void
on_signals(struct supervisor *sv)
{
	struct signalfd_siginfo si;

	while (read(sv->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			stop(sv);
		if (si.ssi_signo == SIGHUP && sv->stop_ms == 0)
			reload(sv);
	}
	reap(sv);
}

static void
on_inotify(struct supervisor *sv)
{
	char events[4096]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(sv->inotify_fd, events, sizeof(events))) > 0) {
		const struct inotify_event *ev = (const void *)events;

		/* The folder itself was replaced. */
		if ((ev->mask & IN_IGNORED) != 0)
			sv->watch = -1;
	}
	sv->next_look_ms = clock_mono_ms() + SETTLE_MS;
}

/* Drops a set that grew too old while it served. */
static void
check_age(struct supervisor *sv, int64_t now_s, char *why, size_t size)
{
	struct loader_ref *l = find(sv, SERVING);

	if (l == NULL || find(sv, LOADING) != NULL ||
	    !dbdir_too_old(l->built, sv->s->max_age_days, now_s, why, size))
		return;
	log_error("%s", why);
	loader_drain(sv, l);
}

static void
look(struct supervisor *sv)
{
	int64_t now = clock_mono_ms(), now_s = clock_wall_us() / 1000000;
	const struct loader_ref *l;
	struct dbdir_state db;
	bool settling;

	if (sv->watch < 0)
		sv->watch = inotify_add_watch(sv->inotify_fd, sv->s->dbdir,
		    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
		    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	dbdir_look(sv->s->dbdir, sv->s->required, sv->s->max_age_days, now_s,
	    &db);
	settling = sv->seen != UINT64_MAX && db.fingerprint != sv->seen;
	sv->seen = db.fingerprint;
	check_age(sv, now_s, db.why, sizeof(db.why));
	l = find(sv, SERVING);
	if (!settling && db.usable && find(sv, LOADING) == NULL &&
	    (l == NULL || l->fingerprint != db.fingerprint) &&
	    (sv->failed != db.fingerprint || now >= sv->retry_ms))
		loader_start(sv, &db);
	if (db.usable && l == NULL && sv->trouble[0] == '\0')
		publish(sv, "virus database is being loaded");
	else
		publish(sv, db.usable ? sv->trouble : db.why);
	sv->next_look_ms = now + (settling ? SETTLE_MS
	    : l == NULL ? LOOK_NOT_READY_MS : LOOK_MS);
	if (sv->failed == db.fingerprint && sv->failed != 0 &&
	    sv->retry_ms > now && sv->retry_ms < sv->next_look_ms)
		sv->next_look_ms = sv->retry_ms;
}

/* Loaders that neither load nor drain in time. Returns how many live. */
static unsigned
check_loaders(struct supervisor *sv)
{
	int64_t now = clock_mono_ms();
	unsigned n = 0;

	for (unsigned i = 0; i < LOADERS_MAX; i++) {
		struct loader_ref *l = &sv->loader[i];

		if (l->state == NONE)
			continue;
		n++;
		if (l->state != SERVING && now >= l->deadline_ms) {
			log_error("loader %d killed: not done in time",
			    (int)l->pid);
			kill(l->pid, SIGKILL);
			l->deadline_ms = now + SCAN_HARD_EXTRA_MS;
		}
	}
	return n;
}

static int
wait_ms(struct supervisor *sv)
{
	int look_ms = clock_left_ms(sv->next_look_ms);
	int busy = find(sv, LOADING) != NULL || find(sv, DRAINING) != NULL ||
	    sv->pending.n > 0 || sv->stop_ms != 0 ? 1000 : look_ms;

	if (sv->stop_ms != 0)
		return busy;
	return busy < look_ms ? busy : look_ms;
}

/* Waits for one thing to happen, and handles it. */
static void
step(struct supervisor *sv)
{
	struct pollfd p[3 + LOADERS_MAX + NOTREADY_MAX];
	bool accepting = find(sv, SERVING) == NULL && sv->stop_ms == 0;
	unsigned n = 3 + LOADERS_MAX;

	p[0] = (struct pollfd){.fd = sv->signal_fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = sv->inotify_fd, .events = POLLIN};
	p[2] = (struct pollfd){.fd = accepting &&
	    sv->pending.n < NOTREADY_MAX ? sv->listen_fd : -1,
	    .events = POLLIN};
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		p[3 + i] = (struct pollfd){.fd = sv->loader[i].fd,
		    .events = POLLIN};
	n += notready_poll(&sv->pending, p + n);
	if (poll(p, n, wait_ms(sv)) < 0)
		return;
	notready_serve(&sv->pending, p + 3 + LOADERS_MAX, sv->shared,
	    sv->why);
	if (p[2].revents != 0)
		notready_accept(&sv->pending, sv->listen_fd);
	if (p[1].revents != 0)
		on_inotify(sv);
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		if (p[3 + i].revents != 0 && sv->loader[i].fd >= 0)
			loader_message(sv, &sv->loader[i]);
	if (p[0].revents != 0)
		on_signals(sv);
}

static void
enter_sandbox(const struct scan_settings *s)
{
	/* The folder of databases may come later, or be replaced: its parent.
	 * The rest is what a loader needs for libclamav's own libraries. */
	AUTO_FREE char *parent = xstrdup(s->dbdir);
	char *slash = strrchr(parent, '/');
	const char *const readable[] = {parent, s->confdir, "/usr", "/lib",
	    "/lib64", "/etc", "/dev", "/proc", NULL};
	const char *const writable[] = {s->tmpdir, NULL};
	struct sandbox sb = {
		.net = SANDBOX_NET_UNIX,
		.fork = true,
		.read_paths = readable,
		.write_paths = writable,
	};
	struct err e;

	if (slash != NULL)
		slash[slash == parent] = '\0';
	if (sandbox_enter(&sb, &e) != 0)
		fatal("%s", e.text);
}

static void
open_descriptors(struct supervisor *sv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sv->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	sv->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	sv->shared = mmap(NULL, sizeof(*sv->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sv->signal_fd < 0 || sv->inotify_fd < 0 || sv->shared == MAP_FAILED)
		fatal("supervisor: %s", strerror(errno));
}

int
supervisor_run(const struct scan_options *o, const struct paths *p,
    struct scan_settings *s, int listen_fd)
{
	static struct supervisor sv;

	sv = (struct supervisor){.options = o, .paths = p, .s = s,
	    .listen_fd = listen_fd, .watch = -1,
	    .seen = UINT64_MAX, .retry_wait_ms = RETRY_FIRST_MS};
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		sv.loader[i].fd = -1;
	open_descriptors(&sv);
	enter_sandbox(s);
	look(&sv);
	sd_notify(0, "READY=1");
	while (sv.stop_ms == 0 || check_loaders(&sv) > 0) {
		step(&sv);
		check_loaders(&sv);
		if (sv.stop_ms == 0 && clock_left_ms(sv.next_look_ms) == 0)
			look(&sv);
		if (sv.stop_ms != 0 && clock_left_ms(sv.stop_ms) == 0)
			break;
	}
	for (unsigned i = 0; i < LOADERS_MAX; i++)
		if (sv.loader[i].state != NONE)
			kill(sv.loader[i].pid, SIGKILL);
	log_info("stopped");
	return 0;
}
