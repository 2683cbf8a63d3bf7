/* What the files of ruledb share. */
#ifndef PMG_STORE_RULEDB_INTERNAL_H
#define PMG_STORE_RULEDB_INTERNAL_H

#include "lib/store/ruledb.h"

struct ruledb {
	struct db *db;
	char *incarnation;	/* of this database, for other nodes */
};

/* ruledb_schema.c: of config.db as a whole; modules add theirs at the end. */
extern const char *const ruledb_migrations[];

/* Within a transaction. */
int ruledb_insert(struct ruledb *d, uint64_t version,
    const struct rule_rows *changes, const char *actor, const char *comment,
    struct err *e);

/* ruledb_carry.c: the tables of migration 1, if they hold anything, become
 * a version; then they are dropped. */
int ruledb_carry(struct ruledb *d, struct err *e);
/* ruledb_shipped.c: what was never offered. */
int ruledb_ship(struct ruledb *d, struct err *e);

#endif
