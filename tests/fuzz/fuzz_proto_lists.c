/*
 * Requests and replies about user lists, and the CSV of an import. First byte:
 * which. What was decoded is written as the same bytes again; a file that was
 * taken is written as one that reads back as the same.
 */
#include "lib/base/ipc.h"
#include "lib/proto/lists.h"
#include "require.h"

enum { ARENA_MAX = 1 << 22, OUT_MAX = 1 << 22 };

static void
fuzz_request(struct span in, struct buf *out, struct arena *a)
{
	struct lists_request q;

	if (lists_request_get(in, &q, a) != 0)
		return;
	lists_request_put(out, &q);
	require(span_eq(in, buf_span(out)));
}

static void
fuzz_reply(struct span in, struct buf *out, struct arena *a)
{
	struct lists_reply r;

	if (lists_reply_get(in, &r, a) != 0)
		return;
	lists_reply_put(out, &r);
	require(span_eq(in, buf_span(out)));
}

static bool
csv(struct span in, struct buf *out, struct arena *a)
{
	struct userlist_row *row;
	struct buf errors;
	size_t n;
	bool good;

	buf_init(&errors, OUT_MAX);
	good = userlist_csv_read(in, &row, &n, &errors, a) == 0;
	require(good == (errors.n == 0));
	buf_free(&errors);
	if (good)
		userlist_csv_header(out);
	for (size_t i = 0; good && i < n; i++)
		userlist_csv_row(out, &row[i]);
	return good;
}

static void
fuzz_csv(struct span in, struct buf *out, struct arena *a)
{
	struct buf again;

	if (!csv(in, out, a))
		return;
	buf_init(&again, OUT_MAX);
	require(csv(buf_span(out), &again, a));
	require(span_eq(buf_span(out), buf_span(&again)));
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;
	struct arena a;
	struct buf out;

	if (size < 1 || size > IPC_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	arena_init(&a, ARENA_MAX);
	buf_init(&out, OUT_MAX);
	if (data[0] % 3 == 0)
		fuzz_request(in, &out, &a);
	else if (data[0] % 3 == 1)
		fuzz_reply(in, &out, &a);
	else
		fuzz_csv(in, &out, &a);
	buf_free(&out);
	arena_free(&a);
	return 0;
}
