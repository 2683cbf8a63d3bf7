/* Packets about rules: there and back, broken, short and long texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/ipc.h"
#include "lib/base/memfile.h"
#include "lib/base/xalloc.h"
#include "lib/proto/rules.h"

enum { WAIT_MS = 20000 };

static const struct rules_request sample = {.verb = RULES_DIFF,
	.target = {RULES_VERSION, 12}, .other = {RULES_DRAFT, 0},
	.based_on = 14, .actor = "root", .comment = "why",
	.text = "{\"a\": 1}"};

static void
request_there_and_back(void **state)
{
	struct rules_request q = sample, r;
	struct arena a;
	struct buf b;
	size_t full;

	(void)state;
	arena_init(&a, 1 << 16);
	buf_init(&b, IPC_MAX);
	rules_request_put(&b, &q);
	assert_int_equal(rules_request_get(buf_span(&b), &r, &a), 0);
	assert_int_equal(r.verb, RULES_DIFF);
	assert_int_equal(r.target.where, RULES_VERSION);
	assert_int_equal(r.target.version, 12);
	assert_int_equal(r.other.where, RULES_DRAFT);
	assert_int_equal(r.based_on, 14);
	assert_string_equal(r.actor, "root");
	assert_string_equal(r.comment, "why");
	assert_string_equal(r.text, "{\"a\": 1}");
	full = b.n;
	for (b.n = 0; b.n < full; b.n++)
		assert_int_equal(rules_request_get(buf_span(&b), &r, &a), -1);
	b.n = full;
	buf_putc(&b, 0);
	assert_int_equal(rules_request_get(buf_span(&b), &r, &a), -1);
	arena_free(&a);
	buf_free(&b);
}

static void
refused(struct rules_request q)
{
	struct rules_request r;
	struct arena a;
	struct buf b;

	arena_init(&a, 1 << 16);
	buf_init(&b, IPC_MAX);
	rules_request_put(&b, &q);
	assert_int_equal(rules_request_get(buf_span(&b), &r, &a), -1);
	arena_free(&a);
	buf_free(&b);
}

static void
bad_requests(void **state)
{
	struct rules_request q = sample;

	(void)state;
	q.verb = 0;
	refused(q);
	q.verb = RULES_VERB_END;
	refused(q);
	q = sample;
	q.target.where = RULES_WHERE_END;
	refused(q);
	q = sample;
	q.target.version = 0;
	refused(q);
	q = sample;
	q.other.version = 3;
	refused(q);
	q = sample;
	q.in_file = 2;
	refused(q);
}

static void
reply_there_and_back(void **state)
{
	struct rules_reply r = {RULES_NEWER, 7, 2, 1, "x"}, d;
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 4096);
	buf_init(&b, IPC_MAX);
	rules_reply_put(&b, &r);
	assert_int_equal(rules_reply_get(buf_span(&b), &d, &a), 0);
	assert_int_equal(d.code, RULES_NEWER);
	assert_int_equal(d.version, 7);
	assert_int_equal(d.revision, 2);
	assert_int_equal(d.in_file, 1);
	assert_string_equal(d.text, "x");
	b.n--;
	assert_int_equal(rules_reply_get(buf_span(&b), &d, &a), -1);
	buf_reset(&b);
	r.code = RULES_CODE_END;
	rules_reply_put(&b, &r);
	assert_int_equal(rules_reply_get(buf_span(&b), &d, &a), -1);
	arena_free(&a);
	buf_free(&b);
}

/* Answers one request with its own text, and a descriptor where told. */
static void __attribute__((noreturn))
echo(int sock, bool snapshot, bool seal)
{
	struct buf packet = {.max = IPC_MAX}, text = {.max = RULES_TEXT_MAX};
	struct rules_reply r = {.code = RULES_OK, .version = 3, .text = ""};
	struct rules_request q;
	struct ipc_msg m;
	struct arena a;
	struct err e;
	int fd = -1;

	arena_init(&a, 2 * IPC_MAX);
	if (ipc_recv(sock, &m, &packet, WAIT_MS, &e) != 1 ||
	    rules_request_get(m.body, &q, &a) != 0)
		_exit(1);
	if (q.in_file && memfile_read(m.fd[0], true, &text, &e) != 0)
		_exit(2);
	if (!q.in_file)
		buf_puts(&text, q.text);
	r.in_file = q.in_file;
	if (!r.in_file)
		r.text = buf_cstr(&text);
	if (r.in_file || snapshot) {
		fd = memfile_new("t", &e);
		if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n ||
		    (seal && memfile_seal(fd, &e) != 0))
			_exit(3);
	}
	buf_reset(&packet);
	rules_reply_put(&packet, &r);
	if (ipc_send(sock, STORE_MSG_RULES_REPLY, buf_span(&packet), &fd,
	        fd >= 0, WAIT_MS, &e) != 0)
		_exit(4);
	_exit(0);
}

static int
ask(char *text, bool snapshot, bool seal, struct rules_answer *r)
{
	struct rules_request q = {.verb = RULES_EDIT, .text = text,
	    .actor = "", .comment = ""};
	struct err e;
	int pair[2], status, rc;
	pid_t pid;

	assert_int_equal(ipc_pair(pair, &e), 0);
	pid = fork();
	if (pid == 0)
		echo(pair[1], snapshot, seal);
	close(pair[1]);
	rc = rules_ask(pair[0], &q, WAIT_MS, r, &e);
	if (rc != 0)
		print_message("refused: %s\n", e.text);
	close(pair[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return rc;
}

static void
texts_of_any_length(void **state)
{
	static const size_t size[] = {0, 1, RULES_INLINE, RULES_INLINE + 1,
	    5000000};
	struct rules_answer r;

	(void)state;
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		char *text = xcalloc(1, size[i] + 1);

		memset(text, 'x', size[i]);
		assert_int_equal(ask(text, false, true, &r), 0);
		assert_int_equal(r.version, 3);
		assert_int_equal(r.fd, -1);
		assert_int_equal(r.text.n, size[i]);
		assert_string_equal(buf_cstr(&r.text), text);
		rules_answer_free(&r);
		free(text);
	}
}

static void
a_snapshot_comes_as_a_descriptor(void **state)
{
	struct buf b = {.max = 100};
	struct rules_answer r;
	char text[] = "bytes";
	struct err e;

	(void)state;
	assert_int_equal(ask(text, true, true, &r), 0);
	assert_true(r.fd >= 0);
	assert_int_equal(memfile_read(r.fd, true, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "bytes");
	buf_free(&b);
	rules_answer_free(&r);
}

/* A file that the peer could still shorten is not read. */
static void
unsealed_is_refused(void **state)
{
	char *text = xcalloc(1, RULES_INLINE + 2);
	struct rules_answer r;

	(void)state;
	memset(text, 'x', RULES_INLINE + 1);
	assert_int_equal(ask(text, false, false, &r), -1);
	free(text);
}

static void
too_large_is_refused(void **state)
{
	struct buf b = {.max = 4};
	struct err e;
	int fd = memfile_of("t", SPAN_LIT("12345"), &e);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(memfile_read(fd, true, &b, &e), -1);
	b.max = 5;
	assert_int_equal(memfile_read(fd, true, &b, &e), 0);
	buf_free(&b);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_there_and_back),
		cmocka_unit_test(bad_requests),
		cmocka_unit_test(reply_there_and_back),
		cmocka_unit_test(texts_of_any_length),
		cmocka_unit_test(a_snapshot_comes_as_a_descriptor),
		cmocka_unit_test(unsealed_is_refused),
		cmocka_unit_test(too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
