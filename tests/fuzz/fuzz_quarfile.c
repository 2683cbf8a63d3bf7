/*
 * Files of the quarantine. First byte even: the rest is a file as it is; odd:
 * the rest is an envelope, behind a message, lengths and checksums made right.
 * An envelope that is read is written as the same bytes again.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/ipc.h"
#include "lib/store/crc32c.h"
#include "lib/store/quarfile.h"
#include "require.h"

enum { ARENA_MAX = 1 << 22, MESSAGE = 5 };

static int
memory_file(struct span s)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write_all(fd, s.p, s.n) == 0);
	return fd;
}

static void
check(struct span file, const struct span *envelope)
{
	struct quarfile_info i;
	struct err e = {""};
	struct arena a;
	struct buf b;
	int fd = memory_file(file);

	arena_init(&a, ARENA_MAX);
	buf_init(&b, file.n + 2 * IPC_MAX);
	if (quarfile_info(fd, &i, &a, &e) == 0) {
		require(i.size <= file.n);
		if (envelope != NULL) {
			store_commit_put(&b, &i.commit);
			require(span_eq(buf_span(&b), *envelope));
		}
		buf_reset(&b);
		if (quarfile_read(fd, &b, &a, &e) == 0)
			require(span_eq(buf_span(&b),
			    span_sub(file, 0, i.size)));
		else
			require(e.text[0] != '\0');
	} else {
		require(e.text[0] != '\0');
		require(quarfile_read(fd, &b, &a, NULL) != 0);
	}
	close(fd);
	arena_free(&a);
	buf_free(&b);
}

static void
check_sealed(struct span envelope)
{
	struct buf b;
	uint32_t crc;

	buf_init(&b, IPC_MAX * 2);
	buf_puts_span(&b, envelope);
	buf_u64(&b, MESSAGE);
	buf_u32(&b, crc32c(0, "hello", MESSAGE));
	buf_u32(&b, (uint32_t)envelope.n);
	crc = crc32c(0, b.p, b.n);
	buf_reset(&b);
	buf_put(&b, "hello", MESSAGE);
	buf_puts_span(&b, envelope);
	buf_u64(&b, MESSAGE);
	buf_u32(&b, crc32c(0, "hello", MESSAGE));
	buf_u32(&b, (uint32_t)envelope.n);
	buf_u32(&b, crc);
	buf_puts(&b, "PMGQUAR1");
	check(buf_span(&b), &envelope);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 1 || size > IPC_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	if (data[0] & 1)
		check_sealed(in);
	else
		check(in, NULL);
	return 0;
}
