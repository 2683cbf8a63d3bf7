/*
 * pmg: looks at the gateway. It changes nothing but rules (pmg rules, who,
 * when, what, action), user lists (pmg list) and what is known of LDAP
 * directories (pmg ldap sync).
 */
#include "pmg.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "lib/base/log.h"
#include "rules/pmg_groups.h"
#include "ldap/pmg_ldap.h"
#include "list/pmg_list.h"
#include "rules/pmg_rules.h"
#include "rules/rules_complete.h"

enum { EXIT_USAGE = 64 };

static void
print_usage(FILE *f)
{
	fputs("usage: pmg [--root DIR] status [-o text|json]\n"
	    "       pmg [--root DIR] why [-o text|json] ID\n"
	    "       pmg [--root DIR] rules|who|what|when|action COMMAND ...\n"
	    "       pmg [--root DIR] ldap|list ...\n"
	    "       pmg version\n", f);
}

static int
usage(void)
{
	print_usage(stderr);
	return EXIT_USAGE;
}

/* Options of status and why; optind is behind them. */
static int
parse_options(int argc, char **argv, struct pmg *p)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (c != 'o')
			return -1;
		p->json = strcmp(optarg, "json") == 0;
		if (!p->json && strcmp(optarg, "text") != 0) {
			fprintf(stderr, "pmg: %s is no output format\n",
			    optarg);
			return -1;
		}
	}
	return 0;
}

/* `pmg NOUN`: commands about rules. */
static const struct noun *const nouns[] = {&rules_noun, &group_nouns[0],
	&group_nouns[1], &group_nouns[2], &group_nouns[3], NULL};

static const struct noun *
find_noun(const char *name)
{
	for (size_t i = 0; nouns[i] != NULL; i++)
		if (strcmp(nouns[i]->name + sizeof("pmg ") - 1, name) == 0)
			return nouns[i];
	return NULL;
}

/* For the shell: pmg.bash-completion. */
static int
complete(const char *line)
{
	static const char *const others[] = {"status", "why", "ldap", "list",
		"version", NULL};

	return complete_line(line, nouns, others);
}

static int
run(int argc, char **argv, struct pmg *p)
{
	const struct noun *noun = find_noun(argv[0]);

	if (strcmp(argv[0], "version") == 0 && argc == 1) {
		puts(PMG_VERSION);
		return 0;
	}
	if (noun != NULL)
		return noun_main(noun, argc, argv, &p->paths);
	if (strcmp(argv[0], "complete") == 0 && argc == 2)
		return complete(argv[1]);
	if (strcmp(argv[0], "ldap") == 0)
		return pmg_ldap_main(argc, argv, &p->paths);
	if (strcmp(argv[0], "list") == 0)
		return pmg_list_main(argc, argv, &p->paths);
	optind = 0;
	if (strcmp(argv[0], "status") == 0 &&
	    parse_options(argc, argv, p) == 0 && optind == argc)
		return pmg_status(p);
	if (strcmp(argv[0], "why") == 0 &&
	    parse_options(argc, argv, p) == 0 && optind + 1 == argc)
		return pmg_why(p, argv[optind]);
	if (strcmp(argv[0], "status") != 0 && strcmp(argv[0], "why") != 0)
		fprintf(stderr, "pmg: no such command: %s\n", argv[0]);
	return usage();
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"root", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct pmg p = {.root = ""};
	int c, rc;

	log_init("pmg", true);
	/* '+': what follows the command is the command's. */
	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (c == 'h') {
			print_usage(stdout);
			return 0;
		}
		if (c != 'r')
			return usage();
		p.root = optarg;
	}
	if (optind == argc)
		return usage();
	paths_init(&p.paths, p.root);
	rc = run(argc - optind, argv + optind, &p);
	if (fflush(stdout) != 0 && rc == 0) {
		fprintf(stderr, "pmg: stdout: %s\n", strerror(errno));
		rc = EXIT_USAGE;
	}
	return rc;
}
