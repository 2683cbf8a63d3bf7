#include "pmg_ldap.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"

enum { EXIT_BAD = 1, EXIT_BAD_USAGE = 64 };

static const char usage_text[] =
    "usage: pmg ldap sync [--force] [PROFILE]\n"
    "       pmg ldap test PROFILE\n"
    "       pmg ldap list [-o text|json]\n"
    "       pmg ldap show [-o text|json] PROFILE\n"
    "       pmg ldap search [-o text|json] ADDRESS\n"
    "       pmg ldap groups [-o text|json] [PROFILE]\n"
    "       pmg ldap accounts [-o text|json] [PROFILE]\n";

static int
usage(void)
{
	fputs(usage_text, stderr);
	return EXIT_BAD_USAGE;
}

const char *
pmg_ldap_mode(const struct ldap_profile *p)
{
	return p->mode == LDAP_TLS ? "ldaps"
	    : p->mode == LDAP_STARTTLS ? "ldap+starttls" : "ldap";
}

static void
list_names(const struct ldap_names *l, const char **out)
{
	for (size_t i = 0; i < l->n; i++)
		out[i] = l->name[i];
	out[l->n] = NULL;
}

struct ldap_source
pmg_ldap_source(const struct ldap_profile *p, struct ldap_lists *lists)
{
	struct ldap_server server = {.host = p->server1, .port = p->port,
	    .security = p->mode == LDAP_TLS ? LDAP_SECURITY_TLS
	        : p->mode == LDAP_STARTTLS ? LDAP_SECURITY_STARTTLS
	        : LDAP_SECURITY_NONE,
	    .verify = p->verify, .cafile = p->cafile, .binddn = p->binddn,
	    .bindpw = p->bindpw};
	struct ldap_source s = {.server = {server, server},
	    .nserver = *p->server2 != '\0' ? 2 : 1, .basedn = p->basedn,
	    .groupbasedn = p->groupbasedn, .filter = p->filter,
	    .account = lists->account, .mail = lists->mail,
	    .groupclass = lists->groupclass};

	s.server[1].host = p->server2;
	list_names(&p->account, lists->account);
	list_names(&p->mail, lists->mail);
	list_names(&p->groupclass, lists->groupclass);
	return s;
}

/* ---- test: each server on its own ---- */

struct probe {
	const struct ldap_profile *profile;
	size_t server;
};

static int
probe(void *arg, struct err *e)
{
	const struct probe *t = arg;
	struct ldap_lists lists;
	struct ldap_source s = pmg_ldap_source(t->profile, &lists);
	char *base;
	size_t found;

	if (ldap_probe(&s, t->server, &base, &found, e) != 0)
		return -1;
	printf("%s: works; %zu%s accounts with an address below %s\n",
	    s.server[t->server].host, found,
	    found >= LDAP_PAGE_ENTRIES ? " or more" : "", base);
	free(base);
	return 0;
}

int
pmg_ldap_test(struct pmg_ldap *l, const struct ldap_profile *p)
{
	enum { PROBE_S = 120 };
	int rc = 0;

	(void)l;
	for (size_t i = 0; i < 2; i++) {
		const char *host = i == 0 ? p->server1 : p->server2;
		struct probe t = {.profile = p, .server = i};
		struct err e = {""};

		if (*host == '\0' ||
		    pmg_ldap_guarded(probe, &t, PROBE_S, &e) == 0)
			continue;
		printf("%s: %s\n", host, e.text);
		rc = EXIT_BAD;
	}
	return rc;
}

/* ---- commands ---- */

static int
parse_options(struct pmg_ldap *l, int argc, char **argv)
{
	static const struct option longs[] = {
		{"force", no_argument, NULL, 'f'},
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (c == 'f') {
			l->force = true;
			continue;
		}
		if (c != 'o' || (strcmp(optarg, "json") != 0 &&
		    strcmp(optarg, "text") != 0))
			return -1;
		l->json = strcmp(optarg, "json") == 0;
	}
	return 0;
}

static int
with_profile(struct pmg_ldap *l, const char *name,
    int (*fn)(struct pmg_ldap *, const struct ldap_profile *))
{
	const struct ldap_profile *p = ldap_conf_find(&l->conf, name);

	if (p != NULL)
		return fn(l, p);
	fprintf(stderr, "pmg ldap: ldap.conf has no profile %s\n", name);
	return EXIT_BAD;
}

/* arg: NULL when there is none. */
static int
dispatch(struct pmg_ldap *l, const char *command, const char *arg)
{
	if (strcmp(command, "sync") == 0)
		return pmg_ldap_sync(l, arg);
	if (strcmp(command, "list") == 0 && arg == NULL)
		return pmg_ldap_list(l);
	if (strcmp(command, "groups") == 0)
		return pmg_ldap_groups(l, arg);
	if (strcmp(command, "accounts") == 0)
		return pmg_ldap_accounts(l, arg);
	if (strcmp(command, "show") == 0 && arg != NULL)
		return with_profile(l, arg, pmg_ldap_show);
	if (strcmp(command, "test") == 0 && arg != NULL)
		return with_profile(l, arg, pmg_ldap_test);
	if (strcmp(command, "search") == 0 && arg != NULL)
		return pmg_ldap_search(l, arg);
	return usage();
}

int
pmg_ldap_main(int argc, char **argv, const struct paths *paths)
{
	AUTO_FREE char *conf = xasprintf("%s/ldap.conf", paths->config);
	struct pmg_ldap l = {.paths = paths};
	struct err e;
	int rc;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc < 2 || parse_options(&l, argc - 1, argv + 1) != 0)
		return usage();
	argv++;
	argc--;
	if (argc - optind > 1 ||
	    (l.force && strcmp(argv[0], "sync") != 0))
		return usage();
	if (ldap_conf_load(&l.conf, conf, &e) != 0) {
		fprintf(stderr, "pmg ldap: %s\n", e.text);
		return EXIT_BAD;
	}
	rc = dispatch(&l, argv[0], optind < argc ? argv[optind] : NULL);
	ldap_conf_free(&l.conf);
	return rc;
}
