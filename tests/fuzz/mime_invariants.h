/*
 * What must hold for the parse of any bytes whatever. Shared by the fuzz
 * target and the run over the corpus.
 */
#ifndef PMG_TESTS_MIME_INVARIANTS_H
#define PMG_TESTS_MIME_INVARIANTS_H

#include "lib/mail/mime.h"

/* NULL: all hold; else which one does not. */
const char *mime_invariants(struct span msg, const struct mime_limits *lim);

/* The same for content_of() with room for max decoded bytes. */
const char *content_invariants(struct span msg, const struct mime_limits *lim,
    size_t max);

#endif
