/* `pmg rules list|show|export`: the rules as they are. */
#ifndef PMG_TOOLS_PMG_RULES_SHOW_H
#define PMG_TOOLS_PMG_RULES_SHOW_H

#include "rules_command.h"

int rules_list(struct cmd *c);
int rules_show(struct cmd *c);
int rules_export(struct cmd *c);

#endif
