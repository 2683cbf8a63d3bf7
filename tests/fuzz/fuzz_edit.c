/*
 * Edits of any message: the first byte says which. Checked beside memory
 * safety: no edit, no change; a field added is one field more, with the whole
 * old message behind it; after a removal none is left; every header line that
 * is written is a proper one.
 */
#include "lib/mail/edit.h"
#include "lib/mail/edit_header.h"
#include "require.h"

enum { OUT_MAX = 8 << 20, ARENA_MAX = 32 << 20 };

static void
fuzz_header(struct span value, struct arena *a)
{
	struct mime *m;
	struct buf b;

	buf_init(&b, OUT_MAX);
	require(header_put(&b, "From", value, value.n % 2, NULL) == 0);
	for (size_t pos = 0; pos < b.n;) {
		size_t end = span_chr(buf_span(&b), pos, '\n');

		require(end < b.n && end > pos && b.p[end - 1] == '\r');
		require(end - 1 - pos <= HEADER_LINE_MAX);
		pos = end + 1;
	}
	buf_puts(&b, "Second: 2\r\n\r\nbody");
	m = mime_parse(buf_span(&b), &mime_limits_default, a);
	require(m->part[0]->nfield == 2);
	require(m->part[0]->body_end - m->part[0]->body_off == 4);
	buf_free(&b);
}

static void
fuzz_add(struct edit *e, struct span msg, struct arena *a)
{
	static const char field[] = "X-Fuzz: 1\r\n", orphan[] = "X-PMG-Orphan:";
	size_t n = sizeof(field) - 1;
	struct mime *m;
	struct buf b;

	buf_init(&b, OUT_MAX);
	edit_write(e, &b);
	require(span_eq(msg, buf_span(&b)));
	buf_reset(&b);
	require(edit_header_add(e, "X-Fuzz", "1", NULL) == 0);
	edit_write(e, &b);
	require(b.n >= n && memcmp(b.p, field, n) == 0);
	/* A first line that begins with a blank gets a name. */
	if (b.n > n && memcmp(b.p + n, orphan, sizeof(orphan) - 1) == 0 &&
	    (msg.p[0] == ' ' || msg.p[0] == '\t'))
		n += sizeof(orphan) - 1;
	require(b.n == msg.n + n || b.n == msg.n + n + 2);
	m = mime_parse(buf_span(&b), &mime_limits_default, a);
	require(m->part[0]->nfield > 0);
	require(span_ieqs(m->part[0]->field[0].name, "X-Fuzz"));
	buf_free(&b);
}

static void
fuzz_remove(struct edit *e, const struct mime *m, struct arena *a)
{
	struct buf b;
	char *name;

	if (m->part[0]->nfield == 0)
		return;
	name = arena_strndup(a, m->part[0]->field[0].name);
	if (name == NULL || strlen(name) == 0)
		return;
	require(edit_header_remove(e, name) > 0);
	require(edit_header_remove(e, name) == 0);
	buf_init(&b, OUT_MAX);
	edit_write(e, &b);
	require(b.n < m->msg.n);
	buf_free(&b);
}

/* One Subject with that text, wherever there were others before. */
static void
require_subject(struct span msg, const char *text, struct arena *a)
{
	struct mime *m = mime_parse(msg, &mime_limits_default, a);
	const struct mime_part *top = m->part[0];
	size_t n = 0;

	for (size_t i = 0; i < top->nfield; i++)
		if (span_ieqs(top->field[i].name, "Subject")) {
			require(span_eq(span_trim(top->field[i].value),
			    span_str(text)));
			n++;
		}
	require(n == 1);
}

/* The whole message becomes a text, and is one when it is read again. */
static void
fuzz_replace(struct edit *e, const struct mime *m, struct arena *a)
{
	static const char text[] = "removed\n--b\n\xc3\xa4";
	struct buf b, body;
	struct mime *again;

	buf_init(&b, OUT_MAX);
	buf_init(&body, OUT_MAX);
	edit_header_set(e, "Subject", "replaced", NULL);
	edit_part_replace(e, m->part[0], "a\xc3\xbc.txt", text, false);
	edit_write(e, &b);
	if (!b.overflow) {
		require_subject(buf_span(&b), "replaced", a);
		again = mime_parse(buf_span(&b), &mime_limits_default, a);
		require(again->npart == 1);
		require(strcmp(again->part[0]->type, "text") == 0);
		require(strcmp(again->part[0]->subtype, "plain") == 0);
		mime_body_decode(again, again->part[0], &body);
		require(span_find(buf_span(&body), 0,
		    SPAN_LIT("removed\r\n--b\r\n\xc3\xa4")) == 0);
	}
	buf_free(&b);
	buf_free(&body);
}

static void
fuzz_all(struct edit *e, const struct mime *m, unsigned pick, struct arena *a)
{
	struct buf b;

	edit_header_set(e, "Subject", "new", NULL);
	edit_header_remove_prefix(e, "X-");
	edit_disclaimer(e, "<b>Gr\xc3\xbc\xc3\x9f" "e</b><br>--b",
	    (pick & 1 ? EDIT_AT_START : 0) | (pick & 2 ? EDIT_SEPARATOR : 0) |
	    (pick & 16 ? EDIT_SIGNED_TOO : 0));
	if (pick & 4)
		edit_part_replace(e, m->part[pick % m->npart], "a\xc3\xbc",
		    "removed\n--b\n", pick & 8);
	edit_disclaimer(e, "again", pick & 1 ? 0 : EDIT_AT_START);
	edit_header_set(e, "Subject", "newer", NULL);
	buf_init(&b, OUT_MAX);
	edit_write(e, &b);
	if (!b.overflow)
		mime_parse(buf_span(&b), &mime_limits_default, a);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct mime *m;
	struct edit *e;
	struct span msg;

	if (size < 1 || size > OUT_MAX / 32)
		return 0;
	msg = span_of(data + 1, size - 1);
	arena_init(&a, ARENA_MAX);
	m = mime_parse(msg, &mime_limits_default, &a);
	e = edit_new(m, false, &a);
	if (e != NULL && (data[0] & 3) == 0)
		fuzz_header(msg, &a);
	else if (e != NULL && (data[0] & 3) == 1)
		fuzz_add(e, msg, &a);
	else if (e != NULL && (data[0] & 3) == 2)
		fuzz_remove(e, m, &a);
	else if (e != NULL && data[0] == 0xff)
		fuzz_replace(e, m, &a);
	else if (e != NULL)
		fuzz_all(e, m, data[0] >> 2, &a);
	arena_free(&a);
	return 0;
}
