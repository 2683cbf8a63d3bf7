/*
 * The Nth-call fault loop (reliability.md R4, R10): one scenario, run again
 * and again, each time with another call that fails. Shared by the test and by
 * its negative control, which runs it over the wrong write order.
 *
 * The functions below take the place of libc's for this program and for
 * SQLite's shared library in it.
 */
#ifndef PMG_TESTS_STORE_FAULTS_H
#define PMG_TESTS_STORE_FAULTS_H

#include <errno.h>
#include <sys/uio.h>
#include "lib/base/log.h"
#include "quarantine_fixture.h"

enum fault { F_OPEN, F_WRITE, F_PWRITE, F_FSYNC, F_FDATASYNC, F_CLOSE,
	F_RENAME, F_UNLINK, F_MKDIR, F_READ, F_FTRUNCATE, FAULTS };

static const char *const fault_name[FAULTS] = {"open", "write", "pwrite",
    "fsync", "fdatasync", "close", "rename", "unlink", "mkdir", "pread",
    "ftruncate"};

static struct {
	bool armed;
	bool for_ever;		/* this call and all later ones of its kind */
	enum fault kind;
	unsigned n;		/* which call fails */
	unsigned count;
	bool hit;
	int error;
} fault;

static bool
fails(enum fault kind)
{
	if (!fault.armed || kind != fault.kind)
		return false;
	fault.count++;
	if (fault.count == fault.n || (fault.for_ever && fault.count > fault.n)) {
		fault.hit = true;
		errno = fault.error;
		return true;
	}
	return false;
}

#define REAL(nr, ...) syscall(nr, __VA_ARGS__)

