/*
 * Values of header fields: encoded words and parameters. First byte: which.
 * Checked beside memory safety: what comes out is text on one line within its
 * bounds; raw values lie within the input; what header_put() wrote, and a file
 * name in each of RFC 2231's forms, is read back as it was.
 */
#include "lib/mail/edit_header.h"
#include "lib/mail/mime_param.h"
#include "lib/mail/rfc2047.h"
#include "require.h"

enum { IN_MAX = 1 << 16, OUT_MAX = 1 << 20, ARENA_MAX = 1 << 22,
	NAME_MAX_BYTES = 200, SEGMENT = 7 };

static void
fuzz_words(struct span in)
{
	struct buf out;

	buf_init(&out, in.n * RFC2047_GROWTH + 16);
	rfc2047_decode(&out, in);
	require(!out.overflow);
	require_line(buf_span(&out));
	buf_free(&out);
}

/* Words with one blank between them: what no fold changes. False: no text. */
static bool
plain_text(struct buf *out, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] < 0x20 || in.p[i] == 0x7f)
			continue;
		if (in.p[i] == ' ' && (out->n == 0 ||
		        out->p[out->n - 1] == ' '))
			continue;
		buf_putc(out, in.p[i]);
	}
	while (out->n > 0 && out->p[out->n - 1] == ' ')
		out->n--;
	return out->n > 0 && utf8_valid(buf_span(out));
}

static void
fuzz_put(struct span in, bool utf8)
{
	struct buf text, field, back;
	struct span value;

	buf_init(&text, OUT_MAX);
	buf_init(&field, OUT_MAX);
	buf_init(&back, OUT_MAX);
	if (plain_text(&text, in)) {
		require(header_put(&field, "Subject", buf_span(&text), utf8,
		    NULL) == 0);
		value = span_sub(buf_span(&field), 9, field.n);
		rfc2047_decode(&back, span_sub(value, 0, value.n - 2));
		require(span_eq(buf_span(&text), buf_span(&back)));
	}
	buf_free(&text);
	buf_free(&field);
	buf_free(&back);
}

static void
check_readings(const struct readings *rs, bool text)
{
	require(rs->n <= READINGS_MAX);
	for (size_t i = 0; i < rs->n; i++) {
		require(rs->r[i].p[rs->r[i].n] == '\0');
		if (text)
			require_line(rs->r[i]);
		for (size_t k = 0; k < i; k++)
			require(!span_eq(rs->r[i], rs->r[k]));
	}
}

static void
fuzz_params(struct span in, struct arena *a)
{
	struct params ps;

	params_parse(&ps, in, 0);
	require(ps.n <= PARAMS_MAX);
	for (size_t i = 0; i < ps.n; i++) {
		require(ps.p[i].raw.p >= in.p);
		require(ps.p[i].raw.p + ps.p[i].raw.n <= in.p + in.n);
		require(ps.p[i].seq >= -1 && ps.p[i].seq <= 9999);
	}
	for (int name = PARAM_BOUNDARY; name <= PARAM_FILENAME; name++) {
		struct readings text = {.a = a}, bytes = {.a = a};

		readings_text(&text, &ps, (enum param_name)name);
		readings_bytes(&bytes, &ps, (enum param_name)name);
		check_readings(&text, true);
		check_readings(&bytes, false);
	}
}

static void
put_percent(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_printf(b, "%%%02X", s.p[i]);
}

static void
put_quoted(struct buf *b, struct span s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

static void
put_filename(struct buf *b, struct span name, int form)
{
	switch (form) {
	case 0:
		buf_puts(b, "; filename=");
		put_quoted(b, name);
		break;
	case 1:
		buf_puts(b, "; filename*=utf-8''");
		put_percent(b, name);
		break;
	case 2:
		for (size_t i = 0; i * SEGMENT < name.n; i++) {
			buf_printf(b, ";\r\n filename*%zu*=%s", i,
			    i == 0 ? "UTF-8'en'" : "");
			put_percent(b, span_sub(name, i * SEGMENT, SEGMENT));
		}
		break;
	default:
		for (size_t i = 0; i * SEGMENT < name.n; i++) {
			buf_printf(b, "; filename*%zu=", i);
			put_quoted(b, span_sub(name, i * SEGMENT, SEGMENT));
		}
		break;
	}
}

/* The standard forms have one reading only where they are used alone. */
static void
fuzz_filename(struct span in, int form, struct arena *a)
{
	struct readings rs = {.a = a};
	struct buf name, value;
	struct params ps;

	buf_init(&name, OUT_MAX);
	buf_init(&value, OUT_MAX);
	if (plain_text(&name, span_sub(in, 0, NAME_MAX_BYTES)) &&
	    span_find(buf_span(&name), 0, SPAN_LIT("=?")) == SIZE_MAX) {
		put_filename(&value, buf_span(&name), form);
		params_parse(&ps, buf_span(&value), 0);
		readings_text(&rs, &ps, PARAM_FILENAME);
		require(rs.n > 0);
		require(span_eq(rs.r[0], buf_span(&name)));
	}
	buf_free(&name);
	buf_free(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;
	struct arena a;

	if (size < 1 || size > IN_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	arena_init(&a, ARENA_MAX);
	switch (data[0] & 7) {
	case 0: case 1:
		fuzz_words(in);
		break;
	case 2: case 3:
		fuzz_put(in, data[0] & 1);
		break;
	case 4: case 5:
		fuzz_params(in, &a);
		break;
	default:
		fuzz_filename(in, data[0] >> 6, &a);
		break;
	}
	arena_free(&a);
	return 0;
}
