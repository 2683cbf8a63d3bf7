#include "lib/base/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"

/* Of linux/memfd.h and linux/fcntl.h, which older headers lack. */
enum {
	NEW_FLAGS = 1 | 2,		/* CLOEXEC, ALLOW_SEALING */
	ADD_SEALS = 1033,		/* F_ADD_SEALS */
	GET_SEALS = 1034,		/* F_GET_SEALS */
	SEALS = 1 | 2 | 4 | 8,		/* SEAL, SHRINK, GROW, WRITE */
	NEEDED = 2 | 8,			/* SHRINK, WRITE */
	PIECE = 64 * 1024,
};

int
memfile_new(const char *name, struct err *e)
{
	/* glibc has a wrapper only from 2.27 on. */
	int fd = (int)syscall(SYS_memfd_create, name, NEW_FLAGS);

	return fd >= 0 ? fd : err_errno(e, "memory file");
}

int
memfile_seal(int fd, struct err *e)
{
	if (fcntl(fd, ADD_SEALS, SEALS) != 0)
		return err_errno(e, "memory file: seal");
	return 0;
}

int
memfile_of(const char *name, struct span content, struct err *e)
{
	int fd = memfile_new(name, e);

	if (fd < 0)
		return -1;
	if (write_all(fd, content.p, content.n) != 0)
		err_errno(e, "memory file");
	else if (memfile_seal(fd, e) == 0)
		return fd;
	close(fd);
	return -1;
}

int
memfile_read(int fd, bool sealed, struct buf *b, struct err *e)
{
	unsigned char piece[PIECE];
	uint64_t at = 0;
	struct stat st;
	ssize_t n;
	int have;

	if (sealed) {
		have = fcntl(fd, GET_SEALS);
		if (have < 0 || (have & NEEDED) != NEEDED)
			return err_set(e, "the file passed is not a sealed "
			    "memory file");
	}
	if (fstat(fd, &st) != 0)
		return err_errno(e, "memory file");
	if ((uint64_t)st.st_size > b->max - b->n)
		return err_set(e, "%lld bytes are too many",
		    (long long)st.st_size);
	while ((n = pread_all(fd, piece, sizeof(piece), at)) > 0) {
		buf_put(b, piece, (size_t)n);
		at += (uint64_t)n;
	}
	if (n < 0)
		return err_errno(e, "memory file");
	return b->overflow ? err_set(e, "memory file: it grew") : 0;
}
