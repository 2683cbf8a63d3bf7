/* pmg ldap list, show, search, groups, accounts: as text and as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ldap_state.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "pmg_ldap.h"

enum { EXIT_BAD = 1, SHOWN_BYTES = 1024 };

static int
failed(const struct err *e)
{
	fprintf(stderr, "pmg ldap: %s\n", e->text);
	return EXIT_BAD;
}

static int
print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return 0;
}

/* "label text", without what could play tricks on a terminal. */
static void
print_text(const char *label, const char *text)
{
	AUTO_BUF struct buf b = {.max = 8 * SHOWN_BYTES};

	log_safe(&b, span_str(text), SHOWN_BYTES);
	printf("%s%s\n", label, buf_cstr(&b));
}

static json_t *
state_json(const struct ldap_profile *p, const struct ldap_state *s)
{
	return json_pack("{s:s s:b s:s s:s s:s s:s s:I s:I s:I s:I s:I s:s}",
	    "profile", p->name, "disable", p->disable, "mode",
	    pmg_ldap_mode(p), "server1", p->server1, "server2", p->server2,
	    "comment", p->comment, "tried", (json_int_t)s->tried, "synced",
	    (json_int_t)s->synced, "accounts", (json_int_t)s->accounts,
	    "addresses", (json_int_t)s->addresses, "groups",
	    (json_int_t)s->groups, "error", s->error);
}

static void
print_state(const char *indent, const struct ldap_profile *p,
    const struct ldap_state *s)
{
	char age[32];

	if (p->disable)
		printf("%sdisabled\n", indent);
	if (s->synced > 0)
		printf("%s%" PRId64 " accounts, %" PRId64 " addresses, %"
		    PRId64 " groups, fetched %s ago\n", indent, s->accounts,
		    s->addresses, s->groups, ldap_age_text(age,
		    (int64_t)time(NULL) - s->synced));
	else if (!p->disable)
		printf("%sno data yet: pmg ldap sync %s\n", indent, p->name);
	if (s->error[0] != '\0') {
		printf("%s", indent);
		print_text("last sync failed: ", s->error);
	}
}

int
pmg_ldap_list(struct pmg_ldap *l)
{
	json_t *all = json_array();
	struct ldap_state s;
	struct err e;

	for (size_t i = 0; i < l->conf.n; i++) {
		const struct ldap_profile *p = &l->conf.profile[i];

		if (ldap_state_load(l->paths, p->name, &s, &e) != 0) {
			json_decref(all);
			return failed(&e);
		}
		json_array_append_new(all, state_json(p, &s));
		if (l->json)
			continue;
		printf("%s  %s %s%s%s\n", p->name, pmg_ldap_mode(p),
		    p->server1, *p->server2 != '\0' ? ", " : "", p->server2);
		print_state("    ", p, &s);
	}
	if (l->json)
		return print_json(all);
	json_decref(all);
	if (l->conf.n == 0)
		puts("ldap.conf has no profiles");
	return 0;
}

static char *
names_text(const struct ldap_names *l)
{
	struct buf b = {.max = 64 * 1024};
	char *text;

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", l->name[i]);
	text = xstrdup(buf_cstr(&b));
	buf_free(&b);
	return text;
}

/* Everything but the password. */
int
pmg_ldap_show(struct pmg_ldap *l, const struct ldap_profile *p)
{
	AUTO_FREE char *account = names_text(&p->account);
	AUTO_FREE char *mail = names_text(&p->mail);
	AUTO_FREE char *class = names_text(&p->groupclass);
	const struct {
		const char *key, *value;
	} t[] = {{"cafile", p->cafile}, {"binddn", p->binddn},
	    {"basedn", p->basedn}, {"groupbasedn", p->groupbasedn},
	    {"filter", p->filter}, {"accountattr", account},
	    {"mailattr", mail}, {"groupclass", class}};
	struct ldap_state s;
	struct err e;
	json_t *o;

	if (ldap_state_load(l->paths, p->name, &s, &e) != 0)
		return failed(&e);
	o = state_json(p, &s);
	json_object_set_new(o, "port", json_integer(p->port));
	json_object_set_new(o, "verify", json_boolean(p->verify));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		json_object_set_new(o, t[i].key, json_string(t[i].value));
	if (l->json)
		return print_json(o);
	json_decref(o);
	printf("%s\n    mode %s\n    server1 %s\n", p->name, pmg_ldap_mode(p),
	    p->server1);
	if (*p->server2 != '\0')
		printf("    server2 %s\n", p->server2);
	if (p->port != 0)
		printf("    port %u\n", p->port);
	printf("    verify %d\n", p->verify);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (*t[i].value != '\0') {
			printf("    %s ", t[i].key);
			print_text("", t[i].value);
		}
	print_state("    ", p, &s);
	return 0;
}

/* ---- what was fetched ---- */

