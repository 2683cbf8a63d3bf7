/* What the bytes of a message alone tell the rules. */
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/mail/cms.h"
#include "lib/mail/mime_magic.h"
#include "lib/mail/openpgp.h"
#include "lib/rules/ruleset.h"

enum {
	LIMITS = MIME_LIMIT_DEPTH | MIME_LIMIT_PARTS | MIME_LIMIT_HEADER |
	    MIME_LIMIT_MEMORY,
	/* Bytes that a text has no NUL in. */
	TEXT_HEAD = 512,
	DECLARED_MAX = 1024,	/* bytes of a declared type */
	/* Defects that say nothing about what is in a mail: all others may
	 * mean that some program finds something in a text, too. */
	HARMLESS = MIME_BARE_LF | MIME_8BIT_HEADER,
	/* Deeper texts an engine may not reach in the raw message. */
	PLAIN_DEPTH = 3,
};

/* ---- whether contents are needed ---- */

static bool
has_word(struct span s, const char *word)
{
	return s.n > 0 && memmem(s.p, s.n, word, strlen(word)) != NULL;
}

/* p stands behind nothing but blanks in its line, behind yEnc's "=y" or the
 * dashes of OpenPGP. */
static bool
may_begin(struct span s, const unsigned char *p)
{
	if (p - s.p >= 2 && p[-1] == 'y' && p[-2] == '=')
		return true;
	if (p - s.p >= 5 && memcmp(p - 5, "-----", 5) == 0)
		return true;
	while (p > s.p && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	return p == s.p || p[-1] == '\n' || p[-1] == '\r';
}

/* The first lines of uuencode, yEnc, OpenPGP and BinHex, loosely: a false alarm
 * costs some time, a miss an attachment. */
static bool
may_hold_attachment(struct span s)
{
	static const char *const begin[] = {"begin", "BEGIN", "Begin"};

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		const unsigned char *p = s.p, *end = s.p + s.n;

		while (p < end && (p = memmem(p, (size_t)(end - p), begin[i],
		    strlen(begin[i]))) != NULL) {
			if (may_begin(s, p))
				return true;
			p += strlen(begin[i]);
		}
	}
	return has_word(s, "BinHex") || has_word(s, "binhex") ||
	    has_word(s, "must be converted");
}

static bool
is_plain_text(const struct mime *m, const struct mime_part *p)
{
	bool html = strcmp(p->subtype, "html") == 0;

	if (strcmp(p->type, "text") != 0 ||
	    (!html && strcmp(p->subtype, "plain") != 0) ||
	    p->filename != NULL || p->nalt_name > 0 || p->depth > PLAIN_DEPTH ||
	    (*p->disposition != '\0' && strcmp(p->disposition, "inline") != 0))
		return false;
	/* No program takes an attachment out of HTML. */
	if (html && (p->cte == CTE_QP || p->cte == CTE_BASE64))
		return true;
	return (p->cte == CTE_7BIT || p->cte == CTE_8BIT) &&
	    !may_hold_attachment(span_sub(m->msg, p->body_off,
	        p->body_end - p->body_off));
}

bool
facts_need_content(const struct mime *m)
{
	if (m->defects & ~(uint32_t)HARMLESS)
		return true;
	for (size_t i = 0; i < m->npart; i++)
		if (m->part[i]->child == NULL && !is_plain_text(m, m->part[i]))
			return true;
	return false;
}

/* ---- which content may be a container ---- */

static const char *
type_of_content(const struct content *c, struct span bytes)
{
	struct span s = span_sub(bytes, c->off, c->n);

	return mime_magic_type(span_sub(s, 0, MIME_MAGIC_HEAD));
}

const char *
facts_name(const struct mime *m, const struct content *c)
{
	const char *name = c->name != NULL ? c->name
	    : c->as != NULL ? c->as->filename : m->part[c->part]->filename;

	return name != NULL ? name : "";
}

