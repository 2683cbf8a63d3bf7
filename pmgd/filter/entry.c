#include "filter/entry.h"

#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/proto/store.h"

/* Of what the sender wrote, for lists: the message itself has it all. */
enum { HELD_TEXT_MAX = 2000 };

const char *
entry_kind_word(enum quarantine_kind k)
{
	switch (k) {
	case QUAR_VIRUS:
		return "virus";
	case QUAR_ATTACHMENT:
		return "attachment";
	case QUAR_POISON:
		return "poison";
	case QUAR_HELD:
		return "held";
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

static struct store_commit
describe(struct message *m, const struct entry *t)
{
	return (struct store_commit){.kind = t->kind, .logid = m->logid,
	    .queue_id = m->store_key, .sender = t->sender,
	    .header_from = held_text(m, m->from),
	    .subject = held_text(m, m->subject),
	    .message_id = held_text(m, m->message_id),
	    .rule = t->rule ? t->rule->name : t->why,
	    .virus = m->scanned && m->scan.result == SCAN_VIRUS ? m->scan.name
	                                                        : "",
	    .spam_level = m->spam_level, .spam_info = spam_info(m),
	    .client_addr = m->env.client_addr, .envid = m->env.envid,
	    .ret = m->env.ret, .smtputf8 = m->env.smtputf8,
	    .body_8bit = m->env.body_8bit, .dir = m->env.dir,
	    .size = t->file->size, .time_us = (uint64_t)m->arrived_us,
	    .nrcpt = (uint32_t)t->nto};
}

enum entry_fit
entry_put(struct message *m, const struct entry *t, struct buf *b,
    struct err *e)
{
	struct store_commit c = describe(m, t);

	c.rcpt = arena_array(&m->arena, t->nto, sizeof(*c.rcpt));
	if (c.rcpt == NULL) {
		err_set(e, "no memory for the recipients");
		return ENTRY_NO_MEMORY;
	}
	for (size_t i = 0; i < t->nto; i++)
		c.rcpt[i] = (struct store_rcpt){.addr = t->to[i].addr,
		    .notify = t->to[i].notify, .orcpt = t->to[i].orcpt};
	buf_init(b, IPC_MAX);
	store_commit_put(b, &c);
	if (!b->overflow)
		return ENTRY_FITS;
	buf_free(b);
	err_set(e, "too many recipients for one quarantine entry");
	return ENTRY_TOO_LONG;
}

static const char *
commit_one(struct worker *w, struct message *m, const struct entry *t,
    bool *too_long, struct err *e)
{
	struct store_commit_reply r;
	AUTO_BUF struct buf b = {.max = 0};
	enum entry_fit fit = entry_put(m, t, &b, e);

	*too_long = fit == ENTRY_TOO_LONG;
	if (fit != ENTRY_FITS || outlet_commit(&w->outlet, w->paths->store,
	        m->commit_by_ms, t->file->fd, buf_span(&b), &r, &m->arena,
	        e) != 0)
		return NULL;
	return r.id;
}

bool
entry_commit(struct worker *w, struct message *m, const struct entry *whole,
    const char **id)
{
	size_t step = whole->nto;
	bool all = true;
	struct err e;

	for (size_t off = 0; off < whole->nto; off += step) {
		struct entry t = *whole;
		bool too_long;
		const char *one;

		t.to += off;
		t.nto = step < whole->nto - off ? step : whole->nto - off;
		one = commit_one(w, m, &t, &too_long, &e);
		if (too_long && step > ENTRY_RCPT_FEW) {
			t.nto = step = ENTRY_RCPT_FEW;
			one = commit_one(w, m, &t, &too_long, &e);
		}
		if (one == NULL)
			log_error("quarantine: %s", e.text);
		all = all && one != NULL;
		for (size_t k = off; k < off + t.nto; k++)
			id[k] = one;
	}
	return all;
}

const struct spool_file *
entry_file(struct worker *w, struct message *m, const struct copy *c,
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

enum quarantine_kind
entry_kind(const struct message *m, const struct rule *rule)
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
