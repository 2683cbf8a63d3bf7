/*
 * Quarantine first, then reinjection: a quarantine commit is idempotent
 * (queue id and recipients are its key), so a deferral after it only repeats
 * it; a reinjected copy would be sent twice. Every outcome is known before
 * any reply is sent.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum {
	STORE_TIMEOUT_MS = 60 * 1000,
	REINJECT_TIMEOUT_MS = 300 * 1000,
	ADDRESS_LOG = 320,
};

static const char *
rule_name(const struct rule *r)
{
	return r ? r->name : "default-accept";
}

/* ---- outcomes ---- */

/* One recipient's end, logged as the reference product's trackers expect. */
static void
outcome_set(struct message *m, size_t i, enum result result,
    const struct rule *rule, const char *what)
{
	AUTO_BUF struct buf to = {.max = 2048};
	struct outcome *o = &m->outcome[i];

	o->result = result;
	o->rule = rule;
	log_safe(&to, span_str(m->env.rcpt[i].addr), ADDRESS_LOG);
	switch (result) {
	case RESULT_ACCEPTED:
		log_info("accept mail to <%s> (%s) (rule: %s)", buf_cstr(&to),
		    o->queue_id, rule_name(rule));
		break;
	case RESULT_QUARANTINED:
		log_info("moved mail for <%s> to %s quarantine - %s (rule: %s)",
		    buf_cstr(&to), what, o->quarantine_id,
		    rule ? rule->name : what);
		break;
	case RESULT_BLOCKED:
		log_info("block mail to <%s> (rule: %s)", buf_cstr(&to),
		    rule_name(rule));
		break;
	default:
		log_warn("mail to <%s> %s: %d %s", buf_cstr(&to),
		    result == RESULT_DEFERRED ? "deferred" : "refused",
		    o->reply.code, o->reply.text);
	}
}

static void
outcome_deferred(struct message *m, size_t i, const struct rule *rule,
    int code, const char *text)
{
	smtp_reply_set(&m->outcome[i].reply, code, "%s", text);
	outcome_set(m, i, RESULT_DEFERRED, rule, "");
}

/* ---- quarantine ---- */

static const char *
kind_word(enum quarantine_kind k)
{
	switch (k) {
	case QUAR_VIRUS:
		return "virus";
	case QUAR_ATTACHMENT:
		return "attachment";
	case QUAR_POISON:
		return "poison";
	case QUAR_SPAM:
		break;
	}
	return "spam";
}

/* "RULE:score,..." as the reference product keeps it. */
static const char *
spam_info(struct message *m)
{
	AUTO_BUF struct buf b = {.max = 32 * 1024};
	const char *s;

	for (size_t i = 0; i < m->score.nhit; i++)
		buf_printf(&b, "%s%s:%.4g", i ? "," : "",
		    m->score.hit[i].name,
		    (double)m->score.hit[i].score_milli / 1000);
	s = arena_strndup(&m->arena, buf_span(&b));
	return s ? s : "";
}

static int
store_ask(struct worker *w, int fd, struct span request,
    struct store_commit_reply *r, struct arena *a, struct err *e)
{
	AUTO_CLOSE int sock = ipc_connect(w->paths->store, STORE_TIMEOUT_MS, e);
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct ipc_msg msg;
	int rc;

	if (sock < 0 || ipc_send(sock, STORE_MSG_COMMIT, request, &fd, 1,
	        STORE_TIMEOUT_MS, e) != 0)
		return -1;
	rc = ipc_recv(sock, &msg, &b, STORE_TIMEOUT_MS, e);
	if (rc == 0)
		return err_set(e, "pmgd-store ended before it answered");
	if (rc < 0)
		return -1;
	ipc_close_fds(&msg);
	if (msg.type != STORE_MSG_COMMIT_REPLY ||
	    store_commit_reply_get(msg.body, r, a) != 0)
		fatal("pmgd-store broke the protocol");
	return r->ok ? 0 : err_set(e, "%s", r->error);
}

/* The id in the quarantine, or NULL: not committed, e tells. */
static const char *
quarantine_commit(struct worker *w, struct message *m,
    enum quarantine_kind kind, const struct rule *rule, const char *why,
    const struct spool_file *f, const size_t *rcpt, size_t nrcpt,
    struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct store_commit c = {.kind = kind, .logid = m->logid,
	    .queue_id = m->key, .sender = m->env.sender,
	    .header_from = m->from, .subject = m->subject,
	    .message_id = m->message_id, .rule = rule ? rule->name : why,
	    .virus = m->scanned && m->scan.result == SCAN_VIRUS ? m->scan.name
	                                                        : "",
	    .spam_level = m->spam_level, .spam_info = spam_info(m),
	    .client_addr = m->env.client_addr, .envid = m->env.envid,
	    .ret = m->env.ret, .smtputf8 = m->env.smtputf8,
	    .body_8bit = m->env.body_8bit, .dir = m->env.dir,
	    .size = f->size, .time_us = (uint64_t)m->arrived_us,
	    .nrcpt = (uint32_t)nrcpt};
	struct store_commit_reply r;

	c.rcpt = arena_array(&m->arena, nrcpt, sizeof(*c.rcpt));
	if (c.rcpt == NULL) {
		err_set(e, "no memory for the recipients");
		return NULL;
	}
	for (size_t i = 0; i < nrcpt; i++) {
		const struct recipient *to = &m->env.rcpt[rcpt ? rcpt[i] : i];

		c.rcpt[i] = (struct store_rcpt){.addr = to->addr,
		    .notify = to->notify, .orcpt = to->orcpt};
	}
	store_commit_put(&b, &c);
	if (b.overflow) {
		err_set(e, "too many recipients for one quarantine entry");
		return NULL;
	}
	if (store_ask(w, f->fd, buf_span(&b), &r, &m->arena, e) != 0)
		return NULL;
	return r.id;
}

