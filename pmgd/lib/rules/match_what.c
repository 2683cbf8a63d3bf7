/* Which what-objects match, and of which parts they speak. */
#include "lib/base/cleanup.h"
#include "lib/rules/match.h"

enum {
	SPAM_LEVEL_BLOCKED = 100,	/* sender is on a user's blocklist */
	SPAM_LEVEL_NONE = -1,		/* less than any object asks for */
	/* A decoded field is at most this much larger than the raw one, with
	 * what decoding needs on its way. */
	DECODE_FACTOR = 16,
	DECODE_BASE = 64 * 1024,
};

struct what {
	const struct ruleset *rs;
	const struct facts *f;
	struct what_hits *hits;
	struct arena *a;
	/* What is being looked at: */
	enum pattern_kind kind;
	const struct mime_part *part;
	struct span field_name;
	bool by_content;	/* a type that was found by magic */
};

/*
 * The top of a multipart is the whole mail, not a part of it that an action
 * could take out.
 */
static bool
is_whole_mail(const struct mime_part *p)
{
	return p->parent == NULL && p->child != NULL;
}

static void
mark(struct what *w, struct marks *m, bool whole)
{
	size_t index = w->part != NULL ? w->part->index : 0;

	if (whole) {
		m->whole = true;
		return;
	}
	if (m->part == NULL)
		m->part = arena_array(w->a, mark_words(w->f),
		    sizeof(*m->part));
	if (m->part != NULL)
		m->part[index / 64] |= (uint64_t)1 << index % 64;
}

static void
note(struct what *w, const struct object_ref *r, bool whole)
{
	struct what_hit *hit = &w->hits->group[r->group];
	uint32_t detail = w->rs->detail[r->group];

	if (hit->first == 0 || r->object + 1 < hit->first)
		hit->first = r->object + 1;
	mark(w, &hit->marks, whole);
	if (detail != NO_DETAIL)
		mark(w, &w->hits->object[detail + r->object], whole);
}

/* Whether the option of an object leaves out what is being looked at. */
static bool
is_left_out(const struct what *w, const struct object *o)
{
	if (w->kind == PAT_FIELD)
		return !span_ieqs(w->field_name, o->value) ||
		    ((o->flags & OBJ_TOP_ONLY) && w->part->parent != NULL);
	return (o->flags & OBJ_ONLY_CONTENT) && !w->by_content;
}

static void
on_part_pattern(void *arg, size_t index)
{
	struct what *w = arg;
	const struct pattern_index *x = &w->rs->pattern[w->kind];
	const struct object_ref *r;

	if (index >= x->nref)
		return;
	r = &x->ref[index];
	if (is_left_out(w, &w->rs->group[r->group].object[r->object]))
		return;
	/* A field of the mail's own header speaks of the whole mail. */
	note(w, r, is_whole_mail(w->part) ||
	    (w->kind == PAT_FIELD && w->part->parent == NULL));
}

static void
scan(struct what *w, enum pattern_kind kind, struct span subject)
{
	w->kind = kind;
	pattern_set_scan(w->rs->pattern[kind].set, subject, on_part_pattern,
	    w);
}

static bool
wanted(const struct what *w, enum pattern_kind kind)
{
	return w->rs->pattern[kind].set != NULL &&
	    w->rs->uses_pattern[w->f->env->dir][kind];
}

static void
match_type(struct what *w, enum pattern_kind kind, const char *type,
    bool by_content)
{
	const char *alias;

	if (type == NULL || *type == '\0')
		return;
	w->by_content = by_content;
	scan(w, kind, span_str(type));
	for (size_t i = 0; (alias = nametype_alias(type, i)) != NULL; i++)
		scan(w, kind, span_str(alias));
}

