/* What a child found becomes a version, a draft, a reply. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "store/rules_internal.h"

enum { CHANGES_MAX = 1 << 30 };

/* ---- what needs no child ---- */

static json_t *
draft_json(const struct rules *r)
{
	const struct ruledb_draft *t = &r->draft;
	json_t *j;

	if (!t->open)
		return json_null();
	j = json_object();
	json_object_set_new(j, "base", json_integer((json_int_t)t->base));
	json_object_set_new(j, "revision",
	    json_integer((json_int_t)t->revision));
	json_object_set_new(j, "time", json_integer(t->time_us / 1000000));
	json_object_set_new(j, "actor", rules_json_string(t->actor));
	json_object_set_new(j, "changed",
	    json_integer((json_int_t)r->draft_changes.n));
	return j;
}

static void
add_version(void *arg, const struct ruledb_version *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "version", json_integer((json_int_t)v->version));
	json_object_set_new(j, "time", json_integer(v->time_us / 1000000));
	json_object_set_new(j, "actor", rules_json_string(v->actor));
	json_object_set_new(j, "comment", rules_json_string(v->comment));
	json_object_set_new(j, "changed", json_integer((json_int_t)v->nchange));
	json_array_append_new(arg, j);
}

/* A text of any length: in the packet, or in a memory file. */
static void
answer_text(struct rules_job *j, const char *text)
{
	struct err e;
	int fd;

	if (strlen(text) <= RULES_INLINE) {
		rules_job_answer(j, RULES_OK, text, -1);
		return;
	}
	fd = memfile_of("reply", span_str(text), &e);
	if (fd < 0) {
		rules_job_answer(j, RULES_FAILED, e.text, -1);
		return;
	}
	rules_job_answer(j, RULES_OK, NULL, fd);
	close(fd);
}

static void
answer_versions(struct rules_job *j)
{
	struct rules *r = j->rules;
	json_t *all = json_object(), *list = json_array();
	struct err e;
	char *text;

	if (ruledb_versions(r->s->rules, add_version, list, &e) != 0) {
		rules_job_answer(j, RULES_FAILED, e.text, -1);
	} else {
		json_object_set(all, "versions", list);
		json_object_set_new(all, "draft", draft_json(r));
		text = json_dumps(all, JSON_COMPACT);
		answer_text(j, text != NULL ? text : "{}");
		free(text);
	}
	json_decref(list);
	json_decref(all);
}

