/* `pmg rules`: its commands. */
#ifndef PMG_TOOLS_PMG_RULES_H
#define PMG_TOOLS_PMG_RULES_H

#include "rules_command.h"

extern const struct noun rules_noun;

#endif
