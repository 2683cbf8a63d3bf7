#include "lib/mail/date.h"

#include <stdbool.h>
#include "lib/base/str.h"
#include "lib/mail/mime_param.h"

enum {
	VALUE_MAX = 256,	/* bytes looked at: a date is short */
	NUMBERS_MAX = 3,	/* day, month, year */
	DIGITS_MAX = 9,		/* fit an int */
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	ZONE_MAX = 24 * HOUR,
};

struct number {
	int value;
	size_t digits;
	unsigned char before;	/* the byte in front of it, 0 = none */
};

struct reader {
	struct span s;
	size_t i;
	uint32_t defects;
	struct number n[NUMBERS_MAX];
	size_t nn;
	int month;		/* 1-12 by name, 0 = none */
	size_t month_at;	/* numbers read before it */
	int weekday;		/* 0 = Sunday, -1 = none */
	bool have_time;
	int hour, minute, second;
	int noon;		/* 'a' or 'p' of AM and PM, 0 = none */
	bool have_zone;
	int32_t zone;
};

/* ---- words ---- */

static const char *const months[] = {"january", "february", "march", "april",
    "may", "june", "july", "august", "september", "october", "november",
    "december"};
static const char *const weekdays[] = {"sunday", "monday", "tuesday",
    "wednesday", "thursday", "friday", "saturday"};

/* Names of zones: those of RFC 5322 4.3, and others that mail carries. */
static const struct zone {
	const char *name;
	int minutes;
	bool rfc;
} zones[] = {
    {"gmt", 0, true}, {"ut", 0, true}, {"utc", 0, false}, {"z", 0, false},
    {"est", -300, true}, {"edt", -240, true}, {"cst", -360, true},
    {"cdt", -300, true}, {"mst", -420, true}, {"mdt", -360, true},
    {"pst", -480, true}, {"pdt", -420, true}, {"akst", -540, false},
    {"akdt", -480, false}, {"hst", -600, false}, {"ast", -240, false},
    {"adt", -180, false}, {"nst", -210, false}, {"ndt", -150, false},
    {"brt", -180, false}, {"wet", 0, false}, {"west", 60, false},
    {"bst", 60, false}, {"cet", 60, false}, {"cest", 120, false},
    {"met", 60, false}, {"mest", 120, false}, {"mez", 60, false},
    {"mesz", 120, false}, {"eet", 120, false}, {"eest", 180, false},
    {"sast", 120, false}, {"msk", 180, false}, {"msd", 240, false},
    {"ist", 330, false}, {"hkt", 480, false}, {"sgt", 480, false},
    {"jst", 540, false}, {"kst", 540, false}, {"aest", 600, false},
    {"aedt", 660, false}, {"nzst", 720, false}, {"nzdt", 780, false},
};

/* "jul", "sept", "july": the name or at least three letters of it. */
static int
name_index(struct span word, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span name = span_str(names[i]);

		if (word.n >= 3 && word.n <= name.n &&
		    span_ieq(word, span_sub(name, 0, word.n)))
			return (int)i;
	}
	return -1;
}

static bool
read_zone_name(struct reader *r, struct span word)
{
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (!span_ieqs(word, zones[i].name))
			continue;
		if (!zones[i].rfc)
			r->defects |= DATE_SYNTAX;
		r->zone = zones[i].minutes * MINUTE;
		r->have_zone = true;
		return true;
	}
	return false;
}

static void
read_word(struct reader *r)
{
	size_t start = r->i;
	struct span word;
	int k;

	while (r->i < r->s.n && ascii_lower(r->s.p[r->i]) >= 'a' &&
	    ascii_lower(r->s.p[r->i]) <= 'z')
		r->i++;
	word = span_sub(r->s, start, r->i - start);
	if (r->month == 0 && (k = name_index(word, months, 12)) >= 0) {
		r->month = k + 1;
		r->month_at = r->nn;
	} else if (r->weekday < 0 && !r->have_time &&
	    (k = name_index(word, weekdays, 7)) >= 0) {
		r->weekday = k;
		if (word.n > 3)
			r->defects |= DATE_SYNTAX;
	} else if (span_ieqs(word, "am") || span_ieqs(word, "pm")) {
		r->noon = ascii_lower(word.p[0]);
		r->defects |= DATE_SYNTAX;
	} else if (span_ieqs(word, "t") && !r->have_time) {
		r->defects |= DATE_SYNTAX;	/* of ISO 8601 */
	} else if (r->have_time && !r->have_zone && word.n == 1 &&
	    !span_ieqs(word, "z")) {
		/* RFC 5322 4.3: nobody knows which way they were meant. */
		r->have_zone = true;
		r->defects |= DATE_ZONE;
	} else if (r->have_zone || !r->have_time ||
	    !read_zone_name(r, word)) {
		r->defects |= DATE_SYNTAX;
	}
}

