#include "scan/scanner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "scan/inspect.h"
#include "scan/status.h"
#include "scan/walk.h"

enum {
	SCANS_MAX = 1000,
	ARENA_MAX = 2 * 1024 * 1024,
	NOFILE = 256,
	MB = 1024 * 1024,
	/* For libclamav's copies of a message and what it unpacks to. */
	WORK_MEMORY_MB = 1024,
	/* The loader kills at the hard limit; this is for a scanner whose
	 * loader is gone. */
	ALARM_EXTRA_S = 2,
};

static int64_t
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
reply_send(int sock, const struct scan_reply *r)
{
	AUTO_BUF struct buf b;
	struct err e;

	buf_init(&b, IPC_MAX);
	scan_reply_put(&b, r);
	if (ipc_send(sock, SCAN_MSG_REPLY, buf_span(&b), NULL, 0, SCAN_REPLY_MS,
	        &e) != 0)
		log_warn("reply: %s", e.text);
}

static void
scan_answer(const struct scanner *sc, int sock, const struct ipc_msg *m,
    const struct scan_request *rq, struct arena *a)
{
	int64_t start = cpu_us();
	struct inspection in;

	inspect(&in, sc->engine, sc->settings, rq, m->nfd > 0 ? m->fd[0] : -1,
	    m->nfd > 1 ? m->fd[1] : -1, a);
	if (in.v.result == SCAN_FAILED || in.v.result == SCAN_TIMEOUT)
		log_warn("not scanned: %s", in.v.detail);
	__atomic_add_fetch(&sc->shared->scanned, 1, __ATOMIC_RELAXED);
	reply_send(sock, &(struct scan_reply){
	    .result = in.v.result,
	    .name = in.v.name,
	    .detail = in.v.detail,
	    .db_version = engine_db_version(sc->engine),
	    .cpu_us = (uint32_t)(cpu_us() - start),
	    .heuristics = in.v.heuristics,
	    .where = in.where,
	    .limits = in.limits,
	    .found = in.found,
	    .nfound = in.nfound,
	});
}

/* The message's id in front of each line until the next one. */
static void
name_message(struct scan_slot *slot, const char *logid)
{
	AUTO_BUF struct buf b;

	buf_init(&b, sizeof(slot->logid) - 1);
	log_safe(&b, span_str(logid), sizeof(slot->logid) / 5);
	str_copy(slot->logid, sizeof(slot->logid), buf_cstr(&b));
	if (b.n > 0 && b.n < b.max - 2)
		buf_puts(&b, ": ");
	log_set_prefix(buf_cstr(&b));
}

/* One request. The peers are our own programs: anything else ends it. */
static void
serve(const struct scanner *sc, int sock)
{
	AUTO_BUF struct buf b;
	struct scan_request rq;
	struct ipc_msg m;
	struct arena a;
	struct err e;
	int rc;

	buf_init(&b, IPC_MAX);
	arena_init(&a, ARENA_MAX);
	rc = ipc_recv(sock, &m, &b, SCAN_REQUEST_MS, &e);
	if (rc < 0) {
		log_warn("request: %s", e.text);
	} else if (rc > 0 && m.type == SCAN_MSG_STATUS && m.body.n == 0) {
		status_answer(sock, sc->shared);
	} else if (rc > 0 && m.type == SCAN_MSG_REQUEST &&
	    scan_request_get(m.body, &rq, &a) == 0) {
		name_message(sc->slot, rq.logid);
		scan_answer(sc, sock, &m, &rq, &a);
		name_message(sc->slot, "");
	} else if (rc > 0) {
		log_warn("request of unknown type 0x%x, or broken: of another "
		    "version?", m.type);
		(void)ipc_send(sock, SCAN_MSG_UNKNOWN, span_of(NULL, 0), NULL,
		    0, SCAN_REPLY_MS, NULL);
	}
	ipc_close_fds(&m);
	arena_free(&a);
}

/* A connection, or -1: none left for us, or drained. */
static int
next_connection(const struct scanner *sc, bool *drained)
{
	struct pollfd p[2] = {{.fd = sc->control_fd, .events = POLLIN},
	    {.fd = sc->listen_fd, .events = POLLIN}};

	if (poll(p, 2, -1) < 0 && errno != EINTR)
		fatal("poll: %s", strerror(errno));
	*drained = p[0].revents != 0;
	if (*drained || p[1].revents == 0)
		return -1;
	return accept4(sc->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void
enter_sandbox(const struct scanner *sc)
{
	const char *const own[] = {sc->tmpdir, NULL};
	const uint64_t work = (uint64_t)WORK_MEMORY_MB * MB;
	struct sandbox s = {
		.net = SANDBOX_NET_NONE,
		.as_bytes = sc->base_bytes + sc->settings->max_message + work,
		/* Unpacked files are counted against the scan size. */
		.fsize_bytes = sc->settings->max_scan + MB,
		.nofile = NOFILE,
		.read_paths = sc->settings->charsets,
		.write_paths = own,
	};
	struct err e;

	/* A file past the limit is an error of that scan, no crash. */
	signal(SIGXFSZ, SIG_IGN);
	if (engine_set_tmpdir(sc->engine, sc->tmpdir, &e) != 0 ||
	    sandbox_enter(&s, &e) != 0)
		fatal("%s", e.text);
}

void
scanner_run(const struct scanner *sc)
{
	unsigned limit_s = (sc->settings->scan_ms + SCAN_HARD_EXTRA_MS) / 1000;
	bool drained = false;
	int sock;

	prctl(PR_SET_NAME, "pmgd-scan:work");
	walk_prepare();
	enter_sandbox(sc);
	__atomic_store_n(&sc->slot->up, 1, __ATOMIC_RELEASE);
	for (unsigned n = 0; n < SCANS_MAX && !drained;) {
		sock = next_connection(sc, &drained);
		if (sock < 0)
			continue;
		__atomic_store_n(&sc->slot->busy_since_ms, clock_mono_ms(),
		    __ATOMIC_RELAXED);
		alarm(limit_s + ALARM_EXTRA_S);
		serve(sc, sock);
		alarm(0);
		close(sock);
		__atomic_store_n(&sc->slot->busy_since_ms, 0,
		    __ATOMIC_RELAXED);
		n++;
	}
	/* No destructors: they would touch, and so copy, the whole engine. */
	_exit(0);
}
