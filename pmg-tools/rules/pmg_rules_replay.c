#include "pmg_rules_replay.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/recorded.h"
#include "lib/store/event.h"
#include "pmg_rules_fate.h"
#include "pmg_rules_load.h"

enum {
	EXIT_SAME = 0, EXIT_CHANGED = 1, EXIT_IMPOSSIBLE = 2, EXIT_WRONG = 64,
	LAST_DEFAULT = 1000,
	LAST_MAX = 1000000,
	ARENA_MAX = 64 << 20,
	SUBJECT_SHOWN = 60,
	TEXT_SHOWN = 200,
	LINE_BYTES = 1 << 20,
};

static const char usage_text[] =
    "usage: pmg rules replay [--draft | --version N] [--against N] [--last N]\n"
    "                        [-o text|json]\n"
    "What the draft (or version N) would have done with the last messages,\n"
    "other than the live rules (or version --against).\n";

struct replay {
	struct rules_target after, before;	/* before live: rules.active */
	size_t last;
	bool json;
	struct directory *directory;	/* LDAP as it is now */
	const struct userlist *lists;	/* as they are now; NULL = none */
	/* what is found */
	struct buf *recorded;	/* ring of `last` */
	size_t nrecorded;	/* read in all */
	size_t judged, changed, unreadable;
	size_t unknown[5];	/* by need, see needs[] */
	json_t *list;
};

static const struct {
	unsigned bit;
	const char *what;
} needs[] = {
	{NEED_SPAM, "spam level"},
	{NEED_VIRUS, "virus scan"},
	{NEED_CONTENT, "contents in every reading"},
	{NEED_ARCHIVE, "contents of archives"},
	{NEED_LIMITS, "limits of the scanner"},
};

static int
usage(const char *why, const char *what)
{
	if (why != NULL)
		fprintf(stderr, "pmg rules replay: %s %s\n", why, what);
	fputs(usage_text, stderr);
	return EXIT_WRONG;
}

/* ---- the recorded messages ---- */

/* The last ones; older ones are read and dropped. */
static int
read_recorded(struct replay *r, const struct paths *p, struct err *e)
{
	struct event_reader *in = event_reader_open(p->recent, NULL, e);
	struct err damage;
	uint64_t seq;
	int rc;

	if (in == NULL)
		return -1;
	r->recorded = xcalloc(r->last, sizeof(*r->recorded));
	for (;;) {
		struct buf *b = &r->recorded[r->nrecorded % r->last];

		if (b->max == 0)
			buf_init(b, RECORDED_MAX);
		rc = event_read(in, b, &seq, &damage);
		if (rc == 0)
			break;
		if (rc < 0)
			log_warn("%s", damage.text);
		else
			r->nrecorded++;
	}
	event_reader_close(in);
	return 0;
}

/* ---- one message ---- */

static const char *
subject_of(const struct facts *f, struct arena *a)
{
	const struct mime_field *field = mime_field_find(f->mime->part[0],
	    "Subject");

	return field != NULL ? mime_field_text(field, a) : "";
}

static void
note_unknown(struct replay *r, unsigned missing)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		r->unknown[i] += (missing & needs[i].bit) != 0;
}

static json_t *
text(const char *s)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_SHOWN};
	json_t *j = json_string(s);

	if (j != NULL)
		return j;
	log_safe(&b, span_str(s), TEXT_SHOWN);
	return json_string(buf_cstr(&b));
}

/* The recipients for whom it is not the same, NULL = none. */
static json_t *
changes(const struct plan *before, const struct plan *after,
    const struct facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->env->nrcpt; i++) {
		json_t *b = fate_of(before, f, i), *a = fate_of(after, f, i);

		if (fate_same(b, a)) {
			json_decref(b);
			json_decref(a);
			continue;
		}
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}",
		    "recipient", text(f->env->rcpt[i].addr), "before", b,
		    "after", a));
	}
	if (json_array_size(list) > 0)
		return list;
	json_decref(list);
	return NULL;
}

