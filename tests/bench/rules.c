/*
 * What rules cost: rules [-m MODES] RULES OBJECTS PATTERNS SECONDS FILE ...
 *		rules -n RULES OBJECTS PATTERNS
 *
 * Makes a rule set (always the same for the same figures): RULES rules, OBJECTS
 * who-objects in their groups (half addresses, a quarter domains, a quarter
 * networks) and PATTERNS expressions in what-objects. -m: per cent of groups
 * and categories with another mode than "any". All files are read and parsed
 * first; then only rules_evaluate() is timed, CPU of this thread. -n: compile
 * and load only. Prints
 *
 *	compile-ms load-ms snapshot-bytes mails us-a-mail worst-mail-us matches
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules.h"

enum {
	INPUT_MAX = 256 << 20,
	ARENA_MAX = 64 << 20,
	NRCPT = 2,
	PER_WHO_GROUP = 20,		/* objects, at most RULES groups */
	PER_WHAT_GROUP = 5,
	MAX_GROUPS = 1 << 16,
};

static struct err e;
static uint64_t seed = 1;
static unsigned modes;

/* Knuth's MMIX generator: the same on every machine. */
static size_t
below(size_t n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (size_t)(seed >> 33) % n;
}

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "rules: %s: %s\n", what, e.text);
	exit(1);
}

static enum match_mode
some_mode(void)
{
	return below(100) < modes ? (enum match_mode)(1 + below(3)) : MATCH_ANY;
}

/* ---- the rule set ---- */

struct pool {
	int index[MAX_GROUPS];
	size_t n;
};
static struct pool who, when, what, action;

static struct object
who_object(size_t i)
{
	struct object o = {.value2 = "", .value3 = ""};

	switch (i % 4) {
	case 0:
		o.type = WHO_DOMAIN;
		o.value = xasprintf("d%zu.example", i);
		o.flags = i % 8 == 0 ? OBJ_SUBDOMAINS : 0;
		break;
	case 1:
		o.type = WHO_NETWORK;
		o.value = xasprintf("%zu.%zu.%zu.0/%d", 1 + i / 65536 % 223,
		    i / 256 % 256, i % 256, i % 3 == 0 ? 22 : 24);
		break;
	default:
		o.type = WHO_EMAIL;
		o.value = xasprintf("user%zu@d%zu.example", i, i % 5000);
		break;
	}
	return o;
}

static struct object
what_object(size_t i)
{
	static const char *const words[] = {"invoice", "offer", "urgent",
		"winner", "account", "meeting", "report", "price"};
	struct object o = {.value = "", .value2 = "", .value3 = ""};
	const char *word = words[i % 8];

	switch (i % 4) {
	case 0:
		o.type = WHAT_FILENAME;
		o.value = xasprintf(".*%s%zu.*\\.(exe|scr|p[iy]f)", word, i);
		break;
	case 1:
		o.type = WHAT_CONTENT_TYPE;
		o.value = xasprintf("application/x-%s%zu", word, i);
		break;
	default:
		o.type = WHAT_FIELD;
		o.value = "Subject";
		o.value2 = xasprintf("%s +[0-9]{%zu,}.*%zu", word, 1 + i % 5,
		    i);
		break;
	}
	return o;
}

static void
add_group(struct ruleset_builder *b, struct pool *p, enum category cat,
    struct object *o, size_t n)
{
	struct object_group g = {.id = (uint32_t)(p->n + 1), .name = "group",
		.info = "", .cat = cat, .object = o, .nobject = n,
		.mode = cat == CAT_ACTION ? MATCH_ANY : some_mode()};
	int index = ruleset_builder_group(b, &g, &e);

	if (index < 0 || p->n == MAX_GROUPS)
		give_up("group");
	p->index[p->n++] = index;
}

/* count objects in groups of per each. */
static void
add_groups(struct ruleset_builder *b, struct pool *p, enum category cat,
    size_t count, size_t per, struct object (*make)(size_t))
{
	struct object *o = xcalloc(count + 1, sizeof(*o));

	for (size_t i = 0; i < count; i++)
		o[i] = make(i);
	for (size_t i = 0; i < count; i += per)
		add_group(b, p, cat, o + i, count - i < per ? count - i : per);
}

static void
add_others(struct ruleset_builder *b)
{
	struct object virus = {.type = WHAT_VIRUS, .value = "", .value2 = "",
		.value3 = ""};
	struct object frame = {.type = WHEN_TIMEFRAME, .value = "UTC",
		.value2 = "", .value3 = "", .number = 480, .number2 = 960};
	struct object o = {.value = "", .value2 = "", .value3 = ""};

	add_group(b, &what, CAT_WHAT, &virus, 1);
	for (int level = 3; level <= 10; level++) {
		o.type = WHAT_SPAM;
		o.number = level;
		add_group(b, &what, CAT_WHAT, &o, 1);
	}
	add_group(b, &when, CAT_WHEN, &frame, 1);
	frame.value = "Europe/Berlin";
	frame.flags = OBJ_WEEKDAYS & ~(OBJ_MONDAY * 3u);
	add_group(b, &when, CAT_WHEN, &frame, 1);
	o = (struct object){.type = ACTION_FIELD, .value = "X-Rule",
		.value2 = "yes", .value3 = ""};
	add_group(b, &action, CAT_ACTION, &o, 1);
	o.type = ACTION_QUARANTINE;
	o.value = o.value2 = "";
	add_group(b, &action, CAT_ACTION, &o, 1);
}

static size_t
some_of(const struct pool *p, int *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = p->index[below(p->n)];
	return p->n > 0 ? n : 0;
}

