/*
 * Other readings of broken base64 and quoted-printable. Decoders differ in
 * what they do with padding in the middle, foreign bytes, lines that are no
 * whole number of groups, bad escapes; each style here is what some of them
 * do. Only used inside lib/mail.
 */
#ifndef PMG_MAIL_CTE_VARIANT_H
#define PMG_MAIL_CTE_VARIANT_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* What is odd about the data, hence which styles can make a difference. */
enum variant_odd {
	ODD_PAD		= 1u << 0,	/* data behind "=", or too few of it */
	ODD_JUNK	= 1u << 1,	/* bytes outside the alphabet */
	ODD_LINE	= 1u << 2,	/* a group goes on in the next line */
	ODD_BLANK	= 1u << 3,	/* an empty line before the last one */
	ODD_ESCAPE	= 1u << 4,	/* "=" without two hex digits */
	ODD_CASE	= 1u << 5,	/* hex digits in both cases */
};

unsigned base64_odd(struct span in);
unsigned qp_odd(struct span in);

enum base64_style {
	B64_STOP,	/* ends at the first padding */
	B64_NO_PAD,	/* "=" is a foreign byte, skipped */
	B64_PAD_ZERO,	/* "=" is a digit of value 0 */
	B64_TUPLES,	/* four characters a group, wherever a "=" is in it */
	B64_JUNK_LINE,	/* a foreign byte hides the rest of its line */
	B64_CLEAN_LINES,/* lines with a foreign byte are skipped */
	B64_EACH_LINE,	/* every line by itself, its odd rest dropped */
	B64_URL,	/* '-' and '_' are digits: RFC 4648 section 5 */
	B64_BEHIND_BLANK,/* begins behind the first empty line */
	B64_STYLES
};

enum qp_style {
	QP_DROP_SIGN,	/* a bad "=" vanishes */
	QP_DROP_ESCAPE,	/* and the two characters behind it, up to a "=" */
	QP_UPPER,	/* lower case escapes are bad, and vanish */
	QP_UPPER_PAIR,	/* "=" and a lower case digit vanish, before all else */
	QP_STYLES
};

/* Whether a style can read data with these oddities in another way. */
bool base64_style_for(enum base64_style style, unsigned odd);
bool qp_style_for(enum qp_style style, unsigned odd);

void base64_decode_style(struct span in, enum base64_style style,
    struct buf *out);
void qp_decode_style(struct span in, enum qp_style style, struct buf *out);

/* Value of a base64 digit, -1 for everything else. */
int base64_digit(unsigned char c);

#endif
