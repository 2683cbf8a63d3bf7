/* Content-* fields: types, dispositions, and every reading of a file name. */
#include "arena_fixture.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/mail/mime.h"

static const struct mime_part *
part(const char *header)
{
	return mime_parse(span_str(header), &mime_limits_default,
	    &arena)->part[0];
}

static bool
has_name(const struct mime_part *p, const char *name)
{
	if (p->filename != NULL && strcmp(p->filename, name) == 0)
		return true;
	for (size_t i = 0; i < p->nalt_name; i++)
		if (strcmp(p->alt_name[i], name) == 0)
			return true;
	return false;
}

static void
test_type(void **state)
{
	static const struct {
		const char *value, *type, *subtype;
		uint32_t defects;
	} cases[] = {
	    {"text/html", "text", "html", 0},
	    {" Text / HTML ", "text", "html", 0},
	    {"text(a)/(b)html(c);x=y", "text", "html", 0},
	    {"application/vnd.x+y-z", "application", "vnd.x+y-z", 0},
	    {"", "text", "plain", MIME_BAD_TYPE},
	    {"text", "text", "plain", MIME_BAD_TYPE},
	    {"multipart; boundary=x", "text", "plain", MIME_BAD_TYPE},
	    {"=?utf-8?q?image?=/png", "text", "plain", MIME_BAD_TYPE},
	    {": image/png", "text", "plain", MIME_BAD_TYPE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		const struct mime_part *p;

		snprintf(text, sizeof(text), "Content-Type:%s\r\n\r\n",
		    cases[i].value);
		p = part(text);
		assert_string_equal(p->type, cases[i].type);
		assert_string_equal(p->subtype, cases[i].subtype);
		assert_int_equal(p->defects & MIME_BAD_TYPE,
		    cases[i].defects);
	}
}

static void
test_charset(void **state)
{
	const struct mime_part *p;

	(void)state;
	p = part("Content-Type: text/plain; charset=\"ISO-8859-1\"\r\n\r\n");
	assert_string_equal(p->charset, "iso-8859-1");
	p = part("Content-Type: text/plain charset=utf-8\r\n\r\n");
	assert_string_equal(p->charset, "utf-8");
	p = part("Content-Type: text/plain; charset*=''koi8-r\r\n\r\n");
	assert_string_equal(p->charset, "koi8-r");
	p = part("Content-Type: text/plain; charset=\"a\"; charset=b\r\n\r\n");
	assert_string_equal(p->charset, "a");
	assert_true(p->defects & MIME_DUP_PARAM);
}

static void
test_disposition(void **state)
{
	const struct mime_part *p;

	(void)state;
	p = part("Content-Disposition: ATTACHMENT; filename=x\r\n\r\n");
	assert_string_equal(p->disposition, "attachment");
	p = part("Content-Disposition: filename=x\r\n\r\n");
	assert_string_equal(p->disposition, "");
	assert_string_equal(p->filename, "x");
	p = part("Content-Disposition: inline\r\nContent-Disposition: "
	         "attachment; filename=x\r\n\r\n");
	assert_string_equal(p->disposition, "inline");
	assert_string_equal(p->filename, "x");
	assert_true(p->defects & MIME_DUP_DISPOSITION);
	p = part("Content-Disposition: attachment\r\n\r\n");
	assert_null(p->filename);
	/* A quote that nothing follows is no name either. */
	p = part("Content-Type: text/plain; name=\"  \r\n\r\n");
	assert_null(p->filename);
	assert_int_equal(p->nalt_name, 0);
}

struct name_case {
	const char *header;
	const char *first;	/* filename */
	const char *also;	/* one of filename, alt_name; NULL = none */
};

static void
check_names(const struct name_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[512];
		const struct mime_part *p;

		snprintf(text, sizeof(text), "%s\r\n\r\n", c[i].header);
		p = part(text);
		if (c[i].first == NULL) {
			assert_null(p->filename);
		} else {
			assert_non_null(p->filename);
			assert_string_equal(p->filename, c[i].first);
		}
		if (c[i].also == NULL)
			assert_int_equal(p->nalt_name, 0);
		else if (!has_name(p, c[i].also))
			fail_msg("%s: no %s", c[i].header, c[i].also);
	}
}

