#include "lib/base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/str.h"

enum { HEADER = 8, BACKLOG = 128, SOCKBUF = 212992 };

static int
ipc_address(struct sockaddr_un *sa, const char *path, struct err *e)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!str_copy(sa->sun_path, sizeof(sa->sun_path), path))
		return err_set(e, "%s: socket path longer than %zu bytes", path,
		    sizeof(sa->sun_path) - 1);
	return 0;
}

static void
ipc_grow(int fd)
{
	int size = SOCKBUF;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int
ipc_listen(const char *path, mode_t mode, struct err *e)
{
	struct sockaddr_un sa;
	mode_t old;
	int fd, rc;

	if (ipc_address(&sa, path, e) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, "socket");
	unlink(path);
	/* The umask closes the window between bind() and chmod(). */
	old = umask(0777);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (rc != 0 || chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
		err_errno(e, "%s: listen", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
ipc_connect(const char *path, int timeout_ms, struct err *e)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	struct sockaddr_un sa;
	int fd;

	if (ipc_address(&sa, path, e) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, "socket");
	/* EAGAIN: the backlog is full; there is nothing to poll for. */
	while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		int left = clock_left_ms(deadline);

		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || left == 0) {
			err_errno(e, "%s: connect", path);
			close(fd);
			return -1;
		}
		poll(NULL, 0, left < 5 ? left : 5);
	}
	ipc_grow(fd);
	return fd;
}

int
ipc_pair(int fd[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	        0, fd) != 0)
		return err_errno(e, "socketpair");
	ipc_grow(fd[0]);
	ipc_grow(fd[1]);
	return 0;
}

/* 0: ready; -1: timed out or failed. deadline < 0: for ever. */
static int
ipc_wait(int sock, short events, int64_t deadline, struct err *e)
{
	struct pollfd p = {.fd = sock, .events = events};

	for (;;) {
		int left = deadline < 0 ? -1 : clock_left_ms(deadline);
		int n = poll(&p, 1, left);

		if (n > 0)
			return 0;
		if (n == 0)
			return err_set(e, "internal peer: timed out");
		if (errno != EINTR)
			return err_errno(e, "poll");
	}
}

static int64_t
deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
}

int
ipc_send(int sock, uint16_t type, struct span body, const int *fds, int nfds,
    int timeout_ms, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * IPC_FDS)];
	} ctl = {0};
	unsigned char head[HEADER] = {0, IPC_VERSION, (unsigned char)(type >> 8),
	    (unsigned char)type, (unsigned char)(body.n >> 24),
	    (unsigned char)(body.n >> 16), (unsigned char)(body.n >> 8),
	    (unsigned char)body.n};
	struct iovec iov[2] = {{head, HEADER},
	    {(void *)(uintptr_t)body.p, body.n}};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = body.n ? 2 : 1};
	int64_t deadline = deadline_of(timeout_ms);

	if (body.n > IPC_MAX || nfds > IPC_FDS)
		return err_set(e, "internal message too large (%zu bytes)",
		    body.n);
	if (nfds > 0) {
		struct cmsghdr *c;

		mh.msg_control = ctl.space;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)nfds);
	}
	for (;;) {
		if (sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_errno(e, "internal peer: send");
		if (ipc_wait(sock, POLLOUT, deadline, e) != 0)
			return -1;
	}
}

static void
ipc_collect_fds(struct ipc_msg *m, struct msghdr *mh)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL;
	    c = CMSG_NXTHDR(mh, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (m->nfd < IPC_FDS)
				m->fd[m->nfd++] = fd;
			else
				close(fd);
		}
	}
}

int
ipc_recv(int sock, struct ipc_msg *m, struct buf *b, int timeout_ms,
    struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * IPC_FDS)];
	} ctl;
	/* One receive buffer a process: daemons here are single-threaded. */
	static unsigned char packet[HEADER + IPC_MAX];
	struct iovec iov = {packet, sizeof(packet)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	int64_t deadline = deadline_of(timeout_ms);
	struct cursor c;
	uint16_t version;
	uint32_t length;
	ssize_t n;

	*m = (struct ipc_msg){.fd = {-1, -1, -1, -1}};
	buf_reset(b);
	for (;;) {
		mh.msg_control = ctl.space;
		mh.msg_controllen = sizeof(ctl.space);
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN)
			return err_errno(e, "internal peer: receive");
		if (ipc_wait(sock, POLLIN, deadline, e) != 0)
			return -1;
	}
	ipc_collect_fds(m, &mh);
	/* An empty packet looks like the end, but may carry descriptors. */
	if (n == 0) {
		ipc_close_fds(m);
		return 0;
	}
	c = cur_of(span_of(packet, (size_t)n));
	version = cur_u16(&c);
	m->type = cur_u16(&c);
	length = cur_u32(&c);
	if (!cur_ok(&c) || version != IPC_VERSION || length != cur_left(&c) ||
	    (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		ipc_close_fds(m);
		return err_set(e,
		    "internal peer: bad framing (version %u, %zd bytes)",
		    version, n);
	}
	buf_put(b, packet + HEADER, length);
	if (b->overflow) {
		ipc_close_fds(m);
		return err_set(e, "internal peer: message of %u bytes", length);
	}
	m->body = buf_span(b);
	return 1;
}

void
ipc_close_fds(struct ipc_msg *m)
{
	for (int i = 0; i < m->nfd; i++)
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	m->nfd = 0;
}

int
ipc_activated(const char *name)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);
	int fd = -1;

	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			fd = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return fd;
}
