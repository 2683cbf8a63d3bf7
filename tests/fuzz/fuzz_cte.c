/*
 * Decoders of bodies and texts. First byte: which. Checked beside memory
 * safety: no output longer than its input; what is wrong is the same with and
 * without an output; a line end within base64 changes nothing; and what a
 * writer encoded (ours, or the small one here) is decoded to the same bytes.
 */
#include "lib/mail/charset.h"
#include "lib/mail/cte.h"
#include "lib/mail/edit_encode.h"
#include "require.h"

enum { IN_MAX = 1 << 18, OUT_MAX = 1 << 22, SHORT = 40, LABEL_MAX = 32 };

static void
fuzz_decode(enum cte cte, struct span in)
{
	struct buf out, head;
	uint32_t defects;

	buf_init(&out, in.n + 1);
	buf_init(&head, SHORT);
	defects = cte_decode(cte, in, &out);
	require(!out.overflow && out.n <= in.n);
	require(cte_decode(cte, in, NULL) == defects);
	cte_decode(cte, in, &head);
	require(head.overflow == (out.n > SHORT));
	require(span_eq(buf_span(&head), span_sub(buf_span(&out), 0, SHORT)));
	buf_free(&out);
	buf_free(&head);
}

/* Broken or not: line ends are no part of base64, though a group that is cut
 * by one is odd. */
static void
fuzz_base64_folded(struct span in, size_t line)
{
	const uint32_t broken = ~(uint32_t)MIME_ODD_BASE64;
	struct buf folded, whole, lines;

	buf_init(&folded, OUT_MAX);
	buf_init(&whole, OUT_MAX);
	buf_init(&lines, OUT_MAX);
	for (size_t i = 0; i < in.n; i += line) {
		buf_puts_span(&folded, span_sub(in, i, line));
		buf_puts(&folded, "\r\n");
	}
	require((cte_decode(CTE_BASE64, in, &whole) & broken) ==
	    (cte_decode(CTE_BASE64, buf_span(&folded), &lines) & broken));
	require(span_eq(buf_span(&whole), buf_span(&lines)));
	buf_free(&folded);
	buf_free(&whole);
	buf_free(&lines);
}

static void
fuzz_base64_again(struct span in, size_t line)
{
	struct buf text, back;

	buf_init(&text, OUT_MAX);
	buf_init(&back, OUT_MAX);
	encode_base64(&text, in, line);
	require(cte_decode(CTE_BASE64, buf_span(&text), &back) == 0);
	require(span_eq(in, buf_span(&back)));
	buf_free(&text);
	buf_free(&back);
}

static void
require_short_lines(struct span s)
{
	for (size_t pos = 0; pos < s.n;) {
		size_t lf = span_chr(s, pos, '\n');

		require(lf == s.n || (lf > pos && s.p[lf - 1] == '\r'));
		require(lf - pos <= ENCODE_LINE + 1);
		require(s.p[pos] != '-');
		pos = lf + 1;
	}
}

/* Text: a bare LF comes back as the line end that it was taken for. */
static void
fuzz_qp_again(struct span in)
{
	struct buf text, back, want;

	buf_init(&text, OUT_MAX);
	buf_init(&back, OUT_MAX);
	buf_init(&want, OUT_MAX);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
			buf_putc(&want, '\r');
		buf_putc(&want, in.p[i]);
	}
	encode_qp(&text, in);
	require_short_lines(buf_span(&text));
	require(cte_decode(CTE_QP, buf_span(&text), &back) == 0);
	require(span_eq(buf_span(&want), buf_span(&back)));
	buf_free(&text);
	buf_free(&back);
	buf_free(&want);
}

static void
uu_put(struct buf *out, struct span in)
{
	buf_puts(out, "begin 644 a b.bin\n");
	for (size_t i = 0; i < in.n; i += 45) {
		struct span line = span_sub(in, i, 45);

		buf_putc(out, (int)(' ' + line.n));
		for (size_t k = 0; k < line.n; k += 3) {
			uint32_t v = 0;

			for (size_t j = k; j < k + 3; j++)
				v = v << 8 | (j < line.n ? line.p[j] : 0);
			for (int shift = 18; shift >= 0; shift -= 6)
				buf_putc(out, (v >> shift & 63) == 0 ? '`'
				    : (int)(' ' + (v >> shift & 63)));
		}
		buf_putc(out, '\n');
	}
	buf_puts(out, "`\nend\n");
}

static void
fuzz_uu_again(struct span in)
{
	struct buf text, back;

	if (in.n == 0)
		return;
	buf_init(&text, OUT_MAX);
	buf_init(&back, OUT_MAX);
	uu_put(&text, in);
	require(cte_decode(CTE_UUENCODE, buf_span(&text), &back) == 0);
	require(span_eq(in, buf_span(&back)));
	require(span_eq(cte_uu_name(buf_span(&text)), SPAN_LIT("a b.bin")));
	buf_free(&text);
	buf_free(&back);
}

static void
fuzz_words_again(struct span in)
{
	struct buf text, back;

	buf_init(&text, OUT_MAX);
	buf_init(&back, OUT_MAX);
	encode_q(&text, in);
	cte_decode_q(buf_span(&text), &back);
	require(span_eq(in, buf_span(&back)));
	buf_reset(&text);
	buf_reset(&back);
	for (size_t i = 0; i < in.n; i++)
		buf_printf(&text, "%%%02x", in.p[i]);
	cte_decode_percent(buf_span(&text), &back);
	require(span_eq(in, buf_span(&back)));
	buf_reset(&back);
	cte_decode_q(in, &back);
	require(back.n <= in.n);
	buf_reset(&back);
	cte_decode_percent(in, &back);
	require(back.n <= in.n);
	buf_free(&text);
	buf_free(&back);
}

/* The label up to the first line end, then the text. */
static void
fuzz_charset(struct span in)
{
	size_t nl = span_chr(in, 0, '\n');
	struct span label = span_sub(in, 0, nl);
	struct span text = span_sub(in, nl + 1, in.n);
	struct buf utf8, back, again;

	buf_init(&utf8, text.n * CHARSET_GROWTH + 16);
	buf_init(&back, OUT_MAX);
	buf_init(&again, OUT_MAX);
	charset_to_utf8(&utf8, label, text);
	require(!utf8.overflow && utf8_valid(buf_span(&utf8)));
	if (utf8_valid(text) &&
	    charset_from_utf8(&back, label, text) == 0) {
		charset_to_utf8(&again, label, buf_span(&back));
		require(utf8_valid(buf_span(&again)));
	} else {
		require(back.n == 0 || utf8_valid(text));
	}
	buf_free(&utf8);
	buf_free(&back);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 1 || size > IN_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	cte_by_name(span_sub(in, 0, LABEL_MAX));
	switch (data[0] & 15) {
	case 0: case 1: case 2: case 3:
		fuzz_decode((enum cte)(CTE_BASE64 + (data[0] & 3)), in);
		break;
	case 4:
		fuzz_base64_folded(in, 1 + (data[0] >> 4));
		break;
	case 5:
		fuzz_base64_again(in, data[0] & 16 ? ENCODE_LINE : 0);
		break;
	case 6:
		fuzz_qp_again(in);
		break;
	case 7:
		fuzz_uu_again(in);
		break;
	case 8:
		fuzz_words_again(in);
		break;
	default:
		fuzz_charset(in);
		break;
	}
	return 0;
}