int
open64(const char *path, int flags, ...)
{
	__builtin_va_list ap;
	int mode;

	__builtin_va_start(ap, flags);
	mode = __builtin_va_arg(ap, int);
	__builtin_va_end(ap);
	return fails(F_OPEN) ? -1
	    : (int)REAL(SYS_openat, AT_FDCWD, path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	__builtin_va_list ap;
	int mode;

	__builtin_va_start(ap, flags);
	mode = __builtin_va_arg(ap, int);
	__builtin_va_end(ap);
	return fails(F_OPEN) ? -1
	    : (int)REAL(SYS_openat, dir, path, flags, mode);
}

/* A failing write first writes half: the disk is full. */
ssize_t
write(int fd, const void *p, size_t n)
{
	if (fails(F_WRITE)) {
		REAL(SYS_write, fd, p, n / 2);
		errno = fault.error;
		return -1;
	}
	return REAL(SYS_write, fd, p, n);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t off)
{
	return fails(F_PWRITE) ? -1 : REAL(SYS_pwrite64, fd, p, n, off);
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	return fails(F_READ) ? -1 : REAL(SYS_pread64, fd, p, n, off);
}

int
fsync(int fd)
{
	return fails(F_FSYNC) ? -1 : (int)REAL(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fails(F_FDATASYNC) ? -1 : (int)REAL(SYS_fdatasync, fd);
}

int
close(int fd)
{
	bool bad = fails(F_CLOSE);
	int rc = (int)REAL(SYS_close, fd);

	if (bad)
		errno = fault.error;
	return bad ? -1 : rc;
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails(F_RENAME) ? -1
	    : (int)REAL(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	return fails(F_UNLINK) ? -1 : (int)REAL(SYS_unlinkat, dir, path, flags);
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	return fails(F_MKDIR) ? -1 : (int)REAL(SYS_mkdirat, dir, path, mode);
}

int
ftruncate64(int fd, off_t n)
{
	return fails(F_FTRUNCATE) ? -1 : (int)REAL(SYS_ftruncate, fd, n);
}

/* ---- the scenario ---- */

enum { MESSAGES = 3 };

static const char *const fault_text[MESSAGES] = {"first message",
    "the second message", "and a third"};

struct fault_result {
	unsigned points;	/* calls that were made to fail */
	unsigned lost;		/* said "stored", and it is not */
	unsigned half;		/* there, but not whole */
	unsigned stuck;		/* good again, yet a retry is not stored */
	unsigned doubled;	/* a retry made a second one */
	unsigned leftover;	/* said "not stored", yet a file is left */
	unsigned torn;		/* some stored and some not */
};

/* Together: all of them or none, as copies of one message. */
static bool fault_together;

static void
fault_batch(struct quarantine *q, struct quarantine_item *it,
    struct store_commit *c, bool armed)
{
	static const char *const id[MESSAGES] = {"Q1", "Q2", "Q3"};

	for (int i = 0; i < MESSAGES; i++) {
		c[i] = fx_commit(id[i], strlen(fault_text[i]));
		c[i].kind = i == 1 ? QUAR_VIRUS : QUAR_SPAM;
		if (fault_together && i == 2)
			c[i].kind = QUAR_HELD;
		it[i] = (struct quarantine_item){.commit = &c[i],
		    .fd = fx_message(fault_text[i], c[i].size)};
	}
	fault.armed = armed;
	(fault_together ? quarantine_commit_set : quarantine_commit)(q, it,
	    MESSAGES);
	fault.armed = false;
	for (int i = 0; i < MESSAGES; i++)
		REAL(SYS_close, it[i].fd);
}

/* Stored in the sense of the contract: row, file, every byte. */
static bool
fault_whole(struct quarantine *q, int64_t row, int i)
{
	struct store_entry s;
	struct arena a;
	struct err e;
	bool ok;

	arena_init(&a, 1 << 20);
	ok = row > 0 && quarantine_show(q, row, &s, &a, &e) == 1 &&
	    s.nrcpt == 2 && !s.missing &&
	    fx_has(q, row, fault_text[i], strlen(fault_text[i]));
	arena_free(&a);
	return ok;
}

/*
 * One round: the fault during the batch; then the process "dies" (with_fault
 * handles are only closed), starts without faults, and the sender tries again
 * what he was not told "stored" for.
 */
static bool
fault_round(struct fault_result *r)
{
	struct quarantine_item it[MESSAGES], again[MESSAGES];
	struct store_commit c[MESSAGES];
	struct quarantine *q;
	uint64_t count[QUARFILE_KINDS], bytes[QUARFILE_KINDS], all = 0;
	unsigned refused = 0;

	fx_make();
	q = fx_open();
	if (q == NULL)
		abort();
	fault.count = 0;
	fault.hit = false;
	fault_batch(q, it, c, true);
	for (int i = 0; i < MESSAGES; i++)
		refused += !it[i].ok;
	r->torn += refused > 0 && refused < MESSAGES;
	/* unlink itself failing leaves files; the next start takes them in. */
	if (fault.kind != F_UNLINK &&
	    fx_count_files() != (int)(MESSAGES - refused))
		r->leftover++;
	quarantine_close(q);
	q = fx_open();
	if (q == NULL)
		abort();
	for (int i = 0; i < MESSAGES; i++)
		if (it[i].ok && !fault_whole(q, it[i].row, i))
			r->lost++;
	fault_batch(q, again, c, false);
	for (int i = 0; i < MESSAGES; i++) {
		if (!again[i].ok)
			r->stuck++;
		else if (!fault_whole(q, again[i].row, i))
			r->half++;
		if (it[i].ok && it[i].row != again[i].row)
			r->doubled++;
	}
	quarantine_counts(q, count, bytes);
	for (int i = 0; i < QUARFILE_KINDS; i++)
		all += count[i];
	if (all != MESSAGES || fx_count_files() != MESSAGES)
		r->doubled++;
	quarantine_close(q);
	fx_remove();
	r->points += fault.hit;
	return fault.hit;
}

/* N = 1, 2, ... until the call does not happen that often any more. */
static void
fault_loop(struct fault_result *r)
{
	static const int errors[] = {EIO, ENOSPC};

	*r = (struct fault_result){0};
	log_init("faults", false);
	fx_in_memory = true;
	for (int kind = 0; kind < FAULTS; kind++)
		for (int mode = 0; mode < 4; mode++) {
			fault.kind = (enum fault)kind;
			fault.for_ever = (mode & 1) != 0;
			fault.error = errors[mode >> 1];
			for (fault.n = 1; fault_round(r); fault.n++)
				;
		}
	printf("faults: %u points, lost %u, half %u, stuck %u, doubled %u, "
	    "left over %u, torn %u\n", r->points, r->lost, r->half, r->stuck,
	    r->doubled, r->leftover, r->torn);
}

#endif
