/*
 * Bombs and broken archives: walk() ends within its limits, says so, and what
 * came before is reported. CPU time is that of the thread, with room for what
 * runs between two looks at the clock, and for sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cpu_time.h"
#include "walk_fixture.h"

enum {
	SLACK_MS = 1500,	/* one step under ASan on a slow machine */
	FLIPS = 12,		/* rounds for each file */
	KB_PER_MB = 1024,
};

static const struct walk_limits small = {.depth = 6, .entries = 200,
    .entry_bytes = 400000, .total_bytes = 2000000, .cpu_ms = 1000};

static struct walk_seen
seen_file(const char *name, const struct walk_limits *lim)
{
	struct walk_seen s;
	struct buf b;

	walk_data(name, &b);
	s = walk_text(buf_span(&b), name, lim);
	buf_free(&b);
	return s;
}

static bool
last_line_has(struct walk_seen *s, const char *word)
{
	char *text = (char *)(uintptr_t)buf_cstr(&s->text), *line;

	text[s->text.n - 1] = '\0';
	line = strrchr(text, '\n');
	return strstr(line ? line : text, word) != NULL;
}

/* Twelve zips in each other, five are entered. */
static void
test_depth(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s = seen_file("deep.zip", &lim);

	(void)state;
	assert_int_equal(s.depth, lim.depth);
	assert_int_equal(s.limits, 1);
	buf_free(&s.text);
	lim.depth = 20;
	s = seen_file("deep.zip", &lim);
	assert_int_equal(s.depth, 13);
	assert_int_equal(s.flags, WALK_ARCHIVE);
	buf_free(&s.text);
	lim.depth = 0;
	s = seen_file("deep.zip", &lim);
	assert_int_equal(s.entries, 0);
	assert_int_equal(s.flags, WALK_LIMIT);
	buf_free(&s.text);
}

/* 1,500 members with two names each. */
static void
test_entries(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s = seen_file("many.zip", &lim);

	(void)state;
	assert_int_equal(s.entries, 2 * lim.entries);
	assert_true(s.flags & WALK_LIMIT);
	assert_true(last_line_has(&s, "limit"));
	buf_free(&s.text);
	lim.entries = 1500;
	s = seen_file("many.zip", &lim);
	assert_int_equal(s.entries, 3000);
	assert_false(s.flags & WALK_LIMIT);
	buf_free(&s.text);
	lim.entries = 0;
	s = seen_file("many.zip", &lim);
	assert_int_equal(s.entries, 0);
	assert_true(s.flags & WALK_LIMIT);
	buf_free(&s.text);
}

/* 218 bytes that are 30 MB. */
static void
test_entry_bytes(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s = seen_file("zeros.gz", &lim);

	(void)state;
	assert_true(s.bytes <= lim.entry_bytes + 100000);
	assert_true(s.flags & WALK_LIMIT);
	assert_true(last_line_has(&s, "archive"));
	buf_free(&s.text);
	lim.entry_bytes = 31000000;
	s = seen_file("zeros.gz", &lim);
	assert_false(s.flags & WALK_LIMIT);
	buf_free(&s.text);
}

/* One stream of 1 MB, listed 300 times. */
static void
test_total_bytes(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s;

	(void)state;
	lim.total_bytes = 10500000;
	s = seen_file("overlap.zip", &lim);
	/* Two names each. */
	assert_true(s.bytes / 2 <= lim.total_bytes + 100000);
	assert_true(s.entries / 2 >= 10 && s.entries / 2 <= 11);
	assert_true(last_line_has(&s, "limit"));
	buf_free(&s.text);
}

static void
test_cpu(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s;
	int64_t began;

	(void)state;
	lim.cpu_ms = 20;
	lim.total_bytes = UINT64_MAX;
	lim.entries = 1000000;
	began = cpu_ms();
	s = seen_file("overlap.zip", &lim);
	assert_true(cpu_ms() - began < 20 + SLACK_MS);
	assert_true(s.entries < 600);
	assert_true(last_line_has(&s, "limit"));
	buf_free(&s.text);
}

