/*
 * pmgdb: the reference product's name for work on the rule database. The
 * database belongs to pmgd-store, which makes it and brings it up to date when
 * it starts; what is left is done by the same requests as in pmg(1).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "pmg_rules_version.h"
#include "rules_client.h"
#include "rules_complete.h"
#include "rules_print.h"
#include "rules_view.h"

enum { LINE_BYTES = 64 * 1024 };

/* ---- dump ---- */

static void
print_line(struct buf *b)
{
	print_clean(buf_cstr(b));
	putchar('\n');
	buf_reset(b);
}

static void
dump_group(const struct view *v, const char *category,
    const struct object_group *g)
{
	static const char *const modes[MATCH_MODE_COUNT] = {"", " (all)",
		" (not-all)", " (none)"};
	const uint32_t *id = v->object_id[g - v->group];
	AUTO_BUF struct buf b = {.max = LINE_BYTES};

	buf_printf(&b, "  FOUND %s GROUP %u: %s%s", category, g->id, g->name,
	    modes[g->mode]);
	print_line(&b);
	for (size_t i = 0; i < g->nobject; i++) {
		buf_printf(&b, "    OBJECT %u: ", id[i]);
		object_describe(&b, &g->object[i]);
		print_line(&b);
	}
}

static void
dump_rule(const struct view *v, const struct rule *r)
{
	static const char *const direction[] = {"in", "out", "in+out"};
	static const char *const category[CAT_COUNT] = {"FROM", "TO", "WHEN",
		"WHAT", "ACTION"};
	static const char *const modes[MATCH_MODE_COUNT] = {NULL, "all",
		"not-all", "none"};
	AUTO_BUF struct buf b = {.max = LINE_BYTES};

	buf_printf(&b, "Found RULE %u (prio: %d, %s, %s): %s", r->id,
	    r->priority, direction[r->dir], r->active ? "active" : "inactive",
	    r->name);
	print_line(&b);
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		if (modes[r->mode[cat]] != NULL)
			printf("  %s MODE %s\n", category[cat],
			    modes[r->mode[cat]]);
		for (size_t i = 0; i < r->ngroup[cat]; i++)
			dump_group(v, category[cat], r->group[cat][i]);
	}
}

static int
dump(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	if (c->json)
		client_print_json(v.document);
	for (size_t i = 0; i < v.nrule && !c->json; i++)
		dump_rule(&v, &v.rule[i]);
	view_free(&v);
	return CMD_OK;
}

/* ---- what pmgd-store does by itself ---- */

static int
report(struct cmd *c, const char *what)
{
	struct rules_request q = {.verb = RULES_VERSIONS};
	struct rules_answer r;
	int rc = client_ask(c, &q, &r);

	if (rc != 0)
		return rc;
	printf("%s: the rules are at version %llu\n", what,
	    (unsigned long long)r.version);
	rules_answer_free(&r);
	return CMD_OK;
}

static int
init(struct cmd *c)
{
	if (cmd_flag(c, "force") || cmd_flag(c, "statistics"))
		return cmd_refuse(c, "pmgd-store makes its databases itself and "
		    "never throws one away. The shipped rules: pmgdb reset");
	return report(c, "pmgd-store has made the rule database");
}

static int
update(struct cmd *c)
{
	return report(c, "pmgd-store brings the database up to date when it "
	    "starts");
}

static int
delete(struct cmd *c)
{
	return cmd_refuse(c, "the database also has the record of every version "
	    "and stays. The shipped rules: pmgdb reset; everything away: apt "
	    "purge pmgd");
}

static const struct command_option init_options[] = {
	{"force", NULL}, {"statistics", NULL}, {NULL, NULL}};

static const struct command commands[] = {
	{.name = "dump", .args = "", .takes = TAKES_READ,
	    .summary = "all rules with groups and objects", .run = dump},
	{.name = "reset", .args = "", .takes = TAKES_EDIT | TAKES_YES,
	    .summary = "the shipped rules", .run = rules_reset},
	{.name = "init", .args = "", .takes = 0, .options = init_options,
	    .summary = "done by pmgd-store: tells the version", .run = init},
	{.name = "update", .args = "", .takes = 0,
	    .summary = "done by pmgd-store: tells the version",
	    .run = update},
	{.name = "delete", .args = "", .takes = 0,
	    .summary = "refused: tells what to use instead", .run = delete},
	{.name = NULL},
};

static const struct noun noun = {"pmgdb", commands, CAT_COUNT};
static const struct noun *const nouns[] = {&noun, NULL};
static const char *const no_others[] = {NULL};

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"root", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	static struct paths paths;
	const char *root = "";
	int rc;

	log_init("pmgdb", true);
	/* Only in front; all else is the command's. */
	if (argc > 1 && strncmp(argv[1], "--root", 6) == 0) {
		if (getopt_long(argc, argv, "+", longs, NULL) != 'r')
			return CMD_USAGE;
		root = optarg;
		argv += optind - 1;
		argc -= optind - 1;
	}
	paths_init(&paths, root);
	if (argc == 3 && strcmp(argv[1], "complete") == 0)
		return complete_line(argv[2], nouns, no_others);
	rc = noun_main(&noun, argc, argv, &paths);
	if (fflush(stdout) != 0 && rc == 0) {
		fprintf(stderr, "pmgdb: stdout: %s\n", strerror(errno));
		rc = CMD_REFUSED;
	}
	return rc;
}
