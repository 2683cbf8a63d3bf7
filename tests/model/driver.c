/*
 * The engine's side of the comparison with the reference model: a case as one
 * line of JSON on stdin (compare.py, engine_case()), its plan as one line of
 * JSON on stdout. The public interface of rules.h only: build, compile, load,
 * evaluate; the message is parsed from its bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include "case.h"

enum {
	ARENA_BYTES = 16 << 20,
	WORD_BITS = 64,		/* bits of a word of marks */
};

static const char *const dispositions[] = {
	[DISP_ACCEPT] = "accept", [DISP_BLOCK] = "block",
	[DISP_QUARANTINE] = "quarantine",
};

/* [id of the group, index in it] */
static json_t *
action_name(const struct ruleset *rs, const struct object *o)
{
	const struct object_group *g;
	size_t n = ruleset_groups(rs, &g);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < g[i].nobject; k++)
			if (&g[i].object[k] == o)
				return json_pack("[i, i]", (int)g[i].id,
				    (int)k);
	give_up("an action that is in no group", "");
}

static json_t *
marks_of(const uint64_t *marks, size_t nwords)
{
	json_t *list;

	if (marks == NULL)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < nwords * WORD_BITS; i++)
		if (marks[i / WORD_BITS] >> i % WORD_BITS & 1)
			json_array_append_new(list, json_integer((int)i));
	return list;
}

static json_t *
recipients_of(const size_t *rcpt, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer((int)rcpt[i]));
	return list;
}

static json_t *
group_of(const struct ruleset *rs, const struct plan_group *g)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < g->nstep; i++)
		json_array_append_new(steps, json_pack("{s:i, s:o, s:o}",
		    "rule", (int)g->step[i].rule->id,
		    "action", action_name(rs, g->step[i].action),
		    "marks", marks_of(g->step[i].marks,
		    g->step[i].nmark_words)));
	return json_pack("{s:o, s:s, s:o, s:o}",
	    "rcpt", recipients_of(g->rcpt, g->nrcpt),
	    "disposition", dispositions[g->disp],
	    "rule", g->rule != NULL ? json_integer(g->rule->id) : json_null(),
	    "steps", steps);
}

static json_t *
plan_of(const struct ruleset *rs, const struct plan *p)
{
	json_t *groups = json_array(), *notices = json_array();
	json_t *matches = json_array(), *strip = json_array();

	for (size_t i = 0; i < p->ngroup; i++)
		json_array_append_new(groups, group_of(rs, &p->group[i]));
	for (size_t i = 0; i < p->nnotice; i++)
		json_array_append_new(notices, json_pack("{s:i, s:o, s:o, s:i}",
		    "rule", (int)p->notice[i].rule->id,
		    "action", action_name(rs, p->notice[i].action),
		    "rcpt", recipients_of(p->notice[i].rcpt,
		    p->notice[i].nrcpt), "group", (int)p->notice[i].group));
	for (size_t i = 0; i < p->nmatch; i++)
		json_array_append_new(matches, json_pack("{s:i, s:i}",
		    "rule", (int)p->match[i].rule->id,
		    "nrcpt", (int)p->match[i].nrcpt));
	for (size_t i = 0; i < p->nstrip; i++)
		json_array_append_new(strip, json_string(p->strip[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "groups", groups, "notices",
	    notices, "matches", matches, "strip", strip);
}

static void
run_case(const char *line)
{
	json_error_t error;
	json_t *c = json_loads(line, 0, &error), *plan_json;
	struct ruleset *rs;
	struct envelope env;
	struct facts f;
	struct plan *p;
	struct arena a;

	if (c == NULL)
		give_up("no JSON", error.text);
	arena_init(&a, ARENA_BYTES);
	rs = ruleset_of(c);
	envelope_of(&env, get(c, "message"), &a);
	facts_of(&f, &env, get(c, "message"), &a);
	p = rules_evaluate(rs, &f, &a);
	if (p == NULL)
		give_up("the arena is exhausted", "");
	plan_json = plan_of(rs, p);
	json_dumpf(plan_json, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(plan_json);
	directory_free((struct directory *)(uintptr_t)f.directory);
	arena_free(&a);
	ruleset_free(rs);
	json_decref(c);
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0)
		run_case(line);
	free(line);
	return 0;
}
