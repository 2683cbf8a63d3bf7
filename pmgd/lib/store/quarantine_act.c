/* Release, deletion and expiry: each is a row first. */
#include "lib/store/quarantine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/store/quarantine_internal.h"

enum {
	DAY_S = 24 * 3600,
	/* How long the rows of a removed message are kept: other nodes have
	 * seen them by then. */
	KEEP_DAYS = 30,
};

/* ---- removing files ---- */

/* Bytes of what may go; -1: somebody still needs it, or it is gone. */
static int
removable(struct quarantine *q, int64_t row, struct db_query **m_r,
    struct err *e)
{
	*m_r = db_query(q->db, e,
	    "SELECT m.kind, m.size, m.file FROM messages m WHERE m.seq = ?1"
	    " AND " NOT_REMOVED
	    " AND (m.kind = 'H'"
	    " OR EXISTS (SELECT 1 FROM actions x WHERE x.message = m.seq"
	    " AND x.action IN ('delete', 'expired')))"
	    " AND NOT EXISTS (SELECT 1 FROM recipients r"
	    " WHERE r.message = m.seq AND ifnull(" LAST_ACTION("action")
	    ", 'new') NOT IN ('delete', 'expired', 'released'))", "i", row);
	return *m_r == NULL ? -1 : db_step(*m_r, e);
}

int
quarantine_remove(struct quarantine *q, int64_t row, struct err *e)
{
	AUTO_QUERY struct db_query *m = NULL;
	int rc = removable(q, row, &m, e);

	if (rc <= 0)
		return rc;
	if (unlinkat(q->root, db_text(m, 2), 0) != 0 && errno != ENOENT) {
		/* Tried again at the next start; nothing waits for it. */
		err_errno(e, "quarantine %s: remove", db_text(m, 2));
		log_error("%s", e->text);
		return 0;
	}
	quarantine_count(q, db_text(m, 0)[0], (uint64_t)db_int(m, 1), -1);
	return quarantine_action(q, row, 0, "removed", "pmgd-store", "", e);
}

int
quarantine_remove_pending(struct quarantine *q, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT DISTINCT m.message FROM actions m"
	    " WHERE m.action IN ('delete', 'expired') AND NOT EXISTS"
	    " (SELECT 1 FROM actions x WHERE x.message = m.message"
	    " AND x.recipient = 0 AND x.action = 'removed')"
	    " UNION SELECT m.seq FROM messages m WHERE m.kind = 'H' AND "
	    NOT_REMOVED, "");
	int rc;

	if (m == NULL)
		return -1;
	while ((rc = db_step(m, e)) == 1)
		if (quarantine_remove(q, db_int(m, 0), e) != 0)
			return -1;
	return rc;
}

/* ---- asking for something ---- */

static void
time_print(char *out, size_t size, int64_t us)
{
	time_t t = (time_t)(us / 1000000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, size, "%" PRId64, (int64_t)t);
}

/* Which of the recipients; ?2 = '' means all. */
static struct db_query *
chosen(struct quarantine *q, int64_t row, const char *rcpt, struct err *e)
{
	return db_query(q->db, e,
	    "SELECT r.seq, r.addr, ifnull(" LAST_ACTION("action") ", ''),"
	    " ifnull(" LAST_ACTION("time_us") ", 0) FROM recipients r"
	    " WHERE r.message = ?1"
	    " AND (?2 = '' OR r.addr = ?2 COLLATE NOCASE) ORDER BY r.seq",
	    "is", row, rcpt);
}

static void
say(struct buf *text, struct db_query *r, const char *what, bool with_time)
{
	char when[32];

	if (text->n > 0)
		buf_puts(text, "; ");
	buf_printf(text, "%s: %s", db_text(r, 1), what);
	if (with_time) {
		time_print(when, sizeof(when), db_int(r, 3));
		buf_printf(text, " at %s", when);
	}
}

/*
 * What a release means in the state that `last` led to: the action to record
 * (NULL: none) and what to tell. False: it cannot be.
 */
static bool
release_step(struct db_query *r, const char **action_r, struct buf *text)
{
	const char *last = db_text(r, 2);

	*action_r = NULL;
	if (last[0] == '\0') {
		*action_r = "release";
		say(text, r, "release requested", false);
	} else if (strcmp(last, "refused") == 0) {
		*action_r = "again";
		say(text, r, "release requested again", false);
	} else if (strcmp(last, "released") == 0) {
		say(text, r, "already released", true);
	} else if (strcmp(last, "delete") == 0) {
		say(text, r, "was deleted", true);
		return false;
	} else if (strcmp(last, "expired") == 0) {
		say(text, r, "expired", true);
		return false;
	} else {
		say(text, r, "release already requested", true);
	}
	return true;
}

