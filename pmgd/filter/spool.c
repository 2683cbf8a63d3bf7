#include "filter/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"

int
spool_open(struct spool_file *f, const char *dir, struct err *e)
{
	char name[512];

	*f = SPOOL_FILE_NONE;
	f->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->fd >= 0)
		return 0;
	/* File systems without O_TMPFILE (old overlayfs, NFS). */
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return err_errno(e, "%s: create a spool file", dir);
	snprintf(name, sizeof(name), "%s/msg.XXXXXX", dir);
	f->fd = mkostemp(name, O_CLOEXEC);
	if (f->fd < 0)
		return err_errno(e, "%s: create a spool file", dir);
	unlink(name);
	return 0;
}

int
spool_write(struct spool_file *f, struct span s, struct err *e)
{
	if (write_all(f->fd, s.p, s.n) != 0)
		return err_errno(e, "spool file");
	f->size += s.n;
	return 0;
}

int
spool_map(struct spool_file *f, struct span *s, struct err *e)
{
	*s = span_of(NULL, 0);
	if (f->size == 0)
		return 0;
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
