#include "lib/mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include "lib/base/str.h"
#include "lib/mail/utf8.h"

enum kind {
	KIND_GUESS,
	KIND_UTF8,
	KIND_1252,
	KIND_UTF16,	/* byte order from the mark or the text */
	KIND_SUPERSET,	/* by iconv; ASCII bytes are ASCII */
	KIND_OTHER,	/* by iconv; they may not be */
};

struct charset {
	const char *label;	/* letters and digits only, lower case */
	enum kind kind;
	const char *iconv;
};

/*
 * Labels as they stand in mail, reduced to letters and digits. ISO-2022-CN is
 * left out: hardly used, and its converter has been a way into libc.
 */
static const struct charset charsets[] = {
    {"ansi", KIND_1252, NULL},
    {"ascii", KIND_GUESS, NULL},
    {"big5", KIND_SUPERSET, "BIG5-HKSCS"},
    {"big5hkscs", KIND_SUPERSET, "BIG5-HKSCS"},
    {"cnbig5", KIND_SUPERSET, "BIG5-HKSCS"},
    {"cp1250", KIND_SUPERSET, "CP1250"},
    {"cp1251", KIND_SUPERSET, "CP1251"},
    {"cp1252", KIND_1252, NULL},
    {"cp437", KIND_SUPERSET, "CP437"},
    {"cp850", KIND_SUPERSET, "CP850"},
    {"cp852", KIND_SUPERSET, "CP852"},
    {"cp866", KIND_SUPERSET, "CP866"},
    {"cp874", KIND_SUPERSET, "CP874"},
    {"cp932", KIND_SUPERSET, "CP932"},
    {"cp936", KIND_SUPERSET, "GB18030"},
    {"cp949", KIND_SUPERSET, "UHC"},
    {"cp950", KIND_SUPERSET, "BIG5-HKSCS"},
    {"cseucpkdfmtjapanese", KIND_SUPERSET, "EUC-JP"},
    {"csiso2022jp", KIND_OTHER, "ISO-2022-JP"},
    {"csshiftjis", KIND_SUPERSET, "CP932"},
    {"euccn", KIND_SUPERSET, "GB18030"},
    {"eucjp", KIND_SUPERSET, "EUC-JP"},
    {"euckr", KIND_SUPERSET, "UHC"},
    {"gb18030", KIND_SUPERSET, "GB18030"},
    {"gb2312", KIND_SUPERSET, "GB18030"},
    {"gb231280", KIND_SUPERSET, "GB18030"},
    {"gbk", KIND_SUPERSET, "GB18030"},
    {"ibm437", KIND_SUPERSET, "CP437"},
    {"ibm850", KIND_SUPERSET, "CP850"},
    {"ibm852", KIND_SUPERSET, "CP852"},
    {"ibm866", KIND_SUPERSET, "CP866"},
    {"iso2022jp", KIND_OTHER, "ISO-2022-JP"},
    {"iso2022jp1", KIND_OTHER, "ISO-2022-JP-2"},
    {"iso2022jp2", KIND_OTHER, "ISO-2022-JP-2"},
    {"iso2022kr", KIND_OTHER, "ISO-2022-KR"},
    {"iso88591", KIND_1252, NULL},
    {"iso885911987", KIND_1252, NULL},
    {"iso885910", KIND_SUPERSET, "ISO-8859-10"},
    {"iso885911", KIND_SUPERSET, "CP874"},
    {"iso885913", KIND_SUPERSET, "CP1257"},
    {"iso885914", KIND_SUPERSET, "ISO-8859-14"},
    {"iso885915", KIND_SUPERSET, "ISO-8859-15"},
    {"iso885916", KIND_SUPERSET, "ISO-8859-16"},
    {"iso88592", KIND_SUPERSET, "ISO-8859-2"},
    {"iso88593", KIND_SUPERSET, "ISO-8859-3"},
    {"iso88594", KIND_SUPERSET, "ISO-8859-4"},
    {"iso88595", KIND_SUPERSET, "ISO-8859-5"},
    {"iso88596", KIND_SUPERSET, "ISO-8859-6"},
    {"iso88597", KIND_SUPERSET, "ISO-8859-7"},
    {"iso88598", KIND_SUPERSET, "ISO-8859-8"},
    {"iso88598e", KIND_SUPERSET, "ISO-8859-8"},
    {"iso88598i", KIND_SUPERSET, "CP1255"},
    {"iso88599", KIND_SUPERSET, "CP1254"},
    {"koi8", KIND_SUPERSET, "KOI8-R"},
    {"koi8r", KIND_SUPERSET, "KOI8-R"},
    {"koi8ru", KIND_SUPERSET, "KOI8-U"},
    {"koi8u", KIND_SUPERSET, "KOI8-U"},
    {"ksc5601", KIND_SUPERSET, "UHC"},
    {"ksc56011987", KIND_SUPERSET, "UHC"},
    {"ksc56011992", KIND_SUPERSET, "UHC"},
    {"latin1", KIND_1252, NULL},
    {"latin2", KIND_SUPERSET, "ISO-8859-2"},
    {"latin9", KIND_SUPERSET, "ISO-8859-15"},
    {"macintosh", KIND_SUPERSET, "MACINTOSH"},
    {"mskanji", KIND_SUPERSET, "CP932"},
    {"shiftjis", KIND_SUPERSET, "CP932"},
    {"sjis", KIND_SUPERSET, "CP932"},
    {"tis620", KIND_SUPERSET, "CP874"},
    {"unicode11utf7", KIND_OTHER, "UTF-7"},
    {"unicode11utf8", KIND_UTF8, NULL},
    {"usascii", KIND_GUESS, NULL},
    {"utf16", KIND_UTF16, NULL},
    {"utf16be", KIND_OTHER, "UTF-16BE"},
    {"utf16le", KIND_OTHER, "UTF-16LE"},
    {"utf7", KIND_OTHER, "UTF-7"},
    {"utf8", KIND_UTF8, NULL},
    {"windows1250", KIND_SUPERSET, "CP1250"},
    {"windows1251", KIND_SUPERSET, "CP1251"},
    {"windows1252", KIND_1252, NULL},
    {"windows1253", KIND_SUPERSET, "CP1253"},
    {"windows1254", KIND_SUPERSET, "CP1254"},
    {"windows1255", KIND_SUPERSET, "CP1255"},
    {"windows1256", KIND_SUPERSET, "CP1256"},
    {"windows1257", KIND_SUPERSET, "CP1257"},
    {"windows1258", KIND_SUPERSET, "CP1258"},
    {"windows31j", KIND_SUPERSET, "CP932"},
    {"windows874", KIND_SUPERSET, "CP874"},
    {"windows932", KIND_SUPERSET, "CP932"},
    {"windows936", KIND_SUPERSET, "GB18030"},
    {"windows949", KIND_SUPERSET, "UHC"},
    {"xgbk", KIND_SUPERSET, "GB18030"},
    {"xmaccyrillic", KIND_SUPERSET, "MAC-CYRILLIC"},
    {"xmacroman", KIND_SUPERSET, "MACINTOSH"},
    {"xsjis", KIND_SUPERSET, "CP932"},
    {"xxbig5", KIND_SUPERSET, "BIG5-HKSCS"},
};

