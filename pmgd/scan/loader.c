#include "scan/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/xalloc.h"
#include "scan/engine.h"
#include "scan/scanner.h"
#include "scan/tmptree.h"

enum {
	TICK_MS = 1000,		/* how late a hanging scanner is noticed */
	FIRST_TICK_MS = 20,	/* until all scanners are up */
	UP_MS = 10000,		/* for the scanners to come up */
	SEND_MS = 5000,
};

struct child {
	pid_t pid;		/* 0: none */
	char *tmpdir;
	bool was_up;
	bool killed;
};

struct loader {
	const struct scan_settings *settings;
	struct scan_shared *shared;
	struct engine *engine;
	struct scan_slot *slots;	/* shared with the scanners */
	struct child child[SCANNERS_MAX];
	int listen_fd;
	int control_fd;
	int signal_fd;
	int statm_fd;
	int drain[2];		/* closing [1] tells all scanners */
	char *tmpdir;
	unsigned left_out;
	bool draining;
};

static void
report(struct loader *l, uint16_t type, const struct buf *b)
{
	struct err e;

	if (ipc_send(l->control_fd, type, buf_span(b), NULL, 0, SEND_MS,
	        &e) != 0)
		log_warn("report to the supervisor: %s", e.text);
}

static void
fail(struct loader *l, const char *why)
{
	AUTO_BUF struct buf b;

	buf_init(&b, SCAN_TEXT_MAX);
	buf_lps(&b, why);
	report(l, LOADER_FAILED, &b);
	tmptree_remove(l->tmpdir);
	_exit(1);
}

/* Opened before the sandbox, which has no /proc; still tells of us. */
static uint64_t
address_space(struct loader *l)
{
	char text[64];
	ssize_t n = pread(l->statm_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		fail(l, "/proc/self/statm cannot be read");
	text[n] = '\0';
	return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* In the child; does not return. */
static void
become_scanner(struct loader *l, unsigned i, uint64_t base)
{
	sigset_t none;

	close(l->drain[1]);
	close(l->control_fd);
	close(l->signal_fd);
	close(l->statm_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	scanner_run(&(struct scanner){
	    .settings = l->settings,
	    .engine = l->engine,
	    .slot = &l->slots[i],
	    .shared = l->shared,
	    .listen_fd = l->listen_fd,
	    .control_fd = l->drain[0],
	    .tmpdir = l->child[i].tmpdir,
	    .base_bytes = base,
	});
}

static void
scanner_start(struct loader *l, unsigned i)
{
	struct child *c = &l->child[i];
	uint64_t base = address_space(l);
	struct err e;
	pid_t pid;

	l->slots[i] = (struct scan_slot){0};
	if (tmptree_make(c->tmpdir, &e) != 0) {
		log_error("scanner: %s", e.text);
		return;
	}
	pid = fork();
	if (pid < 0)
		log_error("scanner: fork: %s", strerror(errno));
	if (pid == 0)
		become_scanner(l, i, base);
	c->pid = pid > 0 ? pid : 0;
	c->was_up = c->killed = false;
}

static void
log_death(struct loader *l, unsigned i, int status)
{
	const struct child *c = &l->child[i];
	struct scan_slot slot = l->slots[i];
	AUTO_BUF struct buf b;

	slot.logid[sizeof(slot.logid) - 1] = '\0';
	buf_init(&b, 4 * sizeof(slot.logid));
	log_safe(&b, span_str(slot.logid), sizeof(slot.logid));
	if (b.n == 0)
		buf_puts(&b, "no message");
	if (c->killed)
		log_error("%s: scanner %d killed, over its time limit",
		    buf_cstr(&b), (int)c->pid);
	else if (WIFSIGNALED(status))
		log_error("%s: scanner %d died of signal %d (%s)",
		    buf_cstr(&b), (int)c->pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		log_error("%s: scanner %d ended with status %d", buf_cstr(&b),
		    (int)c->pid, WEXITSTATUS(status));
}

static void
reap(struct loader *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < l->settings->scanners; i++) {
			struct child *c = &l->child[i];

			if (c->pid != pid)
				continue;
			c->was_up = l->slots[i].up != 0;
			if (status != 0) {
				log_death(l, i, status);
				__atomic_add_fetch(&l->shared->crashed, 1,
				    __ATOMIC_RELAXED);
			}
			tmptree_remove(c->tmpdir);
			c->pid = 0;
			/* One that never came up waits for the next tick: no
			 * storm of forks when something is wrong with all. */
			if (c->was_up && !l->draining)
				scanner_start(l, i);
		}
	}
}

static void
kill_hanging(struct loader *l)
{
	int64_t limit = (int64_t)l->settings->scan_ms + SCAN_HARD_EXTRA_MS;
	int64_t now = clock_mono_ms();

	for (unsigned i = 0; i < l->settings->scanners; i++) {
		int64_t since = __atomic_load_n(&l->slots[i].busy_since_ms,
		    __ATOMIC_RELAXED);

		if (l->child[i].pid == 0 || since == 0 || now - since < limit)
			continue;
		l->child[i].killed = true;
		kill(l->child[i].pid, SIGKILL);
	}
}

static unsigned
alive(const struct loader *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->settings->scanners; i++)
		n += l->child[i].pid != 0;
	return n;
}

static bool
all_up(const struct loader *l)
{
	for (unsigned i = 0; i < l->settings->scanners; i++)
		if (__atomic_load_n(&l->slots[i].up, __ATOMIC_ACQUIRE) == 0)
			return false;
	return true;
}

/* The supervisor never sends: anything from it is its end, or a drain. */
static void
drain(struct loader *l)
{
	if (l->draining)
		return;
	l->draining = true;
	close(l->drain[1]);
	l->drain[1] = -1;
}

static void
wait_events(struct loader *l, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = l->signal_fd, .events = POLLIN},
	    {.fd = l->draining ? -1 : l->control_fd, .events = POLLIN}};
	struct signalfd_siginfo si;

	if (poll(p, 2, timeout_ms) < 0)
		return;
	while (p[0].revents != 0 &&
	    read(l->signal_fd, &si, sizeof(si)) == sizeof(si))
		continue;
	if (p[1].revents != 0)
		drain(l);
	reap(l);
}

