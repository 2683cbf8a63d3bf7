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
#include <glob.h>
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
#include "lib/config/config.h"
#include "lib/config/paths.h"
#include "scan/supervisor.h"
#include "scan/tmptree.h"

enum { SCANNERS_AUTO_MAX = 16, DAYS_MAX = 3650 };

struct options {
	const char *root;
	const char *user;
	const char *database;
	const char *required;
	const char *tmpdir;
	int64_t max_age;	/* -1: from the configuration */
	int64_t scanners;	/* 0: one a CPU */
	bool foreground;
};

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

static struct options
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
	struct options o = {.root = "", .max_age = -1};
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

static struct scan_settings
settings_get(const struct options *o, const struct paths *p,
    const struct config *c)
{
	struct scan_settings s = {
		.socket = p->scan,
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
	s.max_message = 2 * (uint64_t)config_int(c, "mail", "maxsize");
	if (s.max_message < s.max_scan)
		s.max_message = s.max_scan;
	s.dbdir = o->database != NULL ? xstrdup(o->database)
	    : xasprintf("%s%s", o->root, config_str(c, "clamav", "dbdir"));
	s.required = xstrdup(o->required != NULL ? o->required
	    : config_str(c, "clamav", "databases"));
	s.tmpdir = o->tmpdir != NULL ? xstrdup(o->tmpdir)
	    : xasprintf("%s/scan/tmp", p->run);
	return s;
}

/*
 * The C library's charset modules, which libclamav loads when a part of a
 * message needs one. The name of their folder depends on the architecture.
 */
static void
find_charsets(struct scan_settings *s)
{
	static const char *const patterns[] = {"/usr/lib/*/gconv",
	    "/usr/lib/gconv", "/usr/lib64/gconv"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		glob_t g;

		if (glob(patterns[i], 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc &&
		    n < SCAN_SYSTEM_PATHS - 1; k++)
			s->charsets[n++] = xstrdup(g.gl_pathv[k]);
		globfree(&g);
	}
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
	static struct scan_settings s;
	static struct paths p;
	struct options o = options_get(argc, argv);
	struct config *c;
	struct err e;
	int fd;

	log_init("pmgd-scan", o.foreground);
	umask(077);
	paths_init(&p, o.root);
	c = config_load(p.config, &e);
	if (c == NULL)
		fatal("%s", e.text);
	s = settings_get(&o, &p, c);
	config_free(c);
	find_charsets(&s);
	umask(022);
	fd = socket_get(&s, &p);
	umask(077);
	if (tmptree_make(s.tmpdir, &e) != 0)
		fatal("%s", e.text);
	if (s.user != NULL)
		drop_root(&s);
	else if (geteuid() == 0)
		log_warn("running as root: use --user, or systemd's User=");
	return supervisor_run(&s, fd);
}
