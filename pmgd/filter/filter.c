/*
 * The pipeline (doc/ARCHITECTURE.md, "Way of a mail"): straight-line, one
 * message, nothing is told to anybody before commit.
 */
#include "filter/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "filter/hooks.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum {
	NOTES_MAX = 64,
	/* Notices and bounces, all of a message's together: the client waits
	 * while they are sent. */
	NOTICES_MS = 10 * 1000,
};

void
message_note(struct message *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (m->note == NULL)
		m->note = arena_array(&m->arena, NOTES_MAX, sizeof(*m->note));
	if (m->note == NULL || m->nnote == NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->note[m->nnote] = arena_strdup(&m->arena, text);
	if (m->note[m->nnote] != NULL)
		m->nnote++;
}

static const char *
field_text(struct message *m, const char *name)
{
	const struct mime_field *f = mime_field_find(m->mime->part[0], name);

	return f ? mime_field_text(f, &m->arena) : "";
}

/*
 * Without a queue id a message that comes again is known by its bytes. When
 * nothing in them is its own, those of the next alert of a device are the same:
 * rather delivered twice than taken for a repetition and never.
 */
static void
name_nameless(struct message *m)
{
	if (*m->env.queue_id == '\0' && *m->message_id == '\0' &&
	    mime_field_find(m->mime->part[0], "Date") == NULL)
		snprintf(m->store_key, sizeof(m->store_key), "%s", m->logid);
}

static void
log_new_mail(const struct message *m)
{
	AUTO_BUF struct buf b = {.max = 4096};

	log_safe(&b, span_str(m->message_id), 500);
	log_info("new mail message-id=%s size=%zu", buf_cstr(&b), m->raw.n);
}

static void
parse(struct message *m, const char *quarantine)
{
	int64_t began = clock_mono_us();

	m->mime = mime_parse(m->raw, &mime_limits_default, &m->arena);
	hook(m, "crash");
	hook(m, "hang");
	hook_escape(m, quarantine);
	m->subject = field_text(m, "Subject");
	m->message_id = field_text(m, "Message-ID");
	m->from = field_text(m, "From");
	name_nameless(m);
	m->us_parse = clock_mono_us() - began;
	log_new_mail(m);
}

static void
plan(struct worker *w, struct message *m)
{
	int64_t began = clock_mono_us();
	time_t at = (time_t)(m->arrived_us / 1000000);
	struct facts *f = &m->facts;
	struct tm tm;

	f->env = &m->env;
	f->directory = w->directory;
	f->virus = m->scanned && m->scan.result == SCAN_VIRUS ? m->scan.name
	                                                      : NULL;
	f->spam_known = m->score.state == SCORE_SCORED;
	f->spam_level = m->spam_level;
	localtime_r(&at, &tm);
	f->size = m->raw.n;
	f->time = at;
	f->minute_of_day = tm.tm_hour * 60 + tm.tm_min;
	f->weekday = (tm.tm_wday + 6) % 7;	/* 0 = Monday */
	m->broken = f->ambiguous &&
	    config_bool(w->config, "mail", "accept-broken-mime");
	f->ambiguous = f->ambiguous && !m->broken;
	m->rules = w->rules;
	if ((ruleset_needs(w->rules, m->env.dir) & NEED_SPAM) != 0)
		m->listed = userlist_apply(w->lists, f, &m->arena);
	m->plan = rules_evaluate(w->rules, f, &m->arena);
	m->us_rules = clock_mono_us() - began;
}

void
filter_message(struct worker *w, struct message *m)
{
	int64_t began = clock_mono_us(), commit;
	bool prepared;
	struct err e;

	parse(m, w->paths->quarantine);
	if (w->rules == NULL) {
		outcome_all(m, RESULT_DEFERRED, 451,
		    "4.3.0 no rules loaded yet (pmgd-store)");
		return;
	}
	if (!checks_run(w, m))
		return;
	plan(w, m);
	commit = clock_mono_us();
	prepared = m->plan != NULL && !arena_full(&m->arena) &&
	    prepare_copies(w, m, &e) == 0;
	/* A full arena also means that an edit may be missing. */
	if (m->plan == NULL || arena_full(&m->arena)) {
		outcome_all(m, RESULT_DEFERRED, 451,
		    "4.3.0 message needs more memory than allowed");
		parent_strike(&w->link);
	} else if (!prepared) {
		log_error("%s", e.text);
		outcome_all(m, RESULT_DEFERRED, 452,
		    "4.3.1 no space in the filter's spool");
	} else {
		commit_plan(w, m);
		hook(m, "die-after-reinject");
		m->notices_by_ms = clock_mono_ms() + NOTICES_MS;
		bounce_blocked(w, m);
		notices_send(w, m);
	}
	m->us_commit = clock_mono_us() - commit;
	m->us_total = clock_mono_us() - began;
	log_info("processing time: %.3f seconds (%.3f, %.3f, 0)",
	    (double)m->us_total / 1e6, (double)m->us_spam / 1e6,
	    (double)m->us_virus / 1e6);
}
