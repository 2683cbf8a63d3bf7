#include "lib/store/db.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"

enum {
	CACHE = 48,		/* statements kept compiled */
	WAL_PAGES = 4000,	/* checkpoint: 16 MB */
};

struct db_query {
	struct db *db;
	sqlite3_stmt *stmt;
	bool busy;
	bool cached;
};

struct db {
	sqlite3 *sql;
	char *path;
	bool damaged;
	struct db_query cache[CACHE];
	unsigned ncache;
};

static int
db_error(struct db *d, struct err *e, const char *what)
{
	int code = sqlite3_errcode(d->sql) & 0xff;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		d->damaged = true;
	return err_set(e, "%s: %.160s: %s", d->path, what,
	    sqlite3_errmsg(d->sql));
}

static int
db_exec(struct db *d, const char *sql, struct err *e)
{
	if (sqlite3_exec(d->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(d, e, sql);
	return 0;
}

/* Anything but "ok" as the first row of the check is damage. */
static int
db_sound(struct db *d, struct err *e)
{
	AUTO_QUERY struct db_query *q =
	    db_query(d, e, "PRAGMA quick_check(1)", "");

	if (q == NULL || db_step(q, e) < 0)
		return -1;
	d->damaged = strcmp(db_text(q, 0), "ok") != 0;
	if (d->damaged)
		return err_set(e, "%s: damaged: %.200s", d->path, db_text(q, 0));
	return 0;
}

static int
db_migrate(struct db *d, const char *const *migration, struct err *e)
{
	int64_t version, newest = 0;
	char mark[64];

	while (migration[newest] != NULL)
		newest++;
	if (db_value(d, 0, &version, e, "PRAGMA user_version", "") != 0)
		return -1;
	if (version > newest)
		return err_set(e, "%s: has schema %" PRId64
		    ", this program knows up to %" PRId64,
		    d->path, version, newest);
	for (; version < newest; version++) {
		snprintf(mark, sizeof(mark), "PRAGMA user_version = %" PRId64,
		    version + 1);
		if (db_begin(d, e) != 0)
			return -1;
		if (db_exec(d, migration[version], e) != 0 ||
		    db_exec(d, mark, e) != 0) {
			db_rollback(d);
			return -1;
		}
		if (db_commit(d, e) != 0)
			return -1;
	}
	return 0;
}

static int
db_setup(struct db *d, enum db_sync sync, struct err *e)
{
	int off = 0;

	/* A damaged schema must not be able to run anything. */
	sqlite3_db_config(d->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &off);
	sqlite3_extended_result_codes(d->sql, 1);
	sqlite3_wal_autocheckpoint(d->sql, WAL_PAGES);
	/*
	 * EXCLUSIVE: there is one process, and without a shared-memory file
	 * nothing of another user can hold its locks. No temporary files: the
	 * sandbox has no folder for them.
	 */
	if (db_exec(d, "PRAGMA locking_mode = EXCLUSIVE", e) != 0 ||
	    db_exec(d, "PRAGMA journal_mode = WAL", e) != 0 ||
	    db_exec(d, sync == DB_FULL ? "PRAGMA synchronous = FULL"
	        : "PRAGMA synchronous = NORMAL", e) != 0 ||
	    db_exec(d, "PRAGMA temp_store = MEMORY", e) != 0 ||
	    db_exec(d, "PRAGMA foreign_keys = ON", e) != 0)
		return -1;
	return db_sound(d, e);
}

struct db *
db_open(const char *path, enum db_sync sync, const char *const *migration,
    bool *damaged_r, struct err *e)
{
	struct db *d = xcalloc(1, sizeof(*d));
	mode_t old = umask(0027);
	int rc;

	*damaged_r = false;
	d->path = xstrdup(path);
	rc = sqlite3_open_v2(path, &d->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);
	if (rc == SQLITE_OK)
		rc = db_setup(d, sync, e) == 0 ? SQLITE_OK : SQLITE_ERROR;
	else
		db_error(d, e, "open");
	umask(old);
	if (rc == SQLITE_OK && db_migrate(d, migration, e) == 0)
		return d;
	*damaged_r = d->damaged;
	db_close(d);
	return NULL;
}

bool
db_damaged(const struct db *d)
{
	return d->damaged;
}

void
db_close(struct db *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->ncache; i++)
		sqlite3_finalize(d->cache[i].stmt);
	sqlite3_close(d->sql);
	free(d->path);
	free(d);
}

int
db_move_aside(const char *path, struct err *e)
{
	static const char *const part[] = {"", "-wal"};
	int64_t now = clock_wall_us() / 1000000;

	for (unsigned i = 0; i < 2; i++) {
		AUTO_FREE char *from = xasprintf("%s%s", path, part[i]);
		AUTO_FREE char *to = xasprintf("%s.damaged.%" PRId64 "%s", path,
		    now, part[i]);

		if (rename(from, to) != 0 && errno != ENOENT)
			return err_errno(e, "%s: rename to %s", from, to);
	}
	return 0;
}

int
db_begin(struct db *d, struct err *e)
{
	return db_run(d, e, "BEGIN IMMEDIATE", "");
}

int
db_commit(struct db *d, struct err *e)
{
	if (db_run(d, e, "COMMIT", "") == 0)
		return 0;
	db_rollback(d);
	return -1;
}

void
db_rollback(struct db *d)
{
	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(d->sql))
		db_run(d, NULL, "ROLLBACK", "");
}

