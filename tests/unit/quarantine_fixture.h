/* A quarantine in a temporary folder, and mail for it. */
#ifndef PMG_TESTS_QUARANTINE_FIXTURE_H
#define PMG_TESTS_QUARANTINE_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/base/ipc.h"
#include "lib/store/quarantine.h"

static char fx_dir[64], fx_db[96], fx_files[96];

/* Where calls are made to fail, what they would have cost is no matter. */
static bool fx_in_memory;

static inline void
fx_make(void)
{
	snprintf(fx_dir, sizeof(fx_dir), "%s/test_quarantine.XXXXXX",
	    fx_in_memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm"
	    : "/tmp");
	if (mkdtemp(fx_dir) == NULL)
		abort();
	snprintf(fx_db, sizeof(fx_db), "%s/quarantine.db", fx_dir);
	snprintf(fx_files, sizeof(fx_files), "%s/files", fx_dir);
}

static inline int
fx_remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
fx_remove(void)
{
	nftw(fx_dir, fx_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct quarantine *
fx_open(void)
{
	struct err e = {""};
	struct quarantine *q = quarantine_open(fx_db, fx_files, &e);

	if (q == NULL)
		fprintf(stderr, "%s\n", e.text);
	return q;
}

/* A descriptor with these bytes; its offset stands at the end on purpose. */
static inline int
fx_message(const void *p, size_t n)
{
	int fd = (int)syscall(SYS_memfd_create, "message", 1u);

	if (fd < 0 || (n > 0 && write(fd, p, n) != (ssize_t)n))
		abort();
	return fd;
}

static struct store_rcpt fx_rcpts[] = {{"a@example.com", "NEVER", ""},
    {"B@example.com", "", "rfc822;b"}};

static inline struct store_commit
fx_commit(const char *queue_id, uint64_t size)
{
	return (struct store_commit){.kind = QUAR_SPAM, .logid = "LOG1",
	    .queue_id = queue_id, .sender = "from@example.org",
	    .header_from = "Someone", .subject = "Subject",
	    .message_id = "<1@example.org>", .rule = "Rule", .virus = "",
	    .spam_level = 7, .spam_info = "A:1", .client_addr = "192.0.2.1",
	    .envid = "envid", .ret = "HDRS", .size = size,
	    .time_us = 1795515736000000, .rcpt = fx_rcpts, .nrcpt = 2};
}

static inline struct quarantine_item
fx_store(struct quarantine *q, const struct store_commit *c, const void *p)
{
	struct quarantine_item it = {.commit = c,
	    .fd = fx_message(p, (size_t)c->size)};

	quarantine_commit(q, &it, 1);
	close(it.fd);
	return it;
}

/* The stored message of a row is p. */
static inline bool
fx_has(struct quarantine *q, int64_t row, const void *p, size_t n)
{
	struct arena a;
	struct err e;
	struct buf b;
	int fd = quarantine_file(q, row, &e);
	bool same = false;

	if (fd < 0)
		return false;
	arena_init(&a, 8 * IPC_MAX);
	buf_init(&b, 64 << 20);
	if (quarfile_read(fd, &b, &a, &e) == 0)
		same = b.n == n && (n == 0 || memcmp(b.p, p, n) == 0);
	buf_free(&b);
	arena_free(&a);
	close(fd);
	return same;
}

static int fx_nfiles;

static inline int
fx_count_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	fx_nfiles += type == FTW_F;
	return 0;
}

static inline int
fx_count_files(void)
{
	fx_nfiles = 0;
	nftw(fx_files, fx_count_one, 16, FTW_PHYS);
	return fx_nfiles;
}

#endif
