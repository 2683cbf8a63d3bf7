#include "pmg_rules.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "pmg_rules_load.h"
#include "pmg_rules_replay.h"
#include "pmg_rules_test.h"

enum {
	EXIT_BAD = 1,
	EXIT_BAD_USAGE = 64,	/* as of pmg(8) */
	TEXT_MAX = 1 << 26,
	SPAM_LEVEL_MAX = 1000000,
};

static const char usage_text[] =
    "usage: pmg rules show\n"
    "       pmg rules test FILE --in|--out --from ADDRESS --to ADDRESS\n"
    "                      [--to ADDRESS ...] [--client IP]\n"
    "                      [--spam-level N] [--virus NAME] [--limits]\n"
    "                      [--spf RESULT] [--at HH:MM|'YYYY-MM-DD HH:MM']\n"
    "       pmg rules replay [--draft | --version N] [--against N] [--last N]\n"
    "                      [-o text|json]\n"
    "An empty sender is --from '<>'.\n";

static int
usage(const char *why, const char *what)
{
	if (why != NULL)
		fprintf(stderr, "pmg rules: %s%s%s\n", why,
		    what != NULL ? " " : "", what != NULL ? what : "");
	fputs(usage_text, stderr);
	return EXIT_BAD_USAGE;
}

static int
fail(const struct err *e)
{
	fprintf(stderr, "pmg rules: %s\n", e->text);
	return EXIT_BAD;
}

static int
show(const struct paths *p)
{
	AUTO_BUF struct buf out = {.max = TEXT_MAX};
	const struct rule **rule;
	struct ruleset *rs;
	struct err e;
	size_t n;

	rs = rules_load_active(p, &e);
	if (rs == NULL)
		return fail(&e);
	n = ruleset_rules(rs, &rule);
	buf_printf(&out, "%zu rules, version %llu of the rule database. The "
	    "highest priority comes first;\na rule with \"-\" in front is not "
	    "active.\n", n, (unsigned long long)ruleset_version(rs));
	for (size_t i = 0; i < n; i++) {
		buf_putc(&out, '\n');
		rule_describe(&out, rule[i]);
	}
	fwrite(out.p, 1, out.n, stdout);
	if (out.overflow)
		puts("... cut: the description is too long");
	ruleset_free(rs);
	return 0;
}

/* Without angle brackets; NULL when there is only one of them. */
static char *
bare_address(char *s)
{
	size_t n = strlen(s);

	if (n == 0 || (s[0] != '<' && s[n - 1] != '>'))
		return s;
	if (n < 2 || s[0] != '<' || s[n - 1] != '>')
		return NULL;
	s[n - 1] = '\0';
	return s + 1;
}

static bool
is_ip(const char *s)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, s, addr) == 1 ||
	    inet_pton(AF_INET6, s, addr) == 1;
}

static bool
take_number(struct span *s, int64_t min, int64_t max, int *n_r)
{
	size_t end = 0;
	int64_t n;

	while (end < s->n && ascii_isdigit(s->p[end]))
		end++;
	if (!str_num(span_sub(*s, 0, end), min, max, &n))
		return false;
	*n_r = (int)n;
	*s = span_sub(*s, end, s->n);
	return true;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_sub(*s, 1, s->n);
	return true;
}

/* "14:00": today; "2026-11-24 14:00"; in local time. */
static bool
parse_time(struct rules_test *t, const char *text)
{
	time_t now = time(NULL);
	struct span s = span_str(text);
	struct tm tm, asked;

	localtime_r(&now, &tm);
	t->at_day = span_chr(s, 0, '-') < s.n;
	if (t->at_day) {
		if (!take_number(&s, 1970, 9999, &tm.tm_year) ||
		    !take_char(&s, '-') ||
		    !take_number(&s, 1, 12, &tm.tm_mon) ||
		    !take_char(&s, '-') ||
		    !take_number(&s, 1, 31, &tm.tm_mday) ||
		    (!take_char(&s, ' ') && !take_char(&s, 'T')))
			return false;
		tm.tm_year -= 1900;
		tm.tm_mon--;
	}
	if (!take_number(&s, 0, 23, &tm.tm_hour) || !take_char(&s, ':') ||
	    !take_number(&s, 0, 59, &tm.tm_min) || s.n > 0)
		return false;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	asked = tm;
	t->at = mktime(&tm);
	/* 31 April became 1 May. */
	return tm.tm_mday == asked.tm_mday && tm.tm_mon == asked.tm_mon;
}

static bool
parse_spf(const char *text, enum spf_result *spf_r)
{
	static const char *const names[] = {"none", "neutral", "pass", "fail",
		"softfail", "temperror", "permerror"};

	for (int i = SPF_NONE; i < SPF_RESULT_COUNT; i++)
		if (strcmp(text, names[i - SPF_NONE]) == 0) {
			*spf_r = (enum spf_result)i;
			return true;
		}
	return false;
}

