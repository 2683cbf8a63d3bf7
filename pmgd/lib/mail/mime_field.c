#include "lib/mail/mime_header.h"

#include "lib/base/cleanup.h"
#include "lib/mail/rfc2047.h"

enum {
	/* RFC 2046 allows 70; an "a" occurs often, but not as a value. */
	BOUNDARY_MAX = 256,
	DECLARE_TRIES = 64,
};

struct mime_line
mime_line_at(struct span msg, size_t off, size_t stop)
{
	const unsigned char *lf = memchr(msg.p + off, '\n', stop - off);
	struct mime_line l = {.off = off, .end = stop, .next = stop};

	if (lf == NULL)
		return l;
	l.end = (size_t)(lf - msg.p);
	l.next = l.end + 1;
	if (l.end > off && msg.p[l.end - 1] == '\r')
		l.end--;
	return l;
}

size_t
mime_field_name_len(struct span line)
{
	size_t n = 0;
	size_t i;

	while (n < line.n && line.p[n] > ' ' && line.p[n] != ':' &&
	    line.p[n] != 0x7f)
		n++;
	/* obs-optional: blanks in front of the colon. */
	for (i = n; i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
		;
	return i < line.n && line.p[i] == ':' ? n : 0;
}

bool
mime_field_is_known(struct span line)
{
	static const char *const known[] = {"Content-", "MIME-Version:",
	    "From:", "To:", "Subject:", "Date:", "Received:", "Message-ID:"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_iprefix(line, known[i]))
			return mime_field_name_len(line) > 0;
	return false;
}

bool
mime_header_declares(struct span header, struct span boundary)
{
	size_t i = 0;

	boundary = span_trim(boundary);
	if (boundary.n == 0 || boundary.n > BOUNDARY_MAX)
		return false;
	for (int k = 0; k < DECLARE_TRIES; k++, i++) {
		i = span_find(header, i, boundary);
		if (i == SIZE_MAX)
			return false;
		if (i > 0 && (header.p[i - 1] == '=' || header.p[i - 1] == '"'))
			return true;
	}
	return false;
}

static bool
is_continuation(struct span line)
{
	return line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
}

static size_t
count_fields(struct span msg, size_t off, size_t stop)
{
	size_t n = 0;

	while (off < stop) {
		struct mime_line l = mime_line_at(msg, off, stop);
		struct span text = mime_line_text(msg, &l);

		if (!is_continuation(text) && mime_field_name_len(text) > 0)
			n++;
		off = l.next;
	}
	return n;
}

static void
field_start(struct mime_field *f, struct span msg, const struct mime_line *l)
{
	struct span text = mime_line_text(msg, l);
	size_t colon = span_chr(text, 0, ':');

	f->off = l->off;
	f->end = l->next;
	f->name = span_sub(text, 0, mime_field_name_len(text));
	f->value = span_sub(text, colon + 1, text.n);
}

static bool
has_8bit(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return true;
	return false;
}

void
mime_header_fields(struct mime_part *p, struct span msg, size_t stop,
    const struct mime_limits *lim, struct arena *a)
{
	struct mime_field *f = NULL;
	size_t off = p->header_off;
	size_t n;

	if (stop - off > lim->header_bytes) {
		p->defects |= MIME_LIMIT_HEADER;
		stop = off + lim->header_bytes;
	}
	if (has_8bit(span_sub(msg, off, stop - off)))
		p->defects |= MIME_8BIT_HEADER;
	n = count_fields(msg, off, stop);
	if (n > lim->header_fields) {
		p->defects |= MIME_LIMIT_HEADER;
		n = lim->header_fields;
	}
	p->field = arena_array(a, n, sizeof(*p->field));
	if (p->field == NULL) {
		p->defects |= MIME_LIMIT_MEMORY;
		return;
	}
	while (off < stop) {
		struct mime_line l = mime_line_at(msg, off, stop);
		struct span text = mime_line_text(msg, &l);

		off = l.next;
		if (is_continuation(text)) {
			if (f == NULL)
				continue;
			f->end = l.next;
			f->value.n = (size_t)(msg.p + l.end - f->value.p);
		} else if (mime_field_name_len(text) == 0) {
			f = NULL;
		} else if (p->nfield == n) {
			break;
		} else {
			f = &p->field[p->nfield++];
			field_start(f, msg, &l);
		}
	}
}

const struct mime_field *
mime_field_find(const struct mime_part *p, const char *name)
{
	for (size_t i = 0; i < p->nfield; i++)
		if (span_ieqs(p->field[i].name, name))
			return &p->field[i];
	return NULL;
}

const char *
mime_field_text(const struct mime_field *f, struct arena *a)
{
	AUTO_BUF struct buf b;
	const char *s;

	buf_init(&b, f->value.n * RFC2047_GROWTH + 16);
	rfc2047_decode(&b, span_trim(f->value));
	s = arena_strndup(a, span_trim(buf_span(&b)));
	return s ? s : "";
}
