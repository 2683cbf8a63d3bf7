/*
 * A case of the comparison: JSON, and what the engine makes of it. Whatever
 * the engine has no word for ends the program: a case must never be compared
 * with half of it left out.
 */
#ifndef PMG_MODEL_CASE_H
#define PMG_MODEL_CASE_H

#include <jansson.h>
#include "lib/rules/rules.h"

_Noreturn void give_up(const char *what, const char *which);

/* A member that must be there. */
json_t *get(const json_t *o, const char *key);

/* Members that may be absent: "", 0, false. */
const char *text(const json_t *o, const char *key);
int64_t number(const json_t *o, const char *key);
bool truth(const json_t *o, const char *key);

/* Index of a word; ends the program when it is none of them. */
int word_index(const char *const *words, int n, const char *word);
enum spf_result spf_of(const char *word);

/* Built, compiled and loaded; ruleset_free. */
struct ruleset *ruleset_of(const json_t *c);

/* Of the case's "message"; in the arena, but for the directory of the facts. */
void envelope_of(struct envelope *env, const json_t *m, struct arena *a);
void facts_of(struct facts *f, const struct envelope *env, const json_t *m,
    struct arena *a);

#endif
