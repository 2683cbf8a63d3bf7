/* Structure: parts, offsets, boundaries, limits, defects. */
#include "mime_fixture.h"

static struct mime *
parse(const char *text)
{
	return mime_parse(span_str(text), &mime_limits_default, &arena);
}

static void
assert_type(const struct mime *m, size_t i, const char *type,
    const char *subtype)
{
	assert_true(i < m->npart);
	assert_string_equal(m->part[i]->type, type);
	assert_string_equal(m->part[i]->subtype, subtype);
}

static void
test_plain(void **state)
{
	const struct mime_field *f;
	struct mime *m = parse("From: a@b\r\nSubject: one\r\n two\r\n"
			       "\r\nhello\r\n");

	(void)state;
	assert_int_equal(m->npart, 1);
	assert_int_equal(m->defects, 0);
	assert_type(m, 0, "text", "plain");
	assert_string_equal(m->part[0]->charset, "");
	assert_null(m->part[0]->filename);
	assert_int_equal(m->part[0]->nfield, 2);
	f = mime_field_find(m->part[0], "SUBJECT");
	assert_non_null(f);
	assert_int_equal(f->off, 11);
	assert_int_equal(f->end, 31);
	assert_true(span_eq(f->value, SPAN_LIT(" one\r\n two")));
	assert_string_equal(mime_field_text(f, &arena), "one two");
	assert_null(mime_field_find(m->part[0], "To"));
	assert_body(m, 0, "hello\r\n");
}

static void
test_empty_and_headers_only(void **state)
{
	struct mime *m = mime_parse(span_of(NULL, 0), &mime_limits_default,
	    &arena);

	(void)state;
	assert_int_equal(m->npart, 1);
	assert_type(m, 0, "text", "plain");
	m = parse("Subject: x");
	assert_int_equal(m->part[0]->nfield, 1);
	assert_int_equal(m->part[0]->body_off, 10);
	m = parse("\r\nbody");
	assert_int_equal(m->part[0]->nfield, 0);
	assert_body(m, 0, "body");
	m = parse("\n");
	assert_body(m, 0, "");
	m = parse("Content-Type: message/rfc822");
	assert_int_equal(m->npart, 2);
	assert_type(m, 1, "text", "plain");
}

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"

static void
test_multipart(void **state)
{
	struct mime *m = parse(MIXED("\"x y\"") "preamble\r\n--x y\r\n"
	    "Content-Type: TEXT/Html; CHARSET=UTF-8\r\n\r\n<p>\r\n\r\n"
	    "--x y  \r\n\r\nsecond\r\n--x y--\r\nepilogue\r\n");

	(void)state;
	assert_int_equal(m->npart, 3);
	assert_int_equal(m->defects, 0);
	assert_string_equal(m->part[0]->boundary, "x y");
	assert_ptr_equal(m->part[0]->child, m->part[1]);
	assert_ptr_equal(m->part[1]->next, m->part[2]);
	assert_null(m->part[2]->next);
	assert_type(m, 1, "text", "html");
	assert_string_equal(m->part[1]->charset, "utf-8");
	/* The line end in front of the delimiter belongs to it. */
	assert_body(m, 1, "<p>\r\n");
	assert_body(m, 2, "second");
	assert_int_equal(m->part[0]->body_end, m->msg.n);
}

static void
test_part_without_body(void **state)
{
	struct mime *m = parse(MIXED("b") "--b\r\n\r\n--b\r\nSubject: x\r\n"
	                                  "--b--\r\n");

	(void)state;
	assert_int_equal(m->npart, 3);
	assert_body(m, 1, "");
	assert_body(m, 2, "");
	assert_int_equal(m->part[2]->nfield, 1);
}

static void
test_nested_unclosed(void **state)
{
	struct mime *m = parse(MIXED("out") "--out\n" MIXED("in")
	    "--in\n\none\n--out\n\ntwo\n--out--\n");

	(void)state;
	assert_int_equal(m->npart, 4);
	assert_int_equal(m->part[1]->defects & MIME_MISSING_END,
	    MIME_MISSING_END);
	assert_int_equal(m->part[0]->defects & MIME_MISSING_END, 0);
	assert_body(m, 2, "one");
	assert_body(m, 3, "two");
	assert_ptr_equal(m->part[3]->parent, m->part[0]);
	assert_true(m->defects & MIME_BARE_LF);
}

