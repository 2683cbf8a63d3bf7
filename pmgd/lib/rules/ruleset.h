/*
 * Inside of lib/rules: how a loaded ruleset is laid out. Only the files of
 * this folder include it; others see rules.h.
 */
#ifndef PMG_RULES_RULESET_H
#define PMG_RULES_RULESET_H

#include "lib/base/zone.h"
#include "lib/rules/address.h"
#include "lib/rules/pattern.h"
#include "lib/rules/rules.h"

/* One compiled set of patterns for each kind of subject. */
enum pattern_kind { PAT_ADDRESS, PAT_TYPE, PAT_FILENAME, PAT_FIELD,
	PAT_ARCHIVE_TYPE, PAT_ARCHIVE_NAME, PAT_COUNT };

/* An object by its group's index and its own index in it. */
struct object_ref {
	uint32_t group;
	uint32_t object;
};

struct pattern_index {
	struct pattern_set *set;	/* NULL: no pattern of this kind */
	struct object_ref *ref;		/* by index of the pattern */
	size_t nref;
};

/* What evaluation wants to know of a rule beside the rule itself. */
struct rule_info {
	/* Non-final actions in the order in which they take effect. */
	const struct object **action;
	size_t naction;
	const struct object *final;	/* NULL: none */
	bool plain_what;	/* modes of What are all "any" */
	bool uses_spam;		/* What depends on the recipient's level */
	bool changes;		/* has actions that change the mail */
	bool uses_marks;	/* one of them looks at the marked parts */
};

enum {
	RULE_PRIORITY_MAX = 100,
	RULE_ACTIONS_MAX = 1000,	/* of one rule, over all its groups */
	NO_DETAIL = UINT32_MAX,
};

struct named_zone {
	const char *name;
	struct zone zone;
};

struct ruleset {
	uint64_t version;
	char *text;			/* the snapshot's strings */
	struct arena mem;
	struct object_group *group;
	size_t ngroup;
	const struct rule **rule;	/* in order of evaluation */
	struct rule_info *info;		/* by the same index */
	size_t nrule;
	struct address_index who;
	bool has_subdomains;		/* some domain means those under it */
	struct object_ref *ldap;	/* objects that ask the directory */
	size_t nldap;
	struct object_ref *frame;	/* time frames */
	size_t nframe;
	struct object_ref *fact;	/* what-objects without pattern, but
					 * spam */
	size_t nfact;
	/* By group: where the marks of its objects begin that evaluation keeps
	 * apart; NO_DETAIL = those of the group together are enough. */
	uint32_t *detail;
	size_t ndetail;			/* objects of such groups */
	bool has_modes;			/* some What is more than "any" */
	struct pattern_index pattern[PAT_COUNT];
	struct named_zone *zone;
	size_t nzone;
	const char **field;		/* names that PAT_FIELD looks at */
	size_t nfield;
	/* By direction, of active rules: */
	unsigned needs[2];
	bool uses_pattern[2][PAT_COUNT];
	const char **strip[2];
	size_t nstrip[2];
};

static inline size_t
group_index(const struct ruleset *rs, const struct object_group *g)
{
	return (size_t)(g - rs->group);
}

static inline bool
rule_applies(const struct rule *r, enum direction dir)
{
	return r->active && (r->dir == RULE_BOTH || (int)r->dir == (int)dir);
}

/* ---- object.c: the table of object types ---- */

bool object_type_known(uint32_t type);
/* CAT_FROM for every who-object. */
enum category object_category(enum object_type type);
/* The kind of pattern in an object, -1: none. */
int object_pattern_kind(enum object_type type);
/* The pattern of an object of such a type. */
struct pattern object_pattern(const struct object *o);
/* Name of the zone that it names, "" = none. */
static inline const char *
object_zone(const struct object *o)
{
	return o->type == WHEN_TIMEFRAME ? o->value : "";
}
/* NEED_CONTENT, NEED_ARCHIVE, NEED_LIMITS that an object asks for. */
unsigned object_content_needs(enum object_type type);
/* Actions: ascending order within a rule; final ones end it. */
int object_action_order(enum object_type type);
bool object_is_final(enum object_type type);
bool object_is_notice(enum object_type type);
/* OBJ_* that mean something in an object of this type. */
uint32_t object_flags(enum object_type type);
/* "e-mail address", "file name" ... for messages. */
const char *object_type_name(enum object_type type);

/* ---- object_check.c ---- */

/* Members in range and well-formed; patterns apart, and whether there is such
 * a time zone. -1: e tells. */
int object_check(const struct object *o, struct err *e);

/* ---- index.c: what a loaded ruleset computes once ---- */

/* False: more than the arena allows. */
bool ruleset_index(struct ruleset *rs);

/* ---- nametype.c ---- */

/* Content type that the end of a file name stands for, NULL = none known. */
const char *nametype_find(const char *filename);
/* The i-th other name of a content type, NULL = no more. */
const char *nametype_alias(const char *type, size_t i);

/* ---- load.c ---- */

/* NULL: the ruleset holds no such zone. */
const struct zone *ruleset_zone(const struct ruleset *rs, const char *name);

#endif
