#include "store/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum { DESCRIPTORS_MAX = 65536, KEEP_MAX = 8 };

struct child {
	struct child_work work;
	pid_t pid;
	int pipe;
	sd_event_source *io;
};

/* ---- in the child ---- */

void
child_close_others(const int *keep, size_t n)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (max <= 0 || max > DESCRIPTORS_MAX)
		max = DESCRIPTORS_MAX;
	for (int fd = 3; fd < max; fd++) {
		size_t i = 0;

		while (i < n && keep[i] != fd)
			i++;
		if (i == n)
			close(fd);
	}
}

void
child_finish(int out, int code, bool written, const char *text)
{
	struct child_result r = {.code = code, .written = written};

	str_copy(r.text, sizeof(r.text), text);
	if (write_all(out, &r, sizeof(r)) != 0)
		_exit(1);
	_exit(0);
}

static void
limit(int which, rlim_t value)
{
	/* SIGXCPU, which tells the reason, comes before SIGKILL. */
	struct rlimit l = {value, which == RLIMIT_CPU ? value + 5 : value};

	setrlimit(which, &l);
}

static void
enter(const struct child_work *w, pid_t parent, int out)
{
	int keep[KEEP_MAX + 1] = {out};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* With the parent the child goes, or two would write the same file. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (size_t i = 0; i < w->nkeep; i++)
		keep[i + 1] = w->keep[i];
	child_close_others(keep, w->nkeep + 1);
	limit(RLIMIT_CPU, w->cpu_s);
	limit(RLIMIT_CORE, 0);
#ifndef PMG_SANITIZED
	limit(RLIMIT_AS, (rlim_t)w->memory_mb << 20);
#endif
	alarm(w->wall_s);
}

/* ---- in the parent ---- */

/* Ended or not: it is gone afterwards. Its status. */
static int
reap(struct child *c, bool end_it)
{
	int status = 0;

	c->io = sd_event_source_unref(c->io);
	close(c->pipe);
	if (end_it)
		kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void
death_reason(const struct child_work *w, int status, struct err *e)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGXCPU || sig == SIGALRM)
		err_set(e, "%s take more than %u seconds", w->what,
		    sig == SIGXCPU ? w->cpu_s : w->wall_s);
	else
		err_set(e, "%s cannot be worked on within %u MB of memory "
		    "(status %d)", w->what, w->memory_mb, status);
}

static int
on_result(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct child *c = arg;
	struct child_work w = c->work;
	struct child_result r;
	ssize_t n = read(fd, &r, sizeof(r));
	bool whole = n == (ssize_t)sizeof(r);
	struct err e;
	int status;

	(void)source;
	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	status = reap(c, whole);
	free(c);
	if (!whole) {
		death_reason(&w, status, &e);
		r = (struct child_result){.code = CHILD_DIED};
		str_copy(r.text, sizeof(r.text), e.text);
	}
	r.text[sizeof(r.text) - 1] = '\0';
	w.ended(w.arg, &r);
	return 0;
}

struct child *
child_start(sd_event *loop, const struct child_work *w, struct err *e)
{
	struct child *c;
	pid_t parent = getpid(), pid;
	int p[2];

	if (w->nkeep > KEEP_MAX)
		fatal("too many descriptors for a child");
	if (pipe2(p, O_CLOEXEC) != 0) {
		err_errno(e, "pipe");
		return NULL;
	}
	pid = fork();
	if (pid < 0) {
		err_errno(e, "fork");
		close(p[0]);
		close(p[1]);
		return NULL;
	}
	if (pid == 0) {
		enter(w, parent, p[1]);
		w->run(w->arg, p[1]);
		_exit(1);
	}
	close(p[1]);
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){.work = *w, .pid = pid, .pipe = p[0]};
	if (sd_event_add_io(loop, &c->io, p[0], EPOLLIN, on_result, c) < 0)
		fatal("event loop: cannot watch a child");
	return c;
}

void
child_stop(struct child *c)
{
	if (c == NULL)
		return;
	reap(c, true);
	free(c);
}
