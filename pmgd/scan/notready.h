/*
 * The answers while no engine is ready. Peers are our own programs, but none
 * of them may hold up the supervisor: each connection is read when it has
 * something, and dropped when it has not spoken for a while.
 */
#ifndef PMG_SCAN_NOTREADY_H
#define PMG_SCAN_NOTREADY_H

#include <poll.h>
#include <stdint.h>
#include "scan/scan.h"

enum { NOTREADY_MAX = 32 };

struct notready {
	struct {
		int fd;
		int64_t deadline_ms;
	} conn[NOTREADY_MAX];
	unsigned n;
};

/* Takes one connection from the listening socket, if there is room. */
void notready_accept(struct notready *nr, int listen_fd);
/* Fills p (room for NOTREADY_MAX), returns how many. */
unsigned notready_poll(const struct notready *nr, struct pollfd *p);
/* After poll(): answers and closes. why: plain words. */
void notready_serve(struct notready *nr, const struct pollfd *p,
    const struct scan_shared *sh, const char *why);
/* In a child: closes all without a word. */
void notready_close(struct notready *nr);

#endif
