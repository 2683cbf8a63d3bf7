#include "pmg_rules_test.h"

#include <stdio.h>
#include <time.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "rules_print.h"

enum {
	MESSAGE_MAX = 1 << 30,
	ARENA_MAX = 1 << 28,
	TEXT_SHOWN = 200,	/* bytes of one hostile text */
	LINE_MAX_BYTES = 1 << 16,
	INDENT = 12,
};

static void
print_safe(const char *s)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_SHOWN};

	log_safe(&b, span_str(s), TEXT_SHOWN);
	fputs(buf_cstr(&b), stdout);
}

static void
put_safe(struct buf *b, const char *s)
{
	log_safe(b, span_str(s), TEXT_SHOWN);
}

static void
set_time(struct facts *f, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	localtime_r(&t, &tm);
	f->time = at;
	f->minute_of_day = tm.tm_hour * 60 + tm.tm_min;
	f->weekday = (tm.tm_wday + 6) % 7;	/* 0 = Monday */
}

/* As the filter does. False: the arena is exhausted. */
static bool
content_facts(struct facts *f, struct arena *a)
{
	AUTO_BUF struct buf bytes = {.max = MESSAGE_MAX};
	struct content_list list;

	if (!facts_need_content(f->mime))
		return facts_from_content(f, NULL, buf_span(&bytes), a);
	list = content_of(f->mime, &bytes, a);
	return facts_from_content(f, &list, buf_span(&bytes), a);
}

static void
print_message(const struct rules_test *t, const struct facts *f,
    struct arena *a)
{
	static const char *const days[] = {"Monday", "Tuesday", "Wednesday",
		"Thursday", "Friday", "Saturday", "Sunday"};
	const struct mime_field *subject =
	    mime_field_find(f->mime->part[0], "Subject");

	printf("Message  %s, %zu bytes, %zu part%s\n", t->file,
	    f->mime->msg.n, f->mime->npart, f->mime->npart == 1 ? "" : "s");
	if (subject != NULL) {
		fputs("Subject  ", stdout);
		print_safe(mime_field_text(subject, a));
		putchar('\n');
	}
	printf("Sender   <%s>, %s, at %02d:%02d", t->sender,
	    f->env->dir == DIR_IN ? "incoming" : "outgoing",
	    f->minute_of_day / 60, f->minute_of_day % 60);
	/* The day where it was asked for: else the output would not be the
	 * same tomorrow. */
	printf("%s%s\n", t->at_day ? " on " : "", t->at_day ?
	    days[f->weekday] : "");
}

/* An object of that type in some group that some rule may use. */
static bool
uses_object(const struct ruleset *rs, enum object_type type)
{
	const struct object_group *g;
	size_t n = ruleset_groups(rs, &g);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < g[i].nobject; k++)
			if (g[i].object[k].type == type)
				return true;
	return false;
}

static void
print_assumed(const struct ruleset *rs, const struct rules_test *t,
    const struct facts *f)
{
	unsigned needs = ruleset_needs(rs, f->env->dir);

	if ((needs & NEED_SPAM) && t->spam_level == RULES_TEST_UNSET)
		puts("assumed: spam level 0 (--spam-level N)");
	if ((needs & NEED_VIRUS) && t->virus == NULL)
		puts("assumed: no virus found (--virus NAME)");
	if ((needs & NEED_LIMITS) && !f->limits &&
	    facts_need_content(f->mime))
		puts("assumed: the virus scanner reaches no limit (--limits)");
	if ((needs & NEED_ARCHIVE) && facts_need_content(f->mime))
		puts("assumed: no archive holds anything that a rule names, "
		    "nothing is encrypted,\n         unreadable or has "
		    "macros (nothing is unpacked here)");
	if (t->client == NULL)
		puts("assumed: the client is in no IP network that a rule "
		    "names (--client IP)");
	if (t->spf == SPF_UNKNOWN && uses_object(rs, WHAT_SPF))
		puts("assumed: no result of SPF is known (--spf RESULT)");
	if (t->directory == NULL && (uses_object(rs, WHO_LDAP_GROUP) ||
	    uses_object(rs, WHO_LDAP_USER)))
		puts("assumed: nobody is in an LDAP profile (no data yet: pmg "
		    "ldap sync)");
	if ((needs & NEED_SPAM) && t->lists == NULL)
		puts("assumed: the sender is on no user list (lists.active "
		    "cannot be read)");
}

