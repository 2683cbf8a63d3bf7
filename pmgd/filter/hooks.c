#include "filter/hooks.h"

#ifdef PMG_TEST_HOOKS

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "filter/filter.h"

static bool
asked(const struct message *m, const char *name)
{
	const struct mime_field *f =
	    mime_field_find(m->mime->part[0], "X-PMG-Test");

	return f != NULL && span_ieqs(span_trim(f->value), name);
}

void
hook(const struct message *m, const char *name)
{
	if (!asked(m, name))
		return;
	if (strcmp(name, "hang") == 0)
		for (;;)
			pause();
	/* A crash as a wild pointer makes it, past any handler. */
	signal(SIGSEGV, SIG_DFL);
	kill(getpid(), strcmp(name, "crash") == 0 ? SIGSEGV : SIGKILL);
}

/* ---- ways out of the sandbox: true = it worked ---- */

static const char *quarantine_folder;

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
read_shadow(void)
{
	return opens("/etc/shadow", O_RDONLY);
}

static bool
read_passwd(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static bool
write_quarantine(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/x", quarantine_folder);
	return opens(path, O_WRONLY | O_CREAT);
}

static bool
write_tmp(void)
{
	return opens("/tmp/pmg-escape", O_WRONLY | O_CREAT);
}

static bool
open_memory(void)
{
	return opens("/proc/1/mem", O_RDWR);
}

static bool
connect_out(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(25),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 ||
	    errno == ECONNREFUSED;
	close(fd);
	return ok;
}

static bool
raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool
netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool
new_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool
trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0;
}

static bool
read_parent(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};

	return process_vm_readv(getppid(), &here, 1, &there, 1, 0) >= 0 ||
	    errno == EFAULT;
}

static bool
mount_something(void)
{
	return mount("x", "/mnt", "tmpfs", 0, "") == 0;
}

/* Does not return when it works: the test misses the note then. */
static bool
run_program(void)
{
	char *const argv[] = {(char *)"/bin/true", NULL};
	char *const envp[] = {NULL};

	execve("/bin/true", argv, envp);
	return false;
}

void
hook_escape(struct message *m, const char *quarantine)
{
	static const struct {
		const char *name;
		bool (*try)(void);
	} way[] = {
	    {"escape-read-shadow", read_shadow},
	    {"escape-read-passwd", read_passwd},
	    {"escape-write-quarantine", write_quarantine},
	    {"escape-write-tmp", write_tmp},
	    {"escape-open-memory", open_memory},
	    {"escape-connect-out", connect_out},
	    {"escape-raw-socket", raw_socket},
	    {"escape-netlink-socket", netlink_socket},
	    {"escape-fork", new_process},
	    {"escape-ptrace", trace_parent},
	    {"escape-read-parent", read_parent},
	    {"escape-mount", mount_something},
	    {"escape-execve", run_program},
	};

	quarantine_folder = quarantine;
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++)
		if (asked(m, way[i].name))
			message_note(m, "%s: %s", way[i].name,
			    way[i].try() ? "SUCCEEDED" : "refused");
}

#else
typedef int hooks_not_built;
#endif
