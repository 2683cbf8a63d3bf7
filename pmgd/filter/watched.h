/*
 * A file that is loaded anew when it has changed: rules, user lists, the LDAP
 * directory. Whoever writes it replaces it by rename; nothing is signalled.
 * One stat() a message.
 */
#ifndef PMG_FILTER_WATCHED_H
#define PMG_FILTER_WATCHED_H

#include <stdbool.h>
#include <sys/stat.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* What identifies one version of a file. */
struct file_stamp {
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

/* False: there is no such file; the stamp is then empty. */
bool file_stamp_take(const char *path, struct file_stamp *s);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);

struct watched {
	const char *path;
	bool taken;			/* some version is in use: */
	struct file_stamp stamp;
	struct file_stamp read;		/* of what watched_read() gave */
};

enum watched_state {
	WATCHED_SAME,		/* as the version in use */
	WATCHED_NEW,		/* its bytes are in b */
	WATCHED_MISSING,
	WATCHED_BAD,		/* cannot be read; e tells */
};

enum watched_state watched_read(struct watched *w, struct buf *b,
    struct err *e);
/* What was read is in use. Not called: it is read again next time. */
void watched_take(struct watched *w);

#endif
