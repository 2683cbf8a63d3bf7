/*
 * SMTP and LMTP grammar, both sides (RFC 5321, 2033, 1870, 6152, 3461, 6531,
 * 2034; Postfix XFORWARD_README). Pure: lines in, structs out.
 *
 * Strict: a command line ends in CRLF and contains no other CR, LF or NUL.
 */
#ifndef PMG_MAIL_SMTP_H
#define PMG_MAIL_SMTP_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/envelope.h"

enum {
	SMTP_LINE_MAX = 4096,	/* command line with extensions, incl. CRLF */
	SMTP_REPLY_MAX = 998,	/* bytes of a reply line that we pass on */
};

enum smtp_verb { SMTP_BAD, SMTP_HELO, SMTP_EHLO, SMTP_LHLO, SMTP_MAIL,
	SMTP_RCPT, SMTP_DATA, SMTP_RSET, SMTP_NOOP, SMTP_QUIT, SMTP_VRFY,
	SMTP_XFORWARD };

/* The verb of a command line (without its CRLF); *args: what follows. */
enum smtp_verb smtp_verb(struct span line, struct span *args);

/* A reply: code, enhanced code and text in `text` ("2.5.0 OK (LOGID)"). */
struct smtp_reply {
	int code;		/* 0 = no reply (connection lost) */
	char text[1000];	/* first line for a multi-line one, no CRLF */
};
void smtp_reply_set(struct smtp_reply *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * "FROM:<path> [params]" of MAIL into env (strings in a). size_r: SIZE=, 0 if
 * none. False: r says why (501 5.5.4, 555 5.5.4 ...).
 */
bool smtp_parse_mail(struct span args, struct envelope *env, uint64_t *size_r,
    struct arena *a, struct smtp_reply *r);
/* "TO:<path> [params]" of RCPT. */
bool smtp_parse_rcpt(struct span args, struct recipient *rcpt,
    struct arena *a, struct smtp_reply *r);
/* XFORWARD name=value ...: xtext decoded, [UNAVAILABLE] -> "". */
bool smtp_parse_xforward(struct span args, struct envelope *env,
    struct arena *a, struct smtp_reply *r);

/* The address is legal only in a transaction with SMTPUTF8 (else 553 5.6.7).
 * smtp_parse_mail checks the sender itself; the caller checks recipients. */
bool smtp_addr_is_utf8(const char *addr);
/* A mailbox that may stand between angle brackets: no route, not "". */
bool smtp_addr_valid(const char *addr);

/* xtext of RFC 3461 4 (also XFORWARD values). */
void smtp_xtext_put(struct buf *b, const char *s);

/*
 * End-of-data reader: feed raw bytes, get the message without dot-stuffing.
 * Only CRLF.CRLF ends it. A bare CR or LF is noted and kept; the caller
 * rejects such a message (5.6.0) when `bare` is set after the end.
 */
struct smtp_data {
	unsigned state;
	bool done;
	bool bare;		/* saw CR without LF, or LF without CR */
};
/* Consumes up to the end of data; appends decoded bytes to out. Returns how
 * many bytes of in were consumed. */
size_t smtp_data_feed(struct smtp_data *d, struct span in, struct buf *out);

/*
 * Dot-stuffs msg for sending, ending it with CRLF.CRLF; a bare CR or LF in
 * msg becomes CRLF: none ever passes out.
 */
void smtp_data_put(struct buf *out, struct span msg);
/* The same without the final dot, for a message that is sent in pieces. Each
 * piece but the last must end behind an LF. */
void smtp_data_lines(struct buf *out, struct span piece);

/* One reply of the other side, possibly multi-line, accumulated by line. */
struct smtp_reply_reader {
	struct smtp_reply reply;
	bool started, done, bad;
};
void smtp_reply_line(struct smtp_reply_reader *rr, struct span line);

#endif
