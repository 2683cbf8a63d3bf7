/*
 * Evaluation, by a table: rules as text, a message, an envelope, and the plan
 * as text (rules_text.h tells how to read them).
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
#include "rules_mail.h"
#include "rules_text.h"

enum { MAX_RCPT = 8 };

/* Beside the one of rules_mail.h. */
static struct mime_part single = {.type = "application", .subtype = "pdf",
	.charset = "", .disposition = "", .filename = "a.pdf",
	.field = inner_fields, .nfield = 1};
static struct mime_part *single_list[] = {&single};
static struct mime single_mail = {.part = single_list, .npart = 1};

/* ---- the table ---- */

enum { MIXED, SINGLE };
enum { UNKNOWN = -1 };

struct test_case {
	const char *name;
	const char *rules;
	const char *sender, *client;
	const char *rcpt[MAX_RCPT];
	const char *plan;
	enum direction dir;
	int minute;
	int spam;			/* level, or UNKNOWN */
	const char *virus;
	int list[MAX_RCPT];
	bool has_list;
	int mail;
	bool magic;
	int weekday;			/* 0 = Monday */
	int64_t time;
	enum spf_result spf;
	uint64_t size;
};

static const struct test_case cases[] = {
	/* Ends and order */
	{"no rule accepts", "50 in from e=x@y do block", A, "",
	    {B, C}, .plan = "0,1=accept"},
	{"no rules at all for this direction", "50 out do block", A, "",
	    {B}, .plan = "0=accept"},
	{"empty categories match all", "50 in do block", A, "", {B, C},
	    .plan = "0,1=block#1"},
	{"both directions", "50 both do block", A, "", {B}, "0=block#1",
	    .dir = DIR_OUT},
	{"out matches out", "50 out do quar", A, "", {B}, "0=quar#1",
	    .dir = DIR_OUT},
	{"inactive rules do nothing", "off 50 in do block", A, "", {B},
	    .plan = "0=accept"},
	{"higher priority first", "10 in do block\n90 in do accept", A, "",
	    {B}, .plan = "0=accept#2"},
	{"tie: the higher id first", "50 in do block\n50 in do accept", A, "",
	    {B}, .plan = "0=accept#2"},
	{"tie: ids, not order of definition",
	    "@9 50 in do block\n@3 50 in do accept", A, "", {B},
	    .plan = "0=block#9"},
	{"final rules end it for their recipients only",
	    "90 in to e=" B " do quar\n50 in do set=X-L=1 block", A, "",
	    {B, C}, .plan = "0=quar#1 1=block#2 set(X-L)#2 -X-L"},
	{"a rule without action does nothing", "90 in\n50 in do block", A, "",
	    {B}, .plan = "0=block#2"},
	{"an empty group matches nothing", "50 in from none do block", A, "",
	    {B}, .plan = "0=accept"},
	{"of several ends the lowest order wins",
	    "50 in do accept block quar", A, "", {B}, .plan = "0=quar#1"},
	{"block before accept", "50 in do accept block", A, "", {B},
	    .plan = "0=block#1"},

	/* Who */
	{"address, any case", "50 in from e=A@EXAMPLE.org do block", A, "",
	    {B}, .plan = "0=block#1"},
	{"domain, any case", "50 in to d=example.com do block", A, "", {B, C},
	    .plan = "0=block#1 1=accept"},
	{"domain without subdomains", "50 in from d=example.org do block",
	    "a@sub.example.org", "", {B}, .plan = "0=accept"},
	{"domain is behind the last @", "50 in from d=example.org do block",
	    "\"x@evil.test\"@example.org", "", {B}, .plan = "0=block#1"},
	{"a domain is no address", "50 in from d=example.org do block",
	    "example.org", "", {B}, .plan = "0=accept"},
	{"regex matches the whole address", "50 in from r=a@example do block",
	    A, "", {B}, .plan = "0=accept"},
	{"regex, any case", "50 in from r=.*@EXAMPLE\\.(org|net) do block",
	    A, "", {B}, .plan = "0=block#1"},
	{"regex alternatives stay anchored",
	    "50 in from r=x@y|example do block", A, "", {B},
	    .plan = "0=accept"},
	{"null sender by regex", "50 in from r=^$ do block", "", "", {B},
	    .plan = "0=block#1"},
	{"null sender is no domain", "50 in from d=example.org do block", "",
	    "", {B}, .plan = "0=accept"},
	{"sender that is not UTF-8",
	    "50 in from r=.*@example\\.org do block", "\xff@example.org", "",
	    {B}, .plan = "0=block#1"},
	{"client address", "50 in from ip=192.0.2.1 do block", A,
	    "192.0.2.1", {B}, .plan = "0=block#1"},
	{"mapped IPv4 is IPv4", "50 in from ip=192.0.2.1 do block", A,
	    "::ffff:192.0.2.1", {B}, .plan = "0=block#1"},
	{"and the other way round",
	    "50 in from net=::ffff:192.0.2.0/120 do block", A, "192.0.2.77",
	    {B}, .plan = "0=block#1"},
	{"network v4, inside", "50 in from net=192.0.2.7/28 do block", A,
	    "192.0.2.15", {B}, .plan = "0=block#1"},
	{"network v4, outside", "50 in from net=192.0.2.0/28 do block", A,
	    "192.0.2.16", {B}, .plan = "0=accept"},
	{"network v6", "50 in from net=2001:db8::/32 do block", A,
	    "2001:DB8:ffff::1", {B}, .plan = "0=block#1"},
	{"0.0.0.0/0 is all of IPv4", "50 in from net=0.0.0.0/0 do block", A,
	    "198.51.100.9", {B}, .plan = "0=block#1"},
	{"::/0 is not IPv4", "50 in from net=::/0 do block", A,
	    "198.51.100.9", {B}, .plan = "0=accept"},
	{"no client address matches no network",
	    "50 in from net=0.0.0.0/0 do block", A, "", {B},
	    .plan = "0=accept"},
	{"networks do not look at recipients",
	    "50 in to net=0.0.0.0/0 do block", A, "192.0.2.1", {B},
	    .plan = "0=accept"},
	{"or inside a group", "50 in from e=x@y d=example.org do block", A,
	    "", {B}, .plan = "0=block#1"},
	{"or between groups", "50 in from e=x@y + e=" A " do block", A, "",
	    {B}, .plan = "0=block#1"},
	{"and between categories",
	    "50 in from e=" A " to e=x@y do block", A, "", {B},
	    .plan = "0=accept"},

	/* When */
	{"before the time", "50 in when t=480-960 do block", A, "", {B},
	    "0=accept", .minute = 479},
	{"first minute", "50 in when t=480-960 do block", A, "", {B},
	    "0=block#1", .minute = 480},
	{"last minute", "50 in when t=480-960 do block", A, "", {B},
	    "0=block#1", .minute = 960},
	{"after the time", "50 in when t=480-960 do block", A, "", {B},
	    "0=accept", .minute = 961},
	{"over midnight, evening", "50 in when t=1320-360 do block", A, "",
	    {B}, "0=block#1", .minute = 1439},
	{"over midnight, morning", "50 in when t=1320-360 do block", A, "",
	    {B}, "0=block#1", .minute = 0},
	{"over midnight, noon", "50 in when t=1320-360 do block", A, "", {B},
	    "0=accept", .minute = 720},
	{"equal times are the whole day", "50 in when t=600-600 do block", A,
	    "", {B}, "0=block#1", .minute = 3},
	{"24:00 ends the day", "50 in when t=0-1440 do block", A, "", {B},
	    "0=block#1", .minute = 1439},
	{"second frame", "50 in when t=1-2 t=480-960 do block", A, "", {B},
	    "0=block#1", .minute = 500},

	{"the day on which it began", "50 in when fri=1320-360 do block", A,
	    "", {B}, "0=block#1", .minute = 180, .weekday = 5},
	{"not the day on which it ends", "50 in when fri=1320-360 do block",
	    A, "", {B}, "0=accept", .minute = 180, .weekday = 4},
	{"Sunday goes over into Monday", "50 in when su=1320-360 do block", A,
	    "", {B}, "0=block#1", .minute = 0, .weekday = 0},
	{"a day of the week", "50 in when mo=480-960 do block", A, "", {B},
	    "0=accept", .minute = 500, .weekday = 1},
	/* 2024-07-01 was a Monday; 22:30 UTC is 00:30 in Berlin. */
	{"the zone's own time and day",
	    "50 in when mo=1350-1350-UTC do block", A, "", {B}, "0=block#1",
	    .minute = 3, .weekday = 3, .time = 1719873000},
	{"summer time", "50 in when t=29-30-Europe/Berlin do block", A, "",
	    {B}, "0=block#1", .time = 1719873000},
	{"winter time", "50 in when t=29-30-Europe/Berlin do block", A, "",
	    {B}, "0=accept", .time = 1719873000 - 184 * 86400},

	/* Who: receivers, subdomains, LDAP */
	{"subdomains: the domain itself", "50 in from ds=example.org do block",
	    A, "", {B}, .plan = "0=block#1"},
	{"subdomains: below", "50 in from ds=Example.org do block",
	    "a@x.y.example.org", "", {B}, .plan = "0=block#1"},
	{"subdomains: not what only ends like it",
	    "50 in from ds=example.org do block", "a@badexample.org", "", {B},
	    .plan = "0=accept"},
	{"subdomains: not above", "50 in from ds=x.example.org do block", A,
	    "", {B}, .plan = "0=accept"},
	{"receivers in To", "50 in to rcpt=" B " rcptd=example.net do block",
	    A, "", {B, C, A}, .plan = "0,1=block#1 2=accept"},
	{"receivers never in From",
	    "50 in from rcpt=" A " rcptd=example.org rcptr=.* do block", A, "",
	    {B}, .plan = "0=accept"},
	{"receiver expression", "50 in to rcptr=b@.* do block", A, "", {B, C},
	    .plan = "0=block#1 1=accept"},
	{"no directory: nobody is known or unknown",
	    "50 in from known unknown do block", A, "", {B},
	    .plan = "0=accept"},

	/* Modes of who */
	{"all objects", "50 in from e=" A " (all) d=example.org do block", A,
	    "", {B}, .plan = "0=block#1"},
	{"all: one is missing", "50 in from e=" A " (all) d=x.org do block",
	    A, "", {B}, .plan = "0=accept"},
	{"at least one does not", "50 in from e=" A " (notall) d=x.org "
	    "do block", A, "", {B}, .plan = "0=block#1"},
	{"none", "50 in to e=" B " (none) do block", A, "", {B, C},
	    .plan = "0=accept 1=block#1"},
	{"none of the groups", "50 in to (none) e=" B " + e=" A " do block",
	    A, "", {B, C}, .plan = "0=accept 1=block#1"},
	{"all of the groups", "50 in from (all) e=" A " + d=x.org do block",
	    A, "", {B}, .plan = "0=accept"},
	{"an empty group matches in \"none\"",
	    "50 in from none (none) do block", A, "", {B},
	    .plan = "0=block#1"},
	{"and in no other mode", "50 in from none (notall) do block", A, "",
	    {B}, .plan = "0=accept"},

	/* Modes of what, and marks */
	{"all restricts the marks", "50 in what file=.*\\.exe (all) "
	    "type=application/octet-stream do rm", A, "", {B},
	    .plan = "0=accept rm#1{2}"},
	{"two parts are not one", "50 in what file=.*\\.exe (all) "
	    "type=image/ do rm", A, "", {B}, .plan = "0=accept"},
	{"the whole mail restricts nothing", "50 in what file=.*\\.exe (all) "
	    "virus do rm", A, "", {B}, "0=accept rm#1{2}", .virus = "x"},
	{"none marks the other leaves", "50 in what file=.*\\.exe (none) "
	    "do rm", A, "", {B}, .plan = "0=accept rm#1{1,3,4,6}"},
	{"none, and all are it", "50 in what type=application/pdf (none) "
	    "do rm", A, "", {B}, "0=accept", .mail = SINGLE},
	{"spam in a mode is each recipient's own",
	    "50 in what spam=5 (none) do quar", A, "", {B, C},
	    "0=accept 1=quar#1", .spam = 9, .list = {0, -1},
	    .has_list = true},
	{"marks that differ split the copies",
	    "50 in what file=.*\\.exe + type=image/ (all) spam=5 do rm", A,
	    "", {B, C}, "0=accept rm#1{2,3} 1=accept rm#1{2}", .spam = 9,
	    .list = {0, -1}, .has_list = true},

	/* What: SPF, size, options */
	{"SPF result", "50 in what spf=16 do quar", A, "", {B}, "0=quar#1",
	    .spf = SPF_FAIL},
	{"another SPF result", "50 in what spf=16 do quar", A, "", {B},
	    "0=accept", .spf = SPF_PASS},
	{"SPF was not evaluated", "50 in what spf=254 do quar", A, "", {B},
	    .plan = "0=accept"},
	{"size, both ends count", "50 in what size=10-20 do quar", A, "", {B},
	    "0=quar#1", .size = 20},
	{"size, too large", "50 in what size=10-20 do quar", A, "", {B},
	    "0=accept", .size = 21},
	{"size without end", "50 in what size=10-0 do quar", A, "", {B},
	    "0=quar#1", .size = 1u << 30},
	{"top part only", "50 in what top=Subject=^inner do quar", A, "", {B},
	    .plan = "0=accept"},
	{"type by content only",
	    "50 in what ctype=application/x-ms-dos-executable do rm", A, "",
	    {B}, "0=accept rm#1{4}", .magic = true},

	/* What: spam and virus */
	{"spam level reached", "50 in what spam=5 do quar", A, "", {B, C},
	    "0,1=quar#1", .spam = 5},
	{"spam level not reached", "50 in what spam=5 do quar", A, "", {B},
	    "0=accept", .spam = 4},
	{"unknown level matches nothing", "50 in what spam=0 do quar", A, "",
	    {B}, "0=accept", .spam = UNKNOWN},
	{"user lists: allowed and blocked", "50 in what spam=5 do quar", A,
	    "", {B, C, A}, "0,2=accept 1=quar#1", .spam = 0,
	    .list = {0, 1, -1}, .has_list = true},
	{"allowed though it is spam", "50 in what spam=5 do quar", A, "",
	    {B, C}, "0=quar#1 1=accept", .spam = 9, .list = {0, -1},
	    .has_list = true},
	{"blocked is level 100, not more", "50 in what spam=101 do quar", A,
	    "", {B}, "0=accept", .list = {1}, .has_list = true},
	{"blocked even when the level is unknown",
	    "50 in what spam=5 do quar", A, "", {B}, "0=quar#1",
	    .spam = UNKNOWN, .list = {1}, .has_list = true},
	{"allowed does not undo another match",
	    "50 in what spam=5 virus do quar", A, "", {B}, "0=quar#1",
	    .spam = 9, .virus = "Eicar", .list = {-1}, .has_list = true},
	{"levels: the higher rule gets the worse spam",
	    "82 in what spam=10 do block\n80 in what spam=3 do quar", A, "",
	    {B}, "0=block#1", .spam = 11},
	{"virus", "50 in what virus do quar", A, "", {B}, "0=quar#1",
	    .virus = "Eicar"},
	{"no virus", "50 in what virus do quar", A, "", {B},
	    .plan = "0=accept"},

	/* What: parts */
	{"file name, any case", "50 in what file=.*\\.exe do rm", A, "", {B},
	    .plan = "0=accept rm#1{2}"},
	{"file name as a whole", "50 in what file=etup do rm", A, "", {B},
	    .plan = "0=accept"},
	{"another name of the part", "50 in what file=.*\\.vbs do rm", A, "",
	    {B}, .plan = "0=accept rm#1{3}"},
	{"dots and blanks at the end", "50 in what file=.*\\.pif do rm", A,
	    "", {B}, .plan = "0=accept rm#1{6}"},
	{"declared type", "50 in what type=image/.* do rm", A, "", {B},
	    .plan = "0=accept rm#1{3}"},
	{"type anywhere, any case", "50 in what type=IMAGE/* do rm", A, "",
	    {B}, .plan = "0=accept rm#1{3}"},
	{"type by name", "50 in what type=application/x-ms-dos-executable "
	    "do rm", A, "", {B}, .plan = "0=accept rm#1{2,6}"},
	{"type by content, under its other name",
	    "50 in what type=application/x-ms-dos-executable do rm", A, "",
	    {B}, "0=accept rm#1{2,4,6}", .magic = true},
	{"the top of a multipart is no part", "50 in what type=multipart/ "
	    "do rm", A, "", {B}, .plan = "0=accept rm#1"},
	{"a mail inside is one", "50 in what type=message/rfc822 do rm", A,
	    "", {B}, .plan = "0=accept rm#1{5}"},
	{"a single part is marked", "50 in what type=application/pdf do rm",
	    A, "", {B}, "0=accept rm#1{0}", .mail = SINGLE},
	{"marks are united", "50 in what file=.*\\.exe + type=image/ do rm",
	    A, "", {B}, .plan = "0=accept rm#1{2,3}"},
	{"spam adds no marks", "50 in what spam=3 file=.*\\.exe do rm", A,
	    "", {B}, "0=accept rm#1{2}", .spam = 9},
	{"marks belong to their rule",
	    "50 in what file=.*\\.exe do rm\n40 in what type=image/ do rm",
	    A, "", {B}, .plan = "0=accept rm#1{2} rm#2{3}"},
	{"decoded field, unfolded, UTF-8",
	    "50 in what field=subject=J\xc3\xbcrgens.*invoice do quar", A, "",
	    {B}, .plan = "0=quar#1"},
	{"field, upper case of a letter that is not ASCII",
	    "50 in what field=Subject=J\xc3\x9cRGENS do quar", A, "", {B},
	    .plan = "0=quar#1"},
	{"field of a part inside, marked",
	    "50 in what field=Subject=^inner do rm", A, "", {B},
	    .plan = "0=accept rm#1{6}"},
	{"every field of that name", "50 in what field=X-Twice=two do quar",
	    A, "", {B}, .plan = "0=quar#1"},
	{"a field of the mail itself marks no part, with one part, too",
	    "50 in what field=Subject=^inner do rm", A, "", {B},
	    "0=accept rm#1", .mail = SINGLE},
	{"a field that a rule sets is not believed",
	    "50 in what field=x-twice=two do quar\n40 in do set=X-Twice=no",
	    A, "", {B}, .plan = "0=accept set(X-Twice)#2 -X-Twice"},
	{"but in the other direction",
	    "50 in what field=X-Twice=two do quar\n40 out do set=X-Twice=no",
	    A, "", {B}, .plan = "0=quar#1"},
	{"a name with folders in the header", "50 in what file=evil\\.js do rm",
	    A, "", {B}, .plan = "0=accept rm#1{3}"},
	{"another field's text", "50 in what field=From=invoice do quar",
	    A, "", {B}, .plan = "0=accept"},
	{"same pattern for two fields",
	    "50 in what field=From=two field=X-Twice=two do quar", A, "",
	    {B}, .plan = "0=quar#1"},

	/* Plan */
	{"order of actions within a rule",
	    "50 in do quar disc rm set=X-A=1", A, "", {B},
	    .plan = "0=quar#1 set(X-A)#1 rm#1 disc#1 -X-A"},
	{"equal order stays as written",
	    "50 in do set=X-B=1 set=X-A=1 + set=Subject=1", A, "", {B},
	    .plan = "0=accept set(X-B)#1 set(X-A)#1 set(Subject)#1 -X-B -X-A"},
	{"recipients with the same steps share a copy",
	    "90 in to e=" B " do set=X-A=1\n80 in do disc", A, "", {B, C, A},
	    .plan = "0=accept set(X-A)#1 disc#2 1,2=accept disc#2 -X-A"},
	{"groups are made of steps and end, not of neighbours",
	    "90 in to e=" C " do set=S=1", A, "", {B, C, A},
	    .plan = "0,2=accept 1=accept set(S)#1"},
	{"different rules with the same end are two groups",
	    "90 in to e=" B " do quar\n80 in to e=" C " do quar", A, "",
	    {B, C}, .plan = "0=quar#1 1=quar#2"},
	{"rules without steps do not split",
	    "90 in to e=" B " do notify=x@y", A, "", {B, C},
	    .plan = "0,1=accept !notify#1(0)g0"},
	{"a notice goes out once per rule and action",
	    "90 in do bcc=x@y notify=z@y", A, "", {B, C},
	    .plan = "0,1=accept !bcc#1(0,1)g0 !notify#1(0,1)g0"},
	{"a notice is about the rule's recipients",
	    "90 in to e=" C " do bcc=x@y quar\n80 in do bcc=x@y", A, "",
	    {B, C}, .plan = "0=accept 1=quar#1 !bcc#1(1)g1 !bcc#2(0)g0"},
	{"the same recipient twice", "90 in to e=" B " do block", A, "",
	    {B, B}, .plan = "0,1=block#1"},
	{"strip list: of active rules of the direction, X- only, once",
	    "90 in do set=X-A=1 set=Subject=1\noff 80 in do set=X-B=1\n"
	    "70 out do set=X-C=1\n60 in from e=x@y do set=x-a=2 set=x-D=2",
	    A, "", {B}, .plan = "0=accept set(X-A)#1 set(Subject)#1 -X-A -x-D"},
	{"an early rule keeps its steps behind a later end",
	    "90 in do set=X-A=1\n80 in do block", A, "", {B},
	    .plan = "0=block#2 set(X-A)#1 -X-A"},
	{"no recipients", "50 in do block", A, "", {NULL}, .plan = ""},
};

