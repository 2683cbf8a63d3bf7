/* The SMTP client: what it says, and whose reply it takes for whom. */
#include "smtp_server.h"

#include <arpa/inet.h>

static void
test_pipelined(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    "R", "R", ">250 ok\r\n", "~250-2.1.5 ok\r\n250 more\r\n",
	    "~550-5.1.1 no\r\n550 really\r\n", ">250 ok\r\n", ">354 go\r\n",
	    "D", ">250 2.0.0 Ok: queued as 4jYZLd58LYz1drP4\r\n", "R",
	    ">221 bye\r\n", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	env.body_8bit = true;
	env.ret = "HDRS";
	env.envid = "QQ+2B";
	to[0].notify = "SUCCESS,FAILURE";
	to[0].orcpt = "rfc822;Bob@example.net";
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 3, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	assert_string_equal("2.0.0 Ok: queued as 4jYZLd58LYz1drP4",
	    rep[0].text);
	assert_int_equal(550, rep[1].code);
	assert_string_equal("5.1.1 no", rep[1].text);
	assert_int_equal(250, rep[2].code);
	assert_string_equal("4jYZLd58LYz1drP4", smtp_client_queued_as(c));
	smtp_client_close(c);
	assert_string_equal("EHLO pmg.example\r\n"
	    "MAIL FROM:<a@example.com> SIZE=25 BODY=8BITMIME RET=HDRS "
	    "ENVID=QQ+2B\r\n"
	    "RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE "
	    "ORCPT=rfc822;Bob@example.net\r\n"
	    "RCPT TO:<c@example.net>\r\nRCPT TO:<d@example.net>\r\nDATA\r\n"
	    WIRE "QUIT\r\n", server_stop(&s, false));
	buf_free(&s.seen);
}

/* A server that offers nothing: lock-step, no parameters, no XFORWARD. */
static void
test_plain_server(void **state)
{
	static const char *const script[] = {HELLO, ">250 gw\r\n", "R",
	    ">250 ok\r\n", "R", ">250 ok\r\n", "R", ">354 go\r\n", "D",
	    ">250 ok\r\n", "R", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	env.client_addr = "192.0.2.1";
	env.body_8bit = env.smtputf8 = true;
	env.ret = "FULL";
	to[0].notify = "NEVER";
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	assert_string_equal("", smtp_client_queued_as(c));
	smtp_client_close(c);
	assert_string_equal("EHLO pmg.example\r\nMAIL FROM:<a@example.com>\r\n"
	    "RCPT TO:<b@example.net>\r\nDATA\r\n" WIRE "QUIT\r\n",
	    server_stop(&s, false));
	buf_free(&s.seen);
}

static void
test_xforward(void **state)
{
	static const char *const script[] = {HELLO,
	    ">250-gw\r\n250 xforward NAME ADDR PROTO HELO source FOO\r\n",
	    "R", ">550 5.7.0 not allowed\r\n", "R", ">250 ok\r\n", "R",
	    ">250 ok\r\n", "R", ">354 go\r\n", "D",
	    ">250 ok\r\n", NULL};
	char helo[400], want[1000];
	struct server s;
	struct smtp_client *c;
	const char *seen;

	(void)state;
	memset(helo, '=', sizeof(helo));
	helo[399] = '\0';
	env.client_addr = "2001:db8::1";
	env.client_name = "a b+c";
	env.client_port = "25";
	env.client_helo = helo;
	env.client_source = "REMOTE";
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	smtp_client_close(c);
	seen = server_stop(&s, false);
	snprintf(want, sizeof(want), "EHLO pmg.example\r\n"
	    "XFORWARD NAME=a+20b+2Bc ADDR=IPV6:2001:db8::1 "
	    "PROTO=[UNAVAILABLE] HELO=");
	assert_memory_equal(want, seen, strlen(want));
	/* Cut between two encoded bytes, within 255 bytes. */
	assert_non_null(strstr(seen, "HELO=+3D+3D"));
	assert_non_null(strstr(seen, "+3D SOURCE=REMOTE\r\nMAIL "));
	assert_null(strstr(seen, "PORT"));
	for (const char *line = seen; *line != '\0';) {
		const char *end = strchr(line, '\n');

		assert_non_null(end);
		assert_true(end - line < 512);
		line = end + 1;
	}
	buf_free(&s.seen);
}

static void
test_xforward_two_lines(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    "R", "R", ">250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
	    "D", ">250 ok\r\n", NULL};
	char name[400];
	struct server s;
	struct smtp_client *c;
	const char *seen, *first;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[399] = '\0';
	env.client_addr = "192.0.2.1";
	env.client_name = env.client_helo = name;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	smtp_client_close(c);
	seen = server_stop(&s, false);
	first = strstr(seen, "XFORWARD NAME=n");
	assert_non_null(first);
	assert_non_null(strstr(first + 8, "\r\nXFORWARD HELO=n"));
	assert_non_null(strstr(seen, " IDENT=4jYZLd58LYz1drP3 "));
	assert_non_null(strstr(seen, " SOURCE=[UNAVAILABLE]\r\nMAIL"));
	assert_int_equal(255, strspn(first + 14, "n"));
	buf_free(&s.seen);
}

