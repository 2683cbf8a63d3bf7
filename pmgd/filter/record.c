/*
 * The event record: one JSON object a message with everything that was
 * decided and why. Source of tracking, statistics and `pmg why`.
 */
#include "filter/filter.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "filter/parentlink.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/config/config.h"
#include "lib/rules/recorded.h"

enum { TEXT_MAX = 1000, RCPT_MAX = 400, RCPT_FEW = 20 };

/* Text of unknown origin: JSON strings must be UTF-8; what is not is kept
 * escaped, so that nothing is lost for the reader. */
static json_t *
text(const char *s)
{
	struct buf b;
	json_t *j;

	j = strlen(s) <= TEXT_MAX ? json_string(s) : NULL;
	if (j != NULL)
		return j;
	buf_init(&b, 8 * TEXT_MAX);
	log_safe(&b, span_str(s), TEXT_MAX);
	j = json_string(buf_cstr(&b));
	buf_free(&b);
	return j;
}

static void
put_text(json_t *o, const char *key, const char *s)
{
	if (s != NULL && *s != '\0')
		json_object_set_new(o, key, text(s));
}

static json_t *
client(const struct message *m)
{
	json_t *o = json_object();

	put_text(o, "name", m->env.client_name);
	put_text(o, "addr", m->env.client_addr);
	put_text(o, "helo", m->env.client_helo);
	return o;
}

static json_t *
defects(const struct message *m)
{
	json_t *a = json_array();

	for (uint32_t bit = 1; m->mime != NULL && bit != 0; bit <<= 1)
		if (m->mime->defects & bit)
			json_array_append_new(a,
			    text(mime_defect_name(bit)));
	return a;
}

static json_t *
virus(const struct message *m)
{
	const char *state = !m->scanned ? "unchecked"
	    : m->scan.result == SCAN_VIRUS ? "found"
	    : m->scan.result == SCAN_HEURISTIC ? "heuristic" : "clean";
	json_t *o = json_object();

	if (m->scan.result == SCAN_CLEAN && !m->scanned)
		state = "skipped";
	json_object_set_new(o, "state", json_string(state));
	put_text(o, "name", m->scan.name);
	put_text(o, "heuristics", m->scan.heuristics);
	json_object_set_new(o, "cpu_us", json_integer(m->scan.cpu_us));
	put_text(o, "detail", m->scan.detail);
	return o;
}

static json_t *
spam(const struct message *m, bool brief)
{
	static const char *const state[] = {
	    [SCORE_SKIPPED] = "skipped", [SCORE_SCORED] = "scored",
	    [SCORE_UNCHECKED] = "unchecked"};
	json_t *o = json_object(), *hits = json_array();

	json_object_set_new(o, "state", json_string(state[m->score.state]));
	json_object_set_new(o, "level", json_integer(m->spam_level));
	if (m->score.state == SCORE_SCORED)
		json_object_set_new(o, "score",
		    json_real((double)m->score.milli / 1000));
	for (size_t i = 0; i < m->score.nhit && !brief; i++)
		json_array_append_new(hits, json_pack("{s:o, s:f}", "name",
		    text(m->score.hit[i].name), "score",
		    (double)m->score.hit[i].score_milli / 1000));
	json_object_set_new(o, "hits", hits);
	put_text(o, "bayes", m->score.bayes);
	put_text(o, "autolearn", m->score.autolearn);
	put_text(o, "detail", m->score.detail);
	return o;
}

static json_t *
match_why(const struct plan_match *pm)
{
	static const char *const key[CAT_COUNT] = {"from", "to", "when",
	    "what", NULL};
	json_t *o = json_object();

	for (int c = 0; c < CAT_ACTION; c++)
		if (pm->group[c] != NULL)
			put_text(o, key[c], pm->group[c]->name);
	return o;
}

