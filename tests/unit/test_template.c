#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/config/template.h"

static const char *
lookup(void *arg, const char *name)
{
	static const char *const known[][2] = {
		{"one", "1"}, {"zero", "0"}, {"empty", ""}, {"host", "mx"},
		{"money", "$x"}, {"mail.queue-lifetime", "5"},
		{"tag", "{{host}}"},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i][0]) == 0)
			return known[i][1];
	return NULL;
}

static void
dollars(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '$')
			buf_putc(out, '$');
		buf_putc(out, *value);
	}
}

static int
render(const char *text, struct buf *out, struct err *e)
{
	const struct template t = {.file = "t", .text = span_str(text),
	    .lookup = lookup, .escape = dollars};

	return template_render(&t, out, e);
}

static void
gives(const char *text, const char *expected)
{
	struct err e = {""};
	struct buf b;

	buf_init(&b, 4096);
	if (render(text, &b, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_cstr(&b), expected);
	buf_free(&b);
}

static void
refused(const char *text, const char *message)
{
	struct err e = {""};
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(render(text, &b, &e), -1);
	assert_string_equal(e.text, message);
	buf_free(&b);
}

static void
values(void **state)
{
	(void)state;
	gives("", "");
	gives("a {b} }} c", "a {b} }} c");
	gives("{{host}}:{{ one }}\n", "mx:1\n");
	gives("x={{mail.queue-lifetime}}d", "x=5d");
	gives("{{money}}", "$$x");
	/* A value is never read as a template. */
	gives("{{tag}}", "{{host}}");
}

static void
blocks(void **state)
{
	(void)state;
	gives("{{#if one}}a{{else}}b{{/if}}", "a");
	gives("{{#if zero}}a{{else}}b{{/if}}", "b");
	gives("{{#if empty}}a{{/if}}", "");
	gives("{{#unless empty}}a{{else}}b{{/unless}}", "a");
	gives("{{#if one}}{{#if zero}}a{{else}}b{{/if}}c{{/if}}", "bc");
	gives("{{#if zero}}{{#if one}}a{{else}}b{{/if}}c{{/if}}", "");
	gives("{{#if zero}}{{#if zero}}a{{else}}b{{/if}}{{else}}c{{/if}}",
	    "c");
}

static void
directives_leave_no_line(void **state)
{
	(void)state;
	gives("a\n{{#if one}}\nb\n{{/if}}\nc\n", "a\nb\nc\n");
	gives("a\n  {{#if zero}}  \nb\n{{/if}}\nc\n", "a\nc\n");
	gives("{{! note }}\na\n", "a\n");
	gives("a\n{{#if one}}{{/if}}\nb", "a\n\nb");
	gives("a {{! note }}b\n", "a b\n");
	gives("a\n{{empty}}\nb\n", "a\n\nb\n");
	gives("{{#if one}}\nx\n{{else}}\ny\n{{/if}}", "x\n");
}

static void
errors(void **state)
{
	(void)state;
	refused("\n\n{{nope}}", "t:3: unknown name: nope");
	refused("{{#if nope}}{{/if}}", "t:1: unknown name: nope");
	refused("{{#if zero}}\n{{nope}}{{/if}}", "t:2: unknown name: nope");
	refused("a\n{{#if one}}\nb\n", "t:2: this block has no end");
	refused("a\n{{/if}}", "t:2: this end has no beginning");
	refused("{{#if one}}{{/unless}}", "t:1: this end has no beginning");
	refused("{{else}}", "t:1: {{else}} without {{#if}}");
	refused("{{#if one}}{{else}}{{else}}{{/if}}",
	    "t:1: {{else}} without {{#if}}");
	refused("{{#each x}}", "t:1: unknown directive: #each x");
	refused("x\n{{host", "t:2: {{ without }}");
	refused("{{}}", "t:1: a name of 1 to 63 bytes is expected");
}

static void
limits(void **state)
{
	struct err e = {""};
	struct buf text, out;

	(void)state;
	buf_init(&text, 65536);
	buf_init(&out, 10);
	for (int i = 0; i < 17; i++)
		buf_puts(&text, "{{#if one}}");
	assert_int_equal(render(buf_cstr(&text), &out, &e), -1);
	assert_non_null(strstr(e.text, "too deeply"));
	assert_int_equal(render("0123456789a", &out, &e), -1);
	assert_non_null(strstr(e.text, "too large"));
	buf_free(&text);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(blocks),
		cmocka_unit_test(directives_leave_no_line),
		cmocka_unit_test(errors),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
