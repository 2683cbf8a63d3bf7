/* `pmg rules replay`: other rules decide the last messages again. */
#ifndef PMG_TOOLS_PMG_RULES_REPLAY_H
#define PMG_TOOLS_PMG_RULES_REPLAY_H

#include "lib/config/paths.h"

/* argv[0]: "replay". Exit status 0: nothing would change; 1: something would;
 * 2: not possible; 64: wrong usage. */
int pmg_rules_replay(int argc, char **argv, const struct paths *p);

#endif
