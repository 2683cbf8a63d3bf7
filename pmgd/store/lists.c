/*
 * User lists: what tools ask about them, and lists.active for the workers. The
 * file is written before an edit is answered, so that the next mail knows of
 * it; but when edits come in quick succession, only so often that writing it
 * takes a small part of our time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/proto/lists.h"
#include "lib/store/listdb.h"
#include "store/store.h"

enum {
	REQUEST_ARENA = 16 * IPC_MAX,
	IMPORT_ARENA = 1024 * 1024 * 1024,
	PAGE_BYTES = 96 * 1024,
	ERRORS_MAX = 16 * 1024,
	PUBLISH_PART = 10,	/* of the time at most one part of so many */
	RETRY_MS = 5000,	/* after a file that could not be written */
};

struct lists {
	struct store *s;
	struct listdb *db;
	sd_event_source *timer;
	int64_t next_ms;	/* not written again before */
	bool waiting;		/* the timer is set */
	uint64_t version;
	char error[512];
};

struct query {
	struct lists *l;
	int sock;
	struct lists_request q;
	struct listdb_query rows;	/* SHOW, EXPORT */
	struct lists_reply r;
	struct arena a;
	struct buf text;	/* of r */
	struct buf file;	/* EXPORT, IMPORT */
	struct userlist_row *row, *pick;	/* IMPORT: of the file; some */
	size_t n;
	int fd;			/* goes with the reply, -1 = none */
	size_t page_bytes;
};

/* ---- the file for the workers ---- */

static void
publish(struct lists *l)
{
	int64_t began = clock_mono_ms(), now;
	struct err e = {""};
	bool changed;

	l->waiting = false;
	l->error[0] = '\0';
	if (listdb_version(l->db, &l->version, &e) == 0 &&
	    listdb_publish(l->db, l->s->paths.lists, &changed, &e) == 0) {
		now = clock_mono_ms();
		l->next_ms = now + PUBLISH_PART * (now - began);
		if (changed)
			log_info("lists: version %llu published in %lld ms",
			    (unsigned long long)l->version,
			    (long long)(now - began));
		return;
	}
	str_copy(l->error, sizeof(l->error), e.text);
	log_error("lists: %s; the published ones stay", e.text);
	l->next_ms = clock_mono_ms() + RETRY_MS;
}

static void timer_set(struct lists *l, int64_t in_ms);

static int
on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct lists *l = arg;

	(void)source;
	(void)usec;
	publish(l);
	if (l->error[0] != '\0')
		timer_set(l, RETRY_MS);
	return 0;
}

static void
timer_set(struct lists *l, int64_t in_ms)
{
	uint64_t at = (uint64_t)(clock_mono_ms() + in_ms) * 1000;

	if (l->waiting)
		return;
	l->waiting = true;
	l->timer = sd_event_source_unref(l->timer);
	if (sd_event_add_time(l->s->loop, &l->timer, CLOCK_MONOTONIC, at, 1000,
	        on_timer, l) < 0)
		fatal("event loop: cannot set a timer");
}

/* After a change; how long until the workers can see it. */
static int64_t
publish_soon(struct lists *l)
{
	int64_t left = l->next_ms - clock_mono_ms();

	if (left <= 0 && !l->waiting) {
		publish(l);
		left = l->error[0] != '\0' ? RETRY_MS : 0;
	}
	if (left > 0)
		timer_set(l, left);
	return left > 0 ? left : l->waiting ? 1 : 0;
}

void
lists_reload(struct lists *l)
{
	publish(l);
}

/* ---- replies ---- */

static bool
reply(struct query *k)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	struct err e;

	k->r.text = buf_cstr(&k->text);
	if (k->r.after_owner == NULL)
		k->r.after_owner = k->r.after_entry = "";
	lists_reply_put(&b, &k->r);
	if (!b.overflow && ipc_send(k->sock, STORE_MSG_LISTS_REPLY,
	        buf_span(&b), &k->fd, k->fd >= 0, 0, &e) == 0)
		return true;
	log_warn("tool: reply of %zu bytes cannot be sent", b.n);
	return false;
}

static bool
refuse(struct query *k, enum lists_code code, const char *why)
{
	k->r = (struct lists_reply){.code = (uint8_t)code};
	buf_reset(&k->text);
	buf_puts(&k->text, why);
	return reply(k);
}

/* ---- reading ---- */

static bool
page_row(const struct userlist_row *r, void *arg)
{
	struct query *k = arg;
	struct userlist_row *to = &k->r.row[k->r.nrow];

	if (k->r.nrow == LISTS_PAGE || k->page_bytes > PAGE_BYTES) {
		k->r.more = 1;
		return false;
	}
	*to = (struct userlist_row){.owner = arena_strdup(&k->a, r->owner),
	    .kind = r->kind, .entry = arena_strdup(&k->a, r->entry),
	    .comment = arena_strdup(&k->a, r->comment),
	    .actor = arena_strdup(&k->a, r->actor), .time_us = r->time_us};
	k->r.after_owner = to->owner;
	k->r.after_entry = to->entry;
	k->r.nrow++;
	k->page_bytes += strlen(r->owner) + strlen(r->entry) +
	    strlen(r->comment) + strlen(r->actor);
	return !arena_full(&k->a);
}

