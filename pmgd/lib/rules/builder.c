/* Collecting groups and rules, checking them, compiling them. */
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/base/zone.h"
#include "lib/rules/ruleset.h"
#include "lib/rules/snapshot.h"

enum {
	NAME_BYTES_MAX = 1024,
	GROUPS_MAX = 1000000,
	QUOTE_MAX = 100,	/* bytes of a pattern quoted in a message */
};

struct built_rule {
	struct rule r;			/* group[] not used */
	uint32_t *group[CAT_COUNT];
};

struct ruleset_builder {
	struct object_group *group;
	size_t ngroup, group_cap;
	struct built_rule *rule;
	size_t nrule, rule_cap;
};

struct ruleset_builder *
ruleset_builder_new(void)
{
	return xcalloc(1, sizeof(struct ruleset_builder));
}

static void *
grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? 2 * *cap : 16;
	return xrealloc(p, *cap, size);
}

static void
free_text(const char *s)
{
	free((void *)(uintptr_t)s);
}

static void
group_free(struct object_group *g)
{
	for (size_t i = 0; i < g->nobject; i++) {
		free_text(g->object[i].value);
		free_text(g->object[i].value2);
		free_text(g->object[i].value3);
	}
	free(g->object);
	free_text(g->name);
	free_text(g->info);
}

void
ruleset_builder_free(struct ruleset_builder *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->ngroup; i++)
		group_free(&b->group[i]);
	for (size_t i = 0; i < b->nrule; i++) {
		free_text(b->rule[i].r.name);
		for (int cat = 0; cat < CAT_COUNT; cat++)
			free(b->rule[i].group[cat]);
	}
	free(b->group);
	free(b->rule);
	free(b);
}

static char *
copy_text(const char *s)
{
	return xstrdup(s != NULL ? s : "");
}

static void
copy_group(struct object_group *to, const struct object_group *from)
{
	*to = *from;
	to->name = copy_text(from->name);
	to->info = copy_text(from->info);
	to->object = xcalloc(from->nobject, sizeof(*to->object));
	for (size_t i = 0; i < from->nobject; i++) {
		to->object[i] = from->object[i];
		to->object[i].value = copy_text(from->object[i].value);
		to->object[i].value2 = copy_text(from->object[i].value2);
		to->object[i].value3 = copy_text(from->object[i].value3);
	}
}

static int
pattern_error(const struct object_group *g, const struct object *o,
    const char *text, const struct err *why, struct err *e)
{
	return err_set(e, "group \"%.*s\": %s \"%.*s\" cannot be used: %s",
	    QUOTE_MAX, g->name, object_type_name(o->type), QUOTE_MAX, text,
	    why->text);
}

static int
check_zone(const struct object_group *g, const struct object *o, struct err *e)
{
	AUTO_BUF struct buf tzif = {.max = ZONE_BYTES_MAX};
	struct err why = {""};

	if (object_zone(o)[0] == '\0' ||
	    zone_read(object_zone(o), &tzif, &why) == 0)
		return 0;
	return err_set(e, "group \"%.*s\": %s", QUOTE_MAX, g->name, why.text);
}

static int
check_object(const struct object_group *g, const struct object *o,
    struct err *e)
{
	struct pattern p = object_pattern(o);
	struct err why = {""};

	if (object_check(o, &why) != 0)
		return err_set(e, "group \"%.*s\": %s", QUOTE_MAX, g->name,
		    why.text);
	if (object_category(o->type) != g->cat)
		return err_set(e, "group \"%.*s\": %s does not belong into "
		    "this kind of group", QUOTE_MAX, g->name,
		    object_type_name(o->type));
	if (object_pattern_kind(o->type) >= 0 && pattern_check(&p, &why) != 0)
		return pattern_error(g, o, p.text, &why, e);
	return check_zone(g, o, e);
}

static int
check_group(const struct object_group *g, struct err *e)
{
	if (g->name[0] == '\0' || strlen(g->name) > NAME_BYTES_MAX)
		return err_set(e, "a group's name must have 1 to %d bytes",
		    NAME_BYTES_MAX);
	if (g->cat == CAT_TO || (unsigned)g->cat >= CAT_COUNT)
		return err_set(e, "group \"%.*s\": bad category %d",
		    QUOTE_MAX, g->name, (int)g->cat);
	if ((unsigned)g->mode >= MATCH_MODE_COUNT)
		return err_set(e, "group \"%.*s\": bad mode %d", QUOTE_MAX,
		    g->name, (int)g->mode);
	for (size_t i = 0; i < g->nobject; i++)
		if (check_object(g, &g->object[i], e) != 0)
			return -1;
	return 0;
}