static void
start_scanners(struct loader *l)
{
	int64_t deadline = clock_mono_ms() + UP_MS;

	for (unsigned i = 0; i < l->settings->scanners; i++) {
		l->child[i].tmpdir = xasprintf("%s/%u", l->tmpdir, i);
		scanner_start(l, i);
	}
	while (!all_up(l) && !l->draining) {
		if (clock_left_ms(deadline) == 0)
			fail(l, "the scanners do not start (see the log)");
		wait_events(l, FIRST_TICK_MS);
	}
}

static void
load(struct loader *l)
{
	int64_t start = clock_mono_ms();
	AUTO_BUF struct buf b;
	struct err e = {""};

	l->engine = engine_load(l->settings, l->tmpdir, &l->left_out, &e);
	if (l->engine == NULL)
		fail(l, e.text);
	start_scanners(l);
	log_info("%llu signatures loaded in %.1f s, %u scanners",
	    (unsigned long long)engine_signatures(l->engine),
	    (double)(clock_mono_ms() - start) / 1000, alive(l));
	buf_init(&b, SCAN_TEXT_MAX);
	buf_u64(&b, engine_signatures(l->engine));
	buf_u64(&b, engine_db_version(l->engine));
	buf_u32(&b, l->left_out);
	report(l, LOADER_READY, &b);
}

/* What libclamav may need beside the databases: certificates of 1.5. */
static void
enter_sandbox(const struct loader *l)
{
	const char *readable[4 + SCAN_SYSTEM_PATHS] = {l->settings->dbdir,
	    "/etc/clamav", "/etc/localtime", "/dev/urandom"};
	const char *const writable[] = {l->settings->tmpdir, NULL};
	struct sandbox s = {
		.net = SANDBOX_NET_NONE,
		.fork = true,
		.read_paths = readable,
		.write_paths = writable,
	};
	struct err e;

	for (unsigned i = 0; l->settings->charsets[i] != NULL; i++)
		readable[4 + i] = l->settings->charsets[i];
	if (sandbox_enter(&s, &e) != 0)
		fatal("%s", e.text);
}

static void
open_descriptors(struct loader *l)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_SETMASK, &chld, NULL);
	l->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	l->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	l->slots = mmap(NULL, sizeof(*l->slots) * SCANNERS_MAX,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->signal_fd < 0 || l->statm_fd < 0 || l->slots == MAP_FAILED ||
	    pipe2(l->drain, O_CLOEXEC) != 0)
		fatal("loader: %s", strerror(errno));
}

void
loader_run(const struct scan_settings *s, struct scan_shared *shared,
    int listen_fd, int control_fd)
{
	static struct loader l;
	struct err e;

	l = (struct loader){.settings = s, .shared = shared,
	    .listen_fd = listen_fd, .control_fd = control_fd};
	prctl(PR_SET_NAME, "pmgd-scan:load");
	/* A unit is stopped by a signal to all its processes: ours end when
	 * their parent tells them to, after the message at hand. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	open_descriptors(&l);
	l.tmpdir = xasprintf("%s/%d", s->tmpdir, (int)getpid());
	if (tmptree_make(l.tmpdir, &e) != 0 || engine_init(&e) != 0)
		fatal("loader: %s", e.text);
	enter_sandbox(&l);
	load(&l);
	while (!l.draining || alive(&l) > 0) {
		wait_events(&l, TICK_MS);
		kill_hanging(&l);
		for (unsigned i = 0; i < s->scanners && !l.draining; i++)
			if (l.child[i].pid == 0)
				scanner_start(&l, i);
	}
	tmptree_remove(l.tmpdir);
	_exit(0);
}
