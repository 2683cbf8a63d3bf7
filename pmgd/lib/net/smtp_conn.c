#include "lib/net/smtp_conn.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum {
	REPLY_LINE_MAX = 4096,	/* longer: not SMTP */
	REPLY_LINES_MAX = 100,
	IN_MAX = 256 * 1024,	/* unread replies */
	QUIT_WAIT_MS = 300,
};

const char *const xforward_name[XF_COUNT] = {
	"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"};

int
smtp_conn_lost(struct smtp_client *c, struct err *e, const char *why)
{
	c->unusable = true;
	return err_set(e, "SMTP server %s: %s", c->where, why);
}

static int
smtp_conn_wait(struct smtp_client *c, short events, struct err *e)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	int n;

	do {
		n = poll(&p, 1, clock_left_ms(c->deadline));
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		return smtp_conn_lost(c, e, "timed out");
	if (n == -1)
		return smtp_conn_lost(c, e, strerror(errno));
	return p.revents;
}

void
smtp_conn_receive(struct smtp_client *c)
{
	unsigned char piece[8192];
	ssize_t n;

	if (c->in_pos == c->in.n) {
		buf_reset(&c->in);
		c->in_pos = 0;
	}
	do {
		n = recv(c->fd, piece, sizeof(piece), MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		buf_put(&c->in, piece, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		c->eof = true;
}

bool
smtp_conn_has_input(const struct smtp_client *c)
{
	return c->in_pos < c->in.n;
}

int
smtp_conn_flush(struct smtp_client *c, struct err *e)
{
	size_t done = 0;

	while (done < c->out.n && !c->unwritable) {
		ssize_t n = send(c->fd, c->out.p + done, c->out.n - done,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		int ready;

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			c->unwritable = true;
			break;
		}
		ready = smtp_conn_wait(c, c->eof ? POLLOUT : POLLIN | POLLOUT, e);
		if (ready == -1)
			return -1;
		if (ready & POLLIN)
			smtp_conn_receive(c);
		if (c->in.overflow)
			return smtp_conn_lost(c, e, "too many replies");
	}
	buf_reset(&c->out);
	return 0;
}

/* Next line of the input without its line end. */
static int
smtp_conn_line(struct smtp_client *c, struct span *line, struct err *e)
{
	for (;;) {
		struct span rest = span_sub(buf_span(&c->in), c->in_pos,
		    c->in.n);
		size_t end = span_chr(rest, 0, '\n');

		if (end > REPLY_LINE_MAX)
			return smtp_conn_lost(c, e, "reply line too long");
		if (end < rest.n) {
			c->in_pos += end + 1;
			if (end > 0 && rest.p[end - 1] == '\r')
				end--;
			*line = span_sub(rest, 0, end);
			return 0;
		}
		if (c->eof)
			return smtp_conn_lost(c, e, "connection lost");
		if (smtp_conn_wait(c, POLLIN, e) == -1)
			return -1;
		smtp_conn_receive(c);
		if (c->in.overflow)
			return smtp_conn_lost(c, e, "too many replies");
	}
}

int
smtp_conn_reply(struct smtp_client *c, struct smtp_reply *r,
    void (*each)(struct smtp_client *, struct span), struct err *e)
{
	struct smtp_reply_reader rr = {0};
	struct span line;

	for (int n = 0; !rr.done; n++) {
		if (smtp_conn_line(c, &line, e) == -1)
			return -1;
		smtp_reply_line(&rr, line);
		if (rr.bad || n == REPLY_LINES_MAX)
			return smtp_conn_lost(c, e, "malformed reply");
		if (each != NULL)
			each(c, span_sub(line, 4, line.n));
	}
	*r = rr.reply;
	if (r->code == 421)
		c->unusable = true;
	return 0;
}

static int
dial_unix(const char *path, struct sockaddr_storage *ss, socklen_t *len,
    struct err *e)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)ss;

	sun->sun_family = AF_UNIX;
	if (!str_copy(sun->sun_path, sizeof(sun->sun_path), path))
		return err_set(e, "%s: socket path too long", path);
	*len = sizeof(*sun);
	return 0;
}

/* "127.0.0.1:25" or "[::1]:25". Numeric: a name look-up knows no deadline. */
static int
dial_inet(const char *where, struct sockaddr_storage *ss, socklen_t *len,
    struct err *e)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	const char *colon = strrchr(where, ':');
	struct addrinfo *ai;
	char host[64];
	struct span h = span_of(where, colon ? (size_t)(colon - where) : 0);

	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = span_sub(h, 1, h.n - 2);
	if (h.n == 0 || h.n >= sizeof(host))
		return err_set(e, "%s: not address:port", where);
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		return err_set(e, "%s: not address:port", where);
	memcpy(ss, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

/*
 * A full backlog of a unix socket is EAGAIN and cannot be polled for: try
 * again, a little later.
 */
static int
client_connect(struct smtp_client *c, struct err *e)
{
	static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	struct sockaddr_storage ss = {0};
	socklen_t len, optlen = sizeof(int);
	int error = 0, rc;

	if (c->where[0] == '/')
		rc = dial_unix(c->where, &ss, &len, e);
	else
		rc = dial_inet(c->where, &ss, &len, e);
	if (rc == -1)
		return -1;
	c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (c->fd == -1)
		return err_errno(e, "socket");
	while (connect(c->fd, (struct sockaddr *)&ss, len) == -1) {
		if (errno == EINPROGRESS || errno == EALREADY ||
		    errno == EISCONN)
			break;
		if (errno != EINTR && errno != EAGAIN)
			return err_errno(e, "SMTP server %s", c->where);
		if (clock_left_ms(c->deadline) == 0)
			return smtp_conn_lost(c, e, "timed out");
		if (errno == EAGAIN)
			nanosleep(&pause, NULL);
	}
	if (smtp_conn_wait(c, POLLOUT, e) == -1)
		return -1;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &optlen) == -1)
		return err_errno(e, "SMTP server %s", c->where);
	errno = error;
	return error == 0 ? 0 : err_errno(e, "SMTP server %s", c->where);
}

