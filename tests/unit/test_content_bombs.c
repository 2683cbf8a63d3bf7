/*
 * Bombs of structure: each ends in time that is linear in its size, by the
 * clock of the thread, within the arena's maximum; the limit shows, and the
 * content in front of it is there.
 */
#include "content_fixture.h"
#include "cpu_time.h"

#include "lib/mail/addr.h"

enum {
	MB = 1024 * 1024,
	/* Milliseconds for a MB; a sanitizer makes it about ten times slower
	 * (measured: 1 to 70 without, see the printed figures). */
#ifdef PMG_SANITIZED
	MS_PER_MB = 3000,
#else
	MS_PER_MB = 300,
#endif
	MS_BASE = 100,
};

typedef void build_fn(struct buf *b);

static void
repeat(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_puts(b, s);
}

static void
deep_messages(struct buf *b)
{
	repeat(b, "Content-Type: message/rfc822\n\n", 10000);
	buf_puts(b, "Subject: x\n\nthe end\n");
}

static void
deep_multiparts(struct buf *b)
{
	for (int i = 0; i < 10000; i++)
		buf_printf(b, "Content-Type: multipart/mixed; boundary=b%d."
		    "\n\n--b%d.\n", i, i);
	buf_puts(b, "\nthe end\n");
}

static void
many_parts(struct buf *b)
{
	buf_puts(b, "Content-Type: multipart/mixed; boundary=b\n\n");
	repeat(b, "--b\nContent-Transfer-Encoding: base64\n\nQUJD\n", 100000);
}

static void
many_hidden_parts(struct buf *b)
{
	buf_puts(b, "Content-Type: multipart/mixed; boundary=b\n\n");
	repeat(b, "--c\nContent-Transfer-Encoding: base64\n\nQUJD\n", 100000);
}

static void
long_header(struct buf *b)
{
	buf_puts(b, "Subject: ");
	repeat(b, "x y\n z", MB / 6);
	buf_puts(b, "\nContent-Type: text/plain\n\nthe end\n");
}

static void
long_line(struct buf *b)
{
	buf_puts(b, "Subject: x\n\n");
	repeat(b, "0123456789", MB);
}

static void
many_recipients(struct buf *b)
{
	buf_puts(b, "To: a@example.com");
	repeat(b, ",\n \"Name\" <somebody@example.com>", 100000);
	buf_puts(b, "\n\nthe end\n");
}

static void
many_fields(struct buf *b)
{
	repeat(b, "X: y\n", 100000);
	buf_puts(b, "\nthe end\n");
}

