/* User lists as CSV files: what is taken, and how faults are reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "lib/base/csv.h"
#include "lib/rules/userlist_row.h"

static struct arena mem;
static struct buf text;

static int
setup(void **state)
{
	(void)state;
	arena_init(&mem, 1 << 24);
	buf_init(&text, 1 << 20);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&mem);
	buf_free(&text);
	return 0;
}

/* The records of a file, fields in brackets, faults as "!LINE". */
static const char *
records(const char *file)
{
	struct csv c = csv_of(span_str(file));
	struct csv_record r;
	const char *why;
	int rc;

	buf_reset(&text);
	while ((rc = csv_next(&c, &r, &why, &mem)) != 0) {
		if (rc < 0)
			buf_printf(&text, "!");
		buf_printf(&text, "%zu", r.line);
		for (size_t i = 0; rc > 0 && i < r.n; i++)
			buf_printf(&text, "[%.*s]", (int)r.field[i].n,
			    (const char *)r.field[i].p);
		buf_putc(&text, ' ');
	}
	return buf_cstr(&text);
}

static void
rfc4180(void **state)
{
	(void)state;
	assert_string_equal(records(""), "");
	assert_string_equal(records("a,b\r\nc,d\r\n"), "1[a][b] 2[c][d] ");
	assert_string_equal(records("a,b\nc,d"), "1[a][b] 2[c][d] ");
	assert_string_equal(records("\xef\xbb\xbf" "a\n\n\nb\n"), "1[a] 4[b] ");
	assert_string_equal(records(",\n"), "1[][] ");
	assert_string_equal(records("\"a,\"\"b\"\"\",c\n"), "1[a,\"b\"][c] ");
	assert_string_equal(records("\"a\nb\",c\nd\n"), "1[a\nb][c] 3[d] ");
	assert_string_equal(records("\"\",\"\"\n"), "1[][] ");
	assert_string_equal(records("\"a\"b\nc\n"), "!1 2[c] ");
	assert_string_equal(records("a\"b\nc\n"), "!1 2[c] ");
	assert_string_equal(records("\"a\nb\n"), "!1 ");
	assert_string_equal(records("a\rb\n"), "1[a\rb] ");
	assert_string_equal(records(",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\nc\n"),
	    "!1 2[c] ");
}

static const char *
read_csv(const char *file)
{
	struct userlist_row *row;
	size_t n;
	int rc;

	buf_reset(&text);
	rc = userlist_csv_read(span_str(file), &row, &n, &text, &mem);
	assert_int_equal(rc == 0, text.n == 0);
	if (rc == 0)
		userlist_csv_header(&text);
	for (size_t i = 0; rc == 0 && i < n; i++)
		userlist_csv_row(&text, &row[i]);
	return buf_cstr(&text);
}

#define HEAD "owner,kind,pattern,comment\r\n"

static void
good_files(void **state)
{
	(void)state;
	assert_string_equal(read_csv(HEAD), HEAD);
	assert_string_equal(read_csv("owner,kind,pattern\n"
	    "B@b.Example,ALLOW,A@x.example\n,block,10.1.2.3/8\n"
	    "b.example,block,@y.example\n"), HEAD ",block,10.0.0.0/8,\r\n"
	    "b.example,block,y.example,\r\n"
	    "b@b.example,allow,a@x.example,\r\n");
	assert_string_equal(read_csv("Pattern;\n"), "line 1: \"Pattern;\" is "
	    "none of the columns owner, kind, pattern, comment\nline 1: the header "
	    "line must name the columns: owner,kind,pattern,comment\n");
	/* Columns in another order, quoted, with a comment; twice the same. */
	assert_string_equal(read_csv("comment,pattern,kind,owner\r\n"
	    "\"says \"\"hi\"\", often\",a@x.example,allow,b@b.example\r\n"
	    ",a@x.example,allow,b@b.example\r\n"), HEAD
	    "b@b.example,allow,a@x.example,\"says \"\"hi\"\", often\"\r\n");
	/* What was written reads back as the same. */
	assert_string_equal(read_csv(arena_strdup(&mem, buf_cstr(&text))), HEAD
	    "b@b.example,allow,a@x.example,\"says \"\"hi\"\", often\"\r\n");
}

static void
bad_files(void **state)
{
	(void)state;
	assert_non_null(strstr(read_csv(""), "line 1: the file is empty"));
	assert_string_equal(read_csv("owner,kind,pattern\n"
	    "b@b.example,allow,a b@c\nb@b.example,maybe,a@c\n"
	    "b@,block,a@c.d\n*,block,a@c.d\nb@b.example,block\n"),
	    "line 2: \"a b@c\" is no entry of a list: character 2 cannot be "
	    "part of an address\n"
	    "line 3: the kind is not allow or block\n"
	    "line 4: \"b@\" is no owner of a list: it is no address\n"
	    "line 5: \"*\" is no owner of a list: an owner is one address, one "
	    "domain, or empty for all\n"
	    "line 6: \"\" is no entry of a list: it is empty\n");
	assert_string_equal(read_csv("owner,kind,pattern\n,allow,a@b.c\n\n"
	    ",block,A@B.C\n"), "line 4: allows what line 2 blocks, or the "
	    "other way round\n");
	assert_non_null(strstr(read_csv("owner,kind,pattern,comment\n"
	    ",allow,a@b.c,\"two\nlines\"\n"), "line 2: the comment"));
}

static void
many_errors(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_puts(&b, "owner,kind,pattern\n");
	for (int i = 0; i < 50; i++)
		buf_puts(&b, "x\n");
	assert_non_null(strstr(read_csv(buf_cstr(&b)), "line 21: "));
	assert_null(strstr(buf_cstr(&text), "line 22: "));
	assert_non_null(strstr(buf_cstr(&text), "and 30 lines more\n"));
	buf_free(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(rfc4180),
		T(good_files),
		T(bad_files),
		T(many_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