#define CD "Content-Disposition: attachment; "
#define CT "Content-Type: application/x; "

static void
test_names_plain(void **state)
{
	static const struct name_case cases[] = {
	    {CD "filename=a.exe", "a.exe", NULL},
	    {CD "FileName=\"a b.exe\"", "a b.exe", NULL},
	    {CD "filename = a.exe ; x=y", "a.exe", NULL},
	    {CD "filename=\r\n\ta.exe", "a.exe", NULL},
	    {CD "filename=\"a\r\n b.exe\"", "a b.exe", NULL},
	    {CD "filename=\"a;b=c.exe\"", "a;b=c.exe", NULL},
	    {CT "name=a.exe", "a.exe", NULL},
	    {"Content-Type: name=a.exe", "a.exe", NULL},
	    /* The disposition goes first, wherever it stands. */
	    {CT "name=t.exe\r\n" CD "filename=d.txt", "d.txt", "t.exe"},
	    {CD "filename=d.txt\r\n" CT "name=t.exe", "d.txt", "t.exe"},
	    {CT "name=a\r\n" CD "x=y", "a", NULL},
	};

	(void)state;
	check_names(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_names_broken(void **state)
{
	static const struct name_case cases[] = {
	    {CD "filename=my file.exe", "my file.exe", "my"},
	    {CD "filename=a.exe (x.gif)", "a.exe", "a.exe (x.gif)"},
	    {CD "filename=a.e()xe", "a.exe", "a.e()xe"},
	    {CD "fil()ename=a.exe", "a.exe", NULL},
	    {CD "filename=\"a\".exe", "a", "a.exe"},
	    {CD "filename=\"a\".exe\"", "a", "a.exe"},
	    {CD "filename=\"a.exe", "a.exe", "\"a.exe"},
	    {CD "filename=\"a\\\"b.exe\"", "a\"b.exe", "a\\b.exe"},
	    {CD "filename=\"c:\\x\\a.exe\"", "c:xa.exe", "c:\\x\\a.exe"},
	    {CD "filename=a\\;.exe", "a;.exe", "a\\"},
	    {CD "filename=a;.exe", "a", "a;.exe"},
	    {CD "filename='a.exe'", "'a.exe'", "a.exe"},
	    {CD "filename=\"a.exe. . \"", "a.exe. .", "a.exe"},
	    {CD "filename=a.txt; filename=b.exe", "a.txt", "b.exe"},
	    {CD "filename=a.txt\r\n" CD "filename=b.exe", "a.txt", "b.exe"},
	    {CT "charset=x name=a.exe", "a.exe", NULL},
	    {"Content-Disposition: attachment filename=a.exe", "a.exe", NULL},
	};

	(void)state;
	check_names(cases, sizeof(cases) / sizeof(cases[0]));
}

/* NTFS; and names out of other fields, when there are no better ones. */
static void
test_names_elsewhere(void **state)
{
	static const struct name_case cases[] = {
	    {CD "filename=\"a.exe::$DATA\"", "a.exe::$DATA", "a.exe"},
	    {CD "filename=\"a.exe:x\"", "a.exe:x", "a.exe"},
	    {CD "filename=\"x.txt:a.exe\"", "x.txt:a.exe", "a.exe"},
	    {CD "filename=\"x.txt:a.exe:$DATA\"", "x.txt:a.exe:$DATA",
	        "x.txt"},
	    {CD "filename=\"12:30\"", "12:30", NULL},
	    {"Content-Location: http://x.example/d/a.exe?q=b.c#d.e", NULL,
	        "a.exe"},
	    {"Content-Location: a.exe", NULL, "a.exe"},
	    {"Content-Location: http://example.com", NULL, NULL},
	    {"Content-Location: cid:123@x.example", NULL, NULL},
	    {"Content-Description: my =?utf-8?q?a=2Eexe?=", NULL, "my a.exe"},
	    {"Content-Description: my a.exe", NULL, "my a.exe"},
	    {"Content-Description: from joe@example.com", NULL, NULL},
	    {"Content-Description: Mail message body", NULL, NULL},
	    {"Content-Description: See above.", NULL, NULL},
	    {CD "filename=b.c\r\nContent-Description: a.exe", "b.c", NULL},
	};

	(void)state;
	check_names(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_names_2231(void **state)
{
	static const struct name_case cases[] = {
	    {CD "filename*=utf-8'en'%e2%82%ac.exe", "\xe2\x82\xac.exe", NULL},
	    {CD "filename*=iso-8859-1''%e9.exe", "\xc3\xa9.exe", NULL},
	    {CD "filename*=''a%20b.exe", "a b.exe", NULL},
	    {CD "filename*=a%20b.exe", "a b.exe", NULL},
	    {CD "filename*=\"utf-8''a%20b.exe\"", "a b.exe", NULL},
	    {CD "filename*=UTF-16''%00a%00.%00e%00x%00e", "a.exe", NULL},
	    {CD "filename*=''a%0d%0ab.exe", "ab.exe", NULL},
	    {CD "filename*=''a.exe%00.txt", "a.exe.txt", "a.exe"},
	    {CD "filename*=''%zz%4", "%zz%4", NULL},
	    {CD "filename*0=a; filename*1=.exe", "a.exe", NULL},
	    {CD "filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=.exe",
	        "\xe2\x82\xac.exe", NULL},
	    {CD "filename*0=\"a b\"; filename*1=\"%20.exe\"", "a b%20.exe",
	        "a b .exe"},
	    {CD "filename*1=exe; filename*0=a.", "a.exe", "exea"},
	    {CD "filename*1=a.; filename*2=exe", "a.exe", NULL},
	    {CD "filename*0=a.; filename*2=exe", "a.", "a.exe"},
	    {CD "filename*2=a.; filename*1=exe", "exea.", "a.exe"},
	    {CD "filename=a.txt; filename*=''a.exe", "a.exe", "a.txt"},
	    {CD "filename*0=a.exe; filename=a.txt", "a.exe", "a.txt"},
	    {CD "filename*99999999999=a; filename=b", "b", "a"},
	};

	(void)state;
	check_names(cases, sizeof(cases) / sizeof(cases[0]));
}

static void
test_names_2047(void **state)
{
	static const struct name_case cases[] = {
	    {CD "filename=\"=?utf-8?q?=E2=82=AC.exe?=\"", "\xe2\x82\xac.exe",
	        "=?utf-8?q?=E2=82=AC.exe?="},
	    {CD "filename==?utf-8?B?YS5leGU=?=", "a.exe",
	        "=?utf-8?B?YS5leGU=?="},
	    {CD "filename*0=\"=?utf-8?B?YS5\"; filename*1=\"leGU=?=\"", "a.exe",
	        "=?utf-8?B?YS5leGU=?="},
	    {CD "filename=\"=?utf-16?B?AGEALgBlAHgAZQ==?=\"", "a.exe",
	        "=?utf-16?B?AGEALgBlAHgAZQ==?="},
	    {CD "filename=\"\xe9.exe\"", "\xc3\xa9.exe", NULL},
	    {CD "filename=\"\xc3\xa9.exe\"", "\xc3\xa9.exe", NULL},
	};

	(void)state;
	check_names(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Some clients take the last of many: it is never lost. */
static void
test_many_names(void **state)
{
	const struct mime_part *p;
	struct buf b;

	(void)state;
	buf_init(&b, 1024 * 1024);
	buf_puts(&b, "Content-Disposition: attachment");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "; filename=%d.txt", i);
	buf_puts(&b, "; filename=last.exe\r\n\r\n");
	p = part(buf_cstr(&b));
	assert_string_equal(p->filename, "0.txt");
	assert_true(has_name(p, "last.exe"));
	assert_true(p->defects & MIME_DUP_PARAM);
	assert_true(p->nalt_name < 32);
	buf_free(&b);
}

static void
test_long_name(void **state)
{
	const struct mime_part *p;
	struct buf b;
	size_t n;

	(void)state;
	buf_init(&b, 1024 * 1024);
	buf_puts(&b, "Content-Disposition: attachment; filename=\"");
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "abcd");
	buf_puts(&b, ".exe\"\r\n\r\n");
	p = part(buf_cstr(&b));
	n = strlen(p->filename);
	assert_int_equal(n, 400004);
	assert_string_equal(p->filename + n - 4, ".exe");
	assert_int_equal(p->nalt_name, 0);
	buf_free(&b);
}

static const char *
text_of(const char *value)
{
	char field[1024];

	snprintf(field, sizeof(field), "Subject:%s\r\n\r\n", value);
	return mime_field_text(&part(field)->field[0], &arena);
}

static void
test_field_text(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"", ""},
	    {"  plain  ", "plain"},
	    {" a\r\n b\r\n\tc", "a b c"},
	    {" =?utf-8?q?a_b=3D?=", "a b="},
	    {" =?UTF-8?B?w6k=?=", "\xc3\xa9"},
	    {" =?iso-8859-1*en?q?=E9?=", "\xc3\xa9"},
	    {" =?us-ascii?q?a?= =?us-ascii?q?b?=", "ab"},
	    {" =?us-ascii?q?a?=\r\n =?koi8-r?q?=C1?=", "a\xd0\xb0"},
	    {" =?us-ascii?q?a?= b =?us-ascii?q?c?=", "a b c"},
	    /* One character cut apart between two words. */
	    {" =?utf-8?q?=E2=82?= =?utf-8?q?=AC?=", "\xe2\x82\xac"},
	    {" =?utf-8?b?4oI=?= =?UTF-8?q?=AC?=", "\xe2\x82\xac"},
	    {" x=?us-ascii?q?y?=z", "xyz"},
	    {" \"=?us-ascii?q?y?=\"", "\"y\""},
	    {" =?us-ascii?q?a b?=", "a b"},
	    {" =?us-ascii?x?a?=", "=?us-ascii?x?a?="},
	    {" =?" "?q?a?=", "=?" "?q?a?="},
	    {" =?us-ascii?q?a", "=?us-ascii?q?a"},
	    {" =?us-ascii?q?", "=?us-ascii?q?"},
	    {" =?us-ascii?q?=", "=?us-ascii?q?="},
	    {" =?us-ascii?q?" "?=", ""},
	    {" =?none?q?=E9?=", "\xc3\xa9"},
	    {" \xe9t\xe9", "\xc3\xa9t\xc3\xa9"},
	    {" =?us-ascii?q?a=0D=0AX-Evil:_1=00b?=", "a  X-Evil: 1 b"},
	    {" =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
	        "\xe6\x97\xa5\xe6\x9c\xac"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_of(cases[i].value), cases[i].want);
}

static void
test_field_text_no_memory(void **state)
{
	const struct mime_part *p = part("Subject: x\r\n\r\n");
	struct arena tiny;

	(void)state;
	arena_init(&tiny, 0);
	assert_string_equal(mime_field_text(&p->field[0], &tiny), "");
	arena_free(&tiny);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_type, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_charset, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_disposition, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_names_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_names_broken, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_names_elsewhere, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_names_2231, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_names_2047, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_field_text, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_field_text_no_memory, setup,
	        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
