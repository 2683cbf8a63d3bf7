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
/* "escape-WAY": tries that way out of the sandbox and notes in the event
 * record whether it was refused; seccomp may kill the worker instead. */
void hook_escape(struct message *m, const char *quarantine);
#else
static inline void
hook_escape(struct message *m, const char *quarantine)
{
	(void)m;
	(void)quarantine;
}


static inline void
hook(const struct message *m, const char *name)
{
	(void)m;
	(void)name;
}
#endif

#endif
