/*
 * A command line that is being typed, as the shell reads it: words without
 * their quotes, and how the last one is quoted.
 */
#ifndef PMG_TOOLS_RULES_LINE_H
#define PMG_TOOLS_RULES_LINE_H

#include "lib/base/buf.h"

struct typed_line {
	char **word;		/* n of them, then NULL */
	int n;			/* the last is being typed, maybe "" */
	char quote;		/* that it stands in, '\0' = none */
	/* What of it readline does not replace: up to its last word break,
	 * without quotes. */
	size_t kept;
};

void line_read(struct typed_line *t, const char *line);
void line_free(struct typed_line *t);
/*
 * candidate, quoted as the last word is and without what readline keeps.
 * False: it does not begin with the last word, or cannot be quoted so.
 */
bool line_quote(const struct typed_line *t, const char *candidate,
    struct buf *out);

#endif
