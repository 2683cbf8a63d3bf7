#include "lib/base/zone.h"

#include <stdio.h>
#include "lib/base/atomicfile.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

enum {
	TYPE_LEN = 6,			/* RFC 8536 3.2: utoff, isdst, idx */
	HOUR = 3600,
	DAY = 86400,
	OFFSET_MAX = 26 * HOUR,		/* RFC 8536 3.2 */
	RULE_HOURS_MAX = 167,		/* RFC 8536 3.3.1 */
	/* 400 years: then the calendar is the same again. */
	CYCLE_DAYS = 146097,
	EPOCH_MONDAY = 3,		/* 1970-01-01 was a Thursday */
};

/* ---- the file ---- */

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool
take_header(struct cursor *c, struct counts *n)
{
	struct span magic = cur_take(c, 4);
	uint8_t version = cur_u8(c);

	cur_take(c, 15);
	n->isut = cur_u32(c);
	n->isstd = cur_u32(c);
	n->leap = cur_u32(c);
	n->time = cur_u32(c);
	n->type = cur_u32(c);
	n->chars = cur_u32(c);
	return cur_ok(c) && span_eq(magic, SPAN_LIT("TZif")) && version >= '2';
}

static void
take_block(struct cursor *c, const struct counts *n, size_t time_len,
    struct zone *z)
{
	z->times = cur_take(c, n->time * time_len);
	z->index = cur_take(c, n->time);
	z->types = cur_take(c, (size_t)n->type * TYPE_LEN);
	cur_take(c, n->chars);
	cur_take(c, n->leap * (time_len + 4));
	cur_take(c, n->isstd);
	cur_take(c, n->isut);
}

static int32_t
offset_of_type(const struct zone *z, size_t type)
{
	struct cursor c = cur_of(span_sub(z->types, type * TYPE_LEN,
	    TYPE_LEN));

	return (int32_t)cur_u32(&c);
}

static int64_t
transition(const struct zone *z, size_t i)
{
	struct cursor c = cur_of(span_sub(z->times, 8 * i, 8));

	return (int64_t)cur_u64(&c);
}

static bool
is_sound(const struct zone *z)
{
	size_t ntypes = z->types.n / TYPE_LEN;

	if (ntypes == 0)
		return false;
	for (size_t i = 0; i < z->index.n; i++)
		if (z->index.p[i] >= ntypes ||
		    (i > 0 && transition(z, i) <= transition(z, i - 1)))
			return false;
	for (size_t i = 0; i < ntypes; i++)
		if (offset_of_type(z, i) < -OFFSET_MAX ||
		    offset_of_type(z, i) > OFFSET_MAX)
			return false;
	return true;
}

/* ---- the rule behind the last transition (POSIX TZ) ---- */

struct change {
	char kind;		/* 'J' 1..365 without 29 February, 'D' 0..365,
				 * 'M' month, week, weekday */
	int day, month, week;
	int32_t time;		/* seconds after local midnight */
};

struct posix {
	int32_t std, dst;	/* seconds east of UTC */
	bool has_dst;
	struct change start, end;
};

static int
peek(const struct cursor *c)
{
	return cur_left(c) > 0 ? c->s.p[c->pos] : -1;
}

static bool
skip(struct cursor *c, char ch)
{
	if (peek(c) != ch)
		return false;
	c->pos++;
	return true;
}

static int
take_number(struct cursor *c, int max)
{
	int n = 0, digits = 0;

	for (; peek(c) >= '0' && peek(c) <= '9' && digits < 4; digits++)
		n = 10 * n + cur_u8(c) - '0';
	if (digits == 0 || n > max)
		c->bad = true;
	return n;
}

/* "CET", "<+0330>" */
static void
take_name(struct cursor *c)
{
	bool quoted = skip(c, '<');
	size_t from = c->pos;

	while (peek(c) >= 0 && (quoted ? peek(c) != '>' :
	    (peek(c) | 32) >= 'a' && (peek(c) | 32) <= 'z'))
		c->pos++;
	if (c->pos == from || (quoted && !skip(c, '>')))
		c->bad = true;
}

/* [+-]hh[:mm[:ss]] in seconds */
static int32_t
take_time(struct cursor *c, int max_hours)
{
	bool minus = skip(c, '-');
	int32_t t;

	if (!minus)
		skip(c, '+');
	t = take_number(c, max_hours) * HOUR;
	if (skip(c, ':'))
		t += take_number(c, 59) * 60;
	if (skip(c, ':'))
		t += take_number(c, 59);
	return minus ? -t : t;
}

static void
take_change(struct cursor *c, struct change *ch)
{
	*ch = (struct change){.kind = 'D', .time = 2 * HOUR};
	if (!skip(c, ','))
		c->bad = true;
	if (skip(c, 'M')) {
		ch->kind = 'M';
		ch->month = take_number(c, 12);
		c->bad = c->bad || !skip(c, '.');
		ch->week = take_number(c, 5);
		c->bad = c->bad || !skip(c, '.');
		ch->day = take_number(c, 6);
		if (ch->month == 0 || ch->week == 0)
			c->bad = true;
	} else if (skip(c, 'J')) {
		ch->kind = 'J';
		ch->day = take_number(c, 365);
		c->bad = c->bad || ch->day == 0;
	} else {
		ch->day = take_number(c, 365);
	}
	if (skip(c, '/'))
		ch->time = take_time(c, RULE_HOURS_MAX);
}