/* All recipients refused, DATA pipelined: 554 ends it, 354 gets a dot. */
static void
all_refused(const char *data_reply, bool dot)
{
	const char *script[] = {HELLO, EHLO_FULL, "R", "R", "R", "R",
	    ">250 ok\r\n550 5.1.1 a\r\n450 4.2.0 b\r\n", data_reply,
	    dot ? "R" : ">", dot ? ">554 5.5.1 no recipients\r\n" : ">",
	    /* Second transaction on the same connection. */
	    "R", "R", "R", "R",
	    ">250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n", "D",
	    ">250 ok queued as Q2\r\n", NULL};
	struct server s;
	struct smtp_client *c;
	const char *seen;

	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 2, MSG, rep, &err));
	assert_int_equal(550, rep[0].code);
	assert_string_equal("5.1.1 a", rep[0].text);
	assert_int_equal(450, rep[1].code);
	assert_string_equal("", smtp_client_queued_as(c));
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	assert_string_equal("Q2", smtp_client_queued_as(c));
	smtp_client_close(c);
	seen = server_stop(&s, false);
	assert_int_equal(dot, strstr(seen, "DATA\r\n.\r\nRSET\r\n") != NULL);
	assert_int_equal(!dot, strstr(seen, "DATA\r\nRSET\r\n") != NULL);
	buf_free(&s.seen);
}

static void
test_all_refused(void **state)
{
	(void)state;
	all_refused(">554 5.5.1 no valid recipients\r\n", false);
	all_refused(">354 go ahead\r\n", true);
}

/* A 250 for the empty body that ends an unwanted 354 is nobody's success. */
static void
test_all_refused_250(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    ">250 ok\r\n550 no\r\n354 go\r\n", "R",
	    ">250 ok queued as Q1\r\n", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(550, rep[0].code);
	assert_string_equal("", smtp_client_queued_as(c));
	smtp_client_close(c);
	server_stop(&s, false);
	buf_free(&s.seen);
}

static void
test_mail_refused(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    "R", ">552 5.3.4 too big\r\n503 need MAIL\r\n503 need MAIL\r\n"
	    "503 need RCPT\r\n", NULL};
	static const char *const lockstep[] = {HELLO, ">250 gw\r\n", "R",
	    ">452 4.3.1 later\r\n", "R", ">250 reset\r\n", "R",
	    ">250 ok\r\n", "R", ">451 4.1.1 later\r\n", "R", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 2, MSG, rep, &err));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(552, rep[i].code);
		assert_string_equal("5.3.4 too big", rep[i].text);
	}
	smtp_client_close(c);
	server_stop(&s, false);
	buf_free(&s.seen);

	server_start(&s, lockstep);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, to, 2, MSG, rep, &err));
	assert_int_equal(452, rep[0].code);
	assert_int_equal(452, rep[1].code);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(451, rep[0].code);
	smtp_client_close(c);
	assert_string_equal("EHLO pmg.example\r\nMAIL FROM:<a@example.com>\r\n"
	    "RSET\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n"
	    "QUIT\r\n", server_stop(&s, false));
	buf_free(&s.seen);
}

