/*
 * The child: parses, edits, compiles, within limits. It opens no database and
 * answers nobody; what it finds goes into memory files and a fresh file beside
 * rules.active, and one struct child_result tells the parent. It ends by
 * _exit(), so nothing is freed on the way.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules_edit.h"
#include "store/rules_internal.h"

struct worker {
	const struct rules_work *w;
	int out;
};

static void __attribute__((noreturn))
finish(const struct worker *c, enum rules_code code, const char *text)
{
	child_finish(c->out, (int)code, code == RULES_OK &&
	    c->w->fresh != NULL && access(c->w->fresh, F_OK) == 0, text);
}

/* A hang on request, for the fault tests. */
static void
hook_hang(const struct rules_work *w)
{
#ifdef PMG_TEST_HOOKS
	if (w->q != NULL &&
	    strcmp(w->q->comment, "X-PMG-Test: compile-hang") == 0)
		for (;;)
			pause();
#else
	(void)w;
#endif
}

/* ---- sets of rules ---- */

static void
load(const struct worker *c, const struct rule_rows *rows, struct rules_doc *d)
{
	struct err e;

	rules_doc_init(d);
	if (rule_rows_to_doc(rows, d, &e) != 0)
		finish(c, RULES_FAILED, e.text);
}

static void
load_draft(const struct worker *c, struct rules_doc *d)
{
	struct rule_rows rows = {NULL, 0, 0};

	rule_rows_copy(&rows, c->w->draft_base);
	rule_rows_apply(&rows, c->w->draft_changes);
	load(c, &rows, d);
}

static void
load_target(const struct worker *c, const struct rules_target *t,
    const struct rule_rows *version, struct rules_doc *d)
{
	if (t->where == RULES_DRAFT)
		load_draft(c, d);
	else
		load(c, t->where == RULES_LIVE ? c->w->live : version, d);
}

static uint64_t
version_of(const struct rules_work *w, const struct rules_target *t)
{
	return t->where == RULES_VERSION ? t->version
	    : t->where == RULES_DRAFT ? w->draft_version : w->version;
}

/* ---- results ---- */

static void
give_json(const struct worker *c, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	if (text == NULL || write_all(c->w->reply_fd, text, strlen(text)) != 0)
		finish(c, RULES_FAILED, "the reply cannot be written");
}

/* The changes from before to after; how many. */
static size_t
give_changes(const struct worker *c, const struct rules_doc *before,
    const struct rules_doc *after)
{
	struct rule_rows rows = {NULL, 0, 0};
	struct buf b = {.max = SIZE_MAX / 2};

	rule_rows_between(before, after, &rows);
	rule_rows_put(&b, &rows);
	if (write_all(c->w->changes_fd, b.p, b.n) != 0)
		finish(c, RULES_FAILED, "the changes cannot be written");
	return rows.n;
}

static void
give_done(const struct worker *c, size_t changed, json_t *ids)
{
	json_t *j = json_object();

	json_object_set_new(j, "changed", json_integer((json_int_t)changed));
	if (ids != NULL)
		json_object_set_new(j, "ids", ids);
	give_json(c, j);
}

/* What cannot be used is the fault of who asked. */
static struct ruleset_builder *
build(const struct worker *c, const struct rules_doc *d)
{
	struct ruleset_builder *b = ruleset_builder_new();
	struct err e;

	if (rules_doc_build(d, b, &e) != 0)
		finish(c, RULES_REFUSED, e.text);
	return b;
}

static void
compile(const struct worker *c, const struct rules_doc *d, uint64_t version,
    struct buf *snapshot)
{
	struct ruleset_builder *b = build(c, d);
	struct err e;

	buf_init(snapshot, RULESET_BYTES_MAX);
	hook_hang(c->w);
	/* What a worker cannot load must not replace what it can. */
	if (ruleset_compile(b, version, snapshot, &e) != 0 ||
	    ruleset_load(buf_span(snapshot), &e) == NULL)
		finish(c, RULES_REFUSED, e.text);
}

