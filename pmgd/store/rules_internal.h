/*
 * Rules in pmgd-store: what its files share.
 *
 *	rules.c		requests wait their turn; a child does each
 *	rules_commit.c	what the child found becomes a version, a reply
 *	rules_work.c	the child: JSON, edits, compiling
 *
 * The parent keeps the live rules and the draft as rows (text) and is the only
 * one that writes config.db. A child gets them by fork, so nothing is copied,
 * and gives back changes and a compiled file. The loop goes on meanwhile.
 */
#ifndef PMG_STORE_RULES_INTERNAL_H
#define PMG_STORE_RULES_INTERNAL_H

#include "lib/proto/rules.h"
#include "store/child.h"
#include "store/store.h"

enum {
	RULES_JOBS_MAX = 64,	/* requests that may wait or run */
	RULES_READERS = 4,	/* children that only read, at once */
	RULES_CPU_S = 300,	/* of one child */
	RULES_WALL_S = 900,
	RULES_MEMORY_MB = 4096,
	RULES_ACTOR = 256,
};

/* What a child is told; all of it by fork. */
struct rules_work {
	const struct rules_request *q;	/* NULL: compile the live rules */
	struct span text;		/* of the request */
	const struct rule_rows *live;
	uint64_t version;		/* of live */
	/* The draft, when one is open. */
	const struct rule_rows *draft_base, *draft_changes;
	uint64_t draft_version;		/* its base */
	/* Of RULES_VERSION targets. */
	struct rule_rows target, other;
	uint32_t next[RULES_KINDS];
	const char *active;		/* rules.active */
	char *fresh;			/* a file beside it */
	/* Memory files for what is found. */
	int reply_fd, changes_fd, snapshot_fd;
};

struct rules_job {
	struct rules *rules;
	struct rules_job *next;
	int sock;			/* -1: nobody waits for an answer */
	struct arena arena;
	struct rules_request q;
	struct buf text;
	bool turn;			/* one of those at a time */
	bool start;			/* compile the live rules: no request */
	char actor[RULES_ACTOR];
	uint64_t revision;		/* of the draft, when it began */
	struct child *child;		/* NULL: waits */
	sd_event_source *hangup;
	struct rules_work work;
};

struct rules {
	struct store *s;
	struct rule_rows live;
	uint64_t version;
	struct ruledb_draft draft;
	struct rule_rows draft_base;	/* only when it is not live's */
	struct rule_rows draft_changes;
	bool active_known;		/* rules.active holds `version` */
	struct rules_job *job;		/* oldest first */
	unsigned njob, readers;
	bool writing;			/* one that changes or compiles runs */
};

/* A request that changes the draft's content. */
static inline bool
rules_into_draft(const struct rules_request *q)
{
	return q->verb == RULES_DRAFT_REBASE ||
	    (q->target.where == RULES_DRAFT && (q->verb == RULES_EDIT ||
	    q->verb == RULES_IMPORT || q->verb == RULES_RESET));
}

/* rules.c */

/* text NULL: the descriptor holds it; else fd is a snapshot, or -1. */
void rules_job_answer(struct rules_job *j, enum rules_code code,
    const char *text, int fd);
/* Reads the draft anew. */
int rules_draft_load(struct rules *r, struct err *e);

/* rules_commit.c */

/* Verbs that need no child. True: answered. */
bool rules_at_once(struct rules_job *j);
/* The child of j reported. */
void rules_commit(struct rules_job *j, const struct child_result *result);

/* rules_work.c: the child of a struct rules_job; code: enum rules_code. */
void rules_work_run(void *job, int out);

#endif
