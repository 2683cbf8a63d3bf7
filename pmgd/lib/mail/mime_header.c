#include "lib/mail/mime_header.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/mail/cte.h"
#include "lib/mail/mime_param.h"

enum {
	TOKEN_MAX = 128,	/* type, subtype, charset, disposition */
	ENDING_MAX = 8,		/* of a file name, behind its last dot */
	HIDDEN_MAX = 16,	/* fields that only some clients see */
	JOINED_BYTES = 16 * 1024, /* of fields that are there twice */
};

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
struct said {
	struct mime_part *p;
	struct arena *a;
	struct readings names;
	struct readings boundaries;
	bool have_type, have_cte, have_disposition;
	unsigned encodings;	/* bit i: enum cte i, of those that hide */
	struct mime_field hidden[HIDDEN_MAX];
	size_t nhidden;
};

static void
set_charset(struct said *c, const struct params *ps)
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
content_type(struct said *c, struct span v)
{
	struct params ps;
	size_t i = 0;
	struct span type = take_token(v, &i);
	size_t slash = param_skip_cfws(v, i);
	struct span subtype = {NULL, 0};
	bool multi;

	if (type.n > 0 && slash < v.n && v.p[slash] == '/') {
		i = slash + 1;
		subtype = take_token(v, &i);
	}
	if (c->have_type) {
		c->p->defects |= MIME_DUP_TYPE;
		if (((c->p->hints & HINT_MULTIPART) != 0) !=
		    (subtype.n > 0 && span_ieqs(type, "multipart")))
			c->p->hints |= HINT_MIXED_TYPE;
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
	multi = subtype.n > 0 && span_ieqs(type, "multipart");
	c->p->hints |= multi ? HINT_MULTIPART : 0;
	if (multi)
		readings_bytes(&c->boundaries, &ps, PARAM_BOUNDARY);
	for (size_t k = 0; k < ps.n; k++)
		if (ps.p[k].name == PARAM_BOUNDARY)
			c->p->hints |= HINT_BOUNDARY;
	set_charset(c, &ps);
	readings_text(&c->names, &ps, PARAM_NAME);
	readings_text(&c->names, &ps, PARAM_FILENAME);
}

/* "Content-Disposition: filename=x" has no disposition, but a name. */
static void
content_disposition(struct said *c, struct span v)
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
	readings_text(&c->names, &ps, PARAM_NAME);
}

/* Names of encodings that hide content, by which a guess is made. */
static const struct {
	const char *word;
	enum cte cte;
} guesses[] = {
    {"base64", CTE_BASE64}, {"gzip64", CTE_BASE64}, {"quoted-p", CTE_QP},
    {"quotedp", CTE_QP}, {"uuencode", CTE_UUENCODE},
};

/*
 * "7bit, base64", ";base64", "base64x": flagged, but decoded none the less.
 * The first one found; all of them as bits in *all.
 */
static enum cte
guess_cte(struct span s, unsigned *all)
{
	enum cte first = CTE_UNKNOWN;

	for (size_t i = 0; i < s.n; i++)
		for (size_t k = 0; k < sizeof(guesses) / sizeof(guesses[0]);
		     k++)
			if (span_iprefix(span_sub(s, i, s.n),
			        guesses[k].word)) {
				*all |= 1u << guesses[k].cte;
				if (first == CTE_UNKNOWN)
					first = guesses[k].cte;
			}
	return first;
}

unsigned
mime_header_encodings(const struct mime_part *p, struct span msg)
{
	unsigned all = 0;

	guess_cte(span_sub(msg, p->header_off, p->header_end - p->header_off),
	    &all);
	return all;
}

static bool
is_encoding(enum cte cte)
{
	return cte == CTE_BASE64 || cte == CTE_QP || cte == CTE_UUENCODE;
}

/* The name of an encoding, written so that some clients do not know it. */
static bool
is_disguised(struct span v, enum cte cte)
{
	struct span s = span_trim(v);
	struct span token;
	size_t i = 0;

	if (!is_encoding(cte))
		return false;
	token = take_token(s, &i);
	if (cte_by_name(token) == cte)
		return false;
	return span_chr(s, 0, '(') < s.n || span_chr(s, 0, '\\') < s.n ||
	    span_find(s, 0, SPAN_LIT("=?")) != SIZE_MAX;
}

/*
 * The mechanism, with comments and quotes removed wherever they stand. Of two
 * fields the first one that hides content counts.
 */
