#include "arena_fixture.h"

#include <string.h>
#include <time.h>
#include "lib/mail/date.h"

struct sample {
	const char *text;
	const char *utc;	/* "2003-07-01 10:52:37", NULL = no date */
	int32_t offset;		/* minutes */
	uint32_t defects;
};

static void
check(const struct sample *c)
{
	struct date d;
	char utc[64] = "";
	struct tm tm;
	time_t t;

	date_parse(&d, span_str(c->text));
	t = (time_t)d.seconds;
	if (!(d.defects & DATE_NONE) && gmtime_r(&t, &tm) != NULL)
		strftime(utc, sizeof(utc), "%Y-%m-%d %H:%M:%S", &tm);
	if (strcmp(utc, c->utc ? c->utc : "") != 0 ||
	    d.offset != c->offset * 60 || d.defects != c->defects)
		fail_msg("\"%s\": %s, offset %d, defects 0x%x", c->text, utc,
		    (int)d.offset, (unsigned)d.defects);
}

static void
check_all(const struct sample *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&c[i]);
}

/* RFC 5322 3.3, its appendix A, and the obsolete forms of 4.3. */
static void
test_rfc5322(void **state)
{
	static const struct sample c[] = {
	    {"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21 15:55:06", -360,
	        0},
	    {"Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01 08:52:37", 120, 0},
	    {"1 Jul 2003 10:52 +0200", "2003-07-01 08:52:00", 120, 0},
	    {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n"
	     "      23:32\r\n               -0330 (Newfoundland Time)",
	        "1969-02-14 03:02:00", -210, 0},
	    {"21 Nov 97 09:55:06 GMT", "1997-11-21 09:55:06", 0, 0},
	    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
	        "1997-11-21 15:55:06", -360, 0},
	    {"Thu, 28 Aug 2003 09:45:11 -0500 (CDT (x) \\) y)",
	        "2003-08-28 14:45:11", -300, 0},
	    {"Thu, 28 Aug 2003 09:45:11 EDT", "2003-08-28 13:45:11", -240, 0},
	    {"Thu, 28 Aug 2003 09:45:11 pst", "2003-08-28 17:45:11", -480, 0},
	    {"1 Jan 00 00:00 UT", "2000-01-01 00:00:00", 0, 0},
	    {"1 Jan 49 00:00 UT", "2049-01-01 00:00:00", 0, 0},
	    {"1 Jan 50 00:00 UT", "1950-01-01 00:00:00", 0, 0},
	    {"1 Jan 103 00:00 UT", "2003-01-01 00:00:00", 0, 0},
	    {"29 Feb 2000 12:00:00 -0000", "2000-02-29 12:00:00", 0, 0},
	    {"31 Dec 1998 23:59:60 +0000", "1999-01-01 00:00:00", 0, 0},
	    {"30 Jun 2023 23:00 A", "2023-06-30 23:00:00", 0, DATE_ZONE},
	};

	(void)state;
	check_all(c, sizeof(c) / sizeof(c[0]));
}

static void
test_sloppy(void **state)
{
	static const struct sample c[] = {
	    {"Tue Jul  1 10:52:37 2003", "2003-07-01 10:52:37", 0,
	        DATE_SYNTAX | DATE_ZONE},
	    {"Tue Jul  1 10:52:37 EST 2003", "2003-07-01 15:52:37", -300,
	        DATE_SYNTAX},
	    {"Tuesday, 01-Jul-03 10:52:37 GMT", "2003-07-01 10:52:37", 0,
	        DATE_SYNTAX},
	    {"2003-07-01 10:52:37 +0200", "2003-07-01 08:52:37", 120,
	        DATE_SYNTAX},
	    {"2003-07-01T10:52:37Z", "2003-07-01 10:52:37", 0, DATE_SYNTAX},
	    {"2003-07-01T10:52:37.123456-02:30", "2003-07-01 13:22:37", -150,
	        DATE_SYNTAX},
	    {"Jul 1, 2003 10:52:37 PM", "2003-07-01 22:52:37", 0,
	        DATE_SYNTAX | DATE_ZONE},
	    {"1 Jul 2003 12:05 AM +0000", "2003-07-01 00:05:00", 0,
	        DATE_SYNTAX},
	    {"7/1/2003 10:52", "2003-07-01 10:52:00", 0,
	        DATE_SYNTAX | DATE_ZONE},
	    {"13/7/2003 10:52", "2003-07-13 10:52:00", 0,
	        DATE_SYNTAX | DATE_ZONE},
	    {"01.07.2003 10:52 CEST", "2003-07-01 08:52:00", 120, DATE_SYNTAX},
	    {"1 Jul 2003 10.52.37 +0000", "2003-07-01 10:52:37", 0,
	        DATE_SYNTAX},
	    {"1 Jul 2003 10:52:37 0200", "2003-07-01 08:52:37", 120,
	        DATE_SYNTAX},
	    {"1 Jul 2003 10:52:37 +200", "2003-07-01 08:52:37", 120,
	        DATE_SYNTAX},
	    {"1 Jul 2003 10:52:37 +2", "2003-07-01 08:52:37", 120,
	        DATE_SYNTAX},
	    {"1 Jul 2003 10:52:37 GMT+0200", "2003-07-01 08:52:37", 120,
	        DATE_SYNTAX},
	    {"1 Sept 2003 10:52 +0000", "2003-09-01 10:52:00", 0, 0},
	    {"Tue, 1 Jul 2003 10:52:37 +0000 blah", "2003-07-01 10:52:37", 0,
	        DATE_SYNTAX},
	};

	(void)state;
	check_all(c, sizeof(c) / sizeof(c[0]));
}

