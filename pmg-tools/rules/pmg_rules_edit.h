/* `pmg rules add|set|...`: single rules are changed. */
#ifndef PMG_TOOLS_PMG_RULES_EDIT_H
#define PMG_TOOLS_PMG_RULES_EDIT_H

#include "rules_command.h"

extern const struct command_option rules_add_options[];
extern const struct command_option rules_set_options[];

int rules_add(struct cmd *c);
int rules_set(struct cmd *c);
int rules_rename(struct cmd *c);
int rules_delete(struct cmd *c);
int rules_enable(struct cmd *c);
int rules_disable(struct cmd *c);
int rules_link(struct cmd *c);
int rules_unlink(struct cmd *c);
int rules_mode(struct cmd *c);

/* "any", "all", "not-all", "none" as JSON has them; NULL: said why not. */
const char *mode_argument(const struct cmd *c, const char *word);

#endif
