#include "filter/outcome.h"

#include "filter/filter.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

enum { ADDRESS_LOG = 320 };

static const char *
rule_name(const struct rule *r)
{
	return r ? r->name : "default-accept";
}

void
outcome_set(struct message *m, size_t i, enum result result,
    const struct rule *rule, const char *where)
{
	AUTO_BUF struct buf to = {.max = 2048};
	struct outcome *o = &m->outcome[i];

	o->result = result;
	o->rule = rule;
	log_safe(&to, span_str(m->env.rcpt[i].addr), ADDRESS_LOG);
	switch (result) {
	case RESULT_ACCEPTED:
		log_info("accept mail to <%s> (%s) (rule: %s)", buf_cstr(&to),
		    *o->queue_id ? o->queue_id : o->quarantine_id,
		    rule_name(rule));
		break;
	case RESULT_QUARANTINED:
		log_info("moved mail for <%s> to %s quarantine - %s (rule: %s)",
		    buf_cstr(&to), where, o->quarantine_id,
		    rule ? rule->name : where);
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

void
outcome_kept(struct message *m, size_t i, const struct rule *rule,
    const char *id)
{
	AUTO_BUF struct buf to = {.max = 2048};

	log_safe(&to, span_str(m->env.rcpt[i].addr), ADDRESS_LOG);
	log_info("moved mail for <%s> to attachment quarantine - %s (rule: %s)",
	    buf_cstr(&to), id, rule->name);
	message_note(m, "original for <%s> kept in the attachment quarantine: "
	    "%s (rule: %s)", m->env.rcpt[i].addr, id, rule->name);
}

void
outcome_deferred(struct message *m, size_t i, const struct rule *rule,
    int code, const char *text)
{
	smtp_reply_set(&m->outcome[i].reply, code, "%s", text);
	outcome_set(m, i, RESULT_DEFERRED, rule, "");
}

void
outcome_ok(struct message *m, size_t i)
{
	smtp_reply_set(&m->outcome[i].reply, 250, "2.5.0 OK (%s)", m->logid);
}

void
outcome_all(struct message *m, enum result r, int code, const char *text)
{
	for (size_t i = 0; i < m->env.nrcpt; i++) {
		if (m->outcome[i].result != RESULT_NONE)
			continue;
		m->outcome[i].result = r;
		m->outcome[i].quarantine_id = m->outcome[i].queue_id = "";
		smtp_reply_set(&m->outcome[i].reply, code, "%s", text);
	}
}
