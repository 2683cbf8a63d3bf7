#include "pmg_rules_fate.h"

#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

enum {
	TEXT_MAX = 1 << 20,	/* one action in words, its texts in full */
	TEXT_SHOWN = 100,
};

static const char *const ends[] = {[DISP_ACCEPT] = "deliver",
	[DISP_BLOCK] = "block", [DISP_QUARANTINE] = "quarantine"};

static bool
has_rcpt(const size_t *rcpt, size_t n, size_t wanted)
{
	for (size_t i = 0; i < n; i++)
		if (rcpt[i] == wanted)
			return true;
	return false;
}

static void
put_marks(struct buf *b, const struct facts *f, const uint64_t *marks)
{
	const char *sep = ": part ";

	for (size_t i = 0; marks != NULL && i < f->mime->npart; i++)
		if (marks[i / 64] >> i % 64 & 1) {
			buf_printf(b, "%s%zu", sep, i);
			sep = ", ";
		}
}

/* marks: only "remove matching" looks at them. */
static void
add_action(json_t *list, const struct facts *f, const struct object *o,
    const uint64_t *marks)
{
	AUTO_BUF struct buf b = {.max = TEXT_MAX};

	object_describe(&b, o);
	if (o->type == ACTION_REMOVE && !(o->flags & OBJ_REMOVE_ALL))
		put_marks(&b, f, marks);
	json_array_append_new(list, json_string(buf_cstr(&b)));
}

static const struct plan_group *
group_of(const struct plan *p, size_t rcpt)
{
	for (size_t i = 0; i < p->ngroup; i++)
		if (has_rcpt(p->group[i].rcpt, p->group[i].nrcpt, rcpt))
			return &p->group[i];
	return NULL;
}

json_t *
fate_of(const struct plan *p, const struct facts *f, size_t rcpt)
{
	const struct plan_group *g = group_of(p, rcpt);
	json_t *actions = json_array();

	for (size_t i = 0; g != NULL && i < g->nstep; i++)
		add_action(actions, f, g->step[i].action, g->step[i].marks);
	for (size_t i = 0; i < p->nnotice; i++)
		if (has_rcpt(p->notice[i].rcpt, p->notice[i].nrcpt, rcpt))
			add_action(actions, f, p->notice[i].action, NULL);
	return json_pack("{s:s, s:o, s:o}",
	    "end", ends[g != NULL ? g->disp : DISP_ACCEPT],
	    "rule", g != NULL && g->rule != NULL ? json_string(g->rule->name)
	                                         : json_null(),
	    "actions", actions);
}

bool
fate_same(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "end"),
	        json_object_get(b, "end")) &&
	    json_equal(json_object_get(a, "actions"),
	        json_object_get(b, "actions"));
}

void
fate_print(struct buf *out, const json_t *fate)
{
	const char *rule = json_string_value(json_object_get(fate, "rule"));
	const json_t *actions = json_object_get(fate, "actions");

	buf_puts(out, json_string_value(json_object_get(fate, "end")));
	if (rule != NULL) {
		buf_puts(out, " (rule ");
		log_safe(out, span_str(rule), TEXT_SHOWN);
		buf_putc(out, ')');
	}
	for (size_t i = 0; i < json_array_size(actions); i++) {
		buf_puts(out, i == 0 ? "; " : ", ");
		log_safe(out, span_str(json_string_value(
		    json_array_get(actions, i))), TEXT_SHOWN);
	}
}
