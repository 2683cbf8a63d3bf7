#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "run.h"

enum { PENDING_FILE_MAX = 64 };

static char *
pending_path(const struct site *s)
{
	return xasprintf("%s/restart-needed", s->paths.state);
}

int
service_pending_load(const struct site *s, unsigned *bits, struct err *e)
{
	AUTO_FREE char *path = pending_path(s);
	AUTO_BUF struct buf b;
	int64_t n = 0;

	*bits = 0;
	buf_init(&b, PENDING_FILE_MAX);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(path, &b, e) != 0)
		return -1;
	/* Damaged: reload everything rather than nothing. */
	if (!str_num(span_trim(buf_span(&b)), 0, SERVICE_ALL, &n))
		n = SERVICE_ALL;
	*bits = (unsigned)n;
	return 0;
}

int
service_pending_save(const struct site *s, unsigned bits, struct err *e)
{
	AUTO_FREE char *path = pending_path(s);
	AUTO_BUF struct buf b;

	buf_init(&b, PENDING_FILE_MAX);
	if (bits == 0)
		return unlink(path) == 0 || errno == ENOENT ? 0
		    : err_errno(e, "%s", path);
	buf_printf(&b, "%u\n", bits);
	return atomicfile_write(path, buf_span(&b), 0644, e);
}

/* The Postfix below --root runs by itself, without systemd. */
static int
rig_postfix_reload(const struct site *s, struct err *e)
{
	struct run status = {.argv = {"postfix", "-c", s->postfix, "status"}};
	struct run reload = {.argv = {"postfix", "-c", s->postfix, "reload"}};

	/* Not running: it reads the new files when it starts. */
	if (run_program(&status, e) != 0)
		return 0;
	if (run_program(&reload, e) != 0)
		return err_set(e, "postfix -c %s reload failed", s->postfix);
	return 0;
}

static const struct service {
	unsigned bit;
	const char *verb;
	const char *unit;
} services[] = {
	{SERVICE_SPAMD_RESTART, "try-restart", "pmg-spamd.service"},
	{SERVICE_SPAMD, "try-reload-or-restart", "pmg-spamd.service"},
	{SERVICE_PMG, "try-reload-or-restart", "pmgd-store.service"},
	{SERVICE_PMG, "try-reload-or-restart", "pmgd-scan.service"},
	{SERVICE_PMG, "try-reload-or-restart", "pmgd.service"},
	/* Last: what it speaks to is ready then. */
	{SERVICE_POSTFIX, "reload-or-restart", "postfix.service"},
};

static int
systemd_reload(unsigned bits, unsigned *left)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		const struct service *x = &services[i];
		struct run r = {.argv = {"systemctl", x->verb, x->unit}};
		struct err why = {""};

		if (!(bits & x->bit))
			continue;
		printf("%s %s\n", x->verb, x->unit);
		fflush(stdout);
		if (run_program(&r, &why) == 0)
			continue;
		fprintf(stderr, "pmgconfig: systemctl %s %s failed%s%s\n",
		    x->verb, x->unit, *why.text ? ": " : "", why.text);
		*left |= x->bit;
		rc = -1;
	}
	return rc;
}

int
service_reload(const struct site *s, unsigned bits, unsigned *left,
    struct err *e)
{
	*left = 0;
	if (bits & SERVICE_SPAMD_RESTART)
		bits &= ~(unsigned)SERVICE_SPAMD;
	if (bits == 0)
		return 0;
	if (*s->root != '\0') {
		if (bits & ~(unsigned)SERVICE_POSTFIX)
			printf("below --root: restart spamd and the pmg "
			    "daemons yourself\n");
		return bits & SERVICE_POSTFIX ? rig_postfix_reload(s, e) : 0;
	}
	if (access("/run/systemd/system", F_OK) != 0) {
		*left = bits;
		fprintf(stderr, "pmgconfig: systemd is not running: services "
		    "were not reloaded\n");
		return 0;
	}
	if (systemd_reload(bits, left) != 0)
		return err_set(e, "the files are written, but not every "
		    "service took them");
	return 0;
}
