/*
 * Preloaded into a daemon: makes the n-th call of one kind fail, once. (strace
 * could, but its injected calls look forbidden to seccomp, and containers
 * often do not allow it.) What is to fail stands in a page that the test
 * shares with the process: PMG_FAULTS names the file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { FSYNC = 1, FDATASYNC, WRITE, PWRITE, RENAME, LINK,
	TRUNCATE };

static volatile struct page {
	int32_t kind;		/* 0: nothing fails */
	int32_t countdown;	/* 1: the next one */
	int32_t error;
	int32_t hits;
} *page;

static void __attribute__((constructor))
attach(void)
{
	const char *path = getenv("PMG_FAULTS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	if (fd >= 0)
		p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		page = p;
}

/* Only files matter, and the log is none of them. */
static int
is_file(int fd)
{
	struct stat st;

	return fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int
fails(enum kind kind)
{
	if (page == NULL || page->kind != (int)kind || --page->countdown != 0)
		return 0;
	page->hits++;
	errno = page->error;
	return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRAP(ret, name, params, args, when)				\
	ret name params;						\
	ret								\
	name params							\
	{								\
		static __typeof__(&name) real;				\
									\
		if (real == NULL)					\
			real = REAL(name);				\
		return (when) ? -1 : real args;				\
	}

WRAP(int, fsync, (int fd), (fd), fails(FSYNC))
WRAP(int, fdatasync, (int fd), (fd), fails(FDATASYNC))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n),
    is_file(fd) && fails(WRITE))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n),
    is_file(fd) && fails(WRITE))
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o),
    (fd, p, n, o), is_file(fd) && fails(PWRITE))
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t o),
    (fd, p, n, o), is_file(fd) && fails(PWRITE))
WRAP(int, rename, (const char *a, const char *b), (a, b), fails(RENAME))
WRAP(int, renameat, (int x, const char *a, int y, const char *b),
    (x, a, y, b), fails(RENAME))
WRAP(int, renameat2, (int x, const char *a, int y, const char *b,
    unsigned int f), (x, a, y, b, f), fails(RENAME))
WRAP(int, linkat, (int x, const char *a, int y, const char *b, int f),
    (x, a, y, b, f), fails(LINK))
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), fails(TRUNCATE))
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), fails(TRUNCATE))
