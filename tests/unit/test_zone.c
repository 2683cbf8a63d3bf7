/* Time zones against the C library's answers, and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "lib/base/zone.h"

enum {
	/* Not a divisor of a day: every minute of the day comes up. */
	STEP = 11 * 3600 + 7 * 60 + 13,
	DAY = 86400,
};
#define FROM INT64_C(0)			/* 1970-01-01 */
#define UNTIL INT64_C(2145916800)	/* 2038-01-01 */
#define FAR INT64_C(4133980800)		/* 2101-01-01 */

static void
read_zone(const char *name, struct buf *b, struct zone *z)
{
	struct err e = {""};

	buf_init(b, ZONE_BYTES_MAX);
	if (zone_read(name, b, &e) != 0)
		fail_msg("%s", e.text);
	assert_true(zone_open(z, buf_span(b)));
}

static void
compare_at(const struct zone *z, const char *name, int64_t utc)
{
	struct zone_time have = zone_time(z, utc);
	time_t t = (time_t)utc;
	struct tm tm;

	localtime_r(&t, &tm);
	if (zone_offset(z, utc) != tm.tm_gmtoff ||
	    have.minute_of_day != tm.tm_hour * 60 + tm.tm_min ||
	    have.weekday != (tm.tm_wday + 6) % 7)
		fail_msg("%s at %lld: %d s, minute %d, weekday %d instead of "
		    "%ld, %d:%d, %d", name, (long long)utc,
		    zone_offset(z, utc), have.minute_of_day, have.weekday,
		    tm.tm_gmtoff, tm.tm_hour, tm.tm_min, tm.tm_wday);
}

/* The second at which the C library's offset changes, in (from, to]. */
static int64_t
change_between(int64_t from, int64_t to)
{
	time_t t = (time_t)from;
	struct tm tm;
	long before;

	localtime_r(&t, &tm);
	before = tm.tm_gmtoff;
	while (to - from > 1) {
		int64_t mid = from + (to - from) / 2;

		t = (time_t)mid;
		localtime_r(&t, &tm);
		if (tm.tm_gmtoff == before)
			from = mid;
		else
			to = mid;
	}
	return to;
}

static void
compare(const struct zone *z, const char *name, const char *tz, int64_t from,
    int64_t until)
{
	long last = 0;
	size_t changes = 0;

	setenv("TZ", tz, 1);
	tzset();
	for (int64_t utc = from; utc < until; utc += STEP) {
		time_t t = (time_t)utc;
		struct tm tm;

		compare_at(z, name, utc);
		localtime_r(&t, &tm);
		if (utc > from && tm.tm_gmtoff != last) {
			int64_t at = change_between(utc - STEP, utc);

			compare_at(z, name, at - 1);
			compare_at(z, name, at);
			changes++;
		}
		last = tm.tm_gmtoff;
	}
	unsetenv("TZ");
	tzset();
	printf("%s: %zu changes\n", name, changes);
}

static void
test_as_the_c_library(void **state)
{
	static const char *const names[] = {"UTC", "Europe/Berlin",
		"Europe/London", "Europe/Dublin", "Europe/Moscow",
		"Europe/Istanbul", "Europe/Lisbon", "America/New_York",
		"America/Sao_Paulo", "America/St_Johns", "America/Santiago",
		"America/Caracas", "Asia/Kolkata", "Asia/Kathmandu",
		"Asia/Tehran", "Asia/Jerusalem", "Asia/Pyongyang",
		"Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia",
		"Pacific/Kiritimati", "Pacific/Chatham", "Africa/Casablanca",
		"Africa/Cairo", "Antarctica/Troll"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone z;
		struct buf b;

		read_zone(names[i], &b, &z);
		compare(&z, names[i], names[i], FROM, UNTIL);
		compare(&z, names[i], names[i], -UNTIL, FROM);
		buf_free(&b);
	}
}

/* A file with nothing but the rule, as newer releases shorten theirs. */
static void
put_rule_only(struct buf *b, const char *rule)
{
	buf_init(b, ZONE_BYTES_MAX);
	for (int i = 0; i < 2; i++) {
		buf_puts(b, "TZif2");
		for (int k = 0; k < 15; k++)
			buf_u8(b, 0);
		for (int k = 0; k < 4; k++)
			buf_u32(b, 0);
		buf_u32(b, 1);		/* one type */
		buf_u32(b, 4);		/* its name */
		buf_u32(b, 0);
		buf_u8(b, 0);
		buf_u8(b, 0);
		buf_put(b, "LMT", 4);
	}
	buf_printf(b, "\n%s\n", rule);
}