static void
add_rule(struct ruleset_builder *b, size_t i)
{
	int index[CAT_COUNT][3];
	const int *list[CAT_COUNT];
	size_t n[CAT_COUNT];
	struct rule r = {.id = (uint32_t)i, .name = "rule", .active = true,
		.priority = (int)below(101), .dir = RULE_BOTH};

	n[CAT_FROM] = some_of(&who, index[CAT_FROM], below(3));
	n[CAT_TO] = some_of(&who, index[CAT_TO], below(2));
	n[CAT_WHEN] = some_of(&when, index[CAT_WHEN], below(8) == 0);
	n[CAT_WHAT] = some_of(&what, index[CAT_WHAT], 1 + below(2));
	n[CAT_ACTION] = some_of(&action, index[CAT_ACTION], 1);
	for (int c = 0; c < CAT_COUNT; c++) {
		list[c] = index[c];
		r.mode[c] = some_mode();
	}
	if (ruleset_builder_rule(b, &r, list, n, &e) != 0)
		give_up("rule");
}

static struct ruleset *
make_rules(size_t nrule, size_t nobject, size_t npattern)
{
	struct ruleset_builder *b = ruleset_builder_new();
	size_t per = nobject / (nrule + 1) + 1;
	struct buf snapshot = {.max = SIZE_MAX / 2};
	double began = cpu_seconds(), compiled;
	struct ruleset *rs;

	add_groups(b, &who, CAT_FROM, nobject,
	    per > PER_WHO_GROUP ? per : PER_WHO_GROUP, who_object);
	add_groups(b, &what, CAT_WHAT, npattern, PER_WHAT_GROUP, what_object);
	add_others(b);
	for (size_t i = 1; i <= nrule; i++)
		add_rule(b, i);
	if (ruleset_compile(b, 1, &snapshot, &e) != 0)
		give_up("compile");
	ruleset_builder_free(b);
	compiled = cpu_seconds();
	rs = ruleset_load(buf_span(&snapshot), &e);
	if (rs == NULL)
		give_up("load");
	printf("%.1f %.1f %zu", (compiled - began) * 1e3,
	    (cpu_seconds() - compiled) * 1e3, snapshot.n);
	buf_free(&snapshot);
	return rs;
}

/* ---- the mails ---- */

struct mail {
	struct envelope env;
	struct recipient rcpt[NRCPT];
	struct facts f;
};

static void
read_mail(struct mail *m, const char *path, size_t nobject)
{
	struct arena *a = xcalloc(1, sizeof(*a));
	struct buf *raw = xcalloc(1, sizeof(*raw));
	struct buf bytes;
	struct content_list list;

	arena_init(a, ARENA_MAX);
	buf_init(raw, INPUT_MAX);
	buf_init(&bytes, INPUT_MAX);
	if (file_read(path, raw, &e) != 0)
		give_up("mail");
	for (int i = 0; i < NRCPT; i++)
		m->rcpt[i].addr = xasprintf("user%zu@d%zu.example",
		    below(nobject + 1), below(5000));
	m->env = (struct envelope){.dir = DIR_IN, .rcpt = m->rcpt,
		.nrcpt = NRCPT,
		.sender = xasprintf("user%zu@mail.d%zu.example",
		    below(2 * nobject + 1), below(2 * nobject + 1)),
		.client_addr = xasprintf("%zu.%zu.%zu.%zu", 1 + below(223),
		    below(256), below(256), below(256))};
	m->f = (struct facts){.env = &m->env, .size = raw->n,
		.mime = mime_parse(buf_span(raw), &mime_limits_default, a),
		.spam_known = true, .spam_level = (int)below(8),
		.time = 1700000000 + (int64_t)below(1 << 24)};
	list = content_of(m->f.mime, &bytes, a);
	if (!facts_from_content(&m->f, &list, buf_span(&bytes), a))
		give_up(path);
	buf_free(&bytes);
}

static void
evaluate_all(const struct ruleset *rs, struct mail *m, size_t n,
    double seconds)
{
	double began = cpu_seconds(), spent = 0, last = began, worst = 0;
	size_t done = 0, matches = 0;

	while (spent < seconds)
		for (size_t i = 0; i < n; i++, done++) {
			struct arena a;
			struct plan *p;
			double now;

			arena_init(&a, ARENA_MAX);
			p = rules_evaluate(rs, &m[i].f, &a);
			if (p == NULL)
				give_up("arena");
			matches += p->nmatch;
			arena_free(&a);
			now = cpu_seconds();
			spent = now - began;
			/* The first pass fills the caches. */
			if (done >= n && now - last > worst)
				worst = now - last;
			last = now;
		}
	printf(" %zu %.2f %.1f %.2f\n", n, spent * 1e6 / (double)done,
	    worst * 1e6, (double)matches / (double)done);
}

int
main(int argc, char **argv)
{
	bool load_only = false;
	struct ruleset *rs;
	struct mail *mail;
	size_t n, nobject;
	int c;

	while ((c = getopt(argc, argv, "nm:")) != -1) {
		if (c == 'n')
			load_only = true;
		else if (c == 'm')
			modes = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	argv += optind;
	argc -= optind;
	if (argc < (load_only ? 3 : 5))
		return 2;
	nobject = strtoul(argv[1], NULL, 10);
	rs = make_rules(strtoul(argv[0], NULL, 10), nobject,
	    strtoul(argv[2], NULL, 10));
	n = load_only ? 0 : (size_t)argc - 4;
	mail = xcalloc(n + 1, sizeof(*mail));
	for (size_t i = 0; i < n; i++)
		read_mail(&mail[i], argv[4 + i], nobject);
	if (load_only)
		putchar('\n');
	else
		evaluate_all(rs, mail, n, strtod(argv[3], NULL));
	ruleset_free(rs);
	return 0;
}