static bool
is_leaf_type(const char *type)
{
	static const char *const kinds[] = {"image/", "audio/", "video/",
	    "text/", "application/postscript", "application/ogg",
	    "application/x-shellscript"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_iprefix(span_str(type), kinds[i]))
			return true;
	return false;
}

bool
facts_is_text(const struct mime *m, const struct content *c, struct span bytes)
{
	const struct mime_part *p = c->as != NULL ? c->as : m->part[c->part];
	struct span head = span_sub(span_sub(bytes, c->off, c->n), 0,
	    TEXT_HEAD);
	const char *type = type_of_content(c, bytes);

	return strcmp(p->type, "text") == 0 &&
	    (type == NULL || span_iprefix(span_str(type), "text/")) &&
	    span_chr(head, 0, '\0') == head.n;
}

static bool
is_named_container(const char *name)
{
	const char *type = nametype_find(name);

	return type != NULL && !is_leaf_type(type);
}

bool
facts_may_hold_more(const struct mime *m, const struct content *c,
    struct span bytes)
{
	const struct mime_part *p = c->as != NULL ? c->as : m->part[c->part];
	const char *type = type_of_content(c, bytes);
	bool named = is_named_container(facts_name(m, c));

	if (c->n == 0)
		return false;
	for (size_t i = 0; i < p->nalt_name; i++)
		named = named || is_named_container(p->alt_name[i]);
	if (named)
		return true;
	if (type != NULL)
		return !is_leaf_type(type);
	return !facts_is_text(m, c, bytes);
}

/* ---- the facts ---- */

/* Content type of a leaf by its first decoded bytes. */
static const char *
type_of_part(const struct mime *m, const struct mime_part *p, struct buf *head)
{
	buf_reset(head);
	mime_body_decode(m, p, head);
	return mime_magic_type(buf_span(head));
}

/* Where the contents of one message are collected. */
struct filling {
	struct facts *f;
	struct inside *to;
	const char **magic;
	bool *seen;		/* parts whose declared content was listed */
	struct arena *a;
};

static void
add(struct filling *l, const struct content *c, const char *name,
    const char *type, unsigned flags)
{
	l->to[l->f->ninside++] = (struct inside){.part = c->part,
		.flags = flags, .name = name != NULL ? name : "",
		.type = type != NULL ? type : ""};
}

/*
 * Encrypted mail; archives and documents are the scanner's. What calls itself
 * an OpenPGP message, and is none that can be read without a key, counts.
 */
static unsigned
flags_of_content(const struct content *c, struct span bytes)
{
	struct span s = span_sub(bytes, c->off, c->n);
	enum openpgp_kind kind = openpgp_kind_of(s);

	if (kind == OPENPGP_ENCRYPTED || cms_is_encrypted(s) ||
	    (c->how == CONTENT_OPENPGP && kind == OPENPGP_NONE))
		return INSIDE_ENCRYPTED | INSIDE_MAIL;
	return 0;
}

/* RFC 1847 2.2: the second part of a multipart/encrypted, whatever is in it. */
static bool
is_encrypted_part(const struct mime_part *p)
{
	return p->parent != NULL && p != p->parent->child &&
	    strcmp(p->parent->type, "multipart") == 0 &&
	    strcmp(p->parent->subtype, "encrypted") == 0;
}

/* A part that only another reading has: all that its headers say of it. */
static bool
add_other_part(struct filling *l, const struct content *c)
{
	const struct mime_part *p = c->as;
	AUTO_BUF struct buf declared = {.max = DECLARED_MAX};
	const char *type;

	buf_printf(&declared, "%s/%s", p->type, p->subtype);
	type = arena_strdup(l->a, buf_cstr(&declared));
	add(l, c, p->filename, type, INSIDE_DECLARED);
	for (size_t i = 0; i < p->nalt_name; i++)
		add(l, c, p->alt_name[i], NULL, 0);
	return type != NULL;
}

