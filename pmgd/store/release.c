/*
 * Quarantine -> Postfix. The request is a committed row before anything is
 * sent, so whatever dies, the next start sends it; the row "released" is
 * written after Postfix's 250. A crash between the two sends twice, which the
 * header X-PMG-Id shows. A child speaks SMTP, so that a slow Postfix holds up
 * no commit; it opens no database.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/net/smtp_client.h"
#include "store/child.h"
#include "store/store.h"

enum {
	CHILDREN = 4,
	/* Waiting messages that are taken into memory at once. */
#ifdef PMG_TEST_HOOKS
	LOAD_MAX = 64,
#else
	LOAD_MAX = 4096,
#endif
	RETRY_FIRST_MS = 10 * 1000,
	RETRY_MAX_MS = 15 * 60 * 1000,
	CONNECT_MS = 30 * 1000,
	DRAIN_MS = 5000,	/* at the end of the program */
	CHILD_S = 300,		/* then SIGALRM ends it */
	SEND_ARENA = 8 * IPC_MAX,
	MESSAGE_MAX = 1024 * 1024 * 1024,
	REASON = 400,
};

/* What a child tells of one recipient, in one write. */
struct verdict {
	uint32_t index;
	int32_t code;
	char text[REASON];
};

struct job {
	int64_t row;
	int64_t due_ms;
	int64_t wait_ms;
	bool asked;		/* for more recipients, while it was running */
	pid_t pid;		/* 0: not running */
	int pipe;
	sd_event_source *io;
	int64_t *rcpt_row;
	uint32_t nrcpt;
	uint32_t nverdict;
	struct release *release;
};

struct release {
	struct store *store;
	struct job **job;
	size_t njob;
	unsigned running;
	bool more;		/* wait in the database that are not in job */
	bool stopping;
	sd_event_source *timer;
	char last_error[REASON];
};

static void release_kick(struct release *r);

/* ---- the child ---- */

static void
tell(int out, uint32_t index, int code, const char *text)
{
	struct verdict v = {.index = index, .code = code};

	str_copy(v.text, sizeof(v.text), text);
	write_all(out, &v, sizeof(v));
}

static void
tell_all(int out, uint32_t n, const char *text)
{
	for (uint32_t i = 0; i < n; i++)
		tell(out, i, 0, text);
}

static void
envelope_fill(struct envelope *env, const struct store_commit *c,
    struct recipient *to)
{
	*env = (struct envelope){.dir = (enum direction)c->dir,
	    .logid = c->logid, .queue_id = "", .sender = c->sender,
	    .rcpt = to, .nrcpt = c->nrcpt, .body_8bit = c->body_8bit != 0,
	    .smtputf8 = c->smtputf8 != 0, .ret = c->ret, .envid = c->envid,
	    .client_name = "", .client_addr = "", .client_port = "",
	    .client_helo = "", .client_proto = "", .client_source = ""};
	for (uint32_t i = 0; i < c->nrcpt; i++)
		to[i] = (struct recipient){c->rcpt[i].addr, c->rcpt[i].notify,
		    c->rcpt[i].orcpt};
}

static void __attribute__((noreturn))
child_run(const char *where, int64_t row, const struct store_commit *c,
    int file, int out)
{
	struct smtp_reply *reply = xcalloc(c->nrcpt, sizeof(*reply));
	struct recipient *to = xcalloc(c->nrcpt, sizeof(*to));
	struct smtp_client *smtp;
	struct envelope env;
	char id[STORE_ID];
	struct arena a;
	struct buf msg;
	struct err e;

	child_close_others((const int[]){file, out}, 2);
	alarm(CHILD_S);
	arena_init(&a, SEND_ARENA);
	buf_init(&msg, MESSAGE_MAX);
	store_id_print(id, 0, row);
	buf_printf(&msg, "X-PMG-Id: %s\r\n", id);
	if (quarfile_read(file, &msg, &a, &e) != 0) {
		tell_all(out, c->nrcpt, e.text);
		_exit(0);
	}
	smtp = smtp_client_open(where, "localhost", CONNECT_MS, &e);
	if (smtp == NULL) {
		tell_all(out, c->nrcpt, e.text);
		_exit(0);
	}
	envelope_fill(&env, c, to);
	if (smtp_client_send(smtp, &env, to, c->nrcpt, buf_span(&msg), reply,
	        &e) != 0)
		tell_all(out, c->nrcpt, e.text);
	else
		for (uint32_t i = 0; i < c->nrcpt; i++)
			tell(out, i, reply[i].code, reply[i].text);
	smtp_client_close(smtp);
	_exit(0);
}

