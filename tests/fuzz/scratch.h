/* A folder of the target's own for what is read from files; gone at exit. */
#ifndef PMG_TESTS_SCRATCH_H
#define PMG_TESTS_SCRATCH_H

#include "lib/base/span.h"

/* Made on the first call, in memory (/dev/shm) where there is such a place. */
const char *scratch_dir(void);
/* A file below it gets this content. */
void scratch_write(const char *name, struct span content);

#endif
