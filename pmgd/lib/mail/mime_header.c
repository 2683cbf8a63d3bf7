#include "lib/mail/mime_header.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/mail/cte.h"
#include "lib/mail/mime_param.h"
#include "lib/mail/rfc2047.h"

enum {
	TOKEN_MAX = 128,	/* type, subtype, charset, disposition */
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

/* ---- Content-* ---- */

static bool
is_token_char(unsigned char c)
{
	return c > ' ' && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* The token at *i behind blanks and comments; *i moves behind it. */
static struct span
take_token(struct span v, size_t *i)
{
	size_t start = *i = param_skip_cfws(v, *i);

	while (*i < v.n && is_token_char(v.p[*i]))
		++*i;
	return span_sub(v, start, *i - start);
}

/* Lower case in the arena; fallback when there is no room or it is absurd. */
static const char *
lower_token(struct span s, const char *fallback, struct arena *a)
{
	char *copy = s.n <= TOKEN_MAX ? arena_strndup(a, s) : NULL;

	if (copy == NULL)
		return fallback;
	str_lower(copy);
	return copy;
}

/* What the fields of a part said, over duplicates. */
struct content {
	struct mime_part *p;
	struct arena *a;
	struct readings names;
	struct readings boundaries;
	bool multipart;
	bool have_type, have_cte, have_disposition;
};

static void
set_charset(struct content *c, const struct params *ps)
{
	struct readings rs = {.a = c->a};

	readings_text(&rs, ps, PARAM_CHARSET);
	if (rs.n > 0 && c->p->charset[0] == '\0')
		c->p->charset = lower_token(rs.r[0], "", c->a);
}

/*
 * "type/subtype; parameters". Not parsable: text/plain (RFC 2045 5.2), the
 * parameters count none the less. The first field gives the type, a later
 * one can still make it a multipart and give names.
 */
static void
content_type(struct content *c, struct span v)
{
	struct params ps;
	size_t i = 0;
	struct span type = take_token(v, &i);
	size_t slash = param_skip_cfws(v, i);
	struct span subtype = {NULL, 0};

	if (type.n > 0 && slash < v.n && v.p[slash] == '/') {
		i = slash + 1;
		subtype = take_token(v, &i);
	}
	if (c->have_type) {
		c->p->defects |= MIME_DUP_TYPE;
	} else if (subtype.n > 0) {
		c->p->type = lower_token(type, "text", c->a);
		c->p->subtype = lower_token(subtype, "plain", c->a);
	} else {
		c->p->type = "text";
		c->p->subtype = "plain";
	}
	if (subtype.n == 0 || type.n > TOKEN_MAX || subtype.n > TOKEN_MAX) {
		c->p->defects |= MIME_BAD_TYPE;
		i = 0;
	}
	c->have_type = true;
	params_parse(&ps, v, i);
	c->p->defects |= ps.defects;
	if (subtype.n > 0 && span_ieqs(type, "multipart")) {
		c->multipart = true;
		readings_bytes(&c->boundaries, &ps, PARAM_BOUNDARY);
	}
	set_charset(c, &ps);
	readings_text(&c->names, &ps, PARAM_NAME);
}

/* "Content-Disposition: filename=x" has no disposition, but a name. */
static void
content_disposition(struct content *c, struct span v)
{
	struct params ps;
	size_t i = 0;
	struct span token = take_token(v, &i);
	size_t behind = param_skip_cfws(v, i);

	if (behind < v.n && v.p[behind] == '=') {
		token.n = 0;
		i = 0;
	}
	if (c->have_disposition)
		c->p->defects |= MIME_DUP_DISPOSITION;
	else
		c->p->disposition = lower_token(token, "", c->a);
	c->have_disposition = true;
	params_parse(&ps, v, i);
	c->p->defects |= ps.defects;
	readings_text(&c->names, &ps, PARAM_FILENAME);
}

/* "7bit, base64", ";base64", "base64x": flagged, but decoded none the less. */
static enum cte
guess_cte(struct span s)
{
	static const char *const names[] = {"base64", "quoted-printable"};

	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (span_iprefix(span_sub(s, i, s.n), names[k]))
				return cte_by_name(span_str(names[k]));
	return CTE_UNKNOWN;
}

static bool
is_encoding(enum cte cte)
{
	return cte == CTE_BASE64 || cte == CTE_QP || cte == CTE_UUENCODE;
}

/*
 * The mechanism, with comments and quotes removed wherever they stand. Of two
 * fields the first one that hides content counts: the other reading of the
 * part is its raw bytes, which everybody can see anyway.
 */
static void
content_encoding(struct content *c, struct span v)
{
	AUTO_BUF struct buf b;
	struct span s, token;
	enum cte cte;
	size_t i = 0;

	buf_init(&b, v.n);
	param_join(&b, v);
	s = span_trim(buf_span(&b));
	token = take_token(s, &i);
	cte = cte_by_name(token);
	if (c->have_cte)
		c->p->defects |= MIME_DUP_ENCODING;
	if (cte == CTE_UNKNOWN || token.n != s.n)
		c->p->defects |= MIME_BAD_ENCODING;
	if (cte == CTE_UNKNOWN)
		cte = guess_cte(s);
	if (!c->have_cte || (!is_encoding(c->p->cte) && is_encoding(cte)))
		c->p->cte = cte;
	c->have_cte = true;
}

typedef void content_fn(struct content *, struct span);

static void
each_field(struct content *c, const char *name, content_fn *fn)
{
	for (size_t i = 0; i < c->p->nfield; i++)
		if (span_ieqs(c->p->field[i].name, name))
			fn(c, c->p->field[i].value);
}

static void
set_names(struct mime_part *p, const struct readings *rs, struct arena *a)
{
	if (rs->n == 0)
		return;
	p->filename = (const char *)rs->r[0].p;
	p->alt_name = arena_array(a, READINGS_MAX, sizeof(*p->alt_name));
	if (p->alt_name == NULL) {
		p->defects |= MIME_LIMIT_MEMORY;
		return;
	}
	for (size_t i = 1; i < rs->n; i++)
		p->alt_name[p->nalt_name++] = (const char *)rs->r[i].p;
}

static void
set_boundaries(struct content *c, struct mime_boundaries *b)
{
	const struct readings *rs = &c->boundaries;

	b->multipart = c->multipart;
	b->n = 0;
	for (size_t i = 0; i < rs->n && i < MIME_BOUNDARIES; i++)
		b->b[b->n++] = rs->r[i];
	if (rs->n > 1)
		c->p->defects |= MIME_BAD_PARAM;
	if (rs->n > 0)
		c->p->boundary = (const char *)rs->r[0].p;
	else if (c->multipart)
		c->p->defects |= MIME_NO_BOUNDARY;
}

void
mime_header_content(struct mime_part *p, bool digest,
    struct mime_boundaries *b, struct arena *a)
{
	struct content c = {.p = p, .a = a};

	c.names.a = c.boundaries.a = a;
	p->type = digest ? "message" : "text";
	p->subtype = digest ? "rfc822" : "plain";
	p->charset = p->disposition = "";
	p->cte = CTE_7BIT;
	/* Names of the disposition come first. */
	each_field(&c, "Content-Disposition", content_disposition);
	each_field(&c, "Content-Type", content_type);
	each_field(&c, "Content-Transfer-Encoding", content_encoding);
	set_names(p, &c.names, a);
	set_boundaries(&c, b);
	if (arena_full(a))
		p->defects |= MIME_LIMIT_MEMORY;
}

void
mime_header_add_name(struct mime_part *p, struct span name, struct arena *a)
{
	struct readings rs = {.a = a};

	readings_add(&rs, name);
	if (rs.n == 0)
		return;
	if (p->filename == NULL)
		set_names(p, &rs, a);
	else if (p->alt_name != NULL && p->nalt_name < READINGS_MAX)
		p->alt_name[p->nalt_name++] = (const char *)rs.r[0].p;
}
