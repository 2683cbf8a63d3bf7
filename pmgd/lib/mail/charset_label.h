/*
 * Labels of charsets as they stand in mail, and what is meant by them: the
 * table of the Encoding Standard, the names that IANA and mailers have
 * besides, and misspellings. Only used inside lib/mail (charset.c).
 */
#ifndef PMG_MAIL_CHARSET_LABEL_H
#define PMG_MAIL_CHARSET_LABEL_H

#include "lib/base/span.h"

enum charset_kind {
	CHARSET_GUESS,		/* UTF-8 if it is valid, else Windows-1252 */
	CHARSET_UTF8,
	CHARSET_1252,
	CHARSET_UTF16,		/* order from the mark or the text */
	CHARSET_UTF16LE,
	CHARSET_UTF16BE,
	CHARSET_UTF7,
	CHARSET_2022JP,
	CHARSET_2022KR,
	CHARSET_HZ,
	CHARSET_SINGLE,		/* by iconv; one byte a character */
	CHARSET_MULTI,		/* by iconv; ASCII bytes are ASCII */
	CHARSET_OTHER,		/* by iconv; they may not be */
};

struct charset {
	const char *label;	/* letters and digits only, lower case */
	enum charset_kind kind;
	const char *iconv;	/* its name there; for kinds that are not read
				 * by iconv, the one to write */
};

/* Never NULL: CHARSET_GUESS for an empty or unknown label. */
const struct charset *charset_find(struct span label);

#endif
