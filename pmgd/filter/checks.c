/*
 * Virus scan and spam score at the same time: one poll() over the scanner's
 * socket, the parent's answer about a place at spamd, and spamd's socket.
 * A virus ends the question to spamd.
 */
#include "filter/filter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "filter/inside.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/proto/filter.h"
#include "lib/proto/store.h"

enum {
	SCAN_CONNECT_MS = 10 * 1000,
	SCAN_GRACE_MS = 15 * 1000,	/* over the scanner's own limit */
	TIMEOUT_MARGIN_MS = 2000,	/* before mail.filter-timeout ends us */
};

enum spam_phase { SPAM_OFF, SPAM_WAITING, SPAM_ASKING };

struct checks {
	struct worker *w;
	struct message *m;
	int scan_fd;			/* -1 = no scan under way */
	int64_t scan_deadline, spam_deadline;
	enum spam_phase phase;
	struct score_job *job;
	int64_t began;
};

/* Never past mail.filter-timeout, whose alarm would make a guilty mail of a
 * scanner or a spamd that hangs. */
static int64_t
deadline_in(const struct message *m, int64_t ms)
{
	int64_t wanted = clock_mono_ms() + ms;
	int64_t last = m->deadline_ms - TIMEOUT_MARGIN_MS;

	return wanted < last ? wanted : last;
}

static void
score_unchecked(struct checks *c, const char *why)
{
	c->m->score.state = SCORE_UNCHECKED;
	c->m->score.detail = arena_strdup(&c->m->arena, why);
	log_warn("not scored: %s", why);
}

/* Ends the spam check; how: enum slot_end for the place at spamd. */
static void
spam_end(struct checks *c, int how)
{
	score_free(c->job);
	c->job = NULL;
	c->phase = SPAM_OFF;
	c->w->ticket++;
	parent_slot_end(&c->w->link, how);
	c->m->us_spam = clock_mono_us() - c->began;
}

static void
spam_step(struct checks *c)
{
	struct score r = {.state = SCORE_UNCHECKED};
	struct err e;
	int rc = score_step(c->job, &r, &c->m->arena, &e);

	if (rc == 0)
		return;
	if (rc < 0) {
		score_unchecked(c, e.text);
		spam_end(c, SLOT_FAILED);
		return;
	}
	c->m->score = r;
	spam_end(c, SLOT_ANSWERED);
}

static void
spam_start(struct checks *c)
{
	const struct config *cfg = c->w->config;
	struct err e;

	switch (parent_slot_answer(&c->w->link, c->w->ticket)) {
	case -1:
		return;
	case 0:
		score_unchecked(c, "spamd does not answer (circuit open)");
		spam_end(c, SLOT_UNUSED);
		return;
	}
	c->job = score_start(c->w->paths->spamd, &c->m->env, c->m->mime,
	    (uint64_t)config_int(cfg, "spam", "maxspamsize"), &e);
	if (c->job == NULL) {
		score_unchecked(c, e.text);
		spam_end(c, SLOT_FAILED);
		return;
	}
	c->phase = SPAM_ASKING;
	c->spam_deadline = deadline_in(c->m,
	    1000 * config_int(cfg, "spam", "spamd_timeout"));
	spam_step(c);
}

static void
scan_start(struct checks *c, const struct inside_objects *o)
{
	struct scan_request r = {.logid = c->m->logid, .size = c->m->raw.n,
	    .object = o->object, .nobject = o->n};
	const int fds[] = {c->m->spool.fd, o->file.fd};
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct err e;

	c->scan_fd = ipc_connect(c->w->paths->scan, SCAN_CONNECT_MS, &e);
	if (c->scan_fd >= 0) {
		scan_request_put(&b, &r);
		if (ipc_send(c->scan_fd, SCAN_MSG_REQUEST, buf_span(&b),
		        fds, o->n > 0 ? 2 : 1, SCAN_CONNECT_MS, &e) == 0)
			return;
		close(c->scan_fd);
		c->scan_fd = -1;
	}
	c->m->scan = (struct scan_reply){.result = SCAN_FAILED, .name = "",
	    .heuristics = "", .detail = arena_strdup(&c->m->arena, e.text)};
}

