/* The rules of a case. */
#include <stdlib.h>
#include <string.h>
#include "case.h"
#include "lib/base/xalloc.h"

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

static enum match_mode
mode_of(const char *word)
{
	static const char *const words[] = {"any", "all", "not_all", "none"};

	return (enum match_mode)word_index(words, MATCH_MODE_COUNT, word);
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

struct ruleset *
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
