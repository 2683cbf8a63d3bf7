/* Pages for tools, and the whole as a file: in slices, of one version. */
#include <string.h>
#include <unistd.h>
#include "lib/base/memfile.h"
#include "store/lists_internal.h"

enum { PAGE_BYTES = 96 * 1024 };

static bool
page_row(const struct userlist_row *r, void *arg)
{
	struct lists_job *j = arg;
	struct userlist_row *to = &j->r.row[j->r.nrow];

	if (j->r.nrow == LISTS_PAGE || j->page_bytes > PAGE_BYTES) {
		j->r.more = 1;
		return false;
	}
	*to = (struct userlist_row){.owner = arena_strdup(&j->a, r->owner),
	    .kind = r->kind, .entry = arena_strdup(&j->a, r->entry),
	    .comment = arena_strdup(&j->a, r->comment),
	    .actor = arena_strdup(&j->a, r->actor), .time_us = r->time_us};
	j->r.after_owner = to->owner;
	j->r.after_entry = to->entry;
	j->r.nrow++;
	j->page_bytes += strlen(r->owner) + strlen(r->entry) +
	    strlen(r->comment) + strlen(r->actor);
	return !arena_full(&j->a);
}

static bool
export_row(const struct userlist_row *r, void *arg)
{
	struct buf *csv = arg;

	userlist_csv_row(csv, r);
	return !csv->overflow;
}

static void
reply_export(struct lists_job *j)
{
	struct err e;
	int fd;

	if (j->csv.overflow) {
		lists_job_refuse(j, LISTS_FAILED, "the lists are too long for one file");
		return;
	}
	fd = memfile_of("lists", buf_span(&j->csv), &e);
	if (fd < 0) {
		lists_job_refuse(j, LISTS_FAILED, e.text);
		return;
	}
	lists_job_reply(j, fd);
	close(fd);
}

void
lists_read_some(struct lists_job *j)
{
	bool page = j->q.verb == LISTS_SHOW;
	struct err e;
	int rc = listdb_slice(j->l->db, &j->rows_of, j->at, &j->place,
	    LISTS_SLICE_MS, page ? page_row : export_row,
	    page ? (void *)j : &j->csv, &e);

	if (rc < 0)
		lists_job_refuse(j, LISTS_FAILED, e.text);
	else if (rc == 1 && !arena_full(&j->a))
		lists_job_tick(j);
	else if (!page)
		reply_export(j);
	else if (arena_full(&j->a))
		lists_job_refuse(j, LISTS_FAILED, "page too large");
	else
		lists_job_reply(j, -1);
}

void
lists_read_begin(struct lists_job *j)
{
	if (j->q.verb == LISTS_SHOW)
		j->r.row = arena_array(&j->a, LISTS_PAGE, sizeof(*j->r.row));
	else
		userlist_csv_header(&j->csv);
	j->at = j->l->version;
	lists_read_some(j);
}
