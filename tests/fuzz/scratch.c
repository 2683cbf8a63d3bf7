#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "require.h"

static char dir[64];

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void
scratch_remove(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
scratch_dir(void)
{
	if (dir[0] != '\0')
		return dir;
	snprintf(dir, sizeof(dir), "%s/pmg-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	require(mkdtemp(dir) != NULL);
	atexit(scratch_remove);
	return dir;
}

void
scratch_write(const char *name, struct span content)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scratch_dir(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0);
	require(write_all(fd, content.p, content.n) == 0);
	close(fd);
}