int
ruleset_builder_group(struct ruleset_builder *b, const struct object_group *g,
    struct err *e)
{
	struct object_group copy;

	if (b->ngroup >= GROUPS_MAX)
		return err_set(e, "more than %d groups", GROUPS_MAX);
	copy_group(&copy, g);
	if (check_group(&copy, e) != 0) {
		group_free(&copy);
		return -1;
	}
	b->group = grow(b->group, b->ngroup, &b->group_cap, sizeof(copy));
	b->group[b->ngroup] = copy;
	return (int)b->ngroup++;
}

/* Copies the indices, each once, and checks them. */
static int
copy_indices(const struct ruleset_builder *b, struct built_rule *br,
    enum category cat, const int *index, size_t n, struct err *e)
{
	enum category want = cat == CAT_TO ? CAT_FROM : cat;
	uint32_t *to = br->group[cat] = xcalloc(n, sizeof(*to));
	size_t k, count = 0;

	for (size_t i = 0; i < n; i++) {
		if (index[i] < 0 || (size_t)index[i] >= b->ngroup ||
		    b->group[index[i]].cat != want)
			return err_set(e, "rule \"%.*s\": group %d cannot "
			    "stand there", QUOTE_MAX, br->r.name, index[i]);
		for (k = 0; k < count && to[k] != (uint32_t)index[i]; k++)
			;
		if (k == count)
			to[count++] = (uint32_t)index[i];
	}
	br->r.ngroup[cat] = count;
	return 0;
}

static int
check_rule(const struct ruleset_builder *b, const struct built_rule *br,
    struct err *e)
{
	const struct rule *r = &br->r;
	size_t nactions = 0;

	if (r->name[0] == '\0' || strlen(r->name) > NAME_BYTES_MAX)
		return err_set(e, "a rule's name must have 1 to %d bytes",
		    NAME_BYTES_MAX);
	if (r->priority < 0 || r->priority > RULE_PRIORITY_MAX)
		return err_set(e, "rule \"%.*s\": the priority must be from 0 "
		    "to %d", QUOTE_MAX, r->name, RULE_PRIORITY_MAX);
	if ((unsigned)r->dir > RULE_BOTH)
		return err_set(e, "rule \"%.*s\": bad direction %d",
		    QUOTE_MAX, r->name, (int)r->dir);
	for (int cat = 0; cat < CAT_COUNT; cat++)
		if ((unsigned)r->mode[cat] >= MATCH_MODE_COUNT)
			return err_set(e, "rule \"%.*s\": bad mode %d",
			    QUOTE_MAX, r->name, (int)r->mode[cat]);
	for (size_t i = 0; i < r->ngroup[CAT_ACTION]; i++)
		nactions += b->group[br->group[CAT_ACTION][i]].nobject;
	if (nactions > RULE_ACTIONS_MAX)
		return err_set(e, "rule \"%.*s\": more than %d actions",
		    QUOTE_MAX, r->name, RULE_ACTIONS_MAX);
	return 0;
}

int
ruleset_builder_rule(struct ruleset_builder *b, const struct rule *r,
    const int *group[CAT_COUNT], const size_t ngroup[CAT_COUNT],
    struct err *e)
{
	struct built_rule br = {.r = {.id = r->id,
		.name = copy_text(r->name), .priority = r->priority,
		.active = r->active, .dir = r->dir}};
	int rc = 0;

	memcpy(br.r.mode, r->mode, sizeof(br.r.mode));
	for (int cat = 0; cat < CAT_COUNT && rc == 0; cat++)
		rc = copy_indices(b, &br, (enum category)cat, group[cat],
		    ngroup[cat], e);
	if (rc == 0)
		rc = check_rule(b, &br, e);
	if (rc == 0) {
		b->rule = grow(b->rule, b->nrule, &b->rule_cap, sizeof(br));
		b->rule[b->nrule++] = br;
		return 0;
	}
	free_text(br.r.name);
	for (int cat = 0; cat < CAT_COUNT; cat++)
		free(br.group[cat]);
	return -1;
}

/* The objects with a pattern of one kind, in the order of the groups. */
static size_t
collect(const struct ruleset_builder *b, int kind, struct object_ref *ref,
    struct pattern *pattern)
{
	size_t n = 0;

	for (size_t g = 0; g < b->ngroup; g++)
		for (size_t i = 0; i < b->group[g].nobject; i++) {
			const struct object *o = &b->group[g].object[i];

			if (object_pattern_kind(o->type) != kind)
				continue;
			if (ref != NULL) {
				ref[n] = (struct object_ref){(uint32_t)g,
					(uint32_t)i};
				pattern[n] = object_pattern(o);
			}
			n++;
		}
	return n;
}

