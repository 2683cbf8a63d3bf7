/* `pmg rules versions|diff|rollback|draft ...|import|reset`: whole sets. */
#ifndef PMG_TOOLS_PMG_RULES_VERSION_H
#define PMG_TOOLS_PMG_RULES_VERSION_H

#include "rules_command.h"

int rules_versions(struct cmd *c);
int rules_diff(struct cmd *c);
int rules_rollback(struct cmd *c);
int rules_import(struct cmd *c);
int rules_reset(struct cmd *c);

int draft_open(struct cmd *c);
int draft_show(struct cmd *c);
int draft_discard(struct cmd *c);
int draft_rebase(struct cmd *c);
int draft_publish(struct cmd *c);

/* Changes from one target to another, in words or as JSON. Exit status. */
int diff_print(struct cmd *c, struct rules_target before,
    struct rules_target after);

#endif
