/*
 * SMTP grammar. First byte: which parser, and where the data is cut. Checked
 * beside memory safety: cutting a message into packets changes nothing, what
 * smtp_data_put() writes is read back with clean line ends, xtext survives.
 */
#include <stdlib.h>
#include "lib/mail/smtp.h"

enum { OUT_MAX = 1 << 20, ARENA_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* No parsed string may carry a byte that could start a line of its own. */
static void
require_printable(const char *s)
{
	for (; *s != '\0'; s++)
		require((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void
fuzz_xforward_again(const struct envelope *env, struct arena *a)
{
	struct envelope again = *env;
	struct smtp_reply r;
	struct buf line;

	buf_init(&line, OUT_MAX);
	buf_puts(&line, "HELO=");
	smtp_xtext_put(&line, env->client_helo);
	require(smtp_parse_xforward(buf_span(&line), &again, a, &r));
	require(strcmp(again.client_helo, env->client_helo) == 0 ||
	    env->client_helo[0] == '[');
	buf_free(&line);
}

static void
fuzz_command(struct span line)
{
	struct envelope env = {.sender = "", .ret = "", .envid = "",
	    .queue_id = "", .client_name = "", .client_addr = "",
	    .client_port = "", .client_helo = "", .client_proto = "",
	    .client_source = ""};
	struct recipient rcpt;
	struct smtp_reply r;
	struct arena a;
	struct span args;
	uint64_t n;

	arena_init(&a, ARENA_MAX);
	switch (smtp_verb(line, &args)) {
	case SMTP_MAIL:
		if (smtp_parse_mail(args, &env, &n, &a, &r)) {
			require_printable(env.sender);
			require_printable(env.envid);
		}
		break;
	case SMTP_RCPT:
		if (smtp_parse_rcpt(args, &rcpt, &a, &r)) {
			require_printable(rcpt.addr);
			require_printable(rcpt.orcpt);
		}
		break;
	case SMTP_XFORWARD:
		if (smtp_parse_xforward(args, &env, &a, &r)) {
			require_printable(env.client_name);
			require_printable(env.client_helo);
			fuzz_xforward_again(&env, &a);
		}
		break;
	default:
		break;
	}
	arena_free(&a);
}

static void
fuzz_reply(struct span in)
{
	struct smtp_reply_reader rr = {0};
	size_t pos = 0;

	while (pos < in.n) {
		size_t end = span_chr(in, pos, '\n');

		smtp_reply_line(&rr, span_sub(in, pos, end - pos));
		pos = end + 1;
	}
	if (rr.started)
		require_printable(rr.reply.text);
}

/* CRLF.CRLF, or a message that is nothing but the end. */
static void
require_end(struct span s)
{
	require(s.n >= 3 && memcmp(s.p + s.n - 3, ".\r\n", 3) == 0);
	require(s.n == 3 || (s.n >= 5 &&
	    memcmp(s.p + s.n - 5, "\r\n", 2) == 0));
}

static void
fuzz_feed(struct span in, size_t chunk)
{
	struct smtp_data whole = {0}, cut = {0};
	struct buf a, b;
	size_t used = 0, used_whole;

	buf_init(&a, OUT_MAX);
	buf_init(&b, OUT_MAX);
	used_whole = smtp_data_feed(&whole, in, &a);
	while (used < in.n && !cut.done)
		used += smtp_data_feed(&cut, span_sub(in, used, chunk), &b);
	require(used == used_whole);
	require(whole.done == cut.done && whole.bare == cut.bare &&
	    whole.state == cut.state);
	require(span_eq(buf_span(&a), buf_span(&b)));
	if (whole.done)
		require_end(span_sub(in, 0, used_whole));
	buf_free(&a);
	buf_free(&b);
}

static void
fuzz_put(struct span in)
{
	struct smtp_data d = {0};
	struct buf wire, back, again;
	bool clean = in.n == 0 || (in.n >= 2 && in.p[in.n - 1] == '\n');

	for (size_t i = 0; i < in.n && clean; i++) {
		if (in.p[i] == '\r')
			clean = i + 1 < in.n && in.p[i + 1] == '\n';
		else if (in.p[i] == '\n')
			clean = i > 0 && in.p[i - 1] == '\r';
	}
	buf_init(&wire, OUT_MAX);
	buf_init(&back, OUT_MAX);
	buf_init(&again, OUT_MAX);
	smtp_data_put(&wire, in);
	require(smtp_data_feed(&d, buf_span(&wire), &back) == wire.n);
	require(d.done && !d.bare);
	if (clean)
		require(span_eq(in, buf_span(&back)));
	smtp_data_put(&again, buf_span(&back));
	require(span_eq(buf_span(&wire), buf_span(&again)));
	buf_free(&wire);
	buf_free(&back);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 1 || size > OUT_MAX / 4)
		return 0;
	in = span_of(data + 1, size - 1);
	switch (data[0] & 3) {
	case 0:
		fuzz_command(in);
		break;
	case 1:
		fuzz_reply(in);
		break;
	case 2:
		fuzz_feed(in, 1 + (data[0] >> 2));
		break;
	default:
		fuzz_put(in);
		break;
	}
	return 0;
}
