/* What pmgd-scan is told: by its command line, and by pmg.conf. */
#ifndef PMG_SCAN_SETTINGS_H
#define PMG_SCAN_SETTINGS_H

#include "lib/base/err.h"
#include "lib/config/paths.h"
#include "scan/scan.h"

/* Goes before the configuration; NULL or the value named: not given. */
struct scan_options {
	const char *root;
	const char *user;
	const char *database;
	const char *required;
	const char *tmpdir;
	int64_t max_age;	/* days; -1 */
	int64_t scanners;	/* 0 */
	bool foreground;
};

/* NULL: a broken configuration, e tells. p must stay. */
struct scan_settings *settings_load(const struct scan_options *o,
    const struct paths *p, struct err *e);
void settings_free(struct scan_settings *s);

#endif
