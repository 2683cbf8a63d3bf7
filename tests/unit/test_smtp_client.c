/*
 * The client against a scripted server: a forked child on a unix socket that
 * plays one step after the other and keeps a transcript of what it was sent.
 *
 *   ">text"  send   "~text"  send byte by byte   "R"  read a line
 *   "D"      read up to CRLF.CRLF                "B"  read 1000 bytes
 *   "H"      hang until killed                   end  close
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/net/smtp_client.h"

enum { TIMEOUT_MS = 5000, SHORT_MS = 200, TRANSCRIPT_MAX = 8 << 20 };

struct server {
	char dir[32];
	char path[64];
	int listener;
	FILE *transcript;
	pid_t pid;
	struct buf seen;
};

#define EHLO_FULL ">250-gw\r\n250-PIPELINING\r\n250-SIZE 1000\r\n" \
	"250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n" \
	"250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n"
#define HELLO ">220 gw ESMTP\r\n", "R"

static struct envelope env;
static struct recipient to[3];
static struct smtp_reply rep[200];
static struct err err;

/* --- server ------------------------------------------------------------ */

static bool
get_byte(int fd, FILE *transcript, char *c)
{
	if (read(fd, c, 1) != 1)
		return false;
	fputc(*c, transcript);
	return true;
}

static bool
read_until(int fd, FILE *transcript, const char *end)
{
	char last[8] = {0, 0, 0, 0, 0, 0, '\r', '\n'};
	size_t n = strlen(end);
	char c;

	do {
		memmove(last, last + 1, sizeof(last) - 1);
		if (!get_byte(fd, transcript, &c))
			return false;
		last[sizeof(last) - 1] = c;
	} while (memcmp(last + sizeof(last) - n, end, n) != 0);
	return true;
}

static void
step(int fd, FILE *transcript, const char *s)
{
	char c;

	switch (*s) {
	case '>':
		if (write(fd, s + 1, strlen(s + 1)) == -1)
			fputs("write failed\n", transcript);
		break;
	case '~':
		for (s++; *s != '\0'; s++) {
			usleep(300);
			if (write(fd, s, 1) == -1)
				return;
		}
		break;
	case 'R':
		read_until(fd, transcript, "\n");
		break;
	case 'D':
		read_until(fd, transcript, "\r\n.\r\n");
		break;
	case 'B':
		for (int i = 0; i < 1000; i++)
			if (!get_byte(fd, transcript, &c))
				break;
		break;
	default:
		fflush(transcript);
		pause();
	}
}

static void
server_start(struct server *s, const char *const *script)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	buf_init(&s->seen, TRANSCRIPT_MAX);
	snprintf(s->dir, sizeof(s->dir), "/tmp/smtpc.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->dir);
	memcpy(sun.sun_path, s->path, sizeof(s->path));
	s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(s->listener, (struct sockaddr *)&sun,
	    sizeof(sun)));
	assert_int_equal(0, listen(s->listener, 1));
	s->transcript = tmpfile();
	assert_non_null(s->transcript);
	s->pid = fork();
	assert_int_not_equal(-1, s->pid);
	if (s->pid == 0) {
		int fd = accept(s->listener, NULL, NULL);

		signal(SIGPIPE, SIG_IGN);
		for (; *script != NULL; script++)
			step(fd, s->transcript, *script);
		fflush(s->transcript);
		_exit(0);
	}
	close(s->listener);
}

/* Ends the server; what it was sent, as a string. */
static const char *
server_stop(struct server *s, bool hangs)
{
	char piece[4096];
	size_t n;

	if (hangs)
		kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	rewind(s->transcript);
	while ((n = fread(piece, 1, sizeof(piece), s->transcript)) > 0)
		buf_put(&s->seen, piece, n);
	fclose(s->transcript);
	unlink(s->path);
	rmdir(s->dir);
	return buf_cstr(&s->seen);
}

static int
setup(void **state)
{
	(void)state;
	env = (struct envelope){.logid = "L", .queue_id = "4jYZLd58LYz1drP3",
	    .sender = "a@example.com", .ret = "", .envid = "",
	    .client_name = "", .client_addr = "", .client_port = "",
	    .client_helo = "", .client_proto = "", .client_source = ""};
	for (size_t i = 0; i < 3; i++)
		to[i] = (struct recipient){"", "", ""};
	to[0].addr = "b@example.net";
	to[1].addr = "c@example.net";
	to[2].addr = "d@example.net";
	memset(rep, 0xee, sizeof(rep));
	err.text[0] = '\0';
	return 0;
}

static struct smtp_client *
open_ok(const struct server *s, int timeout_ms)
{
	struct smtp_client *c = smtp_client_open(s->path, "pmg.example",
	    timeout_ms, &err);

	if (c == NULL)
		fail_msg("open: %s", err.text);
	return c;
}

#define MSG SPAN_LIT("Subject: x\r\n\r\n.dot\nbare\r\n")
#define WIRE "Subject: x\r\n\r\n..dot\r\nbare\r\n.\r\n"

/* --- tests ------------------------------------------------------------- */

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
		cmocka_unit_test_setup(test_fates, setup),
		cmocka_unit_test_setup(test_unusable, setup),
		cmocka_unit_test_setup(test_timeouts, setup),
		cmocka_unit_test_setup(test_big_body, setup),
		cmocka_unit_test_setup(test_many_recipients, setup),
		cmocka_unit_test_setup(test_smtputf8, setup),
		cmocka_unit_test_setup(test_injection, setup),
		cmocka_unit_test_setup(test_open_fails, setup),
		cmocka_unit_test_setup(test_endless_replies, setup),
		cmocka_unit_test_setup(test_tcp, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
