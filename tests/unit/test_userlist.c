/* User lists: how entries are written, what matches, which list decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/rules/userlist.h"
#include "lib/rules/userlist_file.h"

enum { ARENA_MAX_BYTES = 1 << 28 };

static struct arena mem;

static int
setup(void **state)
{
	(void)state;
	arena_init(&mem, ARENA_MAX_BYTES);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&mem);
	return 0;
}

/* ---- how entries are written ---- */

static const char *
written(int (*form)(struct buf *, struct span, struct err *), const char *text)
{
	struct err e = {""};
	struct buf b;
	const char *s;

	buf_init(&b, 4096);
	if (form(&b, span_str(text), &e) != 0) {
		assert_int_equal(b.n, 0);
		assert_non_null(strstr(e.text, ": "));
		s = NULL;
	} else {
		assert_string_equal(e.text, "");
		s = arena_strndup(&mem, buf_span(&b));
	}
	buf_free(&b);
	return s;
}

static void
entries(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"Anna@Example.COM", "anna@example.com"},
		{"  a@b.c\r\n", "a@b.c"}, {"example.com", "example.com"},
		{"@Example.com", "example.com"}, {"@*.com", "*.com"},
		{"*@b.c", "*@b.c"}, {"a?@*", "a?@*"}, {"*", "*"},
		{"10.1.2.3", "10.1.2.3"}, {"10.1.2.3/8", "10.0.0.0/8"},
		{"2001:DB8::1", "2001:db8::1"},
		{"2001:db8::1/32", "2001:db8::/32"}, {"::/0", "::/0"},
		{"10.1.2.*", "10.1.2.*"}, {"ä@ö.example", "ä@ö.example"},
		{"a@[192.0.2.1]", NULL}, {"localhost", "localhost"},
		{"", NULL}, {"  ", NULL}, {"@", NULL}, {"a@", NULL},
		{"@@*.com", NULL},
		{"a b@c.d", NULL}, {"<a@b.c>", NULL}, {"a@b@c", NULL},
		{"a@b,c@d", NULL}, {"10.1.2.300", NULL}, {"10.1/8", NULL},
		{"10.0.0.0/33", NULL}, {"2001:db8::/129", NULL},
		{"2001:db8:*", NULL}, {"a..b", NULL}, {"-a.b", NULL},
		{"\xe4@b.c", NULL}, {"a\tb@c.d", NULL}, {"a@1.2.3.4", "a@1.2.3.4"},
		{"a/b", NULL}, {"a/b@c.d", "a/b@c.d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		const char *got = written(userlist_entry, row[i].text);

		if ((got == NULL) != (row[i].want == NULL) ||
		    (got != NULL && strcmp(got, row[i].want) != 0))
			fail_msg("%s: %s", row[i].text, got ? got : "refused");
		if (got != NULL)
			assert_string_equal(written(userlist_entry, got), got);
	}
}

static void
long_entries(void **state)
{
	char text[2 * USERLIST_ENTRY_MAX + 8] = "";

	(void)state;
	for (int i = 0; i < USERLIST_ENTRY_MAX - 1; i++)
		memcpy(text + 2 * i, "ä", 3);	/* characters, not bytes */
	text[2 * (USERLIST_ENTRY_MAX - 1)] = '*';
	assert_non_null(written(userlist_entry, text));
	text[2 * USERLIST_ENTRY_MAX - 1] = 'x';
	assert_null(written(userlist_entry, text));
}

static void
owners(void **state)
{
	(void)state;
	assert_string_equal(written(userlist_owner, ""), "");
	assert_string_equal(written(userlist_owner, "B@Example.com"),
	    "b@example.com");
	assert_string_equal(written(userlist_owner, "Example.com"),
	    "example.com");
	assert_null(written(userlist_owner, "*@example.com"));
	assert_null(written(userlist_owner, "10.0.0.1"));
	assert_null(written(userlist_owner, "a b@c.d"));
}

/* ---- what matches ---- */

struct row {
	const char *owner;
	enum userlist_kind kind;
	const char *entry;
};

#define ALLOW USERLIST_ALLOW
#define BLOCK USERLIST_BLOCK
#define OWN "b@b.example"

