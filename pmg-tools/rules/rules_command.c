#include "rules_command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "rules_names.h"
#include "rules_object.h"
#include "rules_print.h"

enum { MESSAGE_BYTES = 16 * 1024, HELP_COLUMN = 38, ANSWER_BYTES = 16,
	USAGE_INDENT = 11 };

static const struct {
	unsigned bit;
	struct command_option option;
} shared[] = {
	{TAKES_DRAFT, {"draft", NULL}},
	{TAKES_VERSION, {"version", "VERSION"}},
	{TAKES_COMMENT, {"comment", "TEXT"}},
	{TAKES_OUTPUT, {"output", "FORMAT"}},
	{TAKES_YES, {"yes", NULL}},
};
enum { NSHARED = sizeof(shared) / sizeof(shared[0]) };

void
command_options(const struct command *command,
    const struct command_option *objects,
    void (*each)(void *arg, const struct command_option *o), void *arg)
{
	const struct command_option *o;

	for (o = command->options; o != NULL && o->name != NULL; o++)
		each(arg, o);
	for (o = objects; o != NULL && o->name != NULL; o++)
		each(arg, o);
	for (size_t i = 0; i < NSHARED; i++)
		if ((command->takes & shared[i].bit) != 0)
			each(arg, &shared[i].option);
}

/* ---- messages ---- */

static void __attribute__((format(printf, 2, 0)))
say(const struct cmd *c, const char *fmt, va_list ap)
{
	AUTO_BUF struct buf b = {.max = MESSAGE_BYTES};
	AUTO_BUF struct buf safe = {.max = 8 * MESSAGE_BYTES};
	struct span in;

	buf_vprintf(&b, fmt, ap);
	log_safe(&safe, buf_span(&b), MESSAGE_BYTES);
	fprintf(stderr, "%s%s%s: ", c->noun->name,
	    c->command != NULL ? " " : "",
	    c->command != NULL ? c->command->name : "");
	/* Expressions are full of backslashes: they stay single. */
	in = buf_span(&safe);
	for (size_t i = 0; i < in.n; i++) {
		putc(in.p[i], stderr);
		if (in.p[i] == '\\' && i + 1 < in.n && in.p[i + 1] == '\\')
			i++;
	}
	putc('\n', stderr);
}

static void
put_option(void *arg, const struct command_option *o)
{
	buf_printf(arg, " [--%s%s%s]", o->name, o->value != NULL ? " " : "",
	    o->value != NULL ? o->value : "");
}

static void
print_usage(const struct cmd *c, FILE *f)
{
	AUTO_BUF struct buf b = {.max = MESSAGE_BYTES};

	buf_printf(&b, "usage: %s %s%s%s", c->noun->name, c->command->name,
	    c->command->args[0] != '\0' ? " " : "", c->command->args);
	if (c->command->object_options)
		buf_puts(&b, " [--OPTION ...]");
	else
		command_options(c->command, NULL, put_option, &b);
	print_wrapped_to(f, &b, USAGE_INDENT);
}

int
cmd_usage(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	print_usage(c, stderr);
	return CMD_USAGE;
}

int
cmd_refuse(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	return CMD_REFUSED;
}

void
cmd_note(const struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
}

bool
cmd_confirm(const struct cmd *c, const char *question)
{
	char answer[ANSWER_BYTES];

	if (c->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		cmd_refuse(c, "%s Nothing was done: say --yes", question);
		return false;
	}
	fprintf(stderr, "%s Type \"yes\": ", question);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    strcmp(answer, "yes\n") == 0)
		return true;
	fputs("Nothing was done.\n", stderr);
	return false;
}

/* ---- help ---- */

static void
print_noun(const struct noun *n, FILE *f)
{
	fprintf(f, "usage: %s COMMAND ...\n", n->name);
	for (const struct command *k = n->commands; k->name != NULL; k++) {
		int at = fprintf(f, "  %s%s%s", k->name,
		    k->args[0] != '\0' ? " " : "", k->args);

		if (at > HELP_COLUMN - 2)
			at = fprintf(f, "\n") - 1;
		fprintf(f, "%*s%s\n", HELP_COLUMN - at, "", k->summary);
	}
	fprintf(f, "%s COMMAND --help tells the options of a command.\n",
	    n->name);
}

static void
print_help_option(void *arg, const struct command_option *o)
{
	fprintf(arg, "  --%s%s%s\n", o->name, o->value != NULL ? " " : "",
	    o->value != NULL ? o->value : "");
}

