/* What is kept of a message tells the rules the same as the message did. */
#include "corpus_fixture.h"
#include "lib/base/xalloc.h"
#include "lib/rules/recorded.h"

enum { ARENA = 64 << 20, TEXT_MAX = 1 << 20 };

static struct ruleset *
shipped(void)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct buf snapshot = {.max = 64 << 20};
	struct ruleset *rs;
	struct err e = {""};

	assert_int_equal(ruleset_builder_shipped(b, &e), 0);
	assert_int_equal(ruleset_compile(b, 1, &snapshot, &e), 0);
	rs = ruleset_load(buf_span(&snapshot), &e);
	assert_non_null(rs);
	buf_free(&snapshot);
	ruleset_builder_free(b);
	return rs;
}

/* Everything that a plan says, as text. */
static void
print_plan(struct buf *out, const struct ruleset *rs, const struct facts *f)
{
	struct arena a;
	struct plan *p;

	arena_init(&a, ARENA);
	p = rules_evaluate(rs, f, &a);
	assert_non_null(p);
	for (size_t i = 0; i < p->nmatch; i++)
		buf_printf(out, "match %u\n", p->match[i].rule->id);
	for (size_t i = 0; i < p->ngroup; i++) {
		const struct plan_group *g = &p->group[i];

		buf_printf(out, "group %zu %d %u\n", g->nrcpt, (int)g->disp,
		    g->rule != NULL ? g->rule->id : 0);
		for (size_t k = 0; k < g->nstep; k++) {
			buf_printf(out, "step %u %d", g->step[k].rule->id,
			    (int)g->step[k].action->type);
			for (size_t m = 0; m < g->step[k].nmark_words; m++)
				buf_printf(out, " %llx", (unsigned long long)
				    g->step[k].marks[m]);
			buf_putc(out, '\n');
		}
	}
	arena_free(&a);
}

struct tally {
	const struct ruleset *rs;
	size_t kept, too_long;
};

static struct recipient rcpt[] = {{"b@example.com", "", ""},
	{"c@example.com", "", ""}};
static struct envelope env = {.dir = DIR_IN, .logid = "1", .queue_id = "2",
	.sender = "a@example.org", .rcpt = rcpt, .nrcpt = 2,
	.client_addr = "192.0.2.1"};

static void
facts_of(struct facts *f, struct span mail, struct arena *a)
{
	struct buf bytes = {.max = 64 << 20};
	struct content_list list;

	*f = (struct facts){.env = &env, .size = mail.n, .time = 1234567890,
		.minute_of_day = 77, .weekday = 3, .spf = SPF_PASS,
		.spam_known = true, .spam_level = 4,
		.mime = mime_parse(mail, &mime_limits_default, a)};
	list = content_of(f->mime, &bytes, a);
	assert_true(facts_from_content(f, &list, buf_span(&bytes), a));
	buf_free(&bytes);
}

static void
keep_one(void *arg, const char *path, struct span mail)
{
	struct tally *t = arg;
	struct buf bytes = {.max = RECORDED_MAX};
	struct buf again = {.max = RECORDED_MAX};
	struct buf want = {.max = TEXT_MAX}, have = {.max = TEXT_MAX};
	struct recorded r;
	struct facts f;
	struct arena a;

	arena_init(&a, ARENA);
	facts_of(&f, mail, &a);
	recorded_put(&bytes, &f, NEED_SPAM | NEED_CONTENT);
	if (bytes.overflow) {
		t->too_long++;
	} else {
		t->kept++;
		if (recorded_get(buf_span(&bytes), &r, &a) != 0)
			fail_msg("%s: cannot be read again", path);
		recorded_put(&again, &r.facts, r.known);
		if (!span_eq(buf_span(&bytes), buf_span(&again)))
			fail_msg("%s: comes back as something else", path);
		print_plan(&want, t->rs, &f);
		print_plan(&have, t->rs, &r.facts);
		assert_string_equal(buf_cstr(&want), buf_cstr(&have));
	}
	buf_free(&bytes);
	buf_free(&again);
	buf_free(&want);
	buf_free(&have);
	arena_free(&a);
}

