/* Settings whose default comes from the machine. */
#include <string.h>
#include <unistd.h>
#include "lib/base/log.h"
#include "lib/config/config.h"

enum {
	FILTERS_MIN = 5, FILTERS_MAX = 40,
	SMTPD_MIN = 25, SMTPD_MAX = 100,
};

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

int64_t
config_auto(const struct config *c, const struct config_key *k,
    int64_t memory_mb, int64_t cores)
{
	const char *n = k->name;

	if (strcmp(n, "max_filters") == 0)
		return clamp(FILTERS_MIN + (memory_mb - 2560) / 150,
		    FILTERS_MIN, FILTERS_MAX);
	/* Two to spare, so that a worker that restarts keeps nobody waiting. */
	if (strcmp(n, "filter_workers") == 0)
		return config_int(c, "mail", "max_filters") + 2;
	if (strcmp(n, "max_smtpd_in") == 0 || strcmp(n, "max_smtpd_out") == 0)
		return clamp(SMTPD_MIN + (memory_mb - 512) / 20, SMTPD_MIN,
		    SMTPD_MAX);
	if (strcmp(n, "spamd_children") == 0)
		return clamp(cores, k->min, k->max);
	fatal("config: %s.%s has no automatic value", k->section, n);
}