static int
help(const struct cmd *c)
{
	fprintf(stdout, "usage: %s %s%s%s\n%s\n", c->noun->name,
	    c->command->name, c->command->args[0] != '\0' ? " " : "",
	    c->command->args, c->command->summary);
	if (c->command->object_options) {
		puts("Objects:");
		object_print_types(c->kind);
	}
	if (c->command->takes != 0 || c->command->options != NULL)
		puts("Options:");
	command_options(c->command, NULL, print_help_option, stdout);
	return CMD_OK;
}

/* ---- the command line ---- */

const char *
cmd_option(const struct cmd *c, const char *name)
{
	for (size_t i = c->ngiven; i > 0; i--)
		if (strcmp(c->given[i - 1].name, name) == 0)
			return c->given[i - 1].value;
	return NULL;
}

struct find {
	const char *name;
	size_t n;
	const struct command_option *found;
	struct nearest near;
};

static void
find_option(void *arg, const struct command_option *o)
{
	struct find *f = arg;

	if (strlen(o->name) == f->n && strncmp(o->name, f->name, f->n) == 0)
		f->found = o;
	nearest_try(&f->near, o->name);
}

static int
take_shared(struct cmd *c, const char *name, const char *value)
{
	int64_t n;

	if (strcmp(name, "draft") == 0) {
		if (c->target.where == RULES_VERSION)
			return cmd_usage(c, "--draft and --version exclude "
			    "each other");
		c->target.where = RULES_DRAFT;
	} else if (strcmp(name, "version") == 0) {
		if (c->target.where == RULES_DRAFT)
			return cmd_usage(c, "--draft and --version exclude "
			    "each other");
		if (!str_num(span_str(value), 1, INT64_MAX, &n))
			return cmd_usage(c, "\"%s\" is not a version (a "
			    "number, as \"pmg rules versions\" lists them)",
			    value);
		c->target = (struct rules_target){RULES_VERSION, (uint64_t)n};
	} else if (strcmp(name, "comment") == 0) {
		c->comment = value;
	} else if (strcmp(name, "yes") == 0) {
		c->yes = true;
	} else {
		c->json = strcmp(value, "json") == 0;
		if (!c->json && strcmp(value, "text") != 0)
			return cmd_usage(c, "\"%s\" is no output format "
			    "(text, json)", value);
	}
	return 0;
}

static bool
is_shared(const struct command_option *o)
{
	for (size_t i = 0; i < NSHARED; i++)
		if (o == &shared[i].option)
			return true;
	return false;
}

/* JSON carries UTF-8 only. */
static int
check_text(const struct cmd *c, const char *s)
{
	json_t *j = json_string(s);

	if (j == NULL)
		return cmd_usage(c, "\"%s\" is not UTF-8", s);
	json_decref(j);
	return 0;
}

/* name: without dashes, up to '='. *i stands on the option's word. */
static int
take_option(struct cmd *c, const char *name, int argc, char **argv, int *i)
{
	struct find f = {.name = name, .n = strcspn(name, "=")};
	const char *value = name[f.n] == '=' ? name + f.n + 1 : NULL;

	nearest_init(&f.near, name);
	command_options(c->command, c->objects, find_option, &f);
	if (f.found == NULL)
		return f.near.best != NULL
		    ? cmd_usage(c, "there is no option --%.*s here; did you "
		          "mean --%s?", (int)f.n, name, f.near.best)
		    : cmd_usage(c, "there is no option --%.*s here", (int)f.n,
		          name);
	if (f.found->value == NULL && value != NULL)
		return cmd_usage(c, "--%s takes no value", f.found->name);
	if (f.found->value != NULL && value == NULL) {
		if (*i + 1 >= argc)
			return cmd_usage(c, "--%s takes a value (%s)",
			    f.found->name, f.found->value);
		value = argv[++*i];
	}
	if (value != NULL && check_text(c, value) != 0)
		return CMD_USAGE;
	if (is_shared(f.found))
		return take_shared(c, f.found->name, value);
	c->given[c->ngiven++] = (struct cmd_given){f.found->name,
		value != NULL ? value : ""};
	return 0;
}

/* A word that begins with '-' and is no number. */
static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !ascii_isdigit(word[1]);
}

