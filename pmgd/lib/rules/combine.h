/*
 * How statements are put together: the objects of a group, the groups of a
 * category (enum match_mode). Two forms of the same logic: counting, where a
 * statement is true or false (who, when), and marks, where it holds for some
 * parts of a mail or for the mail as a whole (what).
 *
 * tests/model/README.md tells why marks behave as they do (Q1-Q3, Q11).
 */
#ifndef PMG_RULES_COMBINE_H
#define PMG_RULES_COMBINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/rules/rules.h"

/* Of total statements, true ones are true. Of none at all only "none" holds. */
static inline bool
mode_holds(enum match_mode mode, size_t true_ones, size_t total)
{
	switch (mode) {
	case MATCH_ANY:
		return true_ones > 0;
	case MATCH_ALL:
		return total > 0 && true_ones == total;
	case MATCH_NOT_ALL:
		return true_ones < total;
	default:
		return true_ones == 0;
	}
}

/* What something speaks of. Neither: it does not hold. */
struct marks {
	bool whole;		/* the mail */
	uint64_t *part;		/* these parts: bit per index; NULL = none */
};

/* Where a statement holds, and where its contrary does. */
struct outcome {
	struct marks yes, no;
};

struct combine {
	enum match_mode mode;
	size_t words;		/* of a set of parts */
	size_t n;		/* statements so far */
	struct outcome sum;	/* of them, before NOT_ALL and NONE turn it */
};

bool marks_any(const struct marks *m, size_t words);
struct outcome outcome_truth(bool holds);

/* Room for sets of that many words. False: the arena is exhausted. */
bool combine_init(struct combine *c, size_t words, struct arena *a);
/* Starts anew. What combine_end() gave before is gone. */
void combine_begin(struct combine *c, enum match_mode mode);
void combine_add(struct combine *c, const struct outcome *o);
/* Valid until the next combine_begin(). */
struct outcome combine_end(const struct combine *c);

#endif
