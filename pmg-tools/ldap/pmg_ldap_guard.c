#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "pmg_ldap.h"

static void __attribute__((noreturn))
child(int fd, int (*fn)(void *arg, struct err *e), void *arg,
    unsigned seconds)
{
	struct err e = {""};
	int rc;

	/* SIGALRM as it comes: the end, wherever it is. */
	signal(SIGALRM, SIG_DFL);
	alarm(seconds);
	rc = fn(arg, &e);
	fflush(stdout);
	if (rc != 0)
		write_all(fd, e.text, strlen(e.text));
	_exit(rc == 0 ? 0 : 1);
}

static void
read_reason(int fd, struct err *e)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = read(fd, e->text + n, sizeof(e->text) - 1 - n);
		if (got > 0)
			n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	e->text[n] = '\0';
}

int
pmg_ldap_guarded(int (*fn)(void *arg, struct err *e), void *arg,
    unsigned seconds, struct err *e)
{
	struct err said = {""};
	int end[2], status;
	pid_t pid;

	if (pipe(end) != 0)
		return err_errno(e, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(end[0]);
		child(end[1], fn, arg, seconds);
	}
	close(end[1]);
	if (pid < 0) {
		close(end[0]);
		return err_errno(e, "fork");
	}
	read_reason(end[0], &said);
	close(end[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "waitpid");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return err_set(e, "not done after %u seconds", seconds);
	if (WIFSIGNALED(status))
		return err_set(e, "crashed (signal %d)", WTERMSIG(status));
	if (WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, "%s", said.text);
}
