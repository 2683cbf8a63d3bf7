/*
 * pmgd-store: the only writer of the quarantine and of the rules.
 *
 *	pmgd workers --store.sock--> batches -> files, quarantine.db
 *	tools        --admin.sock--> list, show, release, delete, status
 *	config.db -> rules.active, lists.active (what workers load)
 *	children --SMTP--> Postfix: one for each release
 *	children: edit and compile rules
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/sandbox.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "store/store.h"

static void
make_folder(const char *path, mode_t mode)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		fatal("%s: %s", path, strerror(errno));
}

/* Landlock speaks of what exists: made before the sandbox closes. */
static void
folders_make(const struct paths *p)
{
	char *rules = xstrdup(p->rules);

	*strrchr(rules, '/') = '\0';
	make_folder(p->state, 0755);
	make_folder(p->store_db, 0700);
	make_folder(rules, 0755);
	make_folder(p->spool, 0755);
	make_folder(p->quarantine, 0700);
	free(rules);
}

static int
listen_at(const char *name, const char *path)
{
	int fd = ipc_activated(name);
	struct err e;

	if (fd < 0)
		fd = ipc_listen(path, 0660, &e);
	if (fd < 0)
		fatal("%s", e.text);
	return fd;
}

static void
sandbox(const struct paths *p)
{
	char *rules = xstrdup(p->rules);
	const char *const read_paths[] = {p->config, "/dev/urandom",
	    "/etc/localtime", "/usr/share/zoneinfo",
#ifdef PMG_SANITIZED
	    "/proc",		/* LeakSanitizer */
#endif
	    NULL};
	const char *const write_paths[] = {p->store_db, rules, p->quarantine,
	    NULL};
	struct sandbox s = {.net = SANDBOX_NET_UNIX, .fork = true,
	    .read_paths = read_paths, .write_paths = write_paths};
	struct err e;

	*strrchr(rules, '/') = '\0';
	if (sandbox_enter(&s, &e) != 0)
		fatal("%s", e.text);
	free(rules);
}

static int
on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	(void)si;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int
on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	struct store *s = arg;

	(void)source;
	(void)si;
	purge_reload(s->purge);
	lists_reload(s->lists);
	if (s->rule_work != NULL)
		rules_start(s->rule_work);
	return 0;
}

static void
signals_add(struct store *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (sd_event_add_signal(s->loop, NULL, SIGTERM, on_stop, s) < 0 ||
	    sd_event_add_signal(s->loop, NULL, SIGINT, on_stop, s) < 0 ||
	    sd_event_add_signal(s->loop, NULL, SIGHUP, on_reload, s) < 0)
		fatal("event loop: cannot watch signals");
}

static void
databases_open(struct store *s)
{
	char *config = xasprintf("%s/config.db", s->paths.store_db);
	char *quarantine = xasprintf("%s/quarantine.db", s->paths.store_db);
	struct err e;

	s->rules = ruledb_open(config, &e);
	if (s->rules == NULL)
		fatal("%s", e.text);
	s->q = quarantine_open(quarantine, s->paths.quarantine, &e);
	if (s->q == NULL)
		fatal("%s", e.text);
	free(config);
	free(quarantine);
}

static void
store_run(struct store *s, int workers, int admin)
{
	struct err e;

	databases_open(s);
	if (sd_event_new(&s->loop) < 0)
		fatal("event loop: cannot be made");
	sd_event_set_watchdog(s->loop, true);
	signals_add(s);
	s->purge = purge_new(s);
	s->lists = lists_new(s);
	s->rule_work = rules_new(s, &e);
	if (s->rule_work == NULL)
		fatal("%s", e.text);
	s->release = release_new(s);
	s->server = server_new(s, workers, admin);
	sd_notify(0, "READY=1");
	log_info("ready");
	if (sd_event_loop(s->loop) < 0)
		fatal("event loop failed");
	sd_notify(0, "STOPPING=1");
	server_free(s->server);
	rules_free(s->rule_work);
	release_free(s->release);
	purge_free(s->purge);
	lists_free(s->lists);
	quarantine_close(s->q);
	ruledb_close(s->rules);
	sd_event_unref(s->loop);
}

static void __attribute__((noreturn))
usage(void)
{
	fputs("usage: pmgd-store [-df] [--root DIR] [--user NAME]\n", stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	static const struct option longopts[] = {
	    {"root", required_argument, NULL, 'r'},
	    {"user", required_argument, NULL, 'u'},
	    {NULL, 0, NULL, 0}};
	static struct store store;
	const char *root = "", *user = NULL;
	bool foreground = false, debug = false;
	int workers, admin, ch;
	struct err e;

	while ((ch = getopt_long(argc, argv, "df", longopts, NULL)) != -1) {
		switch (ch) {
		case 'd':
			debug = true;
			break;
		case 'f':
			foreground = true;
			break;
		case 'r':
			root = optarg;
			break;
		case 'u':
			user = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	log_init("pmgd-store", foreground);
	log_set_debug(debug);
	/* What libraries would read later, when the sandbox is closed. */
	tzset();
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	umask(0022);	/* modes are given where files are made */
	paths_init(&store.paths, root);
	if (user != NULL && sandbox_become(user, &e) != 0)
		fatal("%s", e.text);
	folders_make(&store.paths);
	workers = listen_at("store", store.paths.store);
	admin = listen_at("admin", store.paths.store_admin);
	sandbox(&store.paths);
	store.started_us = clock_wall_us();
	store_run(&store, workers, admin);
	return 0;
}
