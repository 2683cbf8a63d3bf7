/*
 * Escape attempts from inside a process that has the virus scanner's sandbox:
 * each must fail, by an error or by death (SIGSYS). What the scanner needs
 * must work. Every probe runs in a child of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/ipc.h"
#include "lib/base/sandbox.h"
#include "lib/base/xalloc.h"

enum { MB = 1024 * 1024 };

static char dir[64];		/* the scanner's own folder */
static char outside[80];	/* a folder it must not see */
static const char *const own_paths[] = {dir, NULL};

/* As scanner.c makes it. */
static const struct sandbox scanner = {
	.net = SANDBOX_NET_NONE,
	.fsize_bytes = 64 * MB,
	.as_bytes = 2048ul * MB,
	.nofile = 64,
	.write_paths = own_paths,
};

/* A probe returns 0 when what it tried was refused, 1 when it was done. */
typedef int probe_fn(void);

/* What the kernel must not let happen, with the sandbox on. */
static void
run(const struct sandbox *s, probe_fn *fn, int want, const char *name)
{
	struct err e = {""};
	pid_t pid = fork();
	int status, got;

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		if (s != NULL && sandbox_enter(s, &e) != 0) {
			fprintf(stderr, "%s\n", e.text);
			_exit(99);
		}
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	got = WIFSIGNALED(status) ? (WTERMSIG(status) == SIGSYS ? 0 : 98)
	    : WEXITSTATUS(status);
	if (got != want)
		fail_msg("%s: status 0x%x, wanted %d", name, status, want);
}

#define REFUSED(expr) ((expr) == -1 ? 0 : 1)
#define PROBE(name, expr)                                                      \
	static int name(void)                                                  \
	{                                                                      \
		return REFUSED(expr);                                          \
	}

static char *const argv_true[] = {(char *)(uintptr_t)"true", NULL};
static char byte;
static struct iovec one_byte = {&byte, 1};

PROBE(open_shadow, open("/etc/shadow", O_RDONLY))
PROBE(open_passwd, open("/etc/passwd", O_RDONLY))
PROBE(open_root_dir, open("/", O_RDONLY | O_DIRECTORY))
PROBE(open_proc_mem, open("/proc/1/mem", O_RDWR))
PROBE(open_outside_read, open(outside, O_RDONLY))
PROBE(open_outside_write, open(outside, O_WRONLY))
PROBE(truncate_outside, truncate(outside, 0))
PROBE(unlink_outside, unlink(outside))
PROBE(make_tmp, mkdir("/tmp/pmg-escape", 0700))
PROBE(make_symlink, symlink("/etc/shadow", "link"))
PROBE(make_node, mknod("node", S_IFCHR | 0600, 0x0103))
PROBE(exec_true, execv("/bin/true", argv_true))
PROBE(exec_fd, (int)syscall(SYS_execveat, 0, "/bin/true", argv_true, NULL, 0))
PROBE(trace_parent, (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0))
PROBE(trace_me, (int)ptrace(PTRACE_TRACEME, 0, 0, 0))
PROBE(read_parent, (int)process_vm_readv(getppid(), &one_byte, 1, &one_byte,
    1, 0))
PROBE(write_parent, (int)process_vm_writev(getppid(), &one_byte, 1, &one_byte,
    1, 0))
