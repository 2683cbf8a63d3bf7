#include "filter/bounce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "filter/filter.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"

enum {
	BOUNCE_MAX = 512 * 1024,
	HEADER_MAX = 64 * 1024,		/* of the original, returned */
	STATUS_MAX = 12,		/* "5.7.1" */
};

/* "NOTIFY=SUCCESS,DELAY" and "NEVER" do not want to hear of failures. */
static bool
wants_failure(const struct recipient *r)
{
	return *r->notify == '\0' || strcasestr(r->notify, "FAILURE") != NULL;
}

static int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* xtext (RFC 3461 4) decoded; what would end the line is left out. */
static void
put_xtext(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		int c = (unsigned char)*s;

		if (c == '+' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			c = 16 * hex_value(s[1]) + hex_value(s[2]);
			s += 2;
		}
		if (c >= ' ' && c != 0x7f)
			buf_putc(b, c);
	}
}

static void
put_date(struct buf *b, const char *name, int64_t us)
{
	static const char day[] = "SunMonTueWedThuFriSat";
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&t, &tm);
	buf_printf(b, "%s: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", name,
	    day + 3 * tm.tm_wday, tm.tm_mday, month + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The reply that the recipient would have had by himself. */
static struct smtp_reply
own_reply(const struct message *m, size_t i)
{
	struct smtp_reply r = m->outcome[i].reply;

	if (r.code < 500)
		smtp_reply_set(&r, 554, "5.7.1 BLOCKED (%s)", m->logid);
	return r;
}

/* The enhanced status code that r begins with, or 5.0.0. */
static void
status_of(const struct smtp_reply *r, char status[STATUS_MAX])
{
	size_t n = strspn(r->text, "0123456789.");

	if (r->text[0] != '5' || r->text[1] != '.' || n < 5 || n >= STATUS_MAX)
		snprintf(status, STATUS_MAX, "5.0.0");
	else
		snprintf(status, STATUS_MAX, "%.*s", (int)n, r->text);
}

static void
put_recipient(struct buf *b, const struct message *m, size_t i)
{
	const struct recipient *to = &m->env.rcpt[i];
	struct smtp_reply r = own_reply(m, i);
	char status[STATUS_MAX];

	status_of(&r, status);
	buf_puts(b, "\r\n");
	if (*to->orcpt != '\0') {
		buf_puts(b, "Original-Recipient: ");
		put_xtext(b, to->orcpt);
		buf_puts(b, "\r\n");
	}
	buf_printf(b, "Final-Recipient: %s; %s\r\nAction: failed\r\n"
	    "Status: %s\r\nDiagnostic-Code: smtp; %d ",
	    smtp_addr_is_utf8(to->addr) ? "utf-8" : "rfc822", to->addr, status,
	    r.code);
	log_safe(b, span_str(r.text), sizeof(r.text));
	buf_puts(b, "\r\n");
}

static void
put_header(struct buf *b, const struct worker *w, const struct message *m,
    bool wide)
{
	put_date(b, "Date", m->arrived_us);
	buf_printf(b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n"
	    "To: <%s>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
	    "Message-ID: <%s.bounce@%s>\r\nAuto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: multipart/report;\r\n"
	    " report-type=%sdelivery-status; boundary=\"=_%s\"\r\n\r\n",
	    w->host, m->env.sender, m->logid, w->host, wide ? "global-" : "",
	    m->logid);
}

static void
put_explanation(struct buf *b, const struct worker *w,
    const struct message *m, const size_t *rcpt, size_t n)
{
	buf_printf(b, "--=_%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "This is the mail gateway at host %s.\r\n\r\n"
	    "Your message was not delivered to:\r\n\r\n", m->logid, w->host);
	for (size_t i = 0; i < n; i++) {
		struct smtp_reply r = own_reply(m, rcpt[i]);

		buf_printf(b, "<%s>: %d ", m->env.rcpt[rcpt[i]].addr, r.code);
		log_safe(b, span_str(r.text), sizeof(r.text));
		buf_puts(b, "\r\n");
	}
	buf_puts(b, "\r\n");
}

static void
put_status(struct buf *b, const struct worker *w, const struct message *m,
    const size_t *rcpt, size_t n, bool wide)
{
	buf_printf(b, "--=_%s\r\nContent-Type: message/%sdelivery-status\r\n"
	    "%s\r\nReporting-MTA: dns; %s\r\n", m->logid,
	    wide ? "global-" : "",
	    wide ? "Content-Transfer-Encoding: 8bit\r\n" : "", w->host);
	if (*m->env.envid != '\0') {
		buf_puts(b, "Original-Envelope-Id: ");
		put_xtext(b, m->env.envid);
		buf_puts(b, "\r\n");
	}
	put_date(b, "Arrival-Date", m->arrived_us);
	for (size_t i = 0; i < n; i++)
		put_recipient(b, m, rcpt[i]);
	buf_puts(b, "\r\n");
}

static void
put_original(struct buf *b, const struct message *m)
{
	size_t end = span_find(m->raw, 0, SPAN_LIT("\r\n\r\n"));
	struct span head = span_sub(m->raw, 0, end == SIZE_MAX ? m->raw.n
	                                                      : end + 2);

	/* Whole lines. */
	if (head.n > HEADER_MAX)
		for (head.n = HEADER_MAX; head.n > 0 &&
		    head.p[head.n - 1] != '\n'; head.n--)
			;
	buf_printf(b, "--=_%s\r\nContent-Type: text/rfc822-headers\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n", m->logid,
	    utf8_is_ascii(head) ? "7bit" : "8bit");
	buf_puts_span(b, head);
	buf_printf(b, "\r\n--=_%s--\r\n", m->logid);
}

bool
bounce_compose(const struct worker *w, const struct message *m,
    const size_t *rcpt, size_t nrcpt, struct buf *out)
{
	AUTO_FREE size_t *told = xcalloc(nrcpt, sizeof(*told));
	bool wide = smtp_addr_is_utf8(m->env.sender);
	size_t n = 0;

	for (size_t i = 0; i < nrcpt; i++)
		if (wants_failure(&m->env.rcpt[rcpt[i]])) {
			told[n++] = rcpt[i];
			wide = wide ||
			    smtp_addr_is_utf8(m->env.rcpt[rcpt[i]].addr);
		}
	if (n == 0 || *m->env.sender == '\0')
		return false;
	put_header(out, w, m, wide);
	put_explanation(out, w, m, told, n);
	put_status(out, w, m, told, n, wide);
	put_original(out, m);
	if (!out->overflow)
		return true;
	log_error("a bounce for %zu recipients does not fit", n);
	return false;
}

static void
bounce_send(struct worker *w, struct message *m, struct span bytes)
{
	const struct envelope env = {.dir = m->env.dir, .logid = m->logid,
	    .sender = "", .ret = "", .envid = "", .queue_id = "",
	    .client_name = "", .client_addr = "", .client_port = "",
	    .client_helo = "", .client_proto = "", .client_source = "",
	    .body_8bit = true,
	    .smtputf8 = m->env.smtputf8 || smtp_addr_is_utf8(m->env.sender)};
	const struct recipient to = {.addr = m->env.sender, .notify = "NEVER",
	    .orcpt = ""};
	struct smtp_reply reply = {0};
	struct err e = {""};

	if (reinject(w, m->notices_by_ms, &env, &to, 1, bytes, &reply,
	        &e) != 0 || reply.code / 100 != 2) {
		log_error("bounce was not sent: %s",
		    *e.text ? e.text : reply.text);
		message_note(m, "bounce to the sender failed");
		return;
	}
	log_info("bounce to the sender (%s)",
	    smtp_client_queued_as(w->outlet.client));
	message_note(m, "bounce to the sender");
}

void
bounce_blocked(struct worker *w, struct message *m)
{
	AUTO_FREE size_t *rcpt = xcalloc(m->env.nrcpt, sizeof(*rcpt));
	AUTO_BUF struct buf bytes = {.max = BOUNCE_MAX};
	size_t n = 0;

	if (!m->one_reply || !config_bool(w->config, "mail", "ndr_on_block"))
		return;
	for (size_t i = 0; i < m->env.nrcpt; i++)
		if (m->outcome[i].result == RESULT_BLOCKED &&
		    m->outcome[i].reply.code < 300)
			rcpt[n++] = i;
	if (n > 0 && bounce_compose(w, m, rcpt, n, &bytes))
		bounce_send(w, m, buf_span(&bytes));
}
