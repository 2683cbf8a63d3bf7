/* The corpus beside the tree (PMG_CORPUS: another place): its files. */
#ifndef TESTS_CORPUS_FIXTURE_H
#define TESTS_CORPUS_FIXTURE_H

#include <sys/stat.h>
#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"

static inline const char *
corpus(void)
{
	const char *dir = getenv("PMG_CORPUS");
	struct stat st;

	if (dir == NULL)
		dir = "../shared/corpus";
	return stat(dir, &st) == 0 ? dir : NULL;
}

typedef void corpus_fn(void *arg, const char *path, struct span mail);

/* fn for each file below the folder, without the "From " line of an mbox; the
 * test is skipped when there is no corpus. Returns how many there were. */
static inline size_t
corpus_each(const char *folder, corpus_fn *fn, void *arg)
{
	char path[4096];
	char *roots[] = {path, NULL};
	size_t n = 0;
	FTS *fts;
	FTSENT *ent;

	if (corpus() == NULL) {
		printf("# no corpus: set PMG_CORPUS\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/%s", corpus(), folder);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(fts);
	while ((ent = fts_read(fts)) != NULL) {
		struct buf b;
		struct err e;
		struct span mail;

		if (ent->fts_info != FTS_F)
			continue;
		buf_init(&b, 64 * 1024 * 1024);
		if (file_read(ent->fts_path, &b, &e) == -1)
			fail_msg("%s", e.text);
		mail = buf_span(&b);
		if (span_iprefix(mail, "From ")) {
			size_t lf = span_chr(mail, 0, '\n');

			mail = span_sub(mail, lf + 1, mail.n);
		}
		fn(arg, ent->fts_path, mail);
		buf_free(&b);
		n++;
	}
	fts_close(fts);
	assert_true(n > 0);
	return n;
}

#endif