static int
release_rows(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, unsigned *asked_r, struct buf *text, struct err *e)
{
	AUTO_QUERY struct db_query *r = chosen(q, row, rcpt, e);
	bool possible = false;
	unsigned found = 0;
	int rc;

	if (r == NULL)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *action;

		found++;
		if (release_step(r, &action, text))
			possible = true;
		if (action == NULL)
			continue;
		if (quarantine_action(q, row, db_int(r, 0), action, actor, "",
		        e) != 0)
			return -1;
		(*asked_r)++;
	}
	if (rc < 0)
		return -1;
	if (found == 0 && rcpt[0] == '\0')
		return err_set(e, "its recipients are not known");
	if (found == 0)
		return err_set(e, "%.320s is no recipient of it", rcpt);
	return possible ? 0 : err_set(e, "%.500s", buf_cstr(text));
}

/* The file, too: nobody should wait for a mail that cannot come. */
static int
releasable(struct quarantine *q, int64_t row, struct err *e)
{
	AUTO_CLOSE int fd = quarantine_file(q, row, e);

	return fd < 0 ? -1 : 0;
}

static int
row_exists(struct quarantine *q, int64_t row, struct err *e)
{
	int64_t seq;

	if (db_value(q->db, 0, &seq, e,
	        "SELECT seq FROM messages WHERE seq = ?1", "i", row) != 0)
		return -1;
	return seq == row ? 0 : err_set(e, "no such message");
}

int
quarantine_release(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, unsigned *asked_r, struct buf *text, struct err *e)
{
	*asked_r = 0;
	if (row_exists(q, row, e) != 0 || db_begin(q->db, e) != 0)
		return -1;
	if (release_rows(q, row, rcpt, actor, asked_r, text, e) != 0 ||
	    (*asked_r > 0 && releasable(q, row, e) != 0)) {
		db_rollback(q->db);
		*asked_r = 0;
		return -1;
	}
	if (db_commit(q->db, e) != 0) {
		*asked_r = 0;
		return -1;
	}
	return 0;
}

/* A message without known recipients. */
static int
delete_whole(struct quarantine *q, int64_t row, const char *actor,
    struct buf *text, struct err *e)
{
	int64_t gone;

	if (db_value(q->db, 0, &gone, e, "SELECT 1 FROM actions"
	        " WHERE message = ?1 AND action IN ('delete', 'expired')",
	        "i", row) != 0)
		return -1;
	buf_puts(text, gone ? "already deleted" : "deleted");
	return gone ? 0
	    : quarantine_action(q, row, 0, "delete", actor, "", e);
}

static int
delete_rows(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, struct buf *text, struct err *e)
{
	AUTO_QUERY struct db_query *r = chosen(q, row, rcpt, e);
	unsigned found = 0;
	int rc;

	if (r == NULL)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *last = db_text(r, 2);

		found++;
		if (strcmp(last, "release") == 0 || strcmp(last, "again") == 0)
			return err_set(e, "%s: is just being released",
			    db_text(r, 1));
		if (strcmp(last, "delete") == 0 ||
		    strcmp(last, "expired") == 0) {
			say(text, r, "already deleted", true);
			continue;
		}
		say(text, r, "deleted", false);
		if (quarantine_action(q, row, db_int(r, 0), "delete", actor,
		        "", e) != 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (found == 0 && rcpt[0] != '\0')
		return err_set(e, "%.320s is no recipient of it", rcpt);
	return found == 0 ? delete_whole(q, row, actor, text, e) : 0;
}

int
quarantine_delete(struct quarantine *q, int64_t row, const char *rcpt,
    const char *actor, struct buf *text, struct err *e)
{
	struct err why;

	if (row_exists(q, row, e) != 0 || db_begin(q->db, e) != 0)
		return -1;
	if (delete_rows(q, row, rcpt, actor, text, e) != 0) {
		db_rollback(q->db);
		return -1;
	}
	if (db_commit(q->db, e) != 0)
		return -1;
	/* It is deleted; a file that stays behind goes at the next start. */
	if (quarantine_remove(q, row, &why) < 0)
		log_error("%s", why.text);
	return 0;
}

/* ---- what waits for Postfix ---- */

#define WAITS LAST_ACTION("action") " IN ('release', 'again')"

/* The first column of what m finds. */
static int
rows_get(struct db_query *m, int64_t *row, size_t *n_r, struct err *e)
{
	int rc;

	*n_r = 0;
	if (m == NULL)
		return -1;
	while ((rc = db_step(m, e)) == 1)
		row[(*n_r)++] = db_int(m, 0);
	return rc;
}

int
quarantine_pending(struct quarantine *q, int64_t *row, size_t max,
    size_t *n_r, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT DISTINCT r.message FROM recipients r WHERE r.message IN"
	    " (SELECT message FROM actions WHERE action IN ('release', 'again'))"
	    " AND " WAITS " ORDER BY r.message LIMIT ?1", "i", (int64_t)max);

	return rows_get(m, row, n_r, e);
}