static void
ehlo_xforward(struct smtp_client *c, struct span words)
{
	while (words.n > 0) {
		size_t end = span_chr(words, 0, ' ');

		for (unsigned i = 0; i < XF_COUNT; i++)
			if (span_ieqs(span_sub(words, 0, end),
			    xforward_name[i]))
				c->xforward |= 1u << i;
		words = span_sub(words, end + 1, words.n);
	}
}

static void
ehlo_line(struct smtp_client *c, struct span line)
{
	size_t end = span_chr(line, 0, ' ');
	struct span word = span_sub(line, 0, end);

	if (span_ieqs(word, "PIPELINING"))
		c->pipelining = true;
	else if (span_ieqs(word, "SIZE"))
		c->size = true;
	else if (span_ieqs(word, "8BITMIME"))
		c->mime8bit = true;
	else if (span_ieqs(word, "SMTPUTF8"))
		c->smtputf8 = true;
	else if (span_ieqs(word, "DSN"))
		c->dsn = true;
	else if (span_ieqs(word, "XFORWARD"))
		ehlo_xforward(c, span_sub(line, end + 1, line.n));
}

static int
client_greet(struct smtp_client *c, const char *helo, struct err *e)
{
	struct smtp_reply r;

	if (smtp_conn_reply(c, &r, NULL, e) == -1)
		return -1;
	if (r.code != 220)
		return err_set(e, "SMTP server %s: greeting %d %.200s",
		    c->where, r.code, r.text);
	buf_printf(&c->out, "EHLO %s\r\n", helo);
	if (smtp_conn_flush(c, e) == -1 || smtp_conn_reply(c, &r, ehlo_line, e) == -1)
		return -1;
	if (r.code != 250)
		return err_set(e, "SMTP server %s: EHLO %d %.200s", c->where,
		    r.code, r.text);
	return 0;
}

static void
client_free(struct smtp_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c->where);
	free(c);
}

struct smtp_client *
smtp_client_open(const char *where, const char *helo, int timeout_ms,
    struct err *e)
{
	struct smtp_client *c = xcalloc(1, sizeof(*c));

	c->where = xstrdup(where);
	c->fd = -1;
	c->timeout_ms = timeout_ms;
	c->deadline = clock_mono_ms() + timeout_ms;
	buf_init(&c->in, IN_MAX);
	/* A piece may end late, at the end of one overlong line. */
	buf_init(&c->out, SIZE_MAX / 4);
	if (client_connect(c, e) == -1 || client_greet(c, helo, e) == -1) {
		client_free(c);
		return NULL;
	}
	return c;
}

void
smtp_client_close(struct smtp_client *c)
{
	struct smtp_reply r;

	if (c == NULL)
		return;
	if (!c->unusable && !c->unwritable && !c->eof) {
		c->deadline = clock_mono_ms() + QUIT_WAIT_MS;
		buf_puts(&c->out, "QUIT\r\n");
		if (smtp_conn_flush(c, NULL) == 0)
			smtp_conn_reply(c, &r, NULL, NULL);
	}
	client_free(c);
}
