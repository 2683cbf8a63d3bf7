/* Packets of pmgd-store: there and back, and every way to be broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "lib/base/ipc.h"
#include "lib/base/xalloc.h"
#include "lib/proto/store.h"
#include "lib/proto/store_admin.h"

static struct store_rcpt rcpts[] = {{"a@example.com", "NEVER", ""},
    {"b@example.org", "", "rfc822;b+2Bx@example.org"}};

static struct store_commit
sample(void)
{
	return (struct store_commit){.kind = QUAR_VIRUS, .logid = "1A2B3C",
	    .queue_id = "4XyZ12", .sender = "", .header_from = "J\xc3\xb6rg",
	    .subject = "hello\nworld", .message_id = "<1@x>",
	    .rule = "Block Viruses", .virus = "Eicar", .spam_level = -7,
	    .spam_info = "A:1,B:2", .client_addr = "2001:db8::1",
	    .envid = "e", .ret = "HDRS", .smtputf8 = 1, .body_8bit = 1,
	    .dir = 1, .size = 1ull << 40, .time_us = 1795515736123456,
	    .rcpt = rcpts, .nrcpt = 2};
}

static void
encode_again(const struct store_commit *c, struct buf *b)
{
	buf_reset(b);
	store_commit_put(b, c);
}

static void
commit_there_and_back(void **state)
{
	struct store_commit c = sample(), d;
	struct arena a;
	struct buf b, again;

	(void)state;
	arena_init(&a, IPC_MAX);
	buf_init(&b, IPC_MAX);
	buf_init(&again, IPC_MAX);
	store_commit_put(&b, &c);
	assert_int_equal(store_commit_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.kind, QUAR_VIRUS);
	assert_int_equal(d.spam_level, -7);
	assert_int_equal(d.size, 1ull << 40);
	assert_int_equal(d.nrcpt, 2);
	assert_string_equal(d.subject, "hello\nworld");
	assert_string_equal(d.rcpt[1].orcpt, "rfc822;b+2Bx@example.org");
	encode_again(&d, &again);
	assert_true(span_eq(buf_span(&b), buf_span(&again)));
	buf_free(&b);
	buf_free(&again);
	arena_free(&a);
}

/* A NULL string is an empty one on the wire. */
static void
commit_null_strings(void **state)
{
	struct store_commit c = {.kind = QUAR_SPAM}, d;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, IPC_MAX);
	buf_init(&b, IPC_MAX);
	store_commit_put(&b, &c);
	assert_int_equal(store_commit_get(buf_span(&b), &d, &a), 0);
	assert_string_equal(d.virus, "");
	assert_int_equal(d.nrcpt, 0);
	buf_free(&b);
	arena_free(&a);
}

static int
decode(struct buf *b)
{
	struct store_commit d;
	struct arena a;
	int rc;

	arena_init(&a, IPC_MAX);
	rc = store_commit_get(buf_span(b), &d, &a);
	arena_free(&a);
	return rc;
}

static void
commit_broken(void **state)
{
	struct store_commit c = sample();
	struct buf b;
	size_t full;

	(void)state;
	buf_init(&b, IPC_MAX);
	store_commit_put(&b, &c);
	full = b.n;
	/* Every shorter packet, and a longer one. */
	for (b.n = 0; b.n < full; b.n++)
		assert_int_equal(decode(&b), -1);
	b.n = full;
	assert_int_equal(decode(&b), 0);
	buf_putc(&b, 0);
	assert_int_equal(decode(&b), -1);
	b.n = full;
	/* An unknown kind. */
	b.p[0] = 'X';
	assert_int_equal(decode(&b), -1);
	b.p[0] = 'V';
	/* A NUL inside a string would hide what follows it. */
	b.p[1 + 4] = '\0';
	assert_int_equal(decode(&b), -1);
	buf_free(&b);
}

