/* Which time frames hold. */
#include "lib/rules/match.h"

enum { DAYS_PER_WEEK = 7 };

static bool
day_counts(const struct object *o, int weekday)
{
	return (o->flags & OBJ_WEEKDAYS) == 0 ||
	    (o->flags & (uint32_t)OBJ_MONDAY << weekday) != 0;
}

/* The last minute belongs to the frame, as in the reference product. One that
 * ends on the next day has the weekday on which it began. */
static bool
in_frame(const struct object *o, const struct zone_time *t)
{
	int yesterday = (t->weekday + DAYS_PER_WEEK - 1) % DAYS_PER_WEEK;
	bool begun = t->minute_of_day >= o->number;
	bool open = t->minute_of_day <= o->number2;

	if (o->number < o->number2)
		return begun && open && day_counts(o, t->weekday);
	return (begun && day_counts(o, t->weekday)) ||
	    (open && day_counts(o, yesterday));
}

static struct zone_time
time_for(const struct ruleset *rs, const struct object *o,
    const struct facts *f)
{
	const struct zone *z = o->value[0] != '\0' ?
	    ruleset_zone(rs, o->value) : NULL;

	if (z != NULL)
		return zone_time(z, f->time);
	return (struct zone_time){f->minute_of_day, f->weekday};
}

void
match_when(const struct ruleset *rs, const struct facts *f,
    struct group_hit *hit)
{
	for (size_t i = 0; i < rs->nframe; i++) {
		const struct object_ref *r = &rs->frame[i];
		const struct object *o = &rs->group[r->group].object[r->object];
		struct zone_time t = time_for(rs, o, f);

		if (in_frame(o, &t))
			group_hit_note(&hit[r->group], r->object);
	}
}