/* A deadline that passed ends it, however little CPU that took. */
static void
test_deadline(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s;

	(void)state;
	lim.total_bytes = UINT64_MAX;
	lim.entries = 1000000;
	lim.deadline_ms = 1;
	s = seen_file("overlap.zip", &lim);
	assert_true(s.entries < 10);
	assert_true(last_line_has(&s, "limit"));
	buf_free(&s.text);
}

/* What a file announces is not what gets allocated. */
static void
test_memory(void **state)
{
	static const char *const files[] = {"dictionary.xz", "dictionary.zst",
	    "overlap.zip", "zeros.gz"};
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct rusage before, after;
			struct walk_seen s;

			getrusage(RUSAGE_SELF, &before);
			s = seen_file(files[i], &walk_limits_default);
			buf_free(&s.text);
			getrusage(RUSAGE_SELF, &after);
			/* ASan's shadow of 1 GB is 128 MB. */
			_exit(after.ru_maxrss - before.ru_maxrss >
			    256 * KB_PER_MB);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s: status 0x%x", files[i], status);
	}
}

/* ASan marks each announced byte, which takes a second a walk. */
static bool
is_slow(const char *name)
{
	return strncmp(name, "dictionary.", 11) == 0;
}

/* An exact copy, so that ASan sees a read behind its end. */
static struct walk_seen
walk_copy(struct span bytes, const char *name)
{
	unsigned char *copy = malloc(bytes.n ? bytes.n : 1);
	struct walk_seen s;
	int64_t began = cpu_ms();

	assert_non_null(copy);
	if (bytes.n > 0)
		memcpy(copy, bytes.p, bytes.n);
	s = walk_text(span_of(copy, bytes.n), name, &small);
	free(copy);
	if (cpu_ms() - began > small.cpu_ms + SLACK_MS)
		fail_msg("%s: %d ms", name, (int)(cpu_ms() - began));
	return s;
}

/* Cut anywhere: ends well; cut in half, an archive is not silently whole. */
static void
test_cut(void **state)
{
	/* These lose what follows the archive, or hold only a hint. */
	static const char *const whole[] = {"trailing.zip", "dictionary.zst",
	    "joliet.iso.gz", "plain.iso.gz",
	    "note.one", "picture.png", "junk.zip", "sfx.zip.exe",
	    "sfx.7z.exe", "sfx.rar5.exe", "two-ends.zip", "v7.tar"};
	struct dirent **list;
	int n = walk_files(&list);

	(void)state;
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		const unsigned told = WALK_UNREADABLE | WALK_LIMIT |
		    WALK_ENCRYPTED;
		struct walk_seen s;
		/* Of a PDF no end is needed. */
		bool skip_it = strstr(name, ".pdf") != NULL;
		struct buf b;

		if (is_slow(name))
			continue;
		walk_data(name, &b);
		for (size_t k = 1; k < 8; k++) {
			s = walk_copy(span_sub(buf_span(&b), 0, b.n * k / 8),
			    name);
			for (size_t w = 0; w < sizeof(whole) /
			    sizeof(whole[0]); w++)
				skip_it |= strcmp(name, whole[w]) == 0;
			if (k == 4 && !skip_it && (s.flags & told) == 0)
				fail_msg("%s cut in half:\n%s", name,
				    buf_cstr(&s.text));
			buf_free(&s.text);
		}
		buf_free(&b);
	}
	walk_files_free(list, n);
}