PROBE(signal_parent, kill(getppid(), SIGCONT))
PROBE(thread_signal_parent, (int)syscall(SYS_tgkill, getppid(), getppid(), 0))
PROBE(socket_inet, socket(AF_INET, SOCK_STREAM, 0))
PROBE(socket_inet6, socket(AF_INET6, SOCK_DGRAM, 0))
PROBE(socket_unix, socket(AF_UNIX, SOCK_STREAM, 0))
PROBE(socket_netlink, socket(AF_NETLINK, SOCK_RAW, 0))
PROBE(socket_packet, socket(AF_PACKET, SOCK_RAW, 0))
PROBE(socket_alg, socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0))
PROBE(socket_vsock, socket(40 /* AF_VSOCK */, SOCK_STREAM, 0))
PROBE(fork_child, (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
PROBE(new_userns, unshare(CLONE_NEWUSER))
PROBE(new_userns_clone, (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0,
    0, 0))
PROBE(join_ns, setns(0, 0))
PROBE(do_mount, mount("none", dir, "tmpfs", 0, NULL))
PROBE(do_chroot, chroot(dir))
PROBE(become_root, setresuid(0, 0, 0))
PROBE(by_handle, (int)syscall(SYS_open_by_handle_at, -1, &byte, 0))
PROBE(do_bpf, (int)syscall(SYS_bpf, 0, 0, 0))
PROBE(do_perf, (int)syscall(SYS_perf_event_open, 0, 0, 0, 0, 0))
PROBE(do_keyctl, (int)syscall(SYS_keyctl, 0, -3, 1))
PROBE(do_uffd, (int)syscall(SYS_userfaultfd, 0))
PROBE(do_kexec, (int)syscall(SYS_kexec_load, 0, 0, 0, 0))
PROBE(do_module, (int)syscall(SYS_init_module, 0, 0, 0))
PROBE(do_uring, (int)syscall(425 /* io_uring_setup */, 1, &byte))
PROBE(do_clone3, (int)syscall(435 /* clone3 */, &byte, 0))
PROBE(do_personality, (int)syscall(SYS_personality, 0x0040000))
PROBE(limits_of_parent, prlimit(getppid(), RLIMIT_NOFILE, NULL,
    &(struct rlimit){0, 0}))
PROBE(push_terminal, ioctl(0, 0x5412 /* TIOCSTI */, "x"))

static int
map_writable_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 1;
}

static int
make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return REFUSED(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
past_file_size(void)
{
	char path[128];
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	snprintf(path, sizeof(path), "%s/big", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	return fd < 0 ? 97 : REFUSED(ftruncate(fd, 65 * MB));
}

static int
past_memory(void)
{
	return mmap(NULL, 3072ul * MB, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED
	    ? 0 : 1;
}

static int
past_descriptors(void)
{
	for (int i = 0; i < 100; i++)
		if (dup(0) < 0)
			return 0;
	return 1;
}

static int
write_core(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_CORE, &r);
	r.rlim_cur = r.rlim_max;
	return r.rlim_cur == 0 ? 0 : 1;
}

static const struct {
	const char *name;
	probe_fn *fn;
	bool landlock;	/* refused by Landlock, not by seccomp */
	bool release;	/* a sanitizer build must allow it */
} escapes[] = {
#define E(f) {#f, f, false, false}
#define L(f) {#f, f, true, false}
#define R(f) {#f, f, false, true}
	L(open_shadow), L(open_passwd), L(open_root_dir), L(open_proc_mem),
	L(open_outside_read), L(open_outside_write), L(truncate_outside),
	L(unlink_outside), L(make_tmp), E(make_symlink), E(make_node),
	E(exec_true), E(exec_fd), R(trace_parent), R(trace_me),
	R(read_parent), E(write_parent), R(signal_parent),
	R(thread_signal_parent), E(socket_inet), E(socket_inet6),
	E(socket_unix), E(socket_netlink), E(socket_packet), E(socket_alg),
	E(socket_vsock), R(fork_child), E(new_userns), R(new_userns_clone),
	E(join_ns), E(do_mount), E(do_chroot), E(become_root), E(by_handle),
	E(do_bpf), E(do_perf), E(do_keyctl), E(do_uffd), E(do_kexec),
	E(do_module), E(do_uring), E(do_clone3), E(do_personality),
	R(limits_of_parent), E(push_terminal), E(map_writable_executable),
	E(make_executable), E(past_file_size), R(past_memory),
	E(past_descriptors), E(write_core),
};

static void
escapes_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		if (escapes[i].landlock && sandbox_landlock_abi() == 0)
			continue;
#ifdef PMG_SANITIZED
		if (escapes[i].release)
			continue;
#endif
		run(&scanner, escapes[i].fn, 0, escapes[i].name);
	}
}

/* The same attempts succeed outside, or the test above proves nothing. */
static void
escapes_work_outside(void **state)
{
	(void)state;
	run(NULL, open_passwd, 1, "open_passwd");
	run(NULL, open_outside_read, 1, "open_outside_read");
	run(NULL, open_outside_write, 1, "open_outside_write");
	run(NULL, socket_inet, 1, "socket_inet");
	run(NULL, socket_unix, 1, "socket_unix");
	run(NULL, socket_netlink, 1, "socket_netlink");
	run(NULL, trace_me, 1, "trace_me");
	run(NULL, thread_signal_parent, 1, "thread_signal_parent");
	run(NULL, exec_true, 0, "exec_true (exit status 0)");
	run(NULL, map_writable_executable, 1, "map_writable_executable");
	run(NULL, make_executable, 1, "make_executable");
	run(NULL, past_file_size, 1, "past_file_size");
	run(NULL, past_descriptors, 1, "past_descriptors");
	run(NULL, past_memory, 1, "past_memory");
}

static int
use_own_folder(void)
{
	char path[128], sub[160];
	int fd;

	snprintf(path, sizeof(path), "%s/work", dir);
	snprintf(sub, sizeof(sub), "%s/f", path);
	if (mkdir(path, 0700) != 0)
		return 2;
	fd = open(sub, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) != 0)
		return 3;
	return unlink(sub) != 0 || rmdir(path) != 0 ? 4 : 1;
}

