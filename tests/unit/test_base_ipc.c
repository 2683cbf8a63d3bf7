#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/xalloc.h"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/pmg-ipc-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
raw(int sock, const void *p, size_t n, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} ctl = {0};
	struct iovec iov = {(void *)(uintptr_t)p, n};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds > 0) {
		struct cmsghdr *c;

		mh.msg_control = ctl.space;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	assert_int_equal(sendmsg(sock, &mh, 0), (int)n);
}

static void
packets(void **state)
{
	static unsigned char big[IPC_MAX];
	struct ipc_msg m;
	struct buf b;
	struct err e;
	int s[2];

	(void)state;
	buf_init(&b, IPC_MAX);
	assert_int_equal(ipc_pair(s, &e), 0);
	assert_int_equal(ipc_send(s[0], 0x1234, SPAN_LIT("a\0b"), NULL, 0, 100,
	    &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 1);
	assert_int_equal(m.type, 0x1234);
	assert_int_equal(m.nfd, 0);
	assert_true(span_eq(m.body, SPAN_LIT("a\0b")));
	/* Empty, and the largest; and each is one packet. */
	memset(big, 'x', sizeof(big));
	assert_int_equal(ipc_send(s[0], 1, span_of(NULL, 0), NULL, 0, 100, &e),
	    0);
	assert_int_equal(ipc_send(s[0], 2, span_of(big, sizeof(big)), NULL, 0,
	    100, &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 1);
	assert_int_equal(m.type, 1);
	assert_int_equal(m.body.n, 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 1);
	assert_int_equal(m.type, 2);
	assert_true(span_eq(m.body, span_of(big, sizeof(big))));
	/* Larger is refused before it is sent. */
	assert_int_equal(ipc_send(s[0], 2, span_of(big, sizeof(big) + 1), NULL,
	    0, 100, &e), -1);
	/* Larger than the receiver wants. */
	buf_free(&b);
	buf_init(&b, 2);
	assert_int_equal(ipc_send(s[0], 1, SPAN_LIT("abc"), NULL, 0, 1, &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), -1);
	close(s[0]);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 0);
	assert_int_equal(ipc_send(s[1], 1, SPAN_LIT("x"), NULL, 0, 100, &e),
	    -1);
	close(s[1]);
	buf_free(&b);
}

static void
descriptors(void **state)
{
	unsigned before = open_fds();
	struct ipc_msg m;
	struct buf b;
	struct err e;
	int s[2], fd[5], null = open("/dev/null", O_RDONLY);

	(void)state;
	buf_init(&b, 100);
	for (int i = 0; i < 5; i++)
		fd[i] = null;
	assert_int_equal(ipc_pair(s, &e), 0);
	assert_int_equal(ipc_send(s[0], 1, SPAN_LIT("x"), fd, 4, 100, &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 1);
	assert_int_equal(m.nfd, 4);
	for (int i = 0; i < 4; i++)
		assert_true((fcntl(m.fd[i], F_GETFD) & FD_CLOEXEC) != 0);
	/* One is taken over. */
	close(m.fd[2]);
	m.fd[2] = -1;
	ipc_close_fds(&m);
	ipc_close_fds(&m);
	assert_int_equal(ipc_send(s[0], 1, SPAN_LIT("x"), fd, 5, 100, &e), -1);
	close(s[0]);
	close(s[1]);
	close(null);
	buf_free(&b);
	assert_int_equal(open_fds(), before);
}

/* Each of them is an error, and leaks no descriptor. */
static void
bad_framing(void **state)
{
	static unsigned char huge[8 + IPC_MAX + 1] = {0, 1, 0, 1, 0, 2, 0x80,
	    1};
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		{"x", 1}, {"\0\1\0\1\0\0\0", 7},
		{"\0\2\0\1\0\0\0\0", 8},	/* version */
		{"\1\0\0\1\0\0\0\0", 8},
		{"\0\1\0\1\0\0\0\1", 8},	/* too short */
		{"\0\1\0\1\0\0\0\1xx", 10},	/* too long */
		{"\0\1\0\1\xff\xff\xff\xffx", 9},
	};
	unsigned before = open_fds();
	int s[2], fd[6], null = open("/dev/null", O_RDONLY);
	struct ipc_msg m;
	struct buf b;
	struct err e;

	(void)state;
	for (int i = 0; i < 6; i++)
		fd[i] = null;
	buf_init(&b, IPC_MAX);
	assert_int_equal(ipc_pair(s, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		raw(s[0], bad[i].p, bad[i].n, fd, 2);
		e.text[0] = '\0';
		assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), -1);
		assert_non_null(strstr(e.text, "bad framing"));
		assert_int_equal(m.nfd, 0);
	}
	/* A packet that was cut, and more descriptors than a packet has. */
	raw(s[0], huge, sizeof(huge), NULL, 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), -1);
	raw(s[0], "\0\1\0\1\0\0\0\0", 8, fd, 6);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), -1);
	/* The next one is whole again. */
	assert_int_equal(ipc_send(s[0], 9, SPAN_LIT("ok"), NULL, 0, 1, &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 1);
	assert_int_equal(m.type, 9);
	/* Found here: an empty packet reads as the end, its descriptors
	 * leaked. */
	raw(s[0], "", 0, fd, 3);
	assert_int_equal(ipc_recv(s[1], &m, &b, 100, &e), 0);
	assert_int_equal(m.nfd, 0);
	close(s[0]);
	close(s[1]);
	close(null);
	buf_free(&b);
	assert_int_equal(open_fds(), before);
}