static void
match_types(struct what *w, enum pattern_kind kind)
{
	const struct mime_part *p = w->part;
	AUTO_BUF struct buf declared = {.max = SIZE_MAX / 2};

	buf_puts(&declared, p->type);
	buf_putc(&declared, '/');
	buf_puts(&declared, p->subtype);
	match_type(w, kind, buf_cstr(&declared), false);
	if (w->f->magic_type != NULL)
		match_type(w, kind, w->f->magic_type[p->index], true);
	if (p->filename != NULL)
		match_type(w, kind, nametype_find(p->filename), false);
	for (size_t i = 0; i < p->nalt_name; i++)
		match_type(w, kind, nametype_find(p->alt_name[i]), false);
}

/* Also without the dots and blanks at its end, which Windows drops. */
static void
match_name(struct what *w, enum pattern_kind kind, const char *name)
{
	struct span s = span_str(name), bare = s;

	scan(w, kind, s);
	while (bare.n > 0 && (bare.p[bare.n - 1] == '.' ||
	    bare.p[bare.n - 1] == ' '))
		bare.n--;
	if (bare.n < s.n)
		scan(w, kind, bare);
}

/* With its folders, and the last name alone. */
static void
match_path(struct what *w, enum pattern_kind kind, const char *path)
{
	const char *last = path;

	for (const char *p = path; *p != '\0'; p++)
		if ((*p == '/' || *p == '\\') && p[1] != '\0')
			last = p + 1;
	if (*path != '\0')
		match_name(w, kind, path);
	if (last != path)
		match_name(w, kind, last);
}

static void
match_names(struct what *w)
{
	if (w->part->filename != NULL)
		match_path(w, PAT_FILENAME, w->part->filename);
	for (size_t i = 0; i < w->part->nalt_name; i++)
		match_path(w, PAT_FILENAME, w->part->alt_name[i]);
}

/* ---- what is inside of parts ---- */

/* The reference product's name for what no rule can look into. */
#define UNREADABLE_TYPE "proxmox/unreadable-archive"

/* Encrypted mail is no archive. */
static bool
is_mail(const struct inside *in)
{
	return (in->flags & INSIDE_MAIL) ||
	    strcmp(in->type, "application/pkcs7-mime") == 0 ||
	    strcmp(in->type, "application/pgp-encrypted") == 0;
}

static void
match_inside_types(struct what *w, enum pattern_kind kind,
    const struct inside *in)
{
	match_type(w, kind, in->type, !(in->flags & INSIDE_DECLARED));
	match_type(w, kind, nametype_find(in->name), false);
	if (kind == PAT_ARCHIVE_TYPE && !is_mail(in) &&
	    (in->flags & (INSIDE_ENCRYPTED | INSIDE_UNREADABLE)))
		match_type(w, kind, UNREADABLE_TYPE, true);
}

static void
match_inside_flags(struct what *w, unsigned flags)
{
	for (size_t i = 0; flags != 0 && i < w->rs->nfact; i++) {
		const struct object_ref *r = &w->rs->fact[i];
		enum object_type t =
		    w->rs->group[r->group].object[r->object].type;

		if ((t == WHAT_ENCRYPTED && (flags & INSIDE_ENCRYPTED)) ||
		    (t == WHAT_UNREADABLE && (flags & INSIDE_UNREADABLE)) ||
		    (t == WHAT_MACROS && (flags & INSIDE_MACROS)))
			note(w, r, is_whole_mail(w->part));
	}
}

static void
match_inside(struct what *w, const struct inside *in)
{
	w->part = w->f->mime->part[in->part];
	if (in->depth == 0 && wanted(w, PAT_TYPE))
		match_inside_types(w, PAT_TYPE, in);
	if (in->depth == 0 && wanted(w, PAT_FILENAME))
		match_path(w, PAT_FILENAME, in->name);
	if (wanted(w, PAT_ARCHIVE_TYPE))
		match_inside_types(w, PAT_ARCHIVE_TYPE, in);
	if (in->depth > 0 && wanted(w, PAT_ARCHIVE_NAME))
		match_path(w, PAT_ARCHIVE_NAME, in->name);
	match_inside_flags(w, in->flags);
}

