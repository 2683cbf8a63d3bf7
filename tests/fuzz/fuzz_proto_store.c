/*
 * Packets of pmgd-store. First byte: which decoder. Checked beside memory
 * safety: what was accepted is written as the same bytes again.
 */
#include <stdlib.h>
#include "lib/base/ipc.h"
#include "lib/proto/rules.h"
#include "lib/proto/store.h"
#include "lib/proto/store_admin.h"

enum { ARENA_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require_same(struct span in, struct buf *out)
{
	if (out->overflow || !span_eq(in, buf_span(out)))
		abort();
}

#define ROUND(type, name)                                                      \
	do {                                                                   \
		struct type v;                                                 \
                                                                               \
		if (name##_get(in, &v, &a) == 0) {                             \
			name##_put(&out, &v);                                  \
			require_same(in, &out);                                \
		}                                                              \
	} while (0)

static void
fuzz_id(struct span in, struct arena *a)
{
	char again[STORE_ID], *id = arena_strndup(a, in);
	uint32_t node, node2;
	int64_t row, row2;

	if (id == NULL || !store_id_parse(id, &node, &row))
		return;
	store_id_print(again, node, row);
	if (!store_id_parse(again, &node2, &row2) || node != node2 ||
	    row != row2)
		abort();
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
	buf_init(&out, 2 * IPC_MAX);
	switch (data[0] % 13) {
	case 0:
		ROUND(store_commit, store_commit);
		break;
	case 1:
		ROUND(store_commit_reply, store_commit_reply);
		break;
	case 2:
		ROUND(store_list, store_list);
		break;
	case 3:
		ROUND(store_page, store_page);
		break;
	case 4:
		ROUND(store_show, store_show);
		break;
	case 5:
		ROUND(store_entry, store_entry);
		break;
	case 6:
		ROUND(store_act, store_act);
		break;
	case 7:
		ROUND(store_done, store_done);
		break;
	case 8:
		ROUND(store_status, store_status);
		break;
	case 9:
		fuzz_id(in, &a);
		break;
	case 10:
		ROUND(rules_request, rules_request);
		break;
	case 11:
		ROUND(store_set_reply, store_set_reply);
		break;
	default:
		ROUND(rules_reply, rules_reply);
		break;
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
