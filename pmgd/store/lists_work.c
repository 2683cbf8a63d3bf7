/* A file for an import, read and checked in a child; rows on the way back. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "lib/base/atomicfile.h"
#include "lib/base/memfile.h"
#include "lib/base/xalloc.h"
#include "store/lists_internal.h"

enum { IMPORT_ARENA = 1024 * 1024 * 1024, FOUND_MAX = 1024 * 1024 * 1024 };

/* ---- in the child ---- */

/* With its NUL, so that it can be used where it lies. */
static void
put_text(struct buf *b, const char *s)
{
	buf_lp(b, span_of(s, strlen(s) + 1));
}

static void
put_rows(struct buf *b, const struct userlist_row *row, size_t n)
{
	buf_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_u8(b, (uint8_t)row[i].kind);
		put_text(b, row[i].owner);
		put_text(b, row[i].entry);
		put_text(b, row[i].comment);
	}
}

void
lists_work_run(void *job, int out)
{
	const struct lists_job *j = job;
	struct buf csv = {.max = LISTS_FILE_MAX};
	struct buf found = {.max = FOUND_MAX};
	struct buf errors = {.max = LISTS_ERRORS_MAX};
	struct userlist_row *row;
	struct arena a;
	struct err e;
	size_t n;

	if (memfile_read(j->file, true, &csv, &e) != 0)
		child_finish(out, LISTS_REFUSED, false, e.text);
	arena_init(&a, IMPORT_ARENA);
	if (userlist_csv_read(buf_span(&csv), &row, &n, &errors, &a) != 0) {
		write_all(j->found, errors.p, errors.n);
		child_finish(out, LISTS_REFUSED, false, "");
	}
	put_rows(&found, row, n);
	if (found.overflow || write_all(j->found, found.p, found.n) != 0)
		child_finish(out, LISTS_FAILED, false, "the file is too "
		    "large");
	child_finish(out, LISTS_OK, false, "");
}

/* ---- in the parent ---- */

static const char *
take_text(struct cursor *c)
{
	struct span s = cur_lp(c);

	return cur_ok(c) && s.n > 0 && s.p[s.n - 1] == '\0'
	    ? (const char *)s.p : NULL;
}

static int
take_rows(struct lists_rows *r, struct cursor *c)
{
	enum { ROW_MIN = 1 + 3 * 5 };
	uint32_t n = cur_u32(c);

	if (!cur_ok(c) || n > cur_left(c) / ROW_MIN)
		return -1;
	r->row = xcalloc(n > 0 ? n : 1, sizeof(*r->row));
	for (r->n = 0; r->n < n; r->n++) {
		struct userlist_row *row = &r->row[r->n];
		bool block = cur_u8(c) == USERLIST_BLOCK;

		row->kind = block ? USERLIST_BLOCK : USERLIST_ALLOW;
		row->owner = take_text(c);
		row->entry = take_text(c);
		row->comment = take_text(c);
		row->actor = "";
		if (row->owner == NULL || row->entry == NULL ||
		    row->comment == NULL)
			return -1;
	}
	return cur_done(c) ? 0 : -1;
}

int
lists_rows_take(struct lists_rows *r, int fd, struct err *e)
{
	struct cursor c;
	struct stat st;

	if (memfile_seal(fd, e) != 0)
		return -1;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return err_set(e, "the child's rows are lost");
	r->size = (size_t)st.st_size;
	r->map = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return err_errno(e, "mmap");
	}
	c = cur_of(span_of(r->map, r->size));
	return take_rows(r, &c) == 0 ? 0
	    : err_set(e, "the child's rows are damaged");
}

void
lists_rows_free(struct lists_rows *r)
{
	if (r->map != NULL)
		munmap(r->map, r->size);
	free(r->row);
	*r = (struct lists_rows){NULL, 0, NULL, 0};
}
