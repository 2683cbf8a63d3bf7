/*
 * Services whose configuration a sync changed. What was written without
 * --restart is remembered in a file, so that a later `sync --restart` reloads
 * it although nothing differs any more.
 */
#ifndef PMG_TOOLS_SERVICE_H
#define PMG_TOOLS_SERVICE_H

#include "lib/base/err.h"
#include "vars.h"

/* Bits; a restart makes the reload of the same unit needless. */
enum {
	SERVICE_POSTFIX = 1,
	SERVICE_SPAMD = 2,
	SERVICE_SPAMD_RESTART = 4,
	SERVICE_PMG = 8,	/* pmgd, pmgd-scan, pmgd-store read pmg.conf */
	SERVICE_ALL = 15,
};

int service_pending_load(const struct site *s, unsigned *bits,
    struct err *e);
int service_pending_save(const struct site *s, unsigned bits, struct err *e);
/*
 * Reloads them. Says in plain words what it could not do: bits that are left
 * are in *left.
 */
int service_reload(const struct site *s, unsigned bits, unsigned *left,
    struct err *e);

#endif
