/*
 * pmgd-store from outside: workers that commit, tools that ask, a Postfix that
 * takes, refuses, hangs or is not there, and kill -9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_daemon_fixture.h"

/* ---- tests ---- */

static void
commit_and_show(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nbody\r\n";
	struct store_entry s;
	char id[STORE_ID], got[sizeof(text)];
	int fd = -1;

	(void)state;
	commit("4Q1", text, id);
	assert_string_equal(id, "C0R1");
	s = show(id, true, &fd);
	assert_int_equal(s.size, sizeof(text) - 1);
	assert_int_equal(pread(fd, got, s.size, 0), s.size);
	assert_memory_equal(got, text, s.size);
	/* Looked at, not written to. */
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	commit("4Q1", text, id);
	assert_string_equal(id, "C0R1");
	assert_int_equal(status().count[0], 1);
}

/* Many at once: all answered, with fewer transactions than messages. */
static void
batches(void **state)
{
	enum { WORKERS = 150 };
	int sock[WORKERS];
	char id[STORE_ID], queue_id[16];
	struct store_status s;

	(void)state;
	for (int i = 0; i < WORKERS; i++)
		sock[i] = connect_to(paths.store);
	for (int i = 0; i < WORKERS; i++) {
		snprintf(queue_id, sizeof(queue_id), "Q%d", i);
		commit_send(sock[i], queue_id, "hello");
	}
	for (int i = 0; i < WORKERS; i++) {
		commit_reply(sock[i], id);
		close(sock[i]);
	}
	s = status();
	assert_int_equal(s.commits, WORKERS);
	assert_int_equal(s.count[0], WORKERS);
	assert_true(s.batches < WORKERS / 2);
	print_message("%d commits in %d batches\n", WORKERS, (int)s.batches);
}

/* A worker that leaves before its answer, with others in the same batch. */
static void
worker_leaves(void **state)
{
	int one = connect_to(paths.store), two = connect_to(paths.store);
	char id[STORE_ID];

	(void)state;
	commit_send(one, "Q1", "hello");
	commit_send(two, "Q2", "hello");
	close(one);
	commit_reply(two, id);
	close(two);
	commit("Q1", "hello", id);
	assert_int_equal(status().count[0], 2);
}

static void
broken_peers(void **state)
{
	const char *const path[] = {paths.store, paths.store_admin};
	char id[STORE_ID];
	struct ipc_msg m;
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, IPC_MAX);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 4; k++) {
			int sock = connect_to(path[i]);
			int fds[2] = {sock, sock};

			if (k == 0)
				send(sock, "x", 1, MSG_NOSIGNAL);
			else if (k == 1)
				ipc_send(sock, 0x7777, SPAN_LIT("zz"), NULL, 0,
				    WAIT_MS, &e);
			else if (k == 2)
				ipc_send(sock, STORE_MSG_COMMIT,
				    SPAN_LIT("zz"), fds, 1, WAIT_MS, &e);
			else
				ipc_send(sock, STORE_MSG_LIST, SPAN_LIT(""),
				    fds, 2, WAIT_MS, &e);
			assert_int_equal(ipc_recv(sock, &m, &b, WAIT_MS, &e),
			    0);
			close(sock);
		}
	buf_free(&b);
	commit("Q1", "hello", id);
}

static void
released_once(void **state)
{
	char id[STORE_ID], said[600];

	(void)state;
	smtp_start(SMTP_TAKES);
	commit("Q1", "Subject: x\r\n\r\n.dot\r\n", id);
	assert_true(act(STORE_RELEASE, id, said));
	assert_true(becomes(id, "released"));
	assert_int_equal(smtp_heard("X-PMG-Id: C0R1\r\nSubject: x\r\n\r\n"
	    "..dot\r\n.\r\n"), 1);
	assert_int_equal(smtp_heard("MAIL FROM:<from@example.org>"), 1);
	assert_int_equal(smtp_heard("RET=HDRS"), 1);
	assert_int_equal(smtp_heard("ENVID=envid"), 1);
	assert_int_equal(smtp_heard("RCPT TO:<a@example.com> NOTIFY=NEVER"),
	    1);
	assert_int_equal(smtp_heard("B@example.com"), 0);
	assert_true(act(STORE_RELEASE, id, said));
	assert_non_null(strstr(said, "already released"));
	usleep(200000);
	assert_int_equal(smtp_heard("X-PMG-Id"), 1);
	assert_true(nothing_waits());
}

static void
refused(void **state)
{
	struct store_entry s;
	char id[STORE_ID], said[600];

	(void)state;
	smtp_start(SMTP_REFUSES);
	commit("Q1", "hello\r\n", id);
	assert_true(act(STORE_RELEASE, id, said));
	assert_true(becomes(id, "refused"));
	s = show(id, false, NULL);
	assert_non_null(strstr(s.action[s.naction - 1].detail, "no such user"));
	assert_true(nothing_waits());
	smtp_stop();
	smtp_start(SMTP_TAKES);
	assert_true(act(STORE_RELEASE, id, said));
	assert_true(becomes(id, "released"));
}

