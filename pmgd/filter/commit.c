/*
 * LMTP, one reply a recipient. (One reply for all: together.c.)
 *
 * Quarantine first, then reinjection: a quarantine commit is idempotent
 * (queue id and recipients are its key), so a deferral after it only repeats
 * it; a reinjected copy would be sent twice. Every outcome is known before
 * any reply is sent.
 */
#include "filter/filter.h"

#include <string.h>
#include <unistd.h>
#include "filter/entry.h"
#include "filter/outcome.h"
#include "filter/together.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum {
	/* One transaction with Postfix. */
	REINJECT_MS = 300 * 1000,
	/* Checks that took all of the message's time leave this much. Together
	 * with what notices may take it is less than the minute that Postfix
	 * waits longer than mail.filter-timeout (pmg-tools/config/vars.c). */
	COMMIT_LEAST_MS = 10 * 1000,
};

/* ---- quarantine ---- */

/* The recipients of a group, as the store or Postfix wants them. */
static struct recipient *
group_rcpt(const struct message *m, const struct plan_group *g)
{
	struct recipient *to = xcalloc(g->nrcpt, sizeof(*to));

	for (size_t k = 0; k < g->nrcpt; k++)
		to[k] = m->env.rcpt[g->rcpt[k]];
	return to;
}

static void
not_kept(struct message *m, size_t i, const struct rule *rule)
{
	outcome_deferred(m, i, rule, 451,
	    "4.3.0 quarantine cannot take the mail now");
}

static void
quarantine_group(struct worker *w, struct message *m, const struct copy *c)
{
	const struct plan_group *g = c->group;
	AUTO_FREE const char **id = xcalloc(g->nrcpt, sizeof(*id));
	AUTO_FREE struct recipient *to = group_rcpt(m, g);
	struct spool_file held = SPOOL_FILE_NONE;
	struct entry t = {.kind = entry_kind(m, g->rule), .rule = g->rule,
	    .why = "", .file = entry_file(w, m, c, &held),
	    .sender = m->env.sender, .to = to, .nto = g->nrcpt};

	if (t.file != NULL)
		entry_commit(w, m, &t, id);
	spool_close(&held);
	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (id[k] == NULL) {
			not_kept(m, i, g->rule);
			continue;
		}
		m->outcome[i].quarantine_id = id[k];
		outcome_ok(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, g->rule,
		    entry_kind_word(t.kind));
	}
}

/* Removed attachments whose originals are wanted: the received mail goes to the
 * attachment quarantine before the changed copy goes anywhere, to the
 * quarantine as well. False: it could not, the recipients are deferred. */
static bool
keep_original(struct worker *w, struct message *m, const struct copy *c)
{
	const struct plan_group *g = c->group;
	AUTO_FREE const char **id = xcalloc(g->nrcpt, sizeof(*id));
	AUTO_FREE struct recipient *to = group_rcpt(m, g);
	struct spool_file original = SPOOL_FILE_NONE;
	struct entry t = {.kind = QUAR_ATTACHMENT, .rule = c->kept_by,
	    .why = "", .file = &original, .sender = m->env.sender, .to = to,
	    .nto = g->nrcpt};
	struct err e;
	bool kept;

	if (c->kept_by == NULL)
		return true;
	kept = prepare_original(w, m, &original, &e) == 0;
	if (!kept)
		log_error("%s", e.text);
	kept = kept && entry_commit(w, m, &t, id);
	spool_close(&original);
	for (size_t k = 0; k < g->nrcpt; k++)
		if (kept)
			outcome_kept(m, g->rcpt[k], c->kept_by, id[k]);
		else
			not_kept(m, g->rcpt[k], c->kept_by);
	return kept;
}

/* ---- reinjection ---- */

int64_t
reinject_by(int64_t deadline_ms)
{
	int64_t longest = clock_mono_ms() + REINJECT_MS;

	return deadline_ms < longest ? deadline_ms : longest;
}

int
reinject(struct worker *w, int64_t deadline_ms, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span bytes,
    struct smtp_reply *reply, struct err *e)
{
	return outlet_send(&w->outlet, w->reinject, w->host,
	    reinject_by(deadline_ms), false, env, to, nto, bytes, reply, e);
}

