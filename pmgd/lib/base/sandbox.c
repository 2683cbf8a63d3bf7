#include "lib/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

/*
 * Landlock is spoken by number: the header is missing where the kernel may
 * have it (a Stretch userland under a newer kernel). The three calls have the
 * same numbers on every architecture.
 */
enum {
	SYS_LANDLOCK_CREATE = 444,
	SYS_LANDLOCK_ADD_RULE = 445,
	SYS_LANDLOCK_RESTRICT = 446,
	LANDLOCK_GET_VERSION = 1,
	LANDLOCK_PATH_RULE = 1,
};

#define LL_EXECUTE    (UINT64_C(1) << 0)
#define LL_WRITE_FILE (UINT64_C(1) << 1)
#define LL_READ_FILE  (UINT64_C(1) << 2)
#define LL_READ_DIR   (UINT64_C(1) << 3)
#define LL_ABI1_ALL   ((UINT64_C(1) << 13) - 1)
#define LL_REFER      (UINT64_C(1) << 13)	/* from ABI 2 */
#define LL_TRUNCATE   (UINT64_C(1) << 14)	/* from ABI 3 */
#define LL_IOCTL_DEV  (UINT64_C(1) << 15)	/* from ABI 5 */
/* Device nodes and symbolic links: nothing of ours makes them. */
#define LL_MAKE_CHAR  (UINT64_C(1) << 6)
#define LL_MAKE_BLOCK (UINT64_C(1) << 11)
#define LL_MAKE_SYM   (UINT64_C(1) << 12)
/* What a rule on a plain file may speak of; the kernel refuses the others. */
#define LL_OF_FILE    (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE)
#define LL_NET_TCP    UINT64_C(3)	/* bind, connect; from ABI 4 */
#define LL_SCOPE_ABSTRACT_UNIX UINT64_C(1)	/* from ABI 6 */
#define LL_SCOPE_SIGNAL UINT64_C(2)

struct ll_ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct ll_path_rule {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));

/* clone(2) flags that make namespaces (CLONE_NEWTIME shares a signal bit and
 * works through clone3 only). */
#define CLONE_NEW_ANY                                                          \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |           \
	    CLONE_NEWPID | CLONE_NEWNET | 0x02000000 /* NEWCGROUP */)
#ifdef __s390x__
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif

/*
 * What glibc, SQLite, libclamav, OpenSSL and our own code use. A name that
 * this libseccomp or architecture does not know is skipped. What is in no
 * list below kills the process: it is no accident any more.
 */
static const char *const allowed[] = {
	/* memory; mmap and mprotect: see filter_memory() */
	"brk", "munmap", "mremap", "madvise", "mincore", "msync", "membarrier",
	"memfd_create",
	/* files: which ones is Landlock's and the file system's business */
	"open", "openat", "close", "close_range", "read", "write", "readv",
	"writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"_llseek", "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64",
	"fstatat64", "newfstatat", "statx", "statfs", "statfs64", "fstatfs",
	"fstatfs64", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents", "getdents64", "getcwd", "chdir", "fchdir",
	"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename",
	"renameat", "renameat2", "link", "linkat", "chmod", "fchmod",
	"fchmodat", "fchown", "fchown32", "ftruncate", "ftruncate64",
	"truncate", "truncate64", "fallocate", "fsync", "fdatasync",
	"sync_file_range", "fadvise64", "fadvise64_64", "flock", "fcntl",
	"fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2", "umask",
	"utimensat", "utimes", "utime", "sendfile", "sendfile64",
	"copy_file_range", "inotify_init", "inotify_init1",
	"inotify_add_watch", "inotify_rm_watch",
	/* waiting */
	"poll", "ppoll", "select", "_newselect", "pselect6", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_settime", "timerfd_gettime",
	/* sockets that exist already; making them: see filter_net() */
	"accept", "accept4", "send", "sendto", "sendmsg", "sendmmsg", "recv",
	"recvfrom", "recvmsg", "recvmmsg", "getsockopt", "setsockopt",
	"getsockname", "getpeername", "shutdown",
	/* time */
	"clock_gettime", "clock_gettime64", "clock_getres",
	"clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64",
	"nanosleep", "gettimeofday", "time", "times", "alarm", "setitimer",
	"getitimer", "timer_create", "timer_settime", "timer_gettime",
	"timer_delete", "timer_getoverrun",
	/* signals */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigpending", "rt_sigtimedwait", "sigaction", "sigprocmask",
	"sigreturn", "sigaltstack", "pause", "restart_syscall",
	/* the process itself */
	"exit", "exit_group", "getpid", "getppid", "gettid", "getuid",
	"geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32",
	"getegid32", "getgroups", "getgroups32", "getresuid", "getresgid",
	"getresuid32", "getresgid32", "getpgrp", "getpgid", "getsid",
	"getrusage", "getrlimit", "ugetrlimit", "setrlimit", "getpriority",
	"sysinfo", "uname", "getcpu", "sched_yield", "sched_getaffinity",
	"sched_getparam", "sched_getscheduler", "sched_get_priority_max",
	"sched_get_priority_min", "set_tid_address", "set_robust_list",
	"get_robust_list", "set_thread_area", "get_thread_area", "arch_prctl",
	"rseq", "futex", "futex_time64", "getrandom", "prctl", "wait4",
	"waitid", "waitpid",
	/* further restrictions only */
	"seccomp", "landlock_create_ruleset", "landlock_add_rule",
	"landlock_restrict_self",
	NULL};

