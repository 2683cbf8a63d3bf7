/*
 * The copies of a message, as its plan wants them. Copies that no rule changes
 * and that carry no field of ours to take out are the received bytes.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/mail/edit.h"
#include "lib/mail/edit_html.h"

enum {
	GROWTH = 8 * 1024 * 1024,	/* most that rules may add to a mail */
	/* Of a field that is set. Encoded it stays below Postfix's
	 * header_size_limit (102400), which would cut it anywhere. */
	FIELD_VALUE_MAX = 48 * 1024,
	REPLACEMENT_MAX = 64 * 1024,
	DISCLAIMER_MAX = 256 * 1024,
};

/* One copy in work. */
struct work {
	struct worker *w;
	struct message *m;
	struct copy *copy;
	struct edit *ed;
	bool *removed;		/* by part; NULL: none yet */
	unsigned nremoved;
	const struct rule *virus_rule;	/* was to remove a virus; NULL: none */
};

/* ---- attachments ---- */

/* For a remove-attachments object without a text of its own. */
static const char replacement[] =
    "The mail gateway removed an attachment from this message.\n\n"
    "Name: __FILENAME__\nRule: __RULE__\n\n";
static const char replacement_kept[] =
    "The original message is in the attachment quarantine.\n";
static const char replacement_ask[] =
    "If you need it, ask your administrator (__ADMIN__).\n";

static bool
is_marked(const struct plan_step *s, size_t part)
{
	return s->marks != NULL && part / 64 < s->nmark_words &&
	    (s->marks[part / 64] >> part % 64 & 1) != 0;
}

/* Inside a part that is removed already? Its bytes are gone with it. */
static bool
inside_removed(const struct mime_part *p, const bool *removed)
{
	for (p = p->parent; p != NULL; p = p->parent)
		if (removed[p->index])
			return true;
	return false;
}

/* What a client shows as the mail's text and not as a file. */
static bool
is_text(const struct mime_part *p)
{
	static const char *const shown[] = {"plain", "html", "enriched",
	    "richtext", "calendar"};

	if (strcmp(p->type, "text") != 0 || p->filename != NULL ||
	    strcmp(p->disposition, "attachment") == 0)
		return false;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcmp(p->subtype, shown[i]) == 0)
			return true;
	return false;
}

/* With "remove all": files, and attached mails as a whole; those of a digest
 * are its text. */
static bool
is_attachment(const struct mime_part *p)
{
	if (strcmp(p->type, "message") == 0 && p->child != NULL)
		return p->parent == NULL ||
		    strcmp(p->parent->subtype, "digest") != 0;
	return p->child == NULL && !is_text(p);
}

/* The name of a file within a text (uuencode, yEnc, BinHex, of a calendar) of
 * each part; NULL = none is in it. The whole array is NULL when no part has. */
static const char **
carried_names(struct message *m)
{
	AUTO_BUF struct buf bytes = {.max = 4 * m->raw.n + GROWTH};
	struct content_list list;
	const char **name;

	if (!facts_need_content(m->mime))
		return NULL;
	name = arena_array(&m->arena, m->mime->npart, sizeof(*name));
	list = content_of(m->mime, &bytes, &m->arena);
	for (size_t i = 0; name != NULL && i < list.n; i++) {
		const struct content *c = &list.item[i];

		if (c->how != CONTENT_PLAIN && c->how != CONTENT_OTHER &&
		    name[c->part] == NULL)
			name[c->part] = c->name != NULL ? c->name : "";
	}
	return name;
}

/* For people: the part's own name, else that of a file within it. */
static const char *
shown_name(const struct message *m, const struct mime_part *p,
    const char *carried)
{
	if (p->filename != NULL && *p->filename != '\0')
		return p->filename;
	if (carried != NULL)
		return carried;
	for (size_t i = 0; i < m->facts.ninside; i++)
		if (m->facts.inside[i].part == p->index &&
		    m->facts.inside[i].depth == 0 &&
		    *m->facts.inside[i].name != '\0')
			return m->facts.inside[i].name;
	return "";
}

static void
remove_part(struct work *k, const struct plan_step *s,
    const struct mime_part *p, const char *filename)
{
	const struct object *o = s->action;
	bool html = html_has_tags(span_str(o->value));
	AUTO_BUF struct buf source = {.max = REPLACEMENT_MAX};
	AUTO_BUF struct buf text = {.max = REPLACEMENT_MAX};
	struct macros mac;
	char name[64];

	buf_puts(&source, *o->value ? o->value : replacement);
	if (*o->value == '\0' && (o->flags & OBJ_QUARANTINE_COPY) != 0)
		buf_puts(&source, replacement_kept);
	if (*o->value == '\0')
		buf_puts(&source, replacement_ask);
	macros_of(k->w, k->m, s->rule, &mac);
	mac.filename = filename;
	if (html)
		macros_expand_html(&text, buf_cstr(&source), &mac);
	else
		macros_expand(&text, buf_cstr(&source), &mac);
	snprintf(name, sizeof(name), "REMOVED_ATTACHMENT_%u.%s",
	    ++k->nremoved, html ? "html" : "txt");
	edit_part_replace(k->ed, p, name, buf_cstr(&text), html);
	k->removed[p->index] = true;
	message_note(k->m, "removed %s (rule: %s)",
	    *filename != '\0' ? filename : "a part", s->rule->name);
}

