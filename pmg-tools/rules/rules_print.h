/* Text for a terminal of 80 columns. */
#ifndef PMG_TOOLS_RULES_PRINT_H
#define PMG_TOOLS_RULES_PRINT_H

#include <stddef.h>
#include <stdio.h>
#include "lib/base/buf.h"

enum { PRINT_COLUMNS = 79 };

/* Control characters escaped, backslashes as they are. */
void print_clean(const char *s);
/* The same, cut at width columns with "..." and filled up to it. */
void print_cell(const char *s, size_t width);
size_t print_width(const char *s);
/*
 * One line, broken at blanks before column 80; further lines go in by indent.
 */
void print_wrapped(struct buf *line, int indent);
void print_wrapped_to(FILE *f, struct buf *line, int indent);
/* before, then the text with further lines under its beginning. */
void print_field(const char *before, const char *text);

#endif
