/* The quarantine: what is stored, what comes back after a crash, how fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include "lib/base/clock.h"
#include "quarantine_helpers.h"

/* ---- storing ---- */

static void
stored_and_shown(void **state)
{
	static const char msg[] = "Subject: x\r\n\r\nbody\0with a NUL\r\n";
	struct store_commit c = fx_commit("4Q1", sizeof(msg));
	struct quarantine_item it = fx_store(q, &c, msg);
	struct store_entry s;
	struct err e;

	(void)state;
	assert_true(it.ok);
	assert_int_equal(it.row, 1);
	assert_true(fx_has(q, 1, msg, sizeof(msg)));
	assert_int_equal(fx_count_files(), 1);
	s = show(1);
	assert_string_equal(s.id, "C0R1");
	assert_string_equal(s.sender, "from@example.org");
	assert_string_equal(s.rule, "Rule");
	assert_int_equal(s.size, sizeof(msg));
	assert_int_equal(s.spam_level, 7);
	assert_int_equal(s.nrcpt, 2);
	assert_string_equal(s.rcpt[0].state, "new");
	assert_string_equal(s.rcpt[1].addr, "B@example.com");
	assert_false(s.missing);
	assert_false(s.recovered);
	assert_int_equal(quarantine_show(q, 2, &s, &arena, &e), 0);
	assert_int_equal(quarantine_file(q, 2, &e), -1);
}

static void
empty_message(void **state)
{
	struct store_commit c = fx_commit("4Q1", 0);
	struct quarantine_item it = fx_store(q, &c, "");

	(void)state;
	assert_true(it.ok);
	assert_true(fx_has(q, it.row, "", 0));
}

/* The descriptor's length and kind are checked, not believed. */
static void
wrong_size_is_refused(void **state)
{
	struct store_commit c = fx_commit("4Q1", 5);
	struct quarantine_item it = {.commit = &c, .fd = fx_message("1234", 4)};
	uint64_t count[QUARFILE_KINDS], bytes[QUARFILE_KINDS];
	int p[2];

	(void)state;
	quarantine_commit(q, &it, 1);
	assert_false(it.ok);
	close(it.fd);
	it.fd = fx_message("123456", 6);
	quarantine_commit(q, &it, 1);
	assert_false(it.ok);
	close(it.fd);
	/* A pipe would let the peer hold us up. */
	assert_int_equal(pipe(p), 0);
	it.fd = p[0];
	quarantine_commit(q, &it, 1);
	assert_false(it.ok);
	close(p[0]);
	close(p[1]);
	it.fd = -1;
	quarantine_commit(q, &it, 1);
	assert_false(it.ok);
	assert_int_equal(fx_count_files(), 0);
	quarantine_counts(q, count, bytes);
	assert_int_equal(count[0], 0);
}

/* ---- the same message again ---- */

static void
repeat_is_ok_with_the_same_id(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct store_commit c = fx_commit("4Q1", 5);
	struct store_rcpt swapped[2] = {fx_rcpts[1], fx_rcpts[0]};

	(void)state;
	assert_int_equal(store("4Q1", "hello"), row);
	/* A retry comes with another LOGID, its recipients in any order. */
	c.logid = "LOG2";
	c.rcpt = swapped;
	assert_int_equal(fx_store(q, &c, "hello").row, row);
	assert_int_equal(fx_count_files(), 1);
	reopen();
	assert_int_equal(store("4Q1", "hello"), row);
}

/* Postfix uses short queue ids again: another mail is another mail. */
static void
reused_queue_id_is_another_message(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct store_commit c = fx_commit("4Q1", 5);
	struct store_commit v = c;

	(void)state;
	c.message_id = "<2@example.org>";
	assert_int_not_equal(fx_store(q, &c, "other").row, row);
	c = fx_commit("4Q1", 5);
	c.nrcpt = 1;
	assert_int_not_equal(fx_store(q, &c, "other").row, row);
	v.kind = QUAR_VIRUS;
	assert_int_not_equal(fx_store(q, &v, "other").row, row);
	assert_int_equal(fx_count_files(), 4);
}