static bool
posix_parse(struct posix *p, struct span text)
{
	struct cursor c = cur_of(text);

	*p = (struct posix){.std = 0};
	take_name(&c);
	p->std = -take_time(&c, 24);
	p->dst = p->std + HOUR;
	p->has_dst = peek(&c) >= 0;
	if (p->has_dst) {
		take_name(&c);
		if (peek(&c) != ',')
			p->dst = -take_time(&c, 24);
		take_change(&c, &p->start);
		take_change(&c, &p->end);
	}
	return cur_done(&c);
}

static bool
is_leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Days from 1970-01-01 to 1 January of year y >= 1. */
static int64_t
days_before_year(int64_t y)
{
	int64_t p = y - 1;

	return 365 * p + p / 4 - p / 100 + p / 400 - 719162;
}

static int
days_before_month(int64_t year, int month)
{
	static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273,
		304, 334, 365};

	return days[month - 1] + (month > 2 && is_leap(year));
}

static int
weekday_of(int64_t day)
{
	return (int)(((day + EPOCH_MONDAY) % 7 + 7) % 7);
}

/* Seconds since 1970 in local time. */
static int64_t
change_at(const struct change *c, int64_t year)
{
	int64_t day = days_before_year(year);

	if (c->kind == 'M') {
		int64_t end = day + days_before_month(year, c->month) +
		    (c->month == 12 ? 31 : days_before_month(year,
		    c->month + 1) - days_before_month(year, c->month));
		/* POSIX counts from Sunday. */
		int wanted = (c->day + 6) % 7;

		day += days_before_month(year, c->month);
		day += (wanted - weekday_of(day) + 7) % 7 + 7 * (c->week - 1);
		while (day >= end)
			day -= 7;
	} else if (c->kind == 'J') {
		day += c->day - 1 + (c->day > 59 && is_leap(year));
	} else {
		day += c->day;
	}
	return day * DAY + c->time;
}

/*
 * What the latest change of this and the neighbouring years left behind. Of two
 * at the same moment the start counts: summer time without an end is written
 * like that.
 */
static int32_t
posix_offset(const struct posix *p, int64_t utc)
{
	const int64_t cycle = CYCLE_DAYS * (int64_t)DAY;
	int64_t day, year, latest = INT64_MIN;
	bool dst = false;

	if (!p->has_dst)
		return p->std;
	/* Into the 400 years from 1970 on. */
	utc = (utc % cycle + cycle) % cycle;
	day = (utc + p->std) / DAY;
	for (year = 1969 + day / 366; days_before_year(year + 1) <= day; year++)
		;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t start = change_at(&p->start, y) - p->std;
		int64_t end = change_at(&p->end, y) - p->dst;

		if (end <= utc && end > latest) {
			latest = end;
			dst = false;
		}
		if (start <= utc && start >= latest) {
			latest = start;
			dst = true;
		}
	}
	return dst ? p->dst : p->std;
}

/* ---- together ---- */

bool
zone_open(struct zone *z, struct span tzif)
{
	struct cursor c = cur_of(tzif);
	struct counts n;
	struct posix p;

	if (tzif.n > ZONE_BYTES_MAX || !take_header(&c, &n))
		return false;
	take_block(&c, &n, 4, z);	/* for readers of version 1 */
	if (!take_header(&c, &n) || n.leap != 0)
		return false;
	take_block(&c, &n, 8, z);
	if (cur_u8(&c) != '\n' || !cur_ok(&c))
		return false;
	z->rule = cur_take(&c, span_chr(c.s, c.pos, '\n') - c.pos);
	return cur_u8(&c) == '\n' && cur_done(&c) && is_sound(z) &&
	    (z->rule.n == 0 || posix_parse(&p, z->rule));
}

/* How many transitions lie at or before utc. */
static size_t
count_until(const struct zone *z, int64_t utc)
{
	size_t low = 0, high = z->index.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (transition(z, mid) <= utc)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int32_t
zone_offset(const struct zone *z, int64_t utc)
{
	size_t n = count_until(z, utc);
	struct posix p;

	if (n == z->index.n && z->rule.n > 0 && posix_parse(&p, z->rule))
		return posix_offset(&p, utc);
	/* RFC 8536 3.2: before the first transition type 0 holds. */
	return offset_of_type(z, n > 0 ? z->index.p[n - 1] : 0);
}

struct zone_time
zone_time(const struct zone *z, int64_t utc)
{
	int64_t second = utc % DAY + zone_offset(z, utc);
	int64_t day = utc / DAY + second / DAY;

	second %= DAY;
	if (second < 0) {
		second += DAY;
		day--;
	}
	return (struct zone_time){(int)(second / 60), weekday_of(day)};
}

bool
zone_is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)name[i];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    !(c >= '0' && c <= '9') && strchr("_+-/", c) == NULL)
			return false;
	}
	return n > 0 && n <= ZONE_NAME_MAX && name[0] != '/';
}

int
zone_read(const char *name, struct buf *tzif, struct err *e)
{
	char path[sizeof(ZONE_FOLDER) + ZONE_NAME_MAX + 1];
	struct buf b;
	struct zone z;
	struct err why;
	bool good;

	if (!zone_is_name(name))
		return err_set(e, "\"%.64s\" is not the name of a time zone "
		    "(Europe/Berlin)", name);
	snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, name);
	buf_init(&b, ZONE_BYTES_MAX);
	good = file_read(path, &b, &why) == 0 && zone_open(&z, buf_span(&b));
	if (good)
		buf_puts_span(tzif, buf_span(&b));
	buf_free(&b);
	if (!good)
		return err_set(e, "there is no time zone \"%s\" in %s "
		    "(Europe/Berlin, UTC)", name, ZONE_FOLDER);
	return 0;
}
