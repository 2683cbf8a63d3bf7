/* Which groups match: addresses, times, and the parts of a message. */
#include "lib/base/cleanup.h"
#include "lib/rules/ruleset.h"

enum {
	SPAM_LEVEL_BLOCKED = 100,	/* sender is on a user's blocklist */
	/* A decoded field is at most this much larger than the raw one, with
	 * what decoding needs on its way. */
	DECODE_FACTOR = 16,
	DECODE_BASE = 64 * 1024,
};

static void
note_object(struct group_hit *hit, uint32_t group, uint32_t object)
{
	if (hit[group].object == 0 || object + 1 < hit[group].object)
		hit[group].object = object + 1;
}

/* ---- who ---- */

struct who {
	const struct ruleset *rs;
	struct group_hit *hit;
};

static void
on_address_pattern(void *arg, size_t index)
{
	const struct who *w = arg;
	const struct pattern_index *x = &w->rs->pattern[PAT_ADDRESS];

	if (index < x->nref)
		note_object(w->hit, x->ref[index].group, x->ref[index].object);
}

static void
match_key(const struct ruleset *rs, struct span key, enum object_type type,
    struct group_hit *hit)
{
	const struct address_entry *entry;
	uint32_t pos = 0;

	while ((entry = address_index_next(&rs->who, key, &pos)) != NULL)
		if (rs->group[entry->group].object[entry->object].type == type)
			note_object(hit, entry->group, entry->object);
}

static void
match_networks(const struct ruleset *rs, const char *ip,
    struct group_hit *hit)
{
	struct network client;

	if (!network_parse_ip(ip, &client))
		return;
	for (size_t i = 0; i < rs->who.nnetwork; i++) {
		const struct address_network *n = &rs->who.network[i];

		if (network_contains(&n->net, &client))
			note_object(hit, n->group, n->object);
	}
}

void
match_who(const struct ruleset *rs, const char *addr, const char *ip,
    struct group_hit *hit)
{
	struct who w = {rs, hit};
	struct span domain = address_domain(addr);

	match_key(rs, span_str(addr), WHO_EMAIL, hit);
	if (domain.n > 0)
		match_key(rs, domain, WHO_DOMAIN, hit);
	if (rs->pattern[PAT_ADDRESS].set != NULL)
		pattern_set_scan(rs->pattern[PAT_ADDRESS].set, span_str(addr),
		    on_address_pattern, &w);
	if (ip != NULL)
		match_networks(rs, ip, hit);
}

/* ---- when ---- */

/* The last minute belongs to the frame, as in the reference product. */
static bool
in_frame(const struct object *o, int minute)
{
	if (o->number == o->number2)
		return true;
	if (o->number < o->number2)
		return minute >= o->number && minute <= o->number2;
	return minute >= o->number || minute <= o->number2;
}

const struct object *
match_when(const struct object_group *g, int minute)
{
	for (size_t i = 0; i < g->nobject; i++)
		if (in_frame(&g->object[i], minute))
			return &g->object[i];
	return NULL;
}

/* ---- what ---- */

struct what {
	const struct ruleset *rs;
	const struct facts *f;
	struct group_hit *hit;
	struct arena *a;
	/* What is being looked at: */
	enum pattern_kind kind;
	const struct mime_part *part;
	struct span field_name;
};

/*
 * The top of a multipart is the whole mail, not a part of it that an action
 * could take out.
 */