/* One boundary may begin like another one. */
static void
test_boundary_prefixes(void **state)
{
	struct mime *m = parse(MIXED("b") "--b\r\n" MIXED("b.alt")
	    "--b.alt\r\n\r\n1\r\n--b.alt\r\n\r\n2\r\n--b.alt--\r\n"
	    "--b\r\n\r\n3\r\n--b--\r\n");

	(void)state;
	assert_int_equal(m->npart, 5);
	assert_int_equal(m->defects, 0);
	assert_body(m, 2, "1");
	assert_body(m, 3, "2");
	assert_body(m, 4, "3");
	assert_ptr_equal(m->part[4]->parent, m->part[0]);
	/* And the inner one may be the shorter one. */
	m = parse(MIXED("b.alt") "--b.alt\r\n" MIXED("b")
	    "--b\r\n\r\n1\r\n--b--\r\n--b.alt\r\n\r\n2\r\n--b.alt--\r\n");
	assert_int_equal(m->npart, 4);
	assert_int_equal(m->defects, 0);
	assert_ptr_equal(m->part[3]->parent, m->part[0]);
}

static void
test_same_boundary_twice(void **state)
{
	struct mime *m = parse(MIXED("b") "--b\r\n" MIXED("b")
	    "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--\r\n");

	(void)state;
	assert_int_equal(m->npart, 4);
	assert_ptr_equal(m->part[2]->parent, m->part[1]);
	assert_ptr_equal(m->part[3]->parent, m->part[0]);
	assert_body(m, 3, "2");
}

static void
test_odd_delimiters(void **state)
{
	struct mime *m = parse(MIXED("b") "--b junk\r\n\r\n1\r\n--b--x\r\n");

	(void)state;
	assert_int_equal(m->npart, 2);
	assert_body(m, 1, "1");
	assert_true(m->defects & MIME_ODD_DELIMITER);
	assert_false(m->defects & MIME_MISSING_END);
	/* What comes behind the end may be shown. */
	m = parse(MIXED("b") "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n");
	assert_int_equal(m->npart, 3);
	assert_body(m, 2, "2\r\n");
	assert_true(m->defects & MIME_ODD_DELIMITER);
}

/* CVE-2024-28054: which of two boundaries counts? Both. */
static void
test_two_boundaries(void **state)
{
	struct mime *m = parse("Content-Type: multipart/mixed; boundary=a; "
	    "boundary=b\r\n\r\n--b\r\n\r\nB\r\n--a\r\n\r\nA\r\n--a--\r\n");

	(void)state;
	assert_int_equal(m->npart, 3);
	assert_true(m->defects & MIME_DUP_PARAM);
	assert_string_equal(m->part[0]->boundary, "a");
	m = parse("Content-Type: text/plain\r\nContent-Type: multipart/mixed;"
	    " boundary=b\r\n\r\n--b\r\n\r\nB\r\n--b--\r\n");
	assert_int_equal(m->npart, 2);
	assert_true(m->defects & MIME_DUP_TYPE);
	assert_type(m, 0, "text", "plain");
}

static void
test_boundary_readings(void **state)
{
	static const char *const values[] = {"*=''%62", "*0=b", "*0*=''%62",
	    "=\"b\r\n \"", "=(c)b", " = b", "=\"\\b\"",
	    "*=utf-16le''%62%00"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[256];
		struct mime *m;

		snprintf(text, sizeof(text), "Content-Type: multipart/mixed; "
		    "boundary%s\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", values[i]);
		m = parse(text);
		assert_int_equal(m->npart, 2);
		assert_body(m, 1, "x");
		teardown(NULL);
	}
}

static void
test_no_boundary(void **state)
{
	struct mime *m = parse("Content-Type: multipart/mixed\r\n\r\n--\r\n");

	(void)state;
	assert_int_equal(m->npart, 1);
	assert_true(m->defects & MIME_NO_BOUNDARY);
	m = parse(MIXED("\"\"") "--\r\n\r\nx\r\n-- \r\n\r\n--y\r\n----\r\n");
	assert_int_equal(m->npart, 3);
	assert_body(m, 2, "--y");
}

/* A multipart may not be encoded; if no boundary comes, it is a leaf. */
static void
test_encoded_multipart(void **state)
{
	struct mime *m = parse("Content-Type: multipart/mixed; boundary=b\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\naGk=\r\n");

	(void)state;
	assert_int_equal(m->npart, 1);
	assert_body(m, 0, "hi");
	assert_true(m->defects & MIME_BAD_ENCODING);
}

