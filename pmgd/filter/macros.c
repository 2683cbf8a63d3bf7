/*
 * The values of macros. Those of the message are made once, those of a rule
 * once per rule, however many copies and notifications use them: the address
 * lists of a mail to a thousand people are long.
 */
#include "filter/filter.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/mail/utf8.h"

enum {
	STARS_MAX = 100,
	LIST_MAX = 64 * 1024,	/* addresses, hits, rules of one value */
	TEXT_MAX = 4 * 1024 * 1024,
};

/* Of one rule. */
struct macro_rule {
	struct macro_rule *next;
	const struct rule *rule;
	const char *targets;
};

static const char *
arena_text(struct arena *a, const struct buf *b)
{
	const char *s = arena_strndup(a, buf_span(b));

	return s ? s : "";
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
	AUTO_BUF struct buf b = {.max = LIST_MAX};

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
		buf_printf(&b, "%s%s", lines ? "\n" : b.n > 0 ? "," : "",
		    m->scan.heuristics);
	return arena_text(a, &b);
}

/* ---- whom a rule took ---- */

static bool
group_has(const struct plan_group *g, const struct rule *r)
{
	for (size_t i = 0; i < g->nstep; i++)
		if (g->step[i].rule == r)
			return true;
	return g->rule == r;
}

/* taken: by recipient, cleared. */
static void
rule_takes(const struct plan *p, const struct rule *r, bool *taken)
{
	for (size_t i = 0; i < p->ngroup; i++)
		for (size_t k = 0; group_has(&p->group[i], r) &&
		    k < p->group[i].nrcpt; k++)
			taken[p->group[i].rcpt[k]] = true;
	for (size_t i = 0; i < p->nnotice; i++)
		for (size_t k = 0; p->notice[i].rule == r &&
		    k < p->notice[i].nrcpt; k++)
			taken[p->notice[i].rcpt[k]] = true;
}

/* The addresses that r took, each behind `before`; NULL: all. */
static void
put_addresses(struct buf *out, const struct message *m, const struct rule *r,
    const char *before, const char *between)
{
	AUTO_FREE bool *taken = calloc(m->env.nrcpt + 1, sizeof(*taken));
	const char *sep = "";

	if (taken == NULL)
		return;
	if (r != NULL)
		rule_takes(m->plan, r, taken);
	for (size_t i = 0; i < m->env.nrcpt; i++) {
		if (r != NULL && !taken[i])
			continue;
		buf_printf(out, "%s%s%s", sep, before, m->env.rcpt[i].addr);
		sep = between;
	}
}

static const char *
addresses(struct message *m, const struct rule *r)
{
	AUTO_BUF struct buf b = {.max = LIST_MAX};

	put_addresses(&b, m, r, "", ", ");
	return arena_text(&m->arena, &b);
}

static void
put_actions(struct buf *out, const struct rule *r)
{
	for (size_t g = 0; g < r->ngroup[CAT_ACTION]; g++) {
		const struct object_group *og = r->group[CAT_ACTION][g];

		for (size_t i = 0; i < og->nobject; i++) {
			buf_puts(out, "\n  Action: ");
			object_describe(out, &og->object[i]);
		}
	}
}

/* All rules that matched, as the reference product lists them. */
static const char *
rule_info(struct message *m)
{
	AUTO_BUF struct buf b = {.max = LIST_MAX};

	for (size_t i = 0; i < m->plan->nmatch; i++) {
		const struct rule *r = m->plan->match[i].rule;

		buf_printf(&b, "%sRule: %s\n", i > 0 ? "\n" : "", r->name);
		put_addresses(&b, m, r, "  Receiver: ", "\n");
		put_actions(&b, r);
	}
	return arena_text(&m->arena, &b);
}

/* ---- values ---- */

static struct macros *
message_macros(const struct worker *w, struct message *m)
{
	struct macros *v = arena_alloc(&m->arena, sizeof(*v));
	const char *dot = strchr(w->host, '.');
	char stars[STARS_MAX + 1];
	int n = m->spam_level < STARS_MAX ? m->spam_level : STARS_MAX;

	if (v == NULL)
		return NULL;
	memset(stars, '*', (size_t)n);
	stars[n] = '\0';
	*v = (struct macros){
	    .subject = m->subject,
	    .rule_info = rule_info(m),
	    .sender = m->env.sender,
	    .sender_ip = m->env.client_addr,
	    .receivers = addresses(m, NULL),
	    .spam_level = number_text(&m->arena, m->spam_level),
	    .spam_stars = arena_strdup(&m->arena, stars),
	    .spam_hits = spam_hits(m, false, &m->arena),
	    .spam_info = spam_hits(m, true, &m->arena),
	    .virus_info = m->scanned && m->scan.result == SCAN_VIRUS
	        ? m->scan.name : "",
	    .admin = config_str(w->config, "admin", "email"),
	    .host = arena_strndup(&m->arena, span_of(w->host,
	        dot ? (size_t)(dot - w->host) : strlen(w->host))),
	    .domain = dot ? dot + 1 : "",
	    .fqdn = w->host,
	    .msgid = m->message_id,
	    .version = PMG_VERSION,
	};
	if (*v->admin == '\0')
		v->admin = "postmaster";
	return v;
}

static const char *
targets(struct message *m, const struct rule *r)
{
	struct macro_rule *mr;

	for (mr = m->macro_rules; mr != NULL; mr = mr->next)
		if (mr->rule == r)
			return mr->targets;
	mr = arena_alloc(&m->arena, sizeof(*mr));
	if (mr == NULL)
		return "";
	*mr = (struct macro_rule){m->macro_rules, r, addresses(m, r)};
	m->macro_rules = mr;
	return mr->targets;
}

void
macros_of(const struct worker *w, struct message *m, const struct rule *r,
    struct macros *out)
{
	if (m->macros == NULL)
		m->macros = message_macros(w, m);
	*out = m->macros != NULL ? *m->macros : (struct macros){.rule = NULL};
	out->rule = r->name;
	out->targets = targets(m, r);
}

void
macros_text(const struct worker *w, struct message *m, const struct rule *r,
    const char *text, size_t max, struct buf *out)
{
	struct macros mac;
	size_t n;

	macros_of(w, m, r, &mac);
	out->max = TEXT_MAX;
	macros_expand(out, text, &mac);
	if (out->n <= max)
		return;
	/* Not within a character. */
	for (n = max; n > 0 && (out->p[n] & 0xc0) == 0x80; n--)
		;
	out->n = n;
}
