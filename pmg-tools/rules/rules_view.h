/*
 * The rules of one target as pmgd-store sends them: the document for JSON
 * output, and the same as structs for words. Rules, groups and objects are
 * found by what was typed: a number is an id, all else a name.
 */
#ifndef PMG_TOOLS_RULES_VIEW_H
#define PMG_TOOLS_RULES_VIEW_H

#include <jansson.h>
#include "rules_command.h"

struct view {
	json_t *document;
	uint64_t version;	/* live; with the draft as target its revision */
	struct arena a;
	struct object_group *group;	/* by id */
	uint32_t **object_id;	/* [group][object] */
	size_t ngroup;
	struct rule *rule;	/* as they are evaluated */
	size_t nrule;
};

/* Of c->target. 0, or the exit status (it was said why). */
int view_load(struct cmd *c, struct view *v);
void view_free(struct view *v);

/* NULL: it was said why, with the nearest name. */
const struct rule *view_rule(const struct cmd *c, const struct view *v,
    const char *ref);
/* One of c's kind, or of the given one. */
const struct object_group *view_group(const struct cmd *c,
    const struct view *v, enum category kind, const char *ref);
/* An object by its id, in a group of c's kind. */
const struct object *view_object(const struct cmd *c, const struct view *v,
    const char *ref, const struct object_group **group_r);

/* The rule or group with this id in the document, borrowed. */
json_t *view_json(const struct view *v, const char *list, uint32_t id);
/* The rule uses the group. */
bool view_uses(const struct rule *r, const struct object_group *g);
/* "who", "when", "what", "action". */
const char *view_kind(enum category kind);
/* The category of that name, -1: none ("from", ...). */
int view_category(const char *name);
/* CAT_TO's groups are CAT_FROM's. */
enum category view_kind_of(int category);

#endif