/* ---- the parent ---- */

static void
job_remove(struct release *r, struct job *j)
{
	for (size_t i = 0; i < r->njob; i++)
		if (r->job[i] == j) {
			r->job[i] = r->job[--r->njob];
			break;
		}
	free(j->rcpt_row);
	free(j);
}

static void
job_again(struct job *j)
{
	j->wait_ms = j->wait_ms == 0 ? RETRY_FIRST_MS : j->wait_ms * 2;
	if (j->wait_ms > RETRY_MAX_MS)
		j->wait_ms = RETRY_MAX_MS;
	j->due_ms = clock_mono_ms() + j->wait_ms;
}

static const char *
action_of(int code)
{
	if (code >= 200 && code < 300)
		return "released";
	return code >= 500 && code < 600 ? "refused" : "failed";
}

/* Writes down what became of one recipient. */
static void
job_result(struct job *j, uint32_t index, int code, const char *text)
{
	struct release *r = j->release;
	const char *action = action_of(code);
	char detail[REASON + 16];
	struct err e;

	if (code != 0)
		snprintf(detail, sizeof(detail), "%d %s", code, text);
	else
		snprintf(detail, sizeof(detail), "%s", text);
	log_info("C0R%" PRId64 ": %s: %s", j->row, action, detail);
	str_copy(r->last_error, sizeof(r->last_error),
	    strcmp(action, "released") == 0 ? "" : detail);
	/* Not written down: it counts as waiting and is sent again. */
	if (quarantine_send_result(r->store->q, j->row, j->rcpt_row[index],
	        action, detail, &e) != 0)
		log_error("C0R%" PRId64 ": %s", j->row, e.text);
}

static void
job_ended(struct job *j)
{
	struct release *r = j->release;
	struct quarantine_send send;
	struct arena a;
	struct err e;
	int status;

	sd_event_source_unref(j->io);
	j->io = NULL;
	close(j->pipe);
	/* Its pipe is closed: it has ended, or it hangs and may be killed. */
	kill(j->pid, SIGKILL);
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
	r->running--;
	if (j->nverdict < j->nrcpt)
		log_warn("C0R%" PRId64 ": release ended without a result",
		    j->row);
	arena_init(&a, SEND_ARENA);
	if (quarantine_send_get(r->store->q, j->row, &send, &a, &e) == 0)
		job_remove(r, j);
	else if (j->asked)
		j->wait_ms = j->due_ms = 0;
	else
		job_again(j);
	arena_free(&a);
	release_kick(r);
}

static int
on_verdict(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct job *j = arg;
	struct verdict v;
	ssize_t n = read(fd, &v, sizeof(v));

	(void)source;
	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n == (ssize_t)sizeof(v) && v.index < j->nrcpt) {
		v.text[sizeof(v.text) - 1] = '\0';
		j->nverdict++;
		job_result(j, v.index, v.code, v.text);
		return 0;
	}
	job_ended(j);
	return 0;
}

static int
job_fork(struct job *j, const struct store_commit *c, int file, struct err *e)
{
	struct release *r = j->release;
	sigset_t none;
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		return err_errno(e, "pipe");
	j->pid = fork();
	if (j->pid < 0) {
		j->pid = 0;
		err_errno(e, "fork");
		close(p[0]);
		close(p[1]);
		return -1;
	}
	if (j->pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		child_run(r->store->paths.reinject, j->row, c, file, p[1]);
	}
	close(p[1]);
	j->pipe = p[0];
	r->running++;
	if (sd_event_add_io(r->store->loop, &j->io, p[0], EPOLLIN, on_verdict,
	        j) < 0)
		fatal("event loop: cannot watch a release");
	return 0;
}

/* 1: runs; 0: nothing waits for it any more; -1: try later. */
static int
job_start(struct job *j, struct err *e)
{
	struct release *r = j->release;
	struct quarantine_send send;
	AUTO_CLOSE int file = -1;
	struct arena a;
	int rc;

	arena_init(&a, SEND_ARENA);
	rc = quarantine_send_get(r->store->q, j->row, &send, &a, e);
	if (rc <= 0)
		goto out;
	free(j->rcpt_row);
	j->asked = false;
	j->nrcpt = send.commit.nrcpt;
	j->nverdict = 0;
	j->rcpt_row = xcalloc(j->nrcpt, sizeof(*j->rcpt_row));
	memcpy(j->rcpt_row, send.rcpt_row, j->nrcpt * sizeof(*j->rcpt_row));
	file = quarantine_file(r->store->q, j->row, e);
	if (file < 0 || job_fork(j, &send.commit, file, e) != 0)
		rc = -1;
out:
	arena_free(&a);
	return rc;
}

