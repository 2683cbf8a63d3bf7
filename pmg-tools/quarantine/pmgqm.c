/* pmgqm: the quarantine on the command line. Asks pmgd-store. */
#include "pmgqm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/paths.h"

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	ASK_MS = 30 * 1000,
	LIST_DEFAULT = 1000,
	LIST_MAX = 10 * 1000 * 1000,
	ARENA = 1024 * 1024 * 1024,
	RELEASE_WAIT_MS = 10 * 1000,
	RELEASE_POLL_MS = 100,
};

struct tool {
	struct paths paths;
	int sock;
	struct arena a;
	struct buf reply;
	/* options: */
	struct store_list list;
	const char *rcpt;
	bool json;
	bool raw;
	const char *id;		/* what a refusal is about, or "" */
};

static void
print_usage(FILE *f)
{
	fputs(
	    "usage: pmgqm [--root DIR] list [--kind KIND] [--rcpt ADDR]\n"
	    "             [--sender ADDR] [--since DATE] [--until DATE]\n"
	    "             [--limit N] [-o text|json]\n"
	    "       pmgqm show ID [--raw] [-o text|json]\n"
	    "       pmgqm release ID... [--rcpt ADDR]\n"
	    "       pmgqm delete ID... [--rcpt ADDR]\n"
	    "       pmgqm purge\n"
	    "       pmgqm status [-o text|json]\n", f);
}

static void __attribute__((noreturn))
usage(void)
{
	print_usage(stderr);
	exit(EXIT_USAGE);
}

/* The reason may carry what a stranger sent. */
static void
complain(const char *what, const char *why)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 64 * 1024);
	log_safe(&b, span_str(why), 8192);
	fprintf(stderr, "pmgqm: %s%s%s\n", what, what[0] ? ": " : "",
	    buf_cstr(&b));
}

static void __attribute__((noreturn))
bad_usage(const char *what, const char *why)
{
	complain(what, why);
	usage();
}

/*
 * One question, one answer of the wanted type in m (its body in t->reply).
 * False: it was said why.
 */
static bool
ask(struct tool *t, uint16_t type, struct buf *question, uint16_t want,
    struct ipc_msg *m)
{
	struct err e = {"no answer"};
	struct cursor c;
	int rc;

	if (t->sock < 0)
		t->sock = ipc_connect(t->paths.store_admin, ASK_MS, &e);
	if (t->sock < 0) {
		complain("cannot reach pmgd-store (does it run? systemctl "
		    "status pmgd-store; only root may ask it)", e.text);
		return false;
	}
	if (ipc_send(t->sock, type, buf_span(question), NULL, 0, ASK_MS,
	        &e) != 0) {
		complain("pmgd-store", e.text);
		return false;
	}
	rc = ipc_recv(t->sock, m, &t->reply, ASK_MS, &e);
	if (rc <= 0) {
		complain("pmgd-store", rc == 0 ? "closed the connection"
		    : e.text);
		return false;
	}
	if (m->type == want)
		return true;
	ipc_close_fds(m);
	c = cur_of(m->body);
	if (m->type == STORE_MSG_ERROR) {
		AUTO_FREE char *why = NULL;
		struct span s = cur_lp(&c);

		why = xstrndup(s.p, s.n);
		complain(t->id, why);
	} else {
		complain("pmgd-store", "answered something else");
	}
	return false;
}

static int
broken(void)
{
	complain("pmgd-store", "sent what cannot be read");
	return EXIT_FAILED;
}

/* ---- list ---- */

static int
run_list(struct tool *t, char **args)
{
	struct store_entry *all = NULL;
	struct store_list l = t->list;
	uint32_t left = l.limit;
	size_t n = 0;

	if (args[0] != NULL)
		usage();
	do {
		AUTO_BUF struct buf q;
		struct store_page page;
		struct ipc_msg m;

		buf_init(&q, IPC_MAX);
		l.limit = left;
		store_list_put(&q, &l);
		if (!ask(t, STORE_MSG_LIST, &q, STORE_MSG_LIST_REPLY, &m)) {
			free(all);
			return EXIT_FAILED;
		}
		if (store_page_get(m.body, &page, &t->a) != 0) {
			free(all);
			return broken();
		}
		all = xrealloc(all, n + page.nentry + 1, sizeof(*all));
		memcpy(all + n, page.entry, page.nentry * sizeof(*all));
		n += page.nentry;
		left -= page.nentry < left ? page.nentry : left;
		l.before = page.next;
	} while (l.before != 0 && left > 0);
	if (t->json)
		print_list_json(all, n);
	else
		print_list(all, n);
	if (l.before != 0)
		fprintf(stderr, "pmgqm: only the newest %zu are listed; "
		    "--limit shows more\n", n);
	free(all);
	return EXIT_OK;
}

