/*
 * What could stand at the end of a command line: for the shell's completion
 * (pmg.bash-completion), made from the tables of commands and from what
 * pmgd-store knows.
 */
#ifndef PMG_TOOLS_RULES_COMPLETE_H
#define PMG_TOOLS_RULES_COMPLETE_H

#include "rules_command.h"

/*
 * line: the command line up to the cursor, as it was typed. Prints a candidate
 * a line, quoted so that it can take the place of what readline takes for the
 * last word; "//files" alone where a file is meant. nouns ends with NULL;
 * others: further words behind the program's name, ends with NULL.
 *
 * Always 0, and silent about what cannot be found out.
 */
int complete_line(const char *line, const struct noun *const *nouns,
    const char *const *others);

#endif