/* Without Postfix's id (BQ) the LOGID stands for it. */
static void
without_queue_id(void **state)
{
	struct store_commit c = fx_commit("", 5);
	int64_t row = fx_store(q, &c, "hello").row;

	(void)state;
	assert_int_equal(fx_store(q, &c, "hello").row, row);
	c.logid = "LOG2";
	assert_int_not_equal(fx_store(q, &c, "hello").row, row);
}

/* A row whose file is missing is listed so, and a retry brings it back: "OK,
 * I have it" would lose the mail. */
static void
missing_file_comes_back_with_a_retry(void **state)
{
	int64_t row = store("4Q1", "hello");
	char path[256];
	struct err e;

	(void)state;
	snprintf(path, sizeof(path), "%s/%s", fx_files, show(row).file);
	assert_int_equal(unlink(path), 0);
	assert_true(show(row).missing);
	reopen();
	assert_true(show(row).missing);
	assert_int_equal(quarantine_file(q, row, &e), -1);
	assert_int_equal(store("4Q1", "hello"), row);
	assert_false(show(row).missing);
	assert_true(fx_has(q, row, "hello", 5));
}

static void
repeat_of_a_deleted_one_stays_deleted(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct buf text;
	struct err e;

	(void)state;
	buf_init(&text, 4096);
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), 0);
	assert_int_equal(store("4Q1", "hello"), row);
	assert_int_equal(fx_count_files(), 0);
	buf_free(&text);
}

static void
batch_with_all_sorts(void **state)
{
	struct store_commit c[5] = {fx_commit("4Q1", 5), fx_commit("4Q2", 5),
	    fx_commit("4Q1", 5), fx_commit("4Q3", 6), fx_commit("4Q4", 5)};
	struct quarantine_item it[5];
	int fd = fx_message("hello", 5);

	(void)state;
	c[1].kind = QUAR_POISON;
	for (int i = 0; i < 5; i++)
		it[i] = (struct quarantine_item){.commit = &c[i], .fd = fd};
	quarantine_commit(q, it, 5);
	close(fd);
	assert_true(it[0].ok && it[1].ok && it[2].ok && it[4].ok);
	/* Its size is a lie; the others are not touched by that. */
	assert_false(it[3].ok);
	assert_int_equal(it[2].row, it[0].row);
	assert_int_not_equal(it[1].row, it[0].row);
	assert_int_equal(fx_count_files(), 3);
	assert_true(fx_has(q, it[4].row, "hello", 5));
	assert_int_equal(strncmp(show(it[1].row).file, "poison/", 7), 0);
}

/* ---- recovery ---- */

static void
forget_rows(void)
{
	char wal[128];

	quarantine_close(q);
	q = NULL;
	unlink(fx_db);
	snprintf(wal, sizeof(wal), "%s-wal", fx_db);
	unlink(wal);
}

static void
file_without_row_is_recovered_whole(void **state)
{
	struct store_entry s;

	(void)state;
	store("4Q1", "hello");
	forget_rows();
	q = fx_open();
	assert_non_null(q);
	assert_int_equal(quarantine_recovered(q), 1);
	s = show(1);
	assert_true(s.recovered);
	assert_string_equal(s.subject, "Subject");
	assert_string_equal(s.queue_id, "4Q1");
	assert_int_equal(s.nrcpt, 2);
	assert_string_equal(s.rcpt[1].addr, "B@example.com");
	assert_int_equal(s.size, 5);
	assert_true(fx_has(q, 1, "hello", 5));
	/* The sender's retry is the same message. */
	assert_int_equal(store("4Q1", "hello"), 1);
	assert_int_equal(fx_count_files(), 1);
	reopen();
	assert_int_equal(quarantine_recovered(q), 0);
}

