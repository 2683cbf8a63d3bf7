#include "lib/mail/mime_param.h"

#include "lib/base/cleanup.h"
#include "lib/mail/charset.h"
#include "lib/mail/cte.h"
#include "lib/mail/rfc2047.h"

enum { LABEL_MAX = 64 };

static void
readings_put(struct readings *rs, struct span s)
{
	char *copy;

	for (size_t i = 0; i < rs->n; i++)
		if (span_eq(rs->r[i], s))
			return;
	copy = arena_strndup(rs->a, s);
	if (copy == NULL)
		return;
	/* As with parameters: the last reading is never lost. */
	if (rs->n == READINGS_MAX)
		rs->n--;
	rs->r[rs->n++] = span_of(copy, s.n);
}

/* RFC 2046 5.1.1: a boundary does not end with white space. */
static void
put_bytes(struct readings *rs, struct span s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL &&
	    s.p[s.n - 1] != '\0')
		s.n--;
	readings_put(rs, s);
}

/* One reading without controls and blanks around it; "" is no name. */
static void
put_line(struct readings *rs, struct span s)
{
	AUTO_BUF struct buf line;
	struct span t;

	buf_init(&line, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x20 && s.p[i] != 0x7f)
			buf_putc(&line, s.p[i]);
	t = span_trim(buf_span(&line));
	if (t.n > 0)
		readings_put(rs, t);
}

static bool
has_dot(struct span s)
{
	return span_chr(s, 0, '.') < s.n;
}

/*
 * "a.exe::$DATA" and "a.exe:x" are the file a.exe to NTFS, "a.txt:b.exe" is a
 * stream in it that can be run. The colon of a drive is none of those.
 */
static void
put_streams(struct readings *rs, struct span s)
{
	size_t first = span_chr(s, 0, ':'), last = first;

	for (size_t i = first; i < s.n; i++)
		if (s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] != '$')
			last = i;
	if (has_dot(span_sub(s, 0, first)))
		put_line(rs, span_sub(s, 0, first));
	if (last < s.n && has_dot(span_sub(s, last + 1, s.n)))
		put_line(rs, span_sub(s, last + 1, s.n));
}

/* Plus what Windows, and clients in C, make of it when they save the file. */
static void
put_name(struct readings *rs, struct span s)
{
	size_t nul = span_chr(s, 0, '\0');
	struct span t;

	put_line(rs, s);
	if (s.n > READING_ALT_BYTES)
		return;
	if (nul < s.n)
		put_line(rs, span_sub(s, 0, nul));
	t = span_trim(s);
	if (t.n > 2 && t.p[0] == '\'' && t.p[t.n - 1] == '\'')
		put_line(rs, span_sub(t, 1, t.n - 2));
	while (t.n > 0 && (t.p[t.n - 1] == '.' || t.p[t.n - 1] == ' '))
		t.n--;
	put_line(rs, t);
	if (span_chr(t, 0, ':') < t.n)
		put_streams(rs, t);
}

static void
put_text(struct readings *rs, struct span label, struct span s)
{
	AUTO_BUF struct buf utf8;

	buf_init(&utf8, s.n * CHARSET_GROWTH + 16);
	if (span_find(s, 0, SPAN_LIT("=?")) != SIZE_MAX) {
		rfc2047_decode(&utf8, s);
		put_name(rs, buf_span(&utf8));
		buf_reset(&utf8);
		if (s.n > READING_ALT_BYTES)
			return;
	}
	charset_to_utf8(&utf8, label, s);
	put_name(rs, buf_span(&utf8));
}

/* Some clients decode even a boundary. */
static void
put_decoded_bytes(struct readings *rs, struct span label, struct span s)
{
	AUTO_BUF struct buf utf8;

	buf_init(&utf8, s.n * CHARSET_GROWTH + 16);
	put_bytes(rs, s);
	if (s.n > READING_ALT_BYTES)
		return;
	if (s.n > 2 && s.p[0] == '\'' && s.p[s.n - 1] == '\'')
		put_bytes(rs, span_sub(s, 1, s.n - 2));
	if (label.n > 0)
		charset_to_utf8(&utf8, label, s);
	else if (span_find(s, 0, SPAN_LIT("=?")) != SIZE_MAX)
		rfc2047_decode(&utf8, s);
	else
		return;
	put_bytes(rs, buf_span(&utf8));
}

static void
put_reading(struct readings *rs, bool text, struct span label, struct span s)
{
	if (text)
		put_text(rs, label, s);
	else
		put_decoded_bytes(rs, label, s);
}

static struct span
no_label(void)
{
	return span_of(NULL, 0);
}

/* ---- a plain parameter ---- */

enum style { STYLE_STRICT, STYLE_JOINED, STYLE_BARE, STYLE_RAW };

static void
put_styled(struct readings *rs, bool text, struct span raw, enum style style)
{
	AUTO_BUF struct buf b;

	buf_init(&b, raw.n);
	switch (style) {
	case STYLE_STRICT:
		param_strict(&b, raw);
		break;
	case STYLE_JOINED:
		param_join(&b, raw);
		break;
	case STYLE_BARE: case STYLE_RAW:
		for (size_t i = 0; i < raw.n; i++)
			if (raw.p[i] != '\r' && raw.p[i] != '\n' &&
			    (raw.p[i] != '"' || style == STYLE_RAW))
				buf_putc(&b, raw.p[i]);
		break;
	}
	put_reading(rs, text, no_label(), buf_span(&b));
}