static void
test_corpus(void **state)
{
	struct ruleset *rs = shipped();
	struct tally t = {.rs = rs};

	(void)state;
	corpus_each("mime", keep_one, &t);
	printf("# %zu kept, %zu too long\n", t.kept, t.too_long);
	assert_true(t.kept > 100 * t.too_long);
	ruleset_free(rs);
}

static const char mail[] =
    "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\ntext\r\n--b\r\nContent-Type: a/b; name=x.exe\r\n"
    "Content-Disposition: attachment; filename=y.exe\r\n\r\nMZ\r\n--b--\r\n";

static void
test_members(void **state)
{
	struct inside in[] = {{1, 2, INSIDE_MACROS, "dir/x", "a/b"}};
	struct buf bytes = {.max = RECORDED_MAX};
	struct recorded r;
	struct facts f;
	struct arena a;

	(void)state;
	arena_init(&a, ARENA);
	facts_of(&f, SPAN_LIT(mail), &a);
	f.inside = in;
	f.ninside = 1;
	f.virus = "Eicar";
	f.ambiguous = f.limits = true;
	recorded_put(&bytes, &f, NEED_VIRUS);
	assert_int_equal(recorded_get(buf_span(&bytes), &r, &a), 0);
	assert_int_equal(r.known, NEED_VIRUS);
	assert_string_equal(r.env.rcpt[1].addr, "c@example.com");
	assert_string_equal(r.env.client_addr, "192.0.2.1");
	assert_int_equal(r.facts.time, 1234567890);
	assert_int_equal(r.facts.weekday, 3);
	assert_int_equal(r.facts.size, sizeof(mail) - 1);
	assert_int_equal(r.facts.spf, SPF_PASS);
	assert_true(r.facts.ambiguous && r.facts.limits);
	assert_string_equal(r.facts.virus, "Eicar");
	assert_int_equal(r.facts.spam_level, 4);
	assert_int_equal(r.facts.mime->npart, 3);
	assert_ptr_equal(r.facts.mime->part[0]->child, r.facts.mime->part[1]);
	assert_ptr_equal(r.facts.mime->part[1]->next, r.facts.mime->part[2]);
	assert_string_equal(r.facts.mime->part[2]->filename, "y.exe");
	assert_string_equal(r.facts.inside[0].name, "dir/x");
	assert_int_equal(r.facts.inside[0].flags, INSIDE_MACROS);
	buf_free(&bytes);
	arena_free(&a);
}

/* Whatever a disk makes of it: refused or taken, never more than that. */
static void
test_damage(void **state)
{
	struct buf bytes = {.max = RECORDED_MAX};
	struct recorded r;
	struct facts f;
	struct arena a, b;
	size_t refused = 0;

	(void)state;
	arena_init(&a, ARENA);
	facts_of(&f, SPAN_LIT(mail), &a);
	recorded_put(&bytes, &f, 0);
	for (size_t i = 0; i < bytes.n; i++) {
		arena_init(&b, 1 << 20);
		assert_int_equal(recorded_get(span_of(bytes.p, i), &r, &b),
		    -1);
		arena_free(&b);
	}
	for (size_t i = 0; i < 8 * bytes.n; i++) {
		arena_init(&b, 1 << 20);
		bytes.p[i / 8] ^= (unsigned char)(1 << i % 8);
		refused += recorded_get(buf_span(&bytes), &r, &b) != 0;
		bytes.p[i / 8] ^= (unsigned char)(1 << i % 8);
		arena_free(&b);
	}
	assert_true(refused > bytes.n);
	buf_free(&bytes);
	arena_free(&a);
}

static void
test_too_long(void **state)
{
	struct buf long_mail = {.max = SIZE_MAX / 2};
	struct buf bytes = {.max = SIZE_MAX / 2};
	struct facts f;
	struct arena a;

	(void)state;
	for (int i = 0; i < 700; i++)
		buf_printf(&long_mail, "X-Field-%d: %0100d\r\n", i, i);
	buf_puts(&long_mail, "\r\n");
	arena_init(&a, ARENA);
	facts_of(&f, buf_span(&long_mail), &a);
	recorded_put(&bytes, &f, 0);
	assert_true(bytes.overflow);
	buf_free(&bytes);
	buf_free(&long_mail);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
