#include "lib/mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include "lib/base/cleanup.h"
#include "lib/mail/charset_escape.h"
#include "lib/mail/charset_label.h"
#include "lib/mail/charset_unicode.h"
#include "lib/mail/utf8.h"

enum { REPLACEMENT = 0xfffd };

static const uint16_t win1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static void
put_1252(struct buf *out, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];

		utf8_put(out, c >= 0x80 && c < 0xa0 ? win1252[c - 0x80] : c);
	}
}

/* Valid characters stay, every other byte becomes U+FFFD. */
static void
put_utf8(struct buf *out, struct span in)
{
	uint32_t cp;

	for (size_t i = 0; i < in.n;) {
		size_t n = utf8_next(in, i, &cp);

		if (n == 0)
			utf8_put(out, REPLACEMENT);
		else
			buf_put(out, in.p + i, n);
		i += n ? n : 1;
	}
}

/* Whether anything in there only makes sense as UTF-8. */
static bool
has_utf8(struct span in)
{
	uint32_t cp;
	size_t n;

	for (size_t i = 0; i < in.n; i += n ? n : 1) {
		n = utf8_next(in, i, &cp);
		if (n > 1)
			return true;
	}
	return false;
}

/* One run of iconv; bytes that it refuses become U+FFFD one by one. Returns
 * how many it refused. */
static size_t
put_iconv(struct buf *out, iconv_t cd, struct span in)
{
	char *src = (char *)(uintptr_t)in.p;	/* iconv does not write it */
	size_t left = in.n;
	size_t refused = 0;
	char chunk[1024];

	for (bool last = false; !out->overflow && !last;) {
		char *dst = chunk;
		size_t room = sizeof(chunk);
		size_t rc;
		int error;

		/* Some hold a character back that the next one may change. */
		last = left == 0;
		rc = iconv(cd, last ? NULL : &src, &left, &dst, &room);
		error = errno;
		buf_put(out, chunk, sizeof(chunk) - room);
		if (rc != (size_t)-1 || error == E2BIG)
			continue;
		utf8_put(out, REPLACEMENT);
		refused++;
		if (error != EILSEQ || last)
			break;
		src++;
		left--;
	}
	return refused;
}

/* False: no such table here, or in is UTF-8 and not this charset. */
static bool
put_named(struct buf *out, const char *name, struct span in)
{
	iconv_t cd = iconv_open("UTF-8", name);
	size_t before = out->n;
	size_t refused;

	if (cd == (iconv_t)-1)
		return false;
	refused = put_iconv(out, cd, in);
	iconv_close(cd);
	if (refused == 0 || out->overflow || !utf8_valid(in))
		return true;
	out->n = before;
	return false;
}

static void put_guess(struct buf *out, struct span in);

static void
put_jis(struct buf *out, struct span in)
{
	AUTO_BUF struct buf b;

	buf_init(&b, in.n);
	/* Shift-JIS under that label comes out right, too. */
	if (charset_jis_to_cp932(&b, in)
	    ? !put_named(out, "CP932", buf_span(&b))
	    : !put_named(out, "ISO-2022-JP-2", in))
		put_guess(out, in);
}

/* ISO-2022-JP is read without a label by everybody who gets such mail. */
static void
put_guess(struct buf *out, struct span in)
{
	AUTO_BUF struct buf b;

	buf_init(&b, in.n);
	if (!utf8_valid(in))
		put_1252(out, in);
	else if (!charset_has_jis(in) || !charset_jis_to_cp932(&b, in) ||
	    !put_named(out, "CP932", buf_span(&b)))
		buf_puts_span(out, in);
}

/* A label that says 7-bit over UTF-8. */
static bool
is_plain_utf8(struct span in)
{
	return has_utf8(in) && utf8_valid(in) && !charset_has_jis(in);
}

static void
put_escaped(struct buf *out, const struct charset *c, struct span in)
{
	AUTO_BUF struct buf b;

	buf_init(&b, in.n);
	if (is_plain_utf8(in)) {
		buf_puts_span(out, in);
		return;
	}
	if (c->kind == CHARSET_2022JP) {
		put_jis(out, in);
		return;
	}
	if (c->kind == CHARSET_HZ)
		charset_hz_to_euc(&b, in);
	else
		charset_kr_to_euc(&b, in);
	if (!put_named(out, c->kind == CHARSET_HZ ? "GB18030" : "UHC",
	        buf_span(&b)))
		put_guess(out, in);
}

/*
 * The mark decides, then, with "utf-16" alone, where Latin text has its zero
 * bytes; without a hint it is big-endian. Text without any zero byte that is
 * UTF-8 never was UTF-16: a label that survived a conversion.
 */