static int
compile_error(const struct ruleset_builder *b, const struct object_ref *ref,
    size_t bad, size_t n, const struct err *why, struct err *e)
{
	const struct object_group *g;
	const struct object *o;

	if (bad >= n)
		return err_set(e, "%zu patterns together: %s", n, why->text);
	g = &b->group[ref[bad].group];
	o = &g->object[ref[bad].object];
	return pattern_error(g, o, object_pattern(o).text, why, e);
}

static int
put_patterns(const struct ruleset_builder *b, int kind, struct buf *out,
    struct err *e)
{
	size_t n = collect(b, kind, NULL, NULL), bad = n;
	AUTO_FREE struct object_ref *ref = xcalloc(n, sizeof(*ref));
	AUTO_FREE struct pattern *pattern = xcalloc(n, sizeof(*pattern));
	AUTO_BUF struct buf set = {.max = SNAPSHOT_BYTES_MAX};
	struct err why = {""};

	collect(b, kind, ref, pattern);
	if (n > 0 && pattern_compile(pattern, n, &set, &bad, &why) != 0)
		return compile_error(b, ref, bad, n, &why, e);
	buf_u32(out, (uint32_t)(8 * n));
	for (size_t i = 0; i < n; i++) {
		buf_u32(out, ref[i].group);
		buf_u32(out, ref[i].object);
	}
	buf_lp(out, buf_span(&set));
	if (set.overflow)
		out->overflow = true;
	return 0;
}

static bool
is_among(const struct buf *zones, const char *name)
{
	struct cursor c = cur_of(buf_span(zones));

	while (cur_left(&c) > 0) {
		struct span have = cur_lp(&c);

		if (span_eq(have, span_of(name, strlen(name) + 1)))
			return true;
		cur_lp(&c);
	}
	return false;
}

static int
put_zone(const struct object_group *g, const char *name, struct buf *zones,
    struct err *e)
{
	AUTO_BUF struct buf tzif = {.max = ZONE_BYTES_MAX};
	struct err why = {""};

	if (name[0] == '\0' || is_among(zones, name))
		return 0;
	if (zone_read(name, &tzif, &why) != 0)
		return err_set(e, "group \"%.*s\": %s", QUOTE_MAX, g->name,
		    why.text);
	buf_lp(zones, span_of(name, strlen(name) + 1));
	buf_lp(zones, buf_span(&tzif));
	return 0;
}

/* The zones go along: workers look at no files, and a new version of the
 * system's list counts from the next compilation on. */
static int
put_zones(const struct ruleset_builder *b, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf zones = {.max = SNAPSHOT_BYTES_MAX};

	for (size_t g = 0; g < b->ngroup; g++)
		for (size_t i = 0; b->group[g].cat == CAT_WHEN &&
		    i < b->group[g].nobject; i++)
			if (put_zone(&b->group[g],
			    object_zone(&b->group[g].object[i]), &zones,
			    e) != 0)
				return -1;
	buf_lp(out, buf_span(&zones));
	return 0;
}

static void
put_contents(const struct ruleset_builder *b, struct buf *text)
{
	buf_u32(text, (uint32_t)b->ngroup);
	for (size_t i = 0; i < b->ngroup; i++)
		snapshot_put_group(text, &b->group[i]);
	buf_u32(text, (uint32_t)b->nrule);
	for (size_t i = 0; i < b->nrule; i++)
		snapshot_put_rule(text, &b->rule[i].r,
		    (const uint32_t *const *)b->rule[i].group);
}

int
ruleset_compile(struct ruleset_builder *b, uint64_t version,
    struct buf *snapshot, struct err *e)
{
	AUTO_BUF struct buf text = {.max = SNAPSHOT_BYTES_MAX};
	AUTO_BUF struct buf out = {.max = SNAPSHOT_BYTES_MAX};

	put_contents(b, &text);
	snapshot_put_header(&out, version);
	buf_lp(&out, buf_span(&text));
	if (put_zones(b, &out, e) != 0)
		return -1;
	for (int kind = 0; kind < PAT_COUNT; kind++)
		if (put_patterns(b, kind, &out, e) != 0)
			return -1;
	if (!text.overflow && !out.overflow) {
		snapshot_seal(out.p, out.n);
		buf_puts_span(snapshot, buf_span(&out));
	}
	if (text.overflow || out.overflow || snapshot->overflow)
		return err_set(e, "the compiled rules are too large");
	return 0;
}
