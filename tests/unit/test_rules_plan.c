/*
 * What evaluation gives besides the plan: the reasons of a match, what has to
 * be known before; and its bounds: no memory, very many objects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "lib/base/clock.h"
#include "lib/base/xalloc.h"
#include "rules_mail.h"
#include "rules_text.h"

static void
test_reasons(void **state)
{
	struct ruleset *rs = rules_from_text(
	    "90 in from d=x.org + d=example.org to e=" C " what spam=5 do quar"
	    "\n80 in do accept\n70 in do block");
	struct recipient rcpt[] = {{.addr = B}, {.addr = C}};
	signed char list[] = {1, 0};
	struct envelope env = {.sender = A, .client_addr = "", .rcpt = rcpt,
		.nrcpt = 2};
	struct facts f = {.env = &env, .mime = &mixed_mail, .spam_known = true,
		.spam_level = 7, .user_list = list};
	struct arena a;
	struct plan *p;

	(void)state;
	arena_init(&a, 1 << 20);
	p = rules_evaluate(rs, &f, &a);
	assert_non_null(p);
	/* Rule 3 is offered nobody, so it is not among the reasons. */
	assert_int_equal(p->nmatch, 2);
	assert_int_equal(p->match[0].rule->id, 1);
	assert_int_equal(p->match[0].nrcpt, 1);
	assert_string_equal(p->match[0].object[CAT_FROM]->value,
	    "example.org");
	assert_ptr_equal(p->match[0].group[CAT_FROM],
	    p->match[0].rule->group[CAT_FROM][1]);
	assert_string_equal(p->match[0].object[CAT_TO]->value, C);
	assert_int_equal(p->match[0].object[CAT_WHAT]->number, 5);
	assert_null(p->match[0].group[CAT_WHEN]);
	assert_int_equal(p->match[1].rule->id, 2);
	assert_int_equal(p->match[1].nrcpt, 1);
	arena_free(&a);
	ruleset_free(rs);
}

/* What no single object explains is told in words. */
static void
test_reasons_of_modes(void **state)
{
	struct ruleset *rs = rules_from_text(
	    "50 in from e=x@y (none) to (none) e=x@y what size=1-0 (notall) "
	    "virus do set=S=1");
	struct recipient rcpt[] = {{.addr = B}};
	struct envelope env = {.sender = A, .client_addr = "", .rcpt = rcpt,
		.nrcpt = 1};
	struct facts f = {.env = &env, .mime = &mixed_mail, .size = 5};
	const struct rule **rule;
	struct buf out;
	struct arena a;
	struct plan *p;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 16);
	p = rules_evaluate(rs, &f, &a);
	assert_non_null(p);
	assert_int_equal(p->nmatch, 1);
	for (int cat = 0; cat < CAT_COUNT; cat++) {
		assert_true((p->match[0].group[cat] != NULL) ==
		    (cat == CAT_FROM || cat == CAT_TO || cat == CAT_WHAT));
		assert_null(p->match[0].object[cat]);
		match_describe(&out, &p->match[0], (enum category)cat);
		buf_putc(&out, '|');
	}
	assert_string_equal(buf_cstr(&out), "g: none of its objects matches|"
	    "g: does not match||"
	    "g: at least one of its objects does not match||");
	buf_reset(&out);
	ruleset_rules(rs, &rule);
	rule_describe(&out, rule[0]);
	assert_non_null(strstr(buf_cstr(&out), "(none of these)"));
	assert_non_null(strstr(buf_cstr(&out), "none of these groups matches"));
	assert_non_null(strstr(buf_cstr(&out),
	    "(at least one of these does not)"));
	buf_free(&out);
	arena_free(&a);
	ruleset_free(rs);
}

static void
test_needs(void **state)
{
	struct ruleset *rs = rules_from_text(
	    "90 in what spam=3 do block\noff 80 out what spam=3 do block\n"
	    "70 out what virus do block");

	(void)state;
	assert_int_equal(ruleset_needs(rs, DIR_IN), NEED_SPAM);
	assert_int_equal(ruleset_needs(rs, DIR_OUT), NEED_VIRUS);
	ruleset_free(rs);
	rs = rules_from_text("50 in do set=X-S=__SPAM_INFO__\n"
	    "50 out do set=X-V=__VIRUS_INFO__");
	assert_int_equal(ruleset_needs(rs, DIR_IN), NEED_SPAM);
	assert_int_equal(ruleset_needs(rs, DIR_OUT), NEED_VIRUS);
	ruleset_free(rs);
}