static int
judge(struct replay *r, const struct ruleset *before,
    const struct ruleset *after, struct span bytes, struct arena *a)
{
	struct recorded m;
	struct plan *pb, *pa;
	unsigned missing;
	json_t *list;

	if (recorded_get(bytes, &m, a) != 0)
		return -1;
	m.facts.directory = r->directory;
	userlist_apply(r->lists, &m.facts, a);
	pb = rules_evaluate(before, &m.facts, a);
	pa = rules_evaluate(after, &m.facts, a);
	if (pb == NULL || pa == NULL)
		return -1;
	missing = (ruleset_needs(before, m.env.dir) |
	    ruleset_needs(after, m.env.dir)) & ~m.known;
	note_unknown(r, missing);
	r->judged++;
	list = changes(pb, pa, &m.facts);
	if (list == NULL)
		return 0;
	r->changed++;
	json_array_append_new(r->list, json_pack(
	    "{s:s, s:I, s:s, s:o, s:o, s:b, s:o}", "logid", m.env.logid,
	    "time", (json_int_t)m.facts.time,
	    "direction", m.env.dir == DIR_IN ? "in" : "out",
	    "sender", text(m.env.sender),
	    "subject", text(subject_of(&m.facts, a)),
	    "complete", missing == 0, "recipients", list));
	return 0;
}

static void
judge_all(struct replay *r, const struct ruleset *before,
    const struct ruleset *after)
{
	size_t n = r->nrecorded < r->last ? r->nrecorded : r->last;

	r->list = json_array();
	for (size_t i = r->nrecorded - n; i < r->nrecorded; i++) {
		struct arena a;

		arena_init(&a, ARENA_MAX);
		if (judge(r, before, after,
		        buf_span(&r->recorded[i % r->last]), &a) != 0)
			r->unreadable++;
		arena_free(&a);
	}
}

/* ---- output ---- */

static void
print_time(struct buf *b, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char s[64] = "";

	if (localtime_r(&t, &tm) != NULL)
		strftime(s, sizeof(s), "%Y-%m-%d %H:%M", &tm);
	buf_puts(b, s);
}

static const char *
string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void
print_change(struct buf *b, const json_t *m)
{
	const json_t *list = json_object_get(m, "recipients");

	print_time(b, json_integer_value(json_object_get(m, "time")));
	buf_printf(b, "  %s  %s%s\n    <", string_of(m, "logid"),
	    string_of(m, "direction"),
	    json_is_false(json_object_get(m, "complete")) ?
	    "  (not everything is known about it)" : "");
	log_safe(b, span_str(string_of(m, "sender")), TEXT_SHOWN);
	buf_puts(b, ">  ");
	log_safe(b, span_str(string_of(m, "subject")), SUBJECT_SHOWN);
	buf_putc(b, '\n');
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		buf_puts(b, "    to <");
		log_safe(b, span_str(string_of(one, "recipient")), TEXT_SHOWN);
		buf_puts(b, ">\n      before: ");
		fate_print(b, json_object_get(one, "before"));
		buf_puts(b, "\n      after:  ");
		fate_print(b, json_object_get(one, "after"));
		buf_putc(b, '\n');
	}
}

static void
print_text(const struct replay *r)
{
	AUTO_BUF struct buf b = {.max = SIZE_MAX / 2};

	for (size_t i = 0; i < json_array_size(r->list); i++)
		print_change(&b, json_array_get(r->list, i));
	buf_printf(&b, "%s%zu of the last %zu messages would have changed.\n",
	    r->changed > 0 ? "\n" : "", r->changed, r->judged);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (r->unknown[i] > 0)
			buf_printf(&b, "For %zu of them the rules ask for what "
			    "was not looked at then: %s.\n", r->unknown[i],
			    needs[i].what);
	if (r->unreadable > 0)
		buf_printf(&b, "%zu records cannot be read: damaged, or "
		    "written by another version.\n", r->unreadable);
	if (r->nrecorded == 0)
		buf_puts(&b, "No message is recorded (admin.replaysize).\n");
	fputs(buf_cstr(&b), stdout);
}

