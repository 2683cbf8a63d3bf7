/* Reading a snapshot: bytes in, ruleset out, or the reason why not. */
#include <stdlib.h>
#include "lib/base/xalloc.h"
#include "lib/rules/ruleset.h"
#include "lib/rules/snapshot.h"

enum {
	/* Memory that one byte of text can ask for at most (a group index of
	 * 4 bytes becomes a pointer, an object of 39 bytes a struct and an
	 * entry of the address index). */
	MEMORY_PER_BYTE = 16,
	MEMORY_BASE = 4 << 20,
	/* In the snapshot, with empty texts and lists. */
	OBJECT_BYTES_MIN = 39,
	GROUP_BYTES_MIN = 20,
	RULE_BYTES_MIN = 37,
	ZONE_BYTES_MIN = 2 * 44,	/* its two headers */
};

/* The sticky error of the cursor stands for every kind of damage. */
struct load {
	struct cursor c;
	struct ruleset *rs;
};

static bool
damaged(struct load *l)
{
	l->c.bad = true;
	return false;
}

/* An array whose elements take at least min bytes each in the snapshot. */
static void *
take_array(struct load *l, uint32_t count, size_t min, size_t size)
{
	void *p = NULL;

	if (count <= cur_left(&l->c) / min)
		p = arena_array(&l->rs->mem, count, size);
	if (p == NULL)
		damaged(l);
	return p;
}

static const char *
take_text(struct load *l)
{
	struct span s = cur_lp(&l->c);

	if (s.n == 0 || span_chr(s, 0, '\0') != s.n - 1) {
		damaged(l);
		return "";
	}
	return (const char *)s.p;
}

static void
take_object(struct load *l, struct object *o, enum category cat)
{
	o->type = (enum object_type)cur_u32(&l->c);
	o->value = take_text(l);
	o->value2 = take_text(l);
	o->value3 = take_text(l);
	o->number = (int64_t)cur_u64(&l->c);
	o->number2 = (int64_t)cur_u64(&l->c);
	o->flags = cur_u32(&l->c);
	if (!cur_ok(&l->c) || object_check(o, NULL) != 0 ||
	    object_category(o->type) != cat)
		damaged(l);
}

static enum match_mode
take_mode(struct load *l)
{
	uint8_t mode = cur_u8(&l->c);

	if (mode >= MATCH_MODE_COUNT)
		damaged(l);
	return (enum match_mode)mode;
}

static void
take_group(struct load *l, struct object_group *g)
{
	uint32_t n;

	g->id = cur_u32(&l->c);
	g->name = take_text(l);
	g->info = take_text(l);
	g->cat = (enum category)cur_u8(&l->c);
	g->mode = take_mode(l);
	n = cur_u32(&l->c);
	g->object = take_array(l, n, OBJECT_BYTES_MIN, sizeof(*g->object));
	g->nobject = cur_ok(&l->c) ? n : 0;
	for (size_t i = 0; i < g->nobject && cur_ok(&l->c); i++)
		take_object(l, &g->object[i], g->cat);
}

static void
take_rule_groups(struct load *l, struct rule *r, enum category cat)
{
	enum category want = cat == CAT_TO ? CAT_FROM : cat;
	uint32_t n, index;

	r->mode[cat] = take_mode(l);
	n = cur_u32(&l->c);
	r->group[cat] = take_array(l, n, 4, sizeof(*r->group[cat]));
	for (size_t i = 0; i < n && cur_ok(&l->c); i++) {
		index = cur_u32(&l->c);
		if (index >= l->rs->ngroup || l->rs->group[index].cat != want)
			damaged(l);
		else
			r->group[cat][i] = &l->rs->group[index];
	}
	r->ngroup[cat] = cur_ok(&l->c) ? n : 0;
}

static void
take_rule(struct load *l, struct rule *r)
{
	size_t nactions = 0;
	uint8_t dir;

	r->id = cur_u32(&l->c);
	r->name = take_text(l);
	r->priority = cur_u8(&l->c);
	r->active = cur_u8(&l->c) != 0;
	dir = cur_u8(&l->c);
	r->dir = (enum rule_dir)dir;
	if (r->priority > RULE_PRIORITY_MAX || dir > RULE_BOTH)
		damaged(l);
	for (int cat = 0; cat < CAT_COUNT; cat++)
		take_rule_groups(l, r, (enum category)cat);
	for (size_t i = 0; i < r->ngroup[CAT_ACTION]; i++)
		nactions += r->group[CAT_ACTION][i]->nobject;
	if (nactions > RULE_ACTIONS_MAX)
		damaged(l);
}