static void
job_try(struct job *j)
{
	struct err e;
	int rc = job_start(j, &e);

	if (rc == 0)
		job_remove(j->release, j);
	if (rc >= 0)
		return;
	log_error("C0R%" PRId64 ": release: %s", j->row, e.text);
	str_copy(j->release->last_error, sizeof(j->release->last_error),
	    e.text);
	job_again(j);
}

static struct job *
next_due(struct release *r, int64_t now)
{
	for (size_t i = 0; i < r->njob; i++)
		if (r->job[i]->pid == 0 && r->job[i]->due_ms <= now)
			return r->job[i];
	return NULL;
}

static void
timer_set(struct release *r)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < r->njob; i++)
		if (r->job[i]->pid == 0 && r->job[i]->due_ms < first)
			first = r->job[i]->due_ms;
	if (first == INT64_MAX)
		return;
	sd_event_source_set_time(r->timer, (uint64_t)first * 1000);
	sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
}

static struct job *
job_find(struct release *r, int64_t row)
{
	for (size_t i = 0; i < r->njob; i++)
		if (r->job[i]->row == row)
			return r->job[i];
	return NULL;
}

static struct job *
job_new(struct release *r, int64_t row)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->row = row;
	j->release = r;
	r->job = xrealloc(r->job, r->njob + 1, sizeof(struct job *));
	r->job[r->njob++] = j;
	return j;
}

/* What the database says is waiting: at start, and, when that was more than
 * is taken at once, each time that half of it is done. */
static void
release_load(struct release *r)
{
	AUTO_FREE int64_t *row = xcalloc(LOAD_MAX, sizeof(*row));
	struct err e;
	size_t n;

	if (quarantine_pending(r->store->q, row, LOAD_MAX, &n, &e) != 0) {
		log_error("%s", e.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (job_find(r, row[i]) == NULL)
			job_new(r, row[i]);
	r->more = n == LOAD_MAX;
}

static void
release_kick(struct release *r)
{
	struct job *j;

	if (r->stopping)
		return;
	if (r->more && r->njob < LOAD_MAX / 2)
		release_load(r);
	while (r->running < CHILDREN &&
	    (j = next_due(r, clock_mono_ms())) != NULL)
		job_try(j);
	if (r->running < CHILDREN)
		timer_set(r);
}

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	release_kick(arg);
	return 0;
}

void
release_add(struct release *r, int64_t row)
{
	struct job *j = job_find(r, row);

	if (j == NULL)
		j = job_new(r, row);
	/* A person asked: now, whatever the back-off says. */
	j->due_ms = 0;
	j->asked = j->pid != 0;
	release_kick(r);
}

uint32_t
release_waiting(const struct release *r)
{
	return (uint32_t)r->njob;
}

const char *
release_last_error(const struct release *r)
{
	return r->last_error;
}

struct release *
release_new(struct store *s)
{
	struct release *r = xcalloc(1, sizeof(*r));

	r->store = s;
	if (sd_event_add_time(s->loop, &r->timer, CLOCK_MONOTONIC, 0, 0,
	        on_timer, r) < 0)
		fatal("event loop: cannot add a timer");
	sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
	release_load(r);
	release_kick(r);
	return r;
}

/* Children that are at it may finish: a result that is not written down means
 * that the mail is sent twice. */
static void
release_drain(struct release *r)
{
	int64_t deadline = clock_mono_ms() + DRAIN_MS;

	for (size_t i = 0; i < r->njob;) {
		struct job *j = r->job[i];
		struct pollfd p = {.fd = j->pipe, .events = POLLIN};

		if (j->pid == 0)
			i++;
		else if (poll(&p, 1, clock_left_ms(deadline)) > 0)
			on_verdict(NULL, j->pipe, POLLIN, j);
		else
			job_ended(j);	/* out of time: killed */
	}
}

void
release_free(struct release *r)
{
	r->stopping = true;
	release_drain(r);
	while (r->njob > 0)
		job_remove(r, r->job[0]);
	sd_event_source_unref(r->timer);
	free(r->job);
	free(r);
}
