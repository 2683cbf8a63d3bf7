/*
 * The engine's side of the comparison with the reference model: a case as one
 * line of JSON on stdin (compare.py, engine_case()), its plan as one line of
 * JSON on stdout. The public interface of rules.h only: build, compile, load,
 * evaluate; the message is parsed from its bytes.
 *
 * Whatever the engine has no word for ends the program: a case must never be
 * compared with half of it left out.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"
#include "lib/rules/rules.h"

enum {
	ARENA_BYTES = 16 << 20,
	WORD_BITS = 64,		/* bits of a word of marks */
};

static _Noreturn void
give_up(const char *what, const char *which)
{
	fprintf(stderr, "driver: %s: %s\n", what, which);
	exit(1);
}

static json_t *
get(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (v == NULL)
		give_up("the case lacks", key);
	return v;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static int64_t
number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static bool
truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* ---- rules ---- */

static const struct {
	const char *name;
	enum object_type type;
	enum category cat;
} types[] = {
	{"regex", WHO_REGEX, CAT_FROM}, {"email", WHO_EMAIL, CAT_FROM},
	{"domain", WHO_DOMAIN, CAT_FROM}, {"ip", WHO_IP, CAT_FROM},
	{"network", WHO_NETWORK, CAT_FROM},
	{"receiver", WHO_RECEIVER, CAT_FROM},
	{"receiver_domain", WHO_RECEIVER_DOMAIN, CAT_FROM},
	{"receiver_regex", WHO_RECEIVER_REGEX, CAT_FROM},
	{"ldap_group", WHO_LDAP_GROUP, CAT_FROM},
	{"ldap_user", WHO_LDAP_USER, CAT_FROM},
	{"timeframe", WHEN_TIMEFRAME, CAT_WHEN},
	{"spam", WHAT_SPAM, CAT_WHAT}, {"virus", WHAT_VIRUS, CAT_WHAT},
	{"field", WHAT_FIELD, CAT_WHAT},
	{"content_type", WHAT_CONTENT_TYPE, CAT_WHAT},
	{"filename", WHAT_FILENAME, CAT_WHAT},
	{"archive_type", WHAT_ARCHIVE_TYPE, CAT_WHAT},
	{"archive_name", WHAT_ARCHIVE_NAME, CAT_WHAT},
	{"encrypted", WHAT_ENCRYPTED, CAT_WHAT},
	{"unreadable", WHAT_UNREADABLE, CAT_WHAT},
	{"macros", WHAT_MACROS, CAT_WHAT},
	{"ambiguous", WHAT_AMBIGUOUS, CAT_WHAT},
	{"limits", WHAT_LIMITS, CAT_WHAT},
	{"spf", WHAT_SPF, CAT_WHAT}, {"size", WHAT_SIZE, CAT_WHAT},
	{"accept", ACTION_ACCEPT, CAT_ACTION},
	{"block", ACTION_BLOCK, CAT_ACTION},
	{"quarantine", ACTION_QUARANTINE, CAT_ACTION},
	{"notify", ACTION_NOTIFY, CAT_ACTION}, {"bcc", ACTION_BCC, CAT_ACTION},
	{"remove", ACTION_REMOVE, CAT_ACTION},
	{"disclaimer", ACTION_DISCLAIMER, CAT_ACTION},
	{"modify", ACTION_FIELD, CAT_ACTION},
};

static const char *const dispositions[] = {
	[DISP_ACCEPT] = "accept", [DISP_BLOCK] = "block",
	[DISP_QUARANTINE] = "quarantine",
};

/* Index of a word; ends the program when it is none of them. */
static int
word_index(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (words[i] != NULL && strcmp(words[i], word) == 0)
			return i;
	give_up("the engine has no such word", word);
}

static enum match_mode
mode_of(const char *word)
{
	static const char *const words[] = {"any", "all", "not_all", "none"};

	return (enum match_mode)word_index(words, MATCH_MODE_COUNT, word);
}

static enum spf_result
spf_of(const char *word)
{
	static const char *const words[] = {NULL, "none", "neutral", "pass",
		"fail", "softfail", "temperror", "permerror"};

	return (enum spf_result)word_index(words, SPF_RESULT_COUNT, word);
}

static int64_t
spf_mask(const json_t *list)
{
	int64_t mask = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		mask |= 1 << spf_of(json_string_value(
		    json_array_get(list, i)));
	return mask;
}

static uint32_t
flags_of_object(const json_t *o)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} options[] = {
		{"all_parts", OBJ_REMOVE_ALL},
		{"keep_copy", OBJ_QUARANTINE_COPY},
		{"original", OBJ_ORIGINAL}, {"subdomains", OBJ_SUBDOMAINS},
		{"top_only", OBJ_TOP_ONLY},
		{"only_content", OBJ_ONLY_CONTENT},
	};
	const json_t *days = json_object_get(o, "days");
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (truth(o, options[i].name))
			flags |= options[i].flag;
	for (size_t i = 0; i < json_array_size(days); i++)
		flags |= (uint32_t)OBJ_MONDAY << json_integer_value(
		    json_array_get(days, i));
	return flags;
}