static void
ok_reply(struct message *m, size_t i)
{
	smtp_reply_set(&m->outcome[i].reply, 250, "2.5.0 OK (%s)", m->logid);
}

static void
quarantine_group(struct worker *w, struct message *m, const struct copy *c,
    enum quarantine_kind kind)
{
	const struct plan_group *g = c->group;
	const struct spool_file *f = c->file.fd >= 0 ? &c->file : &m->spool;
	struct err e;
	const char *id = quarantine_commit(w, m, kind, g->rule, "", f, g->rcpt,
	    g->nrcpt, &e);

	if (id == NULL)
		log_error("quarantine: %s", e.text);
	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (id == NULL) {
			outcome_deferred(m, i, g->rule, 451,
			    "4.3.0 quarantine cannot take the mail now");
			continue;
		}
		m->outcome[i].quarantine_id = id;
		ok_reply(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, g->rule,
		    kind_word(kind));
	}
}

/* Removed attachments whose originals are wanted: the received bytes go to the
 * attachment quarantine before the changed copy goes anywhere. */
static bool
keep_original(struct worker *w, struct message *m, const struct plan_group *g)
{
	struct err e;

	for (size_t k = 0; k < g->nstep; k++) {
		const struct plan_step *s = &g->step[k];

		if (s->action->type != ACTION_REMOVE ||
		    (s->action->flags & OBJ_QUARANTINE_COPY) == 0)
			continue;
		if (quarantine_commit(w, m, QUAR_ATTACHMENT, s->rule, "",
		        &m->spool, g->rcpt, g->nrcpt, &e) != NULL)
			return true;
		log_error("attachment quarantine: %s", e.text);
		for (size_t i = 0; i < g->nrcpt; i++)
			outcome_deferred(m, g->rcpt[i], s->rule, 451,
			    "4.3.0 quarantine cannot take the mail now");
		return false;
	}
	return true;
}

/* ---- reinjection ---- */

int
outlet_send(struct worker *w, struct outlet *o, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span bytes,
    struct smtp_reply *reply, struct err *e)
{
	bool fresh = o->client == NULL;

	for (;;) {
		int rc;

		if (o->client == NULL)
			o->client = smtp_client_open(w->reinject, w->host,
			    REINJECT_TIMEOUT_MS, e);
		if (o->client == NULL)
			return -1;
		rc = smtp_client_send(o->client, env, to, nto, bytes, reply, e);
		if (rc == 0)
			return 0;
		smtp_client_close(o->client);
		o->client = NULL;
		/* A connection kept from an earlier message may have been
		 * closed by Postfix meanwhile; a new one gets one try. */
		if (fresh)
			return -1;
		fresh = true;
	}
}

static void
reinject_reply(struct message *m, size_t i, const struct rule *rule,
    const struct smtp_reply *r)
{
	if (r->code >= 200 && r->code < 300) {
		ok_reply(m, i);
		outcome_set(m, i, RESULT_ACCEPTED, rule, "");
	} else if (r->code >= 500) {
		m->outcome[i].reply = *r;
		outcome_set(m, i, RESULT_REJECTED, rule, "");
	} else if (r->code >= 400) {
		m->outcome[i].reply = *r;
		outcome_set(m, i, RESULT_DEFERRED, rule, "");
	} else {
		outcome_deferred(m, i, rule, 451,
		    "4.4.0 no answer from Postfix after the mail was sent");
	}
}

static void
reinject_group(struct worker *w, struct message *m, const struct copy *c,
    struct outlet *o)
{
	const struct plan_group *g = c->group;
	AUTO_FREE struct recipient *to = xcalloc(g->nrcpt, sizeof(*to));
	AUTO_FREE struct smtp_reply *reply = xcalloc(g->nrcpt, sizeof(*reply));
	const char *queued;
	struct err e;
	int rc;

	for (size_t k = 0; k < g->nrcpt; k++)
		to[k] = m->env.rcpt[g->rcpt[k]];
	rc = outlet_send(w, o, &m->env, to, g->nrcpt, c->bytes, reply, &e);
	if (rc != 0)
		log_error("reinjection to %s: %s", w->reinject, e.text);
	queued = rc == 0 ? arena_strdup(&m->arena,
	    smtp_client_queued_as(o->client)) : NULL;
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

void
commit_plan(struct worker *w, struct message *m, struct outlet *o)
{
	bool virus = m->scanned && m->scan.result == SCAN_VIRUS;

	for (size_t i = 0; i < m->env.nrcpt; i++)
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];

		if (c->group->disp == DISP_QUARANTINE)
			quarantine_group(w, m, c,
			    virus ? QUAR_VIRUS : QUAR_SPAM);
		else if (c->group->disp == DISP_BLOCK)
			block_group(w, m, c->group);
	}
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];

		if (c->group->disp == DISP_ACCEPT &&
		    keep_original(w, m, c->group))
			reinject_group(w, m, c, o);
	}
}

void
commit_hold(struct worker *w, struct message *m, enum quarantine_kind kind,
    const char *why)
{
	struct err e;
	const char *id = quarantine_commit(w, m, kind, NULL, why, &m->spool,
	    NULL, m->env.nrcpt, &e);

	if (id == NULL)
		log_error("quarantine: %s", e.text);
	for (size_t i = 0; i < m->env.nrcpt; i++) {
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
		if (id == NULL) {
			outcome_deferred(m, i, NULL, 451,
			    "4.3.0 quarantine cannot take the mail now");
			continue;
		}
		m->outcome[i].quarantine_id = id;
		ok_reply(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, NULL, kind_word(kind));
	}
}