static void
mark_part(struct what *w, struct group_hit *hit)
{
	size_t index = w->part->index;

	if (w->part->parent == NULL && w->part->child != NULL)
		return;
	if (hit->marks == NULL)
		hit->marks = arena_array(w->a, mark_words(w->f),
		    sizeof(*hit->marks));
	if (hit->marks != NULL)
		hit->marks[index / 64] |= (uint64_t)1 << index % 64;
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
	if (w->kind == PAT_FIELD && !span_ieqs(w->field_name,
	    w->rs->group[r->group].object[r->object].value))
		return;
	note_object(w->hit, r->group, r->object);
	/* A field of the mail's own header speaks of the whole mail. */
	if (w->kind != PAT_FIELD || w->part->parent != NULL)
		mark_part(w, &w->hit[r->group]);
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
match_type(struct what *w, enum pattern_kind kind, const char *type)
{
	const char *alias;

	if (type == NULL || *type == '\0')
		return;
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
	match_type(w, kind, buf_cstr(&declared));
	if (w->f->magic_type != NULL)
		match_type(w, kind, w->f->magic_type[p->index]);
	if (p->filename != NULL)
		match_type(w, kind, nametype_find(p->filename));
	for (size_t i = 0; i < p->nalt_name; i++)
		match_type(w, kind, nametype_find(p->alt_name[i]));
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

/* Encrypted mail is no archive. Without a type it is what calls itself so. */
static bool
is_mail(const struct inside *in)
{
	return (in->depth == 0 && *in->type == '\0') ||
	    strcmp(in->type, "application/pkcs7-mime") == 0 ||
	    strcmp(in->type, "application/pgp-encrypted") == 0;
}

static void
match_inside_types(struct what *w, enum pattern_kind kind,
    const struct inside *in)
{
	match_type(w, kind, in->type);
	match_type(w, kind, nametype_find(in->name));
	if (kind == PAT_ARCHIVE_TYPE && !is_mail(in) &&
	    (in->flags & (INSIDE_ENCRYPTED | INSIDE_UNREADABLE)))
		match_type(w, kind, UNREADABLE_TYPE);
}

static void
match_inside_flags(struct what *w, unsigned flags)
{
	const struct ruleset *rs = w->rs;

	for (size_t g = 0; flags != 0 && g < rs->ngroup; g++)
		for (size_t i = 0; rs->group[g].cat == CAT_WHAT &&
		    i < rs->group[g].nobject; i++) {
			enum object_type t = rs->group[g].object[i].type;

			if ((t != WHAT_ENCRYPTED ||
			        !(flags & INSIDE_ENCRYPTED)) &&
			    (t != WHAT_UNREADABLE ||
			        !(flags & INSIDE_UNREADABLE)) &&
			    (t != WHAT_MACROS || !(flags & INSIDE_MACROS)))
				continue;
			note_object(w->hit, (uint32_t)g, (uint32_t)i);
			mark_part(w, &w->hit[g]);
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

/* Objects that say something of the whole mail. */
static void
match_whole(struct what *w, enum object_type type, bool holds)
{
	const struct ruleset *rs = w->rs;

	for (size_t g = 0; holds && g < rs->ngroup; g++)
		for (size_t i = 0; rs->group[g].cat == CAT_WHAT &&
		    i < rs->group[g].nobject; i++)
			if (rs->group[g].object[i].type == type)
				note_object(w->hit, (uint32_t)g, (uint32_t)i);
}

void
match_what(const struct ruleset *rs, const struct facts *f,
    struct group_hit *hit, struct arena *a)
{
	struct what w = {.rs = rs, .f = f, .hit = hit, .a = a};

	match_whole(&w, WHAT_VIRUS, f->virus != NULL);
	match_whole(&w, WHAT_AMBIGUOUS, f->ambiguous);
	match_whole(&w, WHAT_LIMITS, f->limits);
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
}

/* A level that is not known matches nothing: nobody may lose a mail because
 * spamd was down. The user lists hold without it. */
const struct object *
match_spam(const struct object_group *g, const struct facts *f, size_t r)
{
	int list = f->user_list != NULL ? f->user_list[r] : 0;
	int level = f->spam_known ? f->spam_level : -1;

	if (list < 0)
		return NULL;
	if (list > 0)
		level = SPAM_LEVEL_BLOCKED;
	for (size_t i = 0; i < g->nobject; i++)
		if (g->object[i].type == WHAT_SPAM &&
		    level >= g->object[i].number)
			return &g->object[i];
	return NULL;
}
