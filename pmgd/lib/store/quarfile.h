/*
 * The message files of the quarantine: FOLDER/XX/NAME below the quarantine's
 * own folder. A file is the message's bytes and, behind them, its envelope
 * (struct store_commit, encoded), lengths and checksums: it carries all that
 * its database row knows, so that a lost row can be made again from it.
 *
 *     message, envelope, u64 message length, u32 message CRC-32C,
 *     u32 envelope length, u32 CRC-32C from the envelope on, "PMGQUAR1"
 *
 * Written in the order of reliability.md D1: temporary name, write, fsync,
 * close, all checked; rename; fsync of the folder. Each step is a function of
 * its own, so that a batch takes them together.
 */
#ifndef PMG_STORE_QUARFILE_H
#define PMG_STORE_QUARFILE_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/mail/held.h"

enum {
	QUARFILE_PATH = 64,	/* "attachment/3F/" and 32 digits */
	QUARFILE_KINDS = QUARANTINE_KINDS,
};

struct quarfile {
	char path[QUARFILE_PATH];	/* below the quarantine's folder */
	char tmp[QUARFILE_PATH + 8];
	int root;			/* descriptor of that folder */
	int fd;
	bool renamed;
};

extern const char quarfile_kind[QUARFILE_KINDS];	/* "SVAPH" */
/* "spam", "virus" ... */
const char *quarfile_folder(enum quarantine_kind kind);

/* Creates the folders of all kinds; descriptor of path, or -1. */
int quarfile_root(const char *path, struct err *e);

/* f->path and f->root are set. Copies c->size bytes of src from its start and
 * appends the envelope. -1: nothing is left behind. */
int quarfile_write(struct quarfile *f, int src, const struct store_commit *c,
    struct err *e);
/*
 * Starts the disk on it, waits for nothing, promises nothing: with this for
 * all files of a batch, the fsync of the first commits the blocks of all.
 */
void quarfile_start_sync(const struct quarfile *f);
/* fsync and close; an error is final for this file (it is removed). */
int quarfile_sync(struct quarfile *f, struct err *e);
int quarfile_rename(struct quarfile *f, struct err *e);
/* Removes what there is of it, under either name. */
void quarfile_discard(struct quarfile *f);
/* Makes the renames in the folder of path durable. */
int quarfile_sync_folder(int root, const char *path, struct err *e);

struct quarfile_info {
	uint64_t size;		/* of the message */
	uint32_t crc;		/* of the message */
	struct store_commit commit;
};

/* Opens for reading; a descriptor or -1 (*missing_r: it is not there). */
int quarfile_open(int root, const char *path, bool *missing_r, struct err *e);
/* What stands behind the message. -1: no good trailer. */
int quarfile_info(int fd, struct quarfile_info *i, struct arena *a,
    struct err *e);
/* Appends the message to b; -1: unreadable, or not what was written. */
int quarfile_read(int fd, struct buf *b, struct arena *a, struct err *e);

#endif