static void
scan_end(struct checks *c)
{
	close(c->scan_fd);
	c->scan_fd = -1;
	c->m->us_virus = clock_mono_us() - c->began;
}

static void
scan_step(struct checks *c)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct message *m = c->m;
	struct ipc_msg msg;
	struct err e;
	int rc = ipc_recv(c->scan_fd, &msg, &b, 0, &e);

	if (rc == 1)
		ipc_close_fds(&msg);
	if (rc == 1 && msg.type == SCAN_MSG_UNKNOWN) {
		m->scan = (struct scan_reply){.result = SCAN_NOT_READY,
		    .name = "", .heuristics = "",
		    .detail = "pmgd-scan is of another version than pmgd: "
		        "restart both"};
	} else if (rc == 1) {
		if (msg.type != SCAN_MSG_REPLY ||
		    scan_reply_get(msg.body, &m->scan, &m->arena) != 0)
			fatal("pmgd-scan broke the protocol");
		m->scanned = m->scan.result == SCAN_CLEAN ||
		    m->scan.result == SCAN_VIRUS ||
		    m->scan.result == SCAN_HEURISTIC;
		if (m->scan.result == SCAN_TIMEOUT)
			parent_strike(&c->w->link);
	} else {
		m->scan = (struct scan_reply){.result = SCAN_FAILED,
		    .name = "", .heuristics = "",
		    .detail = "the scanner died of this message"};
		log_error("%s", m->scan.detail);
		parent_strike(&c->w->link);
	}
	scan_end(c);
}

static void
check_deadlines(struct checks *c)
{
	int64_t now = clock_mono_ms();

	if (c->scan_fd >= 0 && now >= c->scan_deadline) {
		c->m->scan = (struct scan_reply){.result = SCAN_TIMEOUT,
		    .name = "", .heuristics = "",
		    .detail = "no answer from the virus scanner in time"};
		log_error("%s", c->m->scan.detail);
		parent_strike(&c->w->link);
		scan_end(c);
	}
	if (c->phase != SPAM_OFF && now >= c->spam_deadline) {
		score_unchecked(c, c->phase == SPAM_ASKING
		        ? "spamd gave no answer within spam.spamd_timeout"
		        : "no place at spamd within spam.spamd_timeout");
		spam_end(c, c->phase == SPAM_ASKING ? SLOT_FAILED
		                                    : SLOT_UNUSED);
	}
	if (c->phase != SPAM_OFF && c->m->scanned &&
	    c->m->scan.result == SCAN_VIRUS) {
		c->m->score.detail = "virus found";
		spam_end(c, SLOT_UNUSED);
	}
}

static void
checks_loop(struct checks *c)
{
	while (c->scan_fd >= 0 || c->phase != SPAM_OFF) {
		struct pollfd p[3] = {
		    {.fd = c->scan_fd, .events = POLLIN},
		    {.fd = c->phase == SPAM_WAITING ? c->w->link.fd : -1,
		        .events = POLLIN},
		    {.fd = c->job ? score_fd(c->job) : -1,
		        .events = c->job ? score_events(c->job) : 0},
		};
		int64_t until = c->scan_fd >= 0 ? c->scan_deadline
		                                : c->spam_deadline;

		if (c->phase != SPAM_OFF && c->spam_deadline < until)
			until = c->spam_deadline;
		if (poll(p, 3, clock_left_ms(until)) < 0 && errno != EINTR)
			fatal("poll: %s", strerror(errno));
		if (c->scan_fd >= 0 && p[0].revents != 0)
			scan_step(c);
		if (c->phase == SPAM_WAITING && p[1].revents != 0)
			spam_start(c);
		else if (c->phase == SPAM_ASKING && p[2].revents != 0)
			spam_step(c);
		check_deadlines(c);
	}
}

