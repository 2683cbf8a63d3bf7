/*
 * At start, while nobody writes: files without a row. A crash between the
 * file's rename and the row's commit leaves one; so does a lost database. Its
 * sender has been told nothing or "try again", so it comes back as quarantined
 * rather than being thrown away.
 */
#include "lib/store/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/store/quarantine_internal.h"

enum {
	ENVELOPE_ARENA = 4 * IPC_MAX,
	/*
	 * A folder that has not changed since the last sweep, by this much,
	 * is not read again. The margin is for clocks that were set back.
	 */
	SETTLED_US = 2 * 24 * 3600,
};

/* What can be said of a file whose envelope is gone. */
static void
commit_unknown(struct store_commit *c, enum quarantine_kind kind,
    const char *path, const struct stat *st)
{
	*c = (struct store_commit){.kind = kind, .logid = "", .queue_id = path,
	    .sender = "", .header_from = "", .subject = "", .message_id = "",
	    .rule = "", .virus = "", .spam_info = "", .client_addr = "",
	    .envid = "", .ret = "", .size = (uint64_t)st->st_size,
	    .time_us = (uint64_t)st->st_mtim.tv_sec * 1000000};
}

static int
row_of_file(struct quarantine *q, const char *path, int64_t *row_r,
    struct err *e)
{
	return db_value(q->db, 0, row_r, e,
	    "SELECT seq FROM messages WHERE file = ?1", "s", path);
}

/*
 * The same message may have a row already: a try whose reply was "no", whose
 * file could not be removed, and that came again. One of the files is enough.
 */
static int
adopt_or_drop(struct quarantine *q, const struct store_commit *c,
    const char *key, const char *path, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT m.file, m.seq, " NOT_REMOVED " FROM messages m"
	    " WHERE m.queue_id = ?1 AND m.rcpt_key = ?2", "ss",
	    quarantine_queue_id(c), key);
	int rc = m == NULL ? -1 : db_step(m, e);
	struct stat st;

	if (rc <= 0)
		return rc;
	if (db_int(m, 2) == 0 ||
	    fstatat(q->root, db_text(m, 0), &st, AT_SYMLINK_NOFOLLOW) == 0) {
		log_warn("quarantine %s: second copy of C%uR%lld, removed",
		    path, q->node, (long long)db_int(m, 1));
		unlinkat(q->root, path, 0);
		return 1;
	}
	if (renameat(q->root, path, q->root, db_text(m, 0)) != 0)
		return err_errno(e, "quarantine %s: rename", path);
	log_warn("quarantine %s: is the missing file of C%uR%lld", path,
	    q->node, (long long)db_int(m, 1));
	return quarfile_sync_folder(q->root, db_text(m, 0), e) == 0 ? 1 : -1;
}

static int
recover(struct quarantine *q, enum quarantine_kind kind, const char *path,
    struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct quarfile_info info;
	struct store_commit *c = &info.commit;
	struct arena a;
	struct stat st;
	char key[65];
	int64_t row;
	bool missing;
	int rc = -1;

	arena_init(&a, ENVELOPE_ARENA);
	fd = quarfile_open(q->root, path, &missing, e);
	if (fd < 0 || fstat(fd, &st) != 0) {
		/* One bad file keeps nobody from the others. */
		log_error("quarantine %s: cannot be read, not recovered", path);
		rc = 0;
		goto out;
	}
	if (quarfile_info(fd, &info, &a, e) != 0) {
		log_warn("quarantine %s: %s", path, e->text);
		commit_unknown(c, kind, path, &st);
	}
	/* The folder decides: it is where people will look. */
	c->kind = kind;
	quarantine_rcpt_key(c, key);
	rc = adopt_or_drop(q, c, key, path, e);
	if (rc != 0)
		goto out;
	rc = quarantine_insert(q, c, key, path, true, &row, e);
	if (rc == 0) {
		log_warn("quarantine %s: had no row, recovered as C%uR%lld",
		    path, q->node, (long long)row);
		q->recovered++;
	}
out:
	arena_free(&a);
	return rc < 0 ? -1 : 0;
}

static bool
ends_with_tmp(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static int
sweep_file(struct quarantine *q, enum quarantine_kind kind, const char *dir,
    const char *name, struct err *e)
{
	char path[QUARFILE_PATH];
	int64_t row;
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path)) {
		log_warn("quarantine %s: a name that is not ours", dir);
		return 0;
	}
	if (ends_with_tmp(name)) {
		unlinkat(q->root, path, 0);
		return 0;
	}
	if (row_of_file(q, path, &row, e) != 0)
		return -1;
	if (row != 0 || fstatat(q->root, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return recover(q, kind, path, e);
}

static DIR *
open_folder(struct quarantine *q, const char *dir, struct err *e)
{
	int fd = openat(q->root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL) {
		err_errno(e, "quarantine %s", dir);
		if (fd >= 0)
			close(fd);
	}
	return d;
}

static bool
settled(struct quarantine *q, const char *dir, int64_t last_us)
{
	struct stat st;

	return fstatat(q->root, dir, &st, 0) == 0 &&
	    (int64_t)st.st_mtim.tv_sec < last_us / 1000000 - SETTLED_US;
}

static int
sweep_folder(struct quarantine *q, enum quarantine_kind kind, const char *dir,
    int64_t last_us, struct err *e)
{
	struct dirent *de;
	DIR *d;
	int rc = 0;

	if (settled(q, dir, last_us))
		return 0;
	d = open_folder(q, dir, e);
	if (d == NULL)
		return -1;
	while (rc == 0 && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			rc = sweep_file(q, kind, dir, de->d_name, e);
	closedir(d);
	return rc;
}

static int
sweep_kind(struct quarantine *q, enum quarantine_kind kind, int64_t last_us,
    struct err *e)
{
	char dir[QUARFILE_PATH];
	struct dirent *de;
	DIR *d = open_folder(q, quarfile_folder(kind), e);
	int rc = 0;

	if (d == NULL)
		return -1;
	while (rc == 0 && (de = readdir(d)) != NULL) {
		if (strlen(de->d_name) != 2 || de->d_name[0] == '.')
			continue;
		snprintf(dir, sizeof(dir), "%s/%.2s", quarfile_folder(kind),
		    de->d_name);
		rc = sweep_folder(q, kind, dir, last_us, e);
	}
	closedir(d);
	return rc;
}

int
quarantine_sweep(struct quarantine *q, struct err *e)
{
	int64_t now = clock_wall_us(), last;

	if (db_value(q->db, 0, &last, e, "SELECT CAST(value AS INTEGER)"
	        " FROM meta WHERE name = 'swept_us'", "") != 0 ||
	    db_begin(q->db, e) != 0)
		return -1;
	for (int i = 0; i < QUARFILE_KINDS; i++)
		if (sweep_kind(q, (enum quarantine_kind)quarfile_kind[i], last,
		        e) != 0)
			goto fail;
	if (db_run(q->db, e, "INSERT OR REPLACE INTO meta (name, value)"
	        " VALUES ('swept_us', ?1)", "i", now) != 0)
		goto fail;
	return db_commit(q->db, e);
fail:
	db_rollback(q->db);
	return -1;
}
