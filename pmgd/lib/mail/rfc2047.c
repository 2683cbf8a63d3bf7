#include "lib/mail/rfc2047.h"

#include "lib/base/cleanup.h"
#include "lib/mail/charset.h"
#include "lib/mail/cte.h"

enum { CHARSET_LABEL_MAX = 64 };

struct word {
	struct span charset;	/* without a language (RFC 2231 section 5) */
	bool base64;
	struct span text;
	size_t end;		/* behind "?=" */
};

struct decoder {
	struct span in;
	struct buf *out;
	/* Offset of the next "?=" found so far: each byte is searched once. */
	size_t closing;
	/* Decoded bytes of a run of words with one charset. */
	struct buf run;
	struct span charset;
};

/* Control characters end up as blanks: the result is one line of text. */
static void
put_clean(struct buf *out, struct span s)
{
	size_t start = out->n;

	buf_puts_span(out, s);
	for (size_t i = start; i < out->n; i++)
		if (out->p[i] < 0x20 || out->p[i] == 0x7f)
			out->p[i] = ' ';
}

static void
put_converted(struct buf *out, struct span charset, struct span s)
{
	AUTO_BUF struct buf utf8;

	buf_init(&utf8, s.n * CHARSET_GROWTH + 16);
	charset_to_utf8(&utf8, charset, s);
	put_clean(out, buf_span(&utf8));
}

static void
run_flush(struct decoder *d)
{
	if (d->run.n > 0)
		put_converted(d->out, d->charset, buf_span(&d->run));
	buf_reset(&d->run);
}

/* Text outside of encoded words; line ends of folding go. */
static void
put_plain(struct decoder *d, size_t from, size_t to)
{
	AUTO_BUF struct buf text;

	buf_init(&text, to - from);
	for (size_t i = from; i < to; i++)
		if (d->in.p[i] != '\r' && d->in.p[i] != '\n')
			buf_putc(&text, d->in.p[i]);
	put_converted(d->out, span_of(NULL, 0), buf_span(&text));
}

/* Offset of the bytes a b at or after from, or in.n. */
static size_t
find_pair(struct span in, size_t from, unsigned char a, unsigned char b)
{
	size_t i = span_chr(in, from, a);

	while (i < in.n && !(i + 1 < in.n && in.p[i + 1] == b))
		i = span_chr(in, i + 1, a);
	return i;
}

static size_t
closing_at(struct decoder *d, size_t from)
{
	if (d->closing < from)
		d->closing = find_pair(d->in, from, '?', '=');
	return d->closing;
}

/* "=?charset?B?text?=" at off; the charset is short and has no blanks. */
static bool
word_at(struct decoder *d, size_t off, struct word *w)
{
	struct span label = span_sub(d->in, off + 2, CHARSET_LABEL_MAX);
	size_t q = 0;
	size_t end;
	int c;

	while (q < label.n && label.p[q] > ' ' && label.p[q] != '?')
		q++;
	if (q == 0 || q == label.n || label.p[q] != '?')
		return false;
	w->charset = span_sub(label, 0, span_chr(span_sub(label, 0, q), 0,
	    '*'));
	off += 2 + q + 1;
	if (d->in.n - off < 2 || d->in.p[off + 1] != '?')
		return false;
	c = d->in.p[off] | 0x20;
	if (c != 'b' && c != 'q')
		return false;
	w->base64 = c == 'b';
	end = closing_at(d, off + 2);
	if (end == d->in.n)
		return false;
	w->text = span_sub(d->in, off + 2, end - off - 2);
	w->end = end + 2;
	return true;
}

static bool
is_blank(struct span in, size_t from, size_t to)
{
	return span_trim(span_sub(in, from, to - from)).n == 0;
}

static void
put_word(struct decoder *d, const struct word *w)
{
	AUTO_BUF struct buf text;

	buf_init(&text, w->text.n);
	if (!span_ieq(w->charset, d->charset))
		run_flush(d);
	d->charset = w->charset;
	if (w->base64) {
		cte_decode(CTE_BASE64, w->text, &d->run);
		return;
	}
	/* A fold inside the word is no part of it. */
	for (size_t i = 0; i < w->text.n; i++)
		if (w->text.p[i] != '\r' && w->text.p[i] != '\n')
			buf_putc(&text, w->text.p[i]);
	cte_decode_q(buf_span(&text), &d->run);
}

void
rfc2047_decode(struct buf *out, struct span value)
{
	struct decoder d = {.in = value, .out = out};
	size_t done = 0;	/* everything before is in out or in d.run */
	size_t i = 0;
	bool after_word = false;
	struct word w;

	buf_init(&d.run, value.n);
	while ((i = find_pair(value, i, '=', '?')) < value.n) {
		if (!word_at(&d, i, &w)) {
			i += 2;
			continue;
		}
		/* Blanks between two encoded words are not shown. */
		if (!after_word || !is_blank(value, done, i)) {
			run_flush(&d);
			put_plain(&d, done, i);
		}
		put_word(&d, &w);
		after_word = true;
		done = i = w.end;
	}
	run_flush(&d);
	put_plain(&d, done, value.n);
	buf_free(&d.run);
}