/* ---- show ---- */

static bool
ask_show(struct tool *t, const char *id, bool file, struct store_entry *s,
    int *fd_r)
{
	struct store_show w = {.id = id, .want_file = file};
	AUTO_BUF struct buf q;
	struct ipc_msg m;

	*fd_r = -1;
	t->id = id;
	buf_init(&q, IPC_MAX);
	store_show_put(&q, &w);
	if (!ask(t, STORE_MSG_SHOW, &q, STORE_MSG_SHOW_REPLY, &m))
		return false;
	if (store_entry_get(m.body, s, &t->a) != 0 || m.nfd != (file ? 1 : 0)) {
		ipc_close_fds(&m);
		broken();
		return false;
	}
	if (file)
		*fd_r = m.fd[0];
	return true;
}

/* The message alone: behind it the file has the quarantine's own trailer. */
static int
copy_out(int fd, uint64_t size)
{
	static unsigned char chunk[64 * 1024];
	uint64_t off = 0;

	while (off < size) {
		size_t want = size - off < sizeof(chunk) ? (size_t)(size - off)
		    : sizeof(chunk);
		ssize_t n = pread_all(fd, chunk, want, off);

		if (n < 0 || (size_t)n < want) {
			complain("message file", n < 0 ? strerror(errno)
			    : "is too short");
			return EXIT_FAILED;
		}
		if (write_all(STDOUT_FILENO, chunk, want) != 0) {
			complain("output", strerror(errno));
			return EXIT_FAILED;
		}
		off += (uint64_t)n;
	}
	return EXIT_OK;
}

static int
run_show(struct tool *t, char **args)
{
	struct store_entry s;
	AUTO_CLOSE int fd = -1;

	if (args[0] == NULL || args[1] != NULL)
		bad_usage("show", "takes one id, as list prints it");
	if (!ask_show(t, args[0], t->raw, &s, &fd))
		return EXIT_FAILED;
	if (t->raw)
		return copy_out(fd, s.size);
	if (t->json)
		print_entry_json(&s);
	else
		print_entry(&s);
	return EXIT_OK;
}

/* ---- release, delete ---- */

static const char *
whoami(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "";
}

static int
print_done(struct tool *t, const struct ipc_msg *m, const char *what)
{
	AUTO_BUF struct buf b = {.max = 64 * 1024};
	struct store_done d;

	if (store_done_get(m->body, &d, &t->a) != 0)
		return broken();
	if (!d.ok) {
		complain(what, d.text);
		return EXIT_FAILED;
	}
	log_safe(&b, span_str(d.text), 16 * 1024);
	printf("%s%s%s\n", what, what[0] ? ": " : "", buf_cstr(&b));
	return EXIT_OK;
}

static bool
concerns(const struct tool *t, const struct store_entry_rcpt *r)
{
	return t->rcpt[0] == '\0' ||
	    span_ieqs(span_str(r->addr), t->rcpt);
}

/* How many still wait for Postfix, how many it refused. */
static void
count_states(const struct tool *t, const struct store_entry *s,
    unsigned *waiting_r, unsigned *refused_r)
{
	*waiting_r = *refused_r = 0;
	for (uint32_t i = 0; i < s->nrcpt; i++) {
		if (!concerns(t, &s->rcpt[i]))
			continue;
		*waiting_r += strcmp(s->rcpt[i].state, "releasing") == 0;
		*refused_r += strcmp(s->rcpt[i].state, "refused") == 0;
	}
}

/*
 * The request is safe from now on; a person still wants to know whether the
 * mail is on its way.
 */
