/*
 * A transaction is a row of steps, each one command and one reply: RSET (from
 * the second transaction on), XFORWARD lines, MAIL, one RCPT per recipient,
 * DATA. With PIPELINING up to BATCH_STEPS commands travel before their replies
 * are read, without it one. The body follows once DATA said 354.
 */
#include "lib/net/smtp_client.h"

#include <stdlib.h>
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"
#include "lib/net/smtp_conn.h"

enum {
	BATCH_STEPS = 50,
	BODY_PIECE = 64 * 1024,
	XFORWARD_LINE_MAX = 510,	/* without CRLF */
	XFORWARD_VALUE_MAX = 255,	/* as xtext */
	XFORWARD_ATTR_MAX = sizeof(" SOURCE=") - 1 + XFORWARD_VALUE_MAX,
};

enum step_kind { STEP_RSET, STEP_XFORWARD, STEP_MAIL, STEP_RCPT, STEP_DATA };

struct step {
	enum step_kind kind;
	size_t rcpt;		/* index, for STEP_RCPT */
};

struct transaction {
	const struct envelope *env;
	const struct recipient *to;
	size_t nto;
	struct span msg;
	struct smtp_reply *reply;	/* one per recipient; final once set */
	size_t naccepted;		/* RCPT said yes */
	bool utf8;
	bool over;			/* MAIL refused, or 421 */
	bool go_ahead;			/* DATA said 354 */
	struct buf xforward;		/* lines with their CRLF */
	size_t xforward_pos;		/* sent so far */
	size_t nxforward;
	struct step *step;
	size_t nstep;
};

/* Gives r to every recipient that has no final reply yet. */
static void
answer_all(struct transaction *t, const struct smtp_reply *r)
{
	for (size_t i = 0; i < t->nto; i++)
		if (t->reply[i].code == 0)
			t->reply[i] = *r;
}

static const char *
text_or_empty(const char *s)
{
	return s != NULL ? s : "";
}

