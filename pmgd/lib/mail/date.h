/*
 * Date and time of a header field (RFC 5322 3.3, 4.3), also in the forms that
 * only look like it: ctime(3), ISO 8601, RFC 850, "7/1/2003 10:52 PM". Pure,
 * no clock, no locale; linear.
 */
#ifndef PMG_MAIL_DATE_H
#define PMG_MAIL_DATE_H

#include <stdint.h>
#include "lib/base/span.h"

enum date_defect {
	DATE_NONE	= 1u << 0,	/* no date in there: seconds is 0 */
	DATE_SYNTAX	= 1u << 1,	/* not RFC 5322's form, not even its
					 * obsolete one, but readable */
	DATE_ZONE	= 1u << 2,	/* none, unknown, a military letter or
					 * past 24 hours: read as UTC */
	DATE_RANGE	= 1u << 3,	/* 31 Feb, 25:00 ...: counted on from
					 * what stands there (3 Mar, 01:00) */
	DATE_WEEKDAY	= 1u << 4,	/* the day's name belongs to another */
	DATE_TIME	= 1u << 5,	/* no time of day: 00:00:00 */
};

struct date {
	int64_t seconds;	/* since 1970-01-01 00:00:00 UTC */
	int32_t offset;		/* of the zone, seconds east of UTC */
	uint32_t defects;
};

/* value: raw, may be folded; comments are skipped. */
void date_parse(struct date *d, struct span value);

#endif
