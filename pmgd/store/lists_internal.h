/*
 * User lists in pmgd-store: what its files share.
 *
 *	lists.c		requests and their turns
 *	lists_read.c	pages and files for tools
 *	lists_edit.c	edits
 *	lists_publish.c	lists.active: rows in slices, the rest in a child
 *	lists_work.c	the child that reads a file for an import
 *
 * Nothing here holds up the loop for longer than a slice: mail waits for
 * commits meanwhile.
 */
#ifndef PMG_STORE_LISTS_INTERNAL_H
#define PMG_STORE_LISTS_INTERNAL_H

#include "lib/proto/lists.h"
#include "lib/store/listdb.h"
#include "store/child.h"
#include "store/store.h"

enum {
	LISTS_SLICE_MS = 40,	/* of the loop's time, then others have it */
	LISTS_JOBS_MAX = 64,	/* requests that may wait or run */
	LISTS_CPU_S = 120,	/* of one child */
	LISTS_WALL_S = 300,
	LISTS_MEMORY_MB = 4096,
	LISTS_ERRORS_MAX = 16 * 1024,
};

/* Rows out of a child's memory file; they point into it. */
struct lists_rows {
	void *map;
	size_t size;
	struct userlist_row *row;
	size_t n;
};

struct lists_job {
	struct lists *l;
	struct lists_job *next;
	int sock;
	sd_event_source *hangup, *tick;
	struct arena a;		/* of q and r */
	struct lists_request q;
	struct lists_reply r;
	struct buf text;	/* of r */
	char actor[256];
	/* LISTS_IMPORT: */
	int file, found;	/* from the tool; from the child */
	struct child *child;
	struct lists_rows rows;
	/* Edits: */
	struct listdb_bulk bulk;
	uint64_t version;	/* since it holds; 0 = does not yet */
	/* SHOW, EXPORT: */
	struct listdb_query rows_of;
	struct listdb_place place;
	uint64_t at;		/* the version that is read */
	struct buf csv;
	size_t page_bytes;
};

struct publisher;

struct lists {
	struct store *s;
	struct listdb *db;
	struct publisher *pub;
	struct lists_job *job;	/* oldest first */
	unsigned njob;
	struct lists_job *editing;	/* the one whose turn it is */
	sd_event_source *cleaner;	/* removes what came to nothing */
	uint64_t version;
};

/* lists.c */

/* What is published has become newer, or could not be. */
void lists_published(struct lists *l);
/* The next edit, when none is at work and nothing of one is left. */
void lists_kick(struct lists *l);
/* Its next slice, when others had their turn. */
void lists_job_tick(struct lists_job *j);
/* Both end the job. */
void lists_job_reply(struct lists_job *j, int fd);
void lists_job_refuse(struct lists_job *j, enum lists_code code,
    const char *why);

/* lists_read.c, lists_edit.c: begin, and a slice more. */
void lists_read_begin(struct lists_job *j);
void lists_read_some(struct lists_job *j);
void lists_edit_begin(struct lists_job *j);
void lists_edit_some(struct lists_job *j);
/* Answers an edit that holds, unless the file is being written: false. */
bool lists_edit_tell(struct lists_job *j);
const char *lists_edit_name(const struct lists_job *j);

/* lists_publish.c */

struct publisher *publisher_new(struct lists *l);
/* Something may have changed; again: in the file, too. */
void publisher_kick(struct publisher *p, bool again);
/*
 * How long until workers know of a version, in ms; 0 = they do; -1 = it is
 * being worked on, lists_published() will tell.
 */
int64_t publisher_wait(const struct publisher *p, uint64_t version);
/* Why the newest could not be published, "". */
const char *publisher_error(const struct publisher *p);
void publisher_free(struct publisher *p);

/* lists_work.c */

/* The child of a struct lists_job: its file as rows, or what is wrong with it
 * as text, into `found`. code: enum lists_code. */
void lists_work_run(void *job, int out);
int lists_rows_take(struct lists_rows *r, int fd, struct err *e);
void lists_rows_free(struct lists_rows *r);

#endif
