/*
 * User lists. First byte: how the rest is used.
 *	'S'	a compiled file as it is
 *	'H'	what is behind the header of one, the header made right
 *	'E'	an entry as somebody writes it
 *	'O'	an owner
 *	'G'	pattern, NUL, text: against the plain definition
 *	'B'	lines "owner entry": compiled, loaded, asked
 */
#include "lib/rules/glob.h"
#include "lib/rules/userlist_file.h"
#include "require.h"

enum { ARENA_MAX = 1 << 22, BYTES_MAX = 1 << 20, SLOW_MAX = 64 };

static void
ask(const struct userlist *l)
{
	static const char mail[] = "From: <a@x.example>, a@y.x.example\r\n\r\n";
	struct recipient rcpt[] = {{.addr = "b@b.example"}, {.addr = "b"},
		{.addr = ""}};
	struct envelope env = {.sender = "A@b.example",
		.client_addr = "192.0.2.1", .rcpt = rcpt, .nrcpt = 3};
	struct facts f = {.env = &env};
	const struct userlist_match *m;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	f.mime = mime_parse(span_str(mail), &mime_limits_default, &a);
	m = userlist_apply(l, &f, &a);
	for (size_t i = 0; m != NULL && i < env.nrcpt; i++)
		require(m[i].verdict == f.user_list[i] &&
		    (m[i].verdict == 0 || m[i].entry[0] != '\0'));
	arena_free(&a);
}

static void
load(struct span s)
{
	struct err e = {""};
	struct userlist *l = userlist_load(s, &e);

	require(l != NULL || e.text[0] != '\0');
	if (l != NULL)
		ask(l);
	userlist_free(l);
}

static void
load_sealed(struct span s)
{
	struct buf b;

	buf_init(&b, BYTES_MAX);
	sealed_open(&b, &userlist_sealed, 1);
	buf_puts_span(&b, s);
	sealed_close(&b);
	load(buf_span(&b));
	buf_free(&b);
}

/* What was accepted has its one form, and a place in the file. */
static void
form(struct span s, int (*put)(struct buf *, struct span, struct err *))
{
	struct buf once, twice;
	struct err e = {""};

	buf_init(&once, BYTES_MAX);
	buf_init(&twice, BYTES_MAX);
	if (put(&once, s, &e) == 0) {
		require(put(&twice, buf_span(&once), &e) == 0);
		require(span_eq(buf_span(&once), buf_span(&twice)));
		require(span_chr(buf_span(&once), 0, '\0') == once.n);
	} else {
		require(e.text[0] != '\0' && once.n == 0);
	}
	buf_free(&once);
	buf_free(&twice);
}

/* By a table: what of the pattern matches what of the text. */
static bool
slow(struct span p, struct span s)
{
	bool row[SLOW_MAX + 1] = {true};

	for (size_t i = 0; i < p.n; i++) {
		bool before = row[0];

		row[0] = row[0] && p.p[i] == '*';
		for (size_t k = 1; k <= s.n; k++) {
			bool was = row[k];

			if (p.p[i] == '*')
				row[k] = row[k] || row[k - 1];
			else
				row[k] = before && (p.p[i] == '?' ||
				    p.p[i] == s.p[k - 1]);
			before = was;
		}
	}
	return row[s.n];
}

static void
glob(struct span in)
{
	size_t nul = span_chr(in, 0, '\0');
	struct span p = span_sub(in, 0, nul);
	struct span s = span_sub(in, nul + 1, SLOW_MAX);
	struct glob_text t;
	struct arena a;

	/* A ? is a character; only of ASCII is that a byte. */
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return;
	arena_init(&a, ARENA_MAX);
	require(glob_prepare(&t, s, &a));
	require(glob_match(&t, 0, p) == slow(p, s));
	arena_free(&a);
}

static void
build(struct span in)
{
	struct userlist_builder *b = userlist_builder_new();
	struct buf owner, entry, file;
	size_t at = 0;

	buf_init(&owner, BYTES_MAX);
	buf_init(&entry, BYTES_MAX);
	buf_init(&file, BYTES_MAX);
	while (at < in.n) {
		size_t end = span_chr(in, at, '\n');
		struct span line = span_sub(in, at, end - at);
		size_t blank = span_chr(line, 0, ' ');

		at = end + 1;
		buf_reset(&owner);
		buf_reset(&entry);
		if (userlist_owner(&owner, span_sub(line, 0, blank), NULL) == 0
		    && userlist_entry(&entry, span_sub(line, blank, line.n),
		    NULL) == 0)
			userlist_builder_add(b, buf_cstr(&owner), at % 2 == 0
			    ? USERLIST_ALLOW : USERLIST_BLOCK,
			    buf_cstr(&entry));
	}
	if (userlist_compile(b, 1, &file, NULL) == 0) {
		struct userlist *l = userlist_load(buf_span(&file), NULL);

		require(l != NULL);
		ask(l);
		userlist_free(l);
	}
	buf_free(&owner);
	buf_free(&entry);
	buf_free(&file);
	userlist_builder_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_of(data, size);

	if (size == 0)
		return 0;
	s = span_sub(s, 1, s.n);
	switch (data[0]) {
	case 'S':
		load(s);
		break;
	case 'H':
		load_sealed(s);
		break;
	case 'E':
		form(s, userlist_entry);
		break;
	case 'O':
		form(s, userlist_owner);
		break;
	case 'G':
		glob(s);
		break;
	default:
		build(s);
		break;
	}
	return 0;
}
