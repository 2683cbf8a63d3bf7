#include "filter/together.h"

#include <stdlib.h>
#include "filter/bounce.h"
#include "filter/entry.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum { BOUNCE_MAX = 512 * 1024 };

/* What the store is asked to keep, all or none. */
struct set {
	struct worker *w;
	struct message *m;
	struct outlet_member member[STORE_SET_MAX];
	size_t n;
	bool too_many;
	/* By recipient: the members that carry his copy, and its original. */
	size_t *of, *kept;
	struct spool_file *original;	/* one of: */
	/* Files that were made for it. */
	struct spool_file *file;
	size_t nfile;
};

static void
set_init(struct set *s, struct worker *w, struct message *m)
{
	size_t groups = m->plan != NULL ? m->plan->ngroup : 0;

	*s = (struct set){.w = w, .m = m};
	s->of = xcalloc(m->env.nrcpt, sizeof(*s->of));
	s->kept = xcalloc(m->env.nrcpt, sizeof(*s->kept));
	s->file = xcalloc(groups + 2, sizeof(*s->file));
}

static void
set_free(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_free(&s->member[i].request);
	for (size_t i = 0; i < s->nfile; i++)
		spool_close(&s->file[i]);
	free(s->file);
	free(s->of);
	free(s->kept);
}

static struct spool_file *
set_file(struct set *s)
{
	s->file[s->nfile] = SPOOL_FILE_NONE;
	return &s->file[s->nfile++];
}

/* rcpt: indices of t's recipients, for `of`; NULL: nobody asks. */
static bool
set_add(struct set *s, const struct entry *t, const size_t *rcpt, size_t *of,
    struct err *e)
{
	size_t step = t->nto;

	for (size_t off = 0; off < t->nto; off += step) {
		struct outlet_member *x = &s->member[s->n];
		struct entry part = *t;
		enum entry_fit fit;

		s->too_many = s->n == STORE_SET_MAX;
		if (s->too_many) {
			err_set(e, "rules make more than %d copies of it",
			    STORE_SET_MAX);
			return false;
		}
		part.to += off;
		part.nto = step < t->nto - off ? step : t->nto - off;
		fit = entry_put(s->m, &part, &x->request, e);
		if (fit == ENTRY_TOO_LONG && step > ENTRY_RCPT_FEW) {
			part.nto = step = ENTRY_RCPT_FEW;
			fit = entry_put(s->m, &part, &x->request, e);
		}
		if (fit != ENTRY_FITS)
			return false;
		x->fd = t->file->fd;
		for (size_t k = 0; rcpt != NULL && k < part.nto; k++)
			of[rcpt[off + k]] = s->n;
		s->n++;
	}
	return true;
}

/* ---- what goes into it ---- */

static bool
is_refused(const struct message *m, size_t i)
{
	return m->outcome[i].reply.code >= 500;
}

/* The original of attachments that a rule removes: one file, however many
 * copies lost theirs. */
static bool
add_original(struct set *s, const struct copy *c, const struct recipient *to,
    const size_t *rcpt, size_t nto, struct err *e)
{
	struct entry t = {.kind = QUAR_ATTACHMENT, .rule = c->kept_by,
	    .why = "", .sender = s->m->env.sender, .to = to, .nto = nto};

	if (c->kept_by == NULL)
		return true;
	if (s->original == NULL) {
		s->original = set_file(s);
		if (prepare_original(s->w, s->m, s->original, e) != 0)
			return false;
	}
	t.file = s->original;
	return set_add(s, &t, rcpt, s->kept, e);
}

/* The copy of one group, for those whom Postfix has not refused. */
static bool
add_copy(struct set *s, const struct copy *c, struct err *e)
{
	const struct plan_group *g = c->group;
	AUTO_FREE struct recipient *to = xcalloc(g->nrcpt, sizeof(*to));
	AUTO_FREE size_t *rcpt = xcalloc(g->nrcpt, sizeof(*rcpt));
	struct entry t = {.rule = g->rule, .why = "default-accept",
	    .sender = s->m->env.sender, .to = to};

	t.kind = g->disp == DISP_QUARANTINE ? entry_kind(s->m, g->rule)
	                                    : QUAR_HELD;
	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (is_refused(s->m, i))
			continue;
		rcpt[t.nto] = i;
		to[t.nto++] = s->m->env.rcpt[i];
	}
	if (t.nto == 0)
		return true;
	if (!add_original(s, c, to, rcpt, t.nto, e))
		return false;
	t.file = entry_file(s->w, s->m, c, set_file(s));
	if (t.file == NULL) {
		err_set(e, "no space in the filter's spool");
		return false;
	}
	return set_add(s, &t, rcpt, s->of, e);
}