static void
put_utf16(struct buf *out, enum charset_kind kind, struct span in)
{
	size_t zero[2] = {0, 0};
	bool big = kind == CHARSET_UTF16BE;

	for (size_t i = 0; i < in.n; i++)
		zero[i & 1] += in.p[i] == 0;
	if (zero[0] + zero[1] == 0 && utf8_valid(in)) {
		buf_puts_span(out, in);
		return;
	}
	if (in.n >= 2 && in.p[0] + in.p[1] == 0xff + 0xfe &&
	    (in.p[0] == 0xff || in.p[0] == 0xfe)) {
		big = in.p[0] == 0xfe;
		in = span_sub(in, 2, in.n);
	} else if (kind == CHARSET_UTF16) {
		big = zero[1] <= zero[0];
	}
	charset_put_utf16(out, in, big);
}

/* A cut or damaged text is still UTF-8; Latin-1 under a wrong label has no
 * valid sequence at all. */
static void
put_labelled_utf8(struct buf *out, struct span in)
{
	if (utf8_valid(in))
		buf_puts_span(out, in);
	else if (has_utf8(in))
		put_utf8(out, in);
	else
		put_1252(out, in);
}

void
charset_to_utf8(struct buf *out, struct span label, struct span in)
{
	const struct charset *c = charset_find(label);

	switch (c->kind) {
	case CHARSET_GUESS:
		put_guess(out, in);
		break;
	case CHARSET_UTF8:
		put_labelled_utf8(out, in);
		break;
	case CHARSET_1252:
		put_1252(out, in);
		break;
	case CHARSET_UTF16: case CHARSET_UTF16LE: case CHARSET_UTF16BE:
		put_utf16(out, c->kind, in);
		break;
	case CHARSET_UTF7:
		if (is_plain_utf8(in))
			buf_puts_span(out, in);
		else
			charset_put_utf7(out, in);
		break;
	case CHARSET_2022JP: case CHARSET_2022KR: case CHARSET_HZ:
		put_escaped(out, c, in);
		break;
	case CHARSET_SINGLE: case CHARSET_MULTI:
		if (utf8_is_ascii(in))
			buf_puts_span(out, in);
		else if (!put_named(out, c->iconv, in))
			put_guess(out, in);
		break;
	case CHARSET_OTHER:
		if (!put_named(out, c->iconv, in))
			put_guess(out, in);
		break;
	}
}

static int
from_named(struct buf *out, const char *name, struct span utf8)
{
	iconv_t cd = iconv_open(name, "UTF-8");
	char *src = (char *)(uintptr_t)utf8.p;
	size_t left = utf8.n;
	size_t before = out->n;
	int error = E2BIG;

	if (cd == (iconv_t)-1)
		return -1;
	while (error == E2BIG && !out->overflow) {
		char chunk[1024];
		char *dst = chunk;
		size_t room = sizeof(chunk);
		bool last = left == 0;
		size_t rc = iconv(cd, last ? NULL : &src, &left, &dst, &room);

		error = rc == (size_t)-1 ? errno : rc > 0 ? EILSEQ : 0;
		buf_put(out, chunk, sizeof(chunk) - room);
		/* One more call returns a stateful charset to its start. */
		if (error == 0 && !last)
			error = E2BIG;
	}
	iconv_close(cd);
	if (error == 0 && !out->overflow)
		return 0;
	out->n = before;
	return -1;
}

int
charset_from_utf8(struct buf *out, struct span label, struct span utf8)
{
	const struct charset *c = charset_find(label);

	if (!utf8_valid(utf8))
		return -1;
	switch (c->kind) {
	case CHARSET_UTF8:
		buf_puts_span(out, utf8);
		return 0;
	case CHARSET_GUESS:
		/* Nothing but what US-ASCII holds, whatever the label is. */
		if (!utf8_is_ascii(utf8))
			return -1;
		buf_puts_span(out, utf8);
		return 0;
	case CHARSET_1252:
		/* The label says ISO-8859-1: stay within it. */
		return from_named(out, span_iprefix(label, "windows") ||
		        span_iprefix(label, "cp") ? "CP1252" : "ISO-8859-1",
		    utf8);
	case CHARSET_UTF16: case CHARSET_2022KR: case CHARSET_HZ:
		return -1;
	default:
		return from_named(out, c->iconv, utf8);
	}
}

/*
 * libc unloads a module soon after its last descriptor is closed, so one of
 * each is kept.
 */
void
charset_warm_up(struct charset_warm *w)
{
	static const char *const common[CHARSET_WARM] = {"ISO-8859-2",
	    "ISO-8859-15", "CP1250", "CP1251", "KOI8-R", "GB18030",
	    "BIG5-HKSCS", "CP932", "EUC-JP-MS", "UHC"};

	for (size_t i = 0; i < CHARSET_WARM; i++) {
		iconv_t cd = iconv_open("UTF-8", common[i]);

		w->held[i] = cd != (iconv_t)-1 ? cd : NULL;
	}
}

void
charset_cool_down(struct charset_warm *w)
{
	for (size_t i = 0; i < CHARSET_WARM; i++)
		if (w->held[i] != NULL)
			iconv_close(w->held[i]);
	*w = (struct charset_warm){{NULL}};
}
