/*
 * What clients would show or open: every reading. The file that is hidden is
 * always the same; mime-is-broken and others have shown these ways.
 */
#include "content_fixture.h"

#define FILE_TEXT "PK content of a file\n"
#define FILE_B64 "UEsgY29udGVudCBvZiBhIGZpbGUK"
#define FILE_QP "=50K content of a file=0A"
#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"

struct hidden {
	const char *what, *mail;
};

static void
check_hidden(const struct hidden *h, enum content_how how)
{
	struct reading_of r = content_read(span_str(h->mail));
	const struct content *c = content_find(&r, how, SPAN_LIT(FILE_TEXT));

	if (c == NULL)
		fail_msg("%s: no reading has it", h->what);
	if (how != CONTENT_PLAIN && !c->unseen)
		fail_msg("%s: not to be scanned by itself", h->what);
	assert_true(c->part < r.m->npart);
	content_done(&r);
}

#define CHECK(cases, how)						\
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)	\
		check_hidden(&cases[i], how)

/* Nothing odd, nothing extra. */
static void
test_plain(void **state)
{
	struct reading_of r = content_read(SPAN_LIT(MIXED "--b\n"
	    "Content-Type: text/plain\n\nhello\n--b\n"
	    "Content-Type: application/zip; name=x.zip\n"
	    "Content-Transfer-Encoding: base64\n\n" FILE_B64 "\n"
	    "--b\nContent-Transfer-Encoding: quoted-printable\n\n" FILE_QP
	    "\n--b--\n"));

	(void)state;
	assert_int_equal(r.list.n, 3);
	assert_int_equal(r.list.defects, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(r.list.item[i].part, i + 1);
		assert_int_equal(r.list.item[i].how, CONTENT_PLAIN);
		assert_false(r.list.item[i].unseen);
		assert_null(r.list.item[i].name);
	}
	assert_non_null(content_find(&r, CONTENT_PLAIN, SPAN_LIT("hello")));
	assert_non_null(content_find(&r, CONTENT_PLAIN, SPAN_LIT(FILE_TEXT)));
	assert_int_equal(r.m->defects, MIME_BARE_LF);
	content_done(&r);
}

#define B64(cte, body)							\
	"Content-Type: application/zip\nContent-Transfer-Encoding: " cte \
	"\n\n" body "\n"

static void
test_encoding(void **state)
{
	static const struct hidden plain[] = {
	    {"x-base64", B64("x-base64", FILE_B64)},
	    {"comment behind", B64("base64 (x)", FILE_B64)},
	    {"comment inside", B64("bas(x)e64", FILE_B64)},
	    {"backslash", B64("base\\64", FILE_B64)},
	    {"semicolon", B64("base64;", FILE_B64)},
	    {"junk around", B64("xbase64x", FILE_B64)},
	    {"after another", B64("7bit\nContent-Transfer-Encoding: base64",
	        FILE_B64)},
	    {"before another", B64("base64\nContent-Transfer-Encoding: 8bit",
	        FILE_B64)},
	    {"shortened", B64("quoted-print", FILE_QP "=")},
	    {"behind a bare CR", "X: y\rContent-Transfer-Encoding: base64\n\n"
	        FILE_B64},
	    {"on a multipart", "Content-Type: multipart/mixed; boundary=x\n"
	        "Content-Transfer-Encoding: base64\n\n" FILE_B64},
	    {"uuencode", B64("x-uuencode", "begin 644 a\n"
	        "54$L@8V]N=&5N=\"!O9B!A(&9I;&4*\n`\nend")},
	};
	static const struct hidden other[] = {
	    {"two that hide", B64("quoted-printable\n"
	        "Content-Transfer-Encoding: base64", FILE_B64)},
	    {"two in one field", B64("quoted-printable, base64", FILE_B64)},
	    {"one within the other", B64("quoted-printable, base64",
	        "=55Esg=592=39udGVudCBvZiBhIGZpbGUK")},
	    {"unknown", B64("x-own", FILE_B64)},
	    {"none on a file", "Content-Type: application/zip\n\n" FILE_B64},
	};

	(void)state;
	CHECK(plain, CONTENT_PLAIN);
	CHECK(other, CONTENT_OTHER);
}

/* A file without base64, as SMTP carries it and as a client may store it. */
static void
test_line_ends(void **state)
{
	static const char *const mails[] = {
	    "Content-Type: application/zip\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	        "PK=03\r\n=\r\n=E9x",
	    "Content-Type: application/zip\r\n"
	        "Content-Transfer-Encoding: binary\r\n\r\n"
	        "PK\x03\r\n\xe9x",
	    /* A broken escape is nothing to some. */
	    "Content-Type: application/zip\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	        "=XXPK=03\r\n=XX=\r\n=E9x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct reading_of r = content_read(span_str(mails[i]));
		const struct content *lf = content_find(&r, CONTENT_OTHER,
		    SPAN_LIT("PK\x03\n\xe9x"));

		if (i < 2)
			assert_non_null(content_find(&r, CONTENT_PLAIN,
			    SPAN_LIT("PK\x03\r\n\xe9x")));
		assert_non_null(lf);
		assert_true(lf->unseen);
		content_done(&r);
	}
}