/* Whatever the arena allows: a whole plan, or NULL. */
static void
test_arena_exhausted(void **state)
{
	struct ruleset *rs = rules_from_text(
	    "50 in what field=Subject=invoice file=.*\\.exe do rm bcc=x@y");
	struct recipient rcpt[] = {{.addr = B}, {.addr = C}};
	struct envelope env = {.sender = A, .client_addr = "", .rcpt = rcpt,
		.nrcpt = 2};
	struct facts f = {.env = &env, .mime = &mixed_mail};
	struct buf out;
	size_t nplans = 0;

	(void)state;
	buf_init(&out, 1 << 12);
	for (size_t max = 0; max < 4096; max += 16) {
		struct arena a;
		struct plan *p;

		arena_init(&a, max);
		p = rules_evaluate(rs, &f, &a);
		if (p != NULL) {
			nplans++;
			buf_reset(&out);
			put_plan(&out, p);
			assert_string_equal(buf_cstr(&out),
			    "0,1=accept rm#1{2} !bcc#1(0,1)g0{2}");
		}
		arena_free(&a);
	}
	assert_true(nplans > 0 && nplans < 4096 / 16);
	buf_free(&out);
	ruleset_free(rs);
}

static struct ruleset *
many_addresses(size_t n)
{
	struct object *o = xcalloc(n, sizeof(*o));
	struct object_group g = {.name = "many", .info = "", .cat = CAT_FROM,
		.object = o, .nobject = n};
	struct object block = {.type = ACTION_BLOCK, .value = "",
		.value2 = "", .value3 = ""};
	struct object_group act = {.name = "Block", .info = "",
		.cat = CAT_ACTION, .object = &block, .nobject = 1};
	struct ruleset_builder *b = ruleset_builder_new();
	struct rule r = {.name = "r", .active = true, .priority = 1};
	int from, action;
	const int *list[CAT_COUNT] = {[CAT_FROM] = &from,
		[CAT_ACTION] = &action};
	size_t count[CAT_COUNT] = {[CAT_FROM] = 1, [CAT_ACTION] = 1};
	struct err e = {""};

	for (size_t i = 0; i < n; i++)
		o[i] = (struct object){
			.type = i % 2 ? WHO_EMAIL : WHO_DOMAIN,
			.value = xasprintf(i % 2 ? "u@d%zu.example" :
			    "d%zu.example", i), .value2 = "", .value3 = ""};
	from = ruleset_builder_group(b, &g, &e);
	action = ruleset_builder_group(b, &act, &e);
	assert_true(from >= 0 && action >= 0);
	assert_int_equal(ruleset_builder_rule(b, &r, list, count, &e), 0);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)o[i].value);
	free(o);
	return compile(b);
}

static bool
is_blocked(const struct ruleset *rs, const char *sender)
{
	struct recipient rcpt[] = {{.addr = B}};
	struct envelope env = {.sender = sender, .client_addr = "",
		.rcpt = rcpt, .nrcpt = 1};
	struct facts f = {.env = &env, .mime = &mixed_mail};
	struct arena a;
	struct plan *p;
	bool blocked;

	arena_init(&a, 1 << 20);
	p = rules_evaluate(rs, &f, &a);
	assert_non_null(p);
	blocked = p->group[0].disp == DISP_BLOCK;
	arena_free(&a);
	return blocked;
}

static void
test_many_objects(void **state)
{
	int64_t t0 = clock_mono_ms(), t1, t2;
	struct ruleset *rs = many_addresses(100000);

	(void)state;
	t1 = clock_mono_ms();
	for (int i = 0; i < 1000; i++)
		assert_false(is_blocked(rs, "v@d77777.example"));
	t2 = clock_mono_ms();
	printf("100,000 address objects: build, compile and load %lld ms, "
	    "1,000 evaluations %lld ms\n", (long long)(t1 - t0),
	    (long long)(t2 - t1));
	assert_true(is_blocked(rs, "u@d99999.example"));
	assert_true(is_blocked(rs, "any@D99998.example"));
	assert_true(is_blocked(rs, "x@d0.example"));
	assert_false(is_blocked(rs, "u@d100001.example"));
	ruleset_free(rs);
}

static void
test_describe(void **state)
{
	struct ruleset *rs = rules_from_text(
	    "off 80 in from r=.*@x\\.org when t=1320-360 what spam=3 "
	    "file=.*\\.exe do quar set=Subject=SPAM");
	const struct rule **rule;
	struct buf out;
	char *text, *line;

	(void)state;
	assert_int_equal(ruleset_version(rs), 7);
	assert_int_equal(ruleset_rules(rs, &rule), 1);
	buf_init(&out, 1 << 16);
	rule_describe(&out, rule[0]);
	text = xstrdup(buf_cstr(&out));
	assert_non_null(strstr(text, "NOT ACTIVE"));
	assert_non_null(strstr(text, "address matches \".*@x\\.org\""));
	assert_non_null(strstr(text, "from 22:00 to 06:00 of the next day"));
	assert_non_null(strstr(text, "spam level is 3 or higher"));
	assert_non_null(strstr(text, "quarantine"));
	for (char *rest = text; (line = cut(&rest, '\n')) != NULL;)
		assert_true(strlen(line) < 80);
	free(text);
	buf_free(&out);
	ruleset_free(rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_reasons_of_modes),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_arena_exhausted),
		cmocka_unit_test(test_many_objects),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, setup_mail, NULL);
}
