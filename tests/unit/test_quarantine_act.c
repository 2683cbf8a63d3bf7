/* The quarantine: what is found, released, deleted, expired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/proto/store_admin.h"
#include "lib/store/db.h"
#include "quarantine_helpers.h"

/* ---- lists ---- */

static uint32_t
list(struct store_list l, struct store_page *page)
{
	struct err e;

	if (l.rcpt == NULL)
		l.rcpt = "";
	if (l.sender == NULL)
		l.sender = "";
	assert_int_equal(quarantine_list(q, &l, page, &arena, &e), 0);
	return page->nentry;
}

static void
list_filters(void **state)
{
	struct store_commit c = fx_commit("4Q1", 5);
	struct store_page p;

	(void)state;
	fx_store(q, &c, "hello");
	c = fx_commit("4Q2", 5);
	c.kind = QUAR_VIRUS;
	c.sender = "";
	c.nrcpt = 1;
	c.time_us = 1000000;
	fx_store(q, &c, "hello");
	assert_int_equal(list((struct store_list){0}, &p), 2);
	assert_string_equal(p.entry[0].id, "C0R2");
	assert_int_equal(p.next, 0);
	assert_int_equal(list((struct store_list){.kind = 'V'}, &p), 1);
	assert_int_equal(list((struct store_list){.kind = 'P'}, &p), 0);
	/* Case of an address does not matter. */
	assert_int_equal(list((struct store_list){.rcpt = "b@EXAMPLE.com"},
	    &p), 1);
	assert_string_equal(p.entry[0].id, "C0R1");
	assert_int_equal(list((struct store_list){.rcpt = "a@example.com"},
	    &p), 2);
	assert_int_equal(list((struct store_list){
	    .sender = "FROM@example.org"}, &p), 1);
	assert_int_equal(list((struct store_list){.since_us = 2000000}, &p),
	    1);
	assert_int_equal(list((struct store_list){.until_us = 2000000}, &p),
	    1);
	assert_int_equal(list((struct store_list){.until_us = 1000000}, &p),
	    0);
	/* SQL in a filter is a text like any other. */
	assert_int_equal(list((struct store_list){.rcpt = "' OR 1=1 --"}, &p),
	    0);
}

static void
list_pages(void **state)
{
	struct store_list l = {.limit = 7};
	unsigned seen = 0;
	struct store_page p;

	(void)state;
	for (int i = 0; i < 25; i++) {
		char id[16];

		snprintf(id, sizeof(id), "4Q%d", i);
		store(id, "hello");
	}
	do {
		list(l, &p);
		for (uint32_t i = 0; i < p.nentry; i++) {
			char id[STORE_ID];

			store_id_print(id, 0, 25 - seen++);
			assert_string_equal(p.entry[i].id, id);
		}
		l.before = p.next;
	} while (p.next != 0);
	assert_int_equal(seen, 25);
}

/* Whatever a mail's header holds, a page and a message fit one packet. */
static void
long_texts_fit_a_packet(void **state)
{
	struct store_rcpt r[50];
	char *big = malloc(60001), addr[2000];
	struct store_page page;
	struct store_entry s;
	struct buf b;

	(void)state;
	memset(big, 'x', 60000);
	big[60000] = '\0';
	memset(addr, 'a', sizeof(addr));
	addr[sizeof(addr) - 1] = '\0';
	for (int i = 0; i < 50; i++)
		r[i] = (struct store_rcpt){addr, "", ""};
	for (int i = 0; i < 300; i++) {
		struct store_commit c = fx_commit("", 5);
		char id[16];

		snprintf(id, sizeof(id), "L%d", i);
		c.logid = id;
		c.subject = big;
		c.rcpt = r;
		c.nrcpt = i % 2 ? 50 : 2;
		assert_true(fx_store(q, &c, "hello").ok);
		if (i == 20)
			break;
	}
	buf_init(&b, IPC_MAX);
	list((struct store_list){0}, &page);
	store_page_put(&b, &page);
	assert_false(b.overflow);
	assert_true(page.nentry >= 5);
	buf_reset(&b);
	s = show(2);
	store_entry_put(&b, &s);
	assert_false(b.overflow);
	assert_int_equal(s.nrcpt_all, 50);
	buf_free(&b);
	free(big);
}

/* ---- release ---- */

static int
release(int64_t row, const char *rcpt, unsigned *asked, char *said)
{
	struct buf text;
	struct err e = {""};
	int rc;

	buf_init(&text, 4096);
	rc = quarantine_release(q, row, rcpt, "me", asked, &text, &e);
	snprintf(said, 600, "%.500s", rc == 0 ? buf_cstr(&text) : e.text);
	buf_free(&text);
	return rc;
}

static void
result(int64_t row, int64_t rcpt_row, const char *action)
{
	struct err e;

	assert_int_equal(quarantine_send_result(q, row, rcpt_row, action,
	    "250 ok", &e), 0);
}

