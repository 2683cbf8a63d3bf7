#include "filter/conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include "filter/worker.h"
#include "lib/base/clock.h"

enum {
	SEND_TIMEOUT_MS = 60 * 1000,
	OUT_MAX = 1024 * 1024,
	OUT_FLUSH = 64 * 1024,	/* a reply must never meet a full buffer */
	/* After SIGTERM a client that has only just been greeted may still
	 * hand over its message: a 421 would cost it a deferral. */
	STOP_GRACE_MS = 3000,
};

void
conn_init(struct conn *c, int fd)
{
	c->fd = fd;
	c->gone = c->asked = false;
	c->pos = c->n = 0;
	buf_init(&c->out, OUT_MAX);
}

void
conn_free(struct conn *c)
{
	buf_free(&c->out);
}

/* 1: readable; 0: time-out; -1: the worker was asked to stop meanwhile. */
static int
wait_readable(int fd, int timeout_ms, bool stoppable)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
	    {.fd = stoppable ? worker_stop_fd() : -1, .events = POLLIN}};

	for (;;) {
		int n = poll(p, 2, clock_left_ms(deadline));

		if (n > 0)
			return p[0].revents != 0 ? 1 : -1;
		if (n == 0)
			return 0;
	}
}

/* Appends to the buffer: 1 got some, 0 end, -1 time-out, -2 stop. */
static int
fill(struct conn *c, int timeout_ms, bool stoppable)
{
	ssize_t n;
	bool stop;
	int rc;

	if (c->pos > 0 && c->n > 0)
		memmove(c->in, c->in + c->pos, c->n);
	c->pos = 0;
	for (;;) {
		/* What it was just asked for is never there yet. */
		if (!c->asked) {
			n = recv(c->fd, c->in + c->n, sizeof(c->in) - c->n,
			    MSG_DONTWAIT);
			if (n > 0) {
				c->n += (size_t)n;
				return 1;
			}
			if (n == 0 || (errno != EAGAIN && errno != EINTR))
				return 0;
		}
		c->asked = false;
		stop = stoppable && worker_stopping();
		rc = wait_readable(c->fd, stop ? STOP_GRACE_MS : timeout_ms,
		    stoppable && !stop);
		if (rc == 0)
			return stop ? -2 : -1;
	}
}

static bool
line_clean(struct span s)
{
	return span_chr(s, 0, '\r') == s.n && span_chr(s, 0, '\0') == s.n;
}

enum conn_line
conn_line(struct conn *c, struct span *line, int timeout_ms)
{
	for (;;) {
		struct span have = span_of(c->in + c->pos, c->n);
		size_t nl = span_chr(have, 0, '\n');

		if (nl < have.n) {
			if (nl == 0 || have.p[nl - 1] != '\r' ||
			    nl >= SMTP_LINE_MAX)
				return CONN_BAD;
			*line = span_of(have.p, nl - 1);
			c->pos += nl + 1;
			c->n -= nl + 1;
			return line_clean(*line) ? CONN_LINE : CONN_BAD;
		}
		if (have.n >= SMTP_LINE_MAX)
			return CONN_BAD;
		if (!conn_flush(c))
			return CONN_EOF;
		switch (fill(c, timeout_ms, have.n == 0)) {
		case 0:
			return CONN_EOF;
		case -1:
			return CONN_TIMEOUT;
		case -2:
			return CONN_STOP;
		}
	}
}

struct span
conn_block(struct conn *c, int timeout_ms)
{
	if (c->n == 0 && fill(c, timeout_ms, false) <= 0)
		return span_of(NULL, 0);
	return span_of(c->in + c->pos, c->n);
}

void
conn_consume(struct conn *c, size_t n)
{
	c->pos += n;
	c->n -= n;
}

void
conn_reply(struct conn *c, int code, const char *text)
{
	if (c->out.n >= OUT_FLUSH)
		(void)conn_flush(c);
	buf_printf(&c->out, "%d %s\r\n", code, text);
}

bool
conn_flush(struct conn *c)
{
	int64_t deadline = clock_mono_ms() + SEND_TIMEOUT_MS;
	size_t sent = 0;

	if (c->gone)
		return false;
	while (sent < c->out.n) {
		struct pollfd p = {.fd = c->fd, .events = POLLOUT};
		ssize_t n = send(c->fd, c->out.p + sent, c->out.n - sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		else if ((n < 0 && errno != EAGAIN && errno != EINTR) ||
		    poll(&p, 1, clock_left_ms(deadline)) == 0)
			c->gone = true;
		if (c->gone)
			return false;
	}
	c->asked = c->asked || sent > 0;
	buf_reset(&c->out);
	return true;
}
