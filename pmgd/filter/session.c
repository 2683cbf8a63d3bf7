#include "filter/session.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "filter/conn.h"
#include "filter/filter.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum {
	COMMAND_TIMEOUT_MS = 300 * 1000,
	DATA_TIMEOUT_MS = 180 * 1000,
	MESSAGE_ARENA = 64 * 1024 * 1024,
	SPOOL_CHUNK = 256 * 1024,
	BAD_COMMANDS_MAX = 20,
	KEY_BYTES = 16,		/* of the hash of a message without queue id */
};
#define DAY_US (24 * 3600 * INT64_C(1000000))

struct session {
	struct worker *w;
	struct conn conn;
	enum direction dir;
	bool lmtp, greeted, in_mail;
	bool fresh;		/* settings: read since the last message */
	unsigned bad;
	size_t max_rcpt;
	struct message m;
	/* XFORWARD arrives before MAIL and is kept until the message ends. */
	struct arena forward_arena;
	struct envelope forward;
};

/* ---- life of a message ---- */

static void
message_init(struct session *s)
{
	s->m = (struct message){.spool = SPOOL_FILE_NONE, .subject = "",
	    .message_id = "", .from = "", .unchecked = ""};
	arena_init(&s->m.arena, MESSAGE_ARENA);
	s->in_mail = false;
}

static void
copy_free(struct copy *c)
{
	spool_close(&c->file);
	buf_free(&c->edited);
}

static void
message_reset(struct session *s)
{
	for (size_t i = 0; s->m.plan != NULL && i < s->m.plan->ngroup; i++)
		if (s->m.copy != NULL)
			copy_free(&s->m.copy[i]);
	spool_close(&s->m.spool);
	arena_free(&s->m.arena);
	message_init(s);
}

static void
forward_reset(struct session *s)
{
	arena_free(&s->forward_arena);
	s->forward = (struct envelope){.queue_id = "", .client_name = "",
	    .client_addr = "", .client_port = "", .client_helo = "",
	    .client_proto = "", .client_source = ""};
}

/* Unique on this host: seconds, microseconds and process id, in hexadecimal
 * as the reference product's ids are. */
static void
message_logid(struct message *m)
{
	static unsigned count;

	m->arrived_us = clock_wall_us();
	snprintf(m->logid, sizeof(m->logid), "%08llX%05X%06X%02X",
	    (unsigned long long)(m->arrived_us / 1000000),
	    (unsigned)(m->arrived_us % 1000000), (unsigned)getpid(),
	    count++ & 0xff);
	m->env.logid = m->logid;
}

/* ---- commands ---- */

static void
say(struct session *s, int code, const char *text)
{
	conn_reply(&s->conn, code, text);
}

static void
cmd_hello(struct session *s, enum smtp_verb verb)
{
	s->lmtp = verb == SMTP_LHLO;
	s->greeted = true;
	message_reset(s);
	if (verb == SMTP_HELO) {
		say(s, 250, s->w->host);
		return;
	}
	buf_printf(&s->conn.out,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE %lld\r\n250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
	    "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n",
	    s->w->host,
	    2 * (long long)config_int(s->w->config, "mail", "maxsize"));
}

static void
cmd_xforward(struct session *s, struct span args)
{
	struct smtp_reply r;

	if (s->in_mail) {
		say(s, 503, "5.5.1 XFORWARD within a mail transaction");
		return;
	}
	if (smtp_parse_xforward(args, &s->forward, &s->forward_arena, &r))
		say(s, 250, "2.0.0 Ok");
	else
		say(s, r.code, r.text);
}