static const struct charset guess = {"", KIND_GUESS, NULL};

static const struct charset *
charset_find(struct span label)
{
	char key[24];
	size_t n = 0;

	for (size_t i = 0; i < label.n; i++) {
		int c = ascii_lower(label.p[i]);

		if (!ascii_isdigit(c) && (c < 'a' || c > 'z'))
			continue;
		if (n == sizeof(key) - 1)
			return &guess;
		key[n++] = (char)c;
	}
	key[n] = '\0';
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (strcmp(charsets[i].label, key) == 0)
			return &charsets[i];
	return &guess;
}

static void
put_codepoint(struct buf *out, uint32_t cp)
{
	if (cp < 0x80) {
		buf_putc(out, (int)cp);
	} else if (cp < 0x800) {
		buf_putc(out, (int)(0xc0 | cp >> 6));
		buf_putc(out, (int)(0x80 | (cp & 0x3f)));
	} else {
		buf_putc(out, (int)(0xe0 | cp >> 12));
		buf_putc(out, (int)(0x80 | (cp >> 6 & 0x3f)));
		buf_putc(out, (int)(0x80 | (cp & 0x3f)));
	}
}

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

		put_codepoint(out, c >= 0x80 && c < 0xa0 ? win1252[c - 0x80]
		                                         : c);
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
			put_codepoint(out, 0xfffd);
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