/* On the disk when this returns. Its name is nobody's but ours. */
static void
write_fresh(const struct worker *c, struct span snapshot)
{
	int fd = open(c->w->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	struct err e;

	if (fd >= 0 && write_all(fd, snapshot.p, snapshot.n) == 0 &&
	    fchmod(fd, 0644) == 0 && fsync(fd) == 0 && close(fd) == 0)
		return;
	err_errno(&e, "%s", c->w->fresh);
	finish(c, RULES_FAILED, e.text);
}

static void
give_active(const struct worker *c, const struct rules_doc *d, uint64_t version)
{
	struct buf snapshot;

	compile(c, d, version, &snapshot);
	write_fresh(c, buf_span(&snapshot));
}

/* ---- the verbs ---- */

static void __attribute__((noreturn))
do_start(const struct worker *c)
{
	struct buf fresh, old = {.max = RULESET_BYTES_MAX};
	struct rules_doc d;

	load(c, c->w->live, &d);
	compile(c, &d, c->w->version, &fresh);
	if (access(c->w->active, F_OK) == 0 &&
	    file_read(c->w->active, &old, NULL) == 0 &&
	    span_eq(buf_span(&old), buf_span(&fresh)))
		finish(c, RULES_OK, "");
	write_fresh(c, buf_span(&fresh));
	finish(c, RULES_OK, "");
}

static void
do_get(const struct worker *c)
{
	const struct rules_target *t = &c->w->q->target;
	struct rules_doc d;
	json_t *j;

	load_target(c, t, &c->w->target, &d);
	j = rules_doc_write(&d);
	json_object_set_new(j, "version",
	    json_integer((json_int_t)version_of(c->w, t)));
	give_json(c, j);
}

static json_t *
parse(const struct worker *c)
{
	json_error_t je;
	json_t *j = json_loadb((const char *)c->w->text.p, c->w->text.n,
	    JSON_REJECT_DUPLICATES, &je);
	struct err e;

	if (j != NULL)
		return j;
	err_set(&e, "line %d, column %d: %s", je.line, je.column, je.text);
	finish(c, RULES_REFUSED, e.text);
}

/*
 * A set that somebody made out of target: into the draft, or compiled as the
 * next version. ids: for the reply, or NULL.
 */
static void
give_set(const struct worker *c, const struct rules_doc *before,
    const struct rules_doc *after, json_t *ids)
{
	struct rules_doc base;
	size_t n;

	if (!rules_into_draft(c->w->q)) {
		n = give_changes(c, before, after);
		if (n > 0)
			give_active(c, after, c->w->version + 1);
	} else {
		build(c, after);
		load(c, c->w->draft_base, &base);
		n = give_changes(c, &base, after);
	}
	give_done(c, n, ids);
}

static void
do_edit(const struct worker *c)
{
	struct rules_doc before, after;
	json_t *ids;
	struct err e;

	load_target(c, &c->w->q->target, NULL, &before);
	memcpy(before.next, c->w->next, sizeof(before.next));
	rules_doc_init(&after);
	rules_doc_copy(&after, &before);
	if (rules_edit(&after, parse(c), &ids, &e) != 0)
		finish(c, RULES_REFUSED, e.text);
	give_set(c, &before, &after, ids);
}

static void
do_import(const struct worker *c)
{
	struct rules_doc before, after;
	struct err e;

	load_target(c, &c->w->q->target, NULL, &before);
	rules_doc_init(&after);
	memcpy(after.next, c->w->next, sizeof(after.next));
	if (rules_doc_read(&after, parse(c), &e) != 0)
		finish(c, RULES_REFUSED, e.text);
	give_set(c, &before, &after, NULL);
}

static void
do_reset(const struct worker *c)
{
	struct rules_doc before, after;
	struct err e;

	load_target(c, &c->w->q->target, NULL, &before);
	rules_doc_init(&after);
	memcpy(after.next, c->w->next, sizeof(after.next));
	if (rules_doc_shipped(&after, &before, &e) != 0)
		finish(c, RULES_FAILED, e.text);
	give_set(c, &before, &after, NULL);
}

static void
do_rollback(const struct worker *c)
{
	struct rules_doc before, after;
	size_t n;

	load(c, c->w->live, &before);
	load(c, &c->w->target, &after);
	n = give_changes(c, &before, &after);
	if (n > 0)
		give_active(c, &after, c->w->version + 1);
	give_done(c, n, NULL);
}

static void
do_publish(const struct worker *c)
{
	struct rules_doc before, after;
	size_t n;

	load(c, c->w->live, &before);
	load_draft(c, &after);
	n = give_changes(c, &before, &after);
	if (n == 0)
		finish(c, RULES_REFUSED, "the draft changes nothing");
	give_active(c, &after, c->w->version + 1);
	give_done(c, n, NULL);
}

/* ---- rebase ---- */

struct rebase {
	const struct rules_doc *draft, *live;
	struct rules_doc after;
	struct buf both;		/* names of what both changed */
};

static bool
same_item(const struct rules_item *a, const struct rules_item *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->group == b->group && a->position == b->position &&
	    json_equal(a->content, b->content);
}

/* A change of the draft; before is what it began with. */
static void
rebase_change(void *arg, enum rules_kind kind, const struct rules_item *before,
    const struct rules_item *after)
{
	struct rebase *r = arg;
	/* One of the two there is; "after" is asked for below. */
	const struct rules_item *any = before != NULL ? before : after;
	/* cppcheck-suppress nullPointerRedundantCheck */
	uint32_t id = any->id;
	const struct rules_item *live = rules_doc_find(r->live, kind, id);
	struct rules_item it;

	if (same_item(live, after))
		return;
	if (!same_item(live, before)) {
		buf_printf(&r->both, "%s%s %u", r->both.n > 0 ? ", " : "",
		    rules_kind_name[kind], id);
		if (kind != RULES_OBJECT)
			buf_printf(&r->both, " \"%.60s\"",
			    rules_item_name(any));
	} else if (after == NULL) {
		rules_doc_remove(&r->after, kind, id);
	} else {
		it = *after;
		json_incref(it.content);
		rules_doc_put(&r->after, kind, it);
	}
}

static void
do_rebase(const struct worker *c)
{
	struct rules_doc base, draft, live;
	struct rebase r = {.draft = &draft, .live = &live, .both = {.max = 400}};
	struct err e;

	load(c, c->w->draft_base, &base);
	load_draft(c, &draft);
	load(c, c->w->live, &live);
	rules_doc_init(&r.after);
	rules_doc_copy(&r.after, &live);
	rules_doc_compare(&base, &draft, rebase_change, &r);
	if (r.both.n > 0) {
		err_set(&e, "changed in the draft and in version %llu: %s%s",
		    (unsigned long long)c->w->version, buf_cstr(&r.both),
		    r.both.overflow ? " ..." : "");
		finish(c, RULES_REFUSED, e.text);
	}
	build(c, &r.after);
	give_done(c, give_changes(c, &live, &r.after), NULL);
}

/* ---- diff ---- */

struct diff {
	const struct rules_doc *before, *after;
	json_t *list;
};

static void
diff_change(void *arg, enum rules_kind kind, const struct rules_item *before,
    const struct rules_item *after)
{
	struct diff *d = arg;
	const struct rules_item *it = after != NULL ? after : before, *g;
	const struct rules_doc *in = after != NULL ? d->after : d->before;
	json_t *j = json_object();

	json_object_set_new(j, "kind", json_string(rules_kind_name[kind]));
	json_object_set_new(j, "id", json_integer(it->id));
	json_object_set_new(j, "change", json_string(before == NULL ? "added"
	    : after == NULL ? "deleted"
	    : json_equal(before->content, after->content) ? "moved"
	    : "changed"));
	if (kind == RULES_OBJECT) {
		g = rules_doc_find(in, RULES_GROUP, it->group);
		json_object_set_new(j, "group", json_integer(it->group));
		if (g != NULL)
			json_object_set_new(j, "group_name",
			    json_string(rules_item_name(g)));
	}
	if (before != NULL)
		json_object_set(j, "before", before->content);
	if (after != NULL)
		json_object_set(j, "after", after->content);
	json_array_append_new(d->list, j);
}

static void
do_diff(const struct worker *c)
{
	struct rules_doc before, after;
	struct diff d = {&before, &after, json_array()};
	json_t *j = json_object();

	load_target(c, &c->w->q->target, &c->w->target, &before);
	load_target(c, &c->w->q->other, &c->w->other, &after);
	rules_doc_compare(&before, &after, diff_change, &d);
	json_object_set_new(j, "changes", d.list);
	give_json(c, j);
}

static void
do_snapshot(const struct worker *c)
{
	const struct rules_target *t = &c->w->q->target;
	struct buf snapshot;
	struct rules_doc d;

	load_target(c, t, &c->w->target, &d);
	compile(c, &d, version_of(c->w, t), &snapshot);
	if (write_all(c->w->snapshot_fd, snapshot.p, snapshot.n) != 0)
		finish(c, RULES_FAILED, "the compiled rules cannot be written");
}

void
rules_work_run(void *job, int out)
{
	static void (*const verbs[RULES_VERB_END])(const struct worker *) = {
		[RULES_GET] = do_get, [RULES_EDIT] = do_edit,
		[RULES_IMPORT] = do_import, [RULES_DRAFT_REBASE] = do_rebase,
		[RULES_PUBLISH] = do_publish, [RULES_DIFF] = do_diff,
		[RULES_ROLLBACK] = do_rollback, [RULES_RESET] = do_reset,
		[RULES_SNAPSHOT] = do_snapshot};
	const struct rules_work *w = &((struct rules_job *)job)->work;
	const struct worker c = {w, out};

	if (w->q == NULL)
		do_start(&c);
	verbs[w->q->verb](&c);
	finish(&c, RULES_OK, "");
}
