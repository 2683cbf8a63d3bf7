#include "lib/base/atomicfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"

int
write_all(int fd, const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n > 0) {
		ssize_t w = write(fd, c, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		c += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t
pread_all(int fd, void *p, size_t n, uint64_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (char *)p + got, n - got,
		    (off_t)(off + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* The folder of path, opened for fsync. */
static int
open_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash == NULL ? xstrdup(".")
	    : xstrndup(path, slash == path ? 1 : (size_t)(slash - path));

	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
atomicfile_write(const char *path, struct span content, mode_t mode,
    struct err *e)
{
	AUTO_FREE char *tmp = xasprintf("%s.tmp.%d", path, (int)getpid());
	AUTO_CLOSE int dir = -1;
	int fd;

	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return err_errno(e, "%s: create", tmp);
	if (write_all(fd, content.p, content.n) != 0 || fchmod(fd, mode) != 0 ||
	    fsync(fd) != 0) {
		err_errno(e, "%s: write", tmp);
		close(fd);
		goto fail;
	}
	if (close(fd) != 0) {
		err_errno(e, "%s: close", tmp);
		goto fail;
	}
	if (rename(tmp, path) != 0) {
		err_errno(e, "%s: rename to %s", tmp, path);
		goto fail;
	}
	dir = open_parent(path);
	if (dir < 0 || fsync(dir) != 0)
		return err_errno(e, "%s: fsync of its folder", path);
	return 0;
fail:
	unlink(tmp);
	return -1;
}

int
file_read(const char *path, struct buf *b, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return err_errno(e, "%s", path);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "%s: read", path);
		buf_put(b, chunk, (size_t)n);
		if (b->overflow)
			return err_set(e, "%s: larger than %zu bytes", path,
			    b->max);
	}
	return 0;
}
