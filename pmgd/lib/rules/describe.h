/*
 * Inside of lib/rules: what the descriptions of rules and of objects share.
 */
#ifndef PMG_RULES_DESCRIBE_H
#define PMG_RULES_DESCRIBE_H

#include "lib/base/buf.h"

enum { DESCRIBE_TEXT_MAX = 1024 };	/* bytes of one text that are shown */

/* As log_safe(), but a backslash stays single: expressions are full of them. */
void describe_text(struct buf *out, const char *s);

#endif
