/* Edits: few rows at once, many in slices; files for an import are read by a
 * child first. */
#include <stdlib.h>
#include <string.h>
#include "lib/base/log.h"
#include "lib/base/memfile.h"
#include "store/lists_internal.h"

const char *
lists_edit_name(const struct lists_job *j)
{
	static const char *const name[LISTS_VERB_END] = {
		[LISTS_ADD] = "addition", [LISTS_REMOVE] = "removal",
		[LISTS_REPLACE] = "replacement", [LISTS_IMPORT] = "import"};

	return name[j->q.verb];
}

bool
lists_edit_tell(struct lists_job *j)
{
	struct publisher *p = j->l->pub;
	int64_t wait = publisher_wait(p, j->version);

	if (wait < 0)
		return false;
	j->r.wait_ms = (uint32_t)wait;
	if (*publisher_error(p) != '\0')
		buf_printf(&j->text, "; but the filter does not know yet: %s",
		    publisher_error(p));
	lists_job_reply(j, -1);
	return true;
}

/* It holds: the next one may have its turn. */
static void
edit_done(struct lists_job *j, const struct listdb_count *n)
{
	struct lists *l = j->l;
	struct err e;

	j->r.added = n->added;
	j->r.moved = n->moved;
	j->r.removed = n->removed;
	j->r.same = n->same;
	buf_printf(&j->text, "%u added, %u moved from the other list, "
	    "%u removed, %u there already", n->added, n->moved, n->removed,
	    n->same);
	log_info("lists: %s by %s: %s", lists_edit_name(j), j->actor,
	    buf_cstr(&j->text));
	l->editing = NULL;
	if (listdb_version(l->db, &l->version, &e) != 0)
		log_error("lists: %s", e.text);
	j->version = l->version;
	publisher_kick(l->pub, false);
	lists_edit_tell(j);
	lists_kick(l);
}

void
lists_edit_some(struct lists_job *j)
{
	struct listdb_count n;
	struct err e = {""};
	bool refused;
	int rc = listdb_bulk_step(j->l->db, &j->bulk, j->actor,
	    LISTS_SLICE_MS, &n, &refused, &e);

	if (rc == 1)
		lists_job_tick(j);
	else if (rc == 0)
		edit_done(j, &n);
	else
		lists_job_refuse(j, refused ? LISTS_REFUSED : LISTS_FAILED, e.text);
}

static int
do_add(struct lists_job *j, struct err *e)
{
	for (uint32_t i = 0; i < j->q.nrow; i++)
		if (listdb_add(j->l->db, &j->q.row[i], e) != 0)
			return -1;
	return 0;
}

static int
do_remove(struct lists_job *j, struct err *e)
{
	for (uint32_t i = 0; i < j->q.nrow; i++) {
		const struct userlist_row *r = &j->q.row[i];
		bool was;

		if (listdb_remove(j->l->db, r, &was, e) != 0)
			return -1;
		if (!was)
			return err_set(e, "%.200s is not on the %s list of "
			    "%.200s; nothing was removed", r->entry,
			    userlist_kind_name(r->kind),
			    *r->owner != '\0' ? r->owner : "all");
	}
	return 0;
}

/* Up to LISTS_ROWS rows, at once. */
static void
edit_few(struct lists_job *j)
{
	struct listdb *db = j->l->db;
	struct listdb_count n;
	struct err e = {""};

	if (listdb_begin(db, j->actor, &e) != 0) {
		lists_job_refuse(j, LISTS_FAILED, e.text);
	} else if ((j->q.verb == LISTS_ADD ? do_add : do_remove)(j, &e) != 0) {
		listdb_abort(db);
		lists_job_refuse(j, LISTS_REFUSED, e.text);
	} else if (listdb_commit(db, &n, &e) != 0) {
		lists_job_refuse(j, LISTS_REFUSED, e.text);
	} else {
		edit_done(j, &n);
	}
}

static int
compare_entries(const void *va, const void *vb)
{
	const struct userlist_row *a = va, *b = vb;

	return strcmp(a->entry, b->entry);
}

static void
replace_begin(struct lists_job *j)
{
	size_t n = 0;

	if (j->q.nrow > 0)
		qsort(j->q.row, j->q.nrow, sizeof(*j->q.row), compare_entries);
	for (size_t i = 0; i < j->q.nrow; i++)
		if (n == 0 || strcmp(j->q.row[n - 1].entry,
		        j->q.row[i].entry) != 0)
			j->q.row[n++] = j->q.row[i];
	j->bulk = (struct listdb_bulk){.row = j->q.row, .n = n,
	    .replace = true, .owner = j->q.owner,
	    .kind = (enum userlist_kind)j->q.kind};
	lists_edit_some(j);
}

/* ---- import ---- */

/* What is wrong with the file: in the report, or in the memory file. */
static void
import_refuse(struct lists_job *j, const struct child_result *result)
{
	struct buf errors = {.max = LISTS_ERRORS_MAX};
	enum lists_code code = result->code == LISTS_REFUSED ? LISTS_REFUSED
	    : LISTS_FAILED;
	struct err e;

	if (result->text[0] != '\0')
		lists_job_refuse(j, code, result->text);
	else if (memfile_read(j->found, false, &errors, &e) != 0)
		lists_job_refuse(j, LISTS_FAILED, e.text);
	else
		lists_job_refuse(j, code, buf_cstr(&errors));
	buf_free(&errors);
}

static void
on_file_read(void *arg, const struct child_result *result)
{
	struct lists_job *j = arg;
	struct err e;

	j->child = NULL;
	if (result->code != LISTS_OK) {
		import_refuse(j, result);
	} else if (lists_rows_take(&j->rows, j->found, &e) != 0) {
		lists_job_refuse(j, LISTS_FAILED, e.text);
	} else {
		j->bulk = (struct listdb_bulk){.row = j->rows.row,
		    .n = j->rows.n, .replace = j->q.replace};
		lists_job_tick(j);
	}
}

static void
import_begin(struct lists_job *j)
{
	int keep[2];
	const struct child_work w = {.what = "these lists",
	    .cpu_s = LISTS_CPU_S, .wall_s = LISTS_WALL_S,
	    .memory_mb = LISTS_MEMORY_MB, .keep = keep, .nkeep = 2,
	    .run = lists_work_run, .ended = on_file_read, .arg = j};
	struct err e;

	keep[0] = j->file;
	keep[1] = j->found = memfile_new("rows", &e);
	if (j->found >= 0)
		j->child = child_start(j->l->s->loop, &w, &e);
	if (j->child == NULL)
		lists_job_refuse(j, LISTS_FAILED, e.text);
}

void
lists_edit_begin(struct lists_job *j)
{
	j->l->editing = j;
	if (j->q.verb == LISTS_IMPORT)
		import_begin(j);
	else if (j->q.verb == LISTS_REPLACE)
		replace_begin(j);
	else
		edit_few(j);
}
