#include "lib/mail/charset_escape.h"

enum { ESC = 0x1b, SO = 0x0e, SI = 0x0f };

static bool
is_graphic(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

/* ---- ISO-2022-JP ---- */

enum jis { JIS_ASCII, JIS_KANA, JIS_KANJI, JIS_OTHER };

/* The set that the escape sequence at i switches to, and its length. */
static enum jis
jis_escape(struct span in, size_t i, size_t *n_r)
{
	struct span s = span_sub(in, i + 1, 3);

	*n_r = 3;
	if (s.n >= 2 && s.p[0] == '(') {
		if (s.p[1] == 'I')
			return JIS_KANA;
		if (s.p[1] == 'B' || s.p[1] == 'J' || s.p[1] == 'H')
			return JIS_ASCII;
	}
	if (s.n >= 2 && s.p[0] == '$' && (s.p[1] == 'B' || s.p[1] == '@'))
		return JIS_KANJI;
	if (s.n >= 3 && s.p[0] == '$' && s.p[1] == '(' &&
	    (s.p[2] == 'B' || s.p[2] == '@')) {
		*n_r = 4;
		return JIS_KANJI;
	}
	return JIS_OTHER;
}

static void
jis_put_kanji(struct buf *out, unsigned a, unsigned b)
{
	buf_putc(out, (int)((a - 1) / 2 + (a < 0x5f ? 0x71 : 0xb1)));
	buf_putc(out, (int)(b + (a % 2 == 0 ? 0x7e
	                          : b < 0x60 ? 0x1f : 0x20)));
}

bool
charset_jis_to_cp932(struct buf *out, struct span in)
{
	enum jis set = JIS_ASCII;
	bool shift = false;	/* SO: katakana for the time */
	size_t before = out->n;
	size_t n;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];

		if (c == ESC) {
			set = jis_escape(in, i, &n);
			if (set == JIS_OTHER) {
				out->n = before;
				return false;
			}
			i += n - 1;
		} else if (c == SO || c == SI) {
			shift = c == SO;
		} else if (!is_graphic(c)) {
			buf_putc(out, c);
		} else if (shift || set == JIS_KANA) {
			buf_putc(out, c | 0x80);
		} else if (set == JIS_ASCII) {
			buf_putc(out, c);
		} else if (i + 1 < in.n && is_graphic(in.p[i + 1])) {
			jis_put_kanji(out, c, in.p[++i]);
		} else {
			/* Half a character: code page 932 refuses it, too. */
			buf_putc(out, 0x81);
		}
	}
	return true;
}

bool
charset_has_jis(struct span in)
{
	size_t n;

	for (size_t i = span_chr(in, 0, ESC); i < in.n;
	    i = span_chr(in, i + 1, ESC))
		if (jis_escape(in, i, &n) == JIS_KANJI)
			return true;
	return false;
}

/* ---- ISO-2022-KR, HZ ---- */

static void
put_shifted(struct buf *out, unsigned char c, bool shift)
{
	buf_putc(out, shift && is_graphic(c) ? c | 0x80 : c);
}

void
charset_kr_to_euc(struct buf *out, struct span in)
{
	static const unsigned char header[] = {ESC, '$', ')', 'C'};
	bool shift = false;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];

		if (span_eq(span_sub(in, i, sizeof(header)),
		        span_of(header, sizeof(header)))) {
			i += sizeof(header) - 1;
			continue;
		}
		if (c == SO || c == SI) {
			shift = c == SO;
			continue;
		}
		if (c == '\n')
			shift = false;
		put_shifted(out, c, shift);
	}
}

void
charset_hz_to_euc(struct buf *out, struct span in)
{
	bool shift = false;

	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];
		unsigned char next = i + 1 < in.n ? in.p[i + 1] : 0;

		if (c == '~' && (next == '{' || next == '}')) {
			shift = next == '{';
			i++;
		} else if (c == '~' && !shift && next == '~') {
			buf_putc(out, '~');
			i++;
		} else if (c == '~' && !shift && next == '\n') {
			i++;
		} else {
			if (c == '\n')
				shift = false;
			put_shifted(out, c, shift);
		}
	}
}