static struct userlist *
make(const struct row *row, size_t n)
{
	struct userlist_builder *b = userlist_builder_new();
	struct err e = {""};
	struct userlist *l;
	struct buf file;

	for (size_t i = 0; i < n; i++)
		userlist_builder_add(b, row[i].owner, row[i].kind,
		    row[i].entry);
	buf_init(&file, 1 << 26);
	assert_int_equal(userlist_compile(b, 7, &file, &e), 0);
	l = userlist_load(buf_span(&file), &e);
	if (l == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(userlist_version(l), 7);
	buf_free(&file);
	userlist_builder_free(b);
	return l;
}

static struct userlist_match
ask(const struct userlist *l, const char *sender, const char *header,
    const char *client, const char *rcpt)
{
	struct envelope env = {.sender = sender, .client_addr = client};
	struct mime *m = header == NULL ? NULL
	    : mime_parse(span_str(header), &mime_limits_default, &mem);
	struct userlist_mail *mail = userlist_mail(&env, m, &mem);

	assert_non_null(mail);
	return userlist_check(l, mail, rcpt, NULL);
}

static int
one(const char *entry, const char *sender, const char *client)
{
	const struct row row[] = {{OWN, BLOCK, entry}};
	struct userlist *l = make(row, 1);
	int v = ask(l, sender, NULL, client, "B@b.EXAMPLE").verdict;

	userlist_free(l);
	return v;
}

static void
single_entries(void **state)
{
	(void)state;
	assert_int_equal(one("a@x.example", "A@X.example", ""), 1);
	assert_int_equal(one("a@x.example", "aa@x.example", ""), 0);
	assert_int_equal(one("x.example", "a@X.example", ""), 1);
	assert_int_equal(one("x.example", "a@y.x.example", ""), 0);
	assert_int_equal(one("*.x.example", "a@y.x.example", ""), 1);
	assert_int_equal(one("*.x.example", "a.x.example@y", ""), 0);
	assert_int_equal(one("*@x.example", "a@x.example", ""), 1);
	assert_int_equal(one("x.example", "x.example", ""), 0);
	assert_int_equal(one("*", "", ""), 0);
	assert_int_equal(one("*", "a", ""), 1);
	assert_int_equal(one("192.0.2.0/24", "a@b", "192.0.2.9"), 1);
	assert_int_equal(one("192.0.2.0/24", "", "192.0.3.9"), 0);
	assert_int_equal(one("192.0.2.9", "", "192.0.2.9"), 1);
	assert_int_equal(one("2001:db8::/32", "", "2001:db8::9"), 1);
	assert_int_equal(one("::/0", "", "192.0.2.9"), 0);
	assert_int_equal(one("0.0.0.0/0", "", "192.0.2.9"), 1);
	assert_int_equal(one("0.0.0.0/0", "", "2001:db8::9"), 0);
}

static void
header_fields(void **state)
{
	static const struct {
		const char *header;
		int want;
	} row[] = {
		{"From: A <a@x.example>", 1}, {"FROM: c@d, a@x.example", 1},
		{"From: a@x.example <c@d>", 0}, {"Sender: a@x.example", 0},
		{"Envelope-Sender: a@x.example", 1},
		{"Resent-Sender: <a@x.example>", 1}, {"Resent-From: a@x.example", 0},
		{"X-Envelope-From: a@x.example", 1},
		{"EnvelopeFrom: a@x.example", 1}, {"Subject: a@x.example", 0},
		{"From: c@d\r\nFrom: a@x.example", 1},
	};
	const struct row list[] = {{OWN, BLOCK, "a@x.example"}};
	struct userlist *l = make(list, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		char mail[200];

		snprintf(mail, sizeof(mail), "%s\r\n\r\nFrom: a@x.example\r\n",
		    row[i].header);
		if (ask(l, "c@d.example", mail, "", OWN).verdict !=
		    row[i].want)
			fail_msg("%s", row[i].header);
	}
	userlist_free(l);
}

static void
closest_list_decides(void **state)
{
	const struct row row[] = {
		{OWN, ALLOW, "a@x.example"}, {OWN, BLOCK, "x.example"},
		{"b.example", BLOCK, "a@x.example"},
		{"b.example", ALLOW, "a@y.example"},
		{"", BLOCK, "*@?.example"}, {"", ALLOW, "z.example"},
	};
	struct userlist *l = make(row, sizeof(row) / sizeof(*row));
	struct userlist_match m;

	(void)state;
	assert_int_equal(userlist_owners(l), 3);
	m = ask(l, "a@x.example", NULL, "", OWN);
	assert_int_equal(m.verdict, -1);	/* allow before block */
	assert_string_equal(m.owner, OWN);
	assert_string_equal(m.entry, "a@x.example");
	m = ask(l, "c@x.example", NULL, "", OWN);
	assert_int_equal(m.verdict, 1);
	assert_string_equal(m.entry, "x.example");
	m = ask(l, "a@x.example", NULL, "", "c@b.example");
	assert_int_equal(m.verdict, 1);
	assert_string_equal(m.owner, "b.example");
	m = ask(l, "a@y.example", NULL, "", "c@b.example");
	assert_int_equal(m.verdict, -1);
	m = ask(l, "a@y.example", NULL, "", "c@c.example");
	assert_int_equal(m.verdict, 1);
	assert_string_equal(m.owner, "");
	assert_string_equal(m.entry, "*@?.example");
	m = ask(l, "a@z.example", NULL, "", "c@c.example");
	assert_int_equal(m.verdict, -1);
	m = ask(l, "a@long.example", NULL, "", OWN);
	assert_int_equal(m.verdict, 0);
	userlist_free(l);
}

/* LDAP: what the owner of the mailbox wants counts for its aliases; an entry
 * for the alias itself is closer. */
static void
primary_address(void **state)
{
	const struct row row[] = {{"main@b.example", BLOCK, "x.example"},
		{"alias@b.example", ALLOW, "a@x.example"},
		{"b.example", ALLOW, "x.example"}};
	struct envelope env = {.sender = "a@x.example", .client_addr = ""};
	struct userlist *l = make(row, 3);
	struct userlist_mail *m = userlist_mail(&env, NULL, &mem);

	(void)state;
	assert_int_equal(userlist_check(l, m, "alias@b.example",
	    "Main@b.example").verdict, -1);
	assert_int_equal(userlist_check(l, m, "other@b.example",
	    "Main@b.example").verdict, 1);
	assert_int_equal(userlist_check(l, m, "other@b.example",
	    "other@b.example").verdict, -1);
	assert_int_equal(userlist_check(l, m, "other@c.example",
	    "main@b.example").verdict, 1);
	userlist_free(l);
}

static void
per_recipient(void **state)
{
	const struct row row[] = {{"one@b.example", ALLOW, "x.example"},
		{"two@b.example", BLOCK, "x.example"},
		{"c.example", BLOCK, "x.example"}};
	struct recipient rcpt[] = {{.addr = "one@b.example"},
		{.addr = "two@b.example"}, {.addr = "three@b.example"},
		{.addr = "a@C.example"}, {.addr = "b@c.example"}, {.addr = ""}};
	struct envelope env = {.sender = "a@x.example", .client_addr = "",
		.rcpt = rcpt, .nrcpt = sizeof(rcpt) / sizeof(*rcpt)};
	struct facts f = {.env = &env};
	struct userlist *l = make(row, 3);
	const struct userlist_match *m = userlist_apply(l, &f, &mem);
	static const signed char want[] = {-1, 1, 0, 1, 1, 0};

	(void)state;
	assert_non_null(m);
	assert_memory_equal(f.user_list, want, sizeof(want));
	assert_string_equal(m[3].owner, "c.example");
	f.user_list = NULL;
	env.sender = "a@y.example";
	assert_null(userlist_apply(l, &f, &mem));
	assert_null(f.user_list);
	assert_null(userlist_apply(NULL, &f, &mem));
	userlist_free(l);
	l = make(row, 0);
	assert_null(userlist_apply(l, &f, &mem));
	userlist_free(l);
}

/* ---- many ---- */

static double
cpu_ms(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 +
	    (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

enum { MANY = 100000, LOOKUPS = 1000, LOOKUP_US = 1000 };

static const char *
name_of(const char *before, int i, const char *behind)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%d%s", before, i, behind);
	return arena_strdup(&mem, text);
}

/* One list of 100,000 names, as many patterns and networks; and 100,000 owners
 * with three entries each. A mail asks in less than a millisecond, with the
 * sanitizers. */
static void
large(void **state)
{
	struct row *row = calloc(6 * MANY, sizeof(*row));
	struct timespec from;
	struct userlist *l;
	size_t n = 0;
	double ms;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		const char *owner = name_of("u", i, "@b.example");

		row[n++] = (struct row){"", BLOCK, name_of("d", i, ".example")};
		row[n++] = (struct row){"", BLOCK,
		    name_of("*.w", i, ".example")};
		row[n++] = (struct row){"", BLOCK, name_of(i % 2
		    ? "10." : "11.", i % 256, i % 2 ? ".0.0/16" : ".1.1")};
		row[n++] = (struct row){owner, ALLOW, "friend@x.example"};
		row[n++] = (struct row){owner, ALLOW, "*@f.example"};
		row[n++] = (struct row){owner, BLOCK, "192.0.2.0/24"};
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	l = make(row, n);
	print_message("%d owners, %zu entries: compiled and loaded in %.0f ms\n",
	    (int)userlist_owners(l), n, cpu_ms(&from));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int i = 0; i < LOOKUPS; i++) {
		const char *rcpt = name_of("u", i * 37,
		    "@b.example");

		assert_int_equal(ask(l, "a@b.w4711.example", NULL, "10.9.0.1",
		    rcpt).verdict, 1);
		assert_int_equal(ask(l, "a@no.where.example", NULL, "9.9.9.9",
		    rcpt).verdict, 0);
	}
	ms = cpu_ms(&from);
	print_message("one mail: %.1f us\n", ms * 1000 / (2 * LOOKUPS));
	assert_true(ms * 1000 / (2 * LOOKUPS) < LOOKUP_US);
	userlist_free(l);
	free(row);
}

/* The worst that 200 kB of patterns and the addresses of one mail can do. */
static void
hostile(void **state)
{
	enum { PATTERNS = USERLIST_OWN_MAX / USERLIST_ENTRY_MAX,
		MOST_MS = 5000 };
	struct row *row = calloc(PATTERNS, sizeof(*row));
	char text[USERLIST_ENTRY_MAX + 16], *header = calloc(1, 1 << 17);
	struct timespec from;
	struct userlist *l;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < PATTERNS; i++) {
		for (size_t k = 0; k < USERLIST_ENTRY_MAX; k++)
			text[k] = k % 2 ? 'a' : '*';
		snprintf(text + USERLIST_ENTRY_MAX - 8, 16, "%05d*b*", i);
		row[i] = (struct row){OWN, BLOCK, arena_strdup(&mem, text)};
	}
	n += (size_t)snprintf(header, 8, "From: ");
	for (int i = 0; i < 150; i++) {
		memset(header + n, 'a', 490);
		n += 490;
		n += (size_t)snprintf(header + n, 40, "%d@a.example,\r\n ",
		    i);
	}
	l = make(row, PATTERNS);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_int_equal(ask(l, "a@x.example", header, "", OWN).verdict, 0);
	print_message("hostile list and mail: %.0f ms\n", cpu_ms(&from));
	assert_true(cpu_ms(&from) < MOST_MS);
	userlist_free(l);
	free(row);
	free(header);
}