/* The live rules are compiled already. */
static bool
answer_active(struct rules_job *j)
{
	struct rules *r = j->rules;
	int fd;

	if (!r->active_known)
		return false;
	fd = open(r->s->paths.rules, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	rules_job_answer(j, RULES_OK, "{}", fd);
	close(fd);
	return true;
}

/* Done in the database; the draft of memory follows it. */
static void
answer_draft(struct rules_job *j, int rc, struct err *e)
{
	if (rc == 0)
		rc = rules_draft_load(j->rules, e);
	if (rc == 0)
		log_info("rules: draft %s by %s", j->q.verb == RULES_DRAFT_OPEN
		    ? "opened" : "discarded", j->actor);
	rules_job_answer(j, rc == 0 ? RULES_OK : RULES_FAILED,
	    rc == 0 ? "{}" : e->text, -1);
}

bool
rules_at_once(struct rules_job *j)
{
	struct rules *r = j->rules;
	struct err e;

	if (j->start)
		return false;
	switch (j->q.verb) {
	case RULES_VERSIONS:
		answer_versions(j);
		return true;
	case RULES_SNAPSHOT:
		return j->q.target.where == RULES_LIVE && answer_active(j);
	case RULES_DRAFT_OPEN:
		if (r->draft.open)
			rules_job_answer(j, RULES_REFUSED, "there is a draft "
			    "already: publish or discard it first", -1);
		else
			answer_draft(j, ruledb_draft_open(r->s->rules,
			    j->actor, &e), &e);
		return true;
	case RULES_DRAFT_DISCARD:
		answer_draft(j, ruledb_draft_discard(r->s->rules, &e), &e);
		return true;
	default:
		return false;
	}
}

/* ---- after the child ---- */

/* For the fault tests: dies where a power cut would hurt most. */
static void
hook_crash(const struct rules_job *j)
{
#ifdef PMG_TEST_HOOKS
	if (!j->start &&
	    strcmp(j->q.comment, "X-PMG-Test: crash-before-rename") == 0)
		raise(SIGKILL);
#else
	(void)j;
#endif
}

static void
sync_folder(const char *path)
{
	char *folder = xstrdup(path);
	int fd;

	*strrchr(folder, '/') = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		log_error("%s: fsync: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(folder);
}

/* The fresh file takes the place of rules.active. */
static int
activate(struct rules_job *j, struct err *e)
{
	struct rules *r = j->rules;
	struct store *s = r->s;

	hook_crash(j);
	if (rename(j->work.fresh, s->paths.rules) != 0) {
		err_errno(e, "%s: rename", s->paths.rules);
		str_copy(s->rules_error, sizeof(s->rules_error), e->text);
		r->active_known = false;
		return -1;
	}
	sync_folder(s->paths.rules);
	s->rules_error[0] = '\0';
	r->active_known = true;
	log_info("rules: version %" PRIu64 " published", r->version);
	return 0;
}

static void
commit_start(struct rules_job *j, const struct child_result *result)
{
	struct store *s = j->rules->s;
	struct err e;

	if (result->code != RULES_OK) {
		str_copy(s->rules_error, sizeof(s->rules_error), result->text);
		log_error("rules: %s; the published ones stay", result->text);
	} else if (result->written) {
		if (activate(j, &e) != 0)
			log_error("rules: %s", e.text);
	} else {
		s->rules_error[0] = '\0';
		j->rules->active_known = true;
	}
}

static int
take_changes(struct rules_job *j, struct rule_rows *changes, struct err *e)
{
	struct buf b = {.max = CHANGES_MAX};
	int rc = memfile_read(j->work.changes_fd, false, &b, e);

	if (rc == 0 && rule_rows_get(buf_span(&b), changes) != 0)
		rc = err_set(e, "the child's changes are damaged");
	buf_free(&b);
	return rc;
}

static void
answer_reply(struct rules_job *j)
{
	struct buf b = {.max = RULES_INLINE};
	struct stat st;
	struct err e;

	if (fstat(j->work.reply_fd, &st) != 0 ||
	    memfile_seal(j->work.reply_fd, &e) != 0)
		rules_job_answer(j, RULES_FAILED, "the reply is lost", -1);
	else if (st.st_size > RULES_TEXT_MAX)
		rules_job_answer(j, RULES_FAILED, "the reply is too long", -1);
	else if (st.st_size > RULES_INLINE)
		rules_job_answer(j, RULES_OK, NULL, j->work.reply_fd);
	else if (memfile_read(j->work.reply_fd, false, &b, &e) != 0)
		rules_job_answer(j, RULES_FAILED, e.text, -1);
	else
		rules_job_answer(j, RULES_OK, buf_cstr(&b), -1);
	buf_free(&b);
}

static int
commit_draft(struct rules_job *j, const struct rule_rows *changes,
    struct err *e)
{
	struct rules *r = j->rules;
	uint64_t base = j->q.verb == RULES_DRAFT_REBASE ? r->version
	    : r->draft.base;

	if (ruledb_draft_set(r->s->rules, base, changes, e) != 0)
		return -1;
	return rules_draft_load(r, e);
}

/* The version first: should the rename not happen any more, the next start
 * makes the file out of the version. */
static int
commit_version(struct rules_job *j, const struct rule_rows *changes,
    struct err *e)
{
	struct rules *r = j->rules;
	bool closes = j->q.verb == RULES_PUBLISH;
	uint64_t version;

	if (ruledb_publish(r->s->rules, changes, j->actor, j->q.comment,
	        closes, &version, e) != 0) {
		unlink(j->work.fresh);
		return -1;
	}
	rule_rows_apply(&r->live, changes);
	r->version = version;
	r->s->rules_version = version;
	log_info("rules: version %" PRIu64 " by %s: %zu changes", version,
	    j->actor, changes->n);
	/* Also when only the base of an open draft is no longer live. */
	if (rules_draft_load(r, e) != 0)
		log_error("rules: %s", e->text);
	return activate(j, e);
}

void
rules_commit(struct rules_job *j, const struct child_result *result)
{
	struct rule_rows changes = {NULL, 0, 0};
	struct err e;
	int rc = 0;

	if (j->start) {
		commit_start(j, result);
		return;
	}
	if (result->code != RULES_OK) {
		rules_job_answer(j, (enum rules_code)result->code,
		    result->text, -1);
		return;
	}
	if (j->q.verb == RULES_SNAPSHOT) {
		if (memfile_seal(j->work.snapshot_fd, &e) != 0)
			rules_job_answer(j, RULES_FAILED, e.text, -1);
		else
			rules_job_answer(j, RULES_OK, "{}",
			    j->work.snapshot_fd);
		return;
	}
	if (j->q.verb != RULES_GET && j->q.verb != RULES_DIFF)
		rc = take_changes(j, &changes, &e);
	if (rc == 0 && rules_into_draft(&j->q))
		rc = commit_draft(j, &changes, &e);
	else if (rc == 0 && changes.n > 0)
		rc = commit_version(j, &changes, &e);
	rule_rows_free(&changes);
	if (rc == 0)
		answer_reply(j);
	else
		rules_job_answer(j, RULES_FAILED, e.text, -1);
}
