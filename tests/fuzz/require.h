/* What a fuzz target says when something that must hold does not. */
#ifndef PMG_TESTS_REQUIRE_H
#define PMG_TESTS_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>
#include "lib/base/buf.h"
#include "lib/mail/utf8.h"

#define require(cond)                                                          \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__,       \
			    __LINE__, #cond);                                  \
			abort();                                               \
		}                                                              \
	} while (0)

/* Valid UTF-8 on one line, as everything that people get to see. */
static inline void
require_line(struct span s)
{
	require(utf8_valid(s));
	for (size_t i = 0; i < s.n; i++)
		require(s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
