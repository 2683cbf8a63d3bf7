/*
 * SQLite, for the files of lib/store; db.c is the only file that includes its
 * header. One process owns a database and is its only connection. Everything
 * that goes wrong is an environment error: -1 and a struct err.
 */
#ifndef PMG_STORE_DB_H
#define PMG_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/err.h"

struct db;
struct db_query;

/* DB_FULL: a commit is on the disk when it returns. DB_NORMAL: a power cut may
 * take the last commits, never the database. Both WAL. */
enum db_sync { DB_FULL, DB_NORMAL };

/*
 * Opens or creates path (0640) and brings it to the newest schema: migration[i]
 * takes version i (PRAGMA user_version) to i + 1, each in a transaction of its
 * own; the list ends with NULL. A database of a newer program is refused.
 * *damaged_r: true when the file is no sound database. NULL: e tells.
 */
struct db *db_open(const char *path, enum db_sync sync,
    const char *const *migration, bool *damaged_r, struct err *e);
void db_close(struct db *d);
/* Some statement met damage: the owner should end and be started again. */
bool db_damaged(const struct db *d);
/* Moves a damaged database aside: path.damaged.TIME, with its -wal file. */
int db_move_aside(const char *path, struct err *e);

/* BEGIN IMMEDIATE. A transaction is open until db_commit or db_rollback. */
int db_begin(struct db *d, struct err *e);
/* -1: nothing of the transaction holds; it has been rolled back. */
int db_commit(struct db *d, struct err *e);
void db_rollback(struct db *d);

/*
 * One statement; the compiled form is kept per text. types tells of each
 * further argument: 'i' int64_t, 's' const char *, one a parameter. NULL: e
 * tells. Free with db_done().
 */
struct db_query *db_query(struct db *d, struct err *e, const char *sql,
    const char *types, ...);
/* 1: a row; 0: no more rows; -1: error. */
int db_step(struct db_query *q, struct err *e);
int64_t db_int(struct db_query *q, int column);
/* Never NULL; valid until the next db_step or db_done. */
const char *db_text(struct db_query *q, int column);
void db_done(struct db_query *q);

/* A statement without rows. */
int db_run(struct db *d, struct err *e, const char *sql, const char *types,
    ...);
/* The first column of the first row; dflt when there is no row. */
int db_value(struct db *d, int64_t dflt, int64_t *value_r, struct err *e,
    const char *sql, const char *types, ...);
/* Key of the row that the last INSERT made; rows that the last statement
 * changed. */
int64_t db_rowid(struct db *d);
int db_changes(struct db *d);

static inline void
cleanup_db_query(struct db_query **q)
{
	db_done(*q);
}

#define AUTO_QUERY __attribute__((cleanup(cleanup_db_query)))

#endif
