/* What a plan means for one recipient, in a form that can be compared. */
#ifndef PMG_TOOLS_PMG_RULES_FATE_H
#define PMG_TOOLS_PMG_RULES_FATE_H

#include <jansson.h>
#include "lib/rules/rules.h"

/*
 * {"end": "deliver|block|quarantine", "rule": NAME or null,
 *  "actions": [TEXT ...]}: the changes of the copy, then what is sent beside
 * it, in their order. Two fates are the same for the recipient when end and
 * actions are: which rule did it does not matter to him.
 */
json_t *fate_of(const struct plan *p, const struct facts *f, size_t rcpt);
bool fate_same(const json_t *a, const json_t *b);
/* "delivered (rule X), 2 actions: ..." for people; texts made safe. */
void fate_print(struct buf *out, const json_t *fate);

#endif
