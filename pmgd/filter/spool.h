/*
 * Messages that are being worked on: in memory (memfd) up to SPOOL_MEMORY_MAX
 * bytes, then in a nameless file (O_TMPFILE) below spool/active, so that
 * nothing is left behind whatever dies. Never fsynced: nobody was told 250 for
 * them. Measured: making and dropping an ext4 inode for each mail cost more
 * than copying a mail of ordinary size.
 */
#ifndef PMG_FILTER_SPOOL_H
#define PMG_FILTER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/err.h"
#include "lib/base/span.h"

enum { SPOOL_MEMORY_MAX = 1024 * 1024 };

struct spool_file {
	int fd;			/* -1 = none */
	bool in_memory;
	const char *dir;	/* where it goes when it grows; caller's */
	uint64_t size;
	void *map;		/* of a file or a large message in memory */
	size_t map_size;
	void *copy;		/* of a small one: cheaper than a mapping */
};

#define SPOOL_FILE_NONE ((struct spool_file){.fd = -1})

int spool_open(struct spool_file *f, const char *dir, struct err *e);
/* Appends. -1: errno ENOSPC, EDQUOT, EFBIG ... */
int spool_write(struct spool_file *f, struct span s, struct err *e);
/*
 * Maps the content for reading; the span lives until spool_close(). What is in
 * memory is sealed first: the scanner gets this descriptor and must not change
 * what it has judged.
 */
int spool_map(struct spool_file *f, struct span *s, struct err *e);
/* What is in memory: nobody changes it any more. */
int spool_seal(struct spool_file *f, struct err *e);
void spool_close(struct spool_file *f);
/* True when the file system below dir has room for two more messages of
 * max_size bytes (reliability: 452 before DATA). */
bool spool_has_room(const char *dir, uint64_t max_size);

#endif
