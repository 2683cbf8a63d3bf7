/*
 * What walk() finds in archives that real tools made, and in those that none
 * would make: each line of tests/unit/data/walk/expected.txt. PMG_WALK_WRITE=1
 * writes that file anew; read the difference before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/base/sandbox.h"
#include "lib/mail/utf8.h"
#include "walk_fixture.h"

enum { MB = 1024 * 1024 };

#define EXPECTED WALK_DATA "/expected.txt"

/* Their text is long, or depends on the memory there is: see the limits. */
static bool
is_bomb(const char *name)
{
	return strcmp(name, "many.zip") == 0 ||
	    strcmp(name, "overlap.zip") == 0 ||
	    strncmp(name, "dictionary.", 11) == 0;
}

static void
all_text(struct buf *out)
{
	struct dirent **list;
	int n = walk_files(&list);

	buf_init(out, WALK_TEXT_MAX);
	for (int i = 0; i < n; i++) {
		struct walk_seen s;
		struct buf b;

		if (is_bomb(list[i]->d_name))
			continue;
		walk_data(list[i]->d_name, &b);
		s = walk_text(buf_span(&b), list[i]->d_name,
		    &walk_limits_default);
		buf_printf(out, "== %s\n", list[i]->d_name);
		buf_puts_span(out, buf_span(&s.text));
		buf_free(&s.text);
		buf_free(&b);
	}
	walk_files_free(list, n);
}

/* The first line that differs, for people. */
static void
assert_same_text(struct span got, struct span want)
{
	size_t line = 0, i;

	for (i = 0; i < got.n && i < want.n && got.p[i] == want.p[i]; i++)
		if (got.p[i] == '\n')
			line = i + 1;
	if (got.n != want.n || i < got.n)
		fail_msg("got:\n%.*s\nwanted:\n%.*s",
		    (int)(span_chr(got, i, '\n') - line), got.p + line,
		    (int)(span_chr(want, i, '\n') - line), want.p + line);
}

static void
expected_text(struct buf *want)
{
	struct err e;

	buf_init(want, WALK_TEXT_MAX);
	if (file_read(EXPECTED, want, &e) == -1)
		fail_msg("%s", e.text);
}

static void
test_expected(void **state)
{
	struct buf got, want;

	(void)state;
	all_text(&got);
	if (getenv("PMG_WALK_WRITE") != NULL) {
		FILE *f = fopen(EXPECTED, "w");

		assert_non_null(f);
		fwrite(got.p, 1, got.n, f);
		fclose(f);
	}
	expected_text(&want);
	assert_same_text(buf_span(&got), buf_span(&want));
	buf_free(&got);
	buf_free(&want);
}

/* Of everything in the folder, each format that has to be known is there and
 * its program was found by its content. */
static void
test_each_format(void **state)
{
	static const char *const files[] = {"plain.zip", "nested.zip",
	    "bzip2.zip", "lzma.zip", "plain.7z", "nested.7z", "ppmd.7z",
	    "plain.rar4", "plain.rar5", "plain.tar", "v7.tar", "pax.tar",
	    "plain.tar.gz", "plain.tar.bz2", "plain.tar.xz", "plain.tar.zst",
	    "plain.tar.lz4", "plain.tar.lz", "plain.tar.Z", "plain.tar.lzma",
	    "plain.cab", "plain.iso.gz", "joliet.iso.gz", "plain.arj",
	    "stored.arj", "plain.lzh", "plain.rpm", "plain.deb", "plain.cpio",
	    "odc.cpio", "bin.cpio", "program.msi", "object.doc", "mail.msg",
	    "note.one", "winmail.zip", "sfx.zip.exe", "sfx.7z.exe",
	    "sfx.rar5.exe"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct walk_seen s;
		struct buf b;

		walk_data(files[i], &b);
		s = walk_text(buf_span(&b), "", &walk_limits_default);
		if (s.flags != WALK_ARCHIVE || strstr(buf_cstr(&s.text),
		        " application/x-ms-dos-executable\n") == NULL)
			fail_msg("%s: flags %u\n%s", files[i], s.flags,
			    buf_cstr(&s.text));
		buf_free(&s.text);
		buf_free(&b);
	}
}

/* No name, no content, and a name only. */
static void
test_nothing(void **state)
{
	struct walk_seen s = walk_text(span_of(NULL, 0), "",
	    &walk_limits_default);

	(void)state;
	assert_string_equal(buf_cstr(&s.text),
	    "0  application/octet-stream\n");
	buf_free(&s.text);
	s = walk_text(SPAN_LIT("words"), "a\tb\xff.txt", &walk_limits_default);
	assert_string_equal(buf_cstr(&s.text),
	    "0 a%09b\xef\xbf\xbd.txt application/octet-stream\n");
	buf_free(&s.text);
}

