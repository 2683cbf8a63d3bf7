/* `pmg rules show` and `pmg rules test`: what the active rules say and do. */
#ifndef PMG_TOOLS_PMG_RULES_H
#define PMG_TOOLS_PMG_RULES_H

#include "lib/config/paths.h"

/*
 * argv[0]: "rules", argv[1]: the sub-command. Exit status: 0; 1: the rules or
 * the message cannot be read (stderr tells); 2: wrong usage.
 */
int pmg_rules_main(int argc, char **argv, const struct paths *p);

#endif
