/*
 * A list of edits on a set of rules, in order, all or nothing (doc/RULES.md,
 * "Edits").
 */
#ifndef PMG_RULES_RULES_EDIT_H
#define PMG_RULES_RULES_EDIT_H

#include "lib/rules/rules_doc.h"

/*
 * Applies the operations to d. ids_r: a new list with the id of what each of
 * them added or touched. -1: e tells which operation and why; d is then
 * somewhere in between and to be thrown away.
 */
int rules_edit(struct rules_doc *d, const json_t *operations, json_t **ids_r,
    struct err *e);

#endif