/* The C library loads a charset's module when it is first asked for. */
static int
load_charset(void)
{
	iconv_t cd = iconv_open("UTF-8", "IBM850");

	return cd == (iconv_t)-1 ? 0 : 1;
}

static void
charsets(void **state)
{
	struct sandbox s = scanner;
	const char *readable[8] = {NULL};
	glob_t g;

	(void)state;
	if (glob("/usr/lib/*/gconv", 0, NULL, &g) != 0)
		skip();
	for (size_t i = 0; i < g.gl_pathc && i < 7; i++)
		readable[i] = g.gl_pathv[i];
	if (sandbox_landlock_abi() > 0)
		run(&s, load_charset, 0, "load_charset");
	s.read_paths = readable;
	run(&s, load_charset, 1, "load_charset");
	run(&s, open_passwd, sandbox_landlock_abi() > 0 ? 0 : 1,
	    "open_passwd");
	globfree(&g);
}

static void *
thread_body(void *arg)
{
	*(int *)arg = 1;
	return arg;
}

static int
make_thread(void)
{
	pthread_t t;
	int done = 0;

	if (pthread_create(&t, NULL, thread_body, &done) != 0)
		return 2;
	pthread_join(t, NULL);
	return done;
}

static int
use_memory(void)
{
	void *p = malloc(64 * MB);

	if (p == NULL)
		return 2;
	memset(p, 1, 64 * MB);
	free(p);
	return 1;
}

/* Inherited sockets keep working, descriptors inside packets too. */
static int
talk(void)
{
	struct ipc_msg m;
	struct buf b;
	int s[2], fd = 0;

	if (ipc_pair(s, NULL) != 0 ||
	    ipc_send(s[0], 7, SPAN_LIT("hello"), &fd, 1, 1000, NULL) != 0)
		return 2;
	buf_init(&b, 100);
	if (ipc_recv(s[1], &m, &b, 1000, NULL) != 1 || m.nfd != 1 ||
	    !span_eq(m.body, SPAN_LIT("hello")))
		return 3;
	ipc_close_fds(&m);
	buf_free(&b);
	close(s[0]);
	close(s[1]);
	return 1;
}

/* abort() is how glibc ends a process whose heap is broken. */
static int
still_aborts(void)
{
	abort();
}

