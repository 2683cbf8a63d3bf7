/* The SMTP client against servers that fail, stop, or talk nonsense. */
#include "smtp_server.h"

#include "lib/base/clock.h"

/* Replies to MAIL, two RCPT and DATA at once, and what comes of them. */
struct fate {
	const char *replies;
	const char *body;	/* step that reads the body, NULL = none */
	const char *final;
	int rv;
	int code[2];
};

static void
test_fates(void **state)
{
	static const struct fate fates[] = {
		/* Connection lost after the dot: unknown, but 550 is known. */
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", NULL, 0,
		    {0, 550}},
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", ">250", 0,
		    {0, 550}},
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", ">250-x\r\n", 0,
		    {0, 550}},
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", ">garbage\r\n",
		    0, {0, 550}},
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", ">251 x\r\n", 0,
		    {0, 550}},
		{">250 a\r\n250 b\r\n550 c\r\n354 d\r\n", "D", ">354 x\r\n", 0,
		    {0, 550}},
		{">250 a\r\n250 b\r\n250 c\r\n354 d\r\n", "D",
		    ">554 5.6.0 x\r\n", 0, {554, 554}},
		{">250 a\r\n250 b\r\n250 c\r\n354 d\r\n", "D",
		    ">421 4.3.2 x\r\n", 0, {421, 421}},
		{">250 a\r\n250 b\r\n250 c\r\n354 d\r\n", "D",
		    ">250-ok\r\n250 ok\r\n", 0, {250, 250}},
		/* A 250 before the body is a lie. */
		{">250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 early\r\n", NULL,
		    NULL, 0, {0, 0}},
		{">250 a\r\n250 b\r\n250 c\r\n354 d\r\n421 early\r\n", NULL,
		    NULL, 0, {421, 421}},
		{">250 a\r\n250 b\r\n250 c\r\n451 4.3.0 d\r\n", NULL, NULL, 0,
		    {451, 451}},
		{">250 a\r\n250 b\r\n250 c\r\n250 d\r\n", NULL, NULL, -1,
		    {0, 0}},
		{">421 a\r\n", NULL, NULL, 0, {421, 421}},
		{">250 a\r\n550 b\r\n421 c\r\n", NULL, NULL, 0, {550, 421}},
		{">250 a\r\n250 b\r\n421 c\r\n", NULL, NULL, 0, {421, 421}},
		{">250 a\r\n550 b\r\n250 c\r\n421 d\r\n", NULL, NULL, 0,
		    {550, 421}},
		/* Lost, or nonsense, before DATA. */
		{">250 a\r\n550 b\r\n", NULL, NULL, -1, {0, 0}},
		{">", NULL, NULL, -1, {0, 0}},
		{">354 a\r\n", NULL, NULL, -1, {0, 0}},
		{">250 a\r\n354 b\r\n", NULL, NULL, -1, {0, 0}},
		{">250-a\r\n550 b\r\n", NULL, NULL, -1, {0, 0}},
		{">\r\n\r\n\r\n", NULL, NULL, -1, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		const struct fate *f = &fates[i];
		const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", "R",
		    f->replies, f->body ? f->body : ">",
		    f->final ? f->final : ">", NULL};
		struct server s;
		struct smtp_client *c;
		int rv;

		server_start(&s, script);
		c = open_ok(&s, TIMEOUT_MS);
		rv = smtp_client_send(c, &env, to, 2, MSG, rep, &err);
		if (rv != f->rv || rep[0].code != f->code[0] ||
		    rep[1].code != f->code[1])
			fail_msg("fate %zu: %d, %d %d (%s)", i, rv,
			    rep[0].code, rep[1].code, err.text);
		smtp_client_close(c);
		server_stop(&s, false);
		buf_free(&s.seen);
	}
}