/* " NAME=value", unless there is no value, or one that would end the word. */
static void
put_param(struct buf *out, const char *name, const char *value)
{
	const char *v = text_or_empty(value);

	for (const char *c = v; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return;
	if (*v != '\0')
		buf_printf(out, " %s=%s", name, v);
}

static const char *
xforward_value(const struct envelope *env, enum xforward_attr attr)
{
	switch (attr) {
	case XF_NAME:
		return text_or_empty(env->client_name);
	case XF_ADDR:
		return text_or_empty(env->client_addr);
	case XF_PORT:
		return text_or_empty(env->client_port);
	case XF_PROTO:
		return text_or_empty(env->client_proto);
	case XF_HELO:
		return text_or_empty(env->client_helo);
	case XF_IDENT:
		return text_or_empty(env->queue_id);
	default:
		return text_or_empty(env->client_source);
	}
}

/* One " NAME=value"; the size of b cuts what is too long. */
static void
put_xforward_attr(struct buf *b, const struct envelope *env,
    enum xforward_attr attr)
{
	char value[XFORWARD_VALUE_MAX + 1];

	buf_printf(b, " %s=", xforward_name[attr]);
	str_copy(value, sizeof(value), xforward_value(env, attr));
	if (value[0] == '\0') {
		buf_puts(b, "[UNAVAILABLE]");
		return;
	}
	if (attr == XF_ADDR && strchr(value, ':') != NULL)
		buf_puts(b, "IPV6:");
	smtp_xtext_put(b, value);
}

/*
 * The attributes that the server announced, on as few lines as the limit of
 * Postfix allows.
 */
static void
build_xforward(struct smtp_client *c, struct transaction *t)
{
	static const char verb[] = "XFORWARD";
	size_t line = 0;	/* length of the line under construction */
	struct buf attr;

	if (*text_or_empty(t->env->client_addr) == '\0')
		return;
	buf_init(&attr, XFORWARD_ATTR_MAX);
	for (unsigned i = 0; i < XF_COUNT; i++) {
		if (!(c->xforward & 1u << i))
			continue;
		buf_reset(&attr);
		put_xforward_attr(&attr, t->env, i);
		if (line == 0 || line + attr.n > XFORWARD_LINE_MAX) {
			if (line > 0)
				buf_puts(&t->xforward, "\r\n");
			buf_puts(&t->xforward, verb);
			line = strlen(verb);
			t->nxforward++;
		}
		buf_puts_span(&t->xforward, buf_span(&attr));
		line += attr.n;
	}
	if (line > 0)
		buf_puts(&t->xforward, "\r\n");
	buf_free(&attr);
}

/* The next line. */
static void
put_xforward(struct smtp_client *c, struct transaction *t)
{
	struct span all = buf_span(&t->xforward);
	size_t end = span_chr(all, t->xforward_pos, '\n') + 1;

	buf_puts_span(&c->out, span_sub(all, t->xforward_pos,
	    end - t->xforward_pos));
	t->xforward_pos = end;
}

static void
put_mail(struct smtp_client *c, const struct transaction *t)
{
	const struct envelope *env = t->env;

	buf_printf(&c->out, "MAIL FROM:<%s>", env->sender);
	if (c->size)
		buf_printf(&c->out, " SIZE=%zu", t->msg.n);
	if (c->mime8bit && env->body_8bit)
		buf_puts(&c->out, " BODY=8BITMIME");
	if (c->smtputf8 && t->utf8)
		buf_puts(&c->out, " SMTPUTF8");
	if (c->dsn) {
		put_param(&c->out, "RET", env->ret);
		put_param(&c->out, "ENVID", env->envid);
	}
	buf_puts(&c->out, "\r\n");
}

static void
put_rcpt(struct smtp_client *c, const struct recipient *to)
{
	buf_printf(&c->out, "RCPT TO:<%s>", to->addr);
	if (c->dsn) {
		put_param(&c->out, "NOTIFY", to->notify);
		put_param(&c->out, "ORCPT", to->orcpt);
	}
	buf_puts(&c->out, "\r\n");
}

static void
put_step(struct smtp_client *c, struct transaction *t, const struct step *s)
{
	switch (s->kind) {
	case STEP_RSET:
		buf_puts(&c->out, "RSET\r\n");
		break;
	case STEP_XFORWARD:
		put_xforward(c, t);
		break;
	case STEP_MAIL:
		put_mail(c, t);
		break;
	case STEP_RCPT:
		put_rcpt(c, &t->to[s->rcpt]);
		break;
	case STEP_DATA:
		buf_puts(&c->out, "DATA\r\n");
		break;
	}
}

static void
take_rcpt(struct transaction *t, size_t i, const struct smtp_reply *r)
{
	if (t->over)
		return;
	if (r->code / 100 == 2)
		t->naccepted++;
	else
		t->reply[i] = *r;
}

/* Reads and judges the reply to one step. */
static int
take_step(struct smtp_client *c, struct transaction *t, const struct step *s,
    struct err *e)
{
	struct smtp_reply r;
	bool data = s->kind == STEP_DATA;

	if (smtp_conn_reply(c, &r, NULL, e) == -1)
		return -1;
	if (r.code / 100 == (data ? 2 : 3) ||
	    (s->kind == STEP_RSET && r.code / 100 != 2 && r.code != 421))
		return smtp_conn_lost(c, e, "reply does not fit the command");
	if (r.code == 421) {
		answer_all(t, &r);
		t->over = true;
	} else if (s->kind == STEP_MAIL && r.code / 100 != 2) {
		answer_all(t, &r);
		t->over = true;
	} else if (s->kind == STEP_RCPT) {
		take_rcpt(t, s->rcpt, &r);
	} else if (data && r.code / 100 == 3) {
		t->go_ahead = true;
	} else if (data) {
		answer_all(t, &r);
	}
	return 0;
}

/* DATA is only worth sending, or waiting for, when somebody will get it. */
static bool
step_pointless(const struct smtp_client *c, const struct transaction *t,
    const struct step *s)
{
	return t->over || (s->kind == STEP_DATA &&
	    (t->naccepted == 0 || (c->whole && t->naccepted < t->nto)));
}

/* The steps from i on whose commands may travel together. */
static size_t
batch_end(const struct smtp_client *c, const struct transaction *t, size_t i)
{
	size_t end = i + (c->pipelining ? BATCH_STEPS : 1);

	if (end < t->nstep)
		return end;
	/* After a 354 there is no way back: all RCPT are answered before. */
	return c->whole && i + 1 < t->nstep ? t->nstep - 1 : t->nstep;
}

static int
run_steps(struct smtp_client *c, struct transaction *t, struct err *e)
{
	for (size_t i = 0, end; i < t->nstep; i = end) {
		end = batch_end(c, t, i);
		if (step_pointless(c, t, &t->step[i]))
			return 0;
		for (size_t k = i; k < end; k++)
			put_step(c, t, &t->step[k]);
		if (smtp_conn_flush(c, e) == -1)
			return -1;
		for (size_t k = i; k < end && !c->unusable; k++)
			if (take_step(c, t, &t->step[k], e) == -1)
				return -1;
		if (c->unusable)
			return 0;
	}
	return 0;
}

/*
 * Sends the body up to its last dot. False: the server answered, or hung up,
 * before it had all of it.
 */
static bool
send_body(struct smtp_client *c, struct span msg, struct err *e)
{
	size_t pos = 0;

	do {
		size_t end = pos + BODY_PIECE;

		end = end < msg.n ? span_chr(msg, end, '\n') + 1 : msg.n;
		if (end > msg.n)
			end = msg.n;
		smtp_conn_receive(c);
		if (smtp_conn_has_input(c) || c->eof)
			return false;
		smtp_data_lines(&c->out, span_sub(msg, pos, end - pos));
		pos = end;
		if (pos == msg.n)
			buf_puts(&c->out, ".\r\n");
		if (smtp_conn_flush(c, e) == -1 || c->unwritable)
			return false;
	} while (pos < msg.n);
	return !smtp_conn_has_input(c);
}

/* "... queued as ID". */
static void
note_queue_id(struct smtp_client *c, const char *text)
{
	static const char mark[] = "queued as ";
	const char *id = strstr(text, mark);
	size_t n = 0;

	if (id == NULL)
		return;
	for (id += strlen(mark); n < SMTP_QUEUE_ID_MAX; n++) {
		int l = ascii_lower((unsigned char)id[n]);

		if (!ascii_isdigit(l) && (l < 'a' || l > 'z') && l != '-')
			break;
	}
	memcpy(c->queued_as, id, n);
	c->queued_as[n] = '\0';
}

/*
 * The body and the reply that counts. A "250" that came before the body was
 * out, or another 2xx or 3xx, is no promise to anybody: unknown. Whatever goes
 * wrong here leaves the code 0, and a retry.
 */
static void
run_body(struct smtp_client *c, struct transaction *t, struct err *e)
{
	struct smtp_reply r;
	bool whole;

	whole = send_body(c, t->naccepted > 0 ? t->msg : span_of(NULL, 0), e);
	if (!whole)
		c->unusable = true;
	if (smtp_conn_reply(c, &r, NULL, e) == -1)
		return;
	if (r.code / 100 == 4 || r.code / 100 == 5) {
		answer_all(t, &r);
	} else if (whole && r.code == 250) {
		answer_all(t, &r);
		if (t->naccepted > 0)
			note_queue_id(c, r.text);
	} else {
		smtp_conn_lost(c, e, "reply out of place in the mail data");
	}
}

/* 8-bit bytes in the header need SMTPUTF8 (RFC 6531) where it was asked for. */
static bool
header_is_ascii(struct span msg)
{
	size_t end = span_find(msg, 0, SPAN_LIT("\r\n\r\n"));

	return utf8_is_ascii(span_sub(msg, 0, end));
}

/*
 * False: the transaction is decided here. Addresses that a rule made up may
 * hold anything; none gets onto the wire that is no address.
 */
static bool
check_addresses(struct smtp_client *c, struct transaction *t)
{
	const char *sender = t->env->sender;
	bool wide = smtp_addr_is_utf8(sender);
	struct smtp_reply r;

	if (*sender != '\0' && !smtp_addr_valid(sender)) {
		smtp_reply_set(&r, 501, "5.1.7 Bad sender address");
		answer_all(t, &r);
		return false;
	}
	for (size_t i = 0; i < t->nto; i++) {
		if (!smtp_addr_valid(t->to[i].addr))
			smtp_reply_set(&t->reply[i], 501,
			    "5.1.3 Bad recipient address");
		wide = wide || smtp_addr_is_utf8(t->to[i].addr);
	}
	/* Never asked for on our own: the next hop may lack it and would then
	 * refuse what passes without (RFC 6531 3.2 against common practice). */
	t->utf8 = t->env->smtputf8;
	if (c->smtputf8 || !t->utf8 || (!wide && header_is_ascii(t->msg)))
		return true;
	smtp_reply_set(&r, 553, "5.6.7 Next hop offers no SMTPUTF8");
	answer_all(t, &r);
	return false;
}

/* Taken by RCPT, and left without the message. */
static void
not_sent(struct transaction *t)
{
	struct smtp_reply r;

	smtp_reply_set(&r, SMTP_NOT_SENT, "%s", "");
	answer_all(t, &r);
}

static void
plan_steps(struct smtp_client *c, struct transaction *t)
{
	size_t nrcpt = 0;

	build_xforward(c, t);
	t->step = xcalloc(t->nto + t->nxforward + 3, sizeof(*t->step));
	if (c->used)
		t->step[t->nstep++].kind = STEP_RSET;
	for (size_t i = 0; i < t->nxforward; i++)
		t->step[t->nstep++].kind = STEP_XFORWARD;
	t->step[t->nstep++].kind = STEP_MAIL;
	for (size_t i = 0; i < t->nto; i++) {
		if (t->reply[i].code != 0)
			continue;
		t->step[t->nstep++] = (struct step){STEP_RCPT, i};
		nrcpt++;
	}
	if (nrcpt == 0)
		t->nstep = 0;
	else
		t->step[t->nstep++].kind = STEP_DATA;
}

/* Something unasked for between two transactions: the server gave up on us. */
static int
check_idle(struct smtp_client *c, struct err *e)
{
	if (c->unusable)
		return smtp_conn_lost(c, e, "connection not usable any more");
	smtp_conn_receive(c);
	if (smtp_conn_has_input(c))
		return smtp_conn_lost(c, e, "unexpected reply");
	return c->eof ? smtp_conn_lost(c, e, "connection lost") : 0;
}

int
smtp_client_send(struct smtp_client *c, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span msg,
    struct smtp_reply *rcpt_reply, struct err *e)
{
	struct transaction t = {.env = env, .to = to, .nto = nto, .msg = msg,
	    .reply = rcpt_reply};
	int rv = -1;

	c->queued_as[0] = '\0';
	c->deadline = clock_mono_ms() + c->timeout_ms;
	for (size_t i = 0; i < nto; i++)
		smtp_reply_set(&rcpt_reply[i], 0, "%s", "");
	if (check_idle(c, e) == -1)
		return -1;
	if (!check_addresses(c, &t))
		return 0;
	buf_init(&t.xforward, (XF_COUNT + 1) * XFORWARD_LINE_MAX);
	plan_steps(c, &t);
	c->used = c->used || t.nstep > 0;
	rv = run_steps(c, &t, e);
	if (rv == 0 && t.go_ahead)
		run_body(c, &t, e);
	else if (rv == 0 && c->whole)
		not_sent(&t);
	if (rv == -1)
		for (size_t i = 0; i < nto; i++)
			smtp_reply_set(&rcpt_reply[i], 0, "%s", "");
	free(t.step);
	buf_free(&t.xforward);
	return rv;
}

void
smtp_client_set_whole(struct smtp_client *c, bool whole)
{
	c->whole = whole;
}

void
smtp_client_set_timeout(struct smtp_client *c, int timeout_ms)
{
	c->timeout_ms = timeout_ms;
}

const char *
smtp_client_queued_as(const struct smtp_client *c)
{
	return c->queued_as;
}