static size_t
pending(void)
{
	int64_t row[8];
	size_t n;
	struct err e;

	assert_int_equal(quarantine_pending(q, row, 8, &n, &e), 0);
	return n;
}

static void
release_once(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct quarantine_send s;
	char said[600];
	unsigned asked;
	struct err e;

	(void)state;
	assert_int_equal(pending(), 0);
	assert_int_equal(quarantine_send_get(q, row, &s, &arena, &e), 0);
	assert_int_equal(release(row, "b@example.com", &asked, said), 0);
	assert_int_equal(asked, 1);
	assert_string_equal(state_of(row, 0), "new");
	assert_string_equal(state_of(row, 1), "releasing");
	/* Asked for, not yet sent: asking again changes nothing. */
	assert_int_equal(release(row, "b@example.com", &asked, said), 0);
	assert_int_equal(asked, 0);
	assert_non_null(strstr(said, "already requested"));
	/* It survives a restart. */
	reopen();
	assert_int_equal(pending(), 1);
	assert_int_equal(quarantine_send_get(q, row, &s, &arena, &e), 1);
	assert_int_equal(s.commit.nrcpt, 1);
	assert_string_equal(s.commit.rcpt[0].addr, "B@example.com");
	assert_string_equal(s.commit.rcpt[0].orcpt, "rfc822;b");
	assert_string_equal(s.commit.envid, "envid");
	assert_string_equal(s.commit.sender, "from@example.org");
	result(row, s.rcpt_row[0], "released");
	assert_int_equal(pending(), 0);
	assert_string_equal(state_of(row, 1), "released");
	/* The second click. */
	assert_int_equal(release(row, "b@example.com", &asked, said), 0);
	assert_int_equal(asked, 0);
	assert_non_null(strstr(said, "already released at 20"));
	/* All: the other one only. */
	assert_int_equal(release(row, "", &asked, said), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(release(row, "c@example.com", &asked, said), -1);
	assert_non_null(strstr(said, "no recipient"));
	assert_int_equal(release(99, "", &asked, said), -1);
}

static void
refused_may_be_asked_again(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct quarantine_send s;
	char said[600];
	unsigned asked;
	struct err e;

	(void)state;
	release(row, "a@example.com", &asked, said);
	assert_int_equal(quarantine_send_get(q, row, &s, &arena, &e), 1);
	for (int i = 0; i < 5; i++)
		result(row, s.rcpt_row[0], "failed");
	assert_int_equal(pending(), 1);
	/* The same failure is one note. */
	assert_int_equal(show(row).naction, 2);
	result(row, s.rcpt_row[0], "refused");
	assert_int_equal(pending(), 0);
	assert_string_equal(state_of(row, 0), "refused");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(release(row, "a@example.com", &asked, said),
		    0);
		assert_int_equal(asked, 1);
		assert_int_equal(pending(), 1);
		result(row, s.rcpt_row[0], "refused");
	}
	assert_int_equal(release(row, "a@example.com", &asked, said), 0);
	result(row, s.rcpt_row[0], "released");
	assert_string_equal(state_of(row, 0), "released");
	/* The journal allows no second "released". */
	assert_int_equal(quarantine_send_result(q, row, s.rcpt_row[0],
	    "released", "", &e), -1);
}

static void
release_of_what_is_not_there(void **state)
{
	int64_t row = store("4Q1", "hello"), gone = store("4Q2", "hello");
	char said[600], path[256];
	struct buf text;
	unsigned asked;
	struct err e;

	(void)state;
	buf_init(&text, 4096);
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), 0);
	assert_int_equal(release(row, "", &asked, said), -1);
	assert_non_null(strstr(said, "was deleted"));
	snprintf(path, sizeof(path), "%s/%s", fx_files, show(gone).file);
	unlink(path);
	assert_int_equal(release(gone, "", &asked, said), -1);
	assert_non_null(strstr(said, "missing"));
	assert_int_equal(pending(), 0);
	assert_string_equal(state_of(gone, 0), "new");
	buf_free(&text);
}

/* ---- delete, expire ---- */

static void
file_goes_with_the_last_recipient(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct store_page p;
	uint64_t count[QUARFILE_KINDS], bytes[QUARFILE_KINDS];
	struct buf text;
	struct err e;

	(void)state;
	buf_init(&text, 4096);
	assert_int_equal(quarantine_delete(q, row, "a@example.com", "me",
	    &text, &e), 0);
	assert_int_equal(fx_count_files(), 1);
	assert_string_equal(state_of(row, 0), "deleted");
	assert_string_equal(state_of(row, 1), "new");
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), 0);
	assert_int_equal(fx_count_files(), 0);
	assert_int_equal(list((struct store_list){0}, &p), 0);
	quarantine_counts(q, count, bytes);
	assert_int_equal(count[0], 0);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), 0);
	reopen();
	assert_string_equal(state_of(row, 1), "deleted");
	/* Gone on purpose is not missing. */
	assert_false(show(row).missing);
	buf_free(&text);
}