/* Higher priority first, then the higher id, then as written. */
static int
rule_order(const void *va, const void *vb)
{
	const struct rule *a = *(const struct rule *const *)va;
	const struct rule *b = *(const struct rule *const *)vb;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->id != b->id)
		return a->id > b->id ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void
take_rules(struct load *l)
{
	struct ruleset *rs = l->rs;
	uint32_t n = cur_u32(&l->c);
	struct rule *rule = take_array(l, n, RULE_BYTES_MIN, sizeof(*rule));

	rs->rule = take_array(l, n, RULE_BYTES_MIN, sizeof(*rs->rule));
	for (size_t i = 0; i < n && cur_ok(&l->c); i++) {
		take_rule(l, &rule[i]);
		rs->rule[i] = &rule[i];
	}
	if (!cur_ok(&l->c))
		return;
	rs->nrule = n;
	qsort(rs->rule, n, sizeof(*rs->rule), rule_order);
}

static bool
take_contents(struct load *l)
{
	struct ruleset *rs = l->rs;
	uint32_t n = cur_u32(&l->c);

	rs->group = take_array(l, n, GROUP_BYTES_MIN, sizeof(*rs->group));
	for (size_t i = 0; i < n && cur_ok(&l->c); i++) {
		take_group(l, &rs->group[i]);
		rs->ngroup = i + 1;
	}
	if (cur_ok(&l->c))
		take_rules(l);
	return cur_done(&l->c);
}

const struct zone *
ruleset_zone(const struct ruleset *rs, const char *name)
{
	for (size_t i = 0; i < rs->nzone; i++)
		if (strcmp(rs->zone[i].name, name) == 0)
			return &rs->zone[i].zone;
	return NULL;
}

/* Each zone that some object names must be there. */
static bool
has_zones(const struct ruleset *rs)
{
	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; rs->group[g].cat == CAT_WHEN &&
		    i < rs->group[g].nobject; i++) {
			const char *name =
			    object_zone(&rs->group[g].object[i]);

			if (name[0] != '\0' && ruleset_zone(rs, name) == NULL)
				return false;
		}
	return true;
}

static bool
take_zones(struct ruleset *rs, struct span bytes)
{
	struct cursor c = cur_of(bytes);

	rs->zone = arena_array(&rs->mem, bytes.n / ZONE_BYTES_MIN,
	    sizeof(*rs->zone));
	while (rs->zone != NULL && cur_left(&c) > 0) {
		struct span name = cur_lp(&c), tzif = cur_lp(&c);
		struct named_zone *z = &rs->zone[rs->nzone];

		if (!cur_ok(&c) || tzif.n < ZONE_BYTES_MIN || name.n == 0 ||
		    span_chr(name, 0, '\0') != name.n - 1)
			return false;
		z->name = arena_strndup(&rs->mem, span_sub(name, 0,
		    name.n - 1));
		tzif.p = (unsigned char *)arena_strndup(&rs->mem, tzif);
		if (z->name == NULL || tzif.p == NULL ||
		    !zone_open(&z->zone, tzif))
			return false;
		rs->nzone++;
	}
	return cur_done(&c) && has_zones(rs);
}

static bool
take_refs(struct ruleset *rs, int kind, struct span bytes)
{
	struct pattern_index *x = &rs->pattern[kind];
	struct cursor c = cur_of(bytes);
	struct object_ref r;

	x->ref = arena_array(&rs->mem, bytes.n / 8, sizeof(*x->ref));
	if (x->ref == NULL)
		return false;
	for (; cur_left(&c) > 0; x->ref[x->nref++] = r) {
		r.group = cur_u32(&c);
		r.object = cur_u32(&c);
		if (!cur_ok(&c) || r.group >= rs->ngroup ||
		    r.object >= rs->group[r.group].nobject ||
		    object_pattern_kind(
		    rs->group[r.group].object[r.object].type) != kind)
			return false;
	}
	return cur_done(&c);
}

