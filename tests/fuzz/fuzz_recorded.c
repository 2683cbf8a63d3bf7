/* What the filter kept of a message, read back: also what is damaged must do
 * no harm to the rules that then decide it. */
#include "lib/rules/recorded.h"
#include "require.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf again = {.max = SIZE_MAX / 2};
	struct recorded r;
	struct arena a;

	arena_init(&a, 4 << 20);
	if (recorded_get(span_of(data, size), &r, &a) == 0) {
		require(r.facts.mime->npart > 0);
		require(r.facts.weekday < 7);
		require(r.facts.minute_of_day < 24 * 60);
		for (size_t i = 0; i < r.facts.mime->npart; i++)
			require(r.facts.mime->part[i]->index == i);
		recorded_put(&again, &r.facts, r.known);
		require(size > RECORDED_MAX || again.n <= size);
	}
	buf_free(&again);
	arena_free(&a);
	return 0;
}
