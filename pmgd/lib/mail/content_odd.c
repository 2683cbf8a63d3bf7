#include "lib/mail/content_walk.h"

#include "lib/mail/cte.h"
#include "lib/mail/cte_variant.h"
#include "lib/mail/mime_header.h"

enum {
	SNIFF_LINES = 3,	/* of nothing but base64: it is base64 */
	SNIFF_DIGITS = 16,	/* in them, at least */
	SNIFF_BYTES = 1024,
	QP_ESCAPES = 3,
};

static const uint32_t header_odd = MIME_BAD_ENCODING | MIME_DUP_ENCODING |
    MIME_BAD_FIELD | MIME_BARE_CR | MIME_NUL | MIME_DUP_TYPE | MIME_BAD_TYPE;

static bool
is_encoded(enum cte cte)
{
	return cte == CTE_BASE64 || cte == CTE_QP || cte == CTE_UUENCODE;
}

static bool
is_binary(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || s.p[i] >= 0x80)
			return true;
	return false;
}

static bool
may_have_lf(const struct mime_part *p, struct span s)
{
	return strcmp(p->type, "text") != 0 &&
	    span_find(s, 0, SPAN_LIT("\r\n")) != SIZE_MAX;
}

/*
 * What is in w->tmp, with LF: SMTP carries CRLF, and a client that keeps its
 * mail with LF writes LF into the file.
 */
static void
add_with_lf(struct walk *w, const struct mime_part *p)
{
	struct content it = walk_item(w, p, CONTENT_OTHER);
	struct span in = buf_span(&w->tmp);
	struct reading r;

	it.unseen = true;
	if (may_have_lf(p, in) && is_binary(in) &&
	    reading_begin(w, &r, in.n)) {
		for (size_t i = 0; i < in.n; i++)
			if (in.p[i] != '\r' || i + 1 == in.n ||
			    in.p[i + 1] != '\n')
				buf_putc(w->out, in.p[i]);
		reading_end(w, &r, &it);
	}
	buf_reset(&w->tmp);
}

static void
decode_as(struct walk *w, const struct mime_part *p, enum cte cte)
{
	struct content it = walk_item(w, p, CONTENT_OTHER);
	struct span body = walk_body(w, p);
	struct reading r;

	it.unseen = true;
	if (!reading_begin(w, &r, body.n))
		return;
	cte_decode(cte, body, w->out);
	reading_end(w, &r, &it);
	if (cte != CTE_BASE64 && may_have_lf(p, body)) {
		cte_decode(cte, body, walk_tmp(w));
		add_with_lf(w, p);
	}
}

/* One encoding within the other, where both are named. */
static void
decode_twice(struct walk *w, const struct mime_part *p, enum cte outer,
    enum cte inner)
{
	struct content it = walk_item(w, p, CONTENT_OTHER);
	struct span body = walk_body(w, p);
	struct reading r;

	it.unseen = true;
	if (!reading_begin(w, &r, body.n))
		return;
	cte_decode(outer, body, walk_tmp(w));
	cte_decode(inner, buf_span(&w->tmp), w->out);
	buf_reset(&w->tmp);
	reading_end(w, &r, &it);
}

static void
decode_named(struct walk *w, const struct mime_part *p, unsigned named)
{
	for (unsigned i = 0; named >> i != 0; i++) {
		if ((named >> i & 1) == 0)
			continue;
		if ((enum cte)i != p->cte)
			decode_as(w, p, (enum cte)i);
		for (unsigned k = 0; named >> k != 0; k++)
			if (k != i && (named >> k & 1) != 0)
				decode_twice(w, p, (enum cte)i, (enum cte)k);
	}
}

static void
base64_styles(struct walk *w, const struct mime_part *p)
{
	struct span body = walk_body(w, p);
	unsigned odd = base64_odd(body);

	for (unsigned i = 0; i < B64_STYLES; i++) {
		enum base64_style style = (enum base64_style)i;
		struct content it = walk_item(w, p, CONTENT_OTHER);
		struct reading r;

		it.unseen = true;
		if (!base64_style_for(style, odd) ||
		    !reading_begin(w, &r, body.n))
			continue;
		base64_decode_style(body, style, w->out);
		reading_end(w, &r, &it);
	}
}