static struct db_query *
query_find(struct db *d, const char *sql)
{
	for (unsigned i = 0; i < d->ncache; i++)
		if (!d->cache[i].busy &&
		    strcmp(sqlite3_sql(d->cache[i].stmt), sql) == 0)
			return &d->cache[i];
	return NULL;
}

static struct db_query *
query_new(struct db *d, const char *sql, struct err *e)
{
	struct db_query *q;
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(d->sql, sql, -1, &stmt, NULL) != SQLITE_OK) {
		db_error(d, e, sql);
		return NULL;
	}
	if (d->ncache < CACHE) {
		q = &d->cache[d->ncache++];
		*q = (struct db_query){d, stmt, false, true};
	} else {
		q = xcalloc(1, sizeof(*q));
		*q = (struct db_query){d, stmt, false, false};
	}
	return q;
}

static struct db_query *
db_vquery(struct db *d, struct err *e, const char *sql, const char *types,
    va_list ap)
{
	struct db_query *q = query_find(d, sql);
	int rc = SQLITE_OK;

	if (q == NULL)
		q = query_new(d, sql, e);
	if (q == NULL)
		return NULL;
	q->busy = true;
	for (int i = 0; types[i] != '\0' && rc == SQLITE_OK; i++) {
		if (types[i] == 'i')
			rc = sqlite3_bind_int64(q->stmt, i + 1,
			    va_arg(ap, int64_t));
		else
			rc = sqlite3_bind_text(q->stmt, i + 1,
			    va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
	}
	if (rc != SQLITE_OK) {
		db_error(d, e, sql);
		db_done(q);
		return NULL;
	}
	return q;
}

struct db_query *
db_query(struct db *d, struct err *e, const char *sql, const char *types, ...)
{
	struct db_query *q;
	va_list ap;

	va_start(ap, types);
	q = db_vquery(d, e, sql, types, ap);
	va_end(ap);
	return q;
}

int
db_step(struct db_query *q, struct err *e)
{
	switch (sqlite3_step(q->stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_error(q->db, e, sqlite3_sql(q->stmt));
	}
}

int64_t
db_int(struct db_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *
db_text(struct db_query *q, int column)
{
	const unsigned char *s = sqlite3_column_text(q->stmt, column);

	return s == NULL ? "" : (const char *)s;
}

void
db_done(struct db_query *q)
{
	if (q == NULL)
		return;
	if (q->cached) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
		q->busy = false;
	} else {
		sqlite3_finalize(q->stmt);
		free(q);
	}
}

/* Ends q (NULL: it could not be made). value_r NULL: nobody asks. */
static int
one_step(struct db_query *q, int64_t dflt, int64_t *value_r, struct err *e)
{
	int rc;

	if (q == NULL)
		return -1;
	rc = db_step(q, e);
	if (rc >= 0 && value_r != NULL)
		*value_r = rc == 1 ? db_int(q, 0) : dflt;
	db_done(q);
	return rc < 0 ? -1 : 0;
}

int
db_run(struct db *d, struct err *e, const char *sql, const char *types, ...)
{
	struct db_query *q;
	va_list ap;

	va_start(ap, types);
	q = db_vquery(d, e, sql, types, ap);
	va_end(ap);
	return one_step(q, 0, NULL, e);
}

int
db_value(struct db *d, int64_t dflt, int64_t *value_r, struct err *e,
    const char *sql, const char *types, ...)
{
	struct db_query *q;
	va_list ap;

	va_start(ap, types);
	q = db_vquery(d, e, sql, types, ap);
	va_end(ap);
	return one_step(q, dflt, value_r, e);
}

int64_t
db_rowid(struct db *d)
{
	return sqlite3_last_insert_rowid(d->sql);
}

int
db_changes(struct db *d)
{
	return sqlite3_changes(d->sql);
}
