/* The rules and objects of a fresh installation. */
#include "lib/rules/ruleset.h"

enum { OBJECTS_MAX = 12, GROUPS_MAX = 3 };

static const struct shipped_group {
	const char *name;
	const char *info;
	enum category cat;
	struct object object[OBJECTS_MAX + 1];	/* ends with type 0 */
} groups[] = {
	{"Blacklist", "Senders whose mail is thrown away", CAT_FROM, {
	    {.type = WHO_EMAIL, .value = "nomail@fromthisdomain.com"}}},
	{"Whitelist", "Senders whose mail is accepted, spam or not", CAT_FROM, {
	    {.type = WHO_EMAIL, .value = "mail@fromthisdomain.com"}}},
	{"Office Hours", "The usual hours of work", CAT_WHEN, {
	    {.type = WHEN_TIMEFRAME, .number = 8 * 60, .number2 = 16 * 60}}},
	{"Images", "All kinds of pictures", CAT_WHAT, {
	    {.type = WHAT_CONTENT_TYPE, .value = "image/.*"}}},
	{"Multimedia", "Sound and video", CAT_WHAT, {
	    {.type = WHAT_CONTENT_TYPE, .value = "audio/.*"},
	    {.type = WHAT_CONTENT_TYPE, .value = "video/.*"}}},
	{"Office Files", "Texts, tables and slides of office programs",
	    CAT_WHAT, {
	    {.type = WHAT_CONTENT_TYPE, .value = "application/msword"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.ms-word.*"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.ms-excel.*"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.ms-powerpoint.*"},
	    {.type = WHAT_CONTENT_TYPE, .value =
		"application/vnd\\.openxmlformats-officedocument\\..*"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.oasis\\.opendocument\\..*"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.sun\\.xml\\..*"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/vnd\\.stardivision\\..*"}}},
	{"Dangerous Content", "Programs, scripts and other files that can do "
	    "harm when they are opened", CAT_WHAT, {
	    {.type = WHAT_CONTENT_TYPE, .value = "application/x-java.*"},
	    {.type = WHAT_CONTENT_TYPE, .value = "application/javascript"},
	    {.type = WHAT_CONTENT_TYPE, .value = "application/x-executable"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/x-ms-dos-executable"},
	    {.type = WHAT_CONTENT_TYPE,
		.value = "application/x-msdos-program"},
	    {.type = WHAT_CONTENT_TYPE, .value = "message/partial"},
	    {.type = WHAT_FILENAME, .value = ".*\\.(vbs|pif|lnk|shs|shb)"},
	    {.type = WHAT_FILENAME, .value = ".*\\.\\{.+\\}"}}},
	{"More Dangerous Content", "Not used by a rule as shipped: further "
	    "file names that attacks of recent years came with", CAT_WHAT, {
	    {.type = WHAT_FILENAME, .value = ".*\\.(exe|scr|com|bat|cmd|cpl|"
		"dll|msi|msix|appx)"},
	    {.type = WHAT_FILENAME, .value = ".*\\.(js|jse|vbe|wsf|wsh|hta|"
		"ps1|psm1|jar|reg|scf|url|chm)"},
	    {.type = WHAT_FILENAME, .value = ".*\\.(iso|img|vhd|vhdx|one|"
		"xll|library-ms|search-ms)"}}},
	{"Virus", "Mail in which a virus was found", CAT_WHAT, {
	    {.type = WHAT_VIRUS}}},
	{"Unclear Content", "Mail that may hide something: mail programs "
	    "read it differently, or it is too deep, too large or too much "
	    "to be checked whole", CAT_WHAT, {
	    {.type = WHAT_AMBIGUOUS}, {.type = WHAT_LIMITS}}},
	{"Active Content", "Documents with macros or other content that "
	    "starts programs", CAT_WHAT, {
	    {.type = WHAT_MACROS}}},
	{"Spam (Level 3)", "Mail that is probably spam", CAT_WHAT, {
	    {.type = WHAT_SPAM, .number = 3}}},
	{"Spam (Level 5)", "Mail that is very likely spam", CAT_WHAT, {
	    {.type = WHAT_SPAM, .number = 5}}},
	{"Spam (Level 10)", "Mail that is spam almost beyond doubt", CAT_WHAT, {
	    {.type = WHAT_SPAM, .number = 10}}},
	{"Modify Spam Level", "Tell the spam level in the header", CAT_ACTION, {
	    {.type = ACTION_FIELD, .value = "X-SPAM-LEVEL",
		.value2 = "__SPAM_INFO__"}}},
	{"Modify Spam Subject", "Mark spam in the subject", CAT_ACTION, {
	    {.type = ACTION_FIELD, .value = "subject",
		.value2 = "SPAM: __SUBJECT__"}}},
	{"Remove attachments", "Take out the parts that matched", CAT_ACTION, {
	    {.type = ACTION_REMOVE}}},
	{"Remove all attachments", "Take out everything but the text",
	    CAT_ACTION, {
	    {.type = ACTION_REMOVE, .flags = OBJ_REMOVE_ALL}}},
	{"Attachment Quarantine (remove matching)", "Take out the parts that "
	    "matched, keep the original", CAT_ACTION, {
	    {.type = ACTION_REMOVE, .flags = OBJ_QUARANTINE_COPY}}},
	{"Attachment Quarantine (remove all)", "Take out everything but the "
	    "text, keep the original", CAT_ACTION, {
	    {.type = ACTION_REMOVE,
		.flags = OBJ_REMOVE_ALL | OBJ_QUARANTINE_COPY}}},
	{"Accept", "Deliver the mail", CAT_ACTION, {{.type = ACTION_ACCEPT}}},
	{"Block", "Throw the mail away", CAT_ACTION, {{.type = ACTION_BLOCK}}},
	{"Quarantine", "Keep the mail in the quarantine", CAT_ACTION, {
	    {.type = ACTION_QUARANTINE}}},
	{"Notify Admin", "Write to the administrator", CAT_ACTION, {
	    {.type = ACTION_NOTIFY, .value = "__ADMIN__",
		.value2 = "Mail gateway: action by rule __RULE__",
		.value3 = "The mail gateway __FQDN__ has applied the rule "
		    "\"__RULE__\" to a message.\n\n"
		    "From:       __SENDER__ (client __SENDER_IP__)\n"
		    "To:         __TARGETS__\n"
		    "Subject:    __SUBJECT__\n"
		    "Message-ID: __MSGID__\n\n"
		    "Virus:      __VIRUS_INFO__\n"
		    "Spam level: __SPAMLEVEL__\n\n"
		    "What the rule does:\n__RULE_INFO__\n"
		    "-- \nPMG __VERSION__\n"}}},
	{"Notify Sender", "Write to the sender", CAT_ACTION, {
	    {.type = ACTION_NOTIFY, .value = "__SENDER__",
		.value2 = "Your message was not delivered: __SUBJECT__",
		.value3 = "Your message was stopped by the mail gateway "
		    "__FQDN__.\n\n"
		    "To:         __TARGETS__\n"
		    "Subject:    __SUBJECT__\n"
		    "Message-ID: __MSGID__\n\n"
		    "Rule:       __RULE__\n"
		    "Virus:      __VIRUS_INFO__\n"
		    "Spam level: __SPAMLEVEL__\n\n"
		    "Please ask your administrator (__ADMIN__) if you think "
		    "that this is a mistake.\n"}}},
	{"Disclaimer", "Add a legal notice", CAT_ACTION, {
	    {.type = ACTION_DISCLAIMER, .value =
		"<p>This message may contain confidential information and is "
		"meant only for the people it is addressed to. If you have "
		"received it by mistake, please tell the sender and delete "
		"it.</p>"}}},
};

static const struct shipped_rule {
	const char *name;
	int priority;
	enum rule_dir dir;
	bool active;
	const char *from;
	const char *what;
	const char *action[GROUPS_MAX + 1];
} rules[] = {
	{"Blacklist", 98, RULE_IN, true, "Blacklist", NULL, {"Block"}},
	{"Block Viruses", 96, RULE_IN, true, NULL, "Virus",
	    {"Notify Admin", "Quarantine"}},
	{"Virus Alert", 96, RULE_OUT, true, NULL, "Virus",
	    {"Notify Sender", "Notify Admin", "Block"}},
	{"Quarantine Unclear Mail", 95, RULE_BOTH, true, NULL,
	    "Unclear Content", {"Quarantine"}},
	{"Quarantine Active Content", 94, RULE_IN, true, NULL,
	    "Active Content", {"Quarantine"}},
	{"Block Dangerous Files", 93, RULE_IN, true, NULL, "Dangerous Content",
	    {"Remove attachments"}},
	{"Modify Header", 90, RULE_IN, true, NULL, NULL,
	    {"Modify Spam Level"}},
	{"Quarantine Office Files", 89, RULE_IN, false, NULL, "Office Files",
	    {"Attachment Quarantine (remove matching)"}},
	{"Block Multimedia Files", 87, RULE_BOTH, false, NULL, "Multimedia",
	    {"Remove attachments"}},
	{"Whitelist", 85, RULE_IN, true, "Whitelist", NULL, {"Accept"}},
	{"Block Spam (Level 10)", 82, RULE_IN, false, NULL, "Spam (Level 10)",
	    {"Block"}},
	{"Quarantine/Mark Spam (Level 5)", 81, RULE_IN, false, NULL,
	    "Spam (Level 5)", {"Modify Spam Subject", "Quarantine"}},
	{"Quarantine/Mark Spam (Level 3)", 80, RULE_IN, true, NULL,
	    "Spam (Level 3)", {"Modify Spam Subject", "Quarantine"}},
	{"Block outgoing Spam", 70, RULE_OUT, false, NULL, "Spam (Level 3)",
	    {"Notify Admin", "Notify Sender", "Block"}},
	{"Add Disclaimer", 60, RULE_OUT, false, NULL, NULL, {"Disclaimer"}},
};

enum { NGROUPS = sizeof(groups) / sizeof(groups[0]) };

static int
add_group(struct ruleset_builder *b, size_t i, struct err *e)
{
	struct object object[OBJECTS_MAX];
	struct object_group g = {.id = (uint32_t)i + 1,
		.name = groups[i].name, .info = groups[i].info,
		.cat = groups[i].cat, .object = object};

	for (; groups[i].object[g.nobject].type != 0; g.nobject++)
		object[g.nobject] = groups[i].object[g.nobject];
	for (size_t k = 0; k < g.nobject; k++) {
		struct object *o = &object[k];

		o->value = o->value != NULL ? o->value : "";
		o->value2 = o->value2 != NULL ? o->value2 : "";
		o->value3 = o->value3 != NULL ? o->value3 : "";
	}
	return ruleset_builder_group(b, &g, e);
}

/* Puts the builder's index of a group of that name into out. */
static size_t
add_index(const char *name, const int index[NGROUPS], int *out, size_t n)
{
	for (size_t i = 0; name != NULL && i < NGROUPS; i++)
		if (strcmp(groups[i].name, name) == 0) {
			out[n] = index[i];
			return n + 1;
		}
	return n;
}

static int
add_rule(struct ruleset_builder *b, size_t i, const int index[NGROUPS],
    struct err *e)
{
	const struct shipped_rule *s = &rules[i];
	struct rule r = {.id = (uint32_t)i + 1, .name = s->name,
		.priority = s->priority, .active = s->active, .dir = s->dir};
	int from[1], what[1], action[GROUPS_MAX];
	size_t n[CAT_COUNT] = {0};
	const int *list[CAT_COUNT] = {[CAT_FROM] = from, [CAT_WHAT] = what,
		[CAT_ACTION] = action};

	n[CAT_FROM] = add_index(s->from, index, from, 0);
	n[CAT_WHAT] = add_index(s->what, index, what, 0);
	for (size_t k = 0; s->action[k] != NULL; k++)
		n[CAT_ACTION] = add_index(s->action[k], index, action,
		    n[CAT_ACTION]);
	return ruleset_builder_rule(b, &r, list, n, e);
}

int
ruleset_builder_shipped(struct ruleset_builder *b, struct err *e)
{
	int index[NGROUPS];

	for (size_t i = 0; i < NGROUPS; i++) {
		index[i] = add_group(b, i, e);
		if (index[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (add_rule(b, i, index, e) != 0)
			return -1;
	return 0;
}