static int
add_recipient(struct rules_test *t, char *text)
{
	const char *addr = bare_address(text);

	if (addr == NULL || *addr == '\0')
		return usage("this is not a recipient:", text);
	if (t->nrcpt == RULES_TEST_RCPTS)
		return usage("too many recipients", NULL);
	t->rcpt[t->nrcpt++] = (struct recipient){.addr = addr, .notify = "",
		.orcpt = ""};
	return 0;
}

static int
set_direction(struct rules_test *t, enum direction dir)
{
	if (t->dir != RULES_TEST_UNSET && t->dir != (int)dir)
		return usage("give --in or --out, not both", NULL);
	t->dir = dir;
	return 0;
}

static int
apply_option(struct rules_test *t, int c, char *arg)
{
	int64_t n;

	switch (c) {
	case 'f':
		t->sender = bare_address(arg);
		return t->sender != NULL ? 0 :
		    usage("this is not a sender:", arg);
	case 't':
		return add_recipient(t, arg);
	case 'i':
		return set_direction(t, DIR_IN);
	case 'o':
		return set_direction(t, DIR_OUT);
	case 'c':
		t->client = arg;
		return is_ip(arg) ? 0 : usage("not an IP address:", arg);
	case 'v':
		t->virus = arg;
		return 0;
	case 's':
		if (!str_num(span_str(arg), 0, SPAM_LEVEL_MAX, &n))
			return usage("not a spam level (0, 1, 2 ...):", arg);
		t->spam_level = (int)n;
		return 0;
	case 'l':
		t->limits = true;
		return 0;
	case 'a':
		return parse_time(t, arg) ? 0 :
		    usage("not a time (HH:MM or \"YYYY-MM-DD HH:MM\"):", arg);
	case 'S':
		return parse_spf(arg, &t->spf) ? 0 :
		    usage("not a result of SPF (none, neutral, pass, fail, "
		        "softfail, temperror, permerror):", arg);
	default:
		return usage(NULL, NULL);
	}
}

static int
parse_options(struct rules_test *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{"from", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"in", no_argument, NULL, 'i'},
		{"out", no_argument, NULL, 'o'},
		{"client", required_argument, NULL, 'c'},
		{"spam-level", required_argument, NULL, 's'},
		{"virus", required_argument, NULL, 'v'},
		{"limits", no_argument, NULL, 'l'},
		{"at", required_argument, NULL, 'a'},
		{"spf", required_argument, NULL, 'S'},
		{NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (apply_option(t, c, optarg) != 0)
			return EXIT_BAD_USAGE;
	if (optind + 1 != argc)
		return usage(optind == argc ? "which message?" :
		    "one message only, not also", optind == argc ? NULL :
		    argv[optind + 1]);
	t->file = argv[optind];
	if (t->sender == NULL)
		return usage("--from is missing", NULL);
	if (t->nrcpt == 0)
		return usage("--to is missing", NULL);
	if (t->dir == RULES_TEST_UNSET)
		return usage("--in or --out is missing: the direction decides "
		    "which rules apply", NULL);
	return 0;
}

static int
test(int argc, char **argv, const struct paths *p)
{
	static struct recipient rcpt[RULES_TEST_RCPTS];
	static char name[] = "pmg rules test";
	struct rules_test t = {.rcpt = rcpt, .dir = RULES_TEST_UNSET,
		.spam_level = RULES_TEST_UNSET, .at = RULES_TEST_UNSET};
	struct directory *directory;
	struct userlist *lists;
	struct ruleset *rs;
	struct err e;
	int rc;

	argv[0] = name;		/* getopt puts it before its messages */
	if (parse_options(&t, argc, argv) != 0)
		return EXIT_BAD_USAGE;
	rs = rules_load_active(p, &e);
	if (rs == NULL)
		return fail(&e);
	directory = rules_load_directory(p);
	t.directory = directory;
	t.lists = lists = rules_load_lists(p, &e);
	rc = rules_test_run(rs, &t, &e);
	directory_free(directory);
	ruleset_free(rs);
	userlist_free(lists);
	return rc == 0 ? 0 : fail(&e);
}

int
pmg_rules_main(int argc, char **argv, const struct paths *p)
{
	if (argc < 2)
		return usage("show or test?", NULL);
	if (strcmp(argv[1], "show") == 0)
		return argc == 2 ? show(p) :
		    usage("show takes no argument:", argv[2]);
	if (strcmp(argv[1], "test") == 0)
		return test(argc - 1, argv + 1, p);
	if (strcmp(argv[1], "replay") == 0)
		return pmg_rules_replay(argc - 1, argv + 1, p);
	return usage("no such command:", argv[1]);
}
