#include "pmg_list.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "lib/base/xalloc.h"
#include "lib/proto/lists.h"

enum {
	EXIT_BAD = 1,
	EXIT_BAD_USAGE = 64,	/* as of pmg(8) */
	ASK_MS = 10 * 60 * 1000,	/* an import of many lists takes time */
	CONNECT_MS = 30 * 1000,
	ARENA = 1024 * 1024 * 1024,
	COPY = 64 * 1024,
};

static const char usage_text[] =
    "usage: pmg list show [OWNER] [--allow | --block] [-o text|json]\n"
    "       pmg list add OWNER --allow|--block [--comment TEXT] PATTERN ...\n"
    "       pmg list remove OWNER --allow|--block PATTERN ...\n"
    "       pmg list clear OWNER --allow|--block\n"
    "       pmg list import [--replace] FILE\n"
    "       pmg list export [OWNER] [--allow | --block]\n"
    "OWNER: --rcpt ADDRESS, --domain DOMAIN or --global\n"
    "PATTERN: an address, a domain, either with * and ?, an IP address or "
    "network\n"
    "FILE: CSV with the header line owner,kind,pattern,comment; - is the "
    "standard input\n";

struct list {
	struct lists_request q;
	const char *owner;	/* NULL = not given */
	const char *comment;
	int kind;		/* LISTS_BOTH = not given */
	bool json;
	char **arg;
	int narg;
	int sock;
	struct arena a;
};

static int
usage(const char *why, const char *what)
{
	if (why != NULL)
		fprintf(stderr, "pmg list: %s%s%s\n", why,
		    what != NULL ? " " : "", what != NULL ? what : "");
	fputs(usage_text, stderr);
	return EXIT_BAD_USAGE;
}

/* Lines of a refused file keep their ends. */
static int
fail(const char *why)
{
	while (*why != '\0') {
		AUTO_BUF struct buf b = {.max = 64 * 1024};
		size_t n = span_chr(span_str(why), 0, '\n');

		log_safe(&b, span_of(why, n), 8192);
		fprintf(stderr, "pmg list: %s\n", buf_cstr(&b));
		why += n + (why[n] == '\n');
	}
	return EXIT_BAD;
}

/* Who asks, for the journal; sudo's user rather than root. */
static const char *
actor(void)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw = getpwuid(getuid());

	return sudo != NULL && *sudo != '\0' ? sudo
	    : pw != NULL ? pw->pw_name : "";
}

/* 0: answered, and not refused. */
static int
ask(struct list *l, struct span file, struct lists_reply *r, int *fd_r,
    const struct paths *p)
{
	struct err e;

	if (l->sock < 0)
		l->sock = ipc_connect(p->store_admin, CONNECT_MS, &e);
	if (l->sock < 0) {
		fprintf(stderr, "pmg list: cannot reach pmgd-store (does it "
		    "run? systemctl status pmgd-store; only root may ask it): "
		    "%s\n", e.text);
		return EXIT_BAD;
	}
	if (lists_ask(l->sock, &l->q, file, ASK_MS, r, fd_r, &l->a, &e) != 0)
		return fail(e.text);
	return r->code == LISTS_OK ? 0 : fail(r->text);
}

static int
show(struct list *l, const struct paths *p)
{
	struct userlist_row *row = NULL;
	struct lists_reply r;
	size_t n = 0;
	int fd, rc;

	do {
		rc = ask(l, SPAN_LIT(""), &r, &fd, p);
		if (rc != 0)
			break;
		row = xrealloc(row, n + r.nrow + 1, sizeof(*row));
		for (uint32_t i = 0; i < r.nrow; i++)
			row[n++] = r.row[i];
		l->q.after_owner = r.after_owner;
		l->q.after_entry = r.after_entry;
	} while (r.more);
	if (rc == 0 && l->json)
		pmg_list_json(row, n);
	else if (rc == 0)
		pmg_list_text(row, n);
	if (rc == 0 && n == 0 && !l->json)
		puts("No entries.");
	free(row);
	return rc;
}