static int
parse(struct cmd *c, int argc, char **argv)
{
	bool only_args = false;

	for (int i = 0; i < argc; i++) {
		const char *w = argv[i];
		int rc = 0;

		if (only_args || !is_option(w)) {
			c->arg[c->narg++] = argv[i];
			rc = check_text(c, w);
		} else if (strcmp(w, "--") == 0) {
			only_args = true;
		} else if (strcmp(w, "-m") == 0) {
			rc = take_option(c, "comment", argc, argv, &i);
		} else if (strcmp(w, "-o") == 0) {
			rc = take_option(c, "output", argc, argv, &i);
		} else if (w[1] == '-') {
			rc = take_option(c, w + 2, argc, argv, &i);
		} else {
			rc = cmd_usage(c, "there is no option %s here (a value "
			    "that begins with \"-\" stands behind --)", w);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Against the command's args. */
static int
count(const struct cmd *c)
{
	const char *word = c->command->args;
	bool many = false;
	int n = 0;

	while (*word != '\0') {
		size_t len = strcspn(word, " ");

		if (n == c->narg && word[0] != '[')
			return cmd_usage(c, "%.*s is missing",
			    (int)strcspn(word, ". "), word);
		many = many || memmem(word, len, "...", 3) != NULL;
		n++;
		word += len + (word[len] == ' ');
	}
	if (c->narg > n && !many)
		return cmd_usage(c, "one argument too many: \"%s\"%s",
		    c->arg[n], n > 0 ? " (a name with blanks stands in quotes)"
		    : "");
	return 0;
}

static bool
asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* ---- which command ---- */

const struct command *
noun_command(const struct noun *n, int argc, char **argv, int *used_r)
{
	for (const struct command *k = n->commands; k->name != NULL; k++) {
		size_t first = strcspn(k->name, " ");
		bool two = k->name[first] == ' ';

		if (argc < 1 + two || strlen(argv[0]) != first ||
		    strncmp(k->name, argv[0], first) != 0)
			continue;
		if (two && strcmp(k->name + first + 1, argv[1]) != 0)
			continue;
		*used_r = 1 + two;
		return k;
	}
	return NULL;
}

static int
no_command(const struct noun *n, int argc, char **argv)
{
	struct cmd c = {.noun = n};
	struct nearest near;
	size_t len = strlen(argv[0]);
	AUTO_FREE char *two = argc > 1 && argv[1][0] != '-'
	    ? xasprintf("%s %s", argv[0], argv[1]) : xstrdup(argv[0]);
	const struct command *k;

	/* "draft" alone: which? */
	for (k = n->commands; k->name != NULL; k++)
		if (strncmp(k->name, argv[0], len) == 0 && k->name[len] == ' ')
			break;
	if (k->name != NULL && argc == 1) {
		fprintf(stderr, "%s %s: which of these?\n", n->name, argv[0]);
		for (; k->name != NULL; k++)
			if (strncmp(k->name, argv[0], len) == 0 &&
			    k->name[len] == ' ')
				fprintf(stderr, "  %s\n", k->name);
		return CMD_USAGE;
	}
	nearest_init(&near, argv[0]);
	for (k = n->commands; k->name != NULL; k++)
		nearest_try(&near, k->name);
	if (near.best == NULL) {
		nearest_init(&near, two);
		for (k = n->commands; k->name != NULL; k++)
			nearest_try(&near, k->name);
	}
	if (near.best != NULL)
		cmd_note(&c, "there is no command \"%s\"; did you mean \"%s\"? "
		    "(%s --help lists all)", near.word, near.best, n->name);
	else
		cmd_note(&c, "there is no command \"%s\" (%s --help lists "
		    "all)", near.word, n->name);
	return CMD_USAGE;
}

static int
run(struct cmd *c, int argc, char **argv)
{
	int rc;

	if (asks_help(argc, argv))
		return help(c);
	c->arg = xcalloc((size_t)argc + 1, sizeof(*c->arg));
	c->given = xcalloc((size_t)argc + 1, sizeof(*c->given));
	if (c->command->object_options)
		c->objects = object_options(c->kind);
	rc = parse(c, argc, argv);
	if (rc == 0)
		rc = count(c);
	if (rc == 0)
		rc = c->command->run(c);
	if (c->sock >= 0)
		close(c->sock);
	free(c->arg);
	free(c->given);
	free(c->objects);
	return rc;
}

int
noun_main(const struct noun *n, int argc, char **argv, const struct paths *p)
{
	struct cmd c = {.noun = n, .paths = p, .kind = n->kind, .sock = -1,
		.comment = ""};
	int used = 0;

	if (argc < 2) {
		print_noun(n, stderr);
		return CMD_USAGE;
	}
	c.command = noun_command(n, argc - 1, argv + 1, &used);
	if (c.command == NULL && asks_help(argc - 1, argv + 1)) {
		print_noun(n, stdout);
		return CMD_OK;
	}
	if (c.command == NULL)
		return no_command(n, argc - 1, argv + 1);
	if (c.command->raw != NULL)
		return c.command->raw(argc - used, argv + used, p);
	return run(&c, argc - 1 - used, argv + 1 + used);
}