static void
run_case(const struct test_case *t)
{
	struct ruleset *rs = rules_from_text(t->rules);
	struct recipient rcpt[MAX_RCPT] = {{.addr = NULL}};
	signed char list[MAX_RCPT];
	struct envelope env = {.dir = t->dir, .sender = t->sender,
		.client_addr = t->client, .rcpt = rcpt};
	struct facts f = {.env = &env, .minute_of_day = t->minute,
		.weekday = t->weekday, .time = t->time, .spf = t->spf,
		.size = t->size,
		.mime = t->mail == SINGLE ? &single_mail : &mixed_mail,
		.magic_type = t->magic ? mixed_magic : NULL,
		.virus = t->virus, .spam_known = t->spam != UNKNOWN,
		.spam_level = t->spam == UNKNOWN ? 0 : t->spam,
		.user_list = t->has_list ? list : NULL};
	struct arena a;
	struct buf out;
	struct plan *p;

	for (; env.nrcpt < MAX_RCPT && t->rcpt[env.nrcpt] != NULL;
	    env.nrcpt++) {
		rcpt[env.nrcpt].addr = t->rcpt[env.nrcpt];
		list[env.nrcpt] = (signed char)t->list[env.nrcpt];
	}
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 16);
	p = rules_evaluate(rs, &f, &a);
	assert_non_null(p);
	put_plan(&out, p);
	if (strcmp(buf_cstr(&out), t->plan) != 0)
		fail_msg("%s:\n  rules %s\n  want  %s\n  have  %s", t->name,
		    t->rules, t->plan, buf_cstr(&out));
	buf_free(&out);
	arena_free(&a);
	ruleset_free(rs);
}

static void
test_cases(void **state)
{
	size_t n = sizeof(cases) / sizeof(cases[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		run_case(&cases[i]);
	printf("%zu evaluation cases\n", n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, setup_mail, NULL);
}
