#include "scan/settings.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/xalloc.h"
#include "lib/config/config.h"

enum { SCANNERS_AUTO_MAX = 16 };

static unsigned
scanners_auto(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	/* Two at least: one hanging message must not stop all others. */
	return n < 2 ? 2 : n > SCANNERS_AUTO_MAX ? SCANNERS_AUTO_MAX
	    : (unsigned)n;
}

static unsigned
clamav_int(const struct config *c, const char *key)
{
	return (unsigned)config_int(c, "clamav", key);
}

static void
settings_fill(struct scan_settings *s, const struct scan_options *o,
    const struct paths *p, const struct config *c)
{
	*s = (struct scan_settings){
		.socket = p->scan,
		.confdir = p->config,
		.user = o->user,
		.max_age_days = o->max_age >= 0 ? (unsigned)o->max_age
		    : clamav_int(c, "database_max_age"),
		.scanners = o->scanners > 0 ? (unsigned)o->scanners
		    : scanners_auto(),
		.max_file = clamav_int(c, "archivemaxsize"),
		.max_scan = clamav_int(c, "maxscansize"),
		.max_files = clamav_int(c, "archivemaxfiles"),
		.max_recursion = clamav_int(c, "archivemaxrec"),
		.scan_ms = clamav_int(c, "scantime") * 1000,
		.block_encrypted = config_bool(c, "clamav",
		    "archiveblockencrypted"),
		.max_cards = clamav_int(c, "maxcccount"),
	};

	/* Far above what Postfix lets in: a message that is too large to be
	 * scanned would be deferred until it bounces. */
	s->max_message = 2 * (uint64_t)config_int(c, "mail", "maxsize");
	if (s->max_message < s->max_scan)
		s->max_message = s->max_scan;
	s->dbdir = o->database != NULL ? xstrdup(o->database)
	    : xasprintf("%s%s", o->root, config_str(c, "clamav", "dbdir"));
	s->required = xstrdup(o->required != NULL ? o->required
	    : config_str(c, "clamav", "databases"));
	s->tmpdir = o->tmpdir != NULL ? xstrdup(o->tmpdir)
	    : xasprintf("%s/scan/tmp", p->run);
}

/*
 * The C library's charset modules, which libclamav loads when a part of a
 * message needs one. The name of their folder depends on the architecture.
 */
static const char *const *
find_charsets(void)
{
	static const char *const patterns[] = {"/usr/lib/*/gconv",
	    "/usr/lib/gconv", "/usr/lib64/gconv"};
	static const char *found[SCAN_SYSTEM_PATHS];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) &&
	    found[0] == NULL; i++) {
		glob_t g;

		if (glob(patterns[i], 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc &&
		    n < SCAN_SYSTEM_PATHS - 1; k++)
			found[n++] = xstrdup(g.gl_pathv[k]);
		globfree(&g);
	}
	return found;
}

struct scan_settings *
settings_load(const struct scan_options *o, const struct paths *p,
    struct err *e)
{
	struct config *c = config_load(p->config, e);
	struct scan_settings *s;

	if (c == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	settings_fill(s, o, p, c);
	config_free(c);
	s->charsets = find_charsets();
	return s;
}

void
settings_free(struct scan_settings *s)
{
	if (s == NULL)
		return;
	free(s->dbdir);
	free(s->required);
	free(s->tmpdir);
	free(s);
}
