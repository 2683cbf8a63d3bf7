/*
 * Storing messages: files first, rows second (reliability.md D1). All files of
 * a batch are written, then all synced, so that the disk can take them
 * together; then one transaction for all rows.
 */
#include "lib/store/quarantine.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/store/quarantine_internal.h"

enum {
	KEY_HEX = 64,
	NAME_HEX = 32,		/* of the key, as the file's name */
	FOLDER_SECONDS = 64,	/* a batch shares one XX folder: one fsync */
};

const char *
quarantine_queue_id(const struct store_commit *c)
{
	return c->queue_id[0] != '\0' ? c->queue_id : c->logid;
}

static int
addr_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
digest_str(EVP_MD_CTX *md, const char *s)
{
	/* With its NUL, so that "a" "bc" and "ab" "c" differ. */
	if (EVP_DigestUpdate(md, s, strlen(s) + 1) != 1)
		fatal("SHA-256 failed");
}

/*
 * Postfix uses short queue ids again within hours, so the recipients alone do
 * not tell a repeated mail from another one. What a retry cannot change goes
 * in as well: sender, Message-ID and subject as the client gave them.
 */
void
quarantine_rcpt_key(const struct store_commit *c, char key[65])
{
	const char kind[2] = {(char)c->kind, '\0'};
	const char **addr = xcalloc(c->nrcpt + 1, sizeof(*addr));
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned n = 0;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		fatal("SHA-256 is not available");
	for (uint32_t i = 0; i < c->nrcpt; i++)
		addr[i] = c->rcpt[i].addr;
	qsort(addr, c->nrcpt, sizeof(*addr), addr_compare);
	digest_str(md, kind);
	digest_str(md, c->sender);
	digest_str(md, c->message_id);
	digest_str(md, c->subject);
	for (uint32_t i = 0; i < c->nrcpt; i++)
		digest_str(md, addr[i]);
	if (EVP_DigestFinal_ex(md, digest, &n) != 1 || n * 2 != KEY_HEX)
		fatal("SHA-256 failed");
	for (unsigned i = 0; i < n; i++)
		snprintf(key + 2 * i, 3, "%02x", digest[i]);
	EVP_MD_CTX_free(md);
	free(addr);
}

/*
 * The same message always gets the same name: a retry after an unknown outcome
 * replaces what the first try may have left.
 */
static void
name_file(struct quarantine_item *it, int root)
{
	char both[KEY_HEX + 1];
	struct store_commit id = {.kind = it->commit->kind,
	    .sender = quarantine_queue_id(it->commit),
	    .message_id = it->rcpt_key, .subject = ""};

	quarantine_rcpt_key(&id, both);
	it->file.root = root;
	it->file.fd = -1;
	snprintf(it->file.path, sizeof(it->file.path), "%s/%02X/%.*s",
	    quarfile_folder(it->commit->kind),
	    (unsigned)(clock_wall_us() / 1000000 / FOLDER_SECONDS) & 0xff,
	    (int)NAME_HEX, both);
}

