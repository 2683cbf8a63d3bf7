/*
 * Rows of rules: what config.db holds of a rule, a group or an object, with
 * the content as JSON text. Kept as text, so that a set of 100,000 objects is
 * a few MB; only the child that works on them parses it (rules_doc.h).
 */
#ifndef PMG_STORE_RULEROWS_H
#define PMG_STORE_RULEROWS_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/rules/rules_doc.h"

struct rule_row {
	uint8_t kind;		/* enum rules_kind */
	bool deleted;		/* in a list of changes: it is gone */
	uint32_t id;
	uint32_t group;		/* of an object */
	int64_t position;	/* of an object */
	char *content;		/* JSON; "" when deleted */
};

/* Ascending by kind and id. A set of rules, or a list of changes to one. */
struct rule_rows {
	struct rule_row *row;
	size_t n, cap;
};

void rule_rows_free(struct rule_rows *r);
/* Behind the last; the text is copied. */
void rule_rows_add(struct rule_rows *r, const struct rule_row *row);
void rule_rows_copy(struct rule_rows *to, const struct rule_rows *from);
/* Carries the changes out. */
void rule_rows_apply(struct rule_rows *r, const struct rule_rows *changes);

/* d is initialised; its next ids are raised. -1: a content is no JSON. */
int rule_rows_to_doc(const struct rule_rows *r, struct rules_doc *d,
    struct err *e);
/* The changes that make after out of before, into r, which is empty. */
void rule_rows_between(const struct rules_doc *before,
    const struct rules_doc *after, struct rule_rows *r);

void rule_rows_put(struct buf *b, const struct rule_rows *r);
/* -1: not what put wrote; r is to be freed all the same. */
int rule_rows_get(struct span s, struct rule_rows *r);

#endif
