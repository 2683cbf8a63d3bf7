#include "filter/watched.h"

#include <string.h>
#include "lib/base/atomicfile.h"

bool
file_stamp_take(const char *path, struct file_stamp *s)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	if (stat(path, &st) != 0)
		return false;
	s->ino = st.st_ino;
	s->size = st.st_size;
	s->mtime = st.st_mtim;
	return true;
}

bool
file_stamp_same(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->ino == b->ino && a->size == b->size &&
	    a->mtime.tv_sec == b->mtime.tv_sec &&
	    a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* The stamp is taken before the bytes: a file that is replaced in between is
 * read once more, never missed. */
enum watched_state
watched_read(struct watched *w, struct buf *b, struct err *e)
{
	if (!file_stamp_take(w->path, &w->read))
		return WATCHED_MISSING;
	if (w->taken && file_stamp_same(&w->read, &w->stamp))
		return WATCHED_SAME;
	return file_read(w->path, b, e) == 0 ? WATCHED_NEW : WATCHED_BAD;
}

void
watched_take(struct watched *w)
{
	w->stamp = w->read;
	w->taken = true;
}
