/*
 * A set of rules as it is edited and stored: items with stable ids and their
 * content as JSON (rules_json.h). From it the builder is filled; two of them
 * are compared. Ids are never used again for something else.
 */
#ifndef PMG_RULES_RULES_DOC_H
#define PMG_RULES_RULES_DOC_H

#include "lib/rules/rules_json.h"

enum rules_kind { RULES_RULE, RULES_GROUP, RULES_OBJECT, RULES_KINDS };
/* "rule", "group", "object". */
extern const char *const rules_kind_name[RULES_KINDS];

struct rules_item {
	uint32_t id;
	uint32_t group;		/* of an object: the group it is in */
	int64_t position;	/* of an object: ascending within its group */
	json_t *content;	/* never changed, only replaced */
};

struct rules_list {
	struct rules_item *item;	/* by ascending id */
	size_t n, cap;
};

struct rules_doc {
	struct rules_list of[RULES_KINDS];
	uint32_t next[RULES_KINDS];	/* first id that was never used */
};

void rules_doc_init(struct rules_doc *d);
void rules_doc_free(struct rules_doc *d);
/* d is empty; contents are shared. */
void rules_doc_copy(struct rules_doc *d, const struct rules_doc *from);
struct rules_item *rules_doc_find(const struct rules_doc *d,
    enum rules_kind kind, uint32_t id);
/* Adds, or replaces the one of this id; takes it.content over. */
void rules_doc_put(struct rules_doc *d, enum rules_kind kind,
    struct rules_item it);
/* Adds at the end, whatever its id; then rules_doc_sort() before any other
 * use. */
void rules_doc_append(struct rules_doc *d, enum rules_kind kind,
    struct rules_item it);
/* -1: two of the same id; *twice_r is it. */
int rules_doc_sort(struct rules_doc *d, enum rules_kind kind,
    uint32_t *twice_r);
void rules_doc_remove(struct rules_doc *d, enum rules_kind kind, uint32_t id);
/* A new id. 0: there are no more. */
uint32_t rules_doc_id(struct rules_doc *d, enum rules_kind kind);
/* All objects by group, position, id; free() it. */
const struct rules_item **rules_doc_objects(const struct rules_doc *d);
/* "" = none. */
const char *rules_item_name(const struct rules_item *it);

/* What differs: before or after is NULL where an item is new or gone. */
typedef void rules_doc_change(void *arg, enum rules_kind kind,
    const struct rules_item *before, const struct rules_item *after);
void rules_doc_compare(const struct rules_doc *before,
    const struct rules_doc *after, rules_doc_change *change, void *arg);

/* The same as one document, a new reference: groups by id, rules as they are
 * evaluated. */
json_t *rules_doc_write(const struct rules_doc *d);
/*
 * Fills d, which is empty but for next, from a document. Items without an id
 * get a new one; rules may name groups by id or by name. -1: e tells where.
 */
int rules_doc_read(struct rules_doc *d, const json_t *document, struct err *e);
/* The id that ref, an id or a name, stands for; 0: e tells. */
uint32_t rules_doc_resolve(const struct rules_doc *d, enum rules_kind kind,
    const json_t *ref, const char *path, struct err *e);
/*
 * A rule as somebody wrote it (names for groups, no id) in its stored form, a
 * new reference. NULL: e tells.
 */
json_t *rules_doc_rule(const struct rules_doc *d, const json_t *rule,
    const char *path, struct err *e);

/* Everything into a new builder, which checks each item. */
int rules_doc_build(const struct rules_doc *d, struct ruleset_builder *b,
    struct err *e);
/* Appends a loaded set's items under their ids; objects get new ones. */
void rules_doc_from_ruleset(struct rules_doc *d, const struct ruleset *rs);
/*
 * The shipped rules into d, which is empty but for next. What before has under
 * the same name (and, for objects, with the same content) keeps its id.
 */
int rules_doc_shipped(struct rules_doc *d, const struct rules_doc *before,
    struct err *e);

#endif
