/*
 * Packets between pmgd's parent and its workers, and the framing of all
 * internal protocols (lib/base/ipc.h) over a real pair of sockets. First byte:
 * 0 a status, 1 a packet as it is, else a packet that is sent properly.
 */
#include <sys/socket.h>
#include <unistd.h>
#include "lib/base/ipc.h"
#include "lib/proto/filter.h"
#include "require.h"

enum { OUT_MAX = 1 << 12, RAW_MAX = 1 << 16 };

static void
fuzz_status(struct span in)
{
	struct filter_status s;
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (filter_status_get(in, &s) == 0) {
		filter_status_put(&out, &s);
		require(span_eq(in, buf_span(&out)));
	}
	buf_free(&out);
}

/* What an outside peer may send: no descriptor, anything else. */
static void
fuzz_raw(struct span in)
{
	struct ipc_msg m;
	struct err e = {""};
	struct buf b;
	int fd[2], rc;

	buf_init(&b, IPC_MAX);
	require(ipc_pair(fd, NULL) == 0);
	require(send(fd[0], in.p, in.n, MSG_NOSIGNAL) == (ssize_t)in.n);
	rc = ipc_recv(fd[1], &m, &b, 0, &e);
	require(rc == 1 || e.text[0] != '\0' || in.n == 0);
	if (rc == 1) {
		require(m.nfd == 0);
		require(m.body.n < in.n);
		require(m.body.n == 0 || (m.body.p >= b.p &&
		    m.body.p + m.body.n <= b.p + b.n));
		ipc_close_fds(&m);
	}
	close(fd[0]);
	close(fd[1]);
	buf_free(&b);
}

static void
fuzz_send(struct span in, uint16_t type, int nfds)
{
	struct ipc_msg m;
	struct buf b;
	int fd[2];

	buf_init(&b, IPC_MAX);
	require(ipc_pair(fd, NULL) == 0);
	require(ipc_send(fd[0], type, in, (int[]){0, 1, 2, 1}, nfds, 0,
	    NULL) == 0);
	require(ipc_recv(fd[1], &m, &b, 0, NULL) == 1);
	require(m.type == type && m.nfd == nfds && span_eq(m.body, in));
	ipc_close_fds(&m);
	close(fd[0]);
	close(fd[1]);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 2 || size > RAW_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	if (data[0] == 0)
		fuzz_status(in);
	else if (data[0] == 1)
		fuzz_raw(in);
	else
		fuzz_send(in, (uint16_t)(data[0] << 8 | data[1]),
		    data[0] % (IPC_FDS + 1));
	return 0;
}