/* ---- numbers ---- */

/* The number at r->i; a long one keeps its first digits. */
static struct number
take_number(struct reader *r)
{
	struct number n = {0};

	n.before = r->i > 0 ? r->s.p[r->i - 1] : 0;
	for (; r->i < r->s.n && ascii_isdigit(r->s.p[r->i]); r->i++, n.digits++)
		if (n.digits < DIGITS_MAX)
			n.value = n.value * 10 + (r->s.p[r->i] - '0');
	if (n.digits > DIGITS_MAX)
		r->defects |= DATE_RANGE;
	return n;
}

static unsigned char
byte_at(const struct reader *r, size_t i)
{
	return i < r->s.n ? r->s.p[i] : 0;
}

/* ":37" behind blanks and comments (RFC 5322 4.3 allows them), or ".37". */
static bool
take_field(struct reader *r, unsigned char sep, int *value)
{
	size_t i = param_skip_cfws(r->s, r->i);

	if (byte_at(r, i) != sep)
		return false;
	i = param_skip_cfws(r->s, i + 1);
	if (!ascii_isdigit(byte_at(r, i)))
		return false;
	r->i = i;
	*value = take_number(r).value;
	return true;
}

static void
read_time(struct reader *r, struct number hour, unsigned char sep)
{
	int fraction;

	r->have_time = true;
	r->hour = hour.value;
	if (sep != ':')
		r->defects |= DATE_SYNTAX;
	(void)take_field(r, sep, &r->minute);
	if (!take_field(r, sep, &r->second))
		return;
	if (take_field(r, '.', &fraction) || take_field(r, ',', &fraction))
		r->defects |= DATE_SYNTAX;
}

/* "+0200"; also "+200", "+02:00", "+2". sign: 1, -1. */
static void
read_zone(struct reader *r, int sign)
{
	struct number n = take_number(r);
	int minutes = 0;
	int hours = n.value;

	if (n.digits > 2) {
		hours = n.value / 100;
		minutes = n.value % 100;
	} else if (byte_at(r, r->i) == ':') {
		(void)take_field(r, ':', &minutes);
	}
	if (n.digits != 4)
		r->defects |= DATE_SYNTAX;
	r->have_zone = true;
	if (hours > 24 || minutes > 59 ||
	    hours * HOUR + minutes * MINUTE > ZONE_MAX) {
		r->defects |= DATE_ZONE;
		return;
	}
	r->zone = sign * (hours * HOUR + minutes * MINUTE);
}

/* What a date without a name for its month needs, or one with it. */
static bool
date_complete(const struct reader *r)
{
	return r->nn + (r->month > 0) >= 3;
}

static void
read_number(struct reader *r)
{
	struct number n = take_number(r);
	size_t colon = param_skip_cfws(r->s, r->i);

	if (!r->have_time && byte_at(r, colon) == ':') {
		read_time(r, n, ':');
	} else if (!date_complete(r)) {
		r->n[r->nn++] = n;
	} else if (!r->have_time && n.digits <= 2 && byte_at(r, r->i) == '.') {
		read_time(r, n, '.');
	} else if (r->have_time && !r->have_zone && n.digits == 4) {
		r->i -= n.digits;	/* its sign was lost */
		r->defects |= DATE_SYNTAX;
		read_zone(r, 1);
	} else {
		r->defects |= DATE_SYNTAX;
	}
}

static void
read_all(struct reader *r)
{
	while ((r->i = param_skip_cfws(r->s, r->i)) < r->s.n) {
		unsigned char c = r->s.p[r->i];
		bool digit = ascii_isdigit(byte_at(r, r->i + 1));

		if (ascii_isdigit(c)) {
			read_number(r);
		} else if (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') {
			read_word(r);
		} else if ((c == '+' || c == '-') && digit && r->have_time &&
		    (c == '+' || date_complete(r))) {
			/* "GMT+0200": the number says it better. */
			if (r->have_zone)
				r->defects |= DATE_SYNTAX;
			r->i++;
			read_zone(r, c == '+' ? 1 : -1);
		} else {
			if (c != ',')
				r->defects |= DATE_SYNTAX;
			r->i++;
		}
	}
}