static bool
answer_show(struct query *k)
{
	struct err e;

	k->r.row = arena_array(&k->a, LISTS_PAGE, sizeof(*k->r.row));
	if (listdb_each(k->l->db, &k->rows, page_row, k, &e) != 0)
		return refuse(k, LISTS_FAILED, e.text);
	if (arena_full(&k->a))
		return refuse(k, LISTS_FAILED, "page too large");
	return reply(k);
}

static bool
export_row(const struct userlist_row *r, void *arg)
{
	struct buf *file = arg;

	userlist_csv_row(file, r);
	return !file->overflow;
}

static bool
answer_export(struct query *k)
{
	struct err e;

	buf_init(&k->file, USERLIST_FILE_MAX);
	userlist_csv_header(&k->file);
	if (listdb_each(k->l->db, &k->rows, export_row, &k->file, &e) != 0)
		return refuse(k, LISTS_FAILED, e.text);
	if (k->file.overflow)
		return refuse(k, LISTS_FAILED, "the lists are too long for "
		    "one file");
	k->fd = memfile_of("lists", buf_span(&k->file), &e);
	if (k->fd < 0)
		return refuse(k, LISTS_FAILED, e.text);
	return reply(k);
}

/* ---- changes ---- */

static void
describe(struct query *k, const char *what, const char *actor)
{
	const struct lists_reply *r = &k->r;

	buf_printf(&k->text, "%u added, %u moved from the other list, "
	    "%u removed, %u there already", r->added, r->moved, r->removed,
	    r->same);
	log_info("lists: %s by %s: %s", what, actor, buf_cstr(&k->text));
}

/* Commits what fn has done, or tells why it could not be. */
static bool
edit(struct query *k, const char *what, int (*fn)(struct query *, struct err *))
{
	AUTO_BUF struct buf actor = {.max = 512};
	struct listdb *db = k->l->db;
	struct listdb_count n;
	struct err e = {""};

	admin_actor(k->sock, k->q.actor, &actor);
	if (listdb_begin(db, buf_cstr(&actor), &e) != 0)
		return refuse(k, LISTS_FAILED, e.text);
	if (fn(k, &e) != 0) {
		listdb_abort(db);
		return refuse(k, LISTS_REFUSED, e.text);
	}
	if (listdb_commit(db, &n, &e) != 0)
		return refuse(k, LISTS_REFUSED, e.text);
	k->r.added = n.added;
	k->r.moved = n.moved;
	k->r.removed = n.removed;
	k->r.same = n.same;
	describe(k, what, buf_cstr(&actor));
	k->r.wait_ms = (uint32_t)publish_soon(k->l);
	if (k->l->error[0] != '\0')
		buf_printf(&k->text, "; but the filter does not know yet: %s",
		    k->l->error);
	return reply(k);
}

static int
do_add(struct query *k, struct err *e)
{
	for (uint32_t i = 0; i < k->q.nrow; i++)
		if (listdb_add(k->l->db, &k->q.row[i], e) != 0)
			return -1;
	return 0;
}

static int
do_remove(struct query *k, struct err *e)
{
	for (uint32_t i = 0; i < k->q.nrow; i++) {
		const struct userlist_row *r = &k->q.row[i];
		bool was;

		if (listdb_remove(k->l->db, r, &was, e) != 0)
			return -1;
		if (!was)
			return err_set(e, "%.200s is not on the %s list of "
			    "%.200s; nothing was removed", r->entry,
			    userlist_kind_name(r->kind),
			    *r->owner != '\0' ? r->owner : "all");
	}
	return 0;
}

static int
compare_entries(const void *va, const void *vb)
{
	const struct userlist_row *a = va, *b = vb;

	return strcmp(a->entry, b->entry);
}

static int
do_replace(struct query *k, struct err *e)
{
	if (k->q.nrow > 0)
		qsort(k->q.row, k->q.nrow, sizeof(*k->q.row), compare_entries);
	return listdb_replace(k->l->db, k->q.owner,
	    (enum userlist_kind)k->q.kind, k->q.row, k->q.nrow, e);
}

/* ---- import ---- */

/* row[from..to): of one owner. */
static int
replace_owner(struct query *k, size_t from, size_t to, struct err *e)
{
	const struct userlist_row *row = k->row;

	for (int kind = 0; kind < USERLIST_KINDS; kind++) {
		size_t n = 0;

		for (size_t i = from; i < to; i++)
			if ((int)row[i].kind == kind)
				k->pick[n++] = row[i];
		if (n > 0 && listdb_replace(k->l->db, row[from].owner,
		        (enum userlist_kind)kind, k->pick, n, e) != 0)
			return -1;
	}
	return 0;
}