static void
set_ldap(struct object *to, const json_t *o)
{
	static const char *const modes[] = {[LDAP_KNOWN] = "any",
		[LDAP_UNKNOWN] = "none", [LDAP_GROUP] = "group"};

	to->value2 = to->value;
	to->value = text(o, "profile");
	if (to->type == WHO_LDAP_GROUP)
		to->number = word_index(modes, 3, text(o, "mode"));
}

static struct object
object_of(const json_t *o, enum category *cat)
{
	struct object to = {.value = text(o, "value"),
		.value2 = text(o, "regex"), .value3 = "",
		.number = number(o, "low"), .number2 = number(o, "high")};
	size_t i, n = sizeof(types) / sizeof(types[0]);

	for (i = 0; i < n; i++)
		if (strcmp(types[i].name, text(o, "type")) == 0)
			break;
	if (i == n)
		give_up("the engine has no such object", text(o, "type"));
	to.type = types[i].type;
	*cat = types[i].cat;
	to.flags = flags_of_object(o);
	if (to.type == WHEN_TIMEFRAME)
		to.value = text(o, "zone");
	if (to.type == WHAT_SPF)
		to.number = spf_mask(get(o, "results"));
	if (to.type == WHO_LDAP_GROUP || to.type == WHO_LDAP_USER)
		set_ldap(&to, o);
	return to;
}

static const struct { const char *name; enum category cat; } kinds[] = {
	{"who", CAT_FROM}, {"when", CAT_WHEN}, {"what", CAT_WHAT},
	{"action", CAT_ACTION},
};

/* Of a group without objects its name alone tells what it is for. */
static enum category
group_category(const json_t *g)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, text(g, "kind")) == 0)
			return kinds[i].cat;
	give_up("no such kind of group", text(g, "kind"));
}

static void
add_group(struct ruleset_builder *b, const json_t *g, size_t expected)
{
	const json_t *list = get(g, "objects");
	size_t n = json_array_size(list);
	struct object *object = xcalloc(n + 1, sizeof(*object));
	struct object_group group = {.id = (uint32_t)number(g, "id"),
		.name = "group", .info = "", .cat = group_category(g),
		.mode = mode_of(text(g, "mode")),
		.object = object, .nobject = n};
	struct err e = {""};

	for (size_t i = 0; i < n; i++) {
		enum category cat;

		object[i] = object_of(json_array_get(list, i), &cat);
		if (cat != group.cat)
			give_up("an object in a group of another kind",
			    text(g, "kind"));
	}
	if (ruleset_builder_group(b, &group, &e) != (int)expected)
		give_up("group refused", e.text);
	free(object);
}

/* Index of the group with that id in the case. */
static int
group_index(const json_t *groups, int64_t id)
{
	for (size_t i = 0; i < json_array_size(groups); i++)
		if (number(json_array_get(groups, i), "id") == id)
			return (int)i;
	give_up("a rule names a group that is not there", "");
}

