/* What the parts of pmgqm share: pmgqm.c asks, pmgqm_print.c shows. */
#ifndef PMG_TOOLS_PMGQM_H
#define PMG_TOOLS_PMGQM_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/proto/store_admin.h"

/* Text is for people: hostile bytes are escaped. JSON is for programs. */
void print_list(const struct store_entry *entry, size_t n);
void print_list_json(const struct store_entry *entry, size_t n);
void print_entry(const struct store_entry *s);
void print_entry_json(const struct store_entry *s);
void print_status(const struct store_status *s);
void print_status_json(const struct store_status *s);

#endif