static void
print_json(const struct replay *r)
{
	json_t *unknown = json_object(), *o;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		json_object_set_new(unknown, needs[i].what,
		    json_integer((json_int_t)r->unknown[i]));
	o = json_pack("{s:I, s:I, s:I, s:o, s:O}",
	    "messages", (json_int_t)r->judged,
	    "changed", (json_int_t)r->changed,
	    "unreadable", (json_int_t)r->unreadable,
	    "unknown", unknown, "list", r->list);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

/* ---- the command ---- */

static bool
parse_version(const char *arg, struct rules_target *t)
{
	int64_t n;

	if (!str_num(span_str(arg), 1, INT64_MAX, &n))
		return false;
	*t = (struct rules_target){RULES_VERSION, (uint64_t)n};
	return true;
}

static int
apply_option(struct replay *r, int c, const char *arg)
{
	int64_t n;

	switch (c) {
	case 'd':
		r->after = (struct rules_target){RULES_DRAFT, 0};
		return 0;
	case 'v':
		return parse_version(arg, &r->after) ? 0 :
		    usage("not a version:", arg);
	case 'a':
		return parse_version(arg, &r->before) ? 0 :
		    usage("not a version:", arg);
	case 'l':
		if (!str_num(span_str(arg), 1, LAST_MAX, &n))
			return usage("not a number of messages:", arg);
		r->last = (size_t)n;
		return 0;
	case 'o':
		r->json = strcmp(arg, "json") == 0;
		return r->json || strcmp(arg, "text") == 0 ? 0 :
		    usage("no output format:", arg);
	default:
		return usage(NULL, NULL);
	}
}

static struct ruleset *
load(const struct paths *p, struct rules_target t, struct err *e)
{
	return t.where == RULES_LIVE ? rules_load_active(p, e)
	                             : rules_load_target(p, t, e);
}

static int
run(struct replay *r, const struct paths *p)
{
	struct ruleset *before = NULL, *after = NULL;
	struct userlist *lists = NULL;
	struct err e = {""};
	int rc = EXIT_IMPOSSIBLE;

	before = load(p, r->before, &e);
	if (before != NULL)
		after = load(p, r->after, &e);
	if (after == NULL || read_recorded(r, p, &e) != 0) {
		fprintf(stderr, "pmg rules replay: %s\n", e.text);
		goto out;
	}
	r->directory = rules_load_directory(p);
	r->lists = lists = rules_load_lists(p, &e);
	judge_all(r, before, after);
	directory_free(r->directory);
	if (r->json)
		print_json(r);
	else
		print_text(r);
	rc = r->changed > 0 ? EXIT_CHANGED : EXIT_SAME;
out:
	userlist_free(lists);
	ruleset_free(before);
	ruleset_free(after);
	return rc;
}

static void
replay_free(struct replay *r)
{
	for (size_t i = 0; r->recorded != NULL && i < r->last; i++)
		buf_free(&r->recorded[i]);
	free(r->recorded);
	json_decref(r->list);
}

int
pmg_rules_replay(int argc, char **argv, const struct paths *p)
{
	static const struct option longs[] = {
		{"draft", no_argument, NULL, 'd'},
		{"version", required_argument, NULL, 'v'},
		{"against", required_argument, NULL, 'a'},
		{"last", required_argument, NULL, 'l'},
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	struct replay r = {.last = LAST_DEFAULT};
	int c, rc;

	r.after.where = RULES_DRAFT;
	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1)
		if (apply_option(&r, c, optarg) != 0)
			return EXIT_WRONG;
	if (optind != argc)
		return usage("takes no argument:", argv[optind]);
	rc = run(&r, p);
	replay_free(&r);
	return rc;
}