static void
needs_are_met(void **state)
{
	struct err e = {""};
	int status;
	pid_t pid;

	(void)state;
	run(&scanner, use_own_folder, 1, "use_own_folder");
	run(&scanner, make_thread, 1, "make_thread");
	run(&scanner, use_memory, 1, "use_memory");
	run(&scanner, talk, 1, "talk");
	pid = fork();
	if (pid == 0)
		_exit(sandbox_enter(&scanner, &e) != 0 ? 99 : still_aborts());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int
fork_and_kill(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	if (pid < 0 || kill(pid, SIGKILL) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return 2;
	return WIFSIGNALED(status) ? 1 : 3;
}

/* The loader: forks scanners, which then give up more than it did. */
static int
nested(void)
{
	struct err e = {""};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(&scanner, &e) != 0 ? 9
		    : exec_true() + open_passwd() + socket_unix());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 3;
}

static int
bind_inet(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int s = socket(AF_INET, SOCK_STREAM, 0);

	return s < 0 ? 0 : REFUSED(bind(s, (struct sockaddr *)&sa, sizeof(sa)));
}

static void
parents_may_more(void **state)
{
	const char *const etc[] = {"/etc", "/nonexistent-path", NULL};
	struct sandbox s = {.fork = true, .net = SANDBOX_NET_UNIX,
	    .read_paths = etc, .write_paths = own_paths};

	(void)state;
	run(&s, fork_and_kill, 1, "fork_and_kill");
	run(&s, nested, 1, "nested");
	run(&s, open_passwd, 1, "open_passwd");
	run(&s, exec_true, 0, "exec_true");
	run(&s, socket_unix, 1, "socket_unix");
	run(&s, socket_inet, 0, "socket_inet");
#ifndef PMG_SANITIZED
	run(&s, new_userns_clone, 0, "new_userns_clone");
#endif
	s.net = SANDBOX_NET_INET;
	run(&s, socket_inet, 1, "socket_inet");
	run(&s, bind_inet, 1, "bind_inet");
	run(&s, socket_netlink, 0, "socket_netlink");
	run(&s, socket_packet, 0, "socket_packet");
}

static int
run_true(void)
{
	execv("/bin/true", argv_true);
	return 5;
}

static void
exec_when_told(void **state)
{
	const char *const system_paths[] = {"/bin", "/usr", "/lib", "/lib64",
	    "/etc", NULL};
	struct sandbox s = {.exec = true, .fork = true,
	    .read_paths = system_paths};

	(void)state;
	run(&s, run_true, 0, "run_true");
	s.exec = false;
	run(&s, run_true, 5, "run_true without exec");
}

static int
is_nobody(void)
{
	struct passwd *pw = getpwnam("nobody");
	uid_t r, e, s;
	gid_t groups[64];
	int n;

	if (sandbox_become("nobody", NULL) != 0 || getresuid(&r, &e, &s) != 0)
		return 2;
	n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == 0)
			return 3;
	if (r != pw->pw_uid || e != r || s != r || getgid() != pw->pw_gid)
		return 4;
	if (setuid(0) == 0 || prctl(PR_CAPBSET_READ, 0) != 0)
		return 5;
	/* A second time: not root any more. */
	return sandbox_become("root", NULL) == -1 ? 1 : 6;
}

static int
no_such_user(void)
{
	struct err e = {""};

	return sandbox_become("no-such-user-here", &e) == -1 &&
	    strstr(e.text, "no such user") != NULL ? 1 : 2;
}

static void
become(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	run(NULL, is_nobody, 1, "is_nobody");
	run(NULL, no_such_user, 1, "no_such_user");
}

static int
setup(void **state)
{
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/pmg-sandbox-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(outside, sizeof(outside), "%s.outside", dir);
	fd = open(outside, O_RDWR | O_CREAT, 0600);
	close(fd);
	return fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/big", dir);
	unlink(path);
	unlink(outside);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_work_outside),
		cmocka_unit_test(escapes_fail),
		cmocka_unit_test(needs_are_met),
		cmocka_unit_test(charsets),
		cmocka_unit_test(parents_may_more),
		cmocka_unit_test(exec_when_told),
		cmocka_unit_test(become),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
