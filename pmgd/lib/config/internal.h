/* Shared by the files of lib/config only. */
#ifndef PMG_CONFIG_INTERNAL_H
#define PMG_CONFIG_INTERNAL_H

#include <stdbool.h>
#include "lib/config/config.h"

enum { CONFIG_FILE_MAX = 1024 * 1024 };

struct config_slot {
	char *value;		/* NULL = default */
	char *comment;		/* comment lines above the key, or NULL */
	char *section_comment;	/* first key of a section: those above it */
	unsigned line;		/* where it stands in the file; 0 = nowhere */
};

struct config {
	char *path;
	struct config_slot *slot;	/* config_nkeys of them */
	char *tail;			/* comments behind everything */
};

#endif
