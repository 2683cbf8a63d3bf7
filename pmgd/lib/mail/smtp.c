#include "lib/mail/smtp.h"

#include <stdio.h>
#include "lib/base/str.h"
#include "lib/mail/utf8.h"

enum { REPLY_TEXT_MAX = SMTP_REPLY_MAX - 4 };	/* behind "250 " */

static const struct {
	const char *name;
	enum smtp_verb verb;
} verbs[] = {
	{"HELO", SMTP_HELO}, {"EHLO", SMTP_EHLO}, {"LHLO", SMTP_LHLO},
	{"MAIL", SMTP_MAIL}, {"RCPT", SMTP_RCPT}, {"DATA", SMTP_DATA},
	{"RSET", SMTP_RSET}, {"NOOP", SMTP_NOOP}, {"QUIT", SMTP_QUIT},
	{"VRFY", SMTP_VRFY}, {"XFORWARD", SMTP_XFORWARD},
};

enum smtp_verb
smtp_verb(struct span line, struct span *args)
{
	size_t end = span_chr(line, 0, ' ');

	*args = span_of(NULL, 0);
	if (span_chr(line, 0, '\r') < line.n ||
	    span_chr(line, 0, '\n') < line.n || span_chr(line, 0, '\0') < line.n)
		return SMTP_BAD;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!span_ieqs(span_sub(line, 0, end), verbs[i].name))
			continue;
		*args = span_trim(span_sub(line, end, line.n));
		return verbs[i].verb;
	}
	return SMTP_BAD;
}

/*
 * Text of a reply line: no control bytes, whatever made the text, and not cut
 * inside a character.
 */
static void
reply_text(struct smtp_reply *r, struct span text)
{
	size_t n = text.n;

	if (n > REPLY_TEXT_MAX) {
		n = REPLY_TEXT_MAX;
		while (n > 0 && (text.p[n] & 0xc0) == 0x80)
			n--;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = text.p[i];

		r->text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	r->text[n] = '\0';
}

void
smtp_reply_set(struct smtp_reply *r, int code, const char *fmt, ...)
{
	/* Own copy: an argument may be r->text itself. */
	char text[sizeof(r->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->code = code;
	reply_text(r, span_str(text));
}

/* Three digits, the first 2 to 5 (RFC 5321 4.2); 0 when it is no reply. */
static int
reply_code(struct span line)
{
	int64_t code;

	if (line.n < 3 || line.p[0] < '2' ||
	    !str_num(span_sub(line, 0, 3), 200, 599, &code))
		return 0;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return 0;
	return (int)code;
}

void
smtp_reply_line(struct smtp_reply_reader *rr, struct span line)
{
	int code = reply_code(line);

	if (rr->done || rr->bad)
		return;
	if (code == 0 || (rr->started && code != rr->reply.code)) {
		rr->bad = true;
		return;
	}
	if (!rr->started) {
		rr->reply.code = code;
		reply_text(&rr->reply, span_sub(line, 4, line.n));
		rr->started = true;
	}
	rr->done = line.n == 3 || line.p[3] == ' ';
}

void
smtp_xtext_put(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c > ' ' && c < 0x7f && c != '+' && c != '=')
			buf_putc(b, c);
		else
			buf_printf(b, "+%02X", c);
	}
}

bool
smtp_addr_is_utf8(const char *addr)
{
	return !utf8_is_ascii(span_str(addr));
}
