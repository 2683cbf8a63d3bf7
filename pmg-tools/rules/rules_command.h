/*
 * Commands about rules: `pmg rules ...`, `pmg who|what|when|action ...` and
 * pmgdb. A table row says what a command is called, which arguments and
 * options it takes and what it does; the command line, --help, errors and
 * completion are made from that.
 */
#ifndef PMG_TOOLS_RULES_COMMAND_H
#define PMG_TOOLS_RULES_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include "lib/base/err.h"
#include "lib/config/paths.h"
#include "lib/proto/rules.h"
#include "lib/rules/rules.h"

enum { CMD_OK = 0, CMD_REFUSED = 1, CMD_USAGE = 64 };

/* Options that several commands share. */
enum {
	TAKES_DRAFT = 1,	/* --draft */
	TAKES_VERSION = 2,	/* --version N */
	TAKES_COMMENT = 4,	/* -m, --comment TEXT */
	TAKES_OUTPUT = 8,	/* -o, --output text|json */
	TAKES_YES = 16,		/* --yes: no question */
	TAKES_EDIT = TAKES_DRAFT | TAKES_COMMENT | TAKES_OUTPUT,
	TAKES_READ = TAKES_DRAFT | TAKES_VERSION | TAKES_OUTPUT,
};

struct command_option {
	const char *name;	/* without "--" */
	const char *value;	/* what it is, for help and completion; NULL =
				 * it has none */
};

struct cmd;

struct command {
	const char *name;	/* one or two words: "draft open" */
	/* "RULE", "[RULE]" (may be left out), "ID..." (one or more); the words
	 * that completion knows are in pmg_complete.c. */
	const char *args;
	unsigned takes;
	const struct command_option *options;	/* ends with a NULL name */
	const char *summary;
	int (*run)(struct cmd *c);	/* exit status */
	/* In place of run, for a command with a parser of its own. */
	int (*raw)(int argc, char **argv, const struct paths *p);
	/* Also takes the members of the objects of c->kind as options. */
	bool object_options;
};

struct noun {
	const char *name;	/* "pmg rules" */
	const struct command *commands;	/* ends with a NULL name */
	enum category kind;	/* of groups; CAT_COUNT: none */
};

struct cmd_given {
	const char *name;
	const char *value;	/* "" for a flag */
};

/* One command line at work. */
struct cmd {
	const struct noun *noun;
	const struct command *command;
	const struct paths *paths;
	enum category kind;
	char **arg;
	int narg;
	struct cmd_given *given;	/* the command's own options, in order */
	size_t ngiven;
	struct command_option *objects;	/* options of object_options */
	struct rules_target target;
	const char *comment;
	bool json;
	bool yes;
	int sock;		/* to pmgd-store, -1 = not yet connected */
	/* Line of the file that each operation comes from, or NULL. */
	const unsigned *line;
	size_t nline;
	const char *file;
};

/* argv[0] is the noun's last word. The exit status. */
int noun_main(const struct noun *n, int argc, char **argv,
    const struct paths *p);
/* The command that argv begins with, NULL = none; *used_r words of it. */
const struct command *noun_command(const struct noun *n, int argc,
    char **argv, int *used_r);
/* All options of a command, the shared ones included, one call each. */
void command_options(const struct command *command,
    const struct command_option *objects,
    void (*each)(void *arg, const struct command_option *o), void *arg);

/* The last value of an option, NULL = not given. */
const char *cmd_option(const struct cmd *c, const char *name);
static inline bool
cmd_flag(const struct cmd *c, const char *name)
{
	return cmd_option(c, name) != NULL;
}

/* Both print "pmg rules link: ..."; the status to return. Arguments that may
 * hold anything are made safe for a terminal. */
int cmd_usage(const struct cmd *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int cmd_refuse(const struct cmd *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* To stderr, the command goes on. */
void cmd_note(const struct cmd *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * What somebody would regret is asked for first: true on --yes or "yes" from
 * a terminal, else it was said why not.
 */
bool cmd_confirm(const struct cmd *c, const char *question);

#endif
