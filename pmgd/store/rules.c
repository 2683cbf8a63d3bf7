/*
 * Requests about rules. Those that change or compile something take their turn,
 * one at a time; those that only read have children of their own. A tool that
 * hangs up takes its request with it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "store/rules_internal.h"

enum { COMMENT_MAX = 1000 };

static void rules_kick(struct rules *r);

/* ---- jobs ---- */

static struct rules_job *
job_new(struct rules *r)
{
	struct rules_job *j = xcalloc(1, sizeof(*j)), **end = &r->job;

	j->rules = r;
	j->sock = -1;
	j->work.reply_fd = j->work.changes_fd = j->work.snapshot_fd = -1;
	arena_init(&j->arena, 2 * IPC_MAX);
	buf_init(&j->text, RULES_TEXT_MAX);
	while (*end != NULL)
		end = &(*end)->next;
	*end = j;
	r->njob++;
	return j;
}

static void
close_if(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Changes or compiles something: one at a time, in order. */
static bool
takes_turns(const struct rules_job *j)
{
	const struct rules_request *q = &j->q;

	if (q->verb == RULES_SNAPSHOT && q->target.where == RULES_LIVE)
		return !j->rules->active_known;
	return q->verb != RULES_GET && q->verb != RULES_DIFF &&
	    q->verb != RULES_VERSIONS;
}

/* Its child runs no longer. */
static void
job_release(struct rules_job *j)
{
	j->child = NULL;
	if (j->turn)
		j->rules->writing = false;
	else
		j->rules->readers--;
}

/* Ends the child, if it runs: what it was doing is dropped. */
static void
job_stop(struct rules_job *j)
{
	if (j->child == NULL)
		return;
	child_stop(j->child);
	job_release(j);
}

static void
job_free(struct rules_job *j)
{
	struct rules_job **p = &j->rules->job;

	job_stop(j);
	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	j->rules->njob--;
	sd_event_source_unref(j->hangup);
	close_if(&j->sock);
	close_if(&j->work.reply_fd);
	close_if(&j->work.changes_fd);
	close_if(&j->work.snapshot_fd);
	rule_rows_free(&j->work.target);
	rule_rows_free(&j->work.other);
	if (j->work.fresh != NULL)
		unlink(j->work.fresh);	/* of a job that came to nothing */
	free(j->work.fresh);
	buf_free(&j->text);
	arena_free(&j->arena);
	free(j);
}

void
rules_job_answer(struct rules_job *j, enum rules_code code, const char *text,
    int fd)
{
	struct rules *r = j->rules;
	struct rules_reply reply = {.code = (uint8_t)code,
	    .version = r->version, .in_file = text == NULL,
	    .revision = r->draft.open ? r->draft.revision : 0,
	    .text = text != NULL ? text : ""};
	struct buf b = {.max = IPC_MAX};
	struct err e;

	rules_reply_put(&b, &reply);
	if (code != RULES_OK)
		log_info("rules: request of %s refused: %s", j->actor, text);
	if (j->sock >= 0 && ipc_send(j->sock, STORE_MSG_RULES_REPLY,
	        buf_span(&b), &fd, fd >= 0, 0, &e) != 0)
		log_warn("rules: the answer to %s cannot be sent: %s",
		    j->actor, e.text);
	buf_free(&b);
}

/* ---- may it be done? ---- */

static bool
refuse(struct rules_job *j, enum rules_code code, const char *text)
{
	rules_job_answer(j, code, text, -1);
	return false;
}

/* Which verbs say where, and what they may say. */
static bool
target_fits(struct rules_job *j)
{
	const struct rules_request *q = &j->q;
	bool writes = q->verb == RULES_EDIT || q->verb == RULES_IMPORT ||
	    q->verb == RULES_RESET;
	bool needs_draft = q->target.where == RULES_DRAFT ||
	    (q->verb == RULES_DIFF && q->other.where == RULES_DRAFT) ||
	    q->verb == RULES_DRAFT_DISCARD || q->verb == RULES_PUBLISH ||
	    q->verb == RULES_DRAFT_REBASE;

	if (needs_draft && !j->rules->draft.open)
		return refuse(j, RULES_REFUSED, "no draft is open");
	if (writes && q->target.where == RULES_VERSION)
		return refuse(j, RULES_REFUSED, "an old version cannot be "
		    "changed: roll back to it, or edit the live rules or the "
		    "draft");
	if (q->verb == RULES_ROLLBACK && q->target.where != RULES_VERSION)
		return refuse(j, RULES_REFUSED, "rolling back needs a version");
	return true;
}

static bool
is_newest(struct rules_job *j)
{
	const struct rules *r = j->rules;
	const struct rules_request *q = &j->q;
	bool draft = rules_into_draft(q) || q->verb == RULES_DRAFT_DISCARD;
	uint64_t now = draft ? r->draft.revision : r->version;
	struct err e;

	if (q->based_on != 0 && q->based_on != now) {
		err_set(&e, draft ? "the draft has been changed meanwhile: "
		    "revision %llu, and this is based on %llu"
		    : "version %llu has been published meanwhile, and this is "
		    "based on %llu", (unsigned long long)now,
		    (unsigned long long)q->based_on);
		return refuse(j, RULES_NEWER, e.text);
	}
	if (q->verb == RULES_PUBLISH && r->draft.base != r->version) {
		err_set(&e, "version %llu has been published since the draft "
		    "was opened on version %llu: rebase it first",
		    (unsigned long long)r->version,
		    (unsigned long long)r->draft.base);
		return refuse(j, RULES_NEWER, e.text);
	}
	return true;
}

/* ---- starting a child ---- */

static int
load_version(struct rules *r, const struct rules_target *t,
    struct rule_rows *rows, struct err *e)
{
	int rc;

	if (t->where != RULES_VERSION)
		return 0;
	rc = ruledb_has(r->s->rules, t->version, e);
	if (rc == 0)
		return err_set(e, "there is no version %llu",
		    (unsigned long long)t->version);
	return rc < 0 ? -1 : ruledb_rows(r->s->rules, t->version, rows, e);
}

static int
work_prepare(struct rules_job *j, struct err *e)
{
	struct rules *r = j->rules;
	struct rules_work *w = &j->work;

	w->q = j->start ? NULL : &j->q;
	w->text = j->q.in_file ? buf_span(&j->text) : span_str(j->q.text);
	w->live = &r->live;
	w->version = r->version;
	w->draft_base = r->draft.base == r->version ? &r->live
	    : &r->draft_base;
	w->draft_changes = &r->draft_changes;
	w->draft_version = r->draft.base;
	w->active = r->s->paths.rules;
	if (j->turn) {
		w->fresh = xasprintf("%s.new", w->active);
		unlink(w->fresh);
	}
	w->reply_fd = memfile_new("reply", e);
	w->changes_fd = memfile_new("changes", e);
	w->snapshot_fd = memfile_new("snapshot", e);
	if (w->reply_fd < 0 || w->changes_fd < 0 || w->snapshot_fd < 0)
		return -1;
	if (load_version(r, &j->q.target, &w->target, e) != 0 ||
	    load_version(r, &j->q.other, &w->other, e) != 0)
		return -1;
	return ruledb_next(r->s->rules, w->next, e);
}

static void
on_ended(void *arg, const struct child_result *result)
{
	struct rules_job *j = arg;
	struct rules *r = j->rules;
	struct child_result known = *result;

	job_release(j);
	if (known.code < 0 || known.code >= RULES_CODE_END)
		known.code = RULES_FAILED;
	rules_commit(j, &known);
	job_free(j);
	rules_kick(r);
}

static int
job_fork(struct rules_job *j, struct err *e)
{
	const int keep[] = {j->work.reply_fd, j->work.changes_fd,
	    j->work.snapshot_fd};
	const struct child_work w = {.what = "these rules",
	    .cpu_s = RULES_CPU_S, .wall_s = RULES_WALL_S,
	    .memory_mb = RULES_MEMORY_MB, .keep = keep,
	    .nkeep = sizeof(keep) / sizeof(*keep), .run = rules_work_run,
	    .ended = on_ended, .arg = j};

	j->child = child_start(j->rules->s->loop, &w, e);
	if (j->child == NULL)
		return -1;
	if (j->turn)
		j->rules->writing = true;
	else
		j->rules->readers++;
	return 0;
}

/* False: answered already. */
static bool
job_begin(struct rules_job *j)
{
	struct err e;
	int rc;

	if (!j->start && (!target_fits(j) || !is_newest(j)))
		return false;
	if (rules_at_once(j))
		return false;
	rc = work_prepare(j, &e);
	if (rc == 0)
		rc = job_fork(j, &e);
	if (rc != 0 && j->start)
		log_error("rules: %s", e.text);
	else if (rc != 0)
		rules_job_answer(j, RULES_REFUSED, e.text, -1);
	return rc == 0;
}

static bool
may_run(const struct rules *r, const struct rules_job *j)
{
	return j->child == NULL && (j->turn ? !r->writing
	    : r->readers < RULES_READERS);
}

static void
rules_kick(struct rules *r)
{
	struct rules_job *next;

	for (struct rules_job *j = r->job; j != NULL; j = next) {
		next = j->next;
		if (may_run(r, j) && !job_begin(j))
			job_free(j);
	}
}

/* ---- requests ---- */

/* The tool is gone: nobody wants it any more. */
static int
on_hangup(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct rules_job *j = arg;
	struct rules *r = j->rules;

	(void)source;
	(void)fd;
	(void)events;
	log_info("rules: request of %s withdrawn", j->actor);
	job_free(j);
	rules_kick(r);
	return 0;
}

/* Takes the text out of the descriptor, where it is in one. */
static bool
text_take(struct rules_job *j, const struct ipc_msg *m)
{
	struct err e;

	if (!j->q.in_file)
		return true;
	if (m->nfd != 1)
		return false;
	if (memfile_read(m->fd[0], true, &j->text, &e) == 0)
		return true;
	log_error("rules: text of %s: %s", j->actor, e.text);
	return false;
}

bool
rules_request(struct rules *r, int sock, const struct ipc_msg *m,
    const char *actor)
{
	struct rules_job *j = job_new(r);

	str_copy(j->actor, sizeof(j->actor), actor);
	j->sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (j->sock < 0 || rules_request_get(m->body, &j->q, &j->arena) != 0 ||
	    !text_take(j, m)) {
		job_free(j);
		return false;
	}
	if (r->njob > RULES_JOBS_MAX || strlen(j->q.comment) > COMMENT_MAX) {
		rules_job_answer(j, RULES_FAILED, r->njob > RULES_JOBS_MAX
		    ? "too many requests wait" : "the comment is too long",
		    -1);
		job_free(j);
		return true;
	}
	j->turn = takes_turns(j);
	/* No events asked for: only the end of the connection is told. */
	if (sd_event_add_io(r->s->loop, &j->hangup, j->sock, 0, on_hangup,
	        j) < 0)
		fatal("event loop: cannot watch a connection");
	rules_kick(r);
	return true;
}

/* ---- start and end ---- */

int
rules_draft_load(struct rules *r, struct err *e)
{
	rule_rows_free(&r->draft_base);
	rule_rows_free(&r->draft_changes);
	if (ruledb_draft(r->s->rules, &r->draft, e) != 0)
		return -1;
	if (!r->draft.open)
		return 0;
	if (r->draft.base != r->version && ruledb_rows(r->s->rules,
	        r->draft.base, &r->draft_base, e) != 0)
		return -1;
	return ruledb_draft_rows(r->s->rules, &r->draft_changes, e);
}

void
rules_start(struct rules *r)
{
	struct rules_job *j = job_new(r);

	j->start = j->turn = true;
	str_copy(j->actor, sizeof(j->actor), "pmgd-store");
	rules_kick(r);
}

static bool
active_loads(const char *path)
{
	struct buf b = {.max = RULESET_BYTES_MAX};
	struct ruleset *rs = NULL;
	struct err e;

	if (access(path, F_OK) == 0 && file_read(path, &b, &e) == 0)
		rs = ruleset_load(buf_span(&b), &e);
	buf_free(&b);
	ruleset_free(rs);
	return rs != NULL;
}

struct rules *
rules_new(struct store *s, struct err *e)
{
	struct rules *r = xcalloc(1, sizeof(*r));

	r->s = s;
	if (ruledb_version(s->rules, &r->version, e) != 0 ||
	    ruledb_rows(s->rules, r->version, &r->live, e) != 0 ||
	    rules_draft_load(r, e) != 0) {
		rules_free(r);
		return NULL;
	}
	s->rules_version = r->version;
	rules_start(r);
	/* Without rules no worker works: nobody waits for commits yet. */
	if (!active_loads(s->paths.rules))
		while (r->job != NULL && sd_event_run(s->loop, UINT64_MAX) >= 0)
			;
	return r;
}

void
rules_free(struct rules *r)
{
	while (r->job != NULL)
		job_free(r->job);
	rule_rows_free(&r->live);
	rule_rows_free(&r->draft_base);
	rule_rows_free(&r->draft_changes);
	free(r);
}
