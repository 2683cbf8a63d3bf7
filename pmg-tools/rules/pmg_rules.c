/* The table of `pmg rules`. */
#include "pmg_rules.h"

#include "pmg_rules_edit.h"
#include "pmg_rules_replay.h"
#include "pmg_rules_show.h"
#include "pmg_rules_test.h"
#include "pmg_rules_version.h"

/* For completion: it reads its command line itself. */
static const struct command_option replay_options[] = {
	{"against", "VERSION"}, {"last", "N"}, {NULL, NULL}};

static const struct command commands[] = {
	{.name = "list", .args = "", .takes = TAKES_READ,
	    .summary = "all rules, a line each", .run = rules_list},
	{.name = "show", .args = "[RULE]", .takes = TAKES_READ,
	    .summary = "one or all in words", .run = rules_show},
	{.name = "add", .args = "NAME", .takes = TAKES_EDIT,
	    .options = rules_add_options, .summary = "a new rule",
	    .run = rules_add},
	{.name = "set", .args = "RULE", .takes = TAKES_EDIT,
	    .options = rules_set_options,
	    .summary = "priority, direction, groups ...", .run = rules_set},
	{.name = "rename", .args = "RULE NAME", .takes = TAKES_EDIT,
	    .summary = "another name", .run = rules_rename},
	{.name = "enable", .args = "RULE...", .takes = TAKES_EDIT,
	    .summary = "rules become active", .run = rules_enable},
	{.name = "disable", .args = "RULE...", .takes = TAKES_EDIT,
	    .summary = "rules do nothing", .run = rules_disable},
	{.name = "delete", .args = "RULE...", .takes = TAKES_EDIT,
	    .summary = "rules go, their groups stay", .run = rules_delete},
	{.name = "link", .args = "RULE CATEGORY GROUP...",
	    .takes = TAKES_EDIT, .summary = "groups into from, to, when ...",
	    .run = rules_link},
	{.name = "unlink", .args = "RULE CATEGORY GROUP...",
	    .takes = TAKES_EDIT, .summary = "groups out of a rule",
	    .run = rules_unlink},
	{.name = "mode", .args = "RULE CATEGORY MODE", .takes = TAKES_EDIT,
	    .summary = "any, all, not-all, none of its groups",
	    .run = rules_mode},
	{.name = "test", .args = "FILE", .takes = TAKES_DRAFT | TAKES_VERSION,
	    .options = rules_test_options,
	    .summary = "what would happen to a message", .run = rules_test},
	{.name = "replay", .args = "", .takes = TAKES_DRAFT | TAKES_VERSION |
	    TAKES_OUTPUT, .options = replay_options,
	    .summary = "what would change for the last mails",
	    .raw = pmg_rules_replay},
	{.name = "draft open", .args = "", .takes = TAKES_OUTPUT,
	    .summary = "a copy of the rules to change",
	    .run = draft_open},
	{.name = "draft show", .args = "", .takes = TAKES_OUTPUT,
	    .summary = "what it changes", .run = draft_show},
	{.name = "draft rebase", .args = "", .takes = TAKES_OUTPUT,
	    .summary = "on top of what was published since",
	    .run = draft_rebase},
	{.name = "draft publish", .args = "",
	    .takes = TAKES_COMMENT | TAKES_OUTPUT,
	    .summary = "it becomes the rules", .run = draft_publish},
	{.name = "draft discard", .args = "",
	    .takes = TAKES_YES | TAKES_OUTPUT, .summary = "it is thrown away",
	    .run = draft_discard},
	{.name = "versions", .args = "", .takes = TAKES_OUTPUT,
	    .summary = "what was published, and the draft",
	    .run = rules_versions},
	{.name = "diff", .args = "VERSION [VERSION]", .takes = TAKES_OUTPUT,
	    .summary = "from one to another; \"draft\", \"live\"",
	    .run = rules_diff},
	{.name = "rollback", .args = "VERSION",
	    .takes = TAKES_COMMENT | TAKES_OUTPUT,
	    .summary = "an old version becomes the newest",
	    .run = rules_rollback},
	{.name = "export", .args = "", .takes = TAKES_DRAFT | TAKES_VERSION,
	    .summary = "everything as JSON", .run = rules_export},
	{.name = "import", .args = "FILE", .takes = TAKES_EDIT,
	    .summary = "replaces everything; \"-\": stdin",
	    .run = rules_import},
	{.name = "reset", .args = "", .takes = TAKES_EDIT | TAKES_YES,
	    .summary = "the shipped rules", .run = rules_reset},
	{.name = NULL},
};

const struct noun rules_noun = {"pmg rules", commands, CAT_COUNT};
