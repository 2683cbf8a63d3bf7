/*
 * What becomes of each recipient: noted, and logged in the words that the
 * reference product's trackers look for.
 */
#ifndef PMG_FILTER_OUTCOME_H
#define PMG_FILTER_OUTCOME_H

#include "filter/message.h"

/* Recipient i ends so. Its reply and ids are set before. where: the quarantine,
 * in a word. */
void outcome_set(struct message *m, size_t i, enum result result,
    const struct rule *rule, const char *where);
/* Recipient i gets a copy without attachments, and the original is in the
 * attachment quarantine. */
void outcome_kept(struct message *m, size_t i, const struct rule *rule,
    const char *id);
void outcome_deferred(struct message *m, size_t i, const struct rule *rule,
    int code, const char *text);
/* The reply of one who is done with. */
void outcome_ok(struct message *m, size_t i);
/* Every recipient that has no outcome yet; not logged one by one. */
void outcome_all(struct message *m, enum result r, int code,
    const char *text);

#endif