/* Marks of the whole mail (spam, say) name no part: all go. So they do for a
 * virus, whatever parts were named for another reason: nobody knows which one
 * it is in. */
static void
edit_remove(struct work *k, const struct plan_step *s)
{
	const struct mime *mime = k->m->mime;
	bool virus = k->m->facts.virus != NULL &&
	    rule_looks_for(s->rule, WHAT_VIRUS);
	bool all = (s->action->flags & OBJ_REMOVE_ALL) != 0 ||
	    s->marks == NULL || virus;
	const char **carried = all ? carried_names(k->m) : NULL;
	unsigned before = k->nremoved;

	if (k->removed == NULL)
		k->removed = arena_array(&k->m->arena, mime->npart,
		    sizeof(*k->removed));
	for (size_t i = 0; k->removed != NULL && i < mime->npart; i++) {
		const struct mime_part *p = mime->part[i];
		const char *inner = carried != NULL ? carried[i] : NULL;

		if (k->removed[i] || inside_removed(p, k->removed))
			continue;
		if (all ? is_attachment(p) || inner != NULL : is_marked(s, i))
			remove_part(k, s, p, shown_name(k->m, p, inner));
	}
	if (virus && k->virus_rule == NULL)
		k->virus_rule = s->rule;
	if (k->nremoved > before && k->copy->kept_by == NULL &&
	    (s->action->flags & OBJ_QUARANTINE_COPY) != 0)
		k->copy->kept_by = s->rule;
}

/* ---- fields and disclaimers ---- */

static void
edit_field(struct work *k, const struct plan_step *s)
{
	AUTO_BUF struct buf value = {.max = 0};
	struct err e;

	macros_text(k->w, k->m, s->rule, s->action->value2, FIELD_VALUE_MAX,
	    &value);
	if (edit_header_set(k->ed, s->action->value, buf_cstr(&value), &e) != 0)
		log_warn("rule %s: %s", s->rule->name, e.text);
	else
		message_note(k->m, "set %s (rule: %s)", s->action->value,
		    s->rule->name);
}

static void
edit_add_disclaimer(struct work *k, const struct plan_step *s)
{
	const struct object *o = s->action;
	unsigned flags = (o->flags & OBJ_AT_START ? EDIT_AT_START : 0) |
	    (o->flags & OBJ_SEPARATOR ? EDIT_SEPARATOR : 0) |
	    (o->flags & OBJ_SIGNED_TOO ? EDIT_SIGNED_TOO : 0);
	AUTO_BUF struct buf html = {.max = DISCLAIMER_MAX};
	struct macros mac;

	macros_of(k->w, k->m, s->rule, &mac);
	macros_expand_html(&html, o->value, &mac);
	message_note(k->m, edit_disclaimer(k->ed, buf_cstr(&html), flags) > 0
	    ? "added disclaimer (rule: %s)"
	    : "no disclaimer added: no text, signed or encrypted, or of an "
	      "unknown charset (rule: %s)", s->rule->name);
}

static void
edit_step(struct work *k, const struct plan_step *s)
{
	switch (s->action->type) {
	case ACTION_FIELD:
		edit_field(k, s);
		break;
	case ACTION_REMOVE:
		edit_remove(k, s);
		break;
	case ACTION_DISCLAIMER:
		edit_add_disclaimer(k, s);
		break;
	default:
		break;
	}
}

/* ---- copies ---- */

/*
 * Fields that only this gateway may set go first: those that a modify-field
 * action of this direction sets, and all of X-PMG-*.
 */
static void
strip_fields(struct message *m, struct edit *ed)
{
	for (size_t i = 0; i < m->plan->nstrip; i++)
		edit_header_remove(ed, m->plan->strip[i]);
	edit_header_remove_prefix(ed, "X-PMG-");
}

/*
 * The reference product's marks: a virus found in incoming mail, and (with
 * mail.accept-broken-mime) that mail programs read the mail differently. What a
 * sender writes there says nothing.
 */
static int
mark_copy(struct message *m, struct edit *ed, struct err *e)
{
	static const char vinfo[] = "X-Proxmox-VInfo";
	static const char broken[] = "X-Proxmox-Broken-Message";
	int rc = 0;

	edit_header_remove(ed, vinfo);
	edit_header_remove(ed, broken);
	if (*m->unchecked != '\0')
		rc = edit_header_add(ed, "X-PMG-Unchecked", m->unchecked, e);
	if (rc == 0 && m->facts.virus != NULL && m->env.dir == DIR_IN)
		rc = edit_header_add(ed, vinfo, m->facts.virus, e);
	if (rc == 0 && m->broken)
		rc = edit_header_add(ed, broken,
		    mime_ambiguity(m->content_defects), e);
	return rc;
}