/* Whose list decides about the spam objects, for whom. */
static void
print_lists(const struct userlist_match *m, const struct envelope *env)
{
	for (size_t i = 0; m != NULL && i < env->nrcpt; i++) {
		AUTO_BUF struct buf b = {.max = LINE_MAX_BYTES};

		if (m[i].verdict == 0)
			continue;
		buf_puts(&b, "List     for <");
		put_safe(&b, env->rcpt[i].addr);
		buf_printf(&b, "> the sender is %s by the list of ",
		    m[i].verdict < 0 ? "allowed" : "blocked");
		put_safe(&b, *m[i].owner != '\0' ? m[i].owner : "all");
		buf_puts(&b, ": ");
		put_safe(&b, m[i].entry);
		print_wrapped(&b, INDENT);
	}
}

static void
print_reason(const struct plan_match *m, enum category cat)
{
	static const char *const title[CAT_COUNT] = {"From", "To", "When",
		"What"};
	AUTO_BUF struct buf b = {.max = LINE_MAX_BYTES};

	if (m->group[cat] == NULL)
		return;
	buf_printf(&b, "      %-6s", title[cat]);
	match_describe(&b, m, cat);
	print_wrapped(&b, INDENT);
}

static void
print_matches(const struct plan *p, const struct envelope *env)
{
	puts("\nRules that match, in this order:");
	for (size_t i = 0; i < p->nmatch; i++) {
		const struct plan_match *m = &p->match[i];

		printf(" %3d  ", m->rule->priority);
		print_safe(m->rule->name);
		putchar('\n');
		for (int cat = CAT_FROM; cat <= CAT_WHAT; cat++)
			print_reason(m, (enum category)cat);
		if (m->group[CAT_FROM] == NULL && m->group[CAT_TO] == NULL &&
		    m->group[CAT_WHEN] == NULL && m->group[CAT_WHAT] == NULL)
			puts("      any mail");
		if (m->nrcpt < env->nrcpt)
			printf("      for %zu of %zu recipients\n", m->nrcpt,
			    env->nrcpt);
	}
	if (p->nmatch == 0)
		puts("      none");
}

static void
print_part(const struct mime_part *p, const char *magic)
{
	AUTO_BUF struct buf b = {.max = LINE_MAX_BYTES};

	buf_printf(&b, "            part %zu: ", p->index);
	put_safe(&b, p->type);
	buf_putc(&b, '/');
	put_safe(&b, p->subtype);
	if (magic != NULL)
		buf_printf(&b, ", by content %s", magic);
	if (p->filename != NULL) {
		buf_puts(&b, ", \"");
		put_safe(&b, p->filename);
		buf_putc(&b, '"');
	}
	print_wrapped(&b, INDENT + 2);
}

static void
put_rule(struct buf *b, const struct rule *r)
{
	buf_printf(b, " (rule %d ", r->priority);
	put_safe(b, r->name);
	buf_putc(b, ')');
}

static void
print_action(const char *before, const struct object *action,
    const struct rule *r)
{
	AUTO_BUF struct buf b = {.max = LINE_MAX_BYTES};

	buf_puts(&b, before);
	object_describe(&b, action);
	put_rule(&b, r);
	print_wrapped(&b, (int)strlen(before));
}

