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
#include "lib/base/xalloc.h"
#include "lib/mail/charset.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/edit_header.h"

enum {
	NOTICE_MAX = 256 * 1024,	/* bytes of text */
	FIELD_MAX = 2000,		/* of a header field, before encoding */
	NOTICE_RCPT_MAX = 1000,
	ADDRESS_MAX = 1000,
};

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

/* ---- to whom ---- */

struct addresses {
	struct recipient rcpt[NOTICE_RCPT_MAX];
	size_t n;
	bool utf8;		/* one of them needs SMTPUTF8 */
};

/* Mail made by a machine (RFC 3834 2): its sender gets no answer, or two
 * machines would talk to each other. */
static bool
is_automatic(const struct message *m)
{
	const struct mime_field *f = mime_field_find(m->mime->part[0],
	    "Auto-Submitted");
	struct span value;

	if (f == NULL)
		return false;
	value = span_trim(f->value);
	return !span_iprefix(value, "no") ||
	    (value.n > 2 && value.p[2] != ' ' && value.p[2] != ';' &&
	    value.p[2] != '(' && value.p[2] != '\t');
}

/* addr: of the arena. */
static void
add_address(struct addresses *to, struct message *m,
    const struct plan_notice *n, const char *addr)
{
	bool notify = n->action->type == ACTION_NOTIFY;

	/* "Notify sender" of a bounce: there is nobody to tell. */
	if (*addr == '\0' || to->n == NOTICE_RCPT_MAX)
		return;
	if (notify && strcmp(addr, m->env.sender) == 0 && is_automatic(m)) {
		message_note(m, "no notification to the sender of automatic "
		    "mail (rule: %s)", n->rule->name);
		return;
	}
	for (size_t i = 0; i < to->n; i++)
		if (strcmp(to->rcpt[i].addr, addr) == 0)
			return;
	if (!smtp_addr_valid(addr) && strcmp(addr, "postmaster") != 0) {
		AUTO_BUF struct buf safe = {.max = 1024};

		log_safe(&safe, span_str(addr), 300);
		log_error("\"%s\" is not an address (rule: %s)",
		    buf_cstr(&safe), n->rule->name);
		return;
	}
	to->utf8 = to->utf8 || smtp_addr_is_utf8(addr);
	to->rcpt[to->n++] = (struct recipient){.addr = addr,
	    .notify = "NEVER", .orcpt = ""};
}

/*
 * The object's addresses, between commas, semicolons or blanks. Macros are
 * expanded afterwards: a quoted address may hold all of these.
 */
static void
find_addresses(struct worker *w, struct message *m,
    const struct plan_notice *n, struct addresses *to)
{
	static const char between[] = ",; \t\r\n";
	const char *s = n->action->value;

	*to = (struct addresses){.n = 0};
	while (*(s += strspn(s, between)) != '\0') {
		struct span word = span_of(s, strcspn(s, between));
		AUTO_BUF struct buf addr = {.max = 4096};
		const char *text = arena_strndup(&m->arena, word);

		s += word.n;
		if (span_ieqs(word, "__RECEIVERS__")) {
			for (size_t i = 0; i < m->env.nrcpt; i++)
				add_address(to, m, n, m->env.rcpt[i].addr);
			continue;
		}
		if (span_ieqs(word, "__TARGETS__")) {
			for (size_t i = 0; i < n->nrcpt; i++)
				add_address(to, m, n,
				    m->env.rcpt[n->rcpt[i]].addr);
			continue;
		}
		if (text == NULL)
			return;
		macros_text(w, m, n->rule, text, ADDRESS_MAX, &addr);
		text = arena_strdup(&m->arena, buf_cstr(&addr));
		if (text != NULL)
			add_address(to, m, n, text);
	}
}

/* ---- the notification ---- */

static void
put_field(struct worker *w, struct message *m, const struct plan_notice *n,
    const char *name, const char *text, bool utf8, struct buf *out)
{
	AUTO_BUF struct buf value = {.max = 0};
	struct err e;

	macros_text(w, m, n->rule, text, FIELD_MAX, &value);
	if (header_put(out, name, buf_span(&value), utf8, &e) != 0)
		log_warn("notification: %s", e.text);
}

static void
put_to(const struct addresses *to, struct buf *out)
{
	AUTO_BUF struct buf value = {.max = NOTICE_MAX};
	struct err e;

	for (size_t i = 0; i < to->n; i++)
		buf_printf(&value, "%s%s", i > 0 ? ", " : "",
		    to->rcpt[i].addr);
	if (header_put(out, "To", buf_span(&value), to->utf8, &e) != 0)
		log_warn("notification: %s", e.text);
}

/* Lines of whatever length, 8-bit or not, through every server. */
static void
put_text(struct worker *w, struct message *m, const struct plan_notice *n,
    struct buf *out)
{
	AUTO_BUF struct buf text = {.max = 0};
	AUTO_BUF struct buf clean = {.max = 3 * NOTICE_MAX};

