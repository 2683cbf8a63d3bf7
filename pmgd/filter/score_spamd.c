/*
 * SpamAssassin's spamd (protocol SPAMC/1.5): one REPORT request a connection.
 * The report's body is ours, by the template that pmgconfig renders:
 *     score=5.1 required=5.0 bayes=0.5 autolearn=no
 *     tests=RULE=1.0,OTHER=-0.1
 * because SYMBOLS would give names without scores. What spamd answers is
 * trusted for nothing but the score: lengths are checked, the reply is capped.
 */
#include "filter/score.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum { REPLY_MAX = 256 * 1024, PIECES = 64, HITS_MAX = 1000 };

#define ENVELOPE_FIELD "X-PMG-Envelope-From"

struct score_job {
	int fd;
	struct buf head;		/* request line, headers, our field */
	struct iovec iov[PIECES];	/* what is still to be sent */
	int niov, sent;
	bool writing;
	bool truncated;
	struct buf reply;
};

/* Adds the pieces of the message that spamd sees; returns their size. */
static size_t
add_pieces(struct score_job *j, const struct mime *m, size_t limit)
{
	const struct mime_part *top = m->part[0];
	size_t pos = 0, total = 0;

	for (size_t i = 0; i < top->nfield && j->niov < PIECES - 1; i++) {
		const struct mime_field *f = &top->field[i];

		if (!span_ieqs(f->name, ENVELOPE_FIELD) || f->off < pos)
			continue;
		j->iov[j->niov].iov_base = (void *)(uintptr_t)(m->msg.p + pos);
		j->iov[j->niov++].iov_len = f->off - pos;
		total += f->off - pos;
		pos = f->end;
	}
	j->iov[j->niov].iov_base = (void *)(uintptr_t)(m->msg.p + pos);
	j->iov[j->niov++].iov_len = limit > pos ? limit - pos : 0;
	return total + (limit > pos ? limit - pos : 0);
}

/* Where to cut a message that is too long: behind the last line that fits. */
static size_t
cut_at_line(struct span msg, size_t max)
{
	size_t n = max;

	if (msg.n <= max)
		return msg.n;
	while (n > 0 && msg.p[n - 1] != '\n')
		n--;
	return n > 0 ? n : max;
}

static int
connect_unix(const char *where, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (!str_copy(sa.sun_path, sizeof(sa.sun_path), where))
		return err_set(e, "%s: socket path too long", where);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, "socket");
	/* A full backlog (EAGAIN) counts as failure: admission is bounded, so
	 * it means that spamd does not take connections any more. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		err_errno(e, "spamd at %s", where);
		close(fd);
		return -1;
	}
	return fd;
}

struct score_job *
score_start(const char *where, const struct envelope *env,
    const struct mime *mime, uint64_t max_bytes, struct err *e)
{
	struct score_job *j;
	struct buf field;
	size_t limit = cut_at_line(mime->msg, max_bytes);
	int fd = connect_unix(where, e);

	if (fd < 0)
		return NULL;
	j = xcalloc(1, sizeof(*j));
	j->fd = fd;
	j->writing = true;
	j->truncated = limit < mime->msg.n;
	buf_init(&j->head, 16 * 1024);
	buf_init(&j->reply, REPLY_MAX);
	buf_init(&field, 8 * 1024);
	buf_printf(&field, ENVELOPE_FIELD ": <%s>\r\n", env->sender);
	j->niov = 1;
	buf_printf(&j->head,
	    "REPORT SPAMC/1.5\r\nContent-length: %zu\r\n\r\n",
	    field.n + add_pieces(j, mime, limit));
	buf_puts_span(&j->head, buf_span(&field));
	buf_free(&field);
	j->iov[0].iov_base = j->head.p;
	j->iov[0].iov_len = j->head.n;
	return j;
}

int
score_fd(const struct score_job *j)
{
	return j->fd;
}

short
score_events(const struct score_job *j)
{
	return j->writing ? POLLIN | POLLOUT : POLLIN;
}

/* Sends what the socket takes. spamd may answer before it read everything
 * (error replies): a broken pipe only ends the sending. */