static int
send_rcpts(struct quarantine *q, int64_t row, struct quarantine_send *s,
    struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *r = db_query(q->db, e,
	    "SELECT r.seq, r.addr, r.notify, r.orcpt FROM recipients r"
	    " WHERE r.message = ?1 AND " WAITS " ORDER BY r.seq", "i", row);
	int64_t count;
	uint32_t n = 0;
	int rc;

	if (r == NULL || db_value(q->db, 0, &count, e,
	        "SELECT count(*) FROM recipients WHERE message = ?1", "i",
	        row) != 0)
		return -1;
	s->commit.rcpt = arena_array(a, (size_t)count, sizeof(*s->commit.rcpt));
	s->rcpt_row = arena_array(a, (size_t)count, sizeof(*s->rcpt_row));
	if (arena_full(a))
		return err_set(e, "too many recipients");
	while ((rc = db_step(r, e)) == 1 && n < count) {
		s->rcpt_row[n] = db_int(r, 0);
		s->commit.rcpt[n].addr = arena_strdup(a, db_text(r, 1));
		s->commit.rcpt[n].notify = arena_strdup(a, db_text(r, 2));
		s->commit.rcpt[n].orcpt = arena_strdup(a, db_text(r, 3));
		n++;
	}
	s->commit.nrcpt = n;
	return rc < 0 ? -1 : n > 0;
}

int
quarantine_send_get(struct quarantine *q, int64_t row,
    struct quarantine_send *s, struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT kind, logid, queue_id, sender, envid, ret, smtputf8,"
	    " body_8bit, dir, size FROM messages WHERE seq = ?1", "i", row);
	int rc = m == NULL ? -1 : db_step(m, e);

	if (rc <= 0)
		return rc;
	*s = (struct quarantine_send){{0}, NULL};
	s->commit.kind = (enum quarantine_kind)db_text(m, 0)[0];
	s->commit.logid = arena_strdup(a, db_text(m, 1));
	s->commit.queue_id = arena_strdup(a, db_text(m, 2));
	s->commit.sender = arena_strdup(a, db_text(m, 3));
	s->commit.envid = arena_strdup(a, db_text(m, 4));
	s->commit.ret = arena_strdup(a, db_text(m, 5));
	s->commit.smtputf8 = (uint8_t)db_int(m, 6);
	s->commit.body_8bit = (uint8_t)db_int(m, 7);
	s->commit.dir = (uint8_t)db_int(m, 8);
	s->commit.size = (uint64_t)db_int(m, 9);
	if (arena_full(a))
		return err_set(e, "envelope is too large");
	return send_rcpts(q, row, s, a, e);
}

/* Held mail that Postfix has is no quarantined mail: nothing to look at. */
static int
forget_held(struct quarantine *q, int64_t row, struct err *e)
{
	int64_t held;

	if (db_value(q->db, 0, &held, e, "SELECT 1 FROM messages"
	        " WHERE seq = ?1 AND kind = 'H'", "i", row) != 0)
		return -1;
	return held ? quarantine_remove(q, row, e) : 0;
}

int
quarantine_send_result(struct quarantine *q, int64_t row, int64_t rcpt_row,
    const char *action, const char *detail, struct err *e)
{
	int64_t said = 0;

	/* The same failure every quarter of an hour is noted once. */
	if (strcmp(action, "failed") == 0 &&
	    db_value(q->db, 0, &said, e, "SELECT 1 FROM actions"
	        " WHERE message = ?1 AND recipient = ?2"
	        " AND action = 'failed' AND detail = ?3", "iis", row, rcpt_row,
	        detail) != 0)
		return -1;
	if (said != 0)
		return 0;
	if (quarantine_action(q, row, rcpt_row, action, "pmgd-store", detail,
	        e) != 0)
		return -1;
	return strcmp(action, "released") == 0 ? forget_held(q, row, e) : 0;
}