static void
test_rules(void **state)
{
	static const char *const rules[] = {"CET-1CEST,M3.5.0,M10.5.0/3",
		"EST5EDT,M3.2.0,M11.1.0", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "UTC0",
		"<-03>3<-02>,M3.5.0/-1,M10.5.0/0",
		"EET-2EEST,M3.4.4/50,M10.4.4/50", "AAA3BBB,J60/0,J300/12:30",
		"AAA-9:30:15BBB-11,59,304/4", "CST6CDT,M4.1.6,M10.5.6/24",
		"<+1345>-12:45<+1445>,M9.5.0/2:45,M4.1.0/3:45",
		"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", "AAA5BBB,M12.5.1,M1.1.3"};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct zone z;
		struct buf b;

		put_rule_only(&b, rules[i]);
		assert_true(zone_open(&z, buf_span(&b)));
		/* From 1971 on: the C library takes no change of 1969 along. */
		compare(&z, rules[i], rules[i], 366 * (int64_t)DAY, UNTIL);
		compare(&z, rules[i], rules[i], UNTIL, FAR);
		buf_free(&b);
	}
}

static void
test_rules_refused(void **state)
{
	static const char *const rules[] = {"X", "CET", "CET-", "C1ET-1",
		"CET-25", "CET-1CEST", "CET-1CEST,M3.5.0",
		"CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M4.1.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1", "CET-1CEST,366,1",
		"CET-1CEST,M3.5.0/168,M10.5.0", "CET-1 ", "<CET-1", "<>-1",
		"CET-1CEST,M3.5.0,M10.5.0/", "CET-1:60", "CET-99999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct zone z;
		struct buf b;

		put_rule_only(&b, rules[i]);
		if (zone_open(&z, buf_span(&b)))
			fail_msg("\"%s\" was taken", rules[i]);
		buf_free(&b);
	}
}

/* Whatever time comes in. */
static void
test_extreme_times(void **state)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + DAY, -1,
		INT64_MAX - DAY, INT64_MAX};
	struct zone z[2];
	struct buf b[2];

	(void)state;
	read_zone("Europe/Berlin", &b[0], &z[0]);
	put_rule_only(&b[1], "CET-1CEST,M3.5.0,M10.5.0/3");
	assert_true(zone_open(&z[1], buf_span(&b[1])));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		for (size_t k = 0; k < 2; k++) {
			struct zone_time t = zone_time(&z[k], times[i]);

			assert_in_range(t.minute_of_day, 0, 24 * 60 - 1);
			assert_in_range(t.weekday, 0, 6);
		}
	buf_free(&b[0]);
	buf_free(&b[1]);
}

static void
test_damaged(void **state)
{
	struct zone z;
	struct buf b;
	size_t taken = 0;

	(void)state;
	read_zone("America/New_York", &b, &z);
	for (size_t n = 0; n < b.n; n++)
		assert_false(zone_open(&z, span_of(b.p, n)));
	for (size_t i = 0; i < b.n; i++) {
		unsigned char was = b.p[i];

		b.p[i] ^= 0x81;
		if (zone_open(&z, buf_span(&b))) {
			taken++;
			for (int64_t t = -UNTIL; t < FAR; t += FAR / 7)
				assert_in_range(zone_time(&z, t).weekday, 0,
				    6);
		}
		b.p[i] = was;
	}
	/* Names, flags and many a date may be anything. */
	assert_true(taken > 0 && taken < b.n);
	b.p[4] = 0;
	assert_false(zone_open(&z, buf_span(&b)));
	buf_free(&b);
}

static void
test_names(void **state)
{
	static const char *const bad[] = {"", "/etc/passwd", "../localtime",
		"Europe/../UTC", "Europe/Berlin\n", "Europe\\Berlin",
		"Europe/Atlantis", "Europe", "tzdata.zi", "zone1970.tab",
		"Europe/Berlin ",
		("01234567890123456789012345678901234567890123"
		"456789012345678901234567890123456789")};
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, ZONE_BYTES_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.text[0] = '\0';
		if (zone_read(bad[i], &b, &e) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(e.text, "time zone"));
		assert_int_equal(b.n, 0);
	}
	assert_int_equal(zone_read("Etc/GMT+5", &b, &e), 0);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_c_library),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_refused),
		cmocka_unit_test(test_extreme_times),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