/* For those whom Postfix refused while it takes the message for others. */
static bool
add_bounce(struct set *s, struct err *e)
{
	AUTO_FREE size_t *rcpt = xcalloc(s->m->env.nrcpt, sizeof(*rcpt));
	struct recipient to = {.addr = s->m->env.sender, .notify = "NEVER",
	    .orcpt = ""};
	AUTO_BUF struct buf bytes = {.max = BOUNCE_MAX};
	struct entry t = {.kind = QUAR_HELD, .why = "bounce", .sender = "",
	    .to = &to, .nto = 1};
	struct spool_file *f;
	size_t n = 0;

	for (size_t i = 0; i < s->m->env.nrcpt; i++)
		if (is_refused(s->m, i))
			rcpt[n++] = i;
	if (!bounce_compose(s->w, s->m, rcpt, n, &bytes))
		return true;
	f = set_file(s);
	t.file = f;
	if (spool_open(f, s->w->paths->active, e) != 0 ||
	    spool_write(f, buf_span(&bytes), e) != 0)
		return false;
	return set_add(s, &t, NULL, NULL, e);
}

static bool
add_plan(struct set *s, struct err *e)
{
	struct message *m = s->m;

	for (size_t i = 0; i < m->plan->ngroup; i++)
		if (m->plan->group[i].disp != DISP_BLOCK &&
		    !add_copy(s, &m->copy[i], e))
			return false;
	return add_bounce(s, e);
}

/* ---- outcomes ---- */

static void
defer_all(struct message *m, int code, const char *text)
{
	log_warn("deferred for all recipients: %d %s", code, text);
	for (size_t i = 0; i < m->env.nrcpt; i++)
		m->outcome[i].result = RESULT_NONE;
	outcome_all(m, RESULT_DEFERRED, code, text);
}

/* False: deferred. ids: one a member, in the message's arena. */
static bool
set_commit(struct set *s, const char ***ids, struct err *e)
{
	struct store_set_reply r;

	if (outlet_commit_set(&s->w->outlet, s->w->paths->store,
	        s->m->commit_by_ms, s->member, s->n, &r, &s->m->arena, e) != 0)
		return false;
	*ids = r.id;
	return true;
}

static void
set_failed(struct set *s, const struct err *e)
{
	log_error("quarantine: %s", e->text);
	/* The same at each try: to be parked, not tried for days. */
	if (s->too_many)
		parent_strike(&s->w->link);
	defer_all(s->m, 451, "4.3.0 quarantine cannot take the mail now");
}

static void
copy_kept(struct set *s, const struct copy *c, const char **ids)
{
	const struct plan_group *g = c->group;
	bool held = g->disp != DISP_QUARANTINE;
	const char *where = held ? ""
	    : entry_kind_word(entry_kind(s->m, g->rule));

	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		if (is_refused(s->m, i)) {
			outcome_set(s->m, i, RESULT_REJECTED, g->rule, "");
			continue;
		}
		if (c->kept_by != NULL)
			outcome_kept(s->m, i, c->kept_by, ids[s->kept[i]]);
		s->m->outcome[i].quarantine_id = ids[s->of[i]];
		outcome_ok(s->m, i);
		outcome_set(s->m, i, held ? RESULT_ACCEPTED
		                          : RESULT_QUARANTINED, g->rule, where);
	}
}

static void
commit_as_set(struct worker *w, struct message *m)
{
	const char **ids;
	struct set s;
	struct err e;

	set_init(&s, w, m);
	if (!add_plan(&s, &e) || !set_commit(&s, &ids, &e))
		set_failed(&s, &e);
	else
		for (size_t i = 0; i < m->plan->ngroup; i++)
			if (m->plan->group[i].disp != DISP_BLOCK)
				copy_kept(&s, &m->copy[i], ids);
	set_free(&s);
}

/* ---- one transaction with Postfix ---- */

/* What the replies come to. */
enum sent { SENT_ALL, SENT_NONE, SENT_REFUSED, SENT_SPLIT };

static enum sent
judge(const struct smtp_reply *r, size_t n, const struct smtp_reply **worst)
{
	size_t yes = 0, no = 0;

	*worst = NULL;
	for (size_t k = 0; k < n; k++) {
		yes += r[k].code / 100 == 2;
		no += r[k].code >= 500;
		if (r[k].code / 100 == 4 && *worst == NULL)
			*worst = &r[k];
	}
	if (yes == n)
		return SENT_ALL;
	if (no == n)
		return SENT_REFUSED;
	return no > 0 ? SENT_SPLIT : SENT_NONE;
}

static void
sent_none(struct message *m, const struct smtp_reply *why)
{
	if (why == NULL)
		defer_all(m, 451, "4.4.0 no answer from Postfix after the mail "
		    "was sent");
	else	/* Its session may be ending; the one with Postfix is not. */
		defer_all(m, why->code == 421 ? 451 : why->code, why->text);
}

static void
sent_all(struct worker *w, struct message *m, const struct plan_group *g)
{
	const char *queued = arena_strdup(&m->arena,
	    smtp_client_queued_as(w->outlet.client));

	for (size_t k = 0; k < g->nrcpt; k++) {
		size_t i = g->rcpt[k];

		m->outcome[i].queue_id = queued ? queued : "";
		outcome_ok(m, i);
		outcome_set(m, i, RESULT_ACCEPTED, g->rule, "");
	}
}

/* The only copy. Some refused and some not: nothing was sent, and the store
 * takes it, with a bounce for those who were refused. */
