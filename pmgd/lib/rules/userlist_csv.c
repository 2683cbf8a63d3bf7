#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/csv.h"
#include "lib/base/log.h"
#include "lib/mail/utf8.h"
#include "lib/rules/userlist_row.h"

enum column { OWNER, KIND, PATTERN, COMMENT, COLUMNS };
static const char *const column_name[COLUMNS] = {"owner", "kind", "pattern",
    "comment"};

struct reader {
	struct csv csv;
	size_t at[COLUMNS];	/* index of the field + 1, 0 = not there */
	struct userlist_row *row;
	size_t n, cap, bad;
	struct buf text;
	struct buf *errors;
	struct arena *a;
};

int
userlist_comment(struct span text, struct err *e)
{
	if (text.n > USERLIST_COMMENT_MAX)
		return err_set(e, "the comment is longer than %d bytes",
		    USERLIST_COMMENT_MAX);
	if (!utf8_valid(text))
		return err_set(e, "the comment is not UTF-8");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] == 0x7f)
			return err_set(e, "the comment has a control "
			    "character or a line end");
	return 0;
}

static void
complain(struct reader *r, size_t line, const char *why)
{
	if (r->bad++ < USERLIST_ERRORS)
		buf_printf(r->errors, "line %zu: %s\n", line, why);
}

static void
complain_column(struct reader *r, size_t line, struct span name)
{
	AUTO_BUF struct buf why = {.max = 512};

	buf_putc(&why, '"');
	log_safe(&why, name, 60);
	buf_puts(&why, "\" is none of the columns owner, kind, pattern, "
	    "comment");
	complain(r, line, buf_cstr(&why));
}

static bool
read_header(struct reader *r)
{
	struct csv_record rec;
	const char *why = "the file is empty";

	if (csv_next(&r->csv, &rec, &why, r->a) <= 0) {
		complain(r, 1, why);
		return false;
	}
	for (size_t i = 0; i < rec.n; i++) {
		int c = 0;

		while (c < COLUMNS && !span_ieqs(span_trim(rec.field[i]),
		    column_name[c]))
			c++;
		if (c < COLUMNS)
			r->at[c] = i + 1;
		else if (span_trim(rec.field[i]).n > 0)
			complain_column(r, rec.line,
			    span_trim(rec.field[i]));
	}
	if (r->at[OWNER] == 0 || r->at[KIND] == 0 || r->at[PATTERN] == 0)
		complain(r, rec.line, "the header line must name the columns: "
		    "owner,kind,pattern,comment");
	return r->bad == 0;
}

static struct span
field(const struct reader *r, const struct csv_record *rec, enum column c)
{
	return r->at[c] > 0 && r->at[c] <= rec->n
	    ? span_trim(rec->field[r->at[c] - 1]) : SPAN_LIT("");
}

static const char *
form(struct reader *r, struct span s, int (*put)(struct buf *, struct span,
    struct err *), struct err *e)
{
	buf_reset(&r->text);
	return put(&r->text, s, e) == 0
	    ? arena_strndup(r->a, buf_span(&r->text)) : NULL;
}

static int
take_row(struct reader *r, const struct csv_record *rec,
    struct userlist_row *row, struct err *e)
{
	struct span comment = field(r, rec, COMMENT);

	if (!userlist_kind_parse(field(r, rec, KIND), &row->kind))
		return err_set(e, "the kind is not allow or block");
	row->actor = "";
	row->owner = form(r, field(r, rec, OWNER), userlist_owner, e);
	if (row->owner == NULL)
		return -1;
	row->entry = form(r, field(r, rec, PATTERN), userlist_entry, e);
	if (row->entry == NULL || userlist_comment(comment, e) != 0)
		return -1;
	row->comment = arena_strndup(r->a, comment);
	return row->comment != NULL ? 0 : -1;
}

static bool
make_room(struct reader *r)
{
	size_t cap = r->cap > 0 ? 2 * r->cap : 64;
	struct userlist_row *row;

	if (r->n < r->cap)
		return true;
	row = arena_array(r->a, cap, sizeof(*row));
	if (row == NULL)
		return false;
	if (r->n > 0)
		memcpy(row, r->row, r->n * sizeof(*row));
	r->row = row;
	r->cap = cap;
	return true;
}

/* time_us holds the line until the rows are handed out. */
static void
read_rows(struct reader *r)
{
	struct csv_record rec;
	const char *why = "";
	int rc;

	while ((rc = csv_next(&r->csv, &rec, &why, r->a)) != 0 &&
	    !arena_full(r->a)) {
		struct userlist_row row = {.time_us = (int64_t)rec.line};
		struct err e = {"too large"};

		if (rc < 0)
			complain(r, rec.line, why);
		else if (take_row(r, &rec, &row, &e) != 0)
			complain(r, rec.line, e.text);
		else if (make_room(r))
			r->row[r->n++] = row;
	}
	if (arena_full(r->a))
		complain(r, rec.line, "the file is too large");
}

static int
compare_rows(const void *va, const void *vb)
{
	const struct userlist_row *a = va, *b = vb;
	int c = strcmp(a->owner, b->owner);

	if (c == 0)
		c = strcmp(a->entry, b->entry);
	return c != 0 ? c : a->time_us < b->time_us ? -1 : 1;
}

/* Twice the same is once; on both lists is a mistake. */
static void
drop_equal(struct reader *r)
{
	size_t n = 0;

	if (r->n > 0)
		qsort(r->row, r->n, sizeof(*r->row), compare_rows);
	for (size_t i = 0; i < r->n; i++) {
		const struct userlist_row *row = &r->row[i];
		const struct userlist_row *last = n > 0 ? &r->row[n - 1] : NULL;
		char why[128];

		if (last == NULL || strcmp(last->owner, row->owner) != 0 ||
		    strcmp(last->entry, row->entry) != 0) {
			r->row[n++] = *row;
			continue;
		}
		if (last->kind == row->kind)
			continue;
		snprintf(why, sizeof(why), "allows what line %lld blocks, or "
		    "the other way round", (long long)last->time_us);
		complain(r, (size_t)row->time_us, why);
	}
	r->n = n;
}

int
userlist_csv_read(struct span csv, struct userlist_row **row_r, size_t *n_r,
    struct buf *errors, struct arena *a)
{
	struct reader r = {.csv = csv_of(csv), .errors = errors, .a = a};

	buf_init(&r.text, csv.n + 64);
	if (read_header(&r)) {
		read_rows(&r);
		drop_equal(&r);
	}
	buf_free(&r.text);
	if (r.bad > USERLIST_ERRORS)
		buf_printf(errors, "and %zu lines more\n",
		    r.bad - USERLIST_ERRORS);
	for (size_t i = 0; i < r.n; i++)
		r.row[i].time_us = 0;
	*row_r = r.row;
	*n_r = r.n;
	return r.bad == 0 ? 0 : -1;
}

void
userlist_csv_header(struct buf *out)
{
	buf_puts(out, "owner,kind,pattern,comment\r\n");
}

void
userlist_csv_row(struct buf *out, const struct userlist_row *r)
{
	csv_put(out, r->owner);
	buf_putc(out, ',');
	buf_puts(out, userlist_kind_name(r->kind));
	buf_putc(out, ',');
	csv_put(out, r->entry);
	buf_putc(out, ',');
	csv_put(out, r->comment);
	buf_puts(out, "\r\n");
}
