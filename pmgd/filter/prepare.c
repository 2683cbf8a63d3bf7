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

enum {
	GROWTH = 8 * 1024 * 1024,	/* most that rules may add to a mail */
	STARS_MAX = 100,
};

/* ---- macros ---- */

static const char *
arena_text(struct arena *a, struct buf *b)
{
	const char *s = arena_strndup(a, buf_span(b));

	buf_free(b);
	return s ? s : "";
}

static const char *
address_list(const struct message *m, const size_t *rcpt, size_t n,
    struct arena *a)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (size_t i = 0; i < n; i++) {
		size_t at = rcpt ? rcpt[i] : i;

		buf_printf(&b, "%s%s", i ? ", " : "", m->env.rcpt[at].addr);
	}
	return arena_text(a, &b);
}

static const char *
number_text(struct arena *a, long long n)
{
	char text[32];
	const char *s;

	snprintf(text, sizeof(text), "%lld", n);
	s = arena_strdup(a, text);
	return s ? s : "";
}

/* "RULE(1.2),OTHER(0.1)" or the multi-line report of __SPAM_INFO__. */
static const char *
spam_hits(const struct message *m, bool lines, struct arena *a)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	if (lines)
		buf_printf(&b, "Spam detection results:  %d", m->spam_level);
	for (size_t i = 0; i < m->score.nhit; i++) {
		const struct spam_hit *h = &m->score.hit[i];

		if (lines)
			buf_printf(&b, "\n%-24s %6.3f", h->name,
			    (double)h->score_milli / 1000);
		else
			buf_printf(&b, "%s%s(%.4g)", i ? "," : "", h->name,
			    (double)h->score_milli / 1000);
	}
	if (m->scanned && m->scan.result == SCAN_HEURISTIC)
		buf_printf(&b, lines ? "\n%s" : ",%s", m->scan.heuristics);
	return arena_text(a, &b);
}

void
prepare_macros(const struct worker *w, const struct message *m,
    const struct rule *r, const size_t *rcpt, size_t nrcpt,
    struct macros *out, struct arena *a)
{
	const char *dot = strchr(w->host, '.');
	char stars[STARS_MAX + 1];
	int n = m->spam_level < STARS_MAX ? m->spam_level : STARS_MAX;

	memset(stars, '*', (size_t)n);
	stars[n] = '\0';
	*out = (struct macros){
	    .subject = m->subject,
	    .rule = r ? r->name : "default-accept",
	    .rule_info = r ? r->name : "",
	    .sender = m->env.sender,
	    .sender_ip = m->env.client_addr,
	    .targets = address_list(m, rcpt, nrcpt, a),
	    .receivers = address_list(m, NULL, m->env.nrcpt, a),
	    .spam_level = number_text(a, m->spam_level),
	    .spam_stars = arena_strdup(a, stars),
	    .spam_hits = spam_hits(m, false, a),
	    .spam_info = spam_hits(m, true, a),
	    .virus_info = m->scanned && m->scan.result == SCAN_VIRUS
	        ? m->scan.name : "",
	    .admin = config_str(w->config, "admin", "email"),
	    .host = arena_strndup(a, span_of(w->host,
	        dot ? (size_t)(dot - w->host) : strlen(w->host))),
	    .domain = dot ? dot + 1 : "",
	    .fqdn = w->host,
	    .msgid = m->message_id,
	    .version = PMG_VERSION,
	};
	if (*out->admin == '\0')
		out->admin = "postmaster";
}

/* ---- edits ---- */

/* For a remove-attachments object without a text of its own. */
static const char replacement[] =
    "The mail gateway removed an attachment from this message.\n\n"
    "Name: __FILENAME__\nRule: __RULE__\n\n"
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

/* With "remove all": everything that a client shows as an attachment. */
static bool
is_attachment(const struct mime_part *p)
{
	if (p->child != NULL || p->parent == NULL)
		return false;
	return p->filename != NULL || strcmp(p->type, "text") != 0 ||
	    strcmp(p->disposition, "attachment") == 0;
}