static json_t *
matches(const struct message *m)
{
	json_t *a = json_array();

	for (size_t i = 0; m->plan != NULL && i < m->plan->nmatch; i++) {
		const struct plan_match *pm = &m->plan->match[i];

		json_array_append_new(a, json_pack("{s:o, s:i, s:o, s:i}",
		    "rule", text(pm->rule->name), "priority",
		    pm->rule->priority, "why", match_why(pm), "recipients",
		    (int)pm->nrcpt));
	}
	return a;
}

/* Whose list, and which entry of it. */
static json_t *
listed(const struct userlist_match *l)
{
	return json_pack("{s:s, s:o, s:o}", "verdict",
	    l->verdict < 0 ? "allow" : "block", "owner", text(l->owner),
	    "entry", text(l->entry));
}

static json_t *
recipient(const struct message *m, size_t i)
{
	static const char *const result[] = {"none", "accepted",
	    "quarantined", "blocked", "deferred", "rejected"};
	const struct outcome *oc = &m->outcome[i];
	json_t *o = json_object();

	put_text(o, "addr", m->env.rcpt[i].addr);
	json_object_set_new(o, "result", json_string(result[oc->result]));
	put_text(o, "rule", oc->rule ? oc->rule->name
	    : oc->result == RESULT_ACCEPTED ? "default-accept" : "");
	put_text(o, "quarantine_id", oc->quarantine_id);
	put_text(o, "queue_id", oc->queue_id);
	if (oc->reply.code != 250)
		json_object_set_new(o, "code", json_integer(oc->reply.code));
	put_text(o, "reply", oc->reply.text);
	if (m->listed != NULL && m->listed[i].verdict != 0)
		json_object_set_new(o, "list", listed(&m->listed[i]));
	return o;
}

static json_t *
timing(const struct message *m)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "receive",
	    (json_int_t)m->us_receive, "parse", (json_int_t)m->us_parse,
	    "virus", (json_int_t)m->us_virus, "spam", (json_int_t)m->us_spam,
	    "rules", (json_int_t)m->us_rules, "commit",
	    (json_int_t)m->us_commit, "total", (json_int_t)m->us_total);
}

static json_t *
notes(const struct message *m)
{
	json_t *a = json_array();

	for (size_t i = 0; i < m->nnote; i++)
		json_array_append_new(a, text(m->note[i]));
	return a;
}

/* max_rcpt: recipients that are listed; a record has to fit one packet.
 * brief: without the lists that a sender can make long. early: of what is about
 * to be discarded; the record of the whole message follows. */
static json_t *
record(const struct message *m, size_t max_rcpt, bool brief, bool early)
{
	json_t *o = json_object(), *rcpt = json_array();

	json_object_set_new(o, "v", json_integer(1));
	put_text(o, "logid", m->logid);
	json_object_set_new(o, "time",
	    json_real((double)m->arrived_us / 1e6));
	json_object_set_new(o, "dir",
	    json_string(m->env.dir == DIR_IN ? "in" : "out"));
	put_text(o, "queue_id", m->env.queue_id);
	json_object_set_new(o, "sender", text(m->env.sender));
	json_object_set_new(o, "size", json_integer((json_int_t)m->raw.n));
	json_object_set_new(o, "client", client(m));
	put_text(o, "message_id", m->message_id);
	put_text(o, "subject", m->subject);
	put_text(o, "from", m->from);
	put_text(o, "unchecked", m->unchecked);
	json_object_set_new(o, "defects", defects(m));
	json_object_set_new(o, "virus", virus(m));
	json_object_set_new(o, "spam", spam(m, brief));
	if (!brief)
		json_object_set_new(o, "matches", matches(m));
	for (size_t i = 0; i < m->env.nrcpt && i < max_rcpt; i++)
		json_array_append_new(rcpt, recipient(m, i));
	json_object_set_new(o, "nrecipients",
	    json_integer((json_int_t)m->env.nrcpt));
	json_object_set_new(o, "recipients", rcpt);
	if (!brief)
		json_object_set_new(o, "notes", notes(m));
	if (m->parked)
		json_object_set_new(o, "parked", json_true());
	if (early)
		json_object_set_new(o, "early", json_true());
	json_object_set_new(o, "us", timing(m));
	return o;
}

