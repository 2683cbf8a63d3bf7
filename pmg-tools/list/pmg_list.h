/* `pmg list`: user lists, through pmgd-store. */
#ifndef PMG_TOOLS_PMG_LIST_H
#define PMG_TOOLS_PMG_LIST_H

#include <stddef.h>
#include "lib/config/paths.h"
#include "lib/rules/userlist_row.h"

int pmg_list_main(int argc, char **argv, const struct paths *p);

/* pmg_list_print.c: rows come sorted by owner. */
void pmg_list_text(const struct userlist_row *row, size_t n);
void pmg_list_json(const struct userlist_row *row, size_t n);

#endif