static void
edit_remove(struct worker *w, struct message *m, struct edit *ed,
    const struct plan_step *s, const struct plan_group *g)
{
	bool *removed = arena_array(&m->arena, m->mime->npart, sizeof(bool));
	bool all = (s->action->flags & OBJ_REMOVE_ALL) != 0;
	struct macros mac;
	unsigned n = 0;

	if (removed == NULL)
		return;
	prepare_macros(w, m, s->rule, g->rcpt, g->nrcpt, &mac, &m->arena);
	for (size_t i = 0; i < m->mime->npart; i++) {
		const struct mime_part *p = m->mime->part[i];
		AUTO_BUF struct buf text = {.max = 64 * 1024};
		char name[64];

		if ((all ? !is_attachment(p) : !is_marked(s, i)) ||
		    inside_removed(p, removed))
			continue;
		removed[i] = true;
		mac.filename = p->filename ? p->filename : "";
		macros_expand(&text, *s->action->value ? s->action->value
		                                       : replacement, &mac);
		snprintf(name, sizeof(name), "REMOVED_ATTACHMENT_%u.txt", ++n);
		edit_part_replace(ed, p, name, buf_cstr(&text), false);
		message_note(m, "removed %s (rule: %s)",
		    p->filename ? p->filename : "a part", s->rule->name);
	}
}

static void
edit_field(struct worker *w, struct message *m, struct edit *ed,
    const struct plan_step *s, const struct plan_group *g)
{
	AUTO_BUF struct buf value = {.max = 64 * 1024};
	struct macros mac;
	struct err e;

	prepare_macros(w, m, s->rule, g->rcpt, g->nrcpt, &mac, &m->arena);
	macros_expand(&value, s->action->value2, &mac);
	if (edit_header_set(ed, s->action->value, buf_cstr(&value), &e) != 0)
		log_warn("rule %s: %s", s->rule->name, e.text);
	else
		message_note(m, "set %s (rule: %s)", s->action->value,
		    s->rule->name);
}

static unsigned
disclaimer_flags(const struct object *o)
{
	return (o->flags & OBJ_AT_START ? EDIT_AT_START : 0) |
	    (o->flags & OBJ_SEPARATOR ? EDIT_SEPARATOR : 0) |
	    (o->flags & OBJ_SIGNED_TOO ? EDIT_SIGNED_TOO : 0);
}

static void
edit_step(struct worker *w, struct message *m, struct edit *ed,
    const struct plan_step *s, const struct plan_group *g)
{
	switch (s->action->type) {
	case ACTION_FIELD:
		edit_field(w, m, ed, s, g);
		break;
	case ACTION_REMOVE:
		edit_remove(w, m, ed, s, g);
		break;
	case ACTION_DISCLAIMER:
		if (edit_disclaimer(ed, s->action->value,
		        disclaimer_flags(s->action)) > 0)
			message_note(m, "added disclaimer (rule: %s)",
			    s->rule->name);
		break;
	default:
		break;
	}
}

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

int
prepare_copies(struct worker *w, struct message *m, struct err *e)
{
	m->copy = arena_array(&m->arena, m->plan->ngroup, sizeof(*m->copy));
	if (m->copy == NULL)
		return err_set(e, "too many copies for the memory of one mail");
	for (size_t i = 0; i < m->plan->ngroup; i++)
		m->copy[i].file = SPOOL_FILE_NONE;
	for (size_t i = 0; i < m->plan->ngroup; i++) {
		struct copy *c = &m->copy[i];
		struct edit *ed = edit_new(m->mime, m->env.smtputf8,
		    &m->arena);

		c->group = &m->plan->group[i];
		c->bytes = m->raw;
		if (ed == NULL)
			return err_set(e, "no memory to edit this mail");
		strip_fields(m, ed);
		if (m->env.dir == DIR_OUT &&
		    config_bool(w->config, "mail", "hide_received"))
			edit_header_remove(ed, "Received");
		if (*m->unchecked != '\0' &&
		    edit_header_add(ed, "X-PMG-Unchecked", m->unchecked, e) != 0)
			return -1;
		for (size_t k = 0; k < c->group->nstep; k++)
			edit_step(w, m, ed, &c->group->step[k], c->group);
		if (c->group->disp != DISP_BLOCK && !edit_empty(ed) &&
		    copy_write(w, m, c, ed, e) != 0)
			return -1;
	}
	return 0;
}
