/*
 * config.db: rules, object groups and objects, and the journal of their
 * changes, whose last number is the version of the rule set. Its only user is
 * pmgd-store. Workers never see it: they load the compiled snapshot.
 */
#ifndef PMG_STORE_RULEDB_H
#define PMG_STORE_RULEDB_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { RULEDB_SNAPSHOT_MAX = 64 * 1024 * 1024 };

struct ruledb;

/* Opens; a new database gets the shipped rules. NULL: e tells. */
struct ruledb *ruledb_open(const char *path, struct err *e);
void ruledb_close(struct ruledb *d);
/* For the other modules that keep rows in config.db. */
struct db;
struct db *ruledb_db(struct ruledb *d);
/* Number of the last change. */
int ruledb_version(struct ruledb *d, uint64_t *version_r, struct err *e);
/* All rows, compiled: the bytes of the snapshot. */
int ruledb_compile(struct ruledb *d, struct buf *snapshot, struct err *e);
/*
 * Compiles and, when the file at path holds anything else, replaces it. -1:
 * the rows do not compile or the file cannot be written; what is there stays.
 */
int ruledb_publish(struct ruledb *d, const char *path, bool *changed_r,
    struct err *e);

#endif