static void
test_message(void **state)
{
	struct mime *m = parse(MIXED("b") "--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n" MIXED("c")
	    "--c\r\n\r\ndeep\r\n--c--\r\n--b\r\n\r\nx\r\n--b--\r\n");

	(void)state;
	assert_int_equal(m->npart, 5);
	assert_int_equal(m->defects, 0);
	assert_type(m, 1, "message", "rfc822");
	assert_type(m, 2, "multipart", "mixed");
	assert_ptr_equal(m->part[2]->parent, m->part[1]);
	assert_string_equal(mime_field_text(mime_field_find(m->part[2],
	    "subject"), &arena), "in");
	assert_body(m, 3, "deep");
	assert_int_equal(m->part[3]->depth, 3);
	m = parse("Content-Type: message/global\r\n\r\nSubject: x\r\n\r\ny");
	assert_int_equal(m->npart, 2);
	/* Encoded: not descended into. */
	m = parse("Content-Type: message/rfc822\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n");
	assert_int_equal(m->npart, 1);
	assert_true(m->defects & MIME_BAD_ENCODING);
	assert_body(m, 0, "Subject: x");
}

static void
test_digest(void **state)
{
	struct mime *m = parse("Content-Type: multipart/digest; boundary=b"
	    "\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b\r\n"
	    "Content-Type: text/plain\r\n\r\nz\r\n--b--\r\n");

	(void)state;
	assert_int_equal(m->npart, 4);
	assert_type(m, 1, "message", "rfc822");
	assert_body(m, 2, "y");
	assert_type(m, 3, "text", "plain");
}

/* ---- headers that are not what they should be ---- */

static void
test_junk_in_header(void **state)
{
	struct mime *m;

	(void)state;
	/* Some skip the line, and would see the attachment. */
	m = parse("Subject: x\njunk\nmore junk\n"
	          "Content-Type: application/x\n\nbody");
	assert_type(m, 0, "application", "x");
	assert_body(m, 0, "body");
	assert_true(m->defects & MIME_BAD_FIELD);
	/* Nothing worth reading follows: the body begins here. */
	m = parse("Content-Transfer-Encoding: base64\naGVsbG8=\n\n");
	assert_body(m, 0, "hello");
	assert_true(m->defects & MIME_BAD_FIELD);
	/* The next part's header is no reason to go on. */
	m = parse(MIXED("b") "--b\ntext\n--b\nContent-Type: a/b\n\n--b--\n");
	assert_body(m, 1, "text");
	assert_type(m, 2, "a", "b");
	m = parse("From me Mon Jan 1\nSubject: x\n\ny");
	assert_int_equal(m->defects, MIME_BARE_LF);
	assert_int_equal(m->part[0]->nfield, 1);
	m = parse("Subject : x\r\n\r\n");
	assert_int_equal(m->part[0]->nfield, 1);
	assert_true(span_eq(m->part[0]->field[0].name, SPAN_LIT("Subject")));
	assert_true(m->defects & MIME_BAD_FIELD);
}

/* A message/rfc822 whose header has no end: the line belongs to the child. */
/* No empty line behind the header: its own delimiter ends it, so that the
 * first part is neither header nor preamble. */
static void
test_delimiter_ends_header(void **state)
{
	static const char *const junk[] = {"", "This is multi-part.\r\n"};
	char text[400];
	struct mime *m;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "Subject: x\r\nContent-Type: "
		    "multipart/mixed; boundary=\"b\"\r\n%s--b\r\n"
		    "Content-Type: application/zip; name=a.zip\r\n\r\nz\r\n"
		    "--b\r\nContent-Type: text/html\r\n\r\nh\r\n--b--\r\n",
		    junk[i]);
		m = mime_parse(span_str(text), &mime_limits_default, &arena);
		assert_int_equal(m->npart, 3);
		assert_string_equal(m->part[0]->type, "multipart");
		assert_string_equal(m->part[1]->filename, "a.zip");
		assert_body(m, 1, "z");
		assert_body(m, 2, "h");
	}
	/* The inner header's own boundary fits better than the outer one. */
	m = mime_parse(SPAN_LIT("Content-Type: multipart/mixed; boundary=a\n\n"
	    "--a\nContent-Type: multipart/mixed; boundary=ab\n--ab\n"
	    "Content-Type: text/html\n\nh\n--ab--\n--a--\n"),
	    &mime_limits_default, &arena);
	assert_int_equal(m->npart, 3);
	assert_ptr_equal(m->part[2]->parent, m->part[1]);
	/* A line that is no delimiter of its own does not. */
	m = mime_parse(SPAN_LIT("Subject: x\n--b\nContent-Type: text/html\n\n"
	    "h"), &mime_limits_default, &arena);
	assert_int_equal(m->npart, 1);
	assert_string_equal(m->part[0]->subtype, "html");
}

