/* Temporary folders, which a killed scanner leaves full. */
#ifndef PMG_SCAN_TMPTREE_H
#define PMG_SCAN_TMPTREE_H

#include "lib/base/err.h"

/* Makes the folder (0700) empty, whatever was there. */
int tmptree_make(const char *path, struct err *e);
/* Removes it with all it holds; not there is fine. */
void tmptree_remove(const char *path);

#endif