static void
cmd_mail(struct session *s, struct span args)
{
	uint64_t max = 2 * (uint64_t)config_int(s->w->config, "mail",
	    "maxsize");
	struct message *m = &s->m;
	struct smtp_reply r;
	uint64_t size = 0;

	if (!s->greeted || s->in_mail) {
		say(s, 503, s->greeted ? "5.5.1 nested MAIL command"
		                       : "5.5.1 LHLO or EHLO first");
		return;
	}
	if (!s->fresh)
		worker_refresh_settings(s->w);
	s->fresh = false;
	worker_refresh_rules(s->w);
	if (s->w->rules != NULL &&
	    (ruleset_needs(s->w->rules, s->dir) & NEED_SPAM) != 0)
		worker_refresh_lists(s->w);
	worker_refresh_directory(s->w);
	m->env = s->forward;
	m->env.dir = s->dir;
	if (!smtp_parse_mail(args, &m->env, &size, &m->arena, &r)) {
		say(s, r.code, r.text);
		message_reset(s);
		return;
	}
	if (size > max) {
		say(s, 552, "5.3.4 message exceeds mail.maxsize");
		message_reset(s);
		return;
	}
	s->max_rcpt = (size_t)config_int(s->w->config, "mail",
	    "max_recipients");
	m->env.rcpt = arena_array(&m->arena, s->max_rcpt,
	    sizeof(*m->env.rcpt));
	if (m->env.rcpt == NULL)
		fatal("mail.max_recipients: no memory for that many");
	s->in_mail = true;
	say(s, 250, "2.1.0 Ok");
}

static void
cmd_rcpt(struct session *s, struct span args)
{
	struct message *m = &s->m;
	struct smtp_reply r;

	if (!s->in_mail) {
		say(s, 503, "5.5.1 MAIL first");
		return;
	}
	if (m->env.nrcpt == s->max_rcpt) {
		say(s, 452, "4.5.3 too many recipients (mail.max_recipients)");
		return;
	}
	if (!smtp_parse_rcpt(args, &m->env.rcpt[m->env.nrcpt], &m->arena, &r)) {
		say(s, r.code, r.text);
		return;
	}
	m->env.nrcpt++;
	say(s, 250, "2.1.5 Ok");
}

/* ---- data ---- */

enum receive { RECV_OK, RECV_GONE, RECV_TOO_BIG, RECV_NO_SPACE };

/*
 * Reads up to the end of data into the spool file. After an error of ours the
 * rest is read and dropped, so that the reply meets a client that listens.
 */
static enum receive
receive_data(struct session *s, uint64_t max, bool *bare)
{
	struct smtp_data d = {0};
	enum receive rc = RECV_OK;
	struct buf chunk;
	struct err e;

	buf_init(&chunk, SPOOL_CHUNK + 2 * sizeof(s->conn.in));
	while (!d.done) {
		struct span in = conn_block(&s->conn, DATA_TIMEOUT_MS);

		if (in.n == 0) {
			rc = RECV_GONE;
			break;
		}
		conn_consume(&s->conn, smtp_data_feed(&d, in, &chunk));
		if (chunk.n < SPOOL_CHUNK && !d.done)
			continue;
		if (rc == RECV_OK && s->m.spool.size + chunk.n > max)
			rc = RECV_TOO_BIG;
		if (rc == RECV_OK &&
		    spool_write(&s->m.spool, buf_span(&chunk), &e) != 0) {
			log_error("%s", e.text);
			rc = RECV_NO_SPACE;
		}
		buf_reset(&chunk);
	}
	buf_free(&chunk);
	*bare = d.bare;
	return rc;
}

/*
 * Bare CR or LF inside the data: what is checked must be what is sent, and a
 * bare one never passes out. Written anew with CRLF (what readers that take
 * any of them for a line end see).
 */
static int
normalise_lines(struct session *s, struct err *e)
{
	struct spool_file f;
	struct span raw;
	struct buf b;
	int rc;

	if (spool_map(&s->m.spool, &raw, e) != 0 ||
	    spool_open(&f, s->w->paths->active, e) != 0)
		return -1;
	buf_init(&b, 2 * raw.n + 2);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\r' || raw.p[i] == '\n') {
			buf_put(&b, "\r\n", 2);
			if (raw.p[i] == '\r' && i + 1 < raw.n &&
			    raw.p[i + 1] == '\n')
				i++;
		} else {
			buf_putc(&b, raw.p[i]);
		}
	}
	rc = spool_write(&f, buf_span(&b), e);
	buf_free(&b);
	spool_close(&s->m.spool);
	s->m.spool = f;
	return rc;
}

/* Behind a Received field at the top: before the queue Postfix puts one there
 * that tells the second, and so differs each time that the mail comes. */