static void
step_write(struct score_job *j)
{
	while (j->sent < j->niov) {
		struct msghdr mh = {.msg_iov = j->iov + j->sent,
		    .msg_iovlen = (size_t)(j->niov - j->sent)};
		ssize_t n = sendmsg(j->fd, &mh, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		while (j->sent < j->niov &&
		    (size_t)n >= j->iov[j->sent].iov_len) {
			n -= (ssize_t)j->iov[j->sent].iov_len;
			j->sent++;
		}
		if (j->sent < j->niov) {
			j->iov[j->sent].iov_base =
			    (char *)j->iov[j->sent].iov_base + n;
			j->iov[j->sent].iov_len -= (size_t)n;
		}
	}
	j->writing = false;
}

int
score_step(struct score_job *j, struct score *r, struct arena *a,
    struct err *e)
{
	unsigned char chunk[8192];
	ssize_t n;

	if (j->writing) {
		step_write(j);
		if (!j->writing)
			return 0;	/* the answer takes a while */
	}
	for (;;) {
		n = recv(j->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_errno(e, "spamd: read");
		if (n == 0)
			break;
		buf_put(&j->reply, chunk, (size_t)n);
		if (j->reply.overflow)
			return err_set(e, "spamd: reply longer than %d bytes",
			    REPLY_MAX);
	}
	if (score_parse_reply(buf_span(&j->reply), r, a, e) != 0)
		return -1;
	if (j->truncated)
		r->detail = "truncated";
	return 1;
}

void
score_free(struct score_job *j)
{
	if (j == NULL)
		return;
	close(j->fd);
	buf_free(&j->head);
	buf_free(&j->reply);
	free(j);
}

/* The line at *pos without its line end; false at the end. */
static bool
next_line(struct span s, size_t *pos, struct span *line)
{
	size_t nl;

	if (*pos >= s.n)
		return false;
	nl = span_chr(s, *pos, '\n');
	*line = span_trim(span_sub(s, *pos, nl - *pos));
	*pos = nl < s.n ? nl + 1 : s.n;
	return true;
}

/* "-1.25" -> -1250; more digits are cut. */
static bool
parse_milli(struct span s, int64_t *out)
{
	size_t dot = span_chr(s, 0, '.');
	bool neg = s.n > 0 && s.p[0] == '-';
	struct span frac = span_sub(s, dot + 1, 3);
	int64_t whole = 0, part = 0;

	if (!str_num(span_sub(s, 0, dot), -1000000, 1000000, &whole) &&
	    !(dot <= 1 && (dot == 0 || neg)))
		return false;
	if (frac.n > 0 && !str_num(frac, 0, 999, &part))
		return false;
	for (size_t i = frac.n; i < 3; i++)
		part *= 10;
	if (whole < 0)
		whole = -whole;
	*out = whole * 1000 + part;
	if (neg)
		*out = -*out;
	return true;
}

/* Value of "name=" in a line of blank-separated pairs. */
static struct span
pair_value(struct span line, const char *name)
{
	struct span key = span_str(name);
	size_t at = span_find(line, 0, key);
	size_t end;

	if (at == SIZE_MAX || (at > 0 && line.p[at - 1] != ' '))
		return span_of(NULL, 0);
	at += key.n;
	end = span_chr(line, at, ' ');
	return span_sub(line, at, end - at);
}

static void
parse_tests(struct span list, struct score *r, struct arena *a)
{
	size_t max = 1, pos = 0;

	for (size_t i = 0; i < list.n; i++)
		max += list.p[i] == ',';
	if (max > HITS_MAX)
		max = HITS_MAX;
	r->hit = arena_array(a, max, sizeof(*r->hit));
	while (r->hit != NULL && pos < list.n && r->nhit < max) {
		size_t comma = span_chr(list, pos, ',');
		struct span one = span_trim(
		    span_sub(list, pos, comma - pos));
		size_t eq = span_chr(one, 0, '=');
		struct spam_hit *h = &r->hit[r->nhit];

		pos = comma + 1;
		if (one.n == 0 || span_ieqs(one, "none"))
			continue;
		h->name = arena_strndup(a, span_sub(one, 0, eq));
		if (h->name == NULL)
			return;
		if (!parse_milli(span_sub(one, eq + 1, one.n),
		        &h->score_milli))
			h->score_milli = 0;
		r->nhit++;
	}
}

/* "Content-length: N" of the reply's header; false when there is none. */
static bool
header_length(struct span line, int64_t *length)
{
	if (!span_iprefix(line, "Content-length:"))
		return false;
	return str_num(span_trim(span_sub(line, 15, line.n)), 0, REPLY_MAX,
	    length);
}

int
score_parse_reply(struct span reply, struct score *r, struct arena *a,
    struct err *e)
{
	struct span line, tests = {NULL, 0};
	int64_t length = -1;
	bool have_score = false;
	size_t pos = 0, at;

	*r = (struct score){.bayes = "", .autolearn = "", .detail = ""};
	if (!next_line(reply, &pos, &line) || !span_iprefix(line, "SPAMD/"))
		return err_set(e, "spamd: no reply");
	at = span_chr(line, 0, ' ');
	if (!span_iprefix(span_sub(line, at, line.n), " 0 "))
		return err_set(e, "spamd answered: %.*s",
		    line.n > 200 ? 200 : (int)line.n, (const char *)line.p);
	while (next_line(reply, &pos, &line) && line.n > 0)
		header_length(line, &length);
	if (length < 0 || (size_t)length != reply.n - pos)
		return err_set(e, "spamd: truncated reply (%zu of %lld bytes)",
		    reply.n - pos, (long long)length);
	while (next_line(reply, &pos, &line)) {
		if (span_iprefix(line, "score=")) {
			have_score = parse_milli(pair_value(line, "score="),
			    &r->milli);
			r->bayes = arena_strndup(a, pair_value(line, "bayes="));
			r->autolearn = arena_strndup(a,
			    pair_value(line, "autolearn="));
		} else if (span_iprefix(line, "tests=")) {
			tests = span_sub(line, 6, line.n);
		}
	}
	if (!have_score)
		return err_set(e, "spamd: no score in its report: is its "
		    "local.cf the one that 'pmgconfig sync' writes?");
	parse_tests(tests, r, a);
	if (r->bayes == NULL)
		r->bayes = "";
	if (r->autolearn == NULL)
		r->autolearn = "";
	r->state = SCORE_SCORED;
	return 0;
}