static int
export(struct list *l, const struct paths *p)
{
	struct lists_reply r;
	AUTO_CLOSE int fd = -1;
	unsigned char b[COPY];
	uint64_t off = 0;
	ssize_t n;

	if (ask(l, SPAN_LIT(""), &r, &fd, p) != 0)
		return EXIT_BAD;
	while (fd >= 0 && (n = pread_all(fd, b, sizeof(b), off)) > 0) {
		if (fwrite(b, 1, (size_t)n, stdout) != (size_t)n)
			break;
		off += (uint64_t)n;
	}
	return fd < 0 ? fail("pmgd-store sent no file") : 0;
}

static int
tell(const struct lists_reply *r)
{
	AUTO_BUF struct buf b = {.max = 64 * 1024};

	log_safe(&b, span_str(r->text), 8192);
	if (r->wait_ms > 0)
		printf("%s; in effect within %u s\n", buf_cstr(&b),
		    r->wait_ms / 1000 + 1);
	else
		puts(buf_cstr(&b));
	return 0;
}

static int
change(struct list *l, struct span file, const struct paths *p)
{
	struct lists_reply r;
	int fd;

	if (ask(l, file, &r, &fd, p) != 0)
		return EXIT_BAD;
	return tell(&r);
}

/* Once through, whatever it is: a pipe has no size. */
static int
read_stream(FILE *f, struct buf *b)
{
	unsigned char part[COPY];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(b, part, n);
	return ferror(f) || b->overflow ? -1 : 0;
}

static int
import(struct list *l, const struct paths *p)
{
	AUTO_BUF struct buf b = {.max = LISTS_FILE_MAX};
	const char *path = l->arg[0];
	struct err e = {"cannot be read, or is larger than 32 MB"};

	if (strcmp(path, "-") == 0 ? read_stream(stdin, &b) != 0
	                           : file_read(path, &b, &e) != 0) {
		fprintf(stderr, "pmg list: %s%s%s\n", strcmp(path, "-") == 0
		    ? "standard input: " : "", e.text,
		    b.overflow ? " (at most 32 MB)" : "");
		return EXIT_BAD;
	}
	return change(l, buf_span(&b), p);
}

static int
set_rows(struct list *l)
{
	if (l->narg > LISTS_ROWS)
		return usage("too many patterns at once: import a file", NULL);
	l->q.row = arena_array(&l->a, (size_t)l->narg, sizeof(*l->q.row));
	l->q.nrow = (uint32_t)l->narg;
	for (int i = 0; i < l->narg; i++)
		l->q.row[i] = (struct userlist_row){.owner = "",
		    .entry = l->arg[i], .actor = "", .comment =
		    l->comment != NULL ? l->comment : ""};
	return 0;
}

/* ---- the command line ---- */

static int
set_owner(struct list *l, const char *owner, bool domain)
{
	if (l->owner != NULL)
		return usage("one owner only: --rcpt, --domain or --global",
		    NULL);
	if (*owner == '\0' || domain == (strchr(owner, '@') != NULL))
		return usage(domain ? "this is not a domain:"
		                    : "this is not an address:", owner);
	l->owner = owner;
	return 0;
}

static int
apply_option(struct list *l, int c, char *arg)
{
	switch (c) {
	case 'r':
	case 'd':
		return set_owner(l, arg, c == 'd');
	case 'g':
		if (l->owner != NULL)
			return usage("one owner only: --rcpt, --domain or "
			    "--global", NULL);
		l->owner = "";
		return 0;
	case 'a':
	case 'b':
		if (l->kind != LISTS_BOTH)
			return usage("give --allow or --block, not both",
			    NULL);
		l->kind = c == 'a' ? USERLIST_ALLOW : USERLIST_BLOCK;
		return 0;
	case 'c':
		l->comment = arg;
		return 0;
	case 'A':	/* or getopt would take it for --allow */
		return usage("the list of all recipients is --global", NULL);
	case 'R':
		l->q.replace = 1;
		return 0;
	case 'o':
		l->json = strcmp(arg, "json") == 0;
		return l->json || strcmp(arg, "text") == 0 ? 0
		    : usage("this is no output format:", arg);
	default:
		return usage(NULL, NULL);
	}
}

