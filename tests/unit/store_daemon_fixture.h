/* A pmgd-store in a temporary root, a Postfix made of thin air, and the two
 * sockets from the other side. Included after cmocka.h. */
#ifndef PMG_TESTS_STORE_DAEMON_FIXTURE_H
#define PMG_TESTS_STORE_DAEMON_FIXTURE_H

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "lib/base/atomicfile.h"
#include "lib/base/clock.h"
#include "lib/base/xalloc.h"
#include "quarantine_fixture.h"
#include "store/store.h"

static struct paths paths;
static pid_t daemon_pid, smtp_pid;
static char smtp_log[128];

/* ---- processes ---- */

static void
make_parents(const char *path)
{
	char *p = xstrdup(path);

	for (char *s = p + 1; (s = strchr(s, '/')) != NULL; s++) {
		*s = '\0';
		mkdir(p, 0755);
		*s = '/';
	}
	free(p);
}

/* The daemon's process body, as main.c has it, without its sandbox. */
static void __attribute__((noreturn))
daemon_run(int ready)
{
	struct store s = {.paths = paths, .started_us = clock_wall_us()};
	struct err e = {""};
	char db[256];
	int workers, admin;

	snprintf(db, sizeof(db), "%s/quarantine.db", paths.store_db);
	signal(SIGPIPE, SIG_IGN);
	workers = ipc_listen(paths.store, 0600, &e);
	admin = ipc_listen(paths.store_admin, 0600, &e);
	s.q = quarantine_open(db, paths.quarantine, &e);
	if (workers < 0 || admin < 0 || s.q == NULL ||
	    sd_event_new(&s.loop) < 0)
		_exit(1);
	s.release = release_new(&s);
	s.purge = purge_new(&s);
	s.server = server_new(&s, workers, admin);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	close(ready);
	sd_event_loop(s.loop);
	_exit(0);
}

static void
daemon_start(void)
{
	int p[2];
	char c;

	assert_int_equal(pipe(p), 0);
	daemon_pid = fork();
	if (daemon_pid == 0)
		daemon_run(p[1]);
	close(p[1]);
	assert_int_equal(read(p[0], &c, 1), 1);
	close(p[0]);
}

static void
kill_wait(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

enum smtp_mode { SMTP_TAKES, SMTP_REFUSES, SMTP_HANGS, SMTP_SLOW };

static void
smtp_say(FILE *f, const char *s)
{
	fputs(s, f);
	fflush(f);
}

/* One session of a Postfix; all it hears goes to smtp_log. */
static void
smtp_session(int sock, enum smtp_mode mode)
{
	FILE *f = fdopen(sock, "r+"), *log = fopen(smtp_log, "a");
	char line[4096];
	bool data = false;

	if (mode == SMTP_HANGS)
		pause();
	if (mode == SMTP_SLOW)
		usleep(500000);
	smtp_say(f, "220 test ESMTP\r\n");
	while (fgets(line, sizeof(line), f) != NULL) {
		fputs(line, log);
		fflush(log);
		fseek(f, 0, SEEK_CUR);
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		if (data)
			smtp_say(f, "250 2.0.0 Ok: queued as 4QX\r\n");
		else if (strncmp(line, "EHLO", 4) == 0)
			smtp_say(f, "250-test\r\n250-8BITMIME\r\n"
			    "250-SMTPUTF8\r\n250 DSN\r\n");
		else if (strncmp(line, "RCPT", 4) == 0 && mode == SMTP_REFUSES)
			smtp_say(f, "550 5.1.1 no such user\r\n");
		else if (strncmp(line, "DATA", 4) == 0)
			smtp_say(f, mode == SMTP_REFUSES
			    ? "554 5.5.1 no valid recipients\r\n"
			    : "354 go\r\n");
		else if (strncmp(line, "QUIT", 4) == 0)
			break;
		else
			smtp_say(f, "250 2.0.0 Ok\r\n");
		data = strncmp(line, "DATA", 4) == 0 &&
		    mode != SMTP_REFUSES;
	}
	fclose(log);
	fclose(f);
}

static void
smtp_start(enum smtp_mode mode)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(paths.reinject);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", paths.reinject);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 16), 0);
	smtp_pid = fork();
	if (smtp_pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (;;)
			smtp_session(accept(fd, NULL, NULL), mode);
	}
	close(fd);
}

static void
smtp_stop(void)
{
	kill_wait(&smtp_pid);
	unlink(paths.reinject);
}

/* How often text is in what Postfix heard. */
static unsigned
smtp_heard(const char *text)
{
	struct buf b;
	unsigned n = 0;
	size_t at = 0;

	buf_init(&b, 1 << 20);
	if (access(smtp_log, F_OK) == 0)
		file_read(smtp_log, &b, NULL);
	while ((at = span_find(buf_span(&b), at, span_str(text))) != SIZE_MAX) {
		n++;
		at++;
	}
	buf_free(&b);
	return n;
}

