#include "lib/base/csv.h"

#include <string.h>

struct csv
csv_of(struct span s)
{
	struct csv c = {.s = s, .line = 1};

	if (s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
		c.pos = 3;
	return c;
}

static bool
at_line_end(const struct csv *c)
{
	return c->pos >= c->s.n || c->s.p[c->pos] == '\n' ||
	    (c->s.p[c->pos] == '\r' && c->pos + 1 < c->s.n &&
	    c->s.p[c->pos + 1] == '\n');
}

static void
skip_line_end(struct csv *c)
{
	if (c->pos < c->s.n && c->s.p[c->pos] == '\r')
		c->pos++;
	if (c->pos < c->s.n)
		c->pos++;
	c->line++;
}

/* What stands between the quotes, "" as one of them. False: no end. */
static bool
quoted(struct csv *c, struct span *field, struct arena *a)
{
	size_t from = ++c->pos, n = 0;
	char *copy;

	for (; c->pos < c->s.n; c->pos++) {
		if (c->s.p[c->pos] != '"')
			continue;
		if (c->pos + 1 >= c->s.n || c->s.p[c->pos + 1] != '"')
			break;
		c->pos++;
	}
	if (c->pos >= c->s.n)
		return false;
	*field = span_sub(c->s, from, c->pos++ - from);
	if (span_chr(*field, 0, '"') == field->n &&
	    span_chr(*field, 0, '\n') == field->n)
		return true;
	copy = arena_strndup(a, *field);
	if (copy == NULL)
		return false;
	for (size_t i = 0; i < field->n; i++) {
		copy[n++] = copy[i];
		c->line += copy[i] == '\n';
		i += copy[i] == '"';
	}
	*field = span_of(copy, n);
	return true;
}

static const char *
record(struct csv *c, struct csv_record *r, struct arena *a)
{
	for (;;) {
		struct span *f = &r->field[r->n];

		if (r->n == CSV_FIELDS)
			return "too many fields";
		if (c->pos < c->s.n && c->s.p[c->pos] == '"') {
			if (!quoted(c, f, a))
				return "a quote has no end";
			if (!at_line_end(c) && c->s.p[c->pos] != ',')
				return "text behind a closing quote";
		} else {
			size_t from = c->pos;

			while (!at_line_end(c) && c->s.p[c->pos] != ',')
				if (c->s.p[c->pos++] == '"')
					return "a quote within a field that "
					    "does not begin with one";
			*f = span_sub(c->s, from, c->pos - from);
		}
		r->n++;
		if (at_line_end(c))
			return NULL;
		c->pos++;
	}
}

int
csv_next(struct csv *c, struct csv_record *r, const char **why,
    struct arena *a)
{
	while (c->pos < c->s.n && at_line_end(c))
		skip_line_end(c);
	r->n = 0;
	r->line = c->line;
	if (c->pos >= c->s.n)
		return 0;
	*why = record(c, r, a);
	if (*why != NULL)
		c->pos = span_chr(c->s, c->pos, '\n');
	skip_line_end(c);
	return *why == NULL ? 1 : -1;
}

void
csv_put(struct buf *out, const char *field)
{
	if (strpbrk(field, ",\"\r\n") == NULL && *field != ' ') {
		buf_puts(out, field);
		return;
	}
	buf_putc(out, '"');
	for (; *field != '\0'; field++) {
		if (*field == '"')
			buf_putc(out, '"');
		buf_putc(out, *field);
	}
	buf_putc(out, '"');
}
