#include "pmg_rules_version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "rules_client.h"
#include "rules_print.h"

enum { COMMENT_COLUMNS = 29, ACTOR_COLUMNS = 12 };

static int64_t
number(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static const char *
text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

static const char *
time_text(const json_t *j, char *out, size_t size)
{
	time_t t = (time_t)number(j, "time");
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(out, size, "%Y-%m-%d %H:%M", &tm);
	return out;
}

static void
print_draft(const json_t *draft, uint64_t live)
{
	char when[32];

	if (!json_is_object(draft)) {
		puts("No draft is open.");
		return;
	}
	printf("A draft is open since %s, by ", time_text(draft, when,
	    sizeof(when)));
	print_clean(text(draft, "actor")[0] != '\0' ? text(draft, "actor")
	    : "-");
	printf(", on version %" PRId64 ": %" PRId64 " change%s.\n",
	    number(draft, "base"), number(draft, "changed"),
	    number(draft, "changed") == 1 ? "" : "s");
	if ((uint64_t)number(draft, "base") != live)
		printf("Version %" PRIu64 " was published since then: \"pmg "
		    "rules draft rebase\" before publishing.\n", live);
}

static int
ask_versions(struct cmd *c, json_t **all_r, uint64_t *live_r)
{
	struct rules_request q = {.verb = RULES_VERSIONS};
	struct rules_answer r;
	int rc = client_ask_json(c, &q, all_r, &r);

	if (rc != 0)
		return rc;
	*live_r = r.version;
	rules_answer_free(&r);
	return 0;
}

int
rules_versions(struct cmd *c)
{
	json_t *all, *list;
	uint64_t live;
	char when[32];
	int rc = ask_versions(c, &all, &live);

	if (rc != 0)
		return rc;
	if (c->json) {
		rc = client_print_json(all);
		json_decref(all);
		return rc;
	}
	list = json_object_get(all, "versions");
	printf("%7s  %-16s  %-*s %7s  %s\n", "VERSION", "TIME", ACTOR_COLUMNS,
	    "BY", "CHANGES", "COMMENT");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		printf("%7" PRId64 "  %s  ", number(v, "version"),
		    time_text(v, when, sizeof(when)));
		print_cell(text(v, "actor"), ACTOR_COLUMNS);
		printf(" %7" PRId64 "  ", number(v, "changed"));
		print_cell(text(v, "comment"), COMMENT_COLUMNS);
		putchar('\n');
	}
	print_draft(json_object_get(all, "draft"), live);
	json_decref(all);
	return CMD_OK;
}

/* "live", "draft" or a version. */
static int
target_argument(const struct cmd *c, const char *word,
    struct rules_target *t)
{
	int64_t n;

	*t = (struct rules_target){RULES_LIVE, 0};
	if (strcmp(word, "live") == 0)
		return 0;
	if (strcmp(word, "draft") == 0) {
		t->where = RULES_DRAFT;
		return 0;
	}
	if (!str_num(span_str(word), 1, INT64_MAX, &n))
		return cmd_usage(c, "\"%s\" is not a version (a number, "
		    "\"live\" or \"draft\")", word);
	*t = (struct rules_target){RULES_VERSION, (uint64_t)n};
	return 0;
}

int
rules_diff(struct cmd *c)
{
	struct rules_target before, after = {RULES_LIVE, 0};
	int rc = target_argument(c, c->arg[0], &before);

	if (rc == 0 && c->narg > 1)
		rc = target_argument(c, c->arg[1], &after);
	return rc != 0 ? rc : diff_print(c, before, after);
}

/* ---- changes of the whole ---- */

/* Asks, then says what was done. */
static int
change(struct cmd *c, struct rules_request *q, const char *said)
{
	struct rules_answer r;
	struct client_done d;
	json_t *reply;
	int64_t n;
	int rc = client_ask_json(c, q, &reply, &r);

	if (rc != 0)
		return rc;
	n = number(reply, "changed");
	d = (struct client_done){r.version, r.revision, NULL};
	rules_answer_free(&r);
	if (json_object_get(reply, "changed") == NULL)
		rc = client_done(c, &d, "%s", said);
	else if (n == 0)
		rc = client_done(c, &d, "%s: nothing differs", said);
	else
		rc = client_done(c, &d, "%s, %" PRId64 " change%s", said, n,
		    n == 1 ? "" : "s");
	json_decref(reply);
	return rc;
}

int
rules_rollback(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_ROLLBACK};
	char said[64];
	int rc = target_argument(c, c->arg[0], &q.target);

	if (rc != 0)
		return rc;
	if (q.target.where != RULES_VERSION)
		return cmd_usage(c, "say the number of a version (\"pmg rules "
		    "versions\" lists them)");
	snprintf(said, sizeof(said), "rolled back to version %" PRIu64,
	    q.target.version);
	return change(c, &q, said);
}

int
rules_import(struct cmd *c)
{
	AUTO_BUF struct buf b = {.max = RULES_TEXT_MAX};
	struct rules_request q = {.verb = RULES_IMPORT, .target = c->target};
	const char *path = strcmp(c->arg[0], "-") == 0 ? "/dev/stdin"
	    : c->arg[0];
	struct err e;

	if (file_read(path, &b, &e) != 0)
		return cmd_refuse(c, "%s", e.text);
	if (memchr(buf_cstr(&b), '\0', b.n) != NULL)
		return cmd_refuse(c, "%s: is not a text", c->arg[0]);
	c->file = c->arg[0];
	q.text = buf_cstr(&b);
	return change(c, &q, "imported");
}

int
rules_reset(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_RESET, .target = c->target};

	if (!cmd_confirm(c, c->target.where == RULES_DRAFT
	    ? "All rules of the draft are replaced by the shipped ones."
	    : "All rules are replaced by the shipped ones (\"pmg rules "
	      "rollback\" brings them back)."))
		return CMD_REFUSED;
	return change(c, &q, "reset to the shipped rules");
}

/* ---- the draft ---- */

int
draft_open(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_DRAFT_OPEN};

	return change(c, &q, "a draft is open, a copy of the live rules");
}

int
draft_show(struct cmd *c)
{
	struct rules_target after = {RULES_DRAFT, 0}, before;
	json_t *all, *draft;
	uint64_t live;
	int rc = ask_versions(c, &all, &live);

	if (rc != 0)
		return rc;
	draft = json_object_get(all, "draft");
	if (!json_is_object(draft)) {
		json_decref(all);
		return cmd_refuse(c, "no draft is open (\"pmg rules draft "
		    "open\" opens one)");
	}
	if (!c->json)
		print_draft(draft, live);
	before = (struct rules_target){RULES_VERSION,
		(uint64_t)number(draft, "base")};
	json_decref(all);
	return diff_print(c, before, after);
}

int
draft_discard(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_DRAFT_DISCARD};
	json_t *all, *draft;
	uint64_t live;
	int64_t changes;
	int rc = ask_versions(c, &all, &live);

	if (rc != 0)
		return rc;
	draft = json_object_get(all, "draft");
	changes = number(draft, "changed");
	json_decref(all);
	if (changes > 0 && !cmd_confirm(c, "The changes of the draft are thrown "
	    "away for good."))
		return CMD_REFUSED;
	return change(c, &q, "the draft is discarded");
}

int
draft_rebase(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_DRAFT_REBASE};

	return change(c, &q, "the draft is on top of the live rules");
}

int
draft_publish(struct cmd *c)
{
	struct rules_request q = {.verb = RULES_PUBLISH};

	return change(c, &q, "the draft is published");
}