static void
time_limits(void **state)
{
	static unsigned char big[IPC_MAX];
	int64_t start = clock_mono_ms();
	struct ipc_msg m;
	struct buf b;
	struct err e;
	int s[2], rc = 0;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(ipc_pair(s, &e), 0);
	assert_int_equal(ipc_recv(s[1], &m, &b, 50, &e), -1);
	assert_non_null(strstr(e.text, "timed out"));
	assert_true(clock_mono_ms() - start >= 50);
	assert_int_equal(ipc_recv(s[1], &m, &b, 0, &e), -1);
	/* Nobody reads: the sender gives up. */
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = ipc_send(s[0], 1, span_of(big, sizeof(big)), NULL, 0, 50,
		    &e);
	assert_int_equal(rc, -1);
	assert_non_null(strstr(e.text, "timed out"));
	close(s[0]);
	close(s[1]);
	buf_free(&b);
}

static void
listens(void **state)
{
	struct ipc_msg m;
	struct stat st;
	struct buf b;
	struct err e;
	mode_t old = umask(022), now;
	int l, c, a;

	(void)state;
	buf_init(&b, 100);
	l = ipc_listen(path, 0620, &e);
	assert_true(l >= 0);
	now = umask(old);
	assert_int_equal(now, 022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0620);
	assert_int_equal(accept(l, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	c = ipc_connect(path, 1000, &e);
	assert_true(c >= 0);
	a = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(a >= 0);
	assert_int_equal(ipc_send(c, 3, SPAN_LIT("hi"), NULL, 0, 100, &e), 0);
	assert_int_equal(ipc_recv(a, &m, &b, 100, &e), 1);
	assert_int_equal(m.type, 3);
	/* The peer goes with something of ours unread: its end, no error. */
	assert_int_equal(ipc_send(a, 3, SPAN_LIT("hi"), NULL, 0, 100, &e), 0);
	close(c);
	assert_int_equal(ipc_recv(a, &m, &b, 100, &e), 0);
	close(a);
	close(l);
	/* A stale socket is replaced. */
	assert_int_equal(ipc_connect(path, 50, &e), -1);
	l = ipc_listen(path, 0600, &e);
	assert_true(l >= 0);
	close(l);
	unlink(path);
	assert_int_equal(ipc_connect(path, 50, &e), -1);
	assert_non_null(strstr(e.text, path));
	buf_free(&b);
}

static void
path_too_long(void **state)
{
	char big[200];
	struct err e;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(ipc_listen(big, 0600, &e), -1);
	assert_non_null(strstr(e.text, "longer than"));
	assert_int_equal(ipc_connect(big, 50, &e), -1);
}

static void
full_backlog(void **state)
{
	enum { MORE_THAN_BACKLOG = 140 };
	int l, fd[MORE_THAN_BACKLOG], n = 0;
	int64_t start;
	struct err e;

	(void)state;
	l = ipc_listen(path, 0600, &e);
	assert_true(l >= 0);
	while (n < MORE_THAN_BACKLOG && (fd[n] = ipc_connect(path, 0, &e)) >= 0)
		n++;
	assert_true(n >= 128 && n < MORE_THAN_BACKLOG);
	start = clock_mono_ms();
	assert_int_equal(ipc_connect(path, 60, &e), -1);
	assert_true(clock_mono_ms() - start >= 60);
	close(accept(l, NULL, NULL));
	fd[n] = ipc_connect(path, 1000, &e);
	assert_true(fd[n] >= 0);
	for (; n >= 0; n--)
		close(fd[n]);
	close(l);
}

static void
activation(void **state)
{
	pid_t pid = fork();
	char self[32];
	int status;

	(void)state;
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		snprintf(self, sizeof(self), "%d", (int)getpid());
		dup2(null, 3);
		dup2(null, 4);
		setenv("LISTEN_PID", self, 1);
		setenv("LISTEN_FDS", "2", 1);
		setenv("LISTEN_FDNAMES", "in:scan", 1);
		_exit(ipc_activated("scan") == 4 && ipc_activated("in") == 3 &&
		    ipc_activated("out") == -1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(ipc_activated("scan"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(bad_framing),
		cmocka_unit_test(time_limits),
		cmocka_unit_test(listens),
		cmocka_unit_test(path_too_long),
		cmocka_unit_test(full_backlog),
		cmocka_unit_test(activation),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
