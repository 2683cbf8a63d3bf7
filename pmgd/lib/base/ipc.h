/*
 * Programs of this product meet on SOCK_SEQPACKET unix sockets. One packet is
 * one message: a header (version, type, length of the payload), the payload,
 * and up to IPC_FDS descriptors. lib/proto defines the payloads of each pair
 * of peers. A packet that breaks the framing is an error of that connection:
 * an internal peer dies of it, an outside peer (tools) is disconnected.
 */
#ifndef PMG_BASE_IPC_H
#define PMG_BASE_IPC_H

#include <stdint.h>
#include <sys/types.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	IPC_VERSION = 1,
	IPC_FDS = 4,
	IPC_MAX = 160 * 1024,	/* payload bytes in one packet */
};

struct ipc_msg {
	uint16_t type;
	struct span body;	/* into the buffer given to ipc_recv */
	int fd[IPC_FDS];	/* owned by the caller; -1 = none */
	int nfd;
};

/*
 * Listens at path (a stale socket there is replaced), mode applied with
 * fchmod/umask before anybody can connect. Returns the descriptor
 * (CLOEXEC, non-blocking accept) or -1.
 */
int ipc_listen(const char *path, mode_t mode, struct err *e);
/* Connects; waits at most timeout_ms for a full backlog. */
int ipc_connect(const char *path, int timeout_ms, struct err *e);
/* A connected pair, both ends CLOEXEC. */
int ipc_pair(int fd[2], struct err *e);

/* Sends one packet. Descriptors are duplicated by the kernel, stay ours. */
int ipc_send(int sock, uint16_t type, struct span body, const int *fds,
    int nfds, int timeout_ms, struct err *e);
/*
 * Receives one packet into b (reset first). 1: got one; 0: the peer closed;
 * -1: error, timeout or bad framing (e tells). timeout_ms < 0: for ever.
 */
int ipc_recv(int sock, struct ipc_msg *m, struct buf *b, int timeout_ms,
    struct err *e);
/* Closes the descriptors that m still holds (those not set to -1). */
void ipc_close_fds(struct ipc_msg *m);

/*
 * The sockets that systemd passed (LISTEN_FDS), by name (FileDescriptorName=):
 * the descriptor, or -1 when none has that name.
 */
int ipc_activated(const char *name);

#endif