/*
 * What the rules were told. Nothing, when they were not asked, or when it is
 * too long: it only serves replays.
 */
static void
put_recorded(struct worker *w, const struct message *m, struct buf *b)
{
	unsigned known;

	if (m->plan == NULL ||
	    config_int(w->config, "admin", "replaysize") == 0)
		return;
	known = ruleset_needs(m->rules, m->env.dir);
	if (!m->facts.spam_known)
		known &= ~(unsigned)NEED_SPAM;
	if (!m->scanned)
		known &= ~(unsigned)NEED_VIRUS;
	/* There is nothing in it that would have to be looked into. */
	if (!facts_need_content(m->mime))
		known |= NEED_CONTENT | NEED_ARCHIVE | NEED_LIMITS;
	recorded_put(b, &m->facts, known);
	if (b->overflow)
		buf_reset(b);
}

/* As parent_end(). */
static int
record_send(struct worker *w, const struct message *m, size_t max_rcpt,
    bool brief, bool final, bool durable)
{
	AUTO_BUF struct buf recorded = {.max = RECORDED_MAX};
	json_t *o = record(m, max_rcpt, brief, false);
	char *s = json_dumps(o, JSON_COMPACT);
	int rc = -1;

	put_recorded(w, m, &recorded);
	if (s != NULL)
		rc = parent_end(&w->link, final, span_str(s), durable,
		    buf_span(&recorded));

	json_decref(o);
	free(s);
	return rc;
}

bool
record_end(struct worker *w, const struct message *m)
{
	bool discard = false, final = true;
	int rc;

	for (size_t i = 0; i < m->env.nrcpt; i++) {
		discard = discard || (!m->one_reply &&
		    m->outcome[i].result == RESULT_BLOCKED &&
		    m->outcome[i].reply.code < 300);
		final = final && m->outcome[i].result != RESULT_DEFERRED;
	}
	/* Long addresses and replies can make it too large for a packet, and
	 * so can file names that a sender made up for our notes. */
	rc = record_send(w, m, RCPT_MAX, false, final, discard);
	if (rc < 0)
		rc = record_send(w, m, RCPT_FEW, false, final, discard);
	if (rc < 0)
		rc = record_send(w, m, RCPT_FEW, true, final, discard);
	if (rc > 0)
		return true;
	log_error("no event record for this message");
	if (rc < 0)
		parent_end(&w->link, final && !discard, span_of(NULL, 0),
		    false, span_of(NULL, 0));
	return false;
}

/* 1: written; 0: not; -1: it does not fit one packet. */
static int
discards_send(struct worker *w, const struct message *m, size_t max_rcpt)
{
	json_t *o = record(m, max_rcpt, true, true);
	char *s = json_dumps(o, JSON_COMPACT);
	int rc = s == NULL ? -1 : parent_discard(&w->link, span_str(s));

	json_decref(o);
	free(s);
	return rc;
}

bool
record_discards(struct worker *w, struct message *m)
{
	int rc;

	for (size_t g = 0; g < m->plan->ngroup; g++)
		for (size_t k = 0; m->plan->group[g].disp == DISP_BLOCK &&
		    k < m->plan->group[g].nrcpt; k++) {
			struct outcome *o =
			    &m->outcome[m->plan->group[g].rcpt[k]];

			o->result = RESULT_BLOCKED;
			o->rule = m->plan->group[g].rule;
		}
	rc = discards_send(w, m, RCPT_MAX);
	if (rc < 0)
		rc = discards_send(w, m, RCPT_FEW);
	for (size_t i = 0; i < m->env.nrcpt; i++)
		m->outcome[i].result = RESULT_NONE;
	return rc > 0;
}
