#include "scan/tmptree.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

enum { OPEN_FOLDERS = 16 };

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	remove(path);
	return 0;
}

void
tmptree_remove(const char *path)
{
	nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int
tmptree_make(const char *path, struct err *e)
{
	tmptree_remove(path);
	if (mkdir(path, 0700) != 0)
		return err_errno(e, "%s", path);
	return 0;
}
