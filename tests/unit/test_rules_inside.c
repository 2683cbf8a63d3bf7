/* Facts from contents, and rules about what is inside of parts. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/rules/rules.h"
#include "rules_text.h"

/* ---- matching ---- */

/* Three parts: a text, an archive, a document. */
static struct mime_part top, part[3];
static struct mime_part *list[] = {&top, &part[0], &part[1], &part[2]};
static struct mime mail = {.part = list, .npart = 4};

static void
set_mail(void)
{
	static const char *const type[][2] = {{"text", "plain"},
	    {"application", "octet-stream"}, {"application", "msword"}};

	top = (struct mime_part){.type = "multipart", .subtype = "mixed",
	    .child = &part[0], .charset = "", .disposition = ""};
	for (size_t i = 0; i < 3; i++)
		part[i] = (struct mime_part){.type = type[i][0],
		    .subtype = type[i][1], .charset = "", .disposition = "",
		    .index = i + 1, .parent = &top};
	part[1].filename = "a.zip";
	part[2].filename = "b.doc";
}

static const struct inside inside[] = {
	{1, 0, 0, "uu.pif", "application/x-ms-dos-executable"},
	{2, 0, 0, "", "application/zip"},
	{2, 1, 0, "dir/Setup.EXE", "application/x-dosexec"},
	{2, 1, INSIDE_ENCRYPTED, "secret.txt", ""},
	{2, 2, INSIDE_UNREADABLE, "inner.rar/x.js. ", "text/plain"},
	{3, 0, INSIDE_MACROS, "", "application/msword"},
};

static const struct {
	const char *rules;
	const char *plan;
	bool ambiguous, limits;
} cases[] = {
	/* An attachment in a text: by its own name and type. */
	{"50 in what file=uu\\.pif do rm", "0=accept rm#1{1}", 0, 0},
	{"50 in what type=application/x-dosexec do rm", "0=accept rm#1{1}", 0,
	    0},
	/* Entries of archives: not for the filters of parts, */
	{"50 in what file=.*\\.exe do rm", "0=accept", 0, 0},
	/* but for those of archives, with and without the folder, */
	{"50 in what aname=setup\\.exe do rm", "0=accept rm#1{2}", 0, 0},
	{"50 in what aname=dir/setup\\.exe do rm", "0=accept rm#1{2}", 0, 0},
	{"50 in what aname=etup\\.exe do rm", "0=accept", 0, 0},
	{"50 in what aname=x\\.js do rm", "0=accept rm#1{2}", 0, 0},
	/* and a part is in no archive. */
	{"50 in what aname=a\\.zip do rm", "0=accept", 0, 0},
	{"50 in what aname=uu\\.pif do rm", "0=accept", 0, 0},
	/* Types in archives: as the content type filter, and inside; */
	{"50 in what atype=application/x-dosexec do rm",
	    "0=accept rm#1{1,2}", 0, 0},
	{"50 in what atype=application/msword do rm", "0=accept rm#1{3}", 0,
	    0},
	/* by the name of an entry, */
	{"50 in what atype=javascript do rm", "0=accept rm#1{2}", 0, 0},
	/* and the pseudo type of the reference product. */
	{"50 in what atype=proxmox/unreadable-archive do rm",
	    "0=accept rm#1{2}", 0, 0},
	{"50 in what type=proxmox/unreadable-archive do rm", "0=accept", 0, 0},
	/* Properties mark their part, */
	{"50 in what enc do rm", "0=accept rm#1{2}", 0, 0},
	{"50 in what unread do rm", "0=accept rm#1{2}", 0, 0},
	{"50 in what macros do rm", "0=accept rm#1{3}", 0, 0},
	{"50 in what macros enc do rm", "0=accept rm#1{2,3}", 0, 0},
	/* or hold for the whole mail. */
	{"50 in what ambig do quar", "0=accept", 0, 1},
	{"50 in what ambig do quar", "0=quar#1", 1, 0},
	{"50 in what limits do quar", "0=accept", 1, 0},
	{"50 in what limits do quar", "0=quar#1", 0, 1},
	{"50 in what ambig limits do rm", "0=accept rm#1", 1, 1},
};