/* Postfix is away: the request waits, and a new start sends it. */
static void
postfix_away_then_restart(void **state)
{
	char id[STORE_ID], said[600];

	(void)state;
	commit("Q1", "hello\r\n", id);
	assert_true(act(STORE_RELEASE, id, said));
	for (int i = 0; i < 200 && status().release_error[0] == '\0'; i++)
		usleep(25000);
	assert_non_null(strstr(status().release_error, "reinject"));
	assert_int_equal(status().releases, 1);
	assert_string_equal(show(id, false, NULL).rcpt[0].state, "releasing");
	kill_wait(&daemon_pid);
	smtp_start(SMTP_TAKES);
	daemon_start();
	assert_true(becomes(id, "released"));
	assert_int_equal(smtp_heard("X-PMG-Id"), 1);
}

/* More waits at the start than is taken into memory at once (64 with the tests'
 * hooks): the others are not left to the next start. */
static void
more_waits_than_is_loaded(void **state)
{
	enum { WAITING = 150 };
	char id[STORE_ID], queue_id[16], said[600];

	(void)state;
	for (int i = 0; i < WAITING; i++) {
		snprintf(queue_id, sizeof(queue_id), "Q%d", i);
		commit(queue_id, "hello\r\n", id);
		assert_true(act(STORE_RELEASE, id, said));
	}
	kill_wait(&daemon_pid);
	smtp_start(SMTP_TAKES);
	daemon_start();
	assert_true(becomes(id, "released"));
	assert_true(nothing_waits());
	assert_true(smtp_heard("X-PMG-Id") >= WAITING);
}

/* Killed in the middle of a release: it is not forgotten. A hanging Postfix
 * holds up no commit. */
static void
killed_while_releasing(void **state)
{
	char id[STORE_ID], other[STORE_ID], said[600];
	int64_t start;

	(void)state;
	smtp_start(SMTP_HANGS);
	commit("Q1", "hello\r\n", id);
	assert_true(act(STORE_RELEASE, id, said));
	start = clock_mono_ms();
	commit("Q2", "hello\r\n", other);
	assert_true(clock_mono_ms() - start < 10000);
	assert_string_equal(show(id, false, NULL).rcpt[0].state, "releasing");
	kill_wait(&daemon_pid);
	smtp_stop();
	smtp_start(SMTP_TAKES);
	daemon_start();
	assert_true(becomes(id, "released"));
}

/* A second recipient, asked for while the first is being sent: soon, not after
 * the back-off of a failure. */
static void
second_recipient_while_releasing(void **state)
{
	char id[STORE_ID], said[600];

	(void)state;
	smtp_start(SMTP_SLOW);
	commit("Q1", "hello\r\n", id);
	assert_true(act(STORE_RELEASE, id, said));
	assert_true(act_on(STORE_RELEASE, id, "b@example.com", said));
	assert_true(becomes(id, "released"));
	for (int i = 0; i < 200; i++) {
		if (strcmp(show(id, false, NULL).rcpt[1].state,
		        "released") == 0)
			break;
		usleep(25000);
	}
	assert_string_equal(show(id, false, NULL).rcpt[1].state, "released");
	assert_int_equal(smtp_heard("X-PMG-Id"), 2);
	assert_true(nothing_waits());
	assert_string_equal(status().release_error, "");
}

/* kill -9 while many commit; each that was answered is there afterwards. */
static void
killed_while_committing(void **state)
{
	enum { ROUNDS = 8, WORKERS = 24 };
	unsigned acked = 0;
	struct ipc_msg m;
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, IPC_MAX);
	for (int r = 0; r < ROUNDS; r++) {
		int sock[WORKERS];
		char queue_id[32];

		for (int i = 0; i < WORKERS; i++)
			sock[i] = connect_to(paths.store);
		for (int i = 0; i < WORKERS; i++) {
			snprintf(queue_id, sizeof(queue_id), "R%dQ%d", r, i);
			commit_send(sock[i], queue_id, "hello");
		}
		/* Every other time after the first answers. */
		if (r % 2 != 0)
			poll(&(struct pollfd){.fd = sock[0],
			    .events = POLLIN}, 1, WAIT_MS);
		usleep((useconds_t)(random() % 20000));
		kill_wait(&daemon_pid);
		for (int i = 0; i < WORKERS; i++) {
			acked += ipc_recv(sock[i], &m, &b, 0, &e) == 1;
			close(sock[i]);
		}
		daemon_start();
		assert_true(status().count[0] >= acked);
	}
	assert_true(acked > 0 && acked < ROUNDS * WORKERS);
	/* The retries of all: nothing twice. */
	for (int r = 0; r < ROUNDS; r++)
		for (int i = 0; i < WORKERS; i++) {
			char queue_id[32], id[STORE_ID];

			snprintf(queue_id, sizeof(queue_id), "R%dQ%d", r, i);
			commit(queue_id, "hello", id);
		}
	assert_int_equal(status().count[0], ROUNDS * WORKERS);
	print_message("kill -9: %d rounds, %u of %d answered before\n", ROUNDS,
	    acked, ROUNDS * WORKERS);
	buf_free(&b);
}

