/* `pmg who|what|when|action`: groups and their objects. */
#ifndef PMG_TOOLS_PMG_GROUPS_H
#define PMG_TOOLS_PMG_GROUPS_H

#include "rules_command.h"

enum { GROUP_NOUNS = 4 };

/* "pmg who", "pmg when", "pmg what", "pmg action". */
extern const struct noun group_nouns[GROUP_NOUNS];

/* pmg_objects.c */
int object_add(struct cmd *c);
int object_set(struct cmd *c);
int object_delete(struct cmd *c);
int object_move(struct cmd *c);

/* pmg_objects_file.c */
extern const struct command_option objects_import_options[];
int objects_import(struct cmd *c);
int objects_export(struct cmd *c);

#endif