static int
await_release(struct tool *t, const char *id)
{
	int64_t deadline = clock_mono_ms() + RELEASE_WAIT_MS;
	unsigned waiting, refused;
	struct store_entry s;
	const char *why = "";
	int fd;

	do {
		if (!ask_show(t, id, false, &s, &fd))
			return EXIT_FAILED;
		count_states(t, &s, &waiting, &refused);
		if (waiting == 0)
			break;
		usleep(RELEASE_POLL_MS * 1000);
	} while (clock_left_ms(deadline) > 0);
	for (uint32_t i = 0; i < s.naction; i++)
		if (strcmp(s.action[i].action, "refused") == 0 ||
		    strcmp(s.action[i].action, "failed") == 0)
			why = s.action[i].detail;
		else if (strcmp(s.action[i].action, "released") == 0)
			why = "";
	if (refused > 0) {
		complain(id, why);
		return EXIT_FAILED;
	}
	if (waiting > 0) {
		AUTO_BUF struct buf b;

		buf_init(&b, 4096);
		log_safe(&b, span_str(why), 512);
		printf("%s: waits for Postfix and will be sent%s%s\n", id,
		    why[0] ? "; last try: " : "", buf_cstr(&b));
		return EXIT_OK;
	}
	printf("%s: Postfix has it\n", id);
	return EXIT_OK;
}

static int
act(struct tool *t, enum store_verb verb, const char *id)
{
	struct store_act a = {.verb = (uint8_t)verb, .id = id, .rcpt = t->rcpt,
	    .actor = whoami()};
	AUTO_BUF struct buf q;
	struct ipc_msg m;
	int rc;

	buf_init(&q, IPC_MAX);
	store_act_put(&q, &a);
	if (!ask(t, STORE_MSG_ACT, &q, STORE_MSG_ACT_REPLY, &m))
		return EXIT_FAILED;
	rc = print_done(t, &m, id);
	return rc == EXIT_OK && verb == STORE_RELEASE ? await_release(t, id)
	    : rc;
}

static int
act_all(struct tool *t, enum store_verb verb, char **ids)
{
	int worst = EXIT_OK;

	if (ids[0] == NULL)
		bad_usage(verb == STORE_RELEASE ? "release" : "delete",
		    "takes ids, as list prints them");
	for (; *ids != NULL; ids++) {
		int rc = act(t, verb, *ids);

		if (rc > worst)
			worst = rc;
	}
	return worst;
}

static int
run_release(struct tool *t, char **args)
{
	return act_all(t, STORE_RELEASE, args);
}

static int
run_delete(struct tool *t, char **args)
{
	return act_all(t, STORE_DELETE, args);
}

/* ---- purge, status ---- */

static int
run_purge(struct tool *t, char **args)
{
	AUTO_BUF struct buf q;
	struct ipc_msg m;

	if (args[0] != NULL)
		usage();
	buf_init(&q, 0);
	if (!ask(t, STORE_MSG_PURGE, &q, STORE_MSG_PURGE_REPLY, &m))
		return EXIT_FAILED;
	return print_done(t, &m, "");
}

static int
run_status(struct tool *t, char **args)
{
	AUTO_BUF struct buf q;
	struct store_status s;
	struct ipc_msg m;

	if (args[0] != NULL)
		usage();
	buf_init(&q, 0);
	if (!ask(t, STORE_MSG_STATUS, &q, STORE_MSG_STATUS_REPLY, &m))
		return EXIT_FAILED;
	if (store_status_get(m.body, &s, &t->a) != 0)
		return broken();
	if (t->json)
		print_status_json(&s);
	else
		print_status(&s);
	return EXIT_OK;
}

/* ---- options ---- */

static uint8_t
kind_option(const char *name)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {{"spam", 'S'}, {"virus", 'V'}, {"attachment", 'A'},
	    {"poison", 'P'}, {"held", 'H'}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return kinds[i].kind;
	bad_usage(name, "is no kind (spam, virus, attachment, poison, held)");
}

