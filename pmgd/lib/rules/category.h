/*
 * Whether a category of a rule holds, from what its objects matched, and what
 * explains it.
 */
#ifndef PMG_RULES_CATEGORY_H
#define PMG_RULES_CATEGORY_H

#include "lib/rules/match.h"

/* The group that decided and its object; both NULL: the category is empty.
 * object NULL: no single one explains it (modes not all and none). */
struct reason {
	const struct object_group *group;
	const struct object *object;
};

/* From, To, When; hit: by group. */
bool category_holds(const struct ruleset *rs, const struct rule *r,
    enum category cat, const struct group_hit *hit, struct reason *why);

/* For all What categories of one message. */
struct category_what {
	const struct ruleset *rs;
	const struct facts *f;
	struct what_hits hits;
	struct combine group, all;
	uint64_t *leaves;		/* parts without parts of their own */
	uint64_t *contrary;		/* scratch */
	struct arena *a;
};
/* False: the arena is exhausted. */
bool category_what_init(struct category_what *w, const struct ruleset *rs,
    const struct facts *f, struct arena *a);
/* *marks_r: the parts as actions see them; NULL = the whole mail. */
bool category_what_holds(struct category_what *w, const struct rule *r,
    const struct rule_info *info, enum listed listed, struct reason *why,
    uint64_t **marks_r);

#endif
