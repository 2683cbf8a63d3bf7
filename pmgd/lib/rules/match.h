/*
 * Which objects match: addresses, times, and what is in a message. How they
 * are put together is none of these files' business (category.h).
 */
#ifndef PMG_RULES_MATCH_H
#define PMG_RULES_MATCH_H

#include "lib/rules/combine.h"
#include "lib/rules/ruleset.h"

/* ---- who and when: true or false ---- */

struct group_hit {
	uint32_t first;		/* object that matched, index + 1; 0 = none */
	uint32_t count;		/* how many objects did */
};

static inline void
group_hit_note(struct group_hit *hit, uint32_t object)
{
	if (hit->first == 0 || object + 1 < hit->first)
		hit->first = object + 1;
	hit->count++;
}

/* Somebody that From or To may mean. */
struct person {
	const char *addr;
	const char *client;	/* its address; NULL = this is a recipient */
	const struct directory *directory;
};
/* hit: by group, zeroed. */
void match_who(const struct ruleset *rs, const struct person *p,
    struct group_hit *hit);
void match_when(const struct ruleset *rs, const struct facts *f,
    struct group_hit *hit);

/* ---- what: marks ---- */

struct what_hit {
	uint32_t first;		/* as above */
	struct marks marks;	/* of all its objects together */
};

struct what_hits {
	struct what_hit *group;
	struct marks *object;	/* ruleset.detail[group] + index in it */
};

/* All objects but spam, which is each recipient's own. False: the arena is
 * exhausted. */
bool match_what(const struct ruleset *rs, const struct facts *f,
    struct what_hits *hits, struct arena *a);

/* What the user lists say to the sender; recipients with the same answer have
 * the same spam level. */
enum listed { LISTED_NOT, LISTED_ALLOWED, LISTED_BLOCKED, LISTED_COUNT };

static inline enum listed
match_listed(const struct facts *f, size_t rcpt)
{
	int list = f->user_list != NULL ? f->user_list[rcpt] : 0;

	return list < 0 ? LISTED_ALLOWED :
	    list > 0 ? LISTED_BLOCKED : LISTED_NOT;
}

/* Whether a spam object holds. */
bool match_spam(const struct object *o, const struct facts *f,
    enum listed listed);

static inline size_t
mark_words(const struct facts *f)
{
	return (f->mime->npart + 63) / 64;
}

#endif