static int
parse_options(struct list *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{"rcpt", required_argument, NULL, 'r'},
		{"domain", required_argument, NULL, 'd'},
		{"global", no_argument, NULL, 'g'},
		{"all", no_argument, NULL, 'A'},
		{"allow", no_argument, NULL, 'a'},
		{"block", no_argument, NULL, 'b'},
		{"comment", required_argument, NULL, 'c'},
		{"replace", no_argument, NULL, 'R'},
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1)
		if (apply_option(l, c, optarg) != 0)
			return EXIT_BAD_USAGE;
	l->arg = argv + optind;
	l->narg = argc - optind;
	return 0;
}

static const struct command {
	const char *name;
	enum lists_verb verb;
	bool one_list;		/* wants an owner and a kind */
	bool comment;
	int min, max;		/* arguments */
	const char *arguments;
} commands[] = {
	{"show", LISTS_SHOW, false, false, 0, 0, "show takes no"},
	{"add", LISTS_ADD, true, true, 1, LISTS_ROWS, "add wants at least one"},
	{"remove", LISTS_REMOVE, true, false, 1, LISTS_ROWS,
	    "remove wants at least one"},
	{"clear", LISTS_REPLACE, true, false, 0, 0, "clear takes no"},
	{"import", LISTS_IMPORT, false, false, 1, 1, "import wants one file as"},
	{"export", LISTS_EXPORT, false, false, 0, 0, "export takes no"},
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* What does not go with this command. */
static int
check(const struct list *l, const struct command *c)
{
	if (l->narg < c->min || l->narg > c->max)
		return usage(c->arguments, "argument");
	if (c->one_list && l->owner == NULL)
		return usage("whose list? --rcpt ADDRESS, --domain DOMAIN or "
		    "--global", NULL);
	if (c->one_list && l->kind == LISTS_BOTH)
		return usage("which list? --allow or --block", NULL);
	if (c->verb == LISTS_IMPORT && (l->owner != NULL ||
	        l->kind != LISTS_BOTH))
		return usage("import: owners and kinds stand in the file",
		    NULL);
	if ((l->comment != NULL && !c->comment) ||
	    (l->q.replace && c->verb != LISTS_IMPORT) ||
	    (l->json && c->verb != LISTS_SHOW))
		return usage("an option that does not go with this command:",
		    c->name);
	return 0;
}

static int
run(struct list *l, const struct command *c, const struct paths *p)
{
	l->q.verb = (uint8_t)c->verb;
	l->q.every_owner = l->owner == NULL;
	l->q.owner = l->owner != NULL ? l->owner : "";
	l->q.kind = (uint8_t)l->kind;
	l->q.actor = actor();
	l->q.after_owner = l->q.after_entry = "";
	switch (c->verb) {
	case LISTS_SHOW:
		return show(l, p);
	case LISTS_EXPORT:
		return export(l, p);
	case LISTS_IMPORT:
		return import(l, p);
	default:
		return set_rows(l) != 0 ? EXIT_BAD_USAGE
		                        : change(l, SPAN_LIT(""), p);
	}
}

int
pmg_list_main(int argc, char **argv, const struct paths *p)
{
	static char name[] = "pmg list";
	struct list l = {.kind = LISTS_BOTH, .sock = -1};
	const struct command *c;
	int rc;

	if (argc < 2)
		return usage("show, add, remove, clear, import or export?",
		    NULL);
	if (strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return 0;
	}
	c = find_command(argv[1]);
	if (c == NULL)
		return usage("no such command:", argv[1]);
	argv[1] = name;		/* getopt puts it before its messages */
	rc = parse_options(&l, argc - 1, argv + 1);
	if (rc == 0)
		rc = check(&l, c);
	if (rc != 0)
		return rc;
	arena_init(&l.a, ARENA);
	rc = run(&l, c, p);
	arena_free(&l.a);
	if (l.sock >= 0)
		close(l.sock);
	return rc;
}
