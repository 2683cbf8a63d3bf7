#include "scan/notready.h"

#include <sys/socket.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/proto/scan.h"
#include "scan/status.h"

enum { SEND_MS = 100 };

void
notready_accept(struct notready *nr, int listen_fd)
{
	int fd;

	if (nr->n == NOTREADY_MAX)
		return;
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	nr->conn[nr->n].fd = fd;
	nr->conn[nr->n].deadline_ms = clock_mono_ms() + SCAN_REQUEST_MS;
	nr->n++;
}

unsigned
notready_poll(const struct notready *nr, struct pollfd *p)
{
	for (unsigned i = 0; i < nr->n; i++)
		p[i] = (struct pollfd){.fd = nr->conn[i].fd, .events = POLLIN};
	return nr->n;
}

static void
answer(int sock, const struct scan_shared *sh, const char *why)
{
	AUTO_BUF struct buf in, out;
	struct ipc_msg m;
	struct err e = {""};
	int rc;

	buf_init(&in, IPC_MAX);
	buf_init(&out, 4 * SCAN_TEXT_MAX);
	rc = ipc_recv(sock, &m, &in, 0, &e);
	ipc_close_fds(&m);
	if (rc > 0 && m.type == SCAN_MSG_STATUS) {
		status_answer(sock, sh);
	} else if (rc > 0 && m.type == SCAN_MSG_REQUEST) {
		scan_reply_put(&out, &(struct scan_reply){
		    .result = SCAN_NOT_READY,
		    .name = "",
		    .detail = why,
		    .heuristics = "",
		});
		rc = ipc_send(sock, SCAN_MSG_REPLY, buf_span(&out), NULL, 0,
		    SEND_MS, &e);
	} else if (rc > 0) {
		rc = ipc_send(sock, SCAN_MSG_UNKNOWN, span_of(NULL, 0), NULL,
		    0, SEND_MS, &e);
	}
	if (rc < 0)
		log_warn("request: %s", e.text);
}

void
notready_serve(struct notready *nr, const struct pollfd *p,
    const struct scan_shared *sh, const char *why)
{
	int64_t now = clock_mono_ms();
	unsigned left = 0;

	for (unsigned i = 0; i < nr->n; i++) {
		if (p[i].revents != 0) {
			answer(nr->conn[i].fd, sh, why);
			close(nr->conn[i].fd);
		} else if (now >= nr->conn[i].deadline_ms) {
			close(nr->conn[i].fd);
		} else {
			nr->conn[left++] = nr->conn[i];
		}
	}
	nr->n = left;
}

void
notready_close(struct notready *nr)
{
	for (unsigned i = 0; i < nr->n; i++)
		close(nr->conn[i].fd);
	nr->n = 0;
}
