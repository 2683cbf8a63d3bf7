/*
 * Text of mail to UTF-8. A fixed table says which labels are understood and
 * what real mail means by them (ISO-8859-1 is Windows-1252, gb2312 is
 * GB18030, ...); no other name ever reaches iconv. Text under an unknown or
 * missing label, or that contradicts it, is taken as UTF-8 if it is valid
 * UTF-8, else as Windows-1252. What cannot be decoded becomes U+FFFD.
 *
 * iconv loads its tables from the gconv folder of libc on first use: a
 * sandbox that forbids that makes everything but UTF-8, ASCII and
 * Windows-1252 (which are built in) fall back to the guess above.
 * charset_warm_up() loads the common ones beforehand, and keeps them.
 */
#ifndef PMG_MAIL_CHARSET_H
#define PMG_MAIL_CHARSET_H

#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	/* Bytes of UTF-8 for one byte of input, at most. */
	CHARSET_GROWTH = 3,
	CHARSET_WARM = 10,	/* common charsets */
};

/* Appends in, valid UTF-8 whatever came. label: as the mail gives it, any
 * bytes; an empty span = none. */
void charset_to_utf8(struct buf *out, struct span label, struct span in);
/*
 * Appends UTF-8 text in the charset of that label. -1: the charset is not
 * known or cannot express it; out is as before.
 */
int charset_from_utf8(struct buf *out, struct span label, struct span utf8);

/*
 * Before a process forks or enters a sandbox: its children need not load the
 * tables again for each text. *w holds them in memory until
 * charset_cool_down().
 */
struct charset_warm {
	void *held[CHARSET_WARM];	/* iconv_t, NULL = not there */
};
void charset_warm_up(struct charset_warm *w);
void charset_cool_down(struct charset_warm *w);

#endif