static struct span
behind_received(struct span s)
{
	size_t end = 0;

	if (!span_iprefix(s, "Received:"))
		return s;
	do
		end = span_chr(s, end, '\n') + 1;
	while (end < s.n && (s.p[end] == ' ' || s.p[end] == '\t'));
	return span_sub(s, end, s.n);
}

static void
message_key(struct message *m)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	struct span s;

	if (*m->env.queue_id != '\0') {
		snprintf(m->key, sizeof(m->key), "%s", m->env.queue_id);
		snprintf(m->store_key, sizeof(m->store_key), "%s", m->key);
		return;
	}
	s = behind_received(m->raw);
	SHA256(s.p, s.n, md);
	for (int i = 0; i < KEY_BYTES; i++)
		snprintf(m->key + 2 * i, 3, "%02x", md[i]);
	/* A retry is found again; the same bytes sent on purpose on another
	 * day are another mail. */
	snprintf(m->store_key, sizeof(m->store_key), "%s.%lld", m->key,
	    (long long)(m->arrived_us / DAY_US));
}

static void
reply_outcomes(struct session *s)
{
	struct message *m = &s->m;
	size_t pick = 0;

	if (s->lmtp) {
		for (size_t i = 0; i < m->env.nrcpt; i++)
			say(s, m->outcome[i].reply.code,
			    m->outcome[i].reply.text);
		return;
	}
	/* One reply for all (RFC 5321). together.c defers all or none; what it
	 * refused beside a success is told to the sender in another way. */
	for (size_t i = 0; i < m->env.nrcpt; i++)
		if (m->outcome[i].reply.code < 300) {
			pick = i;
			break;
		}
	say(s, m->outcome[pick].reply.code, m->outcome[pick].reply.text);
}

static void
data_failed(struct session *s, int code, const char *text)
{
	if (s->lmtp)
		for (size_t i = 0; i < s->m.env.nrcpt; i++)
			say(s, code, text);
	else
		say(s, code, text);
}

/* Everything after the end of data. */
static void
process(struct session *s, int64_t began, bool bare)
{
	struct message *m = &s->m;
	int64_t timeout;
	struct err e;

	if (bare && normalise_lines(s, &e) != 0) {
		data_failed(s, 452, "4.3.1 no space in the filter's spool");
		return;
	}
	if (bare)
		log_info("bare CR or LF in the message: written as CRLF");
	if (spool_map(&m->spool, &m->raw, &e) != 0) {
		log_error("%s", e.text);
		data_failed(s, 451, "4.3.0 filter: cannot read its spool file");
		return;
	}
	m->us_receive = (clock_mono_ms() - began) * 1000;
	m->outcome = arena_array(&m->arena, m->env.nrcpt,
	    sizeof(*m->outcome));
	if (m->outcome == NULL) {
		data_failed(s, 452, "4.3.1 too many recipients for the memory "
		    "of one mail");
		return;
	}
	message_key(m);
	m->one_reply = !s->lmtp;
	timeout = config_int(s->w->config, "mail", "filter-timeout");
	m->deadline_ms = clock_mono_ms() + 1000 * timeout;
	alarm((unsigned)timeout);
	m->wants_score = s->w->rules != NULL &&
	    (ruleset_needs(s->w->rules, m->env.dir) & NEED_SPAM) != 0;
	m->parked = parent_begin(&s->w->link, m->key, m->wants_score,
	    s->w->ticket);
	if (m->parked)
		commit_hold(s->w, m, QUAR_POISON,
		    "a worker died of this message twice");
	else
		filter_message(s->w, m);
	/* Nobody is ever told yes because nothing was decided for him. */
	outcome_all(m, RESULT_DEFERRED, 451, "4.3.0 filter: no decision");
	if (!record_end(s->w, m))
		/* A discard must be on record before it is confirmed. (With
		 * one reply for all it is, since before anything was sent.) */
		for (size_t i = 0; i < m->env.nrcpt; i++)
			if (m->outcome[i].result == RESULT_BLOCKED &&
			    m->outcome[i].reply.code < 300 && s->lmtp) {
				m->outcome[i].result = RESULT_DEFERRED;
				smtp_reply_set(&m->outcome[i].reply, 451,
				    "4.3.0 event file cannot be written");
			}
	log_release();
	reply_outcomes(s);
	(void)conn_flush(&s->conn);
	alarm(0);
}