/* NULL: failed, and said so. */
static struct directory *
load_active(const struct pmg_ldap *l)
{
	struct err e = {""};
	struct directory *d = ldap_directory_load(l->paths->ldap_active, &e);

	if (d != NULL)
		return d;
	if (e.text[0] == '\0')
		err_set(&e, "nothing has been fetched yet: pmg ldap sync");
	failed(&e);
	return NULL;
}

static bool
wanted(const struct directory *d, uint32_t profile, const char *name)
{
	return name == NULL ||
	    span_ieqs(span_str(directory_profile(d, profile).name), name);
}

static json_t *
account_json(const struct directory *d, const struct directory_account *a)
{
	json_t *names = json_array(), *addresses = json_array();
	json_t *groups = json_array();

	for (uint32_t i = 0; i < a->nname; i++)
		json_array_append_new(names,
		    json_string(directory_name(d, a, i)));
	for (uint32_t i = 0; i < a->naddress; i++)
		json_array_append_new(addresses,
		    json_string(directory_address(d, a, i)));
	for (uint32_t i = 0; i < a->ngroup; i++)
		json_array_append_new(groups, json_string(directory_group(d,
		    directory_membership(d, a, i)).dn));
	return json_pack("{s:s s:s s:o s:s s:o s:o}", "profile",
	    directory_profile(d, a->profile).name, "dn", a->dn, "accounts",
	    names, "primary", directory_address(d, a, 0), "addresses",
	    addresses, "groups", groups);
}

static void
print_account(const struct directory *d, const struct directory_account *a)
{
	print_text("", a->dn);
	printf("    profile %s\n", directory_profile(d, a->profile).name);
	for (uint32_t i = 0; i < a->nname; i++)
		print_text("    account ", directory_name(d, a, i));
	for (uint32_t i = 0; i < a->naddress; i++)
		print_text(i == 0 ? "    primary " : "    address ",
		    directory_address(d, a, i));
	for (uint32_t i = 0; i < a->ngroup; i++)
		print_text("    group ", directory_group(d,
		    directory_membership(d, a, i)).dn);
}

int
pmg_ldap_search(struct pmg_ldap *l, const char *address)
{
	struct directory *d = load_active(l);
	uint32_t pos = 0, row;
	size_t found = 0;
	json_t *all;

	if (d == NULL)
		return EXIT_BAD;
	all = json_array();
	for (; directory_find(d, address, &pos, &row); found++) {
		struct directory_account a = directory_account(d, row);

		if (l->json)
			json_array_append_new(all, account_json(d, &a));
		else
			print_account(d, &a);
	}
	if (l->json)
		print_json(json_incref(all));
	else if (found == 0)
		print_text("no profile knows ", address);
	json_decref(all);
	directory_free(d);
	return found > 0 ? 0 : EXIT_BAD;
}

int
pmg_ldap_groups(struct pmg_ldap *l, const char *profile)
{
	struct directory *d = load_active(l);
	uint32_t *members;
	json_t *all;

	if (d == NULL)
		return EXIT_BAD;
	all = json_array();
	members = xcalloc(directory_groups(d) + 1, sizeof(*members));
	for (uint32_t i = 0; i < directory_accounts(d); i++) {
		struct directory_account a = directory_account(d, i);

		for (uint32_t k = 0; k < a.ngroup; k++)
			members[directory_membership(d, &a, k)]++;
	}
	for (uint32_t i = 0; i < directory_groups(d); i++) {
		struct directory_group g = directory_group(d, i);
		const char *name = directory_profile(d, g.profile).name;

		if (!wanted(d, g.profile, profile))
			continue;
		if (l->json) {
			json_array_append_new(all, json_pack(
			    "{s:s s:s s:s s:b s:I}", "profile", name, "dn",
			    g.dn, "name", g.name, "unique", g.unique,
			    "accounts", (json_int_t)members[i]));
			continue;
		}
		printf("%s  %" PRIu32 "  ", name, members[i]);
		print_text("", g.dn);
	}
	free(members);
	if (l->json)
		print_json(json_incref(all));
	json_decref(all);
	directory_free(d);
	return 0;
}

int
pmg_ldap_accounts(struct pmg_ldap *l, const char *profile)
{
	struct directory *d = load_active(l);
	json_t *all;

	if (d == NULL)
		return EXIT_BAD;
	all = json_array();
	for (uint32_t i = 0; i < directory_accounts(d); i++) {
		struct directory_account a = directory_account(d, i);

		if (!wanted(d, a.profile, profile))
			continue;
		if (l->json) {
			json_array_append_new(all, account_json(d, &a));
			continue;
		}
		printf("%s  ", directory_profile(d, a.profile).name);
		print_text("", directory_address(d, &a, 0));
	}
	if (l->json)
		print_json(json_incref(all));
	json_decref(all);
	directory_free(d);
	return 0;
}
