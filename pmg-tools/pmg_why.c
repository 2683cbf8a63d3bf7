/*
 * pmg why ID: what happened to a message and why, from the event records of
 * pmgd. Records come from another program and may be of another version:
 * every key may be missing, and every text may be hostile.
 */
#include "pmg.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/store/event.h"

enum { RECORD_MAX = 1024 * 1024, SHOWN_MAX = 2000 };

static const char *
get(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* Text of a record on its way to a terminal. */
static void
put_safe(const char *s)
{
	struct buf b;

	buf_init(&b, 5 * SHOWN_MAX);
	log_safe(&b, span_str(s), SHOWN_MAX);
	fputs(buf_cstr(&b), stdout);
	buf_free(&b);
}

static void
line(const char *label, const char *value)
{
	if (*value == '\0')
		return;
	printf("%-11s ", label);
	put_safe(value);
	putchar('\n');
}

static void
show_head(const json_t *o)
{
	const json_t *c = json_object_get(o, "client");
	bool out = strcmp(get(o, "dir"), "out") == 0;
	time_t t = (time_t)json_number_value(json_object_get(o, "time"));
	struct tm tm;
	char when[64] = "";

	if (t != 0 && localtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
	line("message", get(o, "logid"));
	line("time", when);
	line("direction", out ? "outgoing" : "incoming");
	line("queue id", get(o, "queue_id"));
	line("sender", json_object_get(o, "sender") != NULL &&
	    *get(o, "sender") == '\0' ? "<> (a bounce or notification)"
	    : get(o, "sender"));
	line("from", get(o, "from"));
	line("subject", get(o, "subject"));
	line("message-id", get(o, "message_id"));
	if (json_object_get(o, "size") != NULL)
		printf("%-11s %" JSON_INTEGER_FORMAT " bytes\n", "size",
		    json_integer_value(json_object_get(o, "size")));
	if (c != NULL) {
		printf("%-11s ", "client");
		put_safe(*get(c, "name") ? get(c, "name") : "unknown");
		printf(" [");
		put_safe(get(c, "addr"));
		printf("] HELO ");
		put_safe(get(c, "helo"));
		putchar('\n');
	}
	if (json_is_true(json_object_get(o, "parked")))
		line("parked", "quarantined unread: it crashed the filter "
		    "before");
}

static void
show_list(const char *label, const json_t *list)
{
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x)
		if (json_is_string(x))
			line(label, json_string_value(x));
}

static void
show_virus(const json_t *v)
{
	static const char *const words[][2] = {
		{"clean", "none found"}, {"found", "found:"},
		{"heuristic", "none, but suspicious:"},
		{"unchecked", "NOT CHECKED:"}, {"skipped", "not looked for"},
	};
	const char *state = get(v, "state"), *text = state;

	if (*state == '\0')
		return;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(state, words[i][0]) == 0)
			text = words[i][1];
	printf("%-11s ", "virus");
	put_safe(text);
	for (size_t i = 0; i < 3; i++) {
		static const char *const key[] = {"name", "heuristics",
		    "detail"};
		const char *s = get(v, key[i]);

		if (*s == '\0' || (i == 1 && strcmp(s, get(v, "name")) == 0))
			continue;
		putchar(' ');
		put_safe(s);
	}
	putchar('\n');
}

static void
show_spam(const json_t *s)
{
	const char *state = get(s, "state");
	const json_t *hits = json_object_get(s, "hits"), *hit;
	size_t i;

	if (*state == '\0')
		return;
	if (strcmp(state, "scored") != 0) {
		printf("%-11s %s ", "spam", strcmp(state, "unchecked") == 0
		    ? "NOT CHECKED:" : "not scored");
		put_safe(get(s, "detail"));
		putchar('\n');
	} else {
		printf("%-11s score %.6g, level %" JSON_INTEGER_FORMAT, "spam",
		    json_number_value(json_object_get(s, "score")),
		    json_integer_value(json_object_get(s, "level")));
		if (*get(s, "bayes") != '\0') {
			printf(", Bayes ");
			put_safe(get(s, "bayes"));
		}
		putchar('\n');
	}
	json_array_foreach(hits, i, hit) {
		printf("%-11s %8.3f  ", "", json_number_value(
		    json_object_get(hit, "score")));
		put_safe(get(hit, "name"));
		putchar('\n');
	}
}

static void
show_why(const json_t *why)
{
	static const char *const key[][2] = {
		{"from", "from"}, {"to", "to"}, {"when", "time"},
		{"what", "content"},
	};
	const char *glue = ", because ";

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		const char *s = get(why, key[i][0]);

		if (*s == '\0')
			continue;
		printf("%s%s matches \"", glue, key[i][1]);
		put_safe(s);
		putchar('"');
		glue = " and ";
	}
}

static void
show_matches(const json_t *list)
{
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m) {
		printf("%-11s \"", "rule");
		put_safe(get(m, "rule"));
		printf("\" (priority %" JSON_INTEGER_FORMAT ")",
		    json_integer_value(json_object_get(m, "priority")));
		show_why(json_object_get(m, "why"));
		putchar('\n');
	}
	if (list != NULL && json_array_size(list) == 0)
		line("rule", "none matched");
}

