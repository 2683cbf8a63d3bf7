/* What the quarantine_*.c files share; nobody else includes this. */
#ifndef PMG_STORE_QUARANTINE_INTERNAL_H
#define PMG_STORE_QUARANTINE_INTERNAL_H

#include "lib/store/db.h"
#include "lib/store/quarantine.h"

struct quarantine {
	struct db *db;
	int root;		/* folder of the files */
	uint32_t node;
	char *incarnation;
	uint32_t recovered;
	uint64_t count[QUARFILE_KINDS];
	uint64_t bytes[QUARFILE_KINDS];
	uint64_t expired_to[QUARFILE_KINDS];	/* nothing older is left */
};

extern const char *const quarantine_migrations[];

/* Index of quarfile_kind; the last one for what is unknown. */
int quarantine_kind_index(int kind);
void quarantine_count(struct quarantine *q, int kind, uint64_t size,
    int sign);

/* Inside a transaction: rows of a message whose file is on the disk. */
int quarantine_insert(struct quarantine *q, const struct store_commit *c,
    const char *rcpt_key, const char *file, bool recovered, int64_t *row_r,
    struct err *e);
int quarantine_action(struct quarantine *q, int64_t row, int64_t rcpt_row,
    const char *action, const char *actor, const char *detail,
    struct err *e);
/* Queue id that the row gets: Postfix's, or our LOGID. */
const char *quarantine_queue_id(const struct store_commit *c);
void quarantine_rcpt_key(const struct store_commit *c, char key[65]);

/* Files without a row. */
int quarantine_sweep(struct quarantine *q, struct err *e);
/* Removes the file when no recipient needs it any more. */
int quarantine_remove(struct quarantine *q, int64_t row, struct err *e);
/* The same for all that a crash left behind. */
int quarantine_remove_pending(struct quarantine *q, struct err *e);

/* The last action of recipient r, "" = new; as an SQL expression. */
#define LAST_ACTION(column)                                                    \
	"(SELECT a." column " FROM actions a WHERE a.message = r.message"      \
	" AND a.recipient IN (0, r.seq)"                                       \
	" AND a.action NOT IN ('failed', 'removed')"                           \
	" ORDER BY a.seq DESC LIMIT 1)"
#define NOT_REMOVED                                                            \
	"NOT EXISTS (SELECT 1 FROM actions x WHERE x.message = m.seq"          \
	" AND x.recipient = 0 AND x.action = 'removed')"

#endif
