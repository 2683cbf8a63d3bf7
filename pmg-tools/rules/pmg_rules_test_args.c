/* The command line of `pmg rules test`. */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include "lib/base/str.h"
#include "pmg_rules_load.h"
#include "pmg_rules_test.h"

enum { SPAM_LEVEL_MAX = 1000000, ADDRESSES_MAX = 1024 * 1024 };

const struct command_option rules_test_options[] = {
	{"in", NULL}, {"out", NULL}, {"from", "ADDRESS"}, {"to", "ADDRESS"},
	{"client", "IP"}, {"spam-level", "N"}, {"virus", "VIRUS"},
	{"limits", NULL}, {"spf", "SPF"}, {"at", "TIME"}, {NULL, NULL}};

/* Without angle brackets; NULL when there is only one of them. */
static const char *
bare_address(struct arena *a, const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || (s[0] != '<' && s[n - 1] != '>'))
		return s;
	if (n < 2 || s[0] != '<' || s[n - 1] != '>')
		return NULL;
	return arena_strndup(a, span_of(s + 1, n - 2));
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
add_recipient(const struct cmd *c, struct rules_test *t, struct arena *a,
    const char *text)
{
	const char *addr = bare_address(a, text);

	if (addr == NULL || *addr == '\0')
		return cmd_usage(c, "this is not a recipient: %s", text);
	if (t->nrcpt == RULES_TEST_RCPTS)
		return cmd_usage(c, "too many recipients");
	t->rcpt[t->nrcpt++] = (struct recipient){.addr = addr, .notify = "",
		.orcpt = ""};
	return 0;
}

static int
set_sender(const struct cmd *c, struct rules_test *t, struct arena *a,
    const char *text)
{
	t->sender = bare_address(a, text);
	return t->sender != NULL ? 0
	    : cmd_usage(c, "this is not a sender: %s", text);
}

static int
set_level(const struct cmd *c, struct rules_test *t, const char *text)
{
	int64_t n;

	if (!str_num(span_str(text), 0, SPAM_LEVEL_MAX, &n))
		return cmd_usage(c, "not a spam level (0, 1, 2 ...): %s", text);
	t->spam_level = (int)n;
	return 0;
}

static int
apply_option(const struct cmd *c, struct rules_test *t, struct arena *a,
    const struct cmd_given *g)
{
	if (strcmp(g->name, "from") == 0)
		return set_sender(c, t, a, g->value);
	if (strcmp(g->name, "to") == 0)
		return add_recipient(c, t, a, g->value);
	if (strcmp(g->name, "spam-level") == 0)
		return set_level(c, t, g->value);
	if (strcmp(g->name, "virus") == 0)
		t->virus = g->value;
	if (strcmp(g->name, "limits") == 0)
		t->limits = true;
	if (strcmp(g->name, "client") == 0) {
		t->client = g->value;
		if (!is_ip(g->value))
			return cmd_usage(c, "not an IP address: %s", g->value);
	}
	if (strcmp(g->name, "at") == 0 && !parse_time(t, g->value))
		return cmd_usage(c, "not a time (HH:MM or \"YYYY-MM-DD "
		    "HH:MM\"): %s", g->value);
	if (strcmp(g->name, "spf") == 0 && !parse_spf(g->value, &t->spf))
		return cmd_usage(c, "not a result of SPF (none, neutral, pass, "
		    "fail, softfail, temperror, permerror): %s", g->value);
	return 0;
}

static int
apply_options(const struct cmd *c, struct rules_test *t, struct arena *a)
{
	bool in = cmd_flag(c, "in"), out = cmd_flag(c, "out");
	int rc = 0;

	for (size_t i = 0; i < c->ngiven && rc == 0; i++)
		rc = apply_option(c, t, a, &c->given[i]);
	if (rc != 0)
		return rc;
	if (t->sender == NULL)
		return cmd_usage(c, "--from is missing (an empty sender is "
		    "--from '<>')");
	if (t->nrcpt == 0)
		return cmd_usage(c, "--to is missing");
	if (in && out)
		return cmd_usage(c, "give --in or --out, not both");
	if (!in && !out)
		return cmd_usage(c, "--in or --out is missing: the direction "
		    "decides which rules apply");
	t->dir = in ? DIR_IN : DIR_OUT;
	t->file = c->arg[0];
	return 0;
}

/* With what this gateway knows besides the rules. */
static int
run(const struct paths *p, const struct ruleset *rs, struct rules_test *t,
    struct err *e)
{
	struct directory *directory = rules_load_directory(p);
	struct userlist *lists = rules_load_lists(p, e);
	int rc;

	t->directory = directory;
	t->lists = lists;
	rc = rules_test_run(rs, t, e);
	directory_free(directory);
	userlist_free(lists);
	return rc;
}

int
rules_test(struct cmd *c)
{
	static struct recipient rcpt[RULES_TEST_RCPTS];
	struct rules_test t = {.rcpt = rcpt, .dir = RULES_TEST_UNSET,
		.spam_level = RULES_TEST_UNSET, .at = RULES_TEST_UNSET};
	struct ruleset *rs = NULL;
	struct arena a;
	struct err e;
	int rc;

	arena_init(&a, ADDRESSES_MAX);
	rc = apply_options(c, &t, &a);
	if (rc == 0) {
		rs = c->target.where == RULES_LIVE
		    ? rules_load_active(c->paths, &e)
		    : rules_load_target(c->paths, c->target, &e);
		if (rs == NULL || run(c->paths, rs, &t, &e) != 0)
			rc = cmd_refuse(c, "%s", e.text);
		ruleset_free(rs);
	}
	arena_free(&a);
	return rc;
}