static bool
add_content(struct filling *l, const struct content *c, struct span bytes)
{
	const char *type = type_of_content(c, bytes);
	unsigned flags = flags_of_content(c, bytes);

	if (c->how == CONTENT_PLAIN && c->as == NULL && !l->seen[c->part]) {
		l->magic[c->part] = type;
		l->seen[c->part] = true;
		if (c->name == NULL && flags == 0)
			return true;
	}
	add(l, c, c->name, type, flags);
	return c->as == NULL || add_other_part(l, c);
}

static size_t
count_inside(const struct mime *m, const struct content_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < m->npart; i++)
		n += is_encrypted_part(m->part[i]);

	for (size_t i = 0; list != NULL && i < list->n; i++)
		n += 2 + (list->item[i].as ? list->item[i].as->nalt_name : 0);
	return n;
}

static bool
filling_init(struct filling *l, const struct content_list *list)
{
	size_t n = l->f->mime->npart;

	l->magic = arena_array(l->a, n, sizeof(*l->magic));
	l->seen = arena_array(l->a, n, sizeof(*l->seen));
	l->to = arena_array(l->a, count_inside(l->f->mime, list) + 1, sizeof(*l->to));
	return l->magic != NULL && l->seen != NULL && l->to != NULL;
}

/*
 * A file sent as the bytes that it has. SMTP allows no NUL in mail and has line
 * ends only (RFC 5321 4.1.1.4, 2.3.8): what the recipient gets of such a file
 * depends on every host on its way.
 */
static bool
is_raw_file(const struct mime_part *p)
{
	return p->child == NULL && strcmp(p->type, "text") != 0 &&
	    (p->cte == CTE_7BIT || p->cte == CTE_8BIT ||
	        p->cte == CTE_BINARY) &&
	    (p->defects & MIME_NUL) != 0;
}

uint32_t
facts_unclear(const struct mime *m, const struct content_list *list)
{
	uint32_t defects = m->defects | (list != NULL ? list->defects : 0);

	for (size_t i = 0; i < m->npart; i++)
		if (is_raw_file(m->part[i]))
			defects |= MIME_AMBIG_ENCODING;
	for (size_t i = 0; list != NULL && i < list->n; i++)
		if (list->item[i].as != NULL)
			defects |= list->item[i].as->defects;
	return defects & (MIME_AMBIGUOUS | LIMITS);
}

bool
facts_from_content(struct facts *f, const struct content_list *list,
    struct span bytes, struct arena *a)
{
	const struct mime *m = f->mime;
	uint32_t unclear = facts_unclear(m, list);
	AUTO_BUF struct buf head = {.max = MIME_MAGIC_HEAD};
	struct filling l = {.f = f, .a = a};

	f->ninside = 0;
	f->ambiguous = (unclear & MIME_AMBIGUOUS) != 0;
	f->limits = (unclear & LIMITS) != 0;
	if (!filling_init(&l, list))
		return false;
	for (size_t i = 0; list != NULL && i < list->n; i++)
		if (!add_content(&l, &list->item[i], bytes))
			return false;
	for (size_t i = 0; i < m->npart; i++) {
		struct content whole = {.part = i};

		if (m->part[i]->child == NULL && !l.seen[i])
			l.magic[i] = type_of_part(m, m->part[i], &head);
		if (is_encrypted_part(m->part[i]))
			add(&l, &whole, NULL, NULL,
			    INSIDE_ENCRYPTED | INSIDE_MAIL);
	}
	f->magic_type = l.magic;
	f->inside = l.to;
	return true;
}

void
facts_defects(struct buf *out, uint32_t defects)
{
	for (uint32_t bit = 1; bit != 0; bit <<= 1)
		if (defects & bit & (MIME_AMBIGUOUS | LIMITS))
			buf_printf(out, "%s%s", out->n > 0 ? " " : "",
			    mime_defect_name(bit));
}