/* More recipients than one batch; each has its own reply. */
static void
test_many_recipients(void **state)
{
	static const char *script[8 + 400];
	static struct recipient many[150];
	static char reply[150][32], addr[150][32];
	struct server s;
	struct smtp_client *c;
	size_t n = 0;

	(void)state;
	script[n++] = ">220 gw\r\n";
	script[n++] = "R";
	script[n++] = EHLO_FULL;
	script[n++] = "R";
	script[n++] = ">250 ok\r\n";
	for (int i = 0; i < 150; i++) {
		snprintf(addr[i], sizeof(addr[i]), "u%d@example.net", i);
		many[i] = (struct recipient){addr[i], NULL, NULL};
		snprintf(reply[i], sizeof(reply[i]), ">%d r%d\r\n",
		    i % 2 ? 450 : 250, i);
		script[n++] = "R";
		script[n++] = reply[i];
	}
	script[n++] = "R";
	script[n++] = ">354 go\r\n";
	script[n++] = "D";
	script[n++] = ">250 ok\r\n";
	script[n] = NULL;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	assert_int_equal(0, smtp_client_send(c, &env, many, 150, MSG, rep,
	    &err));
	for (int i = 0; i < 150; i++) {
		assert_int_equal(i % 2 ? 450 : 250, rep[i].code);
		assert_string_equal(i % 2 ? reply[i] + 5 : "ok\r\n",
		    (snprintf(addr[0], 32, "%s\r\n", rep[i].text), addr[0]));
	}
	smtp_client_close(c);
	server_stop(&s, false);
	buf_free(&s.seen);
}

static void
test_smtputf8(void **state)
{
	static const char *const without[] = {HELLO, ">250 gw\r\n", "R",
	    ">250 a\r\n", "R", ">250 b\r\n", "R", ">354 c\r\n", "D",
	    ">250 d\r\n", NULL};
	static const char *const with[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    ">250 a\r\n250 b\r\n354 c\r\n", "D", ">250 d\r\n", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	server_start(&s, without);
	c = open_ok(&s, TIMEOUT_MS);
	to[1].addr = "b\xc3\xbcro@example.net";
	env.smtputf8 = true;
	assert_int_equal(0, smtp_client_send(c, &env, to, 2, MSG, rep, &err));
	assert_int_equal(553, rep[0].code);
	assert_int_equal(553, rep[1].code);
	env.smtputf8 = true;
	assert_int_equal(0, smtp_client_send(c, &env, to, 1,
	    SPAN_LIT("Subject: \xc3\xbc\r\n\r\nx\r\n"), rep, &err));
	assert_int_equal(553, rep[0].code);
	/* Asked for but not needed: the mail passes. */
	assert_int_equal(0, smtp_client_send(c, &env, to, 1,
	    SPAN_LIT("Subject: u\r\n\r\n\xc3\xbc\r\n"), rep, &err));
	assert_int_equal(250, rep[0].code);
	smtp_client_close(c);
	assert_null(strstr(server_stop(&s, false), "SMTPUTF8"));
	buf_free(&s.seen);

	server_start(&s, with);
	c = open_ok(&s, TIMEOUT_MS);
	env.smtputf8 = false;
	assert_int_equal(0, smtp_client_send(c, &env, to + 1, 1, MSG, rep,
	    &err));
	assert_int_equal(250, rep[0].code);
	smtp_client_close(c);
	/* What came without it leaves without it. */
	assert_null(strstr(server_stop(&s, false), "> SMTPUTF8"));
	buf_free(&s.seen);
}

/* No string of ours opens a second command. */
static void
test_injection(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL, "R", "R", "R",
	    "R", ">250 x\r\n250 a\r\n250 b\r\n354 c\r\n", "D",
	    ">250 d\r\n", NULL};
	struct server s;
	struct smtp_client *c;

	(void)state;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	env.sender = "a@b>\r\nRCPT TO:<x@y";
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(501, rep[0].code);
	env.sender = "";
	env.envid = "a b";
	env.client_addr = "192.0.2.1";
	env.client_helo = "x\r\nQUIT";
	to[0].addr = "b@example.net> NOTIFY=NEVER";
	to[0].notify = "NEVER\r\nRSET";
	to[2].addr = "";
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(501, rep[0].code);
	to[1].notify = "NEVER\r\nRSET";
	assert_int_equal(0, smtp_client_send(c, &env, to, 3, MSG, rep, &err));
	assert_int_equal(501, rep[0].code);
	assert_int_equal(501, rep[2].code);
	smtp_client_close(c);
	assert_string_equal("EHLO pmg.example\r\n"
	    "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1 PORT=[UNAVAILABLE] "
	    "PROTO=[UNAVAILABLE] HELO=x+0D+0AQUIT IDENT=4jYZLd58LYz1drP3 "
	    "SOURCE=[UNAVAILABLE]\r\n"
	    "MAIL FROM:<> SIZE=25\r\nRCPT TO:<c@example.net>\r\nDATA\r\n" WIRE,
	    server_stop(&s, true));
	buf_free(&s.seen);
}

