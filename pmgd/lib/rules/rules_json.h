/*
 * Rules, groups and objects as JSON: one form for export and import, for edits
 * over pmgd-store's socket, for `-o json`, and for the rows of config.db. Words
 * stand for numbers (doc/RULES.md, "Rules as JSON"). Members that have their
 * default are not written. Reading is strict: a member that is not known, of
 * the wrong type or out of range is refused with its path.
 *
 * Ids stand outside of what is read and written here; rules name groups by id.
 */
#ifndef PMG_RULES_RULES_JSON_H
#define PMG_RULES_RULES_JSON_H

#include <jansson.h>
#include "lib/rules/rules.h"

enum {
	RULES_JSON_FORMAT = 1,
	RULES_ID_MAX = INT32_MAX,	/* of rules, groups, objects; from 1 */
	/* Of ids that a document brings along: new ones lie above. */
	RULES_ID_GIVEN_MAX = 1000 * 1000 * 1000,
};

/* A rule with the ids of its groups in place of pointers. */
struct rule_item {
	struct rule r;			/* group[] not used */
	uint32_t *group[CAT_COUNT];	/* r.ngroup[] of them */
};

/* All three: a new reference. A type that is not known is written with all
 * its members; reading refuses it. */
json_t *rules_json_object(const struct object *o);
/* Without its objects. */
json_t *rules_json_group(const struct object_group *g);
json_t *rules_json_rule(const struct rule_item *r);

/* Strings live in a. path: of j, for messages. The ids are left 0. */
int rules_json_read_object(const json_t *j, const char *path,
    struct object *o, struct arena *a, struct err *e);
int rules_json_read_group(const json_t *j, const char *path,
    struct object_group *g, struct arena *a, struct err *e);
int rules_json_read_rule(const json_t *j, const char *path,
    struct rule_item *r, struct arena *a, struct err *e);

/* What an object has as JSON, for those who build one from something else. */
enum rules_json_form {
	RULES_JSON_TEXT,
	RULES_JSON_NUMBER,
	RULES_JSON_FLAG,	/* true, false */
	RULES_JSON_CLOCK,	/* "08:30" */
	RULES_JSON_WORDS,	/* a list of some of words */
	RULES_JSON_WORD,	/* one of words */
};

struct rules_json_member {
	const char *name;
	enum rules_json_form form;
	bool needed;
	const char *const *words;	/* NULL in it = gap */
	size_t nwords;
};
enum { RULES_JSON_MEMBERS = 6 };

/* Besides "type"; how many. */
size_t rules_json_members(enum object_type type,
    struct rules_json_member member[RULES_JSON_MEMBERS]);

/* "email", "spam" ...; NULL: no such type. */
const char *rules_json_type(enum object_type type);
/* "from", "to", "when", "what", "action". */
extern const char *const rules_json_category[CAT_COUNT];
/* "who", "when", "what", "action": of groups, by category (CAT_TO: who). */
extern const char *const rules_json_kind[CAT_COUNT];

/* ---- for others that read and write JSON about rules ---- */

/* Never NULL: what is no UTF-8 (rows of an old database) loses its bytes from
 * 0x80 on. */
json_t *rules_json_string(const char *s);

/* A member of object j, NULL = absent. -1: there, but not of this type. */
int rules_json_text(const json_t *j, const char *path, const char *name,
    const char **text_r, struct err *e);
int rules_json_int(const json_t *j, const char *path, const char *name,
    int64_t min, int64_t max, int64_t *value_r, bool *there_r, struct err *e);
/* -1: j is no object, or has a member that is not in names (ends with NULL). */
int rules_json_only(const json_t *j, const char *path,
    const char *const *names, struct err *e);
/* Index of a word in words (n of them, NULL = gap), -1: e names them all. */
int rules_json_word(const char *word, const char *path, const char *name,
    const char *const *words, size_t n, struct err *e);

#endif
