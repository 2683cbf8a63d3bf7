/* A client connection: buffered reading by line or by block, with deadlines. */
#ifndef PMG_FILTER_CONN_H
#define PMG_FILTER_CONN_H

#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "lib/mail/smtp.h"

enum conn_line { CONN_LINE, CONN_EOF, CONN_TIMEOUT, CONN_STOP, CONN_BAD };

struct conn {
	int fd;
	bool gone;		/* takes no more replies */
	bool asked;		/* just answered: the client's turn */
	struct buf out;		/* replies not yet sent (PIPELINING) */
	size_t pos, n;		/* unread part of in */
	unsigned char in[65536];
};

void conn_init(struct conn *c, int fd);
void conn_free(struct conn *c);
/*
 * The next command line without its CRLF. CONN_BAD: too long, or with a bare
 * CR, LF or NUL (RFC 5321 2.3.8): there is no safe way to go on.
 * CONN_STOP: nothing was waiting and the worker is to end.
 */
enum conn_line conn_line(struct conn *c, struct span *line, int timeout_ms);
/* What is buffered, or the next block from the net; empty at the end. */
struct span conn_block(struct conn *c, int timeout_ms);
/* Takes the first n bytes of conn_block() as read. */
void conn_consume(struct conn *c, size_t n);
/* Queues a reply; it leaves when no command is waiting in the buffer. */
void conn_reply(struct conn *c, int code, const char *text);
/* False: the client is gone. */
bool conn_flush(struct conn *c);

#endif
