#include "pmg_rules_show.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "pmg_rules_load.h"
#include "rules_client.h"
#include "rules_print.h"
#include "rules_view.h"

enum { TEXT_MAX = 1 << 26, NAME_MAX_COLUMNS = 34, BEFORE_NAME = 21,
	CELL_BYTES = 1024 };

static const char *const directions[] = {"in", "out", "both"};

/* ---- list ---- */

static size_t
name_columns(const struct view *v)
{
	size_t most = 4;

	for (size_t i = 0; i < v->nrule; i++) {
		size_t n = print_width(v->rule[i].name);

		most = n > most ? n : most;
	}
	return most < NAME_MAX_COLUMNS ? most : NAME_MAX_COLUMNS;
}

static void
print_row(const struct rule *r, size_t columns)
{
	AUTO_BUF struct buf actions = {.max = CELL_BYTES};

	for (size_t i = 0; i < r->ngroup[CAT_ACTION]; i++)
		buf_printf(&actions, "%s%s", i > 0 ? ", " : "",
		    r->group[CAT_ACTION][i]->name);
	printf("%5u %4d %-4s %3s  ", r->id, r->priority, directions[r->dir],
	    r->active ? "yes" : "-");
	print_cell(r->name, columns);
	fputs("  ", stdout);
	print_cell(r->ngroup[CAT_ACTION] > 0 ? buf_cstr(&actions) : "-",
	    PRINT_COLUMNS - BEFORE_NAME - columns - 2);
	putchar('\n');
}

int
rules_list(struct cmd *c)
{
	struct view v;
	int rc = view_load(c, &v);

	if (rc != 0)
		return rc;
	if (c->json) {
		rc = client_print_json(json_object_get(v.document, "rules"));
	} else {
		size_t columns = name_columns(&v);

		printf("%5s %4s %-4s %3s  %-*s  %s\n", "ID", "PRIO", "DIR",
		    "ON", (int)columns, "NAME", "ACTIONS");
		for (size_t i = 0; i < v.nrule; i++)
			print_row(&v.rule[i], columns);
	}
	view_free(&v);
	return rc;
}

/* ---- show ---- */

static void
print_text(const struct buf *out)
{
	fwrite(out->p, 1, out->n, stdout);
	if (out->overflow)
		puts("... cut: the description is too long");
}

static void
put_heading(struct buf *out, size_t n, const char *which, uint64_t version)
{
	buf_printf(out, "%zu rules, %s %llu of the rule database. The "
	    "highest priority comes first;\na rule with \"-\" in front is not "
	    "active.\n", n, which, (unsigned long long)version);
}

/* What the workers have loaded; also while pmgd-store is away. */
static int
show_active(struct cmd *c)
{
	AUTO_BUF struct buf out = {.max = TEXT_MAX};
	const struct rule **rule;
	struct ruleset *rs;
	struct err e;
	size_t n;

	rs = rules_load_active(c->paths, &e);
	if (rs == NULL)
		return cmd_refuse(c, "%s", e.text);
	n = ruleset_rules(rs, &rule);
	put_heading(&out, n, "version", ruleset_version(rs));
	for (size_t i = 0; i < n; i++) {
		buf_putc(&out, '\n');
		rule_describe(&out, rule[i]);
	}
	print_text(&out);
	ruleset_free(rs);
	return CMD_OK;
}

static int
show_one(struct cmd *c, const struct view *v)
{
	AUTO_BUF struct buf out = {.max = TEXT_MAX};
	const struct rule *r = view_rule(c, v, c->arg[0]);

	if (r == NULL)
		return CMD_REFUSED;
	if (c->json)
		return client_print_json(view_json(v, "rules", r->id));
	buf_printf(&out, "Rule %u\n", r->id);
	rule_describe(&out, r);
	print_text(&out);
	return CMD_OK;
}

static int
show_all(struct cmd *c, const struct view *v)
{
	AUTO_BUF struct buf out = {.max = TEXT_MAX};

	if (c->json)
		return client_print_json(v->document);
	put_heading(&out, v->nrule, c->target.where == RULES_DRAFT
	    ? "draft, revision" : "version", c->target.where == RULES_VERSION
	    ? c->target.version : v->version);
	for (size_t i = 0; i < v->nrule; i++) {
		buf_putc(&out, '\n');
		rule_describe(&out, &v->rule[i]);
	}
	print_text(&out);
	return CMD_OK;
}

int
rules_show(struct cmd *c)
{
	struct view v;
	int rc;

	if (c->narg == 0 && !c->json && c->target.where == RULES_LIVE)
		return show_active(c);
	rc = view_load(c, &v);
	if (rc != 0)
		return rc;
	rc = c->narg > 0 ? show_one(c, &v) : show_all(c, &v);
	view_free(&v);
	return rc;
}

int
rules_export(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_GET, .target = c->target};
	struct rules_answer r;
	json_t *document;
	int rc = client_ask_json(c, &q, &document, &r);

	if (rc != 0)
		return rc;
	rc = client_print_json(document);
	json_decref(document);
	rules_answer_free(&r);
	return rc;
}
