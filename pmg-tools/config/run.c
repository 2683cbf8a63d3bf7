#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"

/* A file, not a pipe: nobody can block, however much is on both sides. */
static int
temporary_file(struct span content, struct err *e)
{
	char path[] = "/tmp/pmgconfig.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return err_errno(e, "%s", path);
	unlink(path);
	if (write_all(fd, content.p, content.n) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0) {
		err_errno(e, "%s: write", path);
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static int
read_output(int fd, struct buf *out, struct err *e)
{
	char chunk[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_errno(e, "output of a program");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	return n < 0 ? err_errno(e, "output of a program") : 0;
}

static void __attribute__((noreturn))
child(const struct run *r, int in, int out)
{
	/* argv is const for our callers; execvp() does not write to it. */
	char *const *argv = (char *const *)(void *)r->argv;

	if (dup2(in, 0) < 0 || (out >= 0 && dup2(out, 1) < 0) ||
	    (out >= 0 && r->errors_too && dup2(out, 2) < 0))
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

int
run_program(const struct run *r, struct err *e)
{
	AUTO_CLOSE int in = -1, out = -1;
	int status;
	pid_t pid;

	in = r->input.n == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC)
	    : temporary_file(r->input, e);
	if (in < 0)
		return err_set(e, "%s: no input", r->argv[0]);
	if (r->output != NULL &&
	    (out = temporary_file(span_of("", 0), e)) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return err_errno(e, "%s: fork", r->argv[0]);
	if (pid == 0)
		child(r, in, out);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "%s: wait", r->argv[0]);
	if (out >= 0 && read_output(out, r->output, e) != 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
	    : 128 + WTERMSIG(status);
}