static void
test_wrong(void **state)
{
	static const struct sample c[] = {
	    {"", NULL, 0, DATE_NONE},
	    {"yesterday", NULL, 0, DATE_NONE | DATE_SYNTAX},
	    {"(Tue, 1 Jul 2003 10:52:37 +0200)", NULL, 0, DATE_NONE},
	    {"10:52:37", NULL, 0, DATE_NONE},
	    {"1 Jul", NULL, 0, DATE_NONE},
	    {"some 0 1 2 numbers", NULL, 0, DATE_NONE | DATE_SYNTAX},
	    {"1 Jul 2003", "2003-07-01 00:00:00", 0, DATE_TIME | DATE_ZONE},
	    {"1 Jul 2003 10:52", "2003-07-01 10:52:00", 0, DATE_ZONE},
	    {"1 Jul 2003 10:52 XYZ", "2003-07-01 10:52:00", 0,
	        DATE_SYNTAX | DATE_ZONE},
	    {"1 Jul 2003 10:52 +9900", "2003-07-01 10:52:00", 0, DATE_ZONE},
	    {"Mon, 1 Jul 2003 10:52 +0000", "2003-07-01 10:52:00", 0,
	        DATE_WEEKDAY},
	    {"31 Feb 2003 10:52 +0000", "2003-03-03 10:52:00", 0, DATE_RANGE},
	    {"1 Jul 2003 25:00 +0000", "2003-07-02 01:00:00", 0, DATE_RANGE},
	    {"1 Jul 2003 10:52:99999999999999999999 +0000",
	        "2003-07-01 10:53:39", 0, DATE_RANGE},
	    {"99 Jul 99999 10:52 +0000", "9999-10-07 10:52:00", 0, DATE_RANGE},
	    {"2003-13-13", NULL, 0, DATE_NONE | DATE_SYNTAX},
	};

	(void)state;
	check_all(c, sizeof(c) / sizeof(c[0]));
}

/* Every day of 800 years, against the C library. */
static void
test_calendar(void **state)
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat"};
	struct tm tm;
	struct date d;
	char text[80];

	(void)state;
	for (int64_t day = -135000; day < 157000; day++) {
		time_t t = (time_t)(day * 86400 + 3723);

		assert_non_null(gmtime_r(&t, &tm));
		snprintf(text, sizeof(text), "%s, %d %s %04d 01:02:03 +0000",
		    days[tm.tm_wday], tm.tm_mday, names[tm.tm_mon],
		    1900 + tm.tm_year);
		date_parse(&d, span_str(text));
		if (d.seconds != t || d.defects != 0)
			fail_msg("%s: %lld, 0x%x", text, (long long)d.seconds,
			    (unsigned)d.defects);
	}
}

/* Any bytes: no failure, and a long value costs no more than a short one. */
static void
test_hostile(void **state)
{
	static char big[1 << 20];
	static const char pieces[] = "(\\\"+-:.,/TZJul 01299\xff\r\n";
	struct date d;
	uint32_t x = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + round % 60;

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			big[i] = pieces[(x >> 16) % (sizeof(pieces) - 1)];
		}
		date_parse(&d, span_of(big, n));
		assert_true(d.offset >= -86400 && d.offset <= 86400);
	}
	memset(big, '(', sizeof(big));
	date_parse(&d, span_of(big, sizeof(big)));
	assert_true(d.defects & DATE_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc5322),
	    cmocka_unit_test(test_sloppy),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_calendar),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
