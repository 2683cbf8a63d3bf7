/*
 * The SMTP envelope of one message as Postfix handed it over (RFC 5321, 3461,
 * 6531; XFORWARD). Strings are NUL-terminated UTF-8 or ASCII, owned by the
 * arena of the message, without the angle brackets; "" = null sender or not
 * given. DSN parameters are kept verbatim (xtext undecoded): they only travel.
 */
#ifndef PMG_MAIL_ENVELOPE_H
#define PMG_MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

enum direction { DIR_IN = 0, DIR_OUT = 1 };

struct recipient {
	const char *addr;
	const char *notify;	/* NOTIFY= value */
	const char *orcpt;	/* ORCPT= value */
};

struct envelope {
	enum direction dir;
	const char *logid;	/* ours: [0-9A-F]+ */
	const char *queue_id;	/* Postfix's (XFORWARD IDENT), "" = none */
	const char *sender;
	struct recipient *rcpt;
	size_t nrcpt;
	bool body_8bit;		/* BODY=8BITMIME */
	bool smtputf8;
	const char *ret;	/* RET= */
	const char *envid;	/* ENVID= */
	/* XFORWARD, decoded from xtext; "" = [UNAVAILABLE] or not sent. */
	const char *client_name;
	const char *client_addr;	/* without the IPV6: prefix */
	const char *client_port;
	const char *client_helo;
	const char *client_proto;	/* SMTP, ESMTP */
	const char *client_source;	/* LOCAL, REMOTE */
};

#endif
