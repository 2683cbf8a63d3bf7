/*
 * config.db: the journal of the rules, their versions, and the draft. Its only
 * user is pmgd-store. Workers never see it: they load the compiled snapshot.
 *
 * The journal is append-only: a version adds one row for each rule, group or
 * object that it changes, and nothing is updated in place. The state at a
 * version is the newest row of each id up to it.
 */
#ifndef PMG_STORE_RULEDB_H
#define PMG_STORE_RULEDB_H

#include "lib/store/db.h"
#include "lib/store/rulerows.h"

struct ruledb;

struct ruledb_draft {
	bool open;
	uint64_t base;		/* the version that it began with */
	uint64_t revision;	/* of its last change; never goes back */
	int64_t time_us;	/* when it was opened, and by whom */
	char actor[256];
};

struct ruledb_version {
	uint64_t version;
	int64_t time_us;
	uint64_t nchange;	/* rules, groups and objects that it changed */
	const char *actor, *comment;
};

/*
 * Opens; what an older program left is carried over, a new database gets the
 * shipped rules, an old one those that it was never offered. NULL: e tells.
 */
struct ruledb *ruledb_open(const char *path, struct err *e);
void ruledb_close(struct ruledb *d);
/* For the other tables of config.db. */
struct db *ruledb_db(struct ruledb *d);
const char *ruledb_incarnation(const struct ruledb *d);

/* The newest one. */
int ruledb_version(struct ruledb *d, uint64_t *version_r, struct err *e);
/* 1: there is this version; 0: there is not. */
int ruledb_has(struct ruledb *d, uint64_t version, struct err *e);
/* The rules at a version into rows, which is empty. */
int ruledb_rows(struct ruledb *d, uint64_t version, struct rule_rows *rows,
    struct err *e);
/* First ids that were never used, in the draft neither. */
int ruledb_next(struct ruledb *d, uint32_t next[RULES_KINDS], struct err *e);
/* A new version. closes_draft: the draft is closed in the same step. */
int ruledb_publish(struct ruledb *d, const struct rule_rows *changes,
    const char *actor, const char *comment, bool closes_draft,
    uint64_t *version_r, struct err *e);
/* Newest first; the texts are valid during the call. */
int ruledb_versions(struct ruledb *d,
    void (*each)(void *arg, const struct ruledb_version *v), void *arg,
    struct err *e);

int ruledb_draft(struct ruledb *d, struct ruledb_draft *t, struct err *e);
/* Its changes to the rules of its base into rows, which is empty. */
int ruledb_draft_rows(struct ruledb *d, struct rule_rows *rows, struct err *e);
int ruledb_draft_open(struct ruledb *d, const char *actor, struct err *e);
/* These are its changes now; one revision more. */
int ruledb_draft_set(struct ruledb *d, uint64_t base,
    const struct rule_rows *changes, struct err *e);
int ruledb_draft_discard(struct ruledb *d, struct err *e);

#endif