static int *
group_indices(const json_t *groups, const json_t *ids, size_t *n)
{
	int *index;

	*n = json_array_size(ids);
	index = xcalloc(*n + 1, sizeof(*index));
	for (size_t i = 0; i < *n; i++)
		index[i] = group_index(groups,
		    json_integer_value(json_array_get(ids, i)));
	return index;
}

static enum rule_dir
rule_dir(const char *s)
{
	return strcmp(s, "in") == 0 ? RULE_IN :
	    strcmp(s, "out") == 0 ? RULE_OUT : RULE_BOTH;
}

static void
add_rule(struct ruleset_builder *b, const json_t *groups, const json_t *r)
{
	static const char *const names[] = {[CAT_FROM] = "from",
		[CAT_TO] = "to", [CAT_WHEN] = "when", [CAT_WHAT] = "what"};
	struct rule rule = {.id = (uint32_t)number(r, "id"), .name = "rule",
		.priority = (int)number(r, "priority"),
		.active = truth(r, "active"),
		.dir = rule_dir(text(r, "direction"))};
	int *index[CAT_COUNT];
	size_t n[CAT_COUNT];
	struct err e = {""};

	for (int c = 0; c < CAT_COUNT; c++) {
		if (c != CAT_ACTION)
			rule.mode[c] = mode_of(text(get(r, "modes"), names[c]));
		index[c] = group_indices(groups, c == CAT_ACTION ?
		    get(r, "actions") : get(get(r, "groups"), names[c]), &n[c]);
	}
	if (ruleset_builder_rule(b, &rule,
	    (const int **)(uintptr_t)index, n, &e) < 0)
		give_up("rule refused", e.text);
	for (int c = 0; c < CAT_COUNT; c++)
		free(index[c]);
}

static struct ruleset *
ruleset_of(const json_t *c)
{
	struct ruleset_builder *b = ruleset_builder_new();
	const json_t *groups = get(c, "groups"), *rules = get(c, "rules");
	struct buf snapshot = {.max = SIZE_MAX / 2};
	struct ruleset *rs;
	struct err e = {""};

	for (size_t i = 0; i < json_array_size(groups); i++)
		add_group(b, json_array_get(groups, i), i);
	for (size_t i = 0; i < json_array_size(rules); i++)
		add_rule(b, groups, json_array_get(rules, i));
	if (ruleset_compile(b, 1, &snapshot, &e) < 0)
		give_up("not compiled", e.text);
	ruleset_builder_free(b);
	rs = ruleset_load(buf_span(&snapshot), &e);
	if (rs == NULL)
		give_up("not loaded", e.text);
	buf_free(&snapshot);
	return rs;
}

/* ---- facts ---- */

static unsigned
flags_of(const json_t *list)
{
	unsigned flags = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		flags |= strcmp(s, "encrypted") == 0 ? INSIDE_ENCRYPTED :
		    strcmp(s, "macros") == 0 ? INSIDE_MACROS :
		    INSIDE_UNREADABLE;
	}
	return flags;
}

static void
content_facts(struct facts *f, const json_t *parts, struct arena *a)
{
	size_t n = json_array_size(parts), max = n;
	const char **magic = arena_array(a, n, sizeof(*magic));
	struct inside *in;

	for (size_t i = 0; i < n; i++)
		max += json_array_size(get(json_array_get(parts, i),
		    "entries"));
	in = arena_array(a, max, sizeof(*in));
	for (size_t i = 0; i < n; i++) {
		const json_t *p = json_array_get(parts, i);
		const json_t *list = get(p, "entries");
		unsigned own = flags_of(get(p, "flags"));

		magic[i] = text(p, "magic");
		if (own != 0)
			in[f->ninside++] = (struct inside){i, 0, own, "", ""};
		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *e = json_array_get(list, k);

			in[f->ninside++] = (struct inside){i,
				(unsigned)number(e, "depth"),
				flags_of(get(e, "flags")), text(e, "name"),
				text(e, "type")};
		}
	}
	f->magic_type = magic;
	f->inside = in;
}