static void
test_tcp(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	struct smtp_client *c;
	char where[64];
	pid_t pid;

	(void)state;
	assert_int_equal(0, bind(l, (struct sockaddr *)&sin, sizeof(sin)));
	assert_int_equal(0, listen(l, 1));
	assert_int_equal(0, getsockname(l, (struct sockaddr *)&sin, &len));
	snprintf(where, sizeof(where), "127.0.0.1:%d", ntohs(sin.sin_port));
	pid = fork();
	if (pid == 0) {
		static const char *const script[] = {HELLO, ">250 gw\r\n", "R",
		    ">250 a\r\n", "R", ">250 b\r\n", "R", ">354 c\r\n", "D",
		    ">250 d\r\n", "R", ">221 e\r\n", NULL};
		FILE *nowhere = fopen("/dev/null", "w");
		int fd = accept(l, NULL, NULL);

		for (size_t i = 0; script[i] != NULL; i++)
			step(fd, nowhere, script[i]);
		_exit(0);
	}
	close(l);
	c = smtp_client_open(where, "pmg.example", TIMEOUT_MS, &err);
	assert_non_null(c);
	assert_int_equal(0, smtp_client_send(c, &env, to, 1, MSG, rep, &err));
	assert_int_equal(250, rep[0].code);
	smtp_client_close(c);
	waitpid(pid, NULL, 0);
}

/* All or none: DATA is not sent before every RCPT has its answer. */
static void
test_whole(void **state)
{
	static const char *const script[] = {HELLO, EHLO_FULL,
	    "R", "R", "R", "R", ">250 a\r\n250 b\r\n", ">550 5.1.1 no\r\n",
	    ">250 d\r\n",
	    "R", "R", "R", "R", "R", ">250 r\r\n250 a\r\n250 b\r\n",
	    ">451 4.3.0 busy\r\n", ">250 d\r\n",
	    "R", "R", "R", "R", "R", ">250 r\r\n250 a\r\n250 b\r\n250 c\r\n",
	    ">250 d\r\n", "R", ">354 go\r\n", "D", ">250 ok\r\n", "R", NULL};
	struct server s;
	struct smtp_client *c;
	const char *seen;

	(void)state;
	server_start(&s, script);
	c = open_ok(&s, TIMEOUT_MS);
	smtp_client_set_whole(c, true);
	assert_int_equal(0, smtp_client_send(c, &env, to, 3, MSG, rep, &err));
	assert_int_equal(SMTP_NOT_SENT, rep[0].code);
	assert_int_equal(550, rep[1].code);
	assert_int_equal(SMTP_NOT_SENT, rep[2].code);
	assert_int_equal(0, smtp_client_send(c, &env, to, 3, MSG, rep, &err));
	assert_int_equal(SMTP_NOT_SENT, rep[0].code);
	assert_int_equal(451, rep[1].code);
	assert_int_equal(0, smtp_client_send(c, &env, to, 3, MSG, rep, &err));
	for (int i = 0; i < 3; i++)
		assert_int_equal(250, rep[i].code);
	smtp_client_close(c);
	seen = server_stop(&s, false);
	/* Once, in the transaction that all three were taken in. */
	seen = strstr(seen, "DATA\r\n" WIRE);
	assert_non_null(seen);
	assert_null(strstr(seen + 1, "DATA\r\n"));
	buf_free(&s.seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pipelined, setup),
		cmocka_unit_test_setup(test_plain_server, setup),
		cmocka_unit_test_setup(test_xforward, setup),
		cmocka_unit_test_setup(test_xforward_two_lines, setup),
		cmocka_unit_test_setup(test_all_refused, setup),
		cmocka_unit_test_setup(test_all_refused_250, setup),
		cmocka_unit_test_setup(test_mail_refused, setup),
		cmocka_unit_test_setup(test_many_recipients, setup),
		cmocka_unit_test_setup(test_smtputf8, setup),
		cmocka_unit_test_setup(test_injection, setup),
		cmocka_unit_test_setup(test_tcp, setup),
		cmocka_unit_test_setup(test_whole, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