static size_t
count_patterns(const struct ruleset *rs, int kind)
{
	size_t n = 0;

	for (size_t g = 0; g < rs->ngroup; g++)
		for (size_t i = 0; i < rs->group[g].nobject; i++)
			n += object_pattern_kind(
			    rs->group[g].object[i].type) == kind;
	return n;
}

/* An object without its pattern would silently match nothing: refused. */
static int
take_patterns(struct cursor *c, struct ruleset *rs, struct err *e)
{
	for (int kind = 0; kind < PAT_COUNT; kind++) {
		struct span refs = cur_lp(c), set = cur_lp(c);
		struct pattern_index *x = &rs->pattern[kind];

		if (!cur_ok(c) || !take_refs(rs, kind, refs) ||
		    x->nref != count_patterns(rs, kind) ||
		    (x->nref > 0) != (set.n > 0))
			return err_set(e, "rule snapshot: pattern table %d is "
			    "damaged", kind);
		if (set.n == 0)
			continue;
		x->set = pattern_set_load(set, e);
		if (x->set == NULL)
			return -1;
	}
	if (!cur_done(c))
		return err_set(e, "rule snapshot: bytes behind the end");
	return 0;
}

static int
check_header(struct span s, struct cursor *c, struct err *e)
{
	unsigned char digest[SNAPSHOT_DIGEST_LEN];
	struct span magic = cur_take(c, SNAPSHOT_MAGIC_LEN), sum;
	uint32_t format = cur_u32(c);

	if (!span_eq(magic, span_str(snapshot_magic)))
		return err_set(e, "not a rule snapshot");
	if (format != SNAPSHOT_FORMAT)
		return err_set(e, "rule snapshot has format %u, this version "
		    "reads format %d", format, SNAPSHOT_FORMAT);
	sum = cur_take(c, SNAPSHOT_DIGEST_LEN);
	if (cur_u64(c) != cur_left(c) || !cur_ok(c))
		return err_set(e, "rule snapshot is not complete");
	snapshot_digest(s, digest);
	if (!span_eq(sum, span_of(digest, sizeof(digest))))
		return err_set(e, "rule snapshot is damaged (checksum)");
	return 0;
}

struct ruleset *
ruleset_load(struct span snapshot, struct err *e)
{
	struct cursor c = cur_of(snapshot);
	struct load l = {.rs = NULL};
	struct span text;

	if (check_header(snapshot, &c, e) != 0)
		return NULL;
	l.rs = xcalloc(1, sizeof(*l.rs));
	l.rs->version = cur_u64(&c);
	text = cur_lp(&c);
	arena_init(&l.rs->mem, MEMORY_BASE + MEMORY_PER_BYTE * snapshot.n);
	l.rs->text = xstrndup(text.p, text.n);
	l.c = cur_of(span_of(l.rs->text, text.n));
	if (!take_contents(&l)) {
		err_set(e, "rule snapshot: groups or rules are damaged");
		goto fail;
	}
	if (!take_zones(l.rs, cur_lp(&c))) {
		err_set(e, "rule snapshot: time zones are damaged");
		goto fail;
	}
	if (take_patterns(&c, l.rs, e) != 0)
		goto fail;
	if (ruleset_index(l.rs))
		return l.rs;
	err_set(e, "rule snapshot: rules use too many actions");
fail:
	ruleset_free(l.rs);
	return NULL;
}

void
ruleset_free(struct ruleset *rs)
{
	if (rs == NULL)
		return;
	for (int kind = 0; kind < PAT_COUNT; kind++)
		pattern_set_free(rs->pattern[kind].set);
	arena_free(&rs->mem);
	free(rs->text);
	free(rs);
}

uint64_t
ruleset_version(const struct ruleset *rs)
{
	return rs->version;
}

size_t
ruleset_rules(const struct ruleset *rs, const struct rule ***rules_r)
{
	*rules_r = rs->rule;
	return rs->nrule;
}

size_t
ruleset_groups(const struct ruleset *rs, const struct object_group **groups_r)
{
	*groups_r = rs->group;
	return rs->ngroup;
}

unsigned
ruleset_needs(const struct ruleset *rs, enum direction dir)
{
	return rs->needs[dir];
}