static void
reinject_reply(struct message *m, size_t i, const struct rule *rule,
    const struct smtp_reply *r)
{
	if (r->code >= 200 && r->code < 300) {
		outcome_ok(m, i);
		outcome_set(m, i, RESULT_ACCEPTED, rule, "");
	} else if (r->code >= 500) {
		m->outcome[i].reply = *r;
		outcome_set(m, i, RESULT_REJECTED, rule, "");
	} else if (r->code >= 400) {
		m->outcome[i].reply = *r;
		/* Its session may be ending; the one with Postfix is not. */
		if (r->code == 421)
			m->outcome[i].reply.code = 451;
		outcome_set(m, i, RESULT_DEFERRED, rule, "");
	} else {
		outcome_deferred(m, i, rule, 451,
		    "4.4.0 no answer from Postfix after the mail was sent");
	}
}

static void
reinject_group(struct worker *w, struct message *m, const struct copy *c)
{
	const struct plan_group *g = c->group;
	AUTO_FREE struct recipient *to = group_rcpt(m, g);
	AUTO_FREE struct smtp_reply *reply = xcalloc(g->nrcpt, sizeof(*reply));
	const char *queued;
	struct err e;
	int rc;

	rc = reinject(w, m->commit_by_ms, &m->env, to, g->nrcpt, c->bytes,
	    reply, &e);
	if (rc != 0)
		log_error("reinjection to %s: %s", w->reinject, e.text);
	queued = rc == 0 ? arena_strdup(&m->arena,
	    smtp_client_queued_as(w->outlet.client)) : NULL;
	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		m->outcome[i].queue_id = queued ? queued : "";
		if (rc != 0)
			outcome_deferred(m, i, g->rule, 451,
			    "4.4.0 Postfix does not take the mail back now");
		else
			reinject_reply(m, i, g->rule, &reply[k]);
	}
}

static void
block_group(struct worker *w, struct message *m, const struct plan_group *g)
{
	bool bounce = config_bool(w->config, "mail", "ndr_on_block");

	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (bounce)
			smtp_reply_set(&m->outcome[i].reply, 554,
			    "5.7.1 BLOCKED (%s)", m->logid);
		else
			smtp_reply_set(&m->outcome[i].reply, 250,
			    "2.7.0 BLOCKED (%s)", m->logid);
		outcome_set(m, i, RESULT_BLOCKED, g->rule, "");
	}
}

/*
 * From here on only sockets are waited for, and all of them together until
 * commit_by_ms: a store or Postfix that hangs defers the mail. The alarm would
 * make a strike of it, and a second copy of what was sent already.
 */
static void
commit_begins(struct message *m)
{
	int64_t least = clock_mono_ms() + COMMIT_LEAST_MS;

	alarm(0);
	m->commit_by_ms = m->deadline_ms > least ? m->deadline_ms : least;
	for (size_t i = 0; i < m->env.nrcpt; i++)
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
}

static void
commit_each(struct worker *w, struct message *m)
{
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];

		if (c->group->disp == DISP_BLOCK)
			block_group(w, m, c->group);
		else if (!keep_original(w, m, c))
			continue;
		else if (c->group->disp == DISP_QUARANTINE)
			quarantine_group(w, m, c);
	}
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];

		/* Those whose original could not be kept have their reply. */
		if (c->group->disp == DISP_ACCEPT && c->group->nrcpt > 0 &&
		    m->outcome[c->group->rcpt[0]].result == RESULT_NONE)
			reinject_group(w, m, c);
	}
}

void
commit_plan(struct worker *w, struct message *m)
{
	commit_begins(m);
	if (m->one_reply)
		together_plan(w, m);
	else
		commit_each(w, m);
}

static void
hold_each(struct worker *w, struct message *m, enum quarantine_kind kind,
    const char *why)
{
	AUTO_FREE const char **id = xcalloc(m->env.nrcpt, sizeof(*id));
	struct entry t = {.kind = kind, .why = why, .file = &m->spool,
	    .sender = m->env.sender, .to = m->env.rcpt, .nto = m->env.nrcpt};

	entry_commit(w, m, &t, id);
	for (size_t i = 0; i < m->env.nrcpt; i++) {
		if (id[i] == NULL) {
			not_kept(m, i, NULL);
			continue;
		}
		m->outcome[i].quarantine_id = id[i];
		outcome_ok(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, NULL,
		    entry_kind_word(kind));
	}
}

void
commit_hold(struct worker *w, struct message *m, enum quarantine_kind kind,
    const char *why)
{
	commit_begins(m);
	if (m->one_reply)
		together_hold(w, m, kind, why);
	else
		hold_each(w, m, kind, why);
}