/* ---- damage ---- */

static struct buf
small_file(void)
{
	struct userlist_builder *b = userlist_builder_new();
	struct buf file;

	userlist_builder_add(b, OWN, ALLOW, "a@x.example");
	userlist_builder_add(b, OWN, BLOCK, "*@x.example");
	userlist_builder_add(b, "", BLOCK, "10.0.0.0/8");
	userlist_builder_add(b, "", BLOCK, "10.0.0.0/8");
	buf_init(&file, 1 << 16);
	assert_int_equal(userlist_compile(b, 1, &file, NULL), 0);
	userlist_builder_free(b);
	return file;
}

static void
damage(void **state)
{
	struct buf file = small_file();
	struct err e;

	(void)state;
	for (size_t n = 0; n < file.n; n++)
		assert_null(userlist_load(span_sub(buf_span(&file), 0, n),
		    &e));
	for (size_t i = 0; i < file.n; i++) {
		struct userlist *l;

		file.p[i] ^= 1;
		l = userlist_load(buf_span(&file), &e);
		assert_null(l);
		assert_string_not_equal(e.text, "");
		file.p[i] ^= 1;
	}
	buf_free(&file);
}

/* With a good checksum, too, nothing but sound lists are loaded. */
static void
sealed_damage(void **state)
{
	struct buf file = small_file();
	unsigned refused = 0;

	(void)state;
	for (size_t i = SEALED_HEADER; i < file.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct userlist *l;

			file.p[i] ^= (unsigned char)(1 << bit);
			sealed_close(&file);
			l = userlist_load(buf_span(&file), NULL);
			refused += l == NULL;
			if (l != NULL)
				ask(l, "a@x.example", NULL, "10.0.0.1", OWN);
			userlist_free(l);
			file.p[i] ^= (unsigned char)(1 << bit);
		}
	assert_true(refused > 100);
	buf_free(&file);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(entries),
		T(long_entries),
		T(owners),
		T(single_entries),
		T(header_fields),
		T(closest_list_decides),
		T(primary_address),
		T(per_recipient),
		T(large),
		T(hostile),
		T(damage),
		T(sealed_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
