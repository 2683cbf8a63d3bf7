/*
 * Packets between worker and scanner. First byte: which packet. What decodes
 * must encode to the same bytes, since each packet has one form only.
 */
#include <stdint.h>
#include <stdlib.h>
#include "lib/proto/scan.h"

enum { ARENA_MAX = 1 << 20, OUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: broken, which is fine. */
static bool
decode_and_encode(uint8_t which, struct span body, struct arena *a,
    struct buf *out)
{
	struct scan_request rq;
	struct scan_reply rp;
	struct scan_status st;

	switch (which % 3) {
	case 0:
		if (scan_request_get(body, &rq, a) != 0)
			return false;
		scan_request_put(out, &rq);
		return true;
	case 1:
		if (scan_reply_get(body, &rp, a) != 0)
			return false;
		scan_reply_put(out, &rp);
		return true;
	default:
		if (scan_status_get(body, &st, a) != 0)
			return false;
		scan_status_put(out, &st);
		return true;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body;
	struct arena a;
	struct buf out;

	if (size == 0)
		return 0;
	body = span_of(data + 1, size - 1);
	arena_init(&a, ARENA_MAX);
	buf_init(&out, OUT_MAX);
	if (decode_and_encode(data[0], body, &a, &out) &&
	    !span_eq(buf_span(&out), body))
		abort();
	buf_free(&out);
	arena_free(&a);
	return 0;
}