/* A set of one quarantined and one held copy; the ids, one a member. */
static void
set_commit(const char *queue_id, char id[2][STORE_ID])
{
	int sock = connect_to(paths.store);
	struct store_set_reply r;
	struct ipc_msg m;
	struct arena a;
	struct buf b;
	struct err e;

	kind_send(sock, STORE_MSG_MEMBER, QUAR_SPAM, queue_id, "spam\r\n");
	kind_send(sock, STORE_MSG_MEMBER, QUAR_HELD, queue_id, "held\r\n");
	assert_int_equal(ipc_send(sock, STORE_MSG_SET, span_of(NULL, 0), NULL,
	    0, WAIT_MS, &e), 0);
	arena_init(&a, 1 << 16);
	buf_init(&b, IPC_MAX);
	assert_int_equal(ipc_recv(sock, &m, &b, WAIT_MS, &e), 1);
	assert_int_equal(m.type, STORE_MSG_SET_REPLY);
	assert_int_equal(store_set_reply_get(m.body, &r, &a), 0);
	assert_true(r.ok);
	assert_int_equal(r.n, 2);
	for (int i = 0; i < 2; i++)
		snprintf(id[i], STORE_ID, "%s", r.id[i]);
	buf_free(&b);
	arena_free(&a);
	close(sock);
}

static int
message_files(void)
{
	fx_nfiles = 0;
	nftw(paths.quarantine, fx_count_one, 16, FTW_PHYS);
	return fx_nfiles;
}

/* What is held goes to Postfix by itself and is gone then; a set that comes
 * again is the one that is there. */
static void
held_is_sent(void **state)
{
	char id[2][STORE_ID], again[2][STORE_ID];

	(void)state;
	smtp_start(SMTP_TAKES);
	set_commit("Q1", id);
	assert_true(nothing_waits());
	assert_int_equal(smtp_heard("held\r\n"), 1);
	assert_int_equal(smtp_heard("spam\r\n"), 0);
	assert_int_equal(status().count[0], 1);
	assert_int_equal(status().count[4], 0);
	set_commit("Q1", again);
	assert_string_equal(again[0], id[0]);
	assert_string_equal(again[1], id[1]);
	assert_true(nothing_waits());
	assert_int_equal(smtp_heard("held\r\n"), 1);
	/* Only the quarantined one is left on the disk. */
	assert_int_equal(message_files(), 1);
}

/* Postfix away, kill -9, and its rows lost as well: it comes still. */
static void
held_outlives_everything(void **state)
{
	char id[2][STORE_ID], db[600];
	unsigned heard;

	(void)state;
	set_commit("Q1", id);
	assert_int_equal(status().releases, 1);
	kill_wait(&daemon_pid);
	smtp_start(SMTP_TAKES);
	daemon_start();
	assert_true(nothing_waits());
	/* The child of the killed one may have been at it as well. */
	heard = smtp_heard("held\r\n");
	assert_true(heard >= 1);
	smtp_stop();

	set_commit("Q2", id);
	kill_wait(&daemon_pid);
	snprintf(db, sizeof(db), "%s/quarantine.db", paths.store_db);
	unlink(db);
	snprintf(db, sizeof(db), "%s/quarantine.db-wal", paths.store_db);
	unlink(db);
	smtp_start(SMTP_TAKES);
	daemon_start();
	assert_true(nothing_waits());
	assert_true(smtp_heard("held\r\n") > heard);
}

/* What Postfix refuses stays, for the administrator. */
static void
held_and_refused(void **state)
{
	char id[2][STORE_ID], said[600];

	(void)state;
	smtp_start(SMTP_REFUSES);
	set_commit("Q1", id);
	assert_true(nothing_waits());
	assert_int_equal(status().count[4], 1);
	smtp_stop();
	smtp_start(SMTP_TAKES);
	assert_true(act_on(STORE_RELEASE, id[1], "", said));
	assert_true(nothing_waits());
	assert_int_equal(smtp_heard("held\r\n"), 1);
	assert_int_equal(status().count[4], 0);
}

/* A worker that dies before it closes its set leaves nothing. */
static void
set_not_closed(void **state)
{
	int sock = connect_to(paths.store);
	char id[STORE_ID];

	(void)state;
	kind_send(sock, STORE_MSG_MEMBER, QUAR_HELD, "Q1", "held\r\n");
	close(sock);
	commit("Q2", "other", id);
	assert_string_equal(id, "C0R1");
	assert_int_equal(status().releases, 0);
	assert_int_equal(message_files(), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(commit_and_show),
		T(batches),
		T(worker_leaves),
		T(broken_peers),
		T(released_once),
		T(refused),
		T(postfix_away_then_restart),
		T(more_waits_than_is_loaded),
		T(killed_while_releasing),
		T(second_recipient_while_releasing),
		T(killed_while_committing),
		T(held_is_sent),
		T(held_outlives_everything),
		T(held_and_refused),
		T(set_not_closed),
	};
	int rc;

	arena_init(&answers, 1 << 24);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&answers);
	return rc;
}