/* A virus scan that has no result: the setting decides. False: defer. */
static bool
virus_policy(struct worker *w, struct message *m)
{
	const char *policy = config_str(w->config, "mail", "av_failure");

	if (m->scanned)
		return true;
	if (strcmp(policy, "accept") == 0) {
		m->unchecked = "av";
		return true;
	}
	log_warn("not scanned for viruses: %s", m->scan.detail);
	if (strcmp(policy, "quarantine") == 0) {
		m->unchecked = "av";
		commit_hold(w, m, QUAR_VIRUS, "not scanned for viruses");
		return false;
	}
	if (m->scan.result == SCAN_NOT_READY)
		outcome_all(m, RESULT_DEFERRED, 451,
		    "4.3.2 virus database not ready");
	else
		outcome_all(m, RESULT_DEFERRED, 451,
		    "4.3.0 virus scan failed");
	return false;
}

static bool
spam_policy(struct worker *w, struct message *m)
{
	if (m->score.state != SCORE_UNCHECKED)
		return true;
	if (strcmp(config_str(w->config, "mail", "spam_failure"), "defer") ==
	    0) {
		outcome_all(m, RESULT_DEFERRED, 451,
		    "4.3.0 spam check failed");
		return false;
	}
	m->unchecked = *m->unchecked ? "av,spam" : "spam";
	return true;
}

/* Integer part, negative counts as 0; a heuristic hit of the virus scanner
 * adds its configured score. */
static void
spam_level(struct worker *w, struct message *m)
{
	int64_t milli = m->score.state == SCORE_SCORED ? m->score.milli : 0;

	if (m->scanned && m->scan.result == SCAN_HEURISTIC) {
		milli += 1000 * config_int(w->config, "spam",
		    "clamav_heuristic_score");
		log_info("virus scanner: heuristic %s", m->scan.heuristics);
	}
	m->spam_level = milli > 0 ? (int)(milli / 1000) : 0;
	if (m->score.state == SCORE_SCORED)
		log_info("SA score=%d/5 time=%.3f bayes=%s autolearn=%s",
		    m->spam_level, (double)m->us_spam / 1e6,
		    *m->score.bayes ? m->score.bayes : "undefined",
		    *m->score.autolearn ? m->score.autolearn : "no");
}

/* Decodes what is inside and hands it to the scanner. -1: no space. */
static int
contents_start(struct checks *c, unsigned needs, bool scan)
{
	struct inside_objects o;
	struct err e;
	int rc = inside_prepare(c->w, c->m, needs, &o, &e);

	if (rc != 0)
		log_error("%s", e.text);
	else if (scan)
		scan_start(c, &o);
	inside_close(&o);
	return rc;
}

static void
contents_failed(struct worker *w, struct message *m)
{
	if (!arena_full(&m->arena)) {
		outcome_all(m, RESULT_DEFERRED, 452,
		    "4.3.1 no space in the filter's spool");
		return;
	}
	outcome_all(m, RESULT_DEFERRED, 451,
	    "4.3.0 message needs more memory than allowed");
	parent_strike(&w->link);
}

bool
checks_run(struct worker *w, struct message *m)
{
	unsigned needs = ruleset_needs(w->rules, m->env.dir);
	struct checks c = {.w = w, .m = m, .scan_fd = -1,
	    .began = clock_mono_us()};
	bool scan = needs != 0 && config_bool(w->config, "admin", "clamav");
	int rc;

	m->score = (struct score){.state = SCORE_SKIPPED, .bayes = "",
	    .autolearn = "", .detail = "no active rule needs it"};
	m->scan = (struct scan_reply){.result = SCAN_CLEAN, .name = "",
	    .heuristics = "", .detail = "no active rule needs it"};
	c.scan_deadline = deadline_in(m, SCAN_GRACE_MS +
	    1000 * config_int(w->config, "clamav", "scantime"));
	c.spam_deadline = deadline_in(m,
	    1000 * config_int(w->config, "spam", "spamd_timeout"));
	rc = contents_start(&c, needs, scan);
	if (m->wants_score)	/* asked for when the message began */
		c.phase = SPAM_WAITING;
	checks_loop(&c);
	if (rc != 0) {
		contents_failed(w, m);
		return false;
	}
	inside_finish(m);
	log_hold();	/* until the reply; nothing more is waited for long */
	if (scan && !virus_policy(w, m))
		return false;
	if (!spam_policy(w, m))
		return false;
	spam_level(w, m);
	return true;
}