	macros_text(w, m, n->rule, n->action->value3, NOTICE_MAX, &text);
	charset_to_utf8(&clean, SPAN_LIT("utf-8"), buf_span(&text));
	buf_puts(out, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	encode_qp(out, buf_span(&clean));
	buf_puts(out, "\r\n");
}

/* A boundary that nobody could foresee, and that is not in the mail. */
static void
make_boundary(const struct message *m, char *b, size_t size)
{
	for (unsigned i = 0; i < 100; i++) {
		snprintf(b, size, "=_%s_%u", m->logid, i);
		if (span_find(m->raw, 0, span_str(b)) == SIZE_MAX)
			return;
	}
}

static void
put_original(const struct message *m, const char *boundary, struct buf *out)
{
	buf_printf(out, "\r\n--%s\r\nContent-Type: message/%s\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n"
	    "Content-Disposition: attachment;\r\n"
	    " filename=\"original_message.eml\"\r\n\r\n", boundary,
	    m->env.smtputf8 ? "global" : "rfc822");
	buf_puts_span(out, m->raw);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}

static void
compose(struct worker *w, struct message *m, const struct plan_notice *n,
    const struct addresses *to, struct buf *out)
{
	bool attach = (n->action->flags & OBJ_ATTACH_ORIGINAL) != 0;
	bool utf8 = to->utf8;
	char boundary[80];

	make_boundary(m, boundary, sizeof(boundary));
	put_field(w, m, n, "From", config_str(w->config, "admin",
	    "admin-mail-from"), utf8, out);
	put_to(to, out);
	put_field(w, m, n, "Subject", n->action->value2, utf8, out);
	put_date(out, m->arrived_us);
	buf_printf(out, "Message-ID: <%s.%zu@%s>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
	    m->logid, (size_t)(n - m->plan->notice), w->host);
	if (attach)
		buf_printf(out, "Content-Type: multipart/mixed;\r\n"
		    " boundary=\"%s\"\r\nContent-Transfer-Encoding: 8bit\r\n"
		    "\r\n--%s\r\n", boundary, boundary);
	put_text(w, m, n, out);
	if (attach)
		put_original(m, boundary, out);
}

/* ---- sending ---- */

static void
log_sent(struct worker *w, struct message *m, const struct plan_notice *n,
    const char *what, const char *to, const char *failure)
{
	AUTO_BUF struct buf safe = {.max = 1024};

	log_safe(&safe, span_str(to), 300);
	if (failure != NULL)
		log_error("%s to <%s> was not sent (rule: %s): %s", what,
		    buf_cstr(&safe), n->rule->name, failure);
	else
		log_info("%s to <%s> (%s) (rule: %s)", what, buf_cstr(&safe),
		    smtp_client_queued_as(w->outlet.client), n->rule->name);
	message_note(m, "%s to <%s>%s (rule: %s)", what, to,
	    failure != NULL ? " failed" : "", n->rule->name);
}

static void
deliver(struct worker *w, struct message *m, const struct plan_notice *n,
    const char *what, const char *sender, const struct addresses *to,
    bool smtputf8, struct span bytes)
{
	struct envelope env = {.dir = m->env.dir, .logid = m->logid,
	    .sender = sender, .ret = "", .envid = "", .queue_id = "",
	    .client_name = "", .client_addr = "", .client_port = "",
	    .client_helo = "", .client_proto = "", .client_source = "",
	    .body_8bit = true, .smtputf8 = smtputf8};
	AUTO_FREE struct smtp_reply *reply = xcalloc(to->n, sizeof(*reply));
	struct err e = {""};
	int rc = reinject(w, m->notices_by_ms, &env, to->rcpt, to->n, bytes,
	    reply, &e);

	for (size_t i = 0; i < to->n; i++)
		log_sent(w, m, n, what, to->rcpt[i].addr, rc != 0 ? e.text
		    : reply[i].code / 100 != 2 ? reply[i].text : NULL);
}

static void
notify(struct worker *w, struct message *m, const struct plan_notice *n,
    const struct addresses *to)
{
	bool attach = (n->action->flags & OBJ_ATTACH_ORIGINAL) != 0;
	AUTO_BUF struct buf bytes = {.max = m->raw.n + 16 * NOTICE_MAX};

	compose(w, m, n, to, &bytes);
	if (bytes.overflow) {
		log_error("notification of rule %s does not fit",
		    n->rule->name);
		return;
	}
	/* Answered by nobody: the null sender, so that it cannot loop. */
	deliver(w, m, n, "notification", "", to,
	    to->utf8 || (attach && m->env.smtputf8), buf_span(&bytes));
}

static void
blind_copy(struct worker *w, struct message *m, const struct plan_notice *n,
    const struct addresses *to)
{
	bool original = (n->action->flags & OBJ_ORIGINAL) != 0;

	deliver(w, m, n, "bcc", m->env.sender, to,
	    m->env.smtputf8 || to->utf8,
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
	AUTO_FREE struct addresses *to = m->plan->nnotice > 0
	    ? xcalloc(1, sizeof(*to)) : NULL;

	for (size_t i = 0; i < m->plan->nnotice; i++) {
		const struct plan_notice *n = &m->plan->notice[i];

		if (!any_final(m, n))
			continue;
		find_addresses(w, m, n, to);
		if (to->n == 0)
			message_note(m, "%s to nobody (rule: %s)",
			    n->action->type == ACTION_BCC ? "bcc"
			    : "notification", n->rule->name);
		else if (n->action->type == ACTION_BCC)
			blind_copy(w, m, n, to);
		else
			notify(w, m, n, to);
	}
}