static void
qp_styles(struct walk *w, const struct mime_part *p)
{
	struct span body = walk_body(w, p);
	unsigned odd = qp_odd(body);

	for (unsigned i = 0; i < QP_STYLES; i++) {
		enum qp_style style = (enum qp_style)i;
		struct content it = walk_item(w, p, CONTENT_OTHER);
		struct reading r;

		it.unseen = true;
		if (!qp_style_for(style, odd) ||
		    !reading_begin(w, &r, body.n))
			continue;
		qp_decode_style(body, style, w->out);
		reading_end(w, &r, &it);
		/* Again: what looks into an item uses w->tmp, too. */
		if (may_have_lf(p, body)) {
			qp_decode_style(body, style, walk_tmp(w));
			add_with_lf(w, p);
		}
	}
}

/* The first lines are base64 and nothing else. */
static bool
looks_base64(struct span body)
{
	size_t digits = 0, lines = 0, off = 0;

	body = span_sub(body, 0, SNIFF_BYTES);
	while (off < body.n && lines < SNIFF_LINES) {
		size_t lf = span_chr(body, off, '\n');
		struct span line = span_trim(span_sub(body, off, lf - off));

		for (size_t i = 0; i < line.n; i++)
			if (base64_digit(line.p[i]) >= 0)
				digits++;
			else if (line.p[i] != '=')
				return false;
		lines += line.n > 0;
		off = lf + 1;
	}
	return digits >= SNIFF_DIGITS;
}

static bool
looks_qp(struct span body)
{
	size_t escapes = 0;

	body = span_sub(body, 0, SNIFF_BYTES);
	for (size_t i = span_chr(body, 0, '='); i + 2 < body.n;
	     i = span_chr(body, i + 1, '='))
		if (strchr("0123456789ABCDEFabcdef\r\n", body.p[i + 1]))
			escapes++;
	return escapes >= QP_ESCAPES;
}

/*
 * No encoding that we would take for one, but data that is encoded: a file
 * that some client decodes none the less, or whose header we misread.
 */
static void
sniff(struct walk *w, const struct mime_part *p)
{
	bool file = strcmp(p->type, "text") != 0 || p->filename != NULL;
	bool odd = (p->defects & header_odd) != 0;
	struct span body = walk_body(w, p);

	if (is_encoded(p->cte) || (!file && !odd))
		return;
	if (looks_base64(body))
		decode_as(w, p, CTE_BASE64);
	else if (odd && looks_qp(body))
		decode_as(w, p, CTE_QP);
}

/* Line ends of a file that is no text and came without base64. */
static void
lf_lines(struct walk *w, const struct mime_part *p)
{
	if (p->cte == CTE_BASE64 || p->cte == CTE_UUENCODE ||
	    !may_have_lf(p, walk_body(w, p)))
		return;
	cte_decode(p->cte, walk_body(w, p), walk_tmp(w));
	add_with_lf(w, p);
}

void
content_odd(struct walk *w, const struct mime_part *p)
{
	lf_lines(w, p);
	/* Files in it by themselves. */
	if (p->cte == CTE_UUENCODE)
		decode_as(w, p, CTE_BINARY);
	if (p->cte == CTE_BASE64 &&
	    (p->defects & (MIME_BAD_BASE64 | MIME_ODD_BASE64)) != 0)
		base64_styles(w, p);
	if (p->cte == CTE_QP && (p->defects & MIME_BAD_QP) != 0)
		qp_styles(w, p);
	sniff(w, p);
	if ((p->defects & header_odd) == 0)
		return;
	decode_named(w, p, mime_header_encodings(p, w->m->msg));
	if (is_encoded(p->cte) &&
	    (p->defects & (MIME_BAD_ENCODING | MIME_DUP_ENCODING)) != 0)
		decode_as(w, p, CTE_BINARY);
}