/* ---- the meaning ---- */

static void
swap(struct number *a, struct number *b)
{
	struct number t = *a;

	*a = *b;
	*b = t;
}

static bool
is_year(const struct number *n)
{
	return n->digits >= 3 || n->value > 31;
}

static bool
is_joint(unsigned char c)
{
	return c == '-' || c == '/' || c == '.';
}

/* Puts the numbers into the order day, (month,) year. False: too few. */
static bool
order_numbers(struct reader *r)
{
	struct number *n = r->n;

	if (!date_complete(r))
		return false;
	if (r->month > 0) {
		/* RFC 5322 has the day before the month. */
		if (r->month_at != 1)
			r->defects |= DATE_SYNTAX;
		if (is_year(&n[0]) && !is_year(&n[1]))
			swap(&n[0], &n[1]);
		return true;
	}
	r->defects |= DATE_SYNTAX;
	if (!is_joint(n[1].before) || !is_joint(n[2].before))
		return false;	/* just some numbers */
	if (is_year(&n[0]))
		swap(&n[0], &n[2]);	/* year-month-day */
	else if (n[1].before == '/' && n[0].value <= 12)
		swap(&n[0], &n[1]);	/* month/day/year */
	if (n[1].value > 12 && n[0].value <= 12)
		swap(&n[0], &n[1]);
	if (n[1].value < 1 || n[1].value > 12)
		return false;
	r->month = n[1].value;
	n[1] = n[2];
	return true;
}

/* RFC 5322 4.3. */
static int
full_year(const struct number *n)
{
	if (n->digits <= 2)
		return n->value + (n->value < 50 ? 2000 : 1900);
	return n->digits == 3 ? n->value + 1900 : n->value;
}

/* Days from 1970-01-01; the year starts in March so that a leap day is last. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;
	int64_t days = 365 * y + y / 4 - y / 100 + y / 400;

	return days + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int
days_in(int year, int month)
{
	int next_year = month == 12 ? year + 1 : year;
	int next = month == 12 ? 1 : month + 1;

	return (int)(days_of(next_year, next, 1) - days_of(year, month, 1));
}

static void
twelve_hours(struct reader *r)
{
	if (r->noon == 'p' && r->hour < 12)
		r->hour += 12;
	else if (r->noon == 'a' && r->hour == 12)
		r->hour = 0;
}

static void
clamp(struct reader *r, int *value, int max, int cap)
{
	if (*value > max)
		r->defects |= DATE_RANGE;
	if (*value > cap)
		*value = cap;
}

static bool
resolve(struct reader *r, struct date *d)
{
	int64_t days;
	int year, day;

	if (!order_numbers(r))
		return false;
	year = full_year(&r->n[1]);
	day = r->n[0].value;
	clamp(r, &year, 9999, 9999);
	if (day == 0)
		r->defects |= DATE_RANGE;
	clamp(r, &day, days_in(year, r->month), 99);
	twelve_hours(r);
	clamp(r, &r->hour, 23, 99);
	clamp(r, &r->minute, 59, 99);
	clamp(r, &r->second, 60, 99);	/* 60: a leap second */
	days = days_of(year, r->month, day);
	/* 1970-01-01 was a Thursday. */
	if (r->weekday >= 0 && ((days + 4) % 7 + 7) % 7 != r->weekday)
		r->defects |= DATE_WEEKDAY;
	if (!r->have_time)
		r->defects |= DATE_TIME;
	if (!r->have_zone)
		r->defects |= DATE_ZONE;
	d->offset = r->zone;
	d->seconds = days * DAY + r->hour * HOUR + r->minute * MINUTE +
	    r->second - r->zone;
	return true;
}

void
date_parse(struct date *d, struct span value)
{
	struct reader r = {.s = span_sub(value, 0, VALUE_MAX), .weekday = -1};

	*d = (struct date){0};
	if (value.n > VALUE_MAX)
		r.defects |= DATE_SYNTAX;
	read_all(&r);
	if (!resolve(&r, d))
		r.defects |= DATE_NONE;
	d->defects = r.defects;
}
