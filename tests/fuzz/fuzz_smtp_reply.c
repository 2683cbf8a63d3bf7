/*
 * What a next hop answers: replies one after another, read as the SMTP client
 * reads them. Checked beside memory safety: a reply has a code of SMTP and a
 * text on one line; cut anywhere, the same replies come and none that was not
 * whole.
 */
#include "lib/net/smtp_conn.h"
#include "require.h"

enum { IN_MAX = 1 << 14, REPLIES = 16, CUTS = 8 };

struct seen {
	size_t n;
	int code[REPLIES];
	size_t end[REPLIES];	/* offset behind it */
};

static void
check_reply(const struct smtp_reply *r)
{
	require(r->code >= 200 && r->code <= 599);
	require(strlen(r->text) < sizeof(r->text));
	for (const char *p = r->text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
}

/* Ends at a broken one and at the end of the connection. */
static struct seen
read_all(struct span in)
{
	static char where[] = "x";
	struct smtp_client c = {.where = where, .fd = -1, .eof = true};
	struct seen s = {.n = 0};
	struct smtp_reply r;
	struct err e;

	buf_init(&c.in, IN_MAX);
	buf_puts_span(&c.in, in);
	while (s.n < REPLIES && smtp_conn_reply(&c, &r, NULL, &e) == 0) {
		check_reply(&r);
		require(c.in_pos <= in.n);
		require(c.unusable == (r.code == 421));
		s.code[s.n] = r.code;
		s.end[s.n++] = c.in_pos;
		if (c.unusable)
			break;
	}
	buf_free(&c.in);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct seen all, part;

	if (size > IN_MAX)
		return 0;
	all = read_all(in);
	for (size_t k = 0; k < CUTS; k++) {
		size_t n = size * k / CUTS;

		part = read_all(span_sub(in, 0, n));
		require(part.n <= all.n);
		for (size_t i = 0; i < part.n; i++)
			require(part.code[i] == all.code[i] &&
			    part.end[i] == all.end[i] && part.end[i] <= n);
		require(part.n == all.n || all.end[part.n] > n);
	}
	return 0;
}