/* EPERM instead of death: libraries try these in good faith. */
static const char *const refused[] = {"chown", "chown32", "lchown",
	"fchownat", "symlink", "symlinkat", "mknod", "mknodat", "setxattr",
	"fsetxattr", "getxattr", "lgetxattr", "fgetxattr", "listxattr",
	"llistxattr", "flistxattr", "mlock", "mlock2", "munlock", "mlockall",
	"setpriority", "nice", "sched_setaffinity", "sched_setscheduler",
	"sched_setparam", "sched_setattr", "sched_getattr", "ioprio_set",
	"ioprio_get", "setpgid", "setsid", "setuid", "setgid", "setreuid",
	"setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
	"setfsgid", "capget", "capset", "personality", "syslog", "sync",
	"syncfs", "quotactl", "pkey_alloc", "mbind", "set_mempolicy",
	"get_mempolicy", "io_setup", "fanotify_init", "unshare", NULL};

/* "Not in this kernel": callers then take the older way, which is filtered by
 * its arguments (clone3 and io_uring carry theirs in memory). */
static const char *const missing[] = {"clone3", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "openat2", "pidfd_open", NULL};

/* Decided by their arguments in the second filter. */
static const char *const by_argument[] = {"mmap", "mmap2", "mprotect",
	"pkey_mprotect", "socket", "socketpair", "connect", "bind", "listen",
	"clone", "fork", "vfork", "kill", "tgkill", "execve", "execveat",
	"prlimit64", "ioctl", NULL};

static const char *const socket_users[] = {"connect", "bind", "listen", NULL};
static const char *const forking[] = {"fork", "vfork", "kill", "tgkill", NULL};
static const char *const executing[] = {"execve", "execveat", NULL};

#ifdef PMG_SANITIZED
/* LeakSanitizer stops its own process by ptrace when it ends. */
static const char *const sanitizer[] = {"ptrace", "process_vm_readv", "kill",
	"tgkill", "clone", "prlimit64", NULL};
#endif

static int
add_list(scmp_filter_ctx f, uint32_t action, const char *const *names)
{
	int rc = 0;

	for (; *names != NULL && rc == 0; names++) {
		int nr = seccomp_syscall_resolve_name(*names);

		if (nr != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(f, action, nr, 0);
	}
	return rc;
}

/* Allows the call when (argument & mask) == value. */
static int
add_masked(scmp_filter_ctx f, const char *name, unsigned arg, uint64_t mask,
    uint64_t value)
{
	struct scmp_arg_cmp c = {arg, SCMP_CMP_MASKED_EQ, mask, value};
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, nr, 1, &c);
}

/* Allows the call when the argument is one of the values. */
static int
add_values(scmp_filter_ctx f, const char *name, unsigned arg,
    const uint64_t *values, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_masked(f, name, arg, UINT64_MAX, values[i]);
	return rc;
}

/*
 * No page is ever writable and executable at once, and none becomes executable
 * later. Loading a library (gconv, NSS) maps its text executable from the
 * start, which stays possible; libclamav's bytecode runs in its interpreter.
 */
static int
filter_memory(scmp_filter_ctx f)
{
	static const char *const map[] = {"mmap", "mmap2"};
	static const char *const protect[] = {"mprotect", "pkey_mprotect"};
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		rc = add_masked(f, map[i], 2, PROT_EXEC, 0);
		if (rc == 0)
			rc = add_masked(f, map[i], 2, PROT_EXEC | PROT_WRITE,
			    PROT_EXEC);
		if (rc == 0)
			rc = add_masked(f, protect[i], 2, PROT_EXEC, 0);
	}
	return rc;
}

