/*
 * Time zone files. First eight bytes: a time to ask for, beside fixed ones.
 * What opens has to give a local time for each, whatever it holds.
 */
#include <stdlib.h>
#include "lib/base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct zone *z, int64_t utc)
{
	struct zone_time t = zone_time(z, utc);

	if (t.minute_of_day < 0 || t.minute_of_day >= 24 * 60 ||
	    t.weekday < 0 || t.weekday > 6)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1718409600,
		4133980800, INT64_MAX};
	struct cursor c = cur_of(span_of(data, size));
	int64_t utc = (int64_t)cur_u64(&c);
	struct zone z;

	if (!cur_ok(&c) || !zone_open(&z, cur_take(&c, cur_left(&c))))
		return 0;
	ask(&z, utc);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		ask(&z, times[i]);
	return 0;
}
