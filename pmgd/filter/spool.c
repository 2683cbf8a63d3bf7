#include "filter/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/xalloc.h"

/* Of linux/memfd.h and linux/fcntl.h, which older headers lack. */
enum {
	MFD_FLAGS = 1 | 2,		/* CLOEXEC, ALLOW_SEALING */
	ADD_SEALS = 1033,		/* F_ADD_SEALS */
	SEALS = 1 | 2 | 4 | 8,		/* SEAL, SHRINK, GROW, WRITE */
	COPY_MAX = 256 * 1024,
};

/* A nameless file on disk. -1: errno tells. */
static int
open_nameless(const char *dir)
{
	char name[512];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* File systems without O_TMPFILE (old overlayfs, NFS). */
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(name, sizeof(name), "%s/msg.XXXXXX", dir);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

int
spool_open(struct spool_file *f, const char *dir, struct err *e)
{
	*f = SPOOL_FILE_NONE;
	f->dir = dir;
	/* glibc has a wrapper only from 2.27 on. */
	f->fd = (int)syscall(SYS_memfd_create, "message", MFD_FLAGS);
	f->in_memory = f->fd >= 0;
	if (f->fd < 0)
		f->fd = open_nameless(dir);
	if (f->fd < 0)
		return err_errno(e, "%s: create a spool file", dir);
	return 0;
}

/* What is in memory goes to disk, and the file goes on there. */
static int
move_to_disk(struct spool_file *f)
{
	int fd = open_nameless(f->dir);
	off_t off = 0;

	if (fd < 0)
		return -1;
	while ((uint64_t)off < f->size)
		if (sendfile(fd, f->fd, &off, f->size - (uint64_t)off) <= 0) {
			close(fd);
			return -1;
		}
	close(f->fd);
	f->fd = fd;
	f->in_memory = false;
	return 0;
}

int
spool_write(struct spool_file *f, struct span s, struct err *e)
{
	if (f->in_memory && f->size + s.n > SPOOL_MEMORY_MAX &&
	    move_to_disk(f) != 0)
		return err_errno(e, "%s: spool file", f->dir);
	if (write_all(f->fd, s.p, s.n) != 0)
		return err_errno(e, "spool file");
	f->size += s.n;
	return 0;
}

int
spool_seal(struct spool_file *f, struct err *e)
{
	if (f->in_memory && fcntl(f->fd, ADD_SEALS, SEALS) != 0)
		return err_errno(e, "spool file: seal");
	return 0;
}

int
spool_map(struct spool_file *f, struct span *s, struct err *e)
{
	*s = span_of(NULL, 0);
	if (spool_seal(f, e) != 0)
		return -1;
	if (f->size == 0)
		return 0;
	if (f->in_memory && f->size <= COPY_MAX) {
		f->copy = xcalloc(1, f->size);
		if (pread_all(f->fd, f->copy, f->size, 0) != (ssize_t)f->size)
			return err_errno(e, "spool file: read");
		*s = span_of(f->copy, f->size);
		return 0;
	}
	f->map = mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, f->fd, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return err_errno(e, "spool file: map");
	}
	f->map_size = f->size;
	*s = span_of(f->map, f->map_size);
	return 0;
}

void
spool_close(struct spool_file *f)
{
	if (f->map != NULL)
		munmap(f->map, f->map_size);
	free(f->copy);
	if (f->fd >= 0)
		close(f->fd);
	*f = SPOOL_FILE_NONE;
}

bool
spool_has_room(const char *dir, uint64_t max_size)
{
	struct statvfs v;

	if (statvfs(dir, &v) != 0)
		return false;
	return (uint64_t)v.f_bavail * v.f_frsize >= 2 * max_size;
}