/* name=" is no name. */
static bool
only_quotes(struct span raw)
{
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] > ' ' && raw.p[i] != '"')
			return false;
	return true;
}

/*
 * Most clients show an unquoted name with blanks as a whole, so that reading
 * comes first. The text as it stands there with its quotes is one only when
 * they are not simply around it.
 */
static void
put_plain(struct readings *rs, bool text, struct span raw)
{
	bool quoted = raw.n > 0 && raw.p[0] == '"';
	size_t last = span_chr(raw, 1, '"');

	put_styled(rs, text, raw, quoted ? STYLE_STRICT : STYLE_JOINED);
	if (raw.n > READING_ALT_BYTES)
		return;
	put_styled(rs, text, raw, quoted ? STYLE_JOINED : STYLE_STRICT);
	put_styled(rs, text, raw, STYLE_BARE);
	if (!only_quotes(raw) && !(quoted && last == raw.n - 1))
		put_styled(rs, text, raw, STYLE_RAW);
}

/* ---- RFC 2231 ---- */

/* Takes "charset'language'" off the front. */
static struct span
take_label(struct span *s)
{
	size_t first = span_chr(*s, 0, '\'');
	size_t second = span_chr(*s, first + 1, '\'');
	struct span label = span_sub(*s, 0, first);

	if (first > LABEL_MAX || second >= s->n)
		return no_label();
	*s = span_sub(*s, second + 1, s->n);
	return label;
}

/*
 * Segments one behind the other. all: percent-decode also those that do not
 * ask for it.
 */
static void
put_joined(struct readings *rs, bool text, const struct param *const *seg,
    size_t n, bool all)
{
	AUTO_BUF struct buf out;
	AUTO_BUF struct buf part;
	AUTO_BUF struct buf label;
	size_t total = 0;
	bool labelled = false;

	for (size_t i = 0; i < n; i++)
		total += seg[i]->raw.n;
	buf_init(&out, total);
	buf_init(&part, total);
	buf_init(&label, LABEL_MAX);
	for (size_t i = 0; i < n; i++) {
		struct span s;

		buf_reset(&part);
		if (seg[i]->raw.n > 0 && seg[i]->raw.p[0] == '"')
			param_strict(&part, seg[i]->raw);
		else
			param_join(&part, seg[i]->raw);
		s = buf_span(&part);
		if (seg[i]->ext && !labelled) {
			labelled = true;
			buf_puts_span(&label, take_label(&s));
		}
		if (seg[i]->ext || all)
			cte_decode_percent(s, &out);
		else
			buf_puts_span(&out, s);
	}
	put_reading(rs, text, buf_span(&label), buf_span(&out));
}

/* Segments of that name in the order of their appearance. */
static size_t
collect(const struct params *ps, enum param_name name,
    const struct param *seg[PARAMS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].name == name && ps->p[i].seq >= 0)
			seg[n++] = &ps->p[i];
	return n;
}

/* Insertion sort: stable, and PARAMS_MAX is small. */
static void
sort(const struct param *seg[], size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct param *p = seg[i];
		size_t k = i;

		for (; k > 0 && seg[k - 1]->seq > p->seq; k--)
			seg[k] = seg[k - 1];
		seg[k] = p;
	}
}

/* The standard's reading: from *0 up to the first gap. */
static void
put_run(struct readings *rs, bool text, const struct param *const *sorted,
    size_t n)
{
	const struct param *run[PARAMS_MAX];
	size_t nrun = 0;

	for (size_t i = 0; i < n; i++)
		if (sorted[i]->seq == (int)nrun)
			run[nrun++] = sorted[i];
	if (nrun > 0)
		put_joined(rs, text, run, nrun, false);
}

/*
 * Extended forms, then the plain one, then what the segments read like for
 * clients that ignore gaps, order or the percent sign's rules.
 */
static void
readings_collect(struct readings *rs, const struct params *ps,
    enum param_name name, bool text)
{
	const struct param *as_is[PARAMS_MAX];
	const struct param *sorted[PARAMS_MAX];
	const struct param *p;
	size_t n = collect(ps, name, as_is);

	memcpy(sorted, as_is, n * sizeof(sorted[0]));
	sort(sorted, n);
	for (size_t i = 0; i < ps->n; i++) {
		p = &ps->p[i];
		if (p->name == name && p->seq < 0 && p->ext)
			put_joined(rs, text, &p, 1, false);
	}
	put_run(rs, text, sorted, n);
	for (size_t i = 0; i < ps->n; i++) {
		p = &ps->p[i];
		if (p->name == name && p->seq < 0 && !p->ext)
			put_plain(rs, text, p->raw);
	}
	if (n == 0)
		return;
	put_joined(rs, text, sorted, n, false);
	put_joined(rs, text, as_is, n, false);
	put_joined(rs, text, sorted, n, true);
}

void
readings_text(struct readings *rs, const struct params *ps,
    enum param_name name)
{
	readings_collect(rs, ps, name, true);
}

void
readings_bytes(struct readings *rs, const struct params *ps,
    enum param_name name)
{
	readings_collect(rs, ps, name, false);
}

void
readings_add(struct readings *rs, struct span s)
{
	put_text(rs, no_label(), s);
}