/* The peer's word for the number of recipients takes no memory. */
static void
commit_count_lies(void **state)
{
	struct store_commit c = sample(), d;
	struct arena a;
	struct buf b;

	(void)state;
	c.nrcpt = 0;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_commit_put(&b, &c);
	buf_set_u32(&b, b.n - 4, UINT32_MAX);
	assert_int_equal(store_commit_get(buf_span(&b), &d, &a), -1);
	assert_false(arena_full(&a));
	buf_free(&b);
	arena_free(&a);
}

/* More than the arena holds: refused, not cut. */
static void
commit_arena_full(void **state)
{
	struct store_commit c = sample(), d;
	char *big = xcalloc(1, 10001);
	struct arena a;
	struct buf b;

	(void)state;
	memset(big, 'x', 10000);
	c.subject = big;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_commit_put(&b, &c);
	assert_int_equal(store_commit_get(buf_span(&b), &d, &a), -1);
	buf_free(&b);
	arena_free(&a);
	free(big);
}

static void
reply_there_and_back(void **state)
{
	struct store_commit_reply r = {1, "C0R12", ""}, d;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_commit_reply_put(&b, &r);
	assert_int_equal(store_commit_reply_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.ok, 1);
	assert_string_equal(d.id, "C0R12");
	b.n--;
	assert_int_equal(store_commit_reply_get(buf_span(&b), &d, &a), -1);
	buf_free(&b);
	arena_free(&a);
}

static void
set_reply_there_and_back(void **state)
{
	const char *id[] = {"C0R12", "C0R13"};
	struct store_set_reply r = {1, "", id, 2}, d;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_set_reply_put(&b, &r);
	assert_int_equal(store_set_reply_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.ok, 1);
	assert_int_equal(d.n, 2);
	assert_string_equal(d.id[1], "C0R13");
	b.n--;
	assert_int_equal(store_set_reply_get(buf_span(&b), &d, &a), -1);
	/* A count beyond what there is, and beyond every set. */
	buf_set_u32(&b, 5, 3);
	assert_int_equal(store_set_reply_get(buf_span(&b), &d, &a), -1);
	buf_set_u32(&b, 5, UINT32_MAX);
	assert_int_equal(store_set_reply_get(buf_span(&b), &d, &a), -1);
	buf_free(&b);
	arena_free(&a);
}

static void
ids(void **state)
{
	static const char *const bad[] = {"", "C", "C0", "R1", "C0R", "CR1",
	    "C0R0", "C0R-1", "c0r1", "C0R1 ", " C0R1", "C0R1T2", "0R1",
	    "C4294967296R1", "C0R99999999999999999999", "C0R1.5"};
	char id[STORE_ID];
	uint32_t node;
	int64_t row;

	(void)state;
	store_id_print(id, 3, 1234567890123);
	assert_string_equal(id, "C3R1234567890123");
	assert_true(store_id_parse(id, &node, &row));
	assert_int_equal(node, 3);
	assert_int_equal(row, 1234567890123);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(store_id_parse(bad[i], &node, &row));
}

static struct store_entry
sample_entry(void)
{
	static struct store_entry_rcpt r[] = {{"a@x", "new", 0},
	    {"b@x", "released", 17}};
	static struct store_entry_action t[] = {
	    {5, "release", "b@x", "root (uid 0)", ""},
	    {17, "released", "b@x", "pmgd-store", "250 2.0.0 ok"}};

	return (struct store_entry){.id = "C0R1", .kind = 'S',
	    .recovered = 1, .missing = 1, .dir = 1, .size = 5, .time_us = 6,
	    .spam_level = -1, .sender = "s", .header_from = "f",
	    .subject = "t", .message_id = "m", .rule = "r", .virus = "v",
	    .spam_info = "i", .logid = "l", .queue_id = "q",
	    .client_addr = "c", .file = "spam/00/x", .rcpt = r, .nrcpt = 2,
	    .nrcpt_all = 900, .action = t, .naction = 2};
}