/* A few bytes changed, the same ones each time the test runs. */
static void
test_flipped(void **state)
{
	struct dirent **list;
	int n = walk_files(&list);
	uint32_t r = 12345;

	(void)state;
	for (int i = 0; i < n; i++) {
		struct buf b;

		if (is_slow(list[i]->d_name))
			continue;
		walk_data(list[i]->d_name, &b);
		for (int round = 0; round < FLIPS; round++) {
			size_t at[4];
			unsigned char old[4];
			struct walk_seen s;

			for (int k = 0; k < 4; k++) {
				r = r * 1664525 + 1013904223;
				/* Headers are at the start more often. */
				at[k] = (r >> 8) % (round % 2 && b.n > 64 ? 64
				    : b.n);
				old[k] = b.p[at[k]];
				b.p[at[k]] ^= (unsigned char)(r >> 3 | 1);
			}
			s = walk_copy(buf_span(&b), list[i]->d_name);
			buf_free(&s.text);
			for (int k = 3; k >= 0; k--)
				b.p[at[k]] = old[k];
		}
		buf_free(&b);
	}
	walk_files_free(list, n);
}

static void
put_file(struct buf *out, const char *name)
{
	struct buf b;

	walk_data(name, &b);
	buf_puts_span(out, buf_span(&b));
	buf_free(&b);
}

/* What looks like an archive hides none behind it. */
static void
test_decoys(void **state)
{
	static const char decoy[] = "7z\xbc\xaf\x27\x1c\0\4" "0123\1\0\0\0\0\0\0"
	    "\0\1\0\0\0\0\0\0\0" "3210";
	struct walk_seen s;
	struct buf b;

	(void)state;
	/* A zip at the end. */
	buf_init(&b, WALK_FILE_MAX);
	buf_puts(&b, "some program");
	put_file(&b, "plain.7z");
	put_file(&b, "quiet.zip");
	s = walk_text(buf_span(&b), "x.7z", &walk_limits_default);
	assert_non_null(strstr(buf_cstr(&s.text), "dir/evil.exe"));
	assert_non_null(strstr(buf_cstr(&s.text), "a.xml"));
	buf_free(&s.text);
	buf_reset(&b);
	/* More of them than are tried. */
	buf_puts(&b, "some program");
	for (int i = 0; i < 20; i++)
		buf_put(&b, decoy, sizeof(decoy) - 1);
	s = walk_text(buf_span(&b), "x.7z", &walk_limits_default);
	assert_true(s.flags & WALK_LIMIT);
	buf_free(&s.text);
	buf_free(&b);
}

enum { FILE4_HEAD = 32, FOLDER4 = 0xe0 };

/* A stored file of one byte, or a folder, of a rar of version 4. */
static void
put_rar4(struct buf *b, char name, bool folder)
{
	unsigned char h[FILE4_HEAD + 1] = {0};

	h[2] = 0x74;
	h[3] = folder ? FOLDER4 : 0;
	h[4] = 0x80;
	h[5] = sizeof(h);
	h[7] = h[11] = !folder;
	h[25] = 0x30;
	h[26] = 1;
	h[FILE4_HEAD] = (unsigned char)name;
	buf_put(b, h, sizeof(h));
	if (!folder)
		buf_putc(b, 'x');
}

/* Folders do not count, and as many files as there may be are no limit. */
static void
test_rar_entries(void **state)
{
	struct walk_limits lim = walk_limits_default;
	struct walk_seen s;
	struct buf b;

	(void)state;
	lim.entries = 3;
	buf_init(&b, 4096);
	buf_puts_span(&b, SPAN_LIT("Rar!\x1a\x07\0"));
	for (int i = 0; i < 5; i++)
		put_rar4(&b, (char)('a' + i), true);
	for (int i = 0; i < 3; i++)
		put_rar4(&b, (char)('p' + i), false);
	s = walk_text(buf_span(&b), "x.rar", &lim);
	assert_int_equal(s.entries, 3);
	assert_int_equal(s.flags, WALK_ARCHIVE);
	buf_free(&s.text);
	put_rar4(&b, 'z', false);
	s = walk_text(buf_span(&b), "x.rar", &lim);
	assert_int_equal(s.entries, 3);
	assert_int_equal(s.flags, WALK_ARCHIVE | WALK_LIMIT);
	buf_free(&s.text);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_rar_entries),
		cmocka_unit_test(test_entry_bytes),
		cmocka_unit_test(test_total_bytes),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_decoys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
