/* Release at scope exit, for functions with several exits (gcc, clang). */
#ifndef PMG_BASE_CLEANUP_H
#define PMG_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/base/buf.h"

static inline void
cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
#define AUTO_BUF __attribute__((cleanup(buf_free)))

#endif
