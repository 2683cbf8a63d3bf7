/*
 * pmgd-scan: virus scanning for pmgd.
 *
 *   supervisor        owns the socket, watches the databases, loads nothing
 *    `-- loader       loads the engine once (1 GB and more), then forks
 *         `-- scanner xN   one message at a time; share the loader's memory
 *
 * A new set of signatures is a new loader with new scanners; the old ones
 * finish what they have. A crash or a hang costs one message its scan.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/paths.h"
#include "scan/settings.h"
#include "scan/supervisor.h"
#include "scan/tmptree.h"

enum { DAYS_MAX = 3650 };

static void
usage(void)
{
	fprintf(stderr, "usage: pmgd-scan [-f] [--root DIR] [--user NAME] "
	    "[--database DIR]\n\t[--required LIST] [--max-age DAYS] "
	    "[--scanners N] [--tmpdir DIR]\n");
	exit(2);
}

static int64_t
number(const char *text, int64_t min, int64_t max)
{
	int64_t v;

	if (!str_num(span_str(text), min, max, &v))
		usage();
	return v;
}

static struct scan_options
options_get(int argc, char **argv)
{
	static const struct option names[] = {
	    {"root", required_argument, NULL, 'r'},
	    {"user", required_argument, NULL, 'u'},
	    {"database", required_argument, NULL, 'd'},
	    {"required", required_argument, NULL, 'n'},
	    {"max-age", required_argument, NULL, 'a'},
	    {"scanners", required_argument, NULL, 's'},
	    {"tmpdir", required_argument, NULL, 't'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0}};
	struct scan_options o = {.root = "", .max_age = -1};
	int c;

	while ((c = getopt_long(argc, argv, "f", names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o.foreground = true;
			break;
		case 'r':
			o.root = optarg;
			break;
		case 'u':
			o.user = optarg;
			break;
		case 'd':
			o.database = optarg;
			break;
		case 'n':
			o.required = optarg;
			break;
		case 'a':
			o.max_age = number(optarg, 0, DAYS_MAX);
			break;
		case 's':
			o.scanners = number(optarg, 1, SCANNERS_MAX);
			break;
		case 't':
			o.tmpdir = optarg;
			break;
		case 'V':
			printf("pmgd-scan %s\n", PMG_VERSION);
			exit(0);
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	return o;
}

/* Makes the folder and those above it, where they are missing. */
static int
make_folders(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			rc = err_errno(e, "%s", copy);
		*p = c;
		if (c == '\0')
			break;
	}
	free(copy);
	return rc;
}

/* systemd's socket, or our own. */
static int
socket_get(const struct scan_settings *s, const struct paths *p)
{
	int fd = ipc_activated("scan");
	char *dir = xasprintf("%s/scan", p->run);
	struct err e;

	if (make_folders(dir, &e) != 0)
		fatal("%s", e.text);
	free(dir);
	/* Who may enter the folder may ask. */
	if (fd < 0)
		fd = ipc_listen(s->socket, 0666, &e);
	if (fd < 0)
		fatal("%s", e.text);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		fatal("%s: %s", s->socket, strerror(errno));
	return fd;
}

static void
drop_root(const struct scan_settings *s)
{
	struct passwd *pw = getpwnam(s->user);
	struct err e;

	if (pw == NULL)
		fatal("no such user: %s", s->user);
	if (chown(s->tmpdir, pw->pw_uid, pw->pw_gid) != 0)
		fatal("%s: %s", s->tmpdir, strerror(errno));
	if (sandbox_become(s->user, &e) != 0)
		fatal("%s", e.text);
}

int
main(int argc, char **argv)
{
	static struct paths p;
	struct scan_options o = options_get(argc, argv);
	struct scan_settings *s;
	struct err e;
	int fd;

	log_init("pmgd-scan", o.foreground);
	umask(077);
	paths_init(&p, o.root);
	s = settings_load(&o, &p, &e);
	if (s == NULL)
		fatal("%s", e.text);
	umask(022);
	fd = socket_get(s, &p);
	umask(077);
	if (tmptree_make(s->tmpdir, &e) != 0)
		fatal("%s", e.text);
	if (s->user != NULL)
		drop_root(s);
	else if (geteuid() == 0)
		log_warn("running as root: use --user, or systemd's User=");
	return supervisor_run(&o, &p, s, fd);
}