/* After 421 or a lost connection the client refuses to go on. */
static void
test_unusable(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    ">421 a\r\n", NULL};
	static const char *const stale[] = {HELLO, EHLO_FULL, NULL};
	static const char *const chatty[] = {HELLO,
	    ">250-gw\r\n250 x\r\n250 unasked\r\n", "R", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(421, rep[0].code);
	assert_int_equal(-1, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(0, rep[0].code);
	smtp_client_close(c);
	server_stop(&s, false);
	buf_free(&s.seen);

	server_start(&s, stale);
	c = open_ok(&s, TIMEOUT_MS);
	server_stop(&s, false);
	assert_int_equal(-1, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_string_not_equal("", err.text);
	smtp_client_close(c);
	buf_free(&s.seen);

	server_start(&s, chatty);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(-1, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(0, rep[0].code);
	smtp_client_close(c);
	server_stop(&s, false);
	buf_free(&s.seen);
}

/* One overall deadline, wherever the server stops. */
static void
test_timeouts(void **state)
{
	static const char *const scripts[][16] = {
		{HELLO, EHLO_FULL, "H"},
		{HELLO, EHLO_FULL, "R", "R", "R", ">250 a\r\n250 b\r\n", "H"},
		{HELLO, EHLO_FULL, "R", "R", "R",
		    ">250 a\r\n250 b\r\n354 c\r\n", "H"},
		{HELLO, EHLO_FULL, "R", "R", "R",
		    ">250 a\r\n250 b\r\n354 c\r\n", "B", ">2", "H"},
	};
	static const int rv[] = {-1, -1, 0, 0};
	static char big[2 << 20];

	(void)state;
	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < 4; i++) {
		struct server s;
		struct smtp_client *c;
		int64_t start;

		server_start(&s, scripts[i]);
		c = open_ok(&s, SHORT_MS);
		start = clock_mono_ms();
		assert_int_equal(rv[i], smtp_client_send(c, &env, to, 1,
		    span_of(big, sizeof(big)), rep, &err));
		assert_int_equal(0, rep[0].code);
		assert_non_null(strstr(err.text, "timed out"));
		assert_true(clock_mono_ms() - start >= SHORT_MS - 1);
		smtp_client_close(c);
		server_stop(&s, true);
		buf_free(&s.seen);
	}
}

/* A body larger than any socket buffer: whole, refused midway, cut off. */
static void
test_big_body(void **state)
{
	static const char *const go =
	    ">250 a\r\n250 b\r\n354 c\r\n";
	static char line[] = ".23456789\n";
	struct server s;
	struct smtp_client *c;
	struct buf big;
	const char *seen;

	(void)state;
	buf_init(&big, 4 << 20);
	while (big.n < 3 << 20)
		buf_puts(&big, line);
	{
		const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", go,
		    "D", ">250 ok\r\n", NULL};

		server_start(&s, script);
		c = open_ok(&s, 60000);
		assert_int_equal(0, smtp_client_send(c, &env, to, 1,
		    buf_span(&big), rep, &err));
		assert_int_equal(250, rep[0].code);
		smtp_client_close(c);
		seen = strstr(server_stop(&s, false), "DATA\r\n") + 6;
		for (size_t i = 0; i < big.n / 10; i++, seen += 12)
			assert_memory_equal("..23456789\r\n", seen, 12);
		assert_string_equal(".\r\n", seen);
		buf_free(&s.seen);
	}
	{
		const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", go,
		    "B", ">552 5.3.4 too big\r\n", NULL};

		server_start(&s, script);
		c = open_ok(&s, TIMEOUT_MS);
		assert_int_equal(0, smtp_client_send(c, &env, to, 1,
		    buf_span(&big), rep, &err));
		assert_int_equal(552, rep[0].code);
		assert_int_equal(-1, smtp_client_send(c, &env, to, 1,
		    buf_span(&big), rep, &err));
		smtp_client_close(c);
		server_stop(&s, false);
		buf_free(&s.seen);
	}
	{
		/* Midway "250", then midway nothing: never a success. */
		const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", go,
		    "B", ">250 ok\r\n", NULL};

		for (int i = 0; i < 2; i++) {
			if (i == 1)
				script[7] = NULL;
			server_start(&s, script);
			c = open_ok(&s, TIMEOUT_MS);
			assert_int_equal(0, smtp_client_send(c, &env, to, 1,
			    buf_span(&big), rep, &err));
			assert_int_equal(0, rep[0].code);
			assert_string_not_equal("", err.text);
			smtp_client_close(c);
			server_stop(&s, false);
			buf_free(&s.seen);
		}
	}
	buf_free(&big);
}

static void
test_open_fails(void **state)
{
	static char flood[6000];
	static const char *const scripts[][4] = {
		{">554 5.3.2 go away\r\n"},
		{">421 busy\r\n"},
		{">250 what\r\n"},
		{">"},
		{">220 gw\r\n", "R", ">502 no EHLO\r\n"},
		{">220 gw\r\n", "R", ">250-gw\r\n"},
		{">220 gw\r\n", "R", ">250 g\xff\x01w"},
		{flood},
	};
	struct server s;

	(void)state;
	memset(flood, 'x', sizeof(flood) - 1);
	flood[0] = '>';
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		err.text[0] = '\0';
		server_start(&s, scripts[i]);
		assert_null(smtp_client_open(s.path, "pmg.example",
		    TIMEOUT_MS, &err));
		assert_string_not_equal("", err.text);
		server_stop(&s, false);
		buf_free(&s.seen);
	}
	assert_null(smtp_client_open("/nonexistent/socket", "h", 100, &err));
	assert_null(smtp_client_open("example.com:25", "h", 100, &err));
	assert_null(smtp_client_open("127.0.0.1", "h", 100, &err));
	assert_null(smtp_client_open("127.0.0.1:x", "h", 100, &err));
	assert_null(smtp_client_open("", "h", 100, &err));
	/* Nothing listens on the discard port of loopback. */
	assert_null(smtp_client_open("127.0.0.1:9", "h", 1000, &err));
	smtp_client_close(NULL);
}

/* A reply of endless lines, and one of endless length, end in time. */
static void
test_endless_replies(void **state)
{
	static char lines[200 * 9 + 2];
	const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", lines, "H",
	    NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	lines[0] = '>';
	for (int i = 0; i < 200; i++)
		memcpy(lines + 1 + i * 9, "250-abc\r\n", 9);
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(-1, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_non_null(strstr(err.text, "malformed"));
	smtp_client_close(c);
	server_stop(&s, true);
	buf_free(&s.seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fates, setup),
		cmocka_unit_test_setup(test_unusable, setup),
		cmocka_unit_test_setup(test_timeouts, setup),
		cmocka_unit_test_setup(test_big_body, setup),
		cmocka_unit_test_setup(test_open_fails, setup),
		cmocka_unit_test_setup(test_endless_replies, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