static void
put_guess(struct buf *out, struct span in)
{
	if (utf8_valid(in))
		buf_puts_span(out, in);
	else
		put_1252(out, in);
}

/* One run of iconv; bytes that it refuses become U+FFFD one by one. */
static void
put_iconv(struct buf *out, iconv_t cd, struct span in)
{
	char *src = (char *)(uintptr_t)in.p;	/* iconv does not write it */
	size_t left = in.n;
	char chunk[1024];

	while (!out->overflow) {
		char *dst = chunk;
		size_t room = sizeof(chunk);
		size_t rc = iconv(cd, left > 0 ? &src : NULL, &left, &dst,
		    &room);
		int error = errno;

		buf_put(out, chunk, sizeof(chunk) - room);
		if (rc != (size_t)-1) {
			if (left == 0)
				return;
		} else if (error == EILSEQ && left > 0) {
			put_codepoint(out, 0xfffd);
			src++;
			left--;
		} else if (error != E2BIG) {
			put_codepoint(out, 0xfffd);
			return;
		}
	}
}

/* Latin text has its zero bytes on one side; without a hint: big-endian. */
static const char *
utf16_order(struct span *in)
{
	size_t zero[2] = {0, 0};

	if (in->n >= 2 && in->p[0] == 0xff && in->p[1] == 0xfe) {
		*in = span_sub(*in, 2, in->n);
		return "UTF-16LE";
	}
	if (in->n >= 2 && in->p[0] == 0xfe && in->p[1] == 0xff) {
		*in = span_sub(*in, 2, in->n);
		return "UTF-16BE";
	}
	for (size_t i = 0; i < in->n; i++)
		zero[i & 1] += in->p[i] == 0;
	return zero[1] > zero[0] ? "UTF-16LE" : "UTF-16BE";
}

static void
put_named(struct buf *out, const char *name, struct span in)
{
	iconv_t cd = iconv_open("UTF-8", name);

	if (cd == (iconv_t)-1) {
		put_guess(out, in);
		return;
	}
	put_iconv(out, cd, in);
	iconv_close(cd);
}

void
charset_to_utf8(struct buf *out, struct span label, struct span in)
{
	const struct charset *c = charset_find(label);

	switch (c->kind) {
	case KIND_GUESS:
		put_guess(out, in);
		break;
	case KIND_UTF8:
		/* A cut or damaged text is still UTF-8; Latin-1 under a wrong
		 * label has no valid sequence at all. */
		if (utf8_valid(in))
			buf_puts_span(out, in);
		else if (has_utf8(in))
			put_utf8(out, in);
		else
			put_1252(out, in);
		break;
	case KIND_1252:
		put_1252(out, in);
		break;
	case KIND_UTF16:
		put_named(out, utf16_order(&in), in);
		break;
	case KIND_SUPERSET:
		if (utf8_is_ascii(in))
			buf_puts_span(out, in);
		else
			put_named(out, c->iconv, in);
		break;
	case KIND_OTHER:
		put_named(out, c->iconv, in);
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
	case KIND_UTF8:
		buf_puts_span(out, utf8);
		return 0;
	case KIND_GUESS:
		/* Nothing but what US-ASCII holds, whatever the label is. */
		if (!utf8_is_ascii(utf8))
			return -1;
		buf_puts_span(out, utf8);
		return 0;
	case KIND_1252:
		/* The label says ISO-8859-1: stay within it. */
		return from_named(out, span_iprefix(label, "windows") ||
		        span_iprefix(label, "cp") ? "CP1252" : "ISO-8859-1",
		    utf8);
	case KIND_UTF16:
		return -1;
	case KIND_SUPERSET: case KIND_OTHER:
		return from_named(out, c->iconv, utf8);
	}
	return -1;
}

void
charset_warm_up(void)
{
	static const char *const common[] = {"ISO-8859-2", "ISO-8859-15",
	    "CP1250", "CP1251", "KOI8-R", "GB18030", "BIG5-HKSCS", "CP932",
	    "ISO-2022-JP", "UHC", "UTF-16LE", "UTF-16BE", "UTF-7"};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		iconv_t cd = iconv_open("UTF-8", common[i]);

		if (cd != (iconv_t)-1)
			iconv_close(cd);
	}
}
