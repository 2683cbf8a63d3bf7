/* The one of some names that a mistyped word most likely means. */
#ifndef PMG_TOOLS_RULES_NAMES_H
#define PMG_TOOLS_RULES_NAMES_H

struct nearest {
	const char *word;
	const char *best;	/* NULL = nothing is near */
	unsigned distance;	/* of best; before: the first that is too far */
};

/* word stays valid; up to '=' counts. */
void nearest_init(struct nearest *n, const char *word);
void nearest_try(struct nearest *n, const char *name);

#endif