static void
commit_to_postfix(struct worker *w, struct message *m, const struct copy *c)
{
	const struct plan_group *g = c->group;
	AUTO_FREE struct recipient *to = xcalloc(g->nrcpt, sizeof(*to));
	AUTO_FREE struct smtp_reply *reply = xcalloc(g->nrcpt, sizeof(*reply));
	const struct smtp_reply *worst;
	enum sent sent;
	struct err e;

	for (size_t k = 0; k < g->nrcpt; k++)
		to[k] = m->env.rcpt[g->rcpt[k]];
	if (outlet_send(&w->outlet, w->reinject, w->host,
	        reinject_by(m->commit_by_ms), true, &m->env, to, g->nrcpt,
	        c->bytes, reply, &e) != 0) {
		log_error("reinjection to %s: %s", w->reinject, e.text);
		defer_all(m, 451,
		    "4.4.0 Postfix does not take the mail back now");
		return;
	}
	sent = judge(reply, g->nrcpt, &worst);
	for (size_t k = 0; k < g->nrcpt; k++)
		if (reply[k].code >= 500)
			m->outcome[g->rcpt[k]].reply = reply[k];
	if (sent == SENT_ALL)
		sent_all(w, m, g);
	else if (sent == SENT_NONE)
		sent_none(m, worst);
	else if (sent == SENT_SPLIT)
		commit_as_set(w, m);
	else
		for (size_t k = 0; k < g->nrcpt; k++)
			outcome_set(m, g->rcpt[k], RESULT_REJECTED, g->rule,
			    "");
}

/* ---- both ---- */

/* What the plan asks for: groups that have recipients, by their end. */
struct tally {
	size_t blocked, accepted, kept;
	const struct copy *copy;	/* an accepted one */
};

static struct tally
plan_tally(const struct message *m)
{
	struct tally t = {0};

	for (size_t i = 0; i < m->plan->ngroup; i++) {
		const struct plan_group *g = &m->plan->group[i];

		if (g->nrcpt == 0)
			continue;
		if (g->disp == DISP_BLOCK) {
			t.blocked++;
		} else if (g->disp == DISP_QUARANTINE ||
		    m->copy[i].kept_by != NULL) {
			t.kept++;
		} else {
			t.accepted++;
			t.copy = &m->copy[i];
		}
	}
	return t;
}

static bool
any_yes(const struct message *m)
{
	for (size_t i = 0; i < m->env.nrcpt; i++)
		if (m->outcome[i].result == RESULT_ACCEPTED ||
		    m->outcome[i].result == RESULT_QUARANTINED)
			return true;
	return false;
}

static bool
any_deferred(const struct message *m)
{
	for (size_t i = 0; i < m->env.nrcpt; i++)
		if (m->outcome[i].result == RESULT_DEFERRED)
			return true;
	return false;
}

/* Nobody else gets it: refused, the client's side tells the sender. Else
 * discarded, and bounce_blocked() does when it is wanted. */
static void
block_rest(struct message *m)
{
	bool yes = any_yes(m);

	for (size_t j = 0; j < m->plan->ngroup; j++) {
		const struct plan_group *g = &m->plan->group[j];

		for (size_t k = 0; g->disp == DISP_BLOCK && k < g->nrcpt; k++) {
			size_t i = g->rcpt[k];

			smtp_reply_set(&m->outcome[i].reply, yes ? 250 : 554,
			    yes ? "2.7.0 BLOCKED (%s)" : "5.7.1 BLOCKED (%s)",
			    m->logid);
			outcome_set(m, i, RESULT_BLOCKED, g->rule, "");
		}
	}
}

void
together_plan(struct worker *w, struct message *m)
{
	struct tally t = plan_tally(m);

	if (t.blocked > 0 && t.accepted + t.kept > 0 &&
	    !record_discards(w, m)) {
		defer_all(m, 451, "4.3.0 event file cannot be written");
		return;
	}
	if (t.accepted == 1 && t.kept == 0)
		commit_to_postfix(w, m, t.copy);
	else if (t.accepted + t.kept > 0)
		commit_as_set(w, m);
	if (!any_deferred(m))
		block_rest(m);
}

void
together_hold(struct worker *w, struct message *m, enum quarantine_kind kind,
    const char *why)
{
	AUTO_FREE size_t *rcpt = xcalloc(m->env.nrcpt, sizeof(*rcpt));
	struct entry t = {.kind = kind, .why = why, .file = &m->spool,
	    .sender = m->env.sender, .to = m->env.rcpt, .nto = m->env.nrcpt};
	const char **ids;
	struct set s;
	struct err e;

	for (size_t i = 0; i < m->env.nrcpt; i++)
		rcpt[i] = i;
	set_init(&s, w, m);
	if (!set_add(&s, &t, rcpt, s.of, &e) || !set_commit(&s, &ids, &e))
		set_failed(&s, &e);
	else
		for (size_t i = 0; i < m->env.nrcpt; i++) {
			m->outcome[i].quarantine_id = ids[s.of[i]];
			outcome_ok(m, i);
			outcome_set(m, i, RESULT_QUARANTINED, NULL,
			    entry_kind_word(kind));
		}
	set_free(&s);
}
