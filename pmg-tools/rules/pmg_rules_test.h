/* `pmg rules test`: one message through the rules, nothing is done. */
#ifndef PMG_TOOLS_PMG_RULES_TEST_H
#define PMG_TOOLS_PMG_RULES_TEST_H

#include "lib/rules/rules.h"
#include "lib/rules/userlist.h"
#include "rules_command.h"

/* What the command line says; UNSET = not given. */
enum { RULES_TEST_UNSET = -1, RULES_TEST_RCPTS = 1000 };

struct rules_test {
	const char *file;
	const char *sender;
	const char *client;
	const char *virus;
	struct recipient *rcpt;		/* room for RULES_TEST_RCPTS */
	size_t nrcpt;
	int dir;			/* enum direction */
	int spam_level;
	int64_t at;			/* seconds since 1970 */
	bool at_day;			/* not today */
	enum spf_result spf;
	bool limits;			/* assumed to be exceeded */
	const struct directory *directory;	/* LDAP; NULL = none */
	const struct userlist *lists;	/* NULL = cannot be read */
};

/* Prints which rules match, why, and what happens to each recipient. -1: e
 * tells. */
int rules_test_run(const struct ruleset *rs, const struct rules_test *t,
    struct err *e);

/* pmg_rules_test_args.c */
extern const struct command_option rules_test_options[];
int rules_test(struct cmd *c);

#endif
