#include "arena_fixture.h"

#include "lib/mail/smtp.h"

static struct envelope
empty_env(void)
{
	return (struct envelope){.logid = "", .queue_id = "", .sender = "",
	    .ret = "", .envid = "", .client_name = "", .client_addr = "",
	    .client_port = "", .client_helo = "", .client_proto = "",
	    .client_source = ""};
}

static void
test_verbs(void **state)
{
	struct span args;

	(void)state;
	assert_int_equal(SMTP_MAIL,
	    smtp_verb(SPAN_LIT("mAiL FROM:<a@b> SIZE=1 "), &args));
	assert_true(span_eq(args, SPAN_LIT("FROM:<a@b> SIZE=1")));
	assert_int_equal(SMTP_DATA, smtp_verb(SPAN_LIT("DATA"), &args));
	assert_int_equal(0, args.n);
	assert_int_equal(SMTP_LHLO, smtp_verb(SPAN_LIT("LHLO gw"), &args));
	assert_int_equal(SMTP_XFORWARD,
	    smtp_verb(SPAN_LIT("XFORWARD NAME=a"), &args));
	assert_int_equal(SMTP_QUIT, smtp_verb(SPAN_LIT("quit"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT(""), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT(" DATA"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT("DATAX"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT("BDAT 1 LAST"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT("NOOP a\rb"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT("NOOP a\nb"), &args));
	assert_int_equal(SMTP_BAD, smtp_verb(SPAN_LIT("NOOP a\0b"), &args));
}

struct mail_case {
	const char *args;
	int code;		/* 0 = accepted */
	const char *sender;
};

static void
test_mail(void **state)
{
	static const struct mail_case cases[] = {
		{"FROM:<>", 0, ""},
		{"from:<a@example.com>", 0, "a@example.com"},
		{"FROM: <a@example.com>", 0, "a@example.com"},
		{"FROM:a@example.com SIZE=3", 0, "a@example.com"},
		{"FROM:<root>", 0, "root"},
		{"FROM:<a..b.@example.com>", 0, "a..b.@example.com"},
		{"FROM:<\"a b\"@example.com>", 0, "\"a b\"@example.com"},
		{"FROM:<\"a\\\"> <\"@example.com>", 0,
		    "\"a\\\"> <\"@example.com"},
		{"FROM:<@x.example,@y.example:a@b.example>", 0, "a@b.example"},
		{"FROM:<a@[192.0.2.1]>", 0, "a@[192.0.2.1]"},
		{"FROM:<a@[IPv6:2001:db8::1]>", 0, "a@[IPv6:2001:db8::1]"},
		{"FROM:<b\xc3\xbcro@b\xc3\xbc" "cher.example> SMTPUTF8", 0,
		    "b\xc3\xbcro@b\xc3\xbc" "cher.example"},
		{"FROM:<b\xc3\xbcro@b.example>", 0, "b\xc3\xbcro@b.example"},
		{"FROM:<b\xfcro@b.example> SMTPUTF8", 501, NULL},
		{"FROM:<\xed\xa0\x80@b.example> SMTPUTF8", 501, NULL},
		{"", 501, NULL},
		{"FROM", 501, NULL},
		{"FROM:", 501, NULL},
		{"FROM:<", 501, NULL},
		{"FROM:<a@b", 501, NULL},
		{"FROM:<a@>", 501, NULL},
		{"FROM:<@b>", 501, NULL},
		{"FROM:<@a:>", 501, NULL},
		{"FROM:<a@b@c>", 501, NULL},
		{"FROM:<a b@c>", 501, NULL},
		{"FROM:<a@b>SIZE=1", 501, NULL},
		{"FROM:<\"a@b>", 501, NULL},
		{"FROM:<\"a\\", 501, NULL},
		{"FROM:<a@[192.0.2.1>", 501, NULL},
		{"FROM:<a@b c>", 501, NULL},
		{"TO:<a@b>", 501, NULL},
		{"FROM:<a@b> SIZE=", 501, NULL},
		{"FROM:<a@b> SIZE=-1", 501, NULL},
		{"FROM:<a@b> SIZE=12x", 501, NULL},
		{"FROM:<a@b> SIZE=99999999999999999999", 501, NULL},
		{"FROM:<a@b> BODY=BINARYMIME", 501, NULL},
		{"FROM:<a@b> SMTPUTF8=yes", 501, NULL},
		{"FROM:<a@b> RET=SOME", 501, NULL},
		{"FROM:<a@b> RET=FULL RET=HDRS", 501, NULL},
		{"FROM:<a@b> ENVID=", 501, NULL},
		{"FROM:<a@b> ENVID=a\x01", 501, NULL},
		{"FROM:<a@b> FOO=1", 555, NULL},
		{"FROM:<a@b> BAR", 555, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct envelope env = empty_env();
		struct smtp_reply r = {0};
		uint64_t size;
		bool ok;

		env.sender = "untouched";
		ok = smtp_parse_mail(span_str(cases[i].args), &env, &size,
		    &arena, &r);
		if (ok != (cases[i].code == 0))
			fail_msg("%s: %s", cases[i].args, r.text);
		assert_int_equal(cases[i].code, r.code);
		assert_string_equal(ok ? cases[i].sender : "untouched",
		    env.sender);
	}
}

static void
test_mail_params(void **state)
{
	struct envelope env = empty_env();
	struct smtp_reply r;
	uint64_t size;

	(void)state;
	assert_true(smtp_parse_mail(SPAN_LIT("FROM:<a@b>  size=299 "
	    "body=8bitmime EnvId=QQ31+2B RET=hdrs smtputf8"), &env, &size,
	    &arena, &r));
	assert_int_equal(299, size);
	assert_true(env.body_8bit);
	assert_true(env.smtputf8);
	assert_string_equal("QQ31+2B", env.envid);
	assert_string_equal("hdrs", env.ret);
	/* The next transaction starts clean. */
	assert_true(smtp_parse_mail(SPAN_LIT("FROM:<a@b> BODY=7BIT"), &env,
	    &size, &arena, &r));
	assert_int_equal(0, size);
	assert_false(env.body_8bit);
	assert_false(env.smtputf8);
	assert_string_equal("", env.envid);
	assert_string_equal("", env.ret);
}

static void
test_rcpt(void **state)
{
	struct recipient rc;
	struct smtp_reply r;
	static const char *const bad[] = {
		"TO:<>", "TO:", "FROM:<a@b>", "TO:<a@b> NOTIFY=",
		"TO:<a@b> NOTIFY=NEVER,SUCCESS", "TO:<a@b> NOTIFY=SUCCESS,",
		"TO:<a@b> ORCPT=rfc822", "TO:<a@b> ORCPT=;x",
		"TO:<a@b> ORCPT=rfc822;", "TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY",
		"TO:<a@b> ORCPT=rfc822;a\x7fz",
	};

	(void)state;
	assert_true(smtp_parse_rcpt(SPAN_LIT("to:<b@example.net> "
	    "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@example.net"), &rc,
	    &arena, &r));
	assert_string_equal("b@example.net", rc.addr);
	assert_string_equal("SUCCESS,FAILURE", rc.notify);
	assert_string_equal("rfc822;Bob@example.net", rc.orcpt);
	assert_true(smtp_parse_rcpt(SPAN_LIT("TO:<postmaster>"), &rc, &arena,
	    &r));
	assert_string_equal("postmaster", rc.addr);
	assert_string_equal("", rc.notify);
	assert_string_equal("", rc.orcpt);
	assert_false(smtp_addr_is_utf8(rc.addr));
	assert_true(smtp_parse_rcpt(SPAN_LIT("TO:<b\xc3\xbcro@example.net> "
	    "ORCPT=utf-8;b\\x{FC}ro@example.net"), &rc, &arena, &r));
	assert_true(smtp_addr_is_utf8(rc.addr));
	assert_string_equal("utf-8;b\\x{FC}ro@example.net", rc.orcpt);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (smtp_parse_rcpt(span_str(bad[i]), &rc, &arena, &r))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(501, r.code);
	}
	assert_false(smtp_parse_rcpt(SPAN_LIT("TO:<a@b> SIZE=1"), &rc, &arena,
	    &r));
	assert_int_equal(555, r.code);
}

static void
test_arena_exhausted(void **state)
{
	struct envelope env = empty_env();
	struct recipient rc;
	struct smtp_reply r;
	struct arena tiny;
	uint64_t size;

	(void)state;
	arena_init(&tiny, 16);
	assert_false(smtp_parse_mail(SPAN_LIT("FROM:<aaaaaaaaaaaaaaaaaaaa@b>"),
	    &env, &size, &tiny, &r));
	assert_int_equal(452, r.code);
	assert_false(smtp_parse_rcpt(SPAN_LIT("TO:<aaaaaaaaaaaaaaaaaaaaa@b>"),
	    &rc, &tiny, &r));
	assert_int_equal(452, r.code);
	assert_false(smtp_parse_xforward(SPAN_LIT("NAME=aaaaaaaaaaaaaaaaaaa"),
	    &env, &tiny, &r));
	assert_int_equal(452, r.code);
	arena_free(&tiny);
}

static void
test_xforward(void **state)
{
	struct envelope env = empty_env();
	struct smtp_reply r;

	(void)state;
	assert_true(smtp_parse_xforward(SPAN_LIT("NAME=mail.example.org "
	    "addr=IPV6:2001:db8::1 PORT=4711"), &env, &arena, &r));
	assert_true(smtp_parse_xforward(SPAN_LIT("PROTO=ESMTP "
	    "HELO=a+2Bb+20+C3+BC+fc IDENT=4jYZLd58LYz1drP3 SOURCE=remote"),
	    &env, &arena, &r));
	assert_string_equal("mail.example.org", env.client_name);
	assert_string_equal("2001:db8::1", env.client_addr);
	assert_string_equal("4711", env.client_port);
	assert_string_equal("ESMTP", env.client_proto);
	assert_string_equal("a+b \xc3\xbc?", env.client_helo);
	assert_string_equal("4jYZLd58LYz1drP3", env.queue_id);
	assert_string_equal("REMOTE", env.client_source);
	assert_true(smtp_parse_xforward(SPAN_LIT("NAME=[UNAVAILABLE] "
	    "IDENT=[UNAVAILABLE] ADDR=[UNAVAILABLE] PORT=[UNAVAILABLE] "
	    "SOURCE=[UNAVAILABLE] HELO="), &env, &arena, &r));
	assert_string_equal("", env.client_name);
	assert_string_equal("", env.queue_id);
	assert_string_equal("", env.client_addr);
	assert_string_equal("", env.client_port);
	assert_string_equal("", env.client_source);
	assert_string_equal("", env.client_helo);
}

static void
test_xforward_bad(void **state)
{
	static const char *const bad[] = {
		"", "NAME", "FOO=1", "NAME=a+0Ab", "NAME=a+0", "NAME=a+",
		"NAME=a+zz", "NAME=a+00", "NAME=a\x01", "ADDR=1.2.3",
		"ADDR=IPV6:xyz", "ADDR=1.2.3.4+20x", "PORT=65536", "PORT=-1",
		"PORT=1x", "SOURCE=ELSEWHERE", "IDENT=../x", "IDENT=a+20b",
	};
	struct smtp_reply r;
	char line[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct envelope env = empty_env();

		if (smtp_parse_xforward(span_str(bad[i]), &env, &arena, &r))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(501, r.code);
	}
	for (size_t n = 255; n <= 256; n++) {
		struct envelope env = empty_env();

		memset(line, 'x', sizeof(line));
		memcpy(line, "PROTO=ESMTP NAME=", 17);
		assert_int_equal(n == 255, smtp_parse_xforward(
		    span_of(line, 17 + n), &env, &arena, &r));
		/* All or nothing. */
		assert_string_equal(n == 255 ? "ESMTP" : "", env.client_proto);
	}
}

static void
test_xtext_round_trip(void **state)
{
	struct envelope env = empty_env();
	struct smtp_reply r;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	smtp_xtext_put(&b, "a+b=c \xc3\xbc~!");
	assert_string_equal("a+2Bb+3Dc+20+C3+BC~!", buf_cstr(&b));
	buf_reset(&b);
	buf_puts(&b, "HELO=");
	smtp_xtext_put(&b, "a+b=c \xc3\xbc~!");
	assert_true(smtp_parse_xforward(buf_span(&b), &env, &arena, &r));
	assert_string_equal("a+b=c \xc3\xbc~!", env.client_helo);
	buf_free(&b);
}

struct data_case {
	struct span in;
	struct span out;
	bool done, bare;
	size_t rest;		/* bytes behind the end */
};

#define L SPAN_LIT
static const struct data_case data_cases[] = {
	{L(".\r\n"), L(""), true, false, 0},
	{L("a\r\n.\r\n"), L("a\r\n"), true, false, 0},
	{L("a\r\n.\r\nQUIT\r\n"), L("a\r\n"), true, false, 6},
	{L("..\r\n...x\r\n.\r\n"), L(".\r\n..x\r\n"), true, false, 0},
	{L(".a\r\n.\r\n"), L("a\r\n"), true, false, 0},
	{L("\0\r\n.\r\n"), L("\0\r\n"), true, false, 0},
	/* Smuggling: none of these is an end. */
	{L("a\n.\n"), L("a\n.\n"), false, true, 0},
	{L("a\n.\r\n"), L("a\n.\r\n"), false, true, 0},
	{L("a\r\n.\n"), L("a\r\n\n"), false, true, 0},
	{L("a\r\n.\rb"), L("a\r\n\rb"), false, true, 0},
	{L("a\r.\r\n"), L("a\r.\r\n"), false, true, 0},
	{L("a\r.\rb"), L("a\r.\rb"), false, true, 0},
	{L("a\r\r\n.\r\r\nb"), L("a\r\r\n\r\r\nb"), false, true, 0},
	{L("a\r\n.\0\r\n"), L("a\r\n\0\r\n"), false, false, 0},
	{L("a\r\n\0.\r\n"), L("a\r\n\0.\r\n"), false, false, 0},
	{L("a\r\n.\r.\r\n"), L("a\r\n\r.\r\n"), false, true, 0},
	{L("a\r\n. \r\n"), L("a\r\n \r\n"), false, false, 0},
	{L("a\n\r\n.\r\n"), L("a\n\r\n"), true, true, 0},
	{L("a\n\r.\r\n"), L("a\n\r.\r\n"), false, true, 0},
	{L("a\r\n.\r\r\n.\r\n"), L("a\r\n\r\r\n"), true, true, 0},
	/* Unfinished. */
	{L("a\r\n.\r"), L("a\r\n"), false, false, 0},
	{L("a\r\n."), L("a\r\n"), false, false, 0},
	{L("a\r"), L("a"), false, false, 0},
};

/* Every cut into three packets gives the same as one. */
static void
data_check(const struct data_case *c, size_t cut1, size_t cut2)
{
	size_t from[] = {0, cut1, cut2, c->in.n};
	struct smtp_data d = {0};
	size_t used = 0;
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < 3 && !d.done; i++)
		used += smtp_data_feed(&d,
		    span_sub(c->in, from[i], from[i + 1] - from[i]), &out);
	assert_int_equal(c->in.n - c->rest, used);
	assert_int_equal(c->done, d.done);
	assert_int_equal(c->bare, d.bare);
	assert_int_equal(c->out.n, out.n);
	if (out.n > 0)
		assert_memory_equal(c->out.p, out.p, out.n);
	assert_int_equal(0, d.done ? smtp_data_feed(&d, L("x"), &out) : 0);
	buf_free(&out);
}

static void
test_data_feed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(data_cases) / sizeof(data_cases[0]); i++)
		for (size_t a = 0; a <= data_cases[i].in.n; a++)
			for (size_t b = a; b <= data_cases[i].in.n; b++)
				data_check(&data_cases[i], a, b);
}

static void
test_data_overflow(void **state)
{
	struct smtp_data d = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 2);
	assert_int_equal(8, smtp_data_feed(&d, L("abc\r\n.\r\nx"), &out));
	assert_true(d.done);
	assert_true(out.overflow);
	buf_free(&out);
}

static void
test_data_put(void **state)
{
	static const struct {
		struct span in, out;
	} cases[] = {
		{L(""), L(".\r\n")},
		{L("a\r\n"), L("a\r\n.\r\n")},
		{L("a"), L("a\r\n.\r\n")},
		{L("a\r"), L("a\r\n.\r\n")},
		{L(".\r\n..\r\n"), L("..\r\n...\r\n.\r\n")},
		/* Line ends first, then dots: nothing to smuggle. */
		{L("a\n.\nb\r.\rc"), L("a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n")},
		{L("a\n\r\n"), L("a\r\n\r\n.\r\n")},
		{L("a\r\r\n"), L("a\r\n\r\n.\r\n")},
		{L("\0.\r\n"), L("\0.\r\n.\r\n")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;

		buf_init(&out, 1000);
		smtp_data_put(&out, cases[i].in);
		assert_int_equal(cases[i].out.n, out.n);
		assert_memory_equal(cases[i].out.p, out.p, out.n);
		buf_free(&out);
	}
}

/* Random bytes of the dangerous kind: put, then feed, gives the message. */
static void
test_data_round_trip(void **state)
{
	static const char *const piece[] = {
		".", "\r\n", "\r", "\n", "x", ".\r\n", "\r\n.\r\n"};

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct buf msg, want, wire, back;
		struct smtp_data d = {0};
		int n = rand() % 12;

		buf_init(&msg, 1000);
		buf_init(&want, 1000);
		buf_init(&wire, 1000);
		buf_init(&back, 1000);
		while (n-- > 0)
			buf_puts(&msg, piece[rand() % 7]);
		for (size_t i = 0; i < msg.n; i++) {
			if (msg.p[i] != '\r' && msg.p[i] != '\n') {
				buf_putc(&want, msg.p[i]);
				continue;
			}
			buf_puts(&want, "\r\n");
			if (msg.p[i] == '\r' && i + 1 < msg.n &&
			    msg.p[i + 1] == '\n')
				i++;
		}
		if (msg.n > 0 && msg.p[msg.n - 1] != '\n' &&
		    msg.p[msg.n - 1] != '\r')
			buf_puts(&want, "\r\n");
		smtp_data_put(&wire, buf_span(&msg));
		assert_int_equal(wire.n,
		    smtp_data_feed(&d, buf_span(&wire), &back));
		assert_true(d.done);
		assert_false(d.bare);
		assert_true(span_eq(buf_span(&want), buf_span(&back)));
		buf_free(&msg);
		buf_free(&want);
		buf_free(&wire);
		buf_free(&back);
	}
}

static void
test_reply_set(void **state)
{
	char big[2000];
	struct smtp_reply r;

	(void)state;
	smtp_reply_set(&r, 250, "2.5.0 OK (%s)", "A\r\nB");
	assert_int_equal(250, r.code);
	assert_string_equal("2.5.0 OK (A??B)", r.text);
	smtp_reply_set(&r, 451, "%s again", r.text);
	assert_string_equal("2.5.0 OK (A??B) again", r.text);
	memset(big, 'x', sizeof(big));
	memcpy(big + 993, "\xc3\xbc", 2);
	big[1999] = '\0';
	smtp_reply_set(&r, 250, "%s", big);
	/* "250 " + text fits, and no character is cut in half. */
	assert_int_equal(993, strlen(r.text));
}

static void
test_reply_lines(void **state)
{
	struct smtp_reply_reader rr = {0};
	static const struct span bad[] = {
		L(""), L("25"), L("150 x"), L("600 x"), L("2x0 x"), L("250x"),
		L("2500"), L(" 250 x"), L("-50 x"), L("\xff\xfe\xfd")};

	(void)state;
	smtp_reply_line(&rr, L("550-5.1.1 first\x01"));
	assert_true(rr.started && !rr.done);
	smtp_reply_line(&rr, L("550 second"));
	assert_true(rr.done && !rr.bad);
	assert_int_equal(550, rr.reply.code);
	assert_string_equal("5.1.1 first?", rr.reply.text);

	rr = (struct smtp_reply_reader){0};
	smtp_reply_line(&rr, L("354"));
	assert_true(rr.done);
	assert_int_equal(354, rr.reply.code);
	assert_string_equal("", rr.reply.text);

	rr = (struct smtp_reply_reader){0};
	smtp_reply_line(&rr, L("250-a"));
	smtp_reply_line(&rr, L("550 b"));
	assert_true(rr.bad && !rr.done);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rr = (struct smtp_reply_reader){0};
		smtp_reply_line(&rr, bad[i]);
		assert_true(rr.bad);
		assert_false(rr.done);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_mail_params),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_arena_exhausted),
		cmocka_unit_test(test_xforward),
		cmocka_unit_test(test_xforward_bad),
		cmocka_unit_test(test_xtext_round_trip),
		cmocka_unit_test(test_data_feed),
		cmocka_unit_test(test_data_overflow),
		cmocka_unit_test(test_data_put),
		cmocka_unit_test(test_data_round_trip),
		cmocka_unit_test(test_reply_set),
		cmocka_unit_test(test_reply_lines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