static void
content_encoding(struct said *c, struct span v)
{
	AUTO_BUF struct buf b;
	struct span s, token;
	enum cte cte, guess;
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
	guess = guess_cte(s, &c->encodings);
	if (cte == CTE_UNKNOWN)
		cte = guess;
	if (is_encoding(cte))
		c->encodings |= 1u << cte;
	if (is_disguised(v, cte) ||
	    (c->encodings & (c->encodings - 1)) != 0)
		c->p->defects |= MIME_AMBIG_ENCODING;
	if (!c->have_cte || (!is_encoding(c->p->cte) && is_encoding(cte)))
		c->p->cte = cte;
	c->have_cte = true;
}

/* ---- fields that only some clients see ---- */

static void
hidden_add(struct said *c, struct span line)
{
	size_t i = 0;
	size_t colon;

	while (i < line.n && line.p[i] <= ' ')
		i++;
	line = span_sub(line, i, line.n);
	if (!span_iprefix(line, "content-") || c->nhidden == HIDDEN_MAX ||
	    mime_field_name_len(line) == 0)
		return;
	colon = span_chr(line, 0, ':');
	c->hidden[c->nhidden++] = (struct mime_field){
	    .name = span_sub(line, 0, mime_field_name_len(line)),
	    .value = span_sub(line, colon + 1, line.n)};
}

/* A bare CR ends a line for some clients: "X: y<CR>Content-Type: ...". */
static void
hidden_behind_cr(struct said *c, struct span value)
{
	size_t cr = span_chr(value, 0, '\r');

	while (cr < value.n) {
		size_t next = span_chr(value, cr + 1, '\r');
		size_t had = c->nhidden;

		if (cr + 1 < value.n && value.p[cr + 1] != '\n')
			hidden_add(c, span_sub(value, cr + 1, next - cr - 1));
		if (c->nhidden > had)
			c->p->defects |= MIME_AMBIG_HEADER;
		cr = next;
	}
}

/* Controls in front of the name: a line that is no field to most. */
static void
hidden_behind_controls(struct said *c, struct span msg)
{
	size_t off = c->p->header_off;

	while (off < c->p->header_end) {
		struct mime_line l = mime_line_at(msg, off, c->p->header_end);
		struct span text = mime_line_text(msg, &l);

		if (text.n > 0 && text.p[0] < ' ' && text.p[0] != '\t')
			hidden_add(c, text);
		off = l.next;
	}
}

static void
find_hidden(struct said *c, struct span msg)
{
	struct mime_part *p = c->p;

	if ((p->defects & (MIME_BARE_CR | MIME_NUL | MIME_BAD_FIELD)) == 0)
		return;
	for (size_t i = 0; i < p->nfield; i++) {
		struct mime_field *f = &p->field[i];

		hidden_behind_cr(c, f->value);
		if (span_iprefix(f->name, "content-") &&
		    span_chr(f->value, 0, '\0') < f->value.n)
			p->defects |= MIME_AMBIG_HEADER;
	}
	if ((p->defects & MIME_BAD_FIELD) != 0)
		hidden_behind_controls(c, msg);
}

typedef void content_fn(struct said *, struct span);

static void
each_field(struct said *c, const char *name, content_fn *fn)
{
	for (size_t i = 0; i < c->p->nfield; i++)
		if (span_ieqs(c->p->field[i].name, name))
			fn(c, c->p->field[i].value);
	for (size_t i = 0; i < c->nhidden; i++)
		if (span_ieqs(c->hidden[i].name, name))
			fn(c, c->hidden[i].value);
}