static void
matching(void **state)
{
	struct recipient rcpt[] = {{.addr = "b@example.com"}};
	struct envelope env = {.sender = "a@example.org", .client_addr = "",
	    .rcpt = rcpt, .nrcpt = 1};
	struct buf got;

	(void)state;
	set_mail();
	buf_init(&got, 10000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ruleset *rs = rules_from_text(cases[i].rules);
		struct facts f = {.env = &env, .mime = &mail,
		    .inside = inside, .ninside = 6,
		    .ambiguous = cases[i].ambiguous,
		    .limits = cases[i].limits};
		struct plan *p = rules_evaluate(rs, &f, &arena);

		assert_non_null(p);
		buf_reset(&got);
		put_plan(&got, p);
		if (strcmp(buf_cstr(&got), cases[i].plan) != 0)
			fail_msg("%s: %s, not %s", cases[i].rules,
			    buf_cstr(&got), cases[i].plan);
		ruleset_free(rs);
	}
	buf_free(&got);
}

static void
needs(void **state)
{
	static const struct {
		const char *rules;
		unsigned needs;
	} t[] = {
		{"50 in what virus do quar", NEED_VIRUS},
		{"50 in what field=Subject=x do quar", 0},
		{"50 in what file=a do quar", NEED_CONTENT},
		{"50 in what ambig do quar", NEED_CONTENT},
		{"50 in what limits do quar", NEED_CONTENT | NEED_LIMITS},
		{"50 in what aname=a do quar", NEED_CONTENT | NEED_ARCHIVE},
		{"50 in what atype=a do quar", NEED_CONTENT | NEED_ARCHIVE},
		{"50 in what enc do quar", NEED_CONTENT | NEED_ARCHIVE},
		{"50 in what unread do quar", NEED_CONTENT | NEED_ARCHIVE},
		{"50 in what macros do quar", NEED_CONTENT | NEED_ARCHIVE},
		{"off 50 in what macros do quar", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ruleset *rs = rules_from_text(t[i].rules);

		assert_int_equal(ruleset_needs(rs, DIR_IN), t[i].needs);
		assert_int_equal(ruleset_needs(rs, DIR_OUT), 0);
		ruleset_free(rs);
	}
}

/* ---- facts ---- */

#define ZIP "PK\x03\x04"
#define EXE "MZ\0\0"

static void
facts(void **state)
{
	/* Text with an attachment in it, an archive in two readings; what a
	 * cap has cut off is decoded as before. */
	struct content item[] = {
	    {1, CONTENT_PLAIN, NULL, NULL, 0, 4, false},
	    {1, CONTENT_UUENCODE, "a.com", NULL, 4, 4, false},
	    {2, CONTENT_PLAIN, NULL, NULL, 8, 4, false},
	    {2, CONTENT_OTHER, NULL, NULL, 12, 4, true}};
	struct content_list l = {item, 4, MIME_LIMIT_MEMORY};
	struct span bytes = SPAN_LIT("text" EXE ZIP "GIF8");
	struct mime m = mail;
	struct facts f = {.mime = &m};

	(void)state;
	set_mail();
	m.msg = SPAN_LIT(ZIP);
	part[2].body_end = 4;
	assert_true(facts_from_content(&f, &l, bytes, &arena));
	assert_null(f.magic_type[1]);
	assert_string_equal(f.magic_type[2], "application/zip");
	assert_string_equal(f.magic_type[3], "application/zip");
	assert_int_equal(f.ninside, 2);
	assert_int_equal(f.inside[0].part, 1);
	assert_string_equal(f.inside[0].name, "a.com");
	assert_string_equal(f.inside[0].type,
	    "application/x-ms-dos-executable");
	assert_int_equal(f.inside[1].part, 2);
	assert_string_equal(f.inside[1].name, "");
	assert_true(f.limits);
	assert_false(f.ambiguous);
	m.defects = MIME_AMBIG_BOUNDARY | MIME_BARE_LF;
	f = (struct facts){.mime = &m};
	assert_true(facts_from_content(&f, NULL, span_of(NULL, 0), &arena));
	assert_string_equal(f.magic_type[3], "application/zip");
	assert_int_equal(f.ninside, 0);
	assert_true(f.ambiguous);
	assert_false(f.limits);
}

/* Of NUL in a body: only a file that is not encoded. */
static void
raw_file(void **state)
{
	static const struct {
		const char *type, *subtype;
		enum cte cte;
		uint32_t unclear;
	} t[] = {
		{"application", "zip", CTE_BINARY, MIME_AMBIG_ENCODING},
		{"application", "zip", CTE_7BIT, MIME_AMBIG_ENCODING},
		{"application", "zip", CTE_BASE64, 0},
		{"text", "plain", CTE_8BIT, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		set_mail();
		part[1].type = t[i].type;
		part[1].subtype = t[i].subtype;
		part[1].cte = t[i].cte;
		assert_int_equal(facts_unclear(&mail, NULL), 0);
		part[1].defects = MIME_NUL;
		assert_int_equal(facts_unclear(&mail, NULL), t[i].unclear);
	}
}

static void
no_memory(void **state)
{
	struct facts f = {.mime = &mail};
	struct arena none;

	(void)state;
	set_mail();
	arena_init(&none, 0);
	assert_false(facts_from_content(&f, NULL, span_of(NULL, 0), &none));
	arena_free(&none);
}

static void
reasons(void **state)
{
	AUTO_BUF struct buf b = {.max = 1000};

	(void)state;
	facts_defects(&b, MIME_BARE_LF | MIME_BAD_PARAM);
	assert_int_equal(b.n, 0);
	facts_defects(&b, MIME_LIMIT_DEPTH | MIME_AMBIG_TYPE | MIME_BARE_LF);
	assert_non_null(strstr(buf_cstr(&b),
	    mime_defect_name(MIME_LIMIT_DEPTH)));
	assert_non_null(strstr(buf_cstr(&b),
	    mime_defect_name(MIME_AMBIG_TYPE)));
}

static void
contents_needed(void **state)
{
	static const struct {
		const char *text;
		bool needed;
	} t[] = {
		{"Subject: x\r\n\r\nHello\r\n", false},
		{"Content-Type: text/html\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		    "a\r\n", false},
		{"Content-Type: text/plain\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		    "a\r\n", true},
		{"Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\na\r\n", false},
		{"Content-Type: image/png\r\n\r\na\r\n", true},
		{"Content-Type: text/plain; name=a.txt\r\n\r\na\r\n", true},
		{"Content-Disposition: attachment\r\n\r\na\r\n", true},
		{"\r\nbegin 644 a.com\r\n", true},
		{"\r\nx\r\nbegin-base64 644 a.com\r\n", true},
		{"\r\n=ybegin line=128 size=3 name=a\r\n", true},
		{"\r\nTo begin with, a word.\r\n", false},
		{"\r\n \tbegin 644 a.com\r\n", true},
		{"\r\nrebegins.\r\n", false},
		{"\r\n(This file must be converted with BinHex 4.0)\r\n",
		    true},
		{"Content-Type: text/plain\r\nContent-Type: text/html\r\n"
		    "\r\na\r\n", true},
		{"Subject: \xe4\n\na\n", false},
		{"Content-Type: message/rfc822\n\n"
		    "Content-Type: message/rfc822\n\n"
		    "Content-Type: message/rfc822\n\n"
		    "Content-Type: message/rfc822\n\n\na\n", true},
		{"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
		    "--b\r\n\r\na\r\n--b\r\nContent-Type: text/html\r\n\r\n"
		    "a\r\n--b--\r\n", false},
		{"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		    "--b\r\n\r\na\r\n--b\r\nContent-Type: image/gif\r\n\r\n"
		    "a\r\n--b--\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct mime *m = mime_parse(span_str(t[i].text),
		    &mime_limits_default, &arena);

		if (facts_need_content(m) != t[i].needed)
			fail_msg("case %zu: %s", i, t[i].text);
	}
}

/* A picture by one of its names, an archive by the other. */
static void
second_name(void **state)
{
	struct mime *m = mime_parse(SPAN_LIT("Content-Type: image/gif; "
	    "name=a.zip\n"
	    "Content-Disposition: attachment; filename=a.gif\n\nGIF89a\n"),
	    &mime_limits_default, &arena);
	const struct content c = {.part = 0, .n = 6};

	(void)state;
	assert_string_equal(m->part[0]->filename, "a.gif");
	assert_true(facts_may_hold_more(m, &c, SPAN_LIT("GIF89a")));
	m->part[0]->nalt_name = 0;
	assert_false(facts_may_hold_more(m, &c, SPAN_LIT("GIF89a")));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(matching), T(needs), T(facts),
	    T(raw_file), T(no_memory), T(reasons), T(contents_needed),
	    T(second_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
