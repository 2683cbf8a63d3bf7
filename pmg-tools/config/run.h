/* Other programs, without a shell: arguments go where they are meant to go. */
#ifndef PMG_TOOLS_RUN_H
#define PMG_TOOLS_RUN_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum { RUN_ARGS_MAX = 20 };

struct run {
	const char *argv[RUN_ARGS_MAX + 1];	/* argv[0]: searched in PATH */
	struct span input;	/* its stdin; empty: /dev/null */
	struct buf *output;	/* its stdout; NULL: ours */
	bool errors_too;	/* its stderr goes to output as well */
};

/*
 * Exit status of the program, 127 when it does not exist, 128 + signal when
 * it died of one; -1: could not be started, e tells.
 */
int run_program(const struct run *r, struct err *e);

#endif