/* ---- lifetimes ---- */

/*
 * Rows that are past `to`, oldest first. A message that waits for Postfix is
 * left alone: somebody was told that it comes.
 */
static int
expire_find(struct quarantine *q, int kind, uint64_t to, int64_t *row,
    unsigned max, size_t *n_r, struct err *e)
{
	const char name[2] = {quarfile_kind[kind], '\0'};
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT m.seq FROM messages m WHERE m.kind = ?1"
	    " AND m.stored_us >= ?2 AND m.stored_us < ?3 AND " NOT_REMOVED
	    " AND NOT EXISTS (SELECT 1 FROM recipients r"
	    " WHERE r.message = m.seq AND " WAITS ")"
	    " ORDER BY m.stored_us LIMIT ?4", "siii", name,
	    (int64_t)q->expired_to[kind], (int64_t)to, (int64_t)max);

	return rows_get(m, row, n_r, e);
}

static int
expire_mark(struct quarantine *q, const int64_t *row, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (db_run(q->db, e, "INSERT OR IGNORE INTO actions"
		        " (node, incarnation, message, recipient, action,"
		        " actor, detail, time_us) VALUES (?1, ?2, ?3, 0,"
		        " 'expired', 'pmgd-store', '', ?4)", "isii",
		        (int64_t)q->node, q->incarnation, row[i],
		        clock_wall_us()) != 0)
			return -1;
	return 0;
}

static int
expire_remove(struct quarantine *q, const int64_t *row, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (quarantine_remove(q, row[i], e) != 0)
			return -1;
	return 0;
}

/* Long removed: the rows themselves. */
static int
forget(struct quarantine *q, const int64_t *row, size_t n, struct err *e)
{
	static const char *const sql[] = {
	    "DELETE FROM actions WHERE message = ?1",
	    "DELETE FROM recipients WHERE message = ?1",
	    "DELETE FROM messages WHERE seq = ?1"};

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 3; k++)
			if (db_run(q->db, e, sql[k], "i", row[i]) != 0)
				return -1;
	return 0;
}

static int
forget_find(struct quarantine *q, uint64_t to, int64_t *row, unsigned max,
    size_t *n_r, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT message FROM actions WHERE action = 'removed'"
	    " AND time_us < ?1 ORDER BY time_us LIMIT ?2", "ii", (int64_t)to,
	    (int64_t)max);

	return rows_get(m, row, n_r, e);
}

typedef int expire_step(struct quarantine *, const int64_t *, size_t,
    struct err *);

static int
in_transaction(struct quarantine *q, expire_step *step, const int64_t *row,
    size_t n, struct err *e)
{
	if (n == 0)
		return 0;
	if (db_begin(q->db, e) != 0)
		return -1;
	if (step(q, row, n, e) != 0) {
		db_rollback(q->db);
		return -1;
	}
	return db_commit(q->db, e);
}

static uint64_t
days_before(uint64_t now_us, int64_t days)
{
	uint64_t span = (uint64_t)days * DAY_S * 1000000;

	return span < now_us ? now_us - span : 0;
}

int
quarantine_purge(struct quarantine *q, const int64_t days[QUARFILE_KINDS],
    uint64_t now_us, unsigned max, unsigned *expired_r, struct err *e)
{
	AUTO_FREE int64_t *row = xcalloc(max, sizeof(*row));
	int64_t waiting;
	size_t npending, n;

	*expired_r = 0;
	if (quarantine_pending(q, &waiting, 1, &npending, e) != 0)
		return -1;
	for (int k = 0; k < QUARFILE_KINDS && *expired_r < max; k++) {
		uint64_t to = days_before(now_us, days[k]);
		unsigned room = max - *expired_r;

		if (days[k] <= 0)
			continue;
		/* Marked, on the disk, before the first file goes. */
		if (expire_find(q, k, to, row, room, &n, e) != 0 ||
		    in_transaction(q, expire_mark, row, n, e) != 0 ||
		    in_transaction(q, expire_remove, row, n, e) != 0)
			return -1;
		*expired_r += (unsigned)n;
		if (n < room && npending == 0)
			q->expired_to[k] = to;
	}
	if (forget_find(q, days_before(now_us, KEEP_DAYS), row, max, &n,
	        e) != 0)
		return -1;
	return in_transaction(q, forget, row, n, e);
}
