/*
 * Requests about user lists. Edits take their turn, one at a time, in order;
 * those of many rows in slices. An edit is answered when the workers' file has
 * it, too, or when that must wait. A tool that hangs up before its edit holds
 * takes it with it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "store/lists_internal.h"

enum {
	REQUEST_ARENA = 16 * IPC_MAX,
	TEXT_MAX = 20 * 1024,
};

/* ---- jobs ---- */

static int on_tick(sd_event_source *source, void *arg);

static struct lists_job *
job_new(struct lists *l)
{
	struct lists_job *j = xcalloc(1, sizeof(*j)), **end = &l->job;

	j->l = l;
	j->sock = j->file = j->found = -1;
	arena_init(&j->a, REQUEST_ARENA);
	buf_init(&j->text, TEXT_MAX);
	buf_init(&j->csv, USERLIST_FILE_MAX);
	if (sd_event_add_defer(l->s->loop, &j->tick, on_tick, j) < 0)
		fatal("event loop: cannot add a request");
	sd_event_source_set_enabled(j->tick, SD_EVENT_OFF);
	while (*end != NULL)
		end = &(*end)->next;
	*end = j;
	l->njob++;
	return j;
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
job_free(struct lists_job *j)
{
	struct lists *l = j->l;
	struct lists_job **p = &l->job;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	l->njob--;
	if (l->editing == j)
		l->editing = NULL;
	child_stop(j->child);
	sd_event_source_unref(j->tick);
	sd_event_source_unref(j->hangup);
	close_if(j->sock);
	close_if(j->file);
	close_if(j->found);
	listdb_bulk_end(&j->bulk);
	lists_rows_free(&j->rows);
	buf_free(&j->csv);
	buf_free(&j->text);
	arena_free(&j->a);
	free(j);
}

/* Its next slice, when others had their turn. */
void
lists_job_tick(struct lists_job *j)
{
	sd_event_source_set_enabled(j->tick, SD_EVENT_ONESHOT);
}

/* Ends the job. */
void
lists_job_reply(struct lists_job *j, int fd)
{
	struct lists *l = j->l;
	struct buf b = {.max = IPC_MAX};
	struct err e = {"too long"};

	j->r.text = buf_cstr(&j->text);
	if (j->r.after_owner == NULL)
		j->r.after_owner = j->r.after_entry = "";
	lists_reply_put(&b, &j->r);
	if (b.overflow || ipc_send(j->sock, STORE_MSG_LISTS_REPLY,
	        buf_span(&b), &fd, fd >= 0, 0, &e) != 0)
		log_warn("lists: the answer to %s cannot be sent: %s",
		    j->actor, e.text);
	buf_free(&b);
	job_free(j);
	lists_kick(l);
}

void
lists_job_refuse(struct lists_job *j, enum lists_code code, const char *why)
{
	j->r = (struct lists_reply){.code = (uint8_t)code};
	buf_reset(&j->text);
	buf_puts(&j->text, why);
	lists_job_reply(j, -1);
}

/* ---- turns ---- */

static bool
is_edit(const struct lists_job *j)
{
	return j->q.verb != LISTS_SHOW && j->q.verb != LISTS_EXPORT;
}

static int
on_tick(sd_event_source *source, void *arg)
{
	struct lists_job *j = arg;

	(void)source;
	if (!is_edit(j))
		lists_read_some(j);
	else
		lists_edit_some(j);
	return 0;
}

static struct lists_job *
edit_waiting(const struct lists *l)
{
	struct lists_job *j = l->job;

	while (j != NULL && (!is_edit(j) || j->version != 0))
		j = j->next;
	return j;
}

void
lists_kick(struct lists *l)
{
	struct lists_job *j;

	if (l->editing != NULL)
		return;
	if (listdb_staged(l->db)) {
		sd_event_source_set_enabled(l->cleaner, SD_EVENT_ONESHOT);
		return;
	}
	j = edit_waiting(l);
	if (j != NULL)
		lists_edit_begin(j);
}

static int
on_clean(sd_event_source *source, void *arg)
{
	struct lists *l = arg;
	struct lists_job *j;
	struct err e;
	int rc = listdb_clean(l->db, LISTS_SLICE_MS, &e);

	if (rc < 0) {
		/* Edits wait; the next one, or the next start, tries again. */
		log_error("lists: what is left of an edit: %s", e.text);
		while ((j = edit_waiting(l)) != NULL)
			lists_job_refuse(j, LISTS_FAILED, e.text);
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	} else if (rc == 1) {
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	} else {
		log_info("lists: an edit that came to nothing is removed");
		lists_kick(l);
	}
	return 0;
}

void
lists_published(struct lists *l)
{
	struct lists_job *j = l->job;

	/* An answer may begin other edits: from the beginning again. */
	while (j != NULL)
		j = j->version != 0 && lists_edit_tell(j) ? l->job : j->next;
}

/* ---- requests ---- */

static const char *
form(struct lists_job *j, const char *text,
    int (*put)(struct buf *, struct span, struct err *), struct err *e)
{
	AUTO_BUF struct buf b = {.max = IPC_MAX};
	const char *s;

	if (put(&b, span_str(text), e) != 0)
		return NULL;
	s = arena_strndup(&j->a, buf_span(&b));
	if (s == NULL)
		err_set(e, "too much at once");
	return s;
}

/* Into the stored form. */
static int
normalise(struct lists_job *j, struct err *e)
{
	j->q.owner = form(j, j->q.owner, userlist_owner, e);
	if (j->q.owner == NULL)
		return -1;
	for (uint32_t i = 0; i < j->q.nrow; i++) {
		struct userlist_row *r = &j->q.row[i];

		r->owner = j->q.owner;
		r->kind = (enum userlist_kind)j->q.kind;
		r->entry = form(j, r->entry, userlist_entry, e);
		if (r->entry == NULL ||
		    userlist_comment(span_str(r->comment), e) != 0)
			return -1;
	}
	j->rows_of = (struct listdb_query){.one_owner = !j->q.every_owner,
	    .owner = j->q.owner, .one_kind = j->q.kind != LISTS_BOTH,
	    .kind = j->q.kind == USERLIST_BLOCK ? USERLIST_BLOCK
	                                        : USERLIST_ALLOW};
	str_copy(j->place.owner, sizeof(j->place.owner), j->q.after_owner);
	str_copy(j->place.entry, sizeof(j->place.entry), j->q.after_entry);
	return 0;
}

/* The tool is gone. */
static int
on_hangup(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct lists_job *j = arg;
	struct lists *l = j->l;

	(void)source;
	(void)fd;
	(void)events;
	if (is_edit(j) && j->version == 0)
		log_info("lists: %s by %s withdrawn", lists_edit_name(j), j->actor);
	job_free(j);
	lists_kick(l);
	return 0;
}

/* False: not what a tool sends. */
static bool
job_take(struct lists_job *j, int sock, struct ipc_msg *m)
{
	AUTO_BUF struct buf actor = {.max = sizeof(j->actor)};

	j->sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (j->sock < 0 || lists_request_get(m->body, &j->q, &j->a) != 0 ||
	    m->nfd != (j->q.verb == LISTS_IMPORT))
		return false;
	if (m->nfd == 1) {
		j->file = m->fd[0];
		m->fd[0] = -1;
	}
	admin_actor(sock, j->q.actor, &actor);
	str_copy(j->actor, sizeof(j->actor), buf_cstr(&actor));
	return true;
}

bool
lists_answer(struct lists *l, int sock, struct ipc_msg *m)
{
	struct lists_job *j;
	struct err e = {""};

	if (l == NULL)
		return false;
	j = job_new(l);
	if (!job_take(j, sock, m)) {
		job_free(j);
		return false;
	}
	if (l->njob > LISTS_JOBS_MAX) {
		lists_job_refuse(j, LISTS_FAILED, "too many requests wait");
		return true;
	}
	if (normalise(j, &e) != 0) {
		lists_job_refuse(j, LISTS_REFUSED, e.text);
		return true;
	}
	/* No events asked for: only the end of the connection is told. */
	if (sd_event_add_io(l->s->loop, &j->hangup, j->sock, 0, on_hangup,
	        j) < 0)
		fatal("event loop: cannot watch a connection");
	if (is_edit(j))
		lists_kick(l);
	else
		lists_read_begin(j);
	return true;
}

/* ---- life ---- */

static bool
active_loads(const char *path)
{
	AUTO_BUF struct buf b = {.max = USERLIST_FILE_MAX};
	struct userlist *u = NULL;
	struct err e;

	if (access(path, F_OK) == 0 && file_read(path, &b, &e) == 0)
		u = userlist_load(buf_span(&b), &e);
	userlist_free(u);
	return u != NULL;
}

struct lists *
lists_new(struct store *s)
{
	struct lists *l = xcalloc(1, sizeof(*l));
	struct err e;
	bool loads;

	l->s = s;
	l->db = listdb_open(ruledb_db(s->rules), &e);
	if (l->db == NULL || listdb_version(l->db, &l->version, &e) != 0)
		fatal("%s", e.text);
	if (sd_event_add_defer(s->loop, &l->cleaner, on_clean, l) < 0)
		fatal("event loop: cannot add the lists");
	sd_event_source_set_enabled(l->cleaner, SD_EVENT_OFF);
	l->pub = publisher_new(l);
	publisher_kick(l->pub, false);
	lists_kick(l);
	/* Workers would go without: nobody waits for commits yet. */
	loads = active_loads(s->paths.lists);
	while (!loads && publisher_wait(l->pub, l->version) < 0 &&
	    sd_event_run(s->loop, UINT64_MAX) >= 0)
		;
	return l;
}

void
lists_reload(struct lists *l)
{
	publisher_kick(l->pub, true);
}

uint64_t
lists_version(const struct lists *l)
{
	return l != NULL ? l->version : 0;
}

const char *
lists_error(const struct lists *l)
{
	return l != NULL ? publisher_error(l->pub) : "";
}

void
lists_free(struct lists *l)
{
	if (l == NULL)
		return;
	while (l->job != NULL)
		job_free(l->job);
	publisher_free(l->pub);
	sd_event_source_unref(l->cleaner);
	listdb_close(l->db);
	free(l);
}