/* "2026-11-24", "2026-11-24 10:00[:00]" (local time), "3d", "12h". */
static uint64_t
date_option(const char *s)
{
	static const char *const format[] = {"%Y-%m-%d %H:%M:%S",
	    "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	size_t n = strlen(s);
	int64_t count;

	if (n > 1 && (s[n - 1] == 'd' || s[n - 1] == 'h') &&
	    str_num(span_of(s, n - 1), 0, 100000, &count)) {
		count *= s[n - 1] == 'd' ? 86400 : 3600;
		return (uint64_t)(clock_wall_us() - count * 1000000);
	}
	for (int i = 0; i < 3; i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(s, format[i], &tm);
		time_t t;

		tm.tm_isdst = -1;
		if (end == NULL || *end != '\0')
			continue;
		t = mktime(&tm);
		if (t != (time_t)-1)
			return (uint64_t)t * 1000000;
	}
	complain(s, "is no date (2026-11-24, \"2026-11-24 10:00\", 3d, 12h)");
	exit(EXIT_USAGE);
}

enum { OPT_ROOT = 256, OPT_KIND, OPT_RCPT, OPT_SENDER, OPT_SINCE, OPT_UNTIL,
	OPT_LIMIT, OPT_RAW, OPT_HELP };

/* Options may stand anywhere; which of them a command takes is in its row. */
static const struct option longopts[] = {
    {"root", required_argument, NULL, OPT_ROOT},
    {"kind", required_argument, NULL, OPT_KIND},
    {"rcpt", required_argument, NULL, OPT_RCPT},
    {"sender", required_argument, NULL, OPT_SENDER},
    {"since", required_argument, NULL, OPT_SINCE},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"raw", no_argument, NULL, OPT_RAW},
    {"help", no_argument, NULL, OPT_HELP},
    {"output-format", required_argument, NULL, 'o'},
    {NULL, 0, NULL, 0}};

enum { BIT_LIST = 1, BIT_RCPT = 2, BIT_RAW = 4, BIT_OUTPUT = 8 };

static const struct command {
	const char *name;
	int (*run)(struct tool *t, char **args);
	unsigned takes;
} commands[] = {
    {"list", run_list, BIT_LIST | BIT_RCPT | BIT_OUTPUT},
    {"show", run_show, BIT_RAW | BIT_OUTPUT},
    {"release", run_release, BIT_RCPT},
    {"delete", run_delete, BIT_RCPT},
    {"purge", run_purge, 0},
    {"status", run_status, BIT_OUTPUT},
};

static void
option_output(struct tool *t, const char *value)
{
	t->json = strcmp(value, "json") == 0;
	if (!t->json && strcmp(value, "text") != 0)
		bad_usage(value, "is no output format");
}

static unsigned
option_take(struct tool *t, int ch, const char *value)
{
	int64_t n;

	switch (ch) {
	case OPT_KIND:
		t->list.kind = kind_option(value);
		return BIT_LIST;
	case OPT_RCPT:
		t->rcpt = t->list.rcpt = value;
		return BIT_RCPT;
	case OPT_SENDER:
		t->list.sender = value;
		return BIT_LIST;
	case OPT_SINCE:
		t->list.since_us = date_option(value);
		return BIT_LIST;
	case OPT_UNTIL:
		t->list.until_us = date_option(value);
		return BIT_LIST;
	case OPT_LIMIT:
		if (!str_num(span_str(value), 1, LIST_MAX, &n))
			bad_usage(value, "--limit takes 1 to 10000000");
		t->list.limit = (uint32_t)n;
		return BIT_LIST;
	case OPT_RAW:
		t->raw = true;
		return BIT_RAW;
	case 'o':
		option_output(t, value);
		return BIT_OUTPUT;
	case OPT_HELP:
		print_usage(stdout);
		exit(EXIT_OK);
	default:
		usage();
	}
}

int
main(int argc, char **argv)
{
	static struct tool t = {.sock = -1, .rcpt = "",
	    .list = {.rcpt = "", .sender = "", .limit = LIST_DEFAULT},
	    .id = ""};
	const char *root = "";
	unsigned used = 0;
	int ch, rc;

	while ((ch = getopt_long(argc, argv, "o:", longopts, NULL)) != -1) {
		if (ch == OPT_ROOT)
			root = optarg;
		else
			used |= option_take(&t, ch, optarg);
	}
	if (optind == argc)
		usage();
	paths_init(&t.paths, root);
	arena_init(&t.a, ARENA);
	buf_init(&t.reply, IPC_MAX);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[optind], c->name) != 0)
			continue;
		if ((used & ~c->takes) != 0)
			bad_usage(c->name, "does not take this option");
		rc = c->run(&t, argv + optind + 1);
		if (fflush(stdout) != 0) {
			complain("output", strerror(errno));
			rc = EXIT_FAILED;
		}
		arena_free(&t.a);
		buf_free(&t.reply);
		if (t.sock >= 0)
			close(t.sock);
		return rc;
	}
	bad_usage(argv[optind], "no such command");
}