static void
test_junk_starts_child(void **state)
{
	struct mime *m = parse("Content-Type: message/rfc822\njunk line\n\n");

	(void)state;
	assert_int_equal(m->npart, 2);
	assert_body(m, 1, "junk line\n\n");
}

static void
test_blank_folds(void **state)
{
	struct mime *m = parse("Content-Transfer-Encoding:\r\n \r\n base64"
	                       "\r\n\r\naGk=");

	(void)state;
	assert_body(m, 0, "hi");
	assert_int_equal(m->defects, 0);
	m = parse(" leading\r\nSubject: x\r\n\r\n");
	assert_int_equal(m->part[0]->nfield, 1);
	assert_true(m->defects & MIME_BAD_FIELD);
}

static void
test_bytes(void **state)
{
	static const char nul[] = "Subject: a\r\n\r\nb\0c\rd\r\n";
	struct mime *m = mime_parse(SPAN_LIT(nul), &mime_limits_default,
	    &arena);

	(void)state;
	assert_int_equal(m->defects, MIME_NUL | MIME_BARE_CR);
	m = parse("Subject: \xff\r\n\r\n");
	assert_int_equal(m->defects, MIME_8BIT_HEADER);
}

static void
test_encodings(void **state)
{
	struct mime *m = parse("Content-Transfer-Encoding: (c) Base64 (c)\r\n"
	                       "\r\naGk=");

	(void)state;
	assert_int_equal(m->part[0]->cte, CTE_BASE64);
	assert_int_equal(m->defects, 0);
	m = parse("Content-Transfer-Encoding: rot13\r\n\r\nx");
	assert_int_equal(m->part[0]->cte, CTE_UNKNOWN);
	assert_true(m->defects & MIME_BAD_ENCODING);
	m = parse("Content-Transfer-Encoding: ;base64\r\n\r\naGk=");
	assert_int_equal(m->part[0]->cte, CTE_BASE64);
	assert_true(m->defects & MIME_BAD_ENCODING);
	/* Of two the one that hides something. */
	m = parse("Content-Transfer-Encoding: 7bit\r\n"
	          "Content-Transfer-Encoding: base64\r\n\r\naGk=");
	assert_body(m, 0, "hi");
	assert_true(m->defects & MIME_DUP_ENCODING);
	m = parse("Content-Transfer-Encoding: base64\r\n\r\n!!");
	assert_true(m->defects & MIME_BAD_BASE64);
	m = parse("Content-Transfer-Encoding: x-uuencode\r\n\r\n"
	          "begin 644 a b.exe\r\n#:&D*\r\n`\r\nend\r\n");
	assert_body(m, 0, "hi\n");
	assert_string_equal(m->part[0]->filename, "a b.exe");
}

static void
test_defect_names(void **state)
{
	(void)state;
	assert_string_equal(mime_defect_name(MIME_MISSING_END), "missing-end");
	assert_string_equal(mime_defect_name(MIME_DUP_DISPOSITION),
	    "duplicate-disposition");
	for (unsigned i = 0; i <= 20; i++)
		assert_string_not_equal(mime_defect_name(1u << i), "unknown");
	assert_string_equal(mime_defect_name(1u << 31), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_and_headers_only,
	        setup, teardown),
	    cmocka_unit_test_setup_teardown(test_multipart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_part_without_body, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_nested_unclosed, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_boundary_prefixes, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_same_boundary_twice, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_odd_delimiters, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_two_boundaries, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_boundary_readings, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_no_boundary, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_encoded_multipart, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_message, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_junk_in_header, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_delimiter_ends_header, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_junk_starts_child, setup,
	        teardown),
	    cmocka_unit_test_setup_teardown(test_blank_folds, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
	    cmocka_unit_test(test_defect_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