static void
no_delete_while_releasing(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct buf text;
	char said[600];
	unsigned asked;
	struct err e;

	(void)state;
	buf_init(&text, 4096);
	release(row, "a@example.com", &asked, said);
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), -1);
	assert_string_equal(state_of(row, 1), "new");
	assert_int_equal(fx_count_files(), 1);
	buf_free(&text);
}

/* Killed between the row "deleted" and the file: the next start finishes. */
static void
half_a_deletion_is_finished(void **state)
{
	int64_t row = store("4Q1", "hello");
	struct buf text;
	struct db *d;
	bool damaged;
	struct err e;
	static const char *const none[] = {"", NULL};
	char from[256], to[256];

	(void)state;
	buf_init(&text, 4096);
	snprintf(from, sizeof(from), "%s/%s", fx_files, show(row).file);
	snprintf(to, sizeof(to), "%s/kept", fx_dir);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(quarantine_delete(q, row, "", "me", &text, &e), 0);
	quarantine_close(q);
	q = NULL;
	/* As if the file were still there and "removed" not yet written. */
	assert_int_equal(rename(to, from), 0);
	d = db_open(fx_db, DB_FULL, none, &damaged, &e);
	assert_non_null(d);
	assert_int_equal(db_run(d, &e,
	    "DELETE FROM actions WHERE action = 'removed'", ""), 0);
	db_close(d);
	assert_int_equal(fx_count_files(), 1);
	q = fx_open();
	assert_int_equal(fx_count_files(), 0);
	assert_int_equal(quarantine_recovered(q), 0);
	buf_free(&text);
}

static unsigned
purge(const int64_t days[QUARFILE_KINDS], int64_t in_days, unsigned max)
{
	uint64_t now = (uint64_t)clock_wall_us() +
	    (uint64_t)in_days * 86400 * 1000000;
	unsigned n;
	struct err e;

	assert_int_equal(quarantine_purge(q, days, now, max, &n, &e), 0);
	return n;
}

static void
lifetimes(void **state)
{
	const int64_t days[QUARFILE_KINDS] = {7, 3, 7, 7, 7};
	struct store_commit c = fx_commit("4Q2", 5);
	int64_t row = store("4Q1", "hello"), virus;
	char said[600];
	unsigned asked;

	(void)state;
	c.kind = QUAR_VIRUS;
	virus = fx_store(q, &c, "hello").row;
	assert_int_equal(purge(days, 2, 10), 0);
	assert_int_equal(purge(days, 4, 10), 1);
	assert_string_equal(state_of(virus, 0), "expired");
	assert_int_equal(fx_count_files(), 1);
	/* Somebody waits for this one: it stays until it is sent. */
	release(row, "a@example.com", &asked, said);
	assert_int_equal(purge(days, 9, 10), 0);
	assert_int_equal(fx_count_files(), 1);
	{
		struct quarantine_send s;
		struct err e;

		quarantine_send_get(q, row, &s, &arena, &e);
		result(row, s.rcpt_row[0], "released");
	}
	assert_int_equal(purge(days, 9, 10), 1);
	assert_int_equal(fx_count_files(), 0);
	assert_int_equal(release(row, "b@example.com", &asked, said), -1);
	assert_non_null(strstr(said, "expired"));
	/* 0 days: for ever. */
	store("4Q3", "hello");
	assert_int_equal(purge((const int64_t[QUARFILE_KINDS]){0}, 5000, 10), 0);
	assert_int_equal(fx_count_files(), 1);
}

static void
purge_in_steps_and_forgets(void **state)
{
	const int64_t days[QUARFILE_KINDS] = {7, 7, 7, 7, 7};
	struct store_entry s;
	int64_t last = 0;
	struct err e;

	(void)state;
	for (int i = 0; i < 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "4Q%d", i);
		last = store(id, "hello");
	}
	assert_int_equal(purge(days, 8, 4), 4);
	assert_int_equal(fx_count_files(), 6);
	assert_int_equal(purge(days, 8, 4), 4);
	assert_int_equal(purge(days, 8, 4), 2);
	assert_int_equal(purge(days, 8, 4), 0);
	assert_int_equal(fx_count_files(), 0);
	assert_int_equal(quarantine_show(q, 1, &s, &arena, &e), 1);
	/* Rows go 30 days later; their numbers never come again. */
	for (int i = 0; i < 3; i++)
		purge(days, 40, 4);
	assert_int_equal(quarantine_show(q, 1, &s, &arena, &e), 0);
	assert_int_equal(quarantine_show(q, last, &s, &arena, &e), 0);
	reopen();
	assert_true(store("4Q99", "hello") > last);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(list_filters),
		T(list_pages),
		T(long_texts_fit_a_packet),
		T(release_once),
		T(refused_may_be_asked_again),
		T(release_of_what_is_not_there),
		T(file_goes_with_the_last_recipient),
		T(no_delete_while_releasing),
		T(half_a_deletion_is_finished),
		T(lifetimes),
		T(purge_in_steps_and_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
