/*
 * A whole session of a filter worker: conn, SMTP grammar, end of data, spool,
 * parse, rules, edits, event record, over real sockets; what the client sends
 * is the input. The first byte says what the parent answers ("park it", "not
 * written"), whether mail comes from inside, and whether a virus scan is
 * wanted. There is no scanner, store or Postfix to talk to, so:
 * whatever the client says, each reply is a proper line, and none that follows
 * the end of data says yes.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "filter/session.h"
#include "lib/base/atomicfile.h"
#include "lib/base/ipc.h"
#include "lib/proto/filter.h"
#include "require.h"
#include "scratch.h"

enum { IN_MAX = 1 << 14, RULES_MAX = 1 << 22, OUT_MAX = 1 << 22,
	PARK = 1, NOT_WRITTEN = 2, FROM_INSIDE = 4, SCAN = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct worker worker[2];		/* without and with a scan */
static int parent_fd;
static volatile unsigned char flags;

/* Not the log of the machine that this runs on. */
void
syslog(int priority, const char *fmt, ...)
{
	(void)priority;
	(void)fmt;
}

/* ---- the parent's side of lib/proto/filter.h ---- */

/* Not ipc_send(): its receiving half is for one thread only. */
static void
answer(uint16_t type, struct span body)
{
	struct buf b;

	buf_init(&b, 64);
	buf_u16(&b, IPC_VERSION);
	buf_u16(&b, type);
	buf_lp(&b, body);
	require(send(parent_fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n);
	buf_free(&b);
}

static void *
parent(void *arg)
{
	static unsigned char packet[IPC_MAX + 64];
	struct pollfd p = {.fd = parent_fd, .events = POLLIN};
	ssize_t n;

	(void)arg;
	while (poll(&p, 1, -1) >= 0) {
		unsigned char slot[5] = {0};
		struct cursor c;
		uint16_t type;
		bool wanted;

		n = recv(parent_fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n <= 0)
			continue;
		c = cur_of(span_of(packet, (size_t)n));
		cur_u16(&c);
		type = cur_u16(&c);
		require(cur_u32(&c) == cur_left(&c));
		if (type == FILTER_MSG_BEGIN) {
			cur_lp(&c);
			wanted = cur_u8(&c) && !(flags & PARK);
			answer(FILTER_MSG_BEGIN_REPLY,
			    span_of((unsigned char[]){flags & PARK}, 1));
			if (wanted) {	/* spamd is not asked */
				memcpy(slot, cur_take(&c, 4).p, 4);
				answer(FILTER_MSG_SLOT_REPLY, span_of(slot, 5));
			}
		} else if (type == FILTER_MSG_END) {
			cur_u8(&c);
			if (cur_u8(&c) == 1)
				answer(FILTER_MSG_END_REPLY,
				    span_of((unsigned char[]){
				        !(flags & NOT_WRITTEN)}, 1));
		}
	}
	return NULL;
}

/* ---- a gateway of its own, of which only folders and rules are there ---- */

static void
make_folder(const char *path)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash != NULL;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0700);
		*slash = '/';
	}
	mkdir(copy, 0700);
}

static void
put_rules(const char *path)
{
	struct ruleset_builder *rb = ruleset_builder_new();
	struct buf b;

	buf_init(&b, RULES_MAX);
	require(ruleset_builder_shipped(rb, NULL) == 0 &&
	    ruleset_compile(rb, 1, &b, NULL) == 0 &&
	    atomicfile_write(path, buf_span(&b), 0600, NULL) == 0);
	ruleset_builder_free(rb);
	buf_free(&b);
}

static void
worker_make(struct worker *w, const char *name, const char *settings, int link)
{
	static struct paths paths[2];
	struct paths *p = &paths[w - worker];
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch_dir(), name);
	paths_init(p, path);
	make_folder(p->config);
	make_folder(p->active);
	snprintf(path, sizeof(path), "%s/rules", p->state);
	make_folder(path);
	put_rules(p->rules);
	snprintf(path, sizeof(path), "%s/pmg.conf", p->config);
	require(atomicfile_write(path, span_str(settings), 0600, NULL) == 0);
	*w = (struct worker){.paths = p, .link.fd = link, .host = "fuzz",
	    .outlet = OUTLET_NONE, .listen_in = -1, .listen_out = -1};
	worker_refresh_settings(w);
	worker_refresh_rules(w);
	require(w->config != NULL && w->rules != NULL);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	pthread_t thread;
	int fd[2];

	(void)argc;
	(void)argv;
	require(ipc_pair(fd, NULL) == 0);
	parent_fd = fd[1];
	worker_make(&worker[0], "plain", "section: admin\n\tclamav 0\n", fd[0]);
	worker_make(&worker[1], "scan", "section: mail\n\tav_failure accept\n",
	    fd[0]);
	require(pthread_create(&thread, NULL, parent, NULL) == 0);
	return 0;
}

/* ---- one session ---- */

static void
check_replies(struct span s)
{
	bool data = false;

	for (size_t pos = 0; pos < s.n;) {
		size_t lf = span_chr(s, pos, '\n');
		struct span line = span_sub(s, pos, lf - pos);

		require(lf < s.n && line.n > 4 && line.p[line.n - 1] == '\r');
		require_line(span_sub(line, 0, line.n - 1));
		for (int i = 0; i < 3; i++)
			require(line.p[i] >= '0' && line.p[i] <= '9');
		require(line.p[3] == ' ' || line.p[3] == '-');
		require(!data || line.p[0] == '4' || line.p[0] == '5');
		data = line.p[0] == '3';
		pos = lf + 1;
	}
}

static void
read_all(int fd, struct buf *out)
{
	unsigned char chunk[4096];
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		buf_put(out, chunk, (size_t)n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;
	int fd[2];

	if (worker[0].config == NULL)
		LLVMFuzzerInitialize(NULL, NULL);	/* replay_main.c */
	if (size < 1 || size > IN_MAX)
		return 0;
	flags = data[0];
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	require(write_all(fd[0], data + 1, size - 1) == 0);
	shutdown(fd[0], SHUT_WR);
	session_run(&worker[(flags & SCAN) != 0], fd[1],
	    flags & FROM_INSIDE ? DIR_OUT : DIR_IN);
	close(fd[1]);
	buf_init(&out, OUT_MAX);
	read_all(fd[0], &out);
	close(fd[0]);
	check_replies(buf_span(&out));
	buf_free(&out);
	return 0;
}