static void
show_detail(const char *before, const char *s)
{
	if (*s == '\0')
		return;
	fputs(before, stdout);
	put_safe(s);
}

/* The user list that decided about the spam rules. */
static void
show_listed(const json_t *l)
{
	const char *owner = get(l, "owner");

	if (!json_is_object(l))
		return;
	fputs(strcmp(get(l, "verdict"), "allow") == 0
	    ? ", sender allowed by the list of "
	    : ", sender blocked by the list of ", stdout);
	put_safe(*owner != '\0' ? owner : "all");
	show_detail(": ", get(l, "entry"));
}

static void
show_recipients(const json_t *o)
{
	const json_t *list = json_object_get(o, "recipients"), *r;
	json_int_t all = json_integer_value(json_object_get(o, "nrecipients"));
	size_t i;

	json_array_foreach(list, i, r) {
		printf("%-11s ", "recipient");
		put_safe(get(r, "addr"));
		show_detail(": ", get(r, "result"));
		if (strcmp(get(r, "rule"), "default-accept") == 0)
			fputs(" because no rule decided", stdout);
		else
			show_detail(" by rule ", get(r, "rule"));
		show_listed(json_object_get(r, "list"));
		show_detail(", quarantine id ", get(r, "quarantine_id"));
		show_detail(", queued as ", get(r, "queue_id"));
		show_detail(", reply: ", get(r, "reply"));
		putchar('\n');
	}
	if (all > (json_int_t)json_array_size(list))
		printf("%-11s and %" JSON_INTEGER_FORMAT " more\n", "",
		    all - (json_int_t)json_array_size(list));
}

static void
show_timing(json_t *us)
{
	const char *key;
	json_t *v;

	if (!json_is_object(us))
		return;
	printf("%-11s", "took (ms)");
	json_object_foreach(us, key, v) {
		putchar(' ');
		put_safe(key);
		printf(" %.1f", json_number_value(v) / 1000);
	}
	putchar('\n');
}

static void
show(const json_t *o)
{
	show_head(o);
	show_list("defect", json_object_get(o, "defects"));
	show_virus(json_object_get(o, "virus"));
	show_spam(json_object_get(o, "spam"));
	line("unchecked", get(o, "unchecked"));
	show_matches(json_object_get(o, "matches"));
	show_list("changed", json_object_get(o, "edits"));
	show_list("notified", json_object_get(o, "notices"));
	show_list("note", json_object_get(o, "notes"));
	show_recipients(o);
	show_timing(json_object_get(o, "us"));
}

static bool
about(const json_t *o, const char *id)
{
	const json_t *list = json_object_get(o, "recipients"), *r;
	size_t i;

	if (strcmp(get(o, "logid"), id) == 0 ||
	    strcmp(get(o, "queue_id"), id) == 0)
		return true;
	json_array_foreach(list, i, r)
		if (strcmp(get(r, "queue_id"), id) == 0 ||
		    strcmp(get(r, "quarantine_id"), id) == 0)
			return true;
	return false;
}

/* Prints the record in payload when it is about id; number of records shown. */
static unsigned
consider(const struct pmg *p, struct span payload, const char *id,
    unsigned before)
{
	json_t *o;

	/* Parsing is the expensive part: most records do not have the id. */
	if (span_find(payload, 0, span_str(id)) == SIZE_MAX)
		return 0;
	o = json_loadb((const char *)payload.p, payload.n, 0, NULL);
	if (o == NULL || !about(o, id)) {
		json_decref(o);
		return 0;
	}
	if (before > 0)
		putchar('\n');
	if (p->json) {
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show(o);
	}
	json_decref(o);
	return 1;
}

int
pmg_why(const struct pmg *p, const char *id)
{
	struct event_reader *r;
	struct buf payload;
	struct err e;
	unsigned found = 0;
	uint64_t seq;
	int rc;

	if (*id == '\0' || access(p->paths.events, R_OK | X_OK) != 0) {
		fprintf(stderr, "pmg: %s cannot be read: run this command as "
		    "root; before the first message it does not exist\n",
		    p->paths.events);
		return 2;
	}
	r = event_reader_open(p->paths.events, NULL, &e);
	if (r == NULL) {
		fprintf(stderr, "pmg: %s\n", e.text);
		return 2;
	}
	buf_init(&payload, RECORD_MAX);
	/* A damaged record costs itself, not those behind it. */
	while ((rc = event_read(r, &payload, &seq, &e)) != 0) {
		if (rc < 0)
			fprintf(stderr, "pmg: %s\n", e.text);
		else
			found += consider(p, buf_span(&payload), id, found);
	}
	event_reader_close(r);
	buf_free(&payload);
	if (found > 0)
		return 0;
	fprintf(stderr, "pmg: no message has the log id, queue id or "
	    "quarantine id \"%s\"\n", id);
	return 1;
}