static void
damaged_database_is_made_again(void **state)
{
	DIR *d;
	struct dirent *de;
	unsigned aside = 0;
	int fd;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof(id), "4Q%d", i);
		store(id, "hello");
	}
	quarantine_close(q);
	fd = open(fx_db, O_RDWR);
	assert_true(fd >= 0);
	for (off_t off = 4096; off < 4096 * 12; off += 4096)
		assert_int_equal(pwrite(fd, "garbage garbage!", 16, off), 16);
	close(fd);
	q = fx_open();
	assert_non_null(q);
	assert_int_equal(quarantine_recovered(q), 50);
	d = opendir(fx_dir);
	while ((de = readdir(d)) != NULL)
		aside += strstr(de->d_name, ".damaged.") != NULL;
	closedir(d);
	assert_true(aside >= 1);
}

static void
write_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/spam/AA", fx_files);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/spam/AA/%s", fx_files, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* No good envelope: it is still somebody's mail. Half a temporary file never
 * was. */
static void
file_without_envelope(void **state)
{
	struct store_entry s;
	struct buf text;
	unsigned asked;
	struct err e;

	(void)state;
	write_file("0123", "From: x\r\n\r\nno trailer behind this message\r\n");
	write_file("4567.tmp", "half a mes");
	reopen();
	assert_int_equal(quarantine_recovered(q), 1);
	assert_int_equal(fx_count_files(), 1);
	s = show(1);
	assert_true(s.recovered);
	assert_int_equal(s.nrcpt, 0);
	assert_string_equal(s.sender, "");
	buf_init(&text, 4096);
	assert_int_equal(quarantine_release(q, 1, "", "me", &asked, &text, &e),
	    -1);
	assert_int_equal(quarantine_delete(q, 1, "", "me", &text, &e), 0);
	assert_int_equal(fx_count_files(), 0);
	assert_int_equal(quarantine_delete(q, 1, "", "me", &text, &e), 0);
	buf_free(&text);
}

/* Each byte of the file flipped: never a crash, the envelope is either whole
 * or refused, and a changed message is never read as good. */
static void
damaged_file_at_every_byte(void **state)
{
	int64_t row = store("4Q1", "hello, this is the message");
	char path[256];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/%s", fx_files, show(row).file);
	assert_int_equal(stat(path, &st), 0);
	for (off_t off = 0; off < st.st_size; off++) {
		int fd = open(path, O_RDWR);
		unsigned char c;

		assert_int_equal(pread(fd, &c, 1, off), 1);
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, off), 1);
		assert_false(fx_has(q, row, "hello, this is the message", 26));
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, off), 1);
		close(fd);
	}
	for (off_t size = st.st_size - 1; size >= 0; size--) {
		assert_int_equal(truncate(path, size), 0);
		assert_false(fx_has(q, row, "hello, this is the message", 26));
	}
}

/* A try whose reply was "no" left its file, and the mail came again. */
static void
second_copy_is_dropped(void **state)
{
	int64_t row = store("4Q1", "hello");
	char from[256], to[256];

	(void)state;
	snprintf(from, sizeof(from), "%s/%s", fx_files, show(row).file);
	snprintf(to, sizeof(to), "%s/spam/AA", fx_files);
	mkdir(to, 0700);
	snprintf(to, sizeof(to), "%s/spam/AA/copy", fx_files);
	assert_int_equal(link(from, to), 0);
	reopen();
	assert_int_equal(fx_count_files(), 1);
	assert_int_equal(quarantine_recovered(q), 0);
	/* The same, but the row's own file is gone: the copy takes its place. */
	assert_int_equal(rename(from, to), 0);
	reopen();
	assert_int_equal(fx_count_files(), 1);
	assert_true(fx_has(q, row, "hello", 5));
}

/* ---- kill -9 ---- */

enum { KILLS = 40 };

/*
 * A child stores batches and says what it was told; killed at random. All
 * that was acknowledged is there, whole; nothing half-written is.
 */