static void
long_boundary(struct buf *b)
{
	buf_puts(b, "Content-Type: multipart/mixed; boundary=");
	repeat(b, "x", MB);
	buf_puts(b, "\n\n");
	repeat(b, "--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 1000);
}

static void
many_segments(struct buf *b)
{
	buf_puts(b, "Content-Disposition: attachment");
	for (int i = 9999; i >= 0; i--)
		buf_printf(b, ";\n filename*%d*=%%41", i);
	buf_puts(b, "\n\nthe end\n");
}

static void
nested_comments(struct buf *b)
{
	buf_puts(b, "Content-Type: text/plain; name=");
	repeat(b, "(", MB / 2);
	repeat(b, ")", MB / 4);
	buf_puts(b, "\nContent-Transfer-Encoding: ");
	repeat(b, "(", MB / 4);
	buf_puts(b, "\n\nthe end\n");
}

static void
broken_base64(struct buf *b)
{
	buf_puts(b, "Content-Type: application/zip\n"
	    "Content-Transfer-Encoding: base64\n\n");
	repeat(b, "QUJDR=A#b\n\nXX=X", MB / 14);
}

static void
broken_qp(struct buf *b)
{
	buf_puts(b, "Content-Type: application/zip\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n");
	repeat(b, "=4=aF=AF==XX", MB / 12);
}

static void
hidden_fields(struct buf *b)
{
	buf_puts(b, "Subject: x\n\n");
	repeat(b, "--\nContent-Type: multipart/mixed; boundary=x\n\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n", 10000);
}

static void
ambiguous_everything(struct buf *b)
{
	buf_puts(b, "Content-Type: multipart/mixed; boundary=a; boundary=b; "
	    "boundary=c; boundary=d\n\n");
	repeat(b, "--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64, "
	    "quoted-printable\n\nQ29udGVudC1UeXBlOiB4\n--ax\n\r--c\r\n", 10000);
}

static void
many_uu(struct buf *b)
{
	buf_puts(b, "Subject: x\n\n");
	for (int i = 0; i < 40000; i++)
		buf_printf(b, "begin 644 a%d\n#86)C\nend\n", i);
}

static uint64_t
hash_step(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x100000001b3u;
	return h ^ h >> 29;
}

static void
put_uu(struct buf *b, const unsigned char *p, size_t n)
{
	enum { LINE = 45 };

	buf_puts(b, "begin 644 a\n");
	for (size_t i = 0; i < n; i += LINE) {
		size_t k = n - i < LINE ? n - i : LINE;

		buf_putc(b, ' ' + (int)k);
		for (size_t j = i; j < i + k; j += 3) {
			unsigned v = (unsigned)p[j] << 16 |
			    (unsigned)p[j + 1] << 8 | p[j + 2];

			for (int shift = 18; shift >= 0; shift -= 6)
				buf_putc(b, '`' - 64 + (int)((v >> shift & 63)
				    ? v >> shift & 63 : 64));
		}
		buf_putc(b, '\n');
	}
	buf_puts(b, "`\nend\n");
}

/* They differ in the last two words only, and content_list.c has the same hash
 * for all of them. */
static void
colliding_files(struct buf *b)
{
	enum { FILES = 3000, WORDS = 300 };
	uint64_t file[WORDS] = {0};

	buf_puts(b, "Subject: x\n\n");
	for (uint64_t i = 0; i < FILES; i++) {
		uint64_t h = 0xcbf29ce484222325u ^ sizeof(file);

		for (size_t k = 0; k < WORDS - 2; k++)
			h = hash_step(h, file[k]);
		file[WORDS - 2] = i;
		file[WORDS - 1] = hash_step(h, i);
		put_uu(b, (const unsigned char *)file, sizeof(file));
	}
}

static void
binhex_lines(struct buf *b)
{
	buf_puts(b, "Subject: x\n\n");
	repeat(b, "(This file must be converted with BinHex\n", MB / 40);
	buf_puts(b, ":");
	repeat(b, "(This file must be converted with BinHex\n", MB / 40);
}

/* Each run of a marker and 255 is 255 bytes. */
static void
binhex_runs(struct buf *b)
{
	buf_puts(b, "Subject: x\n\n(This file must be converted with BinHex\n"
	    ":!@%!9&P3480548%!!!!!!!!!!!!!!!\"KBQ-!");
	repeat(b, "N2q3rj$r", MB / 8);
}

static void
nested_encodings(struct buf *b)
{
	repeat(b, "Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n", 2000);
}

static void
check_bomb(const char *what, build_fn *build, uint32_t want)
{
	struct reading_of r;
	struct addr *list;
	struct buf b;
	int64_t began, took;

	buf_init(&b, 64 * MB);
	build(&b);
	began = cpu_ms();
	r = content_read(buf_span(&b));
	if (mime_field_find(r.m->part[0], "To") != NULL)
		addr_list(mime_field_find(r.m->part[0], "To")->value, &list,
		    &arena);
	took = cpu_ms() - began;
	printf("# %s: %zu kB, %lld ms, arena %zu kB, decoded %zu kB, %zu "
	       "parts, %zu items\n", what, b.n / 1024, (long long)took,
	    arena.used / 1024, r.out.n / 1024, r.m->npart, r.list.n);
	if (took > MS_BASE + (int64_t)(b.n / 1024 * MS_PER_MB / 1024))
		fail_msg("%s took %lld ms", what, (long long)took);
	/* What mime_parse() and content_of() may take, and the addresses. */
	assert_true(arena.used <= 64 * MB);
	assert_false(arena_full(&arena));
	if (((r.m->defects | r.list.defects) & want) != want)
		fail_msg("%s: no limit is told: %x", what,
		    (unsigned)(r.m->defects | r.list.defects));
	content_done(&r);
	buf_free(&b);
}

static void
test_bombs(void **state)
{
	static const struct {
		const char *what;
		build_fn *build;
		uint32_t want;
	} bombs[] = {
	    {"10,000 nested messages", deep_messages, MIME_LIMIT_DEPTH},
	    {"10,000 nested multiparts", deep_multiparts, MIME_LIMIT_DEPTH},
	    {"100,000 parts", many_parts, MIME_LIMIT_PARTS},
	    {"100,000 hidden parts", many_hidden_parts, MIME_LIMIT_MEMORY},
	    {"1 MB header", long_header, 0},
	    {"10 MB line", long_line, 0},
	    {"100,000 recipients", many_recipients, MIME_LIMIT_HEADER},
	    {"100,000 fields", many_fields, MIME_LIMIT_HEADER},
	    {"1 MB boundary", long_boundary, 0},
	    {"10,000 segments", many_segments, MIME_BAD_PARAM},
	    {"nested comments", nested_comments, MIME_BAD_PARAM},
	    {"broken base64", broken_base64, MIME_BAD_BASE64},
	    {"broken quoted-printable", broken_qp, MIME_BAD_QP},
	    {"hidden fields", hidden_fields, MIME_HIDDEN_FIELD},
	    {"all ambiguities", ambiguous_everything, MIME_AMBIG_BOUNDARY},
	    {"40,000 uuencoded files", many_uu, MIME_LIMIT_PARTS},
	    {"colliding files", colliding_files, MIME_LIMIT_MEMORY},
	    {"lines of BinHex", binhex_lines, 0},
	    {"runs of BinHex", binhex_runs, MIME_LIMIT_MEMORY},
	    {"messages within encodings", nested_encodings,
	        MIME_LIMIT_MEMORY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		check_bomb(bombs[i].what, bombs[i].build, bombs[i].want);
}

/* A file below any number of messages is there. */
static void
test_depth(void **state)
{
	(void)state;
	for (int depth = 1; depth <= 120; depth++) {
		struct reading_of r;
		const struct content *c = NULL;
		struct buf b;

		buf_init(&b, MB);
		repeat(&b, "Content-Type: message/rfc822\r\n\r\n",
		    (size_t)depth);
		buf_puts(&b, "Content-Type: application/zip\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\nZmlsZQ==\r\n");
		r = content_read(buf_span(&b));
		for (size_t i = 0; c == NULL && i < 2; i++)
			c = content_find(&r, i ? CONTENT_OTHER : CONTENT_PLAIN,
			    SPAN_LIT("file"));
		if (c == NULL)
			fail_msg("%d messages deep: not found", depth);
		if (depth > 20)
			assert_true(c->unseen);
		assert_int_equal((r.m->defects & MIME_LIMIT_DEPTH) != 0,
		    (size_t)depth > mime_limits_default.depth);
		content_done(&r);
		buf_free(&b);
	}
}

/* The cap of the decoded bytes. */
static void
test_memory(void **state)
{
	struct content_list list;
	struct mime *m;
	struct buf b, out;

	(void)state;
	buf_init(&b, MB);
	buf_init(&out, 1000);
	buf_puts(&b, "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n"
	    "--b\n\n");
	repeat(&b, "0123456789", 200);
	buf_puts(&b, "\n--b\n\ny\n--b--\n");
	m = mime_parse(buf_span(&b), &mime_limits_default, &arena);
	list = content_of(m, &out, &arena);
	assert_true(list.defects & MIME_LIMIT_MEMORY);
	assert_true(out.n <= 1000);
	for (size_t i = 0; i < list.n; i++)
		assert_true(list.item[i].off + list.item[i].n <= out.n);
	buf_free(&b);
	buf_free(&out);
}

/* Names that no memory is left for are not silently the part's. */
static void
test_long_names(void **state)
{
	enum { FILES = 2000, NAME_BYTES = 10000 };
	struct reading_of r;
	struct buf b;

	(void)state;
	buf_init(&b, FILES * (NAME_BYTES + 100));
	buf_puts(&b, "Subject: x\n\n");
	for (int i = 0; i < FILES; i++) {
		buf_printf(&b, "begin 644 %05d", i);
		repeat(&b, "n", NAME_BYTES);
		buf_printf(&b, ".exe\n#%c%c)C\nend\n", '0' + i / 64, '!' + i % 64);
	}
	r = content_read(buf_span(&b));
	assert_true(r.list.n > 1);
	assert_int_equal(r.list.defects & MIME_LIMIT_PARTS, 0);
	assert_true(r.list.defects & MIME_LIMIT_MEMORY);
	assert_false(arena_full(&arena));
	content_done(&r);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_bombs, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
