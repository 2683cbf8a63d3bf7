/* Opening, and what all parts use. */
#include "lib/store/quarantine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/store/quarantine_internal.h"

enum { INCARNATION = 16 };	/* random bytes */

int
quarantine_kind_index(int kind)
{
	int i = 0;

	while (i < QUARFILE_KINDS - 1 && quarfile_kind[i] != kind)
		i++;
	return i;
}

void
quarantine_count(struct quarantine *q, int kind, uint64_t size, int sign)
{
	int i = quarantine_kind_index(kind);

	if (sign > 0) {
		q->count[i]++;
		q->bytes[i] += size;
	} else if (q->count[i] > 0) {
		q->count[i]--;
		q->bytes[i] -= size < q->bytes[i] ? size : q->bytes[i];
	}
}

static int
random_hex(char *hex, size_t bytes, struct err *e)
{
	AUTO_CLOSE int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	unsigned char b[INCARNATION];

	if (fd < 0 || read(fd, b, bytes) != (ssize_t)bytes)
		return err_errno(e, "/dev/urandom");
	for (size_t i = 0; i < bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", b[i]);
	return 0;
}

static int
incarnation_load(struct quarantine *q, struct err *e)
{
	char fresh[2 * INCARNATION + 1];
	struct db_query *m;
	int rc;

	if (random_hex(fresh, INCARNATION, e) != 0 ||
	    db_run(q->db, e, "INSERT OR IGNORE INTO meta (name, value)"
	        " VALUES ('incarnation', ?1)", "s", fresh) != 0)
		return -1;
	m = db_query(q->db, e, "SELECT value FROM meta"
	    " WHERE name = 'incarnation'", "");
	rc = m == NULL ? -1 : db_step(m, e);
	if (rc == 1)
		q->incarnation = xstrdup(db_text(m, 0));
	db_done(m);
	return rc == 1 ? 0 : -1;
}

static int
counts_load(struct quarantine *q, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT m.kind, count(*), sum(m.size) FROM messages m WHERE "
	    NOT_REMOVED " GROUP BY m.kind", "");
	int rc;

	if (m == NULL)
		return -1;
	while ((rc = db_step(m, e)) == 1) {
		int i = quarantine_kind_index(db_text(m, 0)[0]);

		q->count[i] += (uint64_t)db_int(m, 1);
		q->bytes[i] += (uint64_t)db_int(m, 2);
	}
	return rc;
}

static struct db *
open_or_heal(const char *path, struct err *e)
{
	struct err why = {""};
	bool damaged;
	struct db *d =
	    db_open(path, DB_FULL, quarantine_migrations, &damaged, &why);

	if (d != NULL)
		return d;
	if (!damaged) {
		err_set(e, "%s", why.text);
		return NULL;
	}
	log_error("%s; moved aside, made again from the message files",
	    why.text);
	if (db_move_aside(path, e) != 0)
		return NULL;
	return db_open(path, DB_FULL, quarantine_migrations, &damaged, e);
}

struct quarantine *
quarantine_open(const char *db_path, const char *files, struct err *e)
{
	struct quarantine *q = xcalloc(1, sizeof(*q));

	q->root = quarfile_root(files, e);
	if (q->root < 0)
		goto fail;
	q->db = open_or_heal(db_path, e);
	if (q->db == NULL || incarnation_load(q, e) != 0 ||
	    quarantine_sweep(q, e) != 0 || quarantine_remove_pending(q, e) != 0 ||
	    counts_load(q, e) != 0)
		goto fail;
	return q;
fail:
	quarantine_close(q);
	return NULL;
}

void
quarantine_close(struct quarantine *q)
{
	if (q == NULL)
		return;
	db_close(q->db);
	if (q->root >= 0)
		close(q->root);
	free(q->incarnation);
	free(q);
}

bool
quarantine_damaged(const struct quarantine *q)
{
	return db_damaged(q->db);
}

uint32_t
quarantine_recovered(const struct quarantine *q)
{
	return q->recovered;
}

void
quarantine_counts(const struct quarantine *q, uint64_t count[QUARFILE_KINDS],
    uint64_t bytes[QUARFILE_KINDS])
{
	memcpy(count, q->count, sizeof(q->count));
	memcpy(bytes, q->bytes, sizeof(q->bytes));
}

int
quarantine_action(struct quarantine *q, int64_t row, int64_t rcpt_row,
    const char *action, const char *actor, const char *detail, struct err *e)
{
	return db_run(q->db, e,
	    "INSERT INTO actions (node, incarnation, message, recipient,"
	    " action, actor, detail, time_us)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "isiisssi",
	    (int64_t)q->node, q->incarnation, row, rcpt_row, action, actor,
	    detail, clock_wall_us());
}

static int
insert_rcpts(struct quarantine *q, const struct store_commit *c, int64_t row,
    struct err *e)
{
	for (uint32_t i = 0; i < c->nrcpt; i++)
		if (db_run(q->db, e,
		        "INSERT INTO recipients (message, addr, notify, orcpt)"
		        " VALUES (?1, ?2, ?3, ?4)", "isss", row,
		        c->rcpt[i].addr, c->rcpt[i].notify,
		        c->rcpt[i].orcpt) != 0)
			return -1;
	return 0;
}

int
quarantine_insert(struct quarantine *q, const struct store_commit *c,
    const char *rcpt_key, const char *file, bool recovered, int64_t *row_r,
    struct err *e)
{
	const char kind[2] = {(char)c->kind, '\0'};

	if (db_run(q->db, e,
	        "INSERT INTO messages (node, incarnation, kind, file, size,"
	        " time_us, stored_us, queue_id, rcpt_key, logid, sender,"
	        " header_from, subject, message_id, rule, virus, spam_level,"
	        " spam_info, client_addr, envid, ret, smtputf8, body_8bit,"
	        " dir, recovered)"
	        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	        " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,"
	        " ?25)", "isssiiisssssssssissssiiii",
	        (int64_t)q->node, q->incarnation, kind, file,
	        (int64_t)c->size, (int64_t)c->time_us, clock_wall_us(),
	        quarantine_queue_id(c), rcpt_key, c->logid, c->sender,
	        c->header_from, c->subject, c->message_id, c->rule, c->virus,
	        (int64_t)c->spam_level, c->spam_info, c->client_addr,
	        c->envid, c->ret, (int64_t)c->smtputf8,
	        (int64_t)c->body_8bit, (int64_t)c->dir,
	        (int64_t)recovered) != 0)
		return -1;
	*row_r = db_rowid(q->db);
	if (insert_rcpts(q, c, *row_r, e) != 0)
		return -1;
	/* After a crash, too: its sender may have been told that it comes. */
	return c->kind != QUAR_HELD ? 0
	    : quarantine_action(q, *row_r, 0, "release", "pmgd", "", e);
}
