/*
 * Snapshot files of rules. First byte: how the rest is used.
 *	'S'	as it is
 *	'H'	with the length and the checksum of its header made right
 *	'T'	as the text section (groups and rules) of a good header
 *	'P'	as what follows a small good text section: pattern tables
 *	'M'	(position, byte) changes of the shipped rules, sealed again
 * What loads must also describe itself and evaluate.
 */
#include <stdlib.h>
#include <string.h>
#include "lib/rules/rules.h"
#include "lib/rules/snapshot.h"

enum { BYTES_MAX = 1 << 22, ARENA_MAX = 1 << 20, DESCRIBE_MAX = 1 << 16,
	PATTERN_KINDS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static const struct buf *
shipped(void)
{
	static struct buf b;
	struct ruleset_builder *rb;

	if (b.n > 0)
		return &b;
	rb = ruleset_builder_new();
	buf_init(&b, BYTES_MAX);
	require(ruleset_builder_shipped(rb, NULL) == 0 &&
	    ruleset_compile(rb, 1, &b, NULL) == 0);
	ruleset_builder_free(rb);
	return &b;
}

static void
check_plan(const struct plan *p, const struct envelope *env)
{
	size_t n = 0;

	for (size_t g = 0; g < p->ngroup; g++)
		for (size_t i = 0; i < p->group[g].nrcpt; i++, n++)
			require(p->group[g].rcpt[i] < env->nrcpt);
	require(n == env->nrcpt);
	for (size_t i = 0; i < p->nnotice; i++)
		require(p->notice[i].group < p->ngroup);
}

static void
evaluate(const struct ruleset *rs, enum direction dir)
{
	struct mime_part part = {.type = "application",
		.subtype = "x-executable", .charset = "", .disposition = "",
		.filename = "a.vbs"}, *list[] = {&part};
	struct mime mail = {.part = list, .npart = 1};
	struct recipient rcpt[] = {{.addr = "b@example.com"}, {.addr = ""}};
	struct envelope env = {.dir = dir, .sender = "a@example.org",
		.client_addr = "192.0.2.1", .rcpt = rcpt, .nrcpt = 2};
	const struct inside inside[] = {
	    {0, 0, 0, "b.com", "application/x-dosexec"},
	    {0, 1, 7, "c/d.js", "application/zip"}};
	struct facts f = {.env = &env, .mime = &mail, .virus = "x",
		.spam_known = true, .spam_level = 4, .inside = inside,
		.ninside = 2, .ambiguous = true, .limits = true};
	struct arena a;
	struct plan *p;

	arena_init(&a, ARENA_MAX);
	p = rules_evaluate(rs, &f, &a);
	if (p != NULL)
		check_plan(p, &env);
	arena_free(&a);
}

static void
load(struct span s)
{
	struct err e = {""};
	struct ruleset *rs = ruleset_load(s, &e);
	const struct rule **rule;
	struct buf text;

	if (rs == NULL) {
		require(e.text[0] != '\0');
		return;
	}
	buf_init(&text, DESCRIBE_MAX);
	for (size_t i = 0, n = ruleset_rules(rs, &rule); i < n; i++)
		rule_describe(&text, rule[i]);
	buf_free(&text);
	evaluate(rs, DIR_IN);
	evaluate(rs, DIR_OUT);
	ruleset_free(rs);
}

static void
load_sealed(struct buf *b)
{
	if (b->overflow || b->n < SNAPSHOT_HEADER_LEN)
		return;
	memcpy(b->p, snapshot_magic, SNAPSHOT_MAGIC_LEN);
	buf_set_u32(b, SNAPSHOT_MAGIC_LEN, SNAPSHOT_FORMAT);
	snapshot_seal(b->p, b->n);
	load(buf_span(b));
}

static void
put_small_text(struct buf *b)
{
	static const struct object o = {.type = WHAT_FILENAME, .value = "a",
		.value2 = "", .value3 = ""};
	const struct object_group g = {.name = "g", .info = "",
		.cat = CAT_WHAT, .object = (struct object *)(uintptr_t)&o,
		.nobject = 1};
	struct buf text;

	buf_init(&text, BYTES_MAX);
	buf_u32(&text, 1);
	snapshot_put_group(&text, &g);
	buf_u32(&text, 0);
	buf_lp(b, buf_span(&text));
	buf_free(&text);
}

static void
mutate(struct buf *b, struct span s)
{
	buf_puts_span(b, buf_span(shipped()));
	for (struct cursor c = cur_of(s); cur_left(&c) >= 4;) {
		size_t off = SNAPSHOT_HEADER_LEN + cur_u16(&c);

		cur_u8(&c);
		b->p[off % b->n] = cur_u8(&c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_of(data, size);
	struct buf b;

	if (size == 0)
		return 0;
	s = span_sub(s, 1, s.n);
	if (data[0] == 'S') {
		load(s);
		return 0;
	}
	buf_init(&b, BYTES_MAX);
	if (data[0] == 'H') {
		buf_puts_span(&b, s);
	} else if (data[0] == 'T') {
		snapshot_put_header(&b, 1);
		buf_lp(&b, s);
		for (int i = 0; i < 2 * PATTERN_KINDS; i++)
			buf_u32(&b, 0);
	} else if (data[0] == 'P') {
		snapshot_put_header(&b, 1);
		put_small_text(&b);
		buf_puts_span(&b, s);
	} else {
		mutate(&b, s);
	}
	load_sealed(&b);
	buf_free(&b);
	return 0;
}
