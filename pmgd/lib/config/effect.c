/*
 * Settings that are read, so that a file of the reference product is accepted,
 * while nothing uses them yet. Who sets one is told (pmg.conf(5), CAVEATS).
 */
#include <stdio.h>
#include <string.h>
#include "lib/config/config.h"

static const char *const unused[] = {
	"mail.spf", "mail.greylist", "mail.greylistmask4", "mail.greylist6",
	"mail.greylistmask6", "mail.max_policy", "mail.log-headers",
	"admin.advfilter", "admin.dailyreport", "admin.statlifetime",
	"admin.demo", "admin.http_proxy", "admin.consent-text",
	"admin.dkim_selector", "admin.dkim_sign_all_mail",
	"admin.dkim-use-domain",
	"spamquar.authmode", "spamquar.reportstyle", "spamquar.viewimages",
	"spamquar.allowhrefs", "spamquar.hostname", "spamquar.port",
	"spamquar.protocol", "spamquar.mailfrom", "spamquar.quarantinelink",
	"virusquar.viewimages", "virusquar.allowhrefs",
	"clamav.dbmirror", "clamav.scriptedupdates", "clamav.safebrowsing",
};

bool
config_has_effect(const struct config_key *k)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.%s", k->section, k->name);
	for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
		if (strcmp(unused[i], name) == 0)
			return false;
	return true;
}