static int
setup(void **state)
{
	(void)state;
	fx_make();
	paths_init(&paths, fx_dir);
	snprintf(smtp_log, sizeof(smtp_log), "%s/smtp.log", fx_dir);
	make_parents(paths.store);
	make_parents(paths.reinject);
	make_parents(paths.quarantine);
	make_parents(paths.store_db);
	mkdir(paths.store_db, 0700);
	daemon_start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kill_wait(&daemon_pid);
	kill_wait(&smtp_pid);
	fx_remove();
	/* Programs keep these for good; nine fixtures in one do not. */
	for (size_t i = 0; i < sizeof(paths) / sizeof(char *); i++)
		free(((char **)&paths)[i]);
	return 0;
}

/* ---- asking ---- */

enum { WAIT_MS = 20000 };

static int
connect_to(const char *path)
{
	struct err e;
	int fd = ipc_connect(path, WAIT_MS, &e);

	assert_true(fd >= 0);
	return fd;
}

static void
kind_send(int sock, uint16_t type, enum quarantine_kind kind,
    const char *queue_id, const char *text)
{
	struct store_commit c = fx_commit(queue_id, strlen(text));
	int fd = fx_message(text, c.size);
	struct buf b;
	struct err e;

	c.kind = kind;
	buf_init(&b, IPC_MAX);
	store_commit_put(&b, &c);
	assert_int_equal(ipc_send(sock, type, buf_span(&b), &fd, 1, WAIT_MS,
	    &e), 0);
	close(fd);
	buf_free(&b);
}

static void
commit_send(int sock, const char *queue_id, const char *text)
{
	kind_send(sock, STORE_MSG_COMMIT, QUAR_SPAM, queue_id, text);
}

static void
commit_reply(int sock, char id[STORE_ID])
{
	struct store_commit_reply r;
	struct ipc_msg m;
	struct arena a;
	struct buf b;
	struct err e;

	arena_init(&a, 1 << 16);
	buf_init(&b, IPC_MAX);
	assert_int_equal(ipc_recv(sock, &m, &b, WAIT_MS, &e), 1);
	assert_int_equal(m.type, STORE_MSG_COMMIT_REPLY);
	assert_int_equal(store_commit_reply_get(m.body, &r, &a), 0);
	assert_true(r.ok);
	snprintf(id, STORE_ID, "%s", r.id);
	buf_free(&b);
	arena_free(&a);
}

static void
commit(const char *queue_id, const char *text, char id[STORE_ID])
{
	int sock = connect_to(paths.store);

	commit_send(sock, queue_id, text);
	commit_reply(sock, id);
	close(sock);
}

static struct arena answers;

static struct ipc_msg
ask(uint16_t type, struct buf *q)
{
	static struct buf reply;
	int sock = connect_to(paths.store_admin);
	struct ipc_msg m;
	struct err e;

	buf_free(&reply);
	buf_init(&reply, IPC_MAX);
	assert_int_equal(ipc_send(sock, type, buf_span(q), NULL, 0, WAIT_MS,
	    &e), 0);
	assert_int_equal(ipc_recv(sock, &m, &reply, WAIT_MS, &e), 1);
	close(sock);
	buf_free(q);
	answers.max = 1 << 24;
	return m;
}

static struct store_status
status(void)
{
	struct buf q = {.max = IPC_MAX};
	struct ipc_msg m = ask(STORE_MSG_STATUS, &q);
	struct store_status s;

	assert_int_equal(m.type, STORE_MSG_STATUS_REPLY);
	assert_int_equal(store_status_get(m.body, &s, &answers), 0);
	return s;
}

static bool
act_on(enum store_verb verb, const char *id, const char *rcpt, char *said)
{
	struct store_act t = {(uint8_t)verb, id, rcpt, "tester"};
	struct buf q = {.max = IPC_MAX};
	struct store_done d;
	struct ipc_msg m;

	store_act_put(&q, &t);
	m = ask(STORE_MSG_ACT, &q);
	assert_int_equal(m.type, STORE_MSG_ACT_REPLY);
	assert_int_equal(store_done_get(m.body, &d, &answers), 0);
	snprintf(said, 600, "%.500s", d.text);
	return d.ok;
}

static bool
act(enum store_verb verb, const char *id, char *said)
{
	return act_on(verb, id, "a@example.com", said);
}

static struct store_entry
show(const char *id, bool file, int *fd)
{
	struct store_show w = {id, file};
	struct buf q = {.max = IPC_MAX};
	struct store_entry s;
	struct ipc_msg m;

	store_show_put(&q, &w);
	m = ask(STORE_MSG_SHOW, &q);
	assert_int_equal(m.type, STORE_MSG_SHOW_REPLY);
	assert_int_equal(store_entry_get(m.body, &s, &answers), 0);
	assert_int_equal(m.nfd, file);
	if (file)
		*fd = m.fd[0];
	return s;
}

static bool
becomes(const char *id, const char *state)
{
	for (int i = 0; i < 400; i++) {
		if (strcmp(show(id, false, NULL).rcpt[0].state, state) == 0)
			return true;
		usleep(25000);
	}
	return false;
}

/* The child's end is seen a moment after its verdict was written down. */
static bool
nothing_waits(void)
{
	for (int i = 0; i < 400 && status().releases != 0; i++)
		usleep(25000);
	return status().releases == 0;
}

#endif