static void
kill_at_random(void **state)
{
	static bool acked[1000000];
	unsigned next = 0, nacked = 0, found = 0;
	struct store_list l = {.rcpt = "", .sender = ""};
	struct store_page page;
	struct err e;

	(void)state;
	quarantine_close(q);
	q = NULL;
	for (int k = 0; k < KILLS; k++) {
		unsigned v;
		int p[2];
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			struct quarantine *cq = fx_open();

			for (unsigned n = next;; n += 4) {
				struct store_commit c[4];
				struct quarantine_item it[4];
				char id[4][16];
				int fd = fx_message("hello", 5);

				for (unsigned i = 0; i < 4; i++) {
					snprintf(id[i], sizeof(id[i]), "N%u",
					    n + i);
					c[i] = fx_commit(id[i], 5);
					it[i] = (struct quarantine_item){
					    .commit = &c[i], .fd = fd};
				}
				quarantine_commit(cq, it, 4);
				close(fd);
				for (unsigned i = 0; i < 4; i++) {
					v = n + i;
					if (!it[i].ok || write(p[1], &v,
					        sizeof(v)) < 0)
						_exit(1);
				}
			}
		}
		close(p[1]);
		/* Every fourth may die before it has even opened. */
		if (k % 4 != 0)
			poll(&(struct pollfd){.fd = p[0], .events = POLLIN},
			    1, 10000);
		usleep((useconds_t)(random() % 30000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(p[0], &v, sizeof(v)) == sizeof(v)) {
			acked[v] = true;
			nacked++;
			next = v + 1;
		}
		close(p[0]);
		next += 8;	/* beyond what was under way */
	}
	q = fx_open();
	assert_non_null(q);
	do {
		assert_int_equal(quarantine_list(q, &l, &page, &arena, &e), 0);
		for (uint32_t i = 0; i < page.nentry; i++) {
			const struct store_entry *s = &page.entry[i];
			unsigned n = (unsigned)strtoul(s->queue_id + 1, NULL,
			    10);
			uint32_t node;
			int64_t row;

			assert_true(store_id_parse(s->id, &node, &row));
			assert_false(s->missing);
			assert_int_equal(s->nrcpt, 2);
			assert_true(fx_has(q, row, "hello", 5));
			found += acked[n];
			acked[n] = false;
		}
		arena_free(&arena);
		l.before = page.next;
	} while (page.next != 0);
	print_message("kill -9: %d kills, %u acknowledged, %u of them found\n",
	    KILLS, nacked, found);
	assert_true(nacked > KILLS);
	assert_int_equal(found, nacked);
}

/* ---- speed ---- */

static void
speed(void **state)
{
	enum { SIZE = 30000, BATCHES = 20 };
	static char msg[SIZE];

	(void)state;
	memset(msg, 'm', sizeof(msg));
	for (unsigned per = 1; per <= QUARANTINE_BATCH; per *= 8) {
		int64_t start = clock_mono_ms(), ms;
		unsigned total = 0;

		for (int b = 0; b < BATCHES; b++) {
			struct store_commit c[QUARANTINE_BATCH];
			struct quarantine_item it[QUARANTINE_BATCH];
			char id[QUARANTINE_BATCH][32];
			int fd = fx_message(msg, SIZE);

			for (unsigned i = 0; i < per; i++) {
				snprintf(id[i], sizeof(id[i]), "S%uB%dI%u",
				    per, b, i);
				c[i] = fx_commit(id[i], SIZE);
				it[i] = (struct quarantine_item){
				    .commit = &c[i], .fd = fd};
			}
			quarantine_commit(q, it, per);
			close(fd);
			for (unsigned i = 0; i < per; i++)
				assert_true(it[i].ok);
			total += per;
		}
		ms = clock_mono_ms() - start;
		print_message("30 kB messages, batches of %2u: %.0f/s\n", per,
		    total * 1000.0 / (double)(ms > 0 ? ms : 1));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(stored_and_shown),
		T(empty_message),
		T(wrong_size_is_refused),
		T(repeat_is_ok_with_the_same_id),
		T(reused_queue_id_is_another_message),
		T(without_queue_id),
		T(missing_file_comes_back_with_a_retry),
		T(repeat_of_a_deleted_one_stays_deleted),
		T(batch_with_all_sorts),
		T(file_without_row_is_recovered_whole),
		T(damaged_database_is_made_again),
		T(file_without_envelope),
		T(damaged_file_at_every_byte),
		T(second_copy_is_dropped),
		T(kill_at_random),
		T(speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
