/*
 * pmg SUBCOMMAND: one file each. Every one gets its own arguments (argv[0] is
 * its name) and what all of them share.
 */
#ifndef PMG_TOOLS_PMG_H
#define PMG_TOOLS_PMG_H

#include <stdbool.h>
#include "lib/config/paths.h"

struct pmg {
	const char *root;	/* "" = the installed system */
	struct paths paths;
	bool json;
};

/* Exit status 0 green, 1 yellow, 2 red. */
int pmg_status(const struct pmg *p);
/* 0: something was found, 1: nothing has this id, 2: cannot be read. */
int pmg_why(const struct pmg *p, const char *id);

#endif