static void
page_there_and_back(void **state)
{
	struct store_entry s[2] = {sample_entry(), sample_entry()};
	struct store_page p = {s, 2, 77}, d;
	struct arena a;
	struct buf b, again;
	size_t full;

	(void)state;
	arena_init(&a, 1 << 24);
	buf_init(&b, IPC_MAX);
	buf_init(&again, IPC_MAX);
	store_page_put(&b, &p);
	assert_int_equal(store_page_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.next, 77);
	assert_string_equal(d.entry[1].rcpt[1].state, "released");
	assert_string_equal(d.entry[1].action[1].detail, "250 2.0.0 ok");
	assert_int_equal(d.entry[0].spam_level, -1);
	assert_int_equal(d.entry[0].nrcpt_all, 900);
	store_page_put(&again, &d);
	assert_true(span_eq(buf_span(&b), buf_span(&again)));
	full = b.n;
	for (b.n = 0; b.n < full; b.n++)
		assert_int_equal(store_page_get(buf_span(&b), &d, &a), -1);
	buf_free(&b);
	buf_free(&again);
	arena_free(&a);
}

static void
questions_there_and_back(void **state)
{
	struct store_list l = {'P', "r@x", "s@x", 1, 2, 3, 4}, l2;
	struct store_act t = {STORE_DELETE, "C0R1", "r@x", "root"}, t2;
	struct store_show w = {"C0R9", 1}, w2;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_list_put(&b, &l);
	assert_int_equal(store_list_get(buf_span(&b), &l2, &a), 0);
	assert_int_equal(l2.kind, 'P');
	assert_string_equal(l2.sender, "s@x");
	assert_int_equal(l2.before, 3);
	assert_int_equal(l2.limit, 4);
	b.n--;
	assert_int_equal(store_list_get(buf_span(&b), &l2, &a), -1);
	buf_reset(&b);
	store_act_put(&b, &t);
	assert_int_equal(store_act_get(buf_span(&b), &t2, &a), 0);
	assert_string_equal(t2.actor, "root");
	b.p[0] = 3;
	assert_int_equal(store_act_get(buf_span(&b), &t2, &a), -1);
	buf_reset(&b);
	store_show_put(&b, &w);
	assert_int_equal(store_show_get(buf_span(&b), &w2, &a), 0);
	assert_int_equal(w2.want_file, 1);
	buf_free(&b);
	arena_free(&a);
}

static void
status_there_and_back(void **state)
{
	struct store_status s = {.ready = 1, .started_us = 5,
	    .count = {1, 2, 3, 4}, .bytes = {5, 6, 7, 8}, .commits = 9,
	    .failures = 10, .batches = 11, .recovered = 12, .releases = 13,
	    .release_error = "e", .rules_version = 14, .rules_error = "r",
	    .lists_version = 17, .lists_error = "l", .disk_free = 15,
	    .disk_size = 16}, d;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	store_status_put(&b, &s);
	assert_int_equal(store_status_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.bytes[3], 8);
	assert_int_equal(d.disk_size, 16);
	assert_string_equal(d.rules_error, "r");
	assert_int_equal(d.lists_version, 17);
	assert_string_equal(d.lists_error, "l");
	buf_putc(&b, 1);
	assert_int_equal(store_status_get(buf_span(&b), &d, &a), -1);
	buf_free(&b);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_there_and_back),
		cmocka_unit_test(commit_null_strings),
		cmocka_unit_test(commit_broken),
		cmocka_unit_test(commit_count_lies),
		cmocka_unit_test(commit_arena_full),
		cmocka_unit_test(reply_there_and_back),
		cmocka_unit_test(set_reply_there_and_back),
		cmocka_unit_test(ids),
		cmocka_unit_test(page_there_and_back),
		cmocka_unit_test(questions_there_and_back),
		cmocka_unit_test(status_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
