/*
 * A scripted server for the tests of the SMTP client: a forked child on a
 * unix socket that plays one step after the other and keeps a transcript of
 * what it was sent.
 *
 *   ">text"  send   "~text"  send byte by byte   "R"  read a line
 *   "D"      read up to CRLF.CRLF                "B"  read 1000 bytes
 *   "H"      hang until killed                   end  close
 */
#ifndef TESTS_SMTP_SERVER_H
#define TESTS_SMTP_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/buf.h"
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

static inline bool
get_byte(int fd, FILE *transcript, char *c)
{
	if (read(fd, c, 1) != 1)
		return false;
	fputc(*c, transcript);
	return true;
}

static inline bool
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

static inline void
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

static inline void
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
static inline const char *
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

static inline int
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

static inline struct smtp_client *
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

#endif