static int
do_import(struct query *k, struct err *e)
{
	size_t from = 0;

	for (size_t i = 0; !k->q.replace && i < k->n; i++)
		if (listdb_add(k->l->db, &k->row[i], e) != 0)
			return -1;
	for (size_t i = 1; k->q.replace && i <= k->n; i++) {
		if (i < k->n &&
		    strcmp(k->row[i].owner, k->row[from].owner) == 0)
			continue;
		if (replace_owner(k, from, i, e) != 0)
			return -1;
		from = i;
	}
	return 0;
}

static bool
answer_import(struct query *k, int fd)
{
	AUTO_BUF struct buf errors = {.max = ERRORS_MAX};
	struct arena a;
	struct err e;
	bool ok;

	buf_init(&k->file, LISTS_FILE_MAX);
	if (memfile_read(fd, true, &k->file, &e) != 0)
		return refuse(k, LISTS_REFUSED, e.text);
	arena_init(&a, IMPORT_ARENA);
	if (userlist_csv_read(buf_span(&k->file), &k->row, &k->n, &errors,
	        &a) != 0)
		ok = refuse(k, LISTS_REFUSED, buf_cstr(&errors));
	else if ((k->pick = arena_array(&a, k->n, sizeof(*k->pick))) == NULL)
		ok = refuse(k, LISTS_FAILED, "the file is too large");
	else
		ok = edit(k, "import", do_import);
	arena_free(&a);
	return ok;
}

/* ---- requests ---- */

static const char *
form(struct query *k, const char *text, int (*put)(struct buf *, struct span,
    struct err *), struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	const char *s;

	if (put(&b, span_str(text), e) != 0)
		return NULL;
	s = arena_strndup(&k->a, buf_span(&b));
	if (s == NULL)
		err_set(e, "too much at once");
	return s;
}

/* Into the stored form. */
static int
normalise(struct query *k, struct err *e)
{
	k->q.owner = form(k, k->q.owner, userlist_owner, e);
	if (k->q.owner == NULL)
		return -1;
	for (uint32_t i = 0; i < k->q.nrow; i++) {
		struct userlist_row *r = &k->q.row[i];

		r->owner = k->q.owner;
		r->kind = (enum userlist_kind)k->q.kind;
		r->entry = form(k, r->entry, userlist_entry, e);
		if (r->entry == NULL ||
		    userlist_comment(span_str(r->comment), e) != 0)
			return -1;
	}
	k->rows = (struct listdb_query){.one_owner = !k->q.every_owner,
	    .owner = k->q.owner, .one_kind = k->q.kind != LISTS_BOTH,
	    .kind = k->q.kind == USERLIST_BLOCK ? USERLIST_BLOCK
	                                        : USERLIST_ALLOW,
	    .after_owner = k->q.after_owner, .after_entry = k->q.after_entry};
	return 0;
}

static bool
answer(struct query *k, int fd)
{
	struct err e = {""};

	if (normalise(k, &e) != 0)
		return refuse(k, LISTS_REFUSED, e.text);
	switch (k->q.verb) {
	case LISTS_SHOW:
		return answer_show(k);
	case LISTS_EXPORT:
		return answer_export(k);
	case LISTS_ADD:
		return edit(k, "addition", do_add);
	case LISTS_REMOVE:
		return edit(k, "removal", do_remove);
	case LISTS_REPLACE:
		return edit(k, "replacement", do_replace);
	default:
		return answer_import(k, fd);
	}
}

bool
lists_answer(struct lists *l, int sock, const struct ipc_msg *m)
{
	struct query k = {.l = l, .sock = sock, .fd = -1};
	bool ok = false;

	arena_init(&k.a, REQUEST_ARENA);
	buf_init(&k.text, 20 * 1024);
	buf_init(&k.file, 0);
	if (l != NULL && lists_request_get(m->body, &k.q, &k.a) == 0 &&
	    m->nfd == (k.q.verb == LISTS_IMPORT))
		ok = answer(&k, m->fd[0]);
	if (k.fd >= 0)
		close(k.fd);
	buf_free(&k.file);
	buf_free(&k.text);
	arena_free(&k.a);
	return ok;
}

/* ---- life ---- */

struct lists *
lists_new(struct store *s)
{
	struct lists *l = xcalloc(1, sizeof(*l));
	struct err e;

	l->s = s;
	l->db = listdb_open(ruledb_db(s->rules), &e);
	if (l->db == NULL)
		fatal("%s", e.text);
	publish(l);
	return l;
}

uint64_t
lists_version(const struct lists *l)
{
	return l != NULL ? l->version : 0;
}

const char *
lists_error(const struct lists *l)
{
	return l != NULL ? l->error : "";
}

void
lists_free(struct lists *l)
{
	if (l == NULL)
		return;
	if (l->waiting)
		publish(l);
	sd_event_source_unref(l->timer);
	listdb_close(l->db);
	free(l);
}