static int
filter_net(scmp_filter_ctx f, enum sandbox_net net)
{
	static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6};
	size_t n = net == SANDBOX_NET_INET ? 3 : net == SANDBOX_NET_UNIX;
	int rc;

	rc = add_values(f, "socket", 0, families, n);
	if (rc == 0)
		rc = add_values(f, "socketpair", 0, families, 1);
	if (rc == 0 && net != SANDBOX_NET_NONE)
		rc = add_list(f, SCMP_ACT_ALLOW, socket_users);
	return rc;
}

static int
filter_process(scmp_filter_ctx f, const struct sandbox *s)
{
	const uint64_t me = (uint64_t)getpid(), self = 0;
	uint64_t mask = CLONE_NEW_ANY;
	int rc;

	/* Threads always, processes when told so, namespaces never. */
	if (!s->fork)
		mask |= CLONE_THREAD;
	rc = add_masked(f, "clone", CLONE_FLAGS_ARG, mask,
	    s->fork ? 0 : CLONE_THREAD);
	if (rc == 0 && s->fork)
		rc = add_list(f, SCMP_ACT_ALLOW, forking);
	/* Without children a process may signal itself only (abort), never a
	 * sibling of the same user. */
	if (rc == 0 && !s->fork)
		rc = add_values(f, "tgkill", 0, &me, 1);
	if (rc == 0 && !s->fork)
		rc = add_values(f, "kill", 0, &me, 1);
	if (rc == 0 && s->exec)
		rc = add_list(f, SCMP_ACT_ALLOW, executing);
	if (rc == 0)
		rc = add_values(f, "prlimit64", 0, &self, 1);
	return rc;
}

/* Enough for isatty(), stdio and event loops. */
static int
filter_ioctl(scmp_filter_ctx f)
{
	static const uint64_t requests[] = {TCGETS, TIOCGWINSZ, FIONREAD,
	    FIONBIO, FIOCLEX, FIONCLEX};

	return add_values(f, "ioctl", 1, requests,
	    sizeof(requests) / sizeof(requests[0]));
}

static int
filter_load(scmp_filter_ctx f, int rc)
{
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
#if SCMP_VER_MAJOR > 2 || (SCMP_VER_MAJOR == 2 && SCMP_VER_MINOR >= 5)
	/* A binary tree instead of a chain of some 200 comparisons. */
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}

/* Second filter: EPERM for everything but what this sandbox allows. */
static int
filter_detail(const struct sandbox *s)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	rc = add_list(f, SCMP_ACT_ALLOW, allowed);
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ERRNO(ENOSYS), missing);
	if (rc == 0)
		rc = filter_memory(f);
	if (rc == 0)
		rc = filter_net(f, s->net);
	if (rc == 0)
		rc = filter_process(f, s);
	if (rc == 0)
		rc = filter_ioctl(f);
#ifdef PMG_SANITIZED
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ALLOW, sanitizer);
#endif
	return filter_load(f, rc);
}

static uint32_t
kill_action(void)
{
#ifdef SCMP_ACT_KILL_PROCESS
	/* Kernels before 4.14 can only kill the thread; our daemons have one. */
	if (seccomp_api_get() >= 3)
		return SCMP_ACT_KILL_PROCESS;
#endif
	return SCMP_ACT_KILL;
}

/*
 * First filter: death for a call that no list names. Of two filters the kernel
 * obeys the stricter answer, and libseccomp has no other way to say "these
 * arguments, else EPERM" beside a default of killing.
 */
static int
filter_gate(void)
{
	scmp_filter_ctx f = seccomp_init(kill_action());
	int rc;

	if (f == NULL)
		return -ENOMEM;
	rc = add_list(f, SCMP_ACT_ALLOW, allowed);
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ALLOW, refused);
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ALLOW, missing);
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ALLOW, by_argument);
#ifdef PMG_SANITIZED
	if (rc == 0)
		rc = add_list(f, SCMP_ACT_ALLOW, sanitizer);
#endif
	return filter_load(f, rc);
}

int
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_LANDLOCK_CREATE, NULL, 0, LANDLOCK_GET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t
landlock_handled(int abi)
{
	uint64_t fs = LL_ABI1_ALL;

	if (abi >= 2)
		fs |= LL_REFER;
	if (abi >= 3)
		fs |= LL_TRUNCATE;
	if (abi >= 5)
		fs |= LL_IOCTL_DEV;
	return fs;
}

