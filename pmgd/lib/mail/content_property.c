/*
 * Files as values of properties: ATTACH of iCalendar (RFC 5545 3.8.1.1), PHOTO,
 * KEY and the like of vCard (RFC 2426, 6350; in 6350 as a "data:" URI).
 */
#include "lib/mail/content_walk.h"

#include "lib/base/str.h"
#include "lib/mail/cte.h"
#include "lib/mail/mime_param.h"
#include "lib/mail/uu.h"

struct property {
	struct span params;	/* with the property's name */
	struct span data;	/* base64 */
};

bool
content_is_properties(struct span in)
{
	if (span_iprefix(in, "\xef\xbb\xbf"))
		in = span_sub(in, 3, in.n);
	in = span_trim(span_sub(in, 0, 64));
	return span_iprefix(in, "BEGIN:VCALENDAR") ||
	    span_iprefix(in, "BEGIN:VCARD");
}

/* The property at *off without its folds, RFC 5545 3.1; *off moves behind. */
static void
unfold(struct span in, size_t *off, struct buf *out)
{
	buf_reset(out);
	buf_puts_span(out, line_next(in, off));
	while (*off < in.n && (in.p[*off] == ' ' || in.p[*off] == '\t')) {
		struct span line = line_next(in, off);

		buf_puts_span(out, span_sub(line, 1, line.n));
	}
}

/* Offset of the ":" in front of the value; one in quotes is not it. */
static size_t
value_colon(struct span line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (line.p[i] == ':' && !quoted)
			return i;
	return line.n;
}

/* The value of the first parameter whose key ends so. */
static struct span
param_value(struct span params, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i + n < params.n; i++) {
		struct span rest = span_sub(params, i, params.n);
		size_t end;

		if (!span_iprefix(rest, key) || rest.p[n] != '=')
			continue;
		rest = span_sub(rest, n + 1, rest.n);
		if (rest.n > 0 && rest.p[0] == '"') {
			rest = span_sub(rest, 1, rest.n);
			end = span_chr(rest, 0, '"');
		} else {
			end = span_chr(rest, 0, ';');
		}
		return span_sub(rest, 0, end);
	}
	return span_of(NULL, 0);
}

/* False: its value is no file. */
static bool
property_parse(struct span line, struct property *p)
{
	size_t colon = value_colon(line);
	struct span encoding, word = SPAN_LIT(";base64,");

	p->params = span_sub(line, 0, colon);
	p->data = span_sub(line, colon + 1, line.n);
	encoding = param_value(p->params, "ENCODING");
	/* vCard 2.1 has parameters without a key, too. */
	if (span_ieqs(encoding, "base64") || span_ieqs(encoding, "b") ||
	    (p->params.n >= 7 && span_ieqs(span_sub(p->params,
	        p->params.n - 7, 7), ";base64")))
		return true;
	if (span_iprefix(p->data, "data:")) {
		size_t comma = span_chr(p->data, 0, ',');

		if (comma + 1 < word.n || comma >= p->data.n ||
		    !span_iprefix(span_sub(p->data, comma + 1 - word.n,
		        p->data.n), ";base64,"))
			return false;
		p->data = span_sub(p->data, comma + 1, p->data.n);
		return true;
	}
	return false;
}

static void
add_file(struct walk *w, struct content it, const struct property *p)
{
	struct content file = {.part = it.part, .as = it.as, .unseen = true,
	    .how = CONTENT_PROPERTY};
	struct span name = param_value(p->params, "FILENAME");
	struct readings rs = {.a = w->a};
	struct reading r;

	if (!reading_begin(w, &r, p->data.n))
		return;
	readings_add(&rs, name);
	if (rs.n > 0)
		file.name = (const char *)rs.r[0].p;
	cte_decode(CTE_BASE64, p->data, w->out);
	reading_end(w, &r, &file);
}

void
content_properties(struct walk *w, struct content it)
{
	struct buf line;
	size_t off = 0;

	buf_init(&line, it.n);
	while (off < it.n) {
		struct property p;

		/* The buffer may have moved. */
		unfold(span_sub(buf_span(w->out), it.off, it.n), &off, &line);
		if (property_parse(buf_span(&line), &p))
			add_file(w, it, &p);
	}
	buf_free(&line);
}
