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
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum {
	REINJECT_TIMEOUT_MS = 300 * 1000,
	REINJECT_LEAST_MS = 1000,
	ADDRESS_LOG = 320,
	/* Of what the sender wrote, for lists: the message itself has it all. */
	HELD_TEXT_MAX = 2000,
	/* So many recipients fit into one packet to the store, however long
	 * their addresses and DSN parameters are. */
	HELD_RCPT_FEW = 50,
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

/* Not longer than the store needs, nor cut within a character. */
static const char *
held_text(struct message *m, const char *s)
{
	size_t n = strlen(s);
	const char *cut;

	if (n <= HELD_TEXT_MAX)
		return s;
	n = HELD_TEXT_MAX;
	while (n > 0 && (s[n] & 0xc0) == 0x80)
		n--;
	cut = arena_strndup(&m->arena, span_of(s, n));
	return cut ? cut : "";
}

/* The id in the quarantine, or NULL: not committed, e tells. */
static const char *
quarantine_commit(struct worker *w, struct message *m,
    enum quarantine_kind kind, const struct rule *rule, const char *why,
    const struct spool_file *f, const size_t *rcpt, size_t nrcpt,
    bool *too_many, struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct store_commit c = {.kind = kind, .logid = m->logid,
	    .queue_id = m->key, .sender = m->env.sender,
	    .header_from = held_text(m, m->from),
	    .subject = held_text(m, m->subject),
	    .message_id = held_text(m, m->message_id), .rule = rule ? rule->name : why,
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
		const struct recipient *to = &m->env.rcpt[rcpt[i]];

		c.rcpt[i] = (struct store_rcpt){.addr = to->addr,
		    .notify = to->notify, .orcpt = to->orcpt};
	}
	store_commit_put(&b, &c);
	if (b.overflow) {
		err_set(e, "too many recipients for one quarantine entry");
		*too_many = true;
		return NULL;
	}
	if (outlet_commit(&w->outlet, w->paths->store, f->fd, buf_span(&b), &r,
	        &m->arena, e) != 0)
		return NULL;
	return r.id;
}

/*
 * One entry for all recipients, or several where one packet cannot hold them
 * all; id[k] for each, NULL = not committed. False: some are not.
 */
static bool
quarantine_all(struct worker *w, struct message *m, enum quarantine_kind kind,
    const struct rule *rule, const char *why, const struct spool_file *f,
    const size_t *rcpt, size_t nrcpt, const char **id)
{
	size_t step = nrcpt;
	bool all = true;
	struct err e;

	for (size_t off = 0; off < nrcpt; off += step) {
		size_t n = step < nrcpt - off ? step : nrcpt - off;
		bool too_many = false;
		const char *one = quarantine_commit(w, m, kind, rule, why, f,
		    rcpt + off, n, &too_many, &e);

		if (too_many && step > HELD_RCPT_FEW) {
			step = HELD_RCPT_FEW;
			n = step;
			one = quarantine_commit(w, m, kind, rule, why, f,
			    rcpt + off, n, &too_many, &e);
		}
		if (one == NULL)
			log_error("quarantine: %s", e.text);
		all = all && one != NULL;
		for (size_t k = off; k < off + n; k++)
			id[k] = one;
	}
	return all;
}

static void
ok_reply(struct message *m, size_t i)
{
	smtp_reply_set(&m->outcome[i].reply, 250, "2.5.0 OK (%s)", m->logid);
}

/* The copy as a file for the store; made into *held when it is only in
 * memory. NULL: no space, logged. */
static const struct spool_file *
copy_file(struct worker *w, struct message *m, const struct copy *c,
    struct spool_file *held)
{
	struct err e;

	if (c->file.fd >= 0)
		return &c->file;
	if (c->edited.n == 0)
		return &m->spool;
	if (spool_open(held, w->paths->active, &e) == 0 &&
	    spool_write(held, buf_span(&c->edited), &e) == 0)
		return held;
	log_error("%s", e.text);
	return NULL;
}

static void
quarantine_group(struct worker *w, struct message *m, const struct copy *c,
    enum quarantine_kind kind)
{
	const struct plan_group *g = c->group;
	AUTO_FREE const char **id = xcalloc(g->nrcpt, sizeof(*id));
	struct spool_file held = SPOOL_FILE_NONE;
	const struct spool_file *f = copy_file(w, m, c, &held);

	if (f != NULL)
		quarantine_all(w, m, kind, g->rule, "", f, g->rcpt, g->nrcpt,
		    id);
	spool_close(&held);
	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (id[k] == NULL) {
			outcome_deferred(m, i, g->rule, 451,
			    "4.3.0 quarantine cannot take the mail now");
			continue;
		}
		m->outcome[i].quarantine_id = id[k];
		ok_reply(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, g->rule,
		    kind_word(kind));
	}
}

/* Removed attachments whose originals are wanted: the received bytes go to the
 * attachment quarantine before the changed copy goes anywhere, to the
 * quarantine as well. False: they could not, the recipients are deferred. */
