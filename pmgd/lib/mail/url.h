/*
 * One URL, read as browsers read it (URL standard of the WHATWG) and written
 * in one form, so that equal targets are equal bytes.
 */
#ifndef PMG_MAIL_URL_H
#define PMG_MAIL_URL_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum url_flag {
	/* Where it stood. */
	URL_IN_TEXT	= 1u << 0,	/* in text, HTML's text too */
	URL_IN_HTML	= 1u << 1,	/* in an attribute or a style sheet */
	URL_IN_SCRIPT	= 1u << 2,	/* in a script or an on... attribute */
	URL_DECODED	= 1u << 3,	/* inside another URL: see `from` */
	/* How it was written. */
	URL_GUESSED	= 1u << 4,	/* without a scheme: http:// put before */
	URL_USERINFO	= 1u << 5,	/* http://user@host */
	URL_IP		= 1u << 6,	/* the host is an address */
	URL_IP_ODD	= 1u << 7,	/* ... not as four decimal numbers */
	URL_HOST_ODD	= 1u << 8,	/* host percent-encoded, or with characters
					 * that stand for ASCII ones */
	URL_IDN		= 1u << 9,	/* host not ASCII, or with xn-- */
	URL_BACKSLASH	= 1u << 10,	/* "\" where "/" belongs */
	URL_CONTROL	= 1u << 11,	/* tabs or line ends inside */
	URL_BAD_HOST	= 1u << 12,	/* browsers refuse the host or port */
	URL_CUT		= 1u << 13,	/* longer than URL_BYTES_MAX */
	/* What it is. */
	URL_REWRITER	= 1u << 14,	/* of a known link protection service */
	URL_OPAQUE	= 1u << 15,	/* ... whose target only it knows */
};

enum {
	/* Bytes that are read of one; the rest is dropped. */
	URL_BYTES_MAX = 8192,
	/* The same for schemes whose content is no address (data: ...). */
	URL_OTHER_BYTES_MAX = 512,
	/* Bytes of the normal form, at most: each byte as %XX, and "http://". */
	URL_NORM_MAX = 3 * URL_BYTES_MAX + 64,
};

/* Where the parts of a normal form are. */
struct url_parts {
	size_t scheme_n;	/* "http" */
	size_t host_off, host_n;	/* host_n 0: none (mailto:, data: ...) */
	unsigned port;		/* 0 = the scheme's own */
	size_t path_off;	/* behind host and port */
	uint32_t flags;		/* how it was written */
};

/*
 * Appends the normal form of in and fills *p, offsets relative to where it
 * begins: scheme and host in lower case, tabs and line ends dropped, user name
 * and default port dropped, an IPv4 address as four decimal numbers, "." and
 * ".." resolved, what must be percent-encoded is. The host is percent-decoded;
 * characters that stand for ASCII ones become these, others stay UTF-8. All
 * else is ASCII.
 *
 * base (a normal form) and base_p resolve a relative reference; base_p NULL =
 * none. False, nothing appended: no URL, or only a fragment of this document.
 */
bool url_normalise(struct buf *out, struct url_parts *p, struct span in,
    struct span base, const struct url_parts *base_p);

/* %XX decoded; other percent signs stay. */
void url_percent_decode(struct buf *out, struct span s);

#endif
