/*
 * A constant table of words in one string, sorted by bytes, a blank in front
 * of and behind each. A word ends at a blank, '=' or ':'; what stands behind
 * '=' or ':' is its value. One string needs no relocations and no start-up.
 */
#ifndef PMG_MAIL_WORD_TABLE_H
#define PMG_MAIL_WORD_TABLE_H

#include <stdbool.h>
#include "lib/base/span.h"

/*
 * Binary search. True: *value (may be NULL) is what follows the word, with its
 * '=' or ':', up to the blank. word holds letters, digits and '-' only.
 */
bool word_find(struct span table, struct span word, struct span *value);

#endif