static int
copy_write(struct worker *w, struct message *m, struct copy *c,
    const struct edit *ed, struct err *e)
{
	AUTO_BUF struct buf b = {.max = 2 * m->raw.n + GROWTH};

	edit_write(ed, &b);
	if (!b.overflow && b.n <= SPOOL_MEMORY_MAX) {
		c->edited = b;
		b = (struct buf){.max = 0};
		c->bytes = buf_span(&c->edited);
		return 0;
	}
	if (b.overflow) {
		/* The same at each try: to be parked, not tried for days. */
		parent_strike(&w->link);
		return err_set(e, "rules make the message larger than %zu "
		    "bytes", b.max);
	}
	if (spool_open(&c->file, w->paths->active, e) != 0 ||
	    spool_write(&c->file, buf_span(&b), e) != 0)
		return -1;
	return spool_map(&c->file, &c->bytes, e);
}

/* Does anybody get its copy? Of a blocked one a BCC may. */
static bool
is_sent(const struct plan *p, size_t group)
{
	if (p->group[group].disp != DISP_BLOCK)
		return true;
	for (size_t i = 0; i < p->nnotice; i++)
		if (p->notice[i].group == group &&
		    p->notice[i].action->type == ACTION_BCC &&
		    (p->notice[i].action->flags & OBJ_ORIGINAL) == 0)
			return true;
	return false;
}

/*
 * A rule was to take a virus out by removing attachments, and there was none
 * to remove: the virus is in the text, say. Such a copy does not go out.
 */
static void
hold_virus(struct work *k, struct plan_group *g)
{
	if (k->virus_rule == NULL || k->nremoved > 0 ||
	    g->disp != DISP_ACCEPT)
		return;
	g->disp = DISP_QUARANTINE;
	g->rule = k->virus_rule;
	message_note(k->m, "no attachment to remove, quarantined with its "
	    "virus (rule: %s)", g->rule->name);
}

static int
prepare_copy(struct work *k, struct plan_group *g, bool sent, struct err *e)
{
	struct message *m = k->m;

	strip_fields(m, k->ed);
	if (m->env.dir == DIR_OUT &&
	    config_bool(k->w->config, "mail", "hide_received"))
		edit_header_remove(k->ed, "Received");
	if (mark_copy(m, k->ed, e) != 0)
		return -1;
	for (size_t i = 0; i < g->nstep; i++)
		edit_step(k, &g->step[i]);
	hold_virus(k, g);
	if (!sent || edit_empty(k->ed))
		return 0;
	return copy_write(k->w, m, k->copy, k->ed, e);
}

int
prepare_copies(struct worker *w, struct message *m, struct err *e)
{
	m->copy = arena_array(&m->arena, m->plan->ngroup, sizeof(*m->copy));
	if (m->copy == NULL)
		return err_set(e, "too many copies for the memory of one mail");
	for (size_t i = 0; i < m->plan->ngroup; i++)
		m->copy[i].file = SPOOL_FILE_NONE;
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct work k = {.w = w, .m = m, .copy = &m->copy[i],
		    .ed = edit_new(m->mime, m->env.smtputf8, &m->arena)};

		k.copy->group = &m->plan->group[i];
		k.copy->bytes = m->raw;
		if (k.ed == NULL)
			return err_set(e, "no memory to edit this mail");
		if (prepare_copy(&k, &m->plan->group[i], is_sent(m->plan, i),
		        e) != 0)
			return -1;
	}
	return 0;
}

int
prepare_original(struct worker *w, struct message *m, struct spool_file *f,
    struct err *e)
{
	struct edit *ed = edit_new(m->mime, m->env.smtputf8, &m->arena);
	AUTO_BUF struct buf value = {.max = 2 * FIELD_VALUE_MAX};
	AUTO_BUF struct buf b = {.max = m->raw.n + GROWTH};
	const char *id = m->message_id;

	*f = SPOOL_FILE_NONE;
	if (ed == NULL)
		return err_set(e, "no memory to keep the original");
	if (*id == '\0')
		buf_printf(&value, "<pmg-aquar-%s@%s>", m->logid, w->host);
	else
		buf_printf(&value, "%spmg-aquar-%s", *id == '<' ? "<" : "",
		    *id == '<' ? id + 1 : id);
	if (edit_header_set(ed, "Message-ID", buf_cstr(&value), e) != 0)
		return -1;
	edit_write(ed, &b);
	if (b.overflow)
		return err_set(e, "no memory to keep the original");
	if (spool_open(f, w->paths->active, e) != 0)
		return -1;
	return spool_write(f, buf_span(&b), e);
}