/* As scanner.c makes it; 0 when the walk finds the same inside of it. */
static int
sandboxed(const struct buf *want)
{
	static const char *const none[] = {NULL};
	const struct sandbox s = {.net = SANDBOX_NET_NONE,
	    .fsize_bytes = MB, .nofile = 64, .read_paths = none,
	    .write_paths = none};
	struct dirent **list;
	int n = walk_files(&list), bad = 0;
	struct buf *content = calloc((size_t)n, sizeof(*content));
	struct buf got;
	struct err e;

	for (int i = 0; i < n; i++)
		walk_data(list[i]->d_name, &content[i]);
	walk_prepare();
	if (sandbox_enter(&s, &e) != 0)
		return 2;
	buf_init(&got, WALK_TEXT_MAX);
	for (int i = 0; i < n; i++) {
		struct walk_seen seen = walk_text(buf_span(&content[i]),
		    list[i]->d_name, &walk_limits_default);

		if (!is_bomb(list[i]->d_name)) {
			buf_printf(&got, "== %s\n", list[i]->d_name);
			buf_puts_span(&got, buf_span(&seen.text));
		}
		buf_free(&seen.text);
		buf_free(&content[i]);
	}
	bad = !span_eq(buf_span(&got), buf_span(want));
	buf_free(&got);
	free(content);
	walk_files_free(list, n);
	return bad;
}

static void
test_sandbox(void **state)
{
	struct buf want;
	int status;
	pid_t pid;

	(void)state;
	expected_text(&want);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandboxed(&want));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	buf_free(&want);
}

/* Documents of make_active.py: active where the name says so, and only there. */
static void
test_active(void **state)
{
	struct dirent **list;
	int n = walk_files(&list);
	unsigned active = 0, quiet = 0;

	(void)state;
	for (int i = 0; i < n; i++) {
		bool want = strncmp(list[i]->d_name, "active-", 7) == 0;
		struct walk_seen s;
		struct buf b;

		if (!want && strncmp(list[i]->d_name, "quiet", 5) != 0)
			continue;
		walk_data(list[i]->d_name, &b);
		s = walk_text(buf_span(&b), "", &walk_limits_default);
		if ((s.flags & ~(unsigned)WALK_ARCHIVE) !=
		    (want ? WALK_MACROS : 0))
			fail_msg("%s: flags %u", list[i]->d_name, s.flags);
		*(want ? &active : &quiet) += 1;
		buf_free(&s.text);
		buf_free(&b);
	}
	assert_true(active >= 25 && quiet >= 9);
	walk_files_free(list, n);
}

/* Cut off anywhere, and with any byte of it changed: for the sanitizers. */
static void
test_active_hostile(void **state)
{
	struct dirent **list;
	int n = walk_files(&list);

	(void)state;
	for (int i = 0; i < n; i++) {
		struct buf b;

		if (strncmp(list[i]->d_name, "active-", 7) != 0)
			continue;
		walk_data(list[i]->d_name, &b);
		for (size_t k = 0; k < b.n; k += 7) {
			unsigned char *copy = malloc(k + 1);
			struct walk_seen s;

			memcpy(copy, b.p, k);
			s = walk_text(span_of(copy, k), "",
			    &walk_limits_default);
			buf_free(&s.text);
			free(copy);
			b.p[k] ^= (unsigned char)(1 + k);
			s = walk_text(buf_span(&b), "", &walk_limits_default);
			buf_free(&s.text);
			b.p[k] ^= (unsigned char)(1 + k);
		}
		buf_free(&b);
	}
	walk_files_free(list, n);
}

/* In the corpus' documents that do something, unlike a text or a program. */
static bool
corpus_active(const char *name)
{
	static const char *const words[] = {"-macro-", "-dde-", "-action-",
	    "-javascript-", "acrobat-attachment"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

/* The corpus' documents: macros where the name says so, and only there. */
static void
test_corpus_macros(void **state)
{
	const char *dir = getenv("PMG_CORPUS");
	struct dirent **list = NULL;
	char path[1024];
	int n;

	(void)state;
	snprintf(path, sizeof(path), "%s/eicar-files", dir ? dir
	    : "../shared/corpus");
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0) {
		print_message("skipped: no corpus (PMG_CORPUS)\n");
		skip();
	}
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		struct walk_seen s;
		struct buf b;
		struct err e;

		buf_init(&b, WALK_FILE_MAX);
		snprintf(path, sizeof(path), "%s/eicar-files/%s", dir ? dir
		    : "../shared/corpus", name);
		if (name[0] != '.' && file_read(path, &b, &e) == 0) {
			s = walk_text(buf_span(&b), name,
			    &walk_limits_default);
			if (((s.flags & WALK_MACROS) != 0) !=
			    corpus_active(name) ||
			    (s.flags & ~(unsigned)(WALK_ARCHIVE | WALK_MACROS)))
				fail_msg("%s: flags %u", name, s.flags);
			buf_free(&s.text);
		}
		buf_free(&b);
	}
	walk_files_free(list, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_each_format),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_active),
		cmocka_unit_test(test_active_hostile),
		cmocka_unit_test(test_corpus_macros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