/* False: the client went away, or stalled, in its data. What may still come
 * from it is a piece of a mail and must not be read as commands. */
static bool
cmd_data(struct session *s)
{
	bool go_on = true;
	struct message *m = &s->m;
	uint64_t max = 2 * (uint64_t)config_int(s->w->config, "mail",
	    "maxsize");
	int64_t began = clock_mono_ms();
	char prefix[40];
	struct err e;
	bool bare;

	if (!s->in_mail || m->env.nrcpt == 0) {
		say(s, 503, "5.5.1 RCPT first");
		return true;
	}
	if (!spool_has_room(s->w->paths->active, max) ||
	    spool_open(&m->spool, s->w->paths->active, &e) != 0) {
		say(s, 452, "4.3.1 no space in the filter's spool");
		message_reset(s);
		forward_reset(s);
		return true;
	}
	message_logid(m);
	snprintf(prefix, sizeof(prefix), "%s: ", m->logid);
	log_set_prefix(prefix);
	say(s, 354, "End data with <CR><LF>.<CR><LF>");
	if (conn_flush(&s->conn)) {
		switch (receive_data(s, max, &bare)) {
		case RECV_OK:
			process(s, began, bare);
			break;
		case RECV_GONE:
			log_info("client gone, or silent for %d s, in its data",
			    DATA_TIMEOUT_MS / 1000);
			go_on = false;
			break;
		case RECV_TOO_BIG:
			data_failed(s, 552,
			    "5.3.4 message exceeds mail.maxsize");
			break;
		case RECV_NO_SPACE:
			data_failed(s, 452,
			    "4.3.1 no space in the filter's spool");
			break;
		}
	}
	log_set_prefix("");
	message_reset(s);
	forward_reset(s);
	return go_on;
}

/* False: the session is over. */
static bool
command(struct session *s, struct span line)
{
	struct span args;
	enum smtp_verb verb = smtp_verb(line, &args);

	switch (verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
	case SMTP_LHLO:
		cmd_hello(s, verb);
		return true;
	case SMTP_XFORWARD:
		cmd_xforward(s, args);
		return true;
	case SMTP_MAIL:
		cmd_mail(s, args);
		return true;
	case SMTP_RCPT:
		cmd_rcpt(s, args);
		return true;
	case SMTP_DATA:
		return cmd_data(s);
	case SMTP_RSET:
		message_reset(s);
		forward_reset(s);
		say(s, 250, "2.0.0 Ok");
		return true;
	case SMTP_NOOP:
		say(s, 250, "2.0.0 Ok");
		return true;
	case SMTP_QUIT:
		say(s, 221, "2.0.0 Bye");
		return false;
	case SMTP_VRFY:
		say(s, 252, "2.5.2 Send some mail, I'll try my best");
		return true;
	case SMTP_BAD:
		break;
	}
	say(s, 500, "5.5.2 command not known");
	return ++s->bad < BAD_COMMANDS_MAX;
}

void
session_run(struct worker *w, int fd, enum direction dir)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct span line;
	char greeting[320];
	enum conn_line rc;

	s->w = w;
	s->dir = dir;
	conn_init(&s->conn, fd);
	arena_init(&s->forward_arena, 64 * 1024);
	message_init(s);
	forward_reset(s);
	worker_refresh_settings(w);	/* EHLO tells the SIZE */
	s->fresh = true;
	snprintf(greeting, sizeof(greeting), "%s ESMTP LMTP pmgd", w->host);
	say(s, 220, greeting);
	while ((rc = conn_line(&s->conn, &line, COMMAND_TIMEOUT_MS)) ==
	    CONN_LINE)
		if (!command(s, line))
			break;
	if (rc == CONN_BAD)
		say(s, 500, "5.5.2 command line too long, or with a bare CR, LF "
		    "or NUL (RFC 5321 2.3.8)");
	else if (rc == CONN_TIMEOUT || rc == CONN_STOP)
		say(s, 421, rc == CONN_STOP ? "4.3.2 shutting down"
		                            : "4.4.2 timed out");
	(void)conn_flush(&s->conn);
	message_reset(s);
	arena_free(&s->forward_arena);
	conn_free(&s->conn);
	free(s);
}