static bool
is_wanted_field(const struct ruleset *rs, struct span name)
{
	for (size_t i = 0; i < rs->nfield; i++)
		if (span_ieqs(name, rs->field[i]))
			return true;
	return false;
}

/*
 * Decoded in an arena of its own: a message full of long fields must not use
 * up the memory that the plan needs. One that cannot be decoded is looked at
 * as it is.
 */
static void
match_field(struct what *w, const struct mime_field *field)
{
	struct arena tmp;
	const char *text;

	arena_init(&tmp, DECODE_BASE + DECODE_FACTOR * field->value.n);
	text = mime_field_text(field, &tmp);
	w->field_name = field->name;
	scan(w, PAT_FIELD, arena_full(&tmp) ? span_trim(field->value) :
	    span_str(text));
	arena_free(&tmp);
}

/* Fields that rules set are taken out of the mail before anything looks at
 * it: a sender must not be able to claim what a rule says. */
static bool
is_stripped(const struct what *w, struct span name)
{
	enum direction dir = w->f->env->dir;

	for (size_t i = 0; i < w->rs->nstrip[dir]; i++)
		if (span_ieqs(name, w->rs->strip[dir][i]))
			return w->part->parent == NULL;
	return false;
}

static void
match_fields(struct what *w)
{
	const struct mime_part *p = w->part;

	for (size_t i = 0; i < p->nfield; i++)
		if (is_wanted_field(w->rs, p->field[i].name) &&
		    !is_stripped(w, p->field[i].name))
			match_field(w, &p->field[i]);
}

static bool
is_size(const struct object *o, uint64_t size)
{
	return size >= (uint64_t)o->number &&
	    (o->number2 == 0 || size <= (uint64_t)o->number2);
}

/* Objects that say something of the whole mail. */
static bool
holds_for_mail(const struct object *o, const struct facts *f)
{
	switch (o->type) {
	case WHAT_VIRUS:
		return f->virus != NULL;
	case WHAT_AMBIGUOUS:
		return f->ambiguous;
	case WHAT_LIMITS:
		return f->limits;
	case WHAT_SPF:
		return o->number >> f->spf & 1;
	case WHAT_SIZE:
		return is_size(o, f->size);
	default:
		return false;
	}
}

static void
match_mail(struct what *w)
{
	for (size_t i = 0; i < w->rs->nfact; i++) {
		const struct object_ref *r = &w->rs->fact[i];

		if (holds_for_mail(&w->rs->group[r->group].object[r->object],
		    w->f))
			note(w, r, true);
	}
}

bool
match_what(const struct ruleset *rs, const struct facts *f,
    struct what_hits *hits, struct arena *a)
{
	struct what w = {.rs = rs, .f = f, .hits = hits, .a = a};

	hits->group = arena_array(a, rs->ngroup, sizeof(*hits->group));
	hits->object = arena_array(a, rs->ndetail, sizeof(*hits->object));
	if (arena_full(a))
		return false;
	match_mail(&w);
	for (size_t i = 0; i < f->mime->npart; i++) {
		w.part = f->mime->part[i];
		if (wanted(&w, PAT_TYPE))
			match_types(&w, PAT_TYPE);
		if (wanted(&w, PAT_ARCHIVE_TYPE))
			match_types(&w, PAT_ARCHIVE_TYPE);
		if (wanted(&w, PAT_FILENAME))
			match_names(&w);
		if (wanted(&w, PAT_FIELD))
			match_fields(&w);
	}
	for (size_t i = 0; i < f->ninside; i++)
		match_inside(&w, &f->inside[i]);
	return !arena_full(a);
}

/* A level that is not known matches nothing: nobody may lose a mail because
 * spamd was down. The user lists hold without it. */
bool
match_spam(const struct object *o, const struct facts *f, enum listed listed)
{
	int level = f->spam_known ? f->spam_level : SPAM_LEVEL_NONE;

	if (listed == LISTED_ALLOWED)
		return false;
	if (listed == LISTED_BLOCKED)
		level = SPAM_LEVEL_BLOCKED;
	return level >= o->number;
}
