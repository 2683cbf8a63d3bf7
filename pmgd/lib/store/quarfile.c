#include "lib/store/quarfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/store/crc32c.h"

enum {
	FOOT = 28,		/* lengths, checksums, magic */
	FOOT_CRC = 16,		/* bytes of it that its CRC covers */
	CHUNK = 64 * 1024,
};

static const char magic[] = "PMGQUAR1";
const char quarfile_kind[QUARFILE_KINDS] = {QUAR_SPAM, QUAR_VIRUS,
    QUAR_ATTACHMENT, QUAR_POISON, QUAR_HELD};

const char *
quarfile_folder(enum quarantine_kind kind)
{
	switch (kind) {
	case QUAR_SPAM:
		return "spam";
	case QUAR_VIRUS:
		return "virus";
	case QUAR_ATTACHMENT:
		return "attachment";
	case QUAR_HELD:
		return "held";
	case QUAR_POISON:
		break;
	}
	return "poison";
}

int
quarfile_root(const char *path, struct err *e)
{
	int fd;

	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return err_errno(e, "%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "%s", path);
	for (int i = 0; i < QUARFILE_KINDS; i++) {
		const char *folder = quarfile_folder(
		    (enum quarantine_kind)quarfile_kind[i]);

		if (mkdirat(fd, folder, 0750) != 0 && errno != EEXIST) {
			err_errno(e, "%s/%s", path, folder);
			close(fd);
			return -1;
		}
	}
	if (fsync(fd) != 0) {
		err_errno(e, "%s: fsync", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* The folder part of path into dir (of the same size). */
static void
folder_of(const char *path, char *dir)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	memcpy(dir, path, n);
	dir[n] = '\0';
}

static int
folder_sync(int root, const char *dir, struct err *e)
{
	AUTO_CLOSE int fd =
	    openat(root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(e, "quarantine %s: fsync", dir);
	return 0;
}

int
quarfile_sync_folder(int root, const char *path, struct err *e)
{
	char dir[QUARFILE_PATH];

	folder_of(path, dir);
	return folder_sync(root, dir, e);
}

/* FOLDER/XX; made durable when it is new. */
static int
folder_make(int root, const char *path, struct err *e)
{
	char dir[QUARFILE_PATH], parent[QUARFILE_PATH];

	folder_of(path, dir);
	if (mkdirat(root, dir, 0750) == 0) {
		folder_of(dir, parent);
		return folder_sync(root, parent, e);
	}
	return errno == EEXIST ? 0 : err_errno(e, "quarantine %s", dir);
}

/*
 * The descriptor came from another process: its offset and its length are
 * that one's word. Read from 0, and exactly as much as was announced.
 */
static int
copy_message(int dst, int src, uint64_t size, uint32_t *crc_r, struct err *e)
{
	static unsigned char chunk[CHUNK];
	struct stat st;
	uint64_t off = 0;

	if (fstat(src, &st) != 0)
		return err_errno(e, "message: stat");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return err_set(e, "message is no file of %llu bytes",
		    (unsigned long long)size);
	*crc_r = 0;
	while (off < size) {
		size_t want = size - off < CHUNK ? (size_t)(size - off) : CHUNK;
		ssize_t n = pread_all(src, chunk, want, off);

		if (n < 0)
			return err_errno(e, "message: read");
		if ((size_t)n < want)
			return err_set(e, "message became shorter");
		if (write_all(dst, chunk, want) != 0)
			return err_errno(e, "quarantine: write");
		*crc_r = crc32c(*crc_r, chunk, want);
		off += want;
	}
	return 0;
}

static int
trailer_write(int fd, const struct store_commit *c, uint32_t crc,
    struct err *e)
{
	AUTO_BUF struct buf b;
	uint32_t length;

	buf_init(&b, IPC_MAX + FOOT);
	store_commit_put(&b, c);
	length = (uint32_t)b.n;
	buf_u64(&b, c->size);
	buf_u32(&b, crc);
	buf_u32(&b, length);
	buf_u32(&b, crc32c(0, b.p, b.n));
	buf_put(&b, magic, sizeof(magic) - 1);
	if (b.overflow)
		return err_set(e, "envelope is too large");
	if (write_all(fd, b.p, b.n) != 0)
		return err_errno(e, "quarantine: write");
	return 0;
}

int
quarfile_write(struct quarfile *f, int src, const struct store_commit *c,
    struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	uint32_t crc = 0;

	f->fd = -1;
	f->renamed = false;
	snprintf(f->tmp, sizeof(f->tmp), "%s.tmp", f->path);
	/* Two of the same name cannot be written at once: one process, and a
	 * batch writes a message once. What is there is a dead one's. */
	f->fd = openat(f->root, f->tmp, flags, 0640);
	if (f->fd < 0 && errno == ENOENT) {
		if (folder_make(f->root, f->path, e) != 0)
			return -1;
		f->fd = openat(f->root, f->tmp, flags, 0640);
	}
	if (f->fd < 0)
		return err_errno(e, "quarantine %s", f->tmp);
	if (copy_message(f->fd, src, c->size, &crc, e) != 0 ||
	    trailer_write(f->fd, c, crc, e) != 0) {
		quarfile_discard(f);
		return -1;
	}
	return 0;
}

void
quarfile_start_sync(const struct quarfile *f)
{
	sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int
quarfile_sync(struct quarfile *f, struct err *e)
{
	int fd = f->fd;

	f->fd = -1;
	if (fsync(fd) != 0) {
		err_errno(e, "quarantine %s: fsync", f->tmp);
		close(fd);
		goto fail;
	}
	if (close(fd) != 0) {
		err_errno(e, "quarantine %s: close", f->tmp);
		goto fail;
	}
	return 0;
fail:
	quarfile_discard(f);
	return -1;
}

int
quarfile_rename(struct quarfile *f, struct err *e)
{
	if (renameat(f->root, f->tmp, f->root, f->path) != 0) {
		err_errno(e, "quarantine %s: rename", f->tmp);
		quarfile_discard(f);
		return -1;
	}
	f->renamed = true;
	return 0;
}

void
quarfile_discard(struct quarfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	unlinkat(f->root, f->renamed ? f->path : f->tmp, 0);
}

int
quarfile_open(int root, const char *path, bool *missing_r, struct err *e)
{
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*missing_r = fd < 0 && errno == ENOENT;
	return fd < 0 ? err_errno(e, "quarantine %s", path) : fd;
}

static int
pread_exact(int fd, void *p, size_t n, uint64_t off, struct err *e)
{
	ssize_t got = pread_all(fd, p, n, off);

	if (got < 0)
		return err_errno(e, "quarantine: read");
	if ((size_t)got < n)
		return err_set(e, "quarantine file is too short");
	return 0;
}

static int
append_range(int fd, struct buf *b, uint64_t off, uint64_t n, struct err *e)
{
	static unsigned char chunk[CHUNK];

	while (n > 0 && !b->overflow) {
		size_t want = n < CHUNK ? (size_t)n : CHUNK;

		if (pread_exact(fd, chunk, want, off, e) != 0)
			return -1;
		buf_put(b, chunk, want);
		off += want;
		n -= want;
	}
	return b->overflow ? err_set(e, "quarantine file is too large") : 0;
}

int
quarfile_info(int fd, struct quarfile_info *i, struct arena *a, struct err *e)
{
	AUTO_BUF struct buf b;
	unsigned char foot[FOOT];
	struct cursor c = cur_of(span_of(foot, FOOT));
	uint32_t length, crc;
	struct stat st;

	buf_init(&b, IPC_MAX);
	if (fstat(fd, &st) != 0)
		return err_errno(e, "quarantine: stat");
	if (st.st_size < FOOT)
		return err_set(e, "quarantine file has no envelope");
	if (pread_exact(fd, foot, FOOT, (uint64_t)st.st_size - FOOT, e) != 0)
		return -1;
	i->size = cur_u64(&c);
	i->crc = cur_u32(&c);
	length = cur_u32(&c);
	crc = cur_u32(&c);
	if (!span_eq(cur_take(&c, 8), span_of(magic, 8)) ||
	    length > IPC_MAX || i->size > (uint64_t)st.st_size ||
	    i->size + length + FOOT != (uint64_t)st.st_size)
		return err_set(e, "quarantine file has no envelope");
	if (append_range(fd, &b, i->size, length, e) != 0)
		return -1;
	if (crc32c(crc32c(0, b.p, b.n), foot, FOOT_CRC) != crc ||
	    store_commit_get(buf_span(&b), &i->commit, a) != 0)
		return err_set(e, "quarantine file's envelope is damaged");
	return 0;
}

int
quarfile_read(int fd, struct buf *b, struct arena *a, struct err *e)
{
	struct quarfile_info i;
	size_t start = b->n;

	if (quarfile_info(fd, &i, a, e) != 0 ||
	    append_range(fd, b, 0, i.size, e) != 0)
		return -1;
	if (i.size > 0 && crc32c(0, b->p + start, i.size) != i.crc)
		return err_set(e, "quarantined message is damaged");
	return 0;
}
