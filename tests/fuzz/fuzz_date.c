/*
 * Dates of header fields. Checked beside memory safety: the defects say what
 * was read; what was read, written as RFC 5322 has it, is read as the same
 * moment without any defect.
 */
#include <time.h>
#include "lib/mail/date.h"
#include "require.h"

enum { IN_MAX = 1 << 16, DAY = 24 * 60 * 60, FIELD_MAX = 128 };

/* RFC 5322 has no year before 1900, and this one none behind 9999. */
static bool
in_range(int64_t local)
{
	return local >= -2208988800LL && local < 253402300800LL;
}

static void
put_date(struct buf *b, const struct date *d)
{
	static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat"}, *const month[] = {"Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t local = (time_t)(d->seconds + d->offset);
	int minutes = (d->offset < 0 ? -d->offset : d->offset) / 60;
	struct tm tm;

	require(gmtime_r(&local, &tm) != NULL);
	buf_printf(b, "%s, %d %s %d %02d:%02d:%02d %c%02d%02d",
	    day[tm.tm_wday], tm.tm_mday, month[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    d->offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct date d, again;
	struct buf b;

	if (size > IN_MAX)
		return 0;
	date_parse(&d, span_of(data, size));
	require(d.offset >= -DAY && d.offset <= DAY);
	if (d.defects & DATE_NONE) {
		require(d.seconds == 0);
		return 0;
	}
	if (d.offset % 60 != 0 || !in_range(d.seconds + d.offset))
		return 0;
	buf_init(&b, FIELD_MAX);
	put_date(&b, &d);
	date_parse(&again, buf_span(&b));
	require(again.defects == 0);
	require(again.seconds == d.seconds && again.offset == d.offset);
	buf_free(&b);
	return 0;
}
