/*
 * Failures on request, for the fault tests: a test build obeys a header field
 * "X-PMG-Test: NAME". The packaged build has none of it.
 */
#ifndef PMG_FILTER_HOOKS_H
#define PMG_FILTER_HOOKS_H

#include "filter/message.h"

#ifdef PMG_TEST_HOOKS
/* Crashes or hangs when the message asks for NAME at this point. */
void hook(const struct message *m, const char *name);
#else
static inline void
hook(const struct message *m, const char *name)
{
	(void)m;
	(void)name;
}
#endif

#endif