/* Its accounts of one profile, with a group for each name. */
static void
add_profile(struct directory_builder *b, const json_t *list,
    const char *profile)
{
	static const char *const groups[] = {"staff", "guests"};
	uint32_t index[2];
	char dn[32];

	directory_builder_profile(b, profile, 1);
	for (int g = 0; g < 2; g++) {
		snprintf(dn, sizeof(dn), "cn=%s,dc=%s", groups[g], profile);
		index[g] = directory_builder_group(b, dn, groups[g]);
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i), *v;
		size_t k;

		if (strcmp(text(e, "profile"), profile) != 0)
			continue;
		snprintf(dn, sizeof(dn), "uid=%zu,dc=%s", i, profile);
		v = get(e, "addresses");
		directory_builder_account(b, dn,
		    json_string_value(json_array_get(v, 0)));
		directory_builder_name(b, text(e, "account"));
		for (k = 1; k < json_array_size(v); k++)
			directory_builder_address(b,
			    json_string_value(json_array_get(v, k)));
		v = get(e, "groups");
		for (k = 0; k < json_array_size(v); k++)
			directory_builder_member(b, index[word_index(groups, 2,
			    json_string_value(json_array_get(v, k)))]);
	}
}

/* NULL: no profile at all. */
static struct directory *
directory_of(const json_t *list)
{
	static const char *const profiles[] = {"p", "q"};
	struct directory_builder *b = directory_builder_new();
	struct buf snapshot = {.max = SIZE_MAX / 2};
	struct directory *d = NULL;
	struct err e = {""};

	for (int p = 0; p < 2; p++)
		for (size_t i = 0; i < json_array_size(list); i++)
			if (strcmp(text(json_array_get(list, i), "profile"),
			    profiles[p]) == 0) {
				add_profile(b, list, profiles[p]);
				break;
			}
	if (json_array_size(list) > 0 &&
	    (directory_build(b, &snapshot, &e) < 0 ||
	    (d = directory_load(buf_span(&snapshot), &e)) == NULL))
		give_up("no directory", e.text);
	directory_builder_free(b);
	buf_free(&snapshot);
	return d;
}

static void
envelope_of(struct envelope *env, const json_t *m, struct arena *a)
{
	const json_t *list = get(m, "recipients");

	*env = (struct envelope){.logid = "0", .queue_id = "", .ret = "",
		.envid = "", .client_name = "", .client_port = "",
		.client_helo = "", .client_proto = "", .client_source = "",
		.dir = strcmp(text(m, "direction"), "in") == 0 ? DIR_IN :
		DIR_OUT, .sender = text(m, "sender"),
		.client_addr = text(m, "client"),
		.nrcpt = json_array_size(list)};
	env->rcpt = arena_array(a, env->nrcpt, sizeof(*env->rcpt));
	for (size_t i = 0; i < env->nrcpt; i++)
		env->rcpt[i] = (struct recipient){
			json_string_value(json_array_get(list, i)), "", ""};
}

static void
facts_of(struct facts *f, const struct envelope *env, const json_t *m,
    struct arena *a)
{
	const json_t *list = get(m, "user_list"), *spam = get(m, "spam");
	const char *eml = text(m, "eml");
	signed char *verdict = arena_array(a, env->nrcpt, 1);

	for (size_t i = 0; i < env->nrcpt; i++)
		verdict[i] = (signed char)json_integer_value(
		    json_array_get(list, i));
	*f = (struct facts){.env = env,
		.mime = mime_parse(span_str(eml), &mime_limits_default, a),
		.size = (uint64_t)number(m, "size"),
		.time = number(m, "time"),
		.minute_of_day = (int)number(m, "minute"),
		.weekday = (int)number(m, "weekday"),
		.spf = spf_of(text(m, "spf")),
		.directory = directory_of(get(m, "directory")),
		.ambiguous = truth(m, "ambiguous"),
		.limits = truth(m, "limits"),
		.virus = json_string_value(get(m, "virus")),
		.spam_known = json_is_integer(spam),
		.spam_level = (int)json_integer_value(spam),
		.user_list = verdict};
	if (f->mime->npart != json_array_size(get(m, "parts")))
		give_up("other parts than the model's in", eml);
	content_facts(f, get(m, "parts"), a);
}

/* ---- the plan ---- */

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
