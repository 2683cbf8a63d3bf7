/*
 * Notifications and blind copies: mail of our own, sent back to Postfix like
 * an accepted copy and never filtered. They go out only when something was
 * decided for good, so that a deferred mail does not announce itself at each
 * try. One that cannot be sent is logged; the mail itself never depends on it.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/mail/edit.h"

enum { NOTICE_MAX = 256 * 1024 };

/* "Tue, 24 Nov 2026 09:00:00 +0000" (RFC 5322 3.3), in no locale. */
static void
put_date(struct buf *b, int64_t us)
{
	static const char day[] = "SunMonTueWedThuFriSat";
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_printf(b, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n",
	    day + 3 * tm.tm_wday, tm.tm_mday, month + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
put_text(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n')
			buf_puts(b, "\r\n");
		else if (*text != '\r')
			buf_putc(b, *text);
	buf_puts(b, "\r\n");
}

/* The notification as a message; with the original attached when asked. */
static void
compose(struct worker *w, struct message *m, const struct plan_notice *n,
    const struct macros *mac, struct buf *out)
{
	bool attach = (n->action->flags & OBJ_ATTACH_ORIGINAL) != 0;
	AUTO_BUF struct buf frame = {.max = NOTICE_MAX};
	AUTO_BUF struct buf to = {.max = NOTICE_MAX};
	AUTO_BUF struct buf text = {.max = NOTICE_MAX};
	struct mime *mime;
	struct edit *ed;
	struct err e;

	put_date(&frame, m->arrived_us);
	buf_printf(&frame, "Message-ID: <%s.%zu@%s>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
	    m->logid, (size_t)(n - m->plan->notice), w->host);
	if (attach)
		buf_printf(&frame, "Content-Type: multipart/mixed; "
		    "boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", m->logid, m->logid);
	buf_puts(&frame, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n");
	macros_expand(&text, n->action->value3, mac);
	put_text(&frame, buf_cstr(&text));
	if (attach) {
		buf_printf(&frame, "\r\n--=_%s\r\nContent-Type: "
		    "message/rfc822\r\nContent-Disposition: attachment\r\n\r\n",
		    m->logid);
		out->max += m->raw.n;
		frame.max += m->raw.n;
		buf_puts_span(&frame, m->raw);
		buf_printf(&frame, "\r\n--=_%s--\r\n", m->logid);
	}
	mime = mime_parse(buf_span(&frame), &mime_limits_default, &m->arena);
	ed = edit_new(mime, false, &m->arena);
	if (ed == NULL)
		return;
	macros_expand(&to, n->action->value, mac);
	buf_reset(&text);
	macros_expand(&text, n->action->value2, mac);
	if (edit_header_add(ed, "From", config_str(w->config, "admin",
	        "admin-mail-from"), &e) != 0 ||
	    edit_header_add(ed, "To", buf_cstr(&to), &e) != 0 ||
	    edit_header_add(ed, "Subject", buf_cstr(&text), &e) != 0)
		log_warn("notification: %s", e.text);
	edit_write(ed, out);
}

static void
deliver(struct worker *w, struct message *m,
    const struct plan_notice *n, const char *what, const char *sender,
    const char *to, struct span bytes)
{
	struct envelope env = {.dir = m->env.dir, .logid = m->logid,
	    .sender = sender, .ret = "", .envid = "", .queue_id = "",
	    .client_name = "", .client_addr = "", .client_port = "",
	    .client_helo = "", .client_proto = "", .client_source = "",
	    .body_8bit = true,
	    .smtputf8 = m->env.smtputf8 || smtp_addr_is_utf8(to)};
	struct recipient rcpt = {.addr = to, .notify = "NEVER", .orcpt = ""};
	struct smtp_reply reply = {0};
	AUTO_BUF struct buf safe = {.max = 1024};
	struct err e = {""};

	log_safe(&safe, span_str(to), 300);
	if (reinject(w, m->notices_by_ms, &env, &rcpt, 1, bytes, &reply, &e) != 0 ||
	    reply.code / 100 != 2) {
		log_error("%s to <%s> was not sent (rule: %s): %s", what,
		    buf_cstr(&safe), n->rule->name,
		    *e.text ? e.text : reply.text);
		message_note(m, "%s to <%s> failed (rule: %s)", what, to,
		    n->rule->name);
		return;
	}
	log_info("%s to <%s> (%s) (rule: %s)", what, buf_cstr(&safe),
	    smtp_client_queued_as(w->outlet.client), n->rule->name);
	message_note(m, "%s to <%s> (rule: %s)", what, to, n->rule->name);
}

static void
notify(struct worker *w, struct message *m,
    const struct plan_notice *n)
{
	AUTO_BUF struct buf bytes = {.max = 2 * NOTICE_MAX};
	AUTO_BUF struct buf to = {.max = 4096};
	struct macros mac;

	prepare_macros(w, m, n->rule, n->rcpt, n->nrcpt, &mac, &m->arena);
	macros_expand(&to, n->action->value, &mac);
	/* "Notify sender" of a bounce: there is nobody to tell. */
	if (to.n == 0 || to.overflow)
		return;
	compose(w, m, n, &mac, &bytes);
	if (bytes.overflow || bytes.n == 0) {
		log_error("notification of rule %s does not fit",
		    n->rule->name);
		return;
	}
	/* Answered by nobody: the null sender, so that it cannot loop. */
	deliver(w, m, n, "notification", "", buf_cstr(&to),
	    buf_span(&bytes));
}

static void
blind_copy(struct worker *w, struct message *m,
    const struct plan_notice *n)
{
	bool original = (n->action->flags & OBJ_ORIGINAL) != 0;
	AUTO_BUF struct buf to = {.max = 4096};
	struct macros mac;

	prepare_macros(w, m, n->rule, n->rcpt, n->nrcpt, &mac, &m->arena);
	macros_expand(&to, n->action->value, &mac);
	deliver(w, m, n, "bcc", m->env.sender, buf_cstr(&to),
	    original || n->group >= m->plan->ngroup
	        ? m->raw : m->copy[n->group].bytes);
}

/* Of the rule's recipients, is one done with? */
static bool
any_final(const struct message *m, const struct plan_notice *n)
{
	for (size_t i = 0; i < n->nrcpt; i++)
		if (m->outcome[n->rcpt[i]].result != RESULT_DEFERRED)
			return true;
	return false;
}

void
notices_send(struct worker *w, struct message *m)
{
	for (size_t i = 0; i < m->plan->nnotice; i++) {
		const struct plan_notice *n = &m->plan->notice[i];

		if (!any_final(m, n))
			continue;
		if (n->action->type == ACTION_BCC)
			blind_copy(w, m, n);
		else
			notify(w, m, n);
	}
}