static bool
keep_original(struct worker *w, struct message *m, const struct plan_group *g)
{
	AUTO_FREE const char **id = xcalloc(g->nrcpt, sizeof(*id));

	for (size_t k = 0; k < g->nstep; k++) {
		const struct plan_step *s = &g->step[k];

		if (s->action->type != ACTION_REMOVE ||
		    (s->action->flags & OBJ_QUARANTINE_COPY) == 0)
			continue;
		if (quarantine_all(w, m, QUAR_ATTACHMENT, s->rule, "",
		        &m->spool, g->rcpt, g->nrcpt, id))
			return true;
		for (size_t i = 0; i < g->nrcpt; i++)
			outcome_deferred(m, g->rcpt[i], s->rule, 451,
			    "4.3.0 quarantine cannot take the mail now");
		return false;
	}
	return true;
}

/* ---- reinjection ---- */

/* What Postfix gets of the time that one message has. */
static int
reinject_ms(int64_t deadline_ms)
{
	int left = clock_left_ms(deadline_ms);

	if (left > REINJECT_TIMEOUT_MS)
		return REINJECT_TIMEOUT_MS;
	return left < REINJECT_LEAST_MS ? REINJECT_LEAST_MS : left;
}

int
reinject(struct worker *w, int64_t deadline_ms, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span bytes,
    struct smtp_reply *reply, struct err *e)
{
	return outlet_send(&w->outlet, w->reinject, w->host,
	    reinject_ms(deadline_ms), env, to, nto, bytes, reply, e);
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
	AUTO_FREE struct recipient *to = xcalloc(g->nrcpt, sizeof(*to));
	AUTO_FREE struct smtp_reply *reply = xcalloc(g->nrcpt, sizeof(*reply));
	const char *queued;
	struct err e;
	int rc;

	for (size_t k = 0; k < g->nrcpt; k++)
		to[k] = m->env.rcpt[g->rcpt[k]];
	rc = reinject(w, m->deadline_ms, &m->env, to, g->nrcpt, c->bytes,
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
 * From here on only sockets with deadlines are waited for: a store or Postfix
 * that hangs defers the mail. The alarm would make a strike of it, and a
 * second copy of what was sent already.
 */
static void
commit_begins(void)
{
	alarm(0);
}

/* Does the rule look for what nobody could look into? */
static bool
is_for_administrators(const struct rule *r)
{
	for (size_t g = 0; g < r->ngroup[CAT_WHAT]; g++)
		for (size_t i = 0; i < r->group[CAT_WHAT][g]->nobject; i++)
			switch (r->group[CAT_WHAT][g]->object[i].type) {
			case WHAT_AMBIGUOUS:
			case WHAT_LIMITS:
			case WHAT_MACROS:
			case WHAT_ENCRYPTED:
			case WHAT_UNREADABLE:
				return true;
			default:
				break;
			}
	return false;
}

/*
 * Users may release what is in the spam quarantine. What holds a virus, or may
 * hide one because nobody could look at all of it, is for administrators.
 */
static enum quarantine_kind
quarantine_kind(const struct message *m, const struct rule *rule)
{
	if (m->scanned && m->scan.result == SCAN_VIRUS)
		return QUAR_VIRUS;
	for (size_t i = 0; i < m->plan->nmatch; i++) {
		const struct plan_match *pm = &m->plan->match[i];
		const struct object *what = pm->object[CAT_WHAT];

		if (pm->rule == rule && what != NULL &&
		    what->type != WHAT_SPAM && is_for_administrators(rule))
			return QUAR_VIRUS;
	}
	return QUAR_SPAM;
}

void
commit_plan(struct worker *w, struct message *m)
{
	commit_begins();
	for (size_t i = 0; i < m->env.nrcpt; i++)
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];

		if (c->group->disp == DISP_BLOCK)
			block_group(w, m, c->group);
		else if (!keep_original(w, m, c->group))
			continue;
		else if (c->group->disp == DISP_QUARANTINE)
			quarantine_group(w, m, c,
			    quarantine_kind(m, c->group->rule));
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
commit_hold(struct worker *w, struct message *m, enum quarantine_kind kind,
    const char *why)
{
	AUTO_FREE const char **id = xcalloc(m->env.nrcpt, sizeof(*id));
	AUTO_FREE size_t *every = xcalloc(m->env.nrcpt, sizeof(*every));

	commit_begins();
	for (size_t i = 0; i < m->env.nrcpt; i++)
		every[i] = i;
	quarantine_all(w, m, kind, NULL, why, &m->spool, every, m->env.nrcpt,
	    id);
	for (size_t i = 0; i < m->env.nrcpt; i++) {
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
		if (id[i] == NULL) {
			outcome_deferred(m, i, NULL, 451,
			    "4.3.0 quarantine cannot take the mail now");
			continue;
		}
		m->outcome[i].quarantine_id = id[i];
		ok_reply(m, i);
		outcome_set(m, i, RESULT_QUARANTINED, NULL, kind_word(kind));
	}
}