static bool
file_exists(struct quarantine *q, const char *path)
{
	struct stat st;

	return fstatat(q->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Was it stored before? Then its row stands. Its file is written again when it
 * should be there and is not (a commit that the disk took although it told us
 * of an error).
 */
static int
item_lookup(struct quarantine *q, struct quarantine_item *it, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT m.seq, m.file, EXISTS (SELECT 1 FROM actions a"
	    " WHERE a.message = m.seq AND a.action IN ('removed', 'expired'))"
	    " FROM messages m"
	    " WHERE m.queue_id = ?1 AND m.rcpt_key = ?2", "ss",
	    quarantine_queue_id(it->commit), it->rcpt_key);
	int rc = m == NULL ? -1 : db_step(m, e);

	if (rc <= 0)
		return rc;
	it->has_row = true;
	it->row = db_int(m, 0);
	it->has_file = db_int(m, 2) != 0 || file_exists(q, db_text(m, 1));
	snprintf(it->file.path, sizeof(it->file.path), "%s", db_text(m, 1));
	return 0;
}

static void
batch_prepare(struct quarantine *q, struct quarantine_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct quarantine_item *it = &item[i];

		it->row = 0;
		it->has_row = it->has_file = false;
		it->same = i;
		quarantine_rcpt_key(it->commit, it->rcpt_key);
		name_file(it, q->root);
		for (size_t k = 0; k < i; k++)
			if (strcmp(item[k].rcpt_key, it->rcpt_key) == 0 &&
			    strcmp(quarantine_queue_id(item[k].commit),
			        quarantine_queue_id(it->commit)) == 0)
				it->same = item[k].same;
		it->ok = item_lookup(q, it, &it->err) == 0;
	}
}

static bool
item_writes(const struct quarantine_item *item, size_t i)
{
	return item[i].ok && item[i].same == i && !item[i].has_file;
}

static void
batch_files(struct quarantine *q, struct quarantine_item *item, size_t n)
{
	const char *synced = "";
	bool good = true;

	for (size_t i = 0; i < n; i++)
		if (item_writes(item, i))
			item[i].ok = quarfile_write(&item[i].file, item[i].fd,
			    item[i].commit, &item[i].err) == 0;
	for (size_t i = 0; i < n && n > 1; i++)
		if (item_writes(item, i))
			quarfile_start_sync(&item[i].file);
	for (size_t i = 0; i < n; i++)
		if (item_writes(item, i))
			item[i].ok = quarfile_sync(&item[i].file,
			    &item[i].err) == 0;
	for (size_t i = 0; i < n; i++)
		if (item_writes(item, i))
			item[i].ok = quarfile_rename(&item[i].file,
			    &item[i].err) == 0;
	/* Neighbours mostly share their folder: one fsync for a run of them. */
	for (size_t i = 0; i < n; i++) {
		struct quarfile *f = &item[i].file;

		if (!item_writes(item, i))
			continue;
		if (strncmp(f->path, synced, strlen(f->path) - NAME_HEX) != 0) {
			good = quarfile_sync_folder(q->root, f->path,
			    &item[i].err) == 0;
			synced = f->path;
		} else if (!good) {
			err_set(&item[i].err, "quarantine: fsync of folder");
		}
		if (!good) {
			quarfile_discard(f);
			item[i].ok = false;
		}
	}
}

static int
batch_insert(struct quarantine *q, struct quarantine_item *item, size_t n,
    struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].ok && item[i].same == i && !item[i].has_row &&
		    quarantine_insert(q, item[i].commit, item[i].rcpt_key,
		        item[i].file.path, false, &item[i].row, e) != 0)
			return -1;
	return 0;
}

static bool
batch_has_rows(const struct quarantine_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].ok && item[i].same == i && !item[i].has_row)
			return true;
	return false;
}

/* The whole batch or nothing of it. */
static void
batch_rows(struct quarantine *q, struct quarantine_item *item, size_t n)
{
	struct err e;

	if (!batch_has_rows(item, n))
		return;
	if (db_begin(q->db, &e) == 0) {
		if (batch_insert(q, item, n, &e) == 0 &&
		    db_commit(q->db, &e) == 0)
			return;
		db_rollback(q->db);
	}
	for (size_t i = 0; i < n; i++) {
		if (!item[i].ok || item[i].same != i || item[i].has_row)
			continue;
		quarfile_discard(&item[i].file);
		item[i].ok = false;
		item[i].err = e;
	}
}

static void
batch_finish(struct quarantine *q, struct quarantine_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct quarantine_item *first = &item[item[i].same];

		if (first != &item[i]) {
			item[i].ok = first->ok;
			item[i].row = first->row;
			item[i].err = first->err;
		} else if (item[i].ok && !item[i].has_row) {
			quarantine_count(q, item[i].commit->kind,
			    item[i].commit->size, 1);
		}
	}
}

/* All that a set may have left when one of its items fails. */
static bool
set_is_whole(struct quarantine_item *item, size_t n)
{
	struct err why;
	size_t bad = 0;

	while (bad < n && item[bad].ok)
		bad++;
	if (bad == n)
		return true;
	why = item[bad].err;
	for (size_t i = 0; i < n; i++) {
		if (item_writes(item, i) && item[i].file.renamed)
			quarfile_discard(&item[i].file);
		item[i].ok = false;
		item[i].err = why;
	}
	return false;
}

void
quarantine_commit_set(struct quarantine *q, struct quarantine_item *item,
    size_t n)
{
	batch_prepare(q, item, n);
	if (!set_is_whole(item, n))
		return;
	batch_files(q, item, n);
	if (!set_is_whole(item, n))
		return;
	batch_rows(q, item, n);
	batch_finish(q, item, n);
}

void
quarantine_commit(struct quarantine *q, struct quarantine_item *item, size_t n)
{
	batch_prepare(q, item, n);
#ifdef PMG_BREAK_FSYNC_ORDER
	/*
	 * NEGATIVE CONTROL of the fault tests, in no product: the row first,
	 * and what becomes of the file is not looked at.
	 */
	batch_rows(q, item, n);
	batch_files(q, item, n);
	for (size_t i = 0; i < n; i++)
		item[i].ok = item[i].row != 0;
#else
	batch_files(q, item, n);
	batch_rows(q, item, n);
#endif
	batch_finish(q, item, n);
}