static int
landlock_allow(int ruleset, const char *path, uint64_t access, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct ll_path_rule rule = {access, fd};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0
		    : err_errno(e, "sandbox: %s", path);
	if (fstat(fd, &st) != 0)
		return err_errno(e, "sandbox: %s", path);
	if (!S_ISDIR(st.st_mode))
		rule.access &= LL_OF_FILE;
	if (syscall(SYS_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_PATH_RULE, &rule,
	        0) != 0)
		return err_errno(e, "sandbox: Landlock rule for %s", path);
	return 0;
}

static int
landlock_allow_all(int ruleset, const char *const *paths, uint64_t access,
    struct err *e)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (landlock_allow(ruleset, *paths, access, e) != 0)
			return -1;
	return 0;
}

/* Best effort is about the kernel; a kernel that has it must accept it. */
static int
landlock_enter(const struct sandbox *s, struct err *e)
{
	int abi = sandbox_landlock_abi();
	uint64_t handled = landlock_handled(abi);
	uint64_t rd = LL_READ_FILE | LL_READ_DIR | (s->exec ? LL_EXECUTE : 0);
	uint64_t wr = handled & ~(LL_EXECUTE | LL_MAKE_CHAR | LL_MAKE_BLOCK |
	    LL_MAKE_SYM | LL_IOCTL_DEV);
	struct ll_ruleset set = {.fs = handled};
	/* The structure grew with the ABI; older kernels take the start. */
	size_t size = abi >= 6 ? sizeof(set)
	    : abi >= 4 ? offsetof(struct ll_ruleset, scoped)
	    : offsetof(struct ll_ruleset, net);
	AUTO_CLOSE int fd = -1;

	if (abi == 0)
		return 0;
	if (abi >= 4 && s->net != SANDBOX_NET_INET)
		set.net = LL_NET_TCP;
	if (abi >= 6)
		set.scoped = LL_SCOPE_SIGNAL |
		    (s->net == SANDBOX_NET_NONE ? LL_SCOPE_ABSTRACT_UNIX : 0);
	fd = (int)syscall(SYS_LANDLOCK_CREATE, &set, size, 0);
	if (fd < 0)
		return err_errno(e, "sandbox: Landlock");
	if (landlock_allow_all(fd, s->read_paths, rd, e) != 0 ||
	    landlock_allow_all(fd, s->write_paths, wr, e) != 0)
		return -1;
	if (syscall(SYS_LANDLOCK_RESTRICT, fd, 0) != 0)
		return err_errno(e, "sandbox: Landlock");
	return 0;
}

/* Never raises a limit: a hard limit from outside that is lower stays. */
static int
limit_set(int which, const char *name, uint64_t value, struct err *e)
{
	struct rlimit r;

	if (getrlimit(which, &r) != 0)
		return err_errno(e, "sandbox: %s", name);
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > value)
		r.rlim_max = value;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(which, &r) != 0)
		return err_errno(e, "sandbox: %s", name);
	return 0;
}

static int
limits_enter(const struct sandbox *s, struct err *e)
{
	/* A core file would be the mail, readable to whoever finds it. */
	if (limit_set(RLIMIT_CORE, "RLIMIT_CORE", 0, e) != 0)
		return -1;
	if (s->fsize_bytes != 0 &&
	    limit_set(RLIMIT_FSIZE, "RLIMIT_FSIZE", s->fsize_bytes, e) != 0)
		return -1;
	if (s->nofile != 0 &&
	    limit_set(RLIMIT_NOFILE, "RLIMIT_NOFILE", s->nofile, e) != 0)
		return -1;
#ifndef PMG_SANITIZED
	if (s->as_bytes != 0 &&
	    limit_set(RLIMIT_AS, "RLIMIT_AS", s->as_bytes, e) != 0)
		return -1;
#endif
	return 0;
}

int
sandbox_enter(const struct sandbox *s, struct err *e)
{
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(e, "sandbox: no_new_privs");
	if (limits_enter(s, e) != 0 || landlock_enter(s, e) != 0)
		return -1;
	rc = filter_gate();
	if (rc == 0)
		rc = filter_detail(s);
	if (rc != 0) {
		errno = -rc;
		return err_errno(e, "sandbox: seccomp");
	}
	return 0;
}

/* setresuid() leaves the inheritable and ambient sets and the bounding set. */
static int
caps_drop(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0, 0, 0}, {0, 0, 0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &h, d);
}

int
sandbox_become(const char *user, struct err *e)
{
	struct passwd *pw;

	if (geteuid() != 0)
		return err_set(e, "become %s: not root", user);
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(e, "become %s: no such user", user);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (initgroups(user, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0 ||
	    caps_drop() != 0)
		return err_errno(e, "become %s", user);
	if (pw->pw_uid != 0 && setuid(0) == 0)
		fatal("become %s: could become root again", user);
	return 0;
}