/* name*0= in one field, name*1= in another one. */
static void
names_over_fields(struct said *c)
{
	AUTO_BUF struct buf all;
	struct params ps;

	buf_init(&all, JOINED_BYTES);
	for (size_t i = 0; i < c->p->nfield; i++)
		if (span_ieqs(c->p->field[i].name, "Content-Disposition") ||
		    span_ieqs(c->p->field[i].name, "Content-Type")) {
			buf_puts_span(&all, c->p->field[i].value);
			buf_puts(&all, "; ");
		}
	params_parse(&ps, buf_span(&all), 0);
	readings_text(&c->names, &ps, PARAM_FILENAME);
	readings_text(&c->names, &ps, PARAM_NAME);
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

/* Ends like the name of a file, and is no address. An encoded word may. */
static bool
has_ending(struct span s)
{
	size_t n = 0;

	if (span_find(s, 0, SPAN_LIT("=?")) != SIZE_MAX)
		return true;
	if (span_chr(s, 0, '@') < s.n)
		return false;
	while (n < s.n && n <= ENDING_MAX && is_token_char(s.p[s.n - 1 - n]) &&
	    s.p[s.n - 1 - n] != '.')
		n++;
	return n > 0 && n <= ENDING_MAX && n + 1 < s.n &&
	    s.p[s.n - 1 - n] == '.';
}

/* RFC 2557 4.2: the last part of the path; the name of a host is none. */
static struct span
location_file(struct span v)
{
	size_t end = 0, host, slash;

	while (end < v.n && v.p[end] != '?' && v.p[end] != '#')
		end++;
	v = span_sub(v, 0, end);
	host = span_find(v, 0, SPAN_LIT("//"));
	host = host != SIZE_MAX ? span_chr(v, host + 2, '/') : 0;
	for (slash = v.n; slash > host; slash--)
		if (v.p[slash - 1] == '/')
			break;
	return span_sub(v, slash, v.n);
}

/*
 * Clients that find no name in the usual places take one from elsewhere, where
 * most values are none: only what ends like a name counts.
 */
static void
names_elsewhere(struct said *c)
{
	const struct span location = SPAN_LIT("Content-Location");
	const struct span description = SPAN_LIT("Content-Description");
	struct readings rs = {.a = c->a};

	for (size_t i = 0; i < c->p->nfield; i++) {
		struct span name = c->p->field[i].name;
		struct span v = span_trim(c->p->field[i].value);

		if (name.n == location.n && span_ieq(name, location))
			v = location_file(v);
		else if (name.n != description.n ||
		    !span_ieq(name, description))
			continue;
		if (v.n <= READING_ALT_BYTES && has_ending(v))
			readings_add(&rs, v);
	}
	if (rs.n == 0)
		return;
	c->p->alt_name = arena_array(c->a, READINGS_MAX,
	    sizeof(*c->p->alt_name));
	for (size_t i = 0; c->p->alt_name != NULL && i < rs.n; i++)
		c->p->alt_name[c->p->nalt_name++] = (const char *)rs.r[i].p;
}

static void
set_boundaries(struct said *c, struct mime_boundaries *b)
{
	const struct readings *rs = &c->boundaries;

	b->multipart = (c->p->hints & HINT_MULTIPART) != 0;
	b->n = 0;
	for (size_t i = 0; i < rs->n && i < MIME_BOUNDARIES; i++)
		b->b[b->n++] = rs->r[i];
	if (rs->n > 1)
		c->p->defects |= MIME_BAD_PARAM;
	if (rs->n > 0)
		c->p->boundary = (const char *)rs->r[0].p;
	else if (b->multipart)
		c->p->defects |= MIME_NO_BOUNDARY;
}

void
mime_header_content(struct mime_part *p, struct span msg, bool digest,
    struct mime_boundaries *b, struct arena *a)
{
	struct said c = {.p = p, .a = a};

	c.names.a = c.boundaries.a = a;
	p->type = digest ? "message" : "text";
	p->subtype = digest ? "rfc822" : "plain";
	p->charset = p->disposition = "";
	p->cte = CTE_7BIT;
	find_hidden(&c, msg);
	/* Names of the disposition come first. */
	each_field(&c, "Content-Disposition", content_disposition);
	each_field(&c, "Content-Type", content_type);
	each_field(&c, "Content-Transfer-Encoding", content_encoding);
	if ((p->defects & (MIME_DUP_DISPOSITION | MIME_DUP_TYPE)) != 0)
		names_over_fields(&c);
	set_names(p, &c.names, a);
	if (c.names.n == 0 && (p->hints & HINT_MULTIPART) == 0)
		names_elsewhere(&c);
	set_boundaries(&c, b);
	if (strcmp(p->type, "message") == 0 &&
	    strcmp(p->subtype, "partial") == 0)
		p->defects |= MIME_PARTIAL;
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
	if (p->filename == NULL && p->alt_name == NULL)
		set_names(p, &rs, a);
	else if (p->filename == NULL)
		p->filename = (const char *)rs.r[0].p;
	else if (p->alt_name != NULL && p->nalt_name < READINGS_MAX)
		p->alt_name[p->nalt_name++] = (const char *)rs.r[0].p;
}
