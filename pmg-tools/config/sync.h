/*
 * pmgconfig sync: renders everything in memory, then writes what differs.
 * Nothing is written when anything cannot be rendered.
 */
#ifndef PMG_TOOLS_SYNC_H
#define PMG_TOOLS_SYNC_H

#include <stdbool.h>
#include "lib/base/err.h"
#include "vars.h"

struct sync_options {
	bool dry_run;		/* print a unified diff, change nothing */
	bool restart;		/* reload or restart what changed */
	const char *templates;	/* folder of the shipped templates */
};

int sync_run(const struct site *s, struct vars *v,
    const struct sync_options *o, struct err *e);

#endif
