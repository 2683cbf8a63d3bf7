/*
 * MIME parser. The first byte chooses the limits, so that small caps are met
 * often; the rest is the message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "lib/mail/addr.h"
#include "lib/mail/mime_magic.h"
#include "mime_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits small = {.depth = 3, .parts = 5,
	    .header_fields = 4, .header_bytes = 200, .arena_bytes = 4096};
	const struct mime_limits *lim = &mime_limits_default;
	struct span msg = span_of(data, size);
	struct addr *list;
	struct arena a;
	const char *bad;

	if (size > 0 && data[0] == 1) {
		lim = &small;
		msg = span_sub(msg, 1, size);
	}
	bad = mime_invariants(msg, lim);
	if (bad == NULL)
		bad = content_invariants(msg, lim, lim == &small ? 100
		                                                 : 1024 * 1024);
	if (bad != NULL) {
		fprintf(stderr, "fuzz_mime: broken: %s\n", bad);
		abort();
	}
	arena_init(&a, 64 * 1024 * 1024);
	addr_list(msg, &list, &a);
	arena_free(&a);
	mime_magic_type(msg);
	return 0;
}