static void
print_step(const struct facts *f, const struct plan_step *s)
{
	print_action("      - ", s->action, s->rule);
	if (s->action->type != ACTION_REMOVE ||
	    (s->action->flags & OBJ_REMOVE_ALL))
		return;
	if (s->marks == NULL)
		puts("            no part is named: all attachments are removed");
	for (size_t i = 0; s->marks != NULL && i < f->mime->npart; i++)
		if (s->marks[i / 64] >> i % 64 & 1)
			print_part(f->mime->part[i], f->magic_type[i]);
}

static void
print_recipients(const struct envelope *env, const size_t *rcpt, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fputs(i == 0 ? "  <" : ">\n  <", stdout);
		print_safe(env->rcpt[rcpt[i]].addr);
	}
	puts(">");
}

static void
print_groups(const struct facts *f, const struct plan *p)
{
	static const char *const end[] = {"is delivered", "is thrown away",
		"goes into the quarantine"};

	puts("\nWhat happens to the mail for:");
	for (size_t g = 0; g < p->ngroup; g++) {
		const struct plan_group *pg = &p->group[g];
		AUTO_BUF struct buf b = {.max = LINE_MAX_BYTES};

		print_recipients(f->env, pg->rcpt, pg->nrcpt);
		for (size_t i = 0; i < pg->nstep; i++)
			print_step(f, &pg->step[i]);
		buf_printf(&b, "      = it %s", end[pg->disp]);
		if (pg->rule != NULL)
			put_rule(&b, pg->rule);
		else
			buf_puts(&b, ": no rule ended it");
		print_wrapped(&b, 8);
	}
}

static void
print_notices(const struct plan *p, const struct envelope *env)
{
	if (p->nnotice > 0)
		puts("\nSent beside it:");
	for (size_t i = 0; i < p->nnotice; i++) {
		print_action("  - ", p->notice[i].action, p->notice[i].rule);
		if (p->notice[i].nrcpt < env->nrcpt)
			printf("    about %zu of %zu recipients\n",
			    p->notice[i].nrcpt, env->nrcpt);
	}
	if (p->nstrip > 0)
		puts("\nRemoved from the header first, because rules set it:");
	for (size_t i = 0; i < p->nstrip; i++)
		printf("  %s\n", p->strip[i]);
}

static int
evaluate(const struct ruleset *rs, const struct rules_test *t,
    struct span msg, struct arena *a, struct err *e)
{
	struct envelope env = {.dir = (enum direction)t->dir,
		.sender = t->sender, .rcpt = t->rcpt, .nrcpt = t->nrcpt,
		.client_addr = t->client != NULL ? t->client : ""};
	struct facts f = {.env = &env, .virus = t->virus, .spam_known = true,
		.spam_level = t->spam_level > 0 ? t->spam_level : 0,
		.size = msg.n, .spf = t->spf, .directory = t->directory};
	const struct userlist_match *listed = NULL;
	struct plan *p;

	set_time(&f, t->at != RULES_TEST_UNSET ? t->at : time(NULL));
	f.mime = mime_parse(msg, &mime_limits_default, a);
	p = NULL;
	if (content_facts(&f, a)) {
		f.limits = f.limits || t->limits;
		if (ruleset_needs(rs, env.dir) & NEED_SPAM)
			listed = userlist_apply(t->lists, &f, a);
		p = rules_evaluate(rs, &f, a);
	}
	if (p == NULL)
		return err_set(e, "%s: needs more memory than the filter has "
		    "for a message", t->file);
	print_message(t, &f, a);
	print_assumed(rs, t, &f);
	print_lists(listed, &env);
	print_matches(p, &env);
	print_groups(&f, p);
	print_notices(p, &env);
	return 0;
}

int
rules_test_run(const struct ruleset *rs, const struct rules_test *t,
    struct err *e)
{
	AUTO_BUF struct buf b = {.max = MESSAGE_MAX};
	struct arena a;
	int rc;

	if (file_read(t->file, &b, e) != 0)
		return -1;
	arena_init(&a, ARENA_MAX);
	rc = evaluate(rs, t, buf_span(&b), &a, e);
	arena_free(&a);
	return rc;
}
