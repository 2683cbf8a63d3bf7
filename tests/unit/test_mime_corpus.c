#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cpu_time.h"
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"
#include "../fuzz/mime_invariants.h"

/*
 * Every mail of the corpus, as it is and with CRLF line ends: the invariants
 * hold. PMG_CORPUS: its folder (default: beside the tree); skipped when there
 * is none.
 */

static const char *const folders[] = {"ham", "spam", "mime", "mime-is-broken",
    "rspamd-messages"};

struct tally {
	size_t mails;
	size_t bytes;
	int64_t us;	/* CPU time of mime_parse() alone */
	int64_t us_max;
	size_t defective;
};

static const char *
corpus(void)
{
	const char *dir = getenv("PMG_CORPUS");
	struct stat st;

	if (dir == NULL)
		dir = "../shared/corpus";
	return stat(dir, &st) == 0 ? dir : NULL;
}

static void
time_parse(struct tally *t, struct span msg)
{
	struct arena a;
	struct mime *m;
	int64_t began, took;

	arena_init(&a, 64 * 1024 * 1024);
	began = cpu_us();
	m = mime_parse(msg, &mime_limits_default, &a);
	took = cpu_us() - began;
	t->mails++;
	t->bytes += msg.n;
	t->us += took;
	if (took > t->us_max)
		t->us_max = took;
	if (m->defects & ~(uint32_t)MIME_BARE_LF)
		t->defective++;
	arena_free(&a);
}

static void
check_mail(struct tally *t, const char *path)
{
	struct buf lf, crlf;
	struct err e;
	const char *bad;

	buf_init(&lf, 64 * 1024 * 1024);
	buf_init(&crlf, 128 * 1024 * 1024);
	if (file_read(path, &lf, &e) == -1)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < lf.n; i++) {
		if (lf.p[i] == '\n' && (i == 0 || lf.p[i - 1] != '\r'))
			buf_putc(&crlf, '\r');
		buf_putc(&crlf, lf.p[i]);
	}
	bad = mime_invariants(buf_span(&lf), &mime_limits_default);
	if (bad == NULL)
		bad = mime_invariants(buf_span(&crlf), &mime_limits_default);
	if (bad != NULL)
		fail_msg("%s: %s", path, bad);
	time_parse(t, buf_span(&crlf));
	buf_free(&lf);
	buf_free(&crlf);
}

static void
test_folder(void **state)
{
	const char *folder = *state;
	char path[4096];
	char *roots[] = {path, NULL};
	struct tally t = {0};
	FTS *fts;
	FTSENT *ent;

	if (corpus() == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/%s", corpus(), folder);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(fts);
	while ((ent = fts_read(fts)) != NULL)
		if (ent->fts_info == FTS_F)
			check_mail(&t, ent->fts_path);
	fts_close(fts);
	assert_true(t.mails > 0);
	printf("# %s: %zu mails, %zu kB, parse %lld us a mail, %lld us at "
	       "most, %zu with defects\n", folder, t.mails, t.bytes / 1024,
	    (long long)t.us / (long long)t.mails, (long long)t.us_max,
	    t.defective);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof(folders) / sizeof(folders[0])] = {0};
	const size_t n = sizeof(folders) / sizeof(folders[0]);

	if (corpus() == NULL)
		printf("# no corpus: set PMG_CORPUS\n");
	for (size_t i = 0; i < n; i++) {
		tests[i].name = folders[i];
		tests[i].test_func = test_folder;
		tests[i].initial_state = (void *)(uintptr_t)folders[i];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