/* Broken base64 and quoted-printable. */
static void
test_styles(void **state)
{
	static const struct hidden plain[] = {
	    {"junk between", B64("base64", "UEsg\xff#Y29udGVu*dCBvZiBhIGZpbGUK")},
	    {"padding in front", B64("base64",
	        "=UEsgY29udGVu\n=dCBvZiBhIGZpbGUK")},
	    {"blocks", B64("base64", "UEs=\nIGNvbnRlbnQgb2YgYSBmaWxlCg==")},
	};
	static const struct hidden other[] = {
	    {"text behind the end", B64("base64",
	        "UEsgY29udGVudCBvZiBhIGZpbGUK\n====\nhidden by more")},
	    {"padding ignored", B64("base64",
	        "UE=sgY29udGVudCBvZiBhIGZpbGUK")},
	    {"rest of the line is junk", B64("base64",
	        "UEsgY2#abcd\n9udGVudCBvZiBhIGZpbGUK")},
	    {"a line of junk", B64("base64",
	        "begin-base64 644 abc.d\n" FILE_B64)},
	    {"each line by itself", B64("base64",
	        "UEsgY29uX\ndGVudCBvX\nZiBhIGZpbGUKX")},
	    {"behind an empty line", B64("base64", "AB\n\n" FILE_B64)},
	    {"junk in front of it", B64("base64\nAB", "\n" FILE_B64)},
	    {"bad escapes vanish", B64("quoted-printable",
	        "=XX=50=XXK content of a file=0A=")},
	    {"bad signs vanish", B64("quoted-printable",
	        "==50=K content of a file==0A=")},
	    {"lower case is bad", B64("quoted-printable",
	        "=0a=50K=0a content of a file=0A=")},
	};

	(void)state;
	CHECK(plain, CONTENT_PLAIN);
	CHECK(other, CONTENT_OTHER);
}

#define PART_FILE							\
	"Content-Type: application/zip; name=x.zip\n"			\
	"Content-Transfer-Encoding: base64\n\n" FILE_B64 "\n"

static void
test_structure(void **state)
{
	static const struct hidden plain[] = {
	    {"text behind the delimiter", MIXED "--b x\n" PART_FILE "--b--\n"},
	    {"end missing", MIXED "--b\n" PART_FILE},
	    {"behind the end", MIXED "--b--\n--b\n" PART_FILE "--b--\n"},
	    {"type twice", "Content-Type: text/plain\n" MIXED "--b\n" PART_FILE
	        "--b--\n"},
	    {"both boundaries", "Content-Type: multipart/mixed; boundary=a; "
	        "boundary=b\n\n--a\n\nx\n--b\n" PART_FILE "--b--\n--a--\n"},
	    {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
	        PART_FILE "--b--\n"},
	    {"message/global", "Content-Type: message/global\n\n" PART_FILE},
	};
	static const struct hidden other[] = {
	    {"no multipart", "Content-Type: text/plain\n\n--b\n" PART_FILE
	        "--b--\n"},
	    {"other boundary", MIXED "--c\n" PART_FILE "--c--\n"},
	    {"no boundary", "Content-Type: multipart/mixed\n\n--c\n" PART_FILE},
	    {"preamble", MIXED "--c\n" PART_FILE "--c--\n--b\n\nx\n--b--\n"},
	    {"epilogue", MIXED "--b\n\nx\n--b--\n\n--c\n" PART_FILE "--c--\n"},
	    {"behind an empty line", MIXED "--b\n\n" PART_FILE "--b--\n"},
	    {"delimiter of a bare CR", MIXED "x\r--b\r" PART_FILE "--b--\n"},
	    {"NUL in the boundary line", "Content-Type: multipart/mixed; "
	        "boundary=b\n\n--c\n" PART_FILE},
	    {"encoded message", "Content-Type: message/rfc822\n"
	        "Content-Transfer-Encoding: base64\n\nQ29udGVudC1UcmFuc2Zlci1F"
	        "bmNvZGluZzogYmFzZTY0CgpVRXNnWTI5dWRHVnVkQ0J2WmlCaElHWnBiR1VL"
	        "Cg==\n"},
	    {"a message that is not encoded", "Content-Type: message/rfc822\n"
	        "Content-Transfer-Encoding: base64\n\n" PART_FILE},
	    {"a mail as a file", "Content-Type: application/octet-stream; "
	        "name=x.eml\n\n" PART_FILE},
	    {"message/partial", "Content-Type: message/partial; id=x; number=1"
	        "\n\n" PART_FILE},
	    {"the inner boundary goes on", "Content-Type: multipart/mixed; "
	        "boundary=####+\n\n--####+\n" MIXED "--b\nContent-Type: "
	        "application/zip\nContent-Transfer-Encoding: base64\n\n"
	        "UEsgY29udGVudCBv\n--####+\nZiBhIGZpbGUK\n--b--\n--####+--\n"},
	    {"a delimiter that is none", MIXED "--b\nContent-Type: "
	        "application/zip\nContent-Transfer-Encoding: base64\n\n"
	        "UEsgY29udGVudCBv\n--b##====\nZiBhIGZpbGUK\n--b--\n"},
	};

	(void)state;
	CHECK(plain, CONTENT_PLAIN);
	CHECK(other, CONTENT_OTHER);
}

static void
test_hidden_names(void **state)
{
	struct reading_of r = content_read(SPAN_LIT(MIXED "--c\n"
	    "Content-Type: application/zip; name=x.zip\n"
	    "Content-Disposition: attachment; filename=y.exe\n"
	    "Content-Transfer-Encoding: base64\n\n" FILE_B64 "\n--c--\n"));
	const struct content *c = content_find(&r, CONTENT_OTHER,
	    SPAN_LIT(FILE_TEXT));

	(void)state;
	assert_non_null(c);
	assert_non_null(c->as);
	assert_string_equal(c->name, "y.exe");
	assert_string_equal(c->as->subtype, "zip");
	assert_int_equal(c->as->nalt_name, 1);
	assert_string_equal(c->as->alt_name[0], "x.zip");
	content_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_encoding, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_line_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_styles, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_structure, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hidden_names, setup,
	        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
