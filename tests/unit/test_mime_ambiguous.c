/* What makes a mail ambiguous, and how near a sloppy one may come to it. */
#include <string.h>
#include "mime_fixture.h"

#define FILE_PART							\
	"Content-Type: application/zip; name=x.zip\n"			\
	"Content-Transfer-Encoding: base64\n\nUEsDBA==\n"
#define TEXT_PART "Content-Type: text/plain\n\nhello\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\n"

struct ambiguous {
	const char *mail;
	uint32_t want;
};

static const struct ambiguous cases[] = {
    /* The boundary. */
    {MIXED "\n--b\n" FILE_PART "--b--\n", 0},
    {"Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n"
	FILE_PART "--b--\n", 0},
    {"Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n"
	FILE_PART "--c\n\nx\n--b--\n", MIME_AMBIG_BOUNDARY},
    {MIXED "\n--c\n" FILE_PART "--c--\n", MIME_AMBIG_BOUNDARY},
    {MIXED "\n--c\n" TEXT_PART "--c--\n", 0},
    {MIXED "\n--c\n" FILE_PART "--b\n\nx\n--b--\n", 0},
    {MIXED "\n--b\n" FILE_PART, 0},
    {MIXED "\n--b x\n" FILE_PART "--b--\n", 0},
    {MIXED "\n--b\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n"
	"--b\n\ny\n--b--\n", 0},
    {MIXED "\n--b\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n"
	"--b\n\ny\n--i--\n--b--\n", MIME_AMBIG_BOUNDARY},
    /* The type. */
    {"Content-Type: text/plain\n" MIXED "\n--b\n" FILE_PART "--b--\n",
	MIME_AMBIG_TYPE},
    {"Content-Type: text/plain\n" MIXED "\n--b\n" TEXT_PART "--b--\n", 0},
    {MIXED MIXED "\n--b\n" FILE_PART "--b--\n", 0},
    {"Content-Type: x-multipart/mixed; boundary=b\n\n--b\n" FILE_PART
	"--b--\n", MIME_AMBIG_TYPE},
    {"Content-Type: text/plain; boundary=b\n\nhello\n", 0},
    /* A bounce quotes a mail. */
    {"Content-Type: text/plain\n\nYour mail:\n" MIXED "\n--b\n" FILE_PART
	"--b--\n", 0},
    /* The encoding. */
    {"Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: base64\n"
	"\nUEsDBA==\n", 0},
    {"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: quoted-"
	"printable\n\nx=3D\n", 0},
    {"Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: quoted-"
	"printable\n\nUEsDBA==\n", MIME_AMBIG_ENCODING},
    {"Content-Transfer-Encoding: base64, quoted-printable\n\nUEsDBA==\n",
	MIME_AMBIG_ENCODING},
    {"Content-Transfer-Encoding: bas(x)e64\n\nUEsDBA==\n",
	MIME_AMBIG_ENCODING},
    {"Content-Transfer-Encoding: base\\64\n\nUEsDBA==\n",
	MIME_AMBIG_ENCODING},
    {"Content-Transfer-Encoding: base64 (x)\n\nUEsDBA==\n", 0},
    {"Content-Transfer-Encoding: \"base64\"\n\nUEsDBA==\n", 0},
    {"Content-Transfer-Encoding: base64;\n\nUEsDBA==\n", 0},
    {"Content-Transfer-Encoding: utf-8\n\nhello\n", 0},
    /* The header. */
    {"Subject: x\rContent-Type: application/zip\n\nhello\n",
	MIME_AMBIG_HEADER},
    {"Subject: x\ry\n\nhello\n", 0},
    {"Content-Type : text/plain\nno field\n\nhello\n", 0},
    {"Content-Type: message/partial; id=x; number=2; total=3\n\nhello\n",
	MIME_PARTIAL},
};

static void
test_ambiguous(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mime *m = mime_parse(span_str(cases[i].mail),
		    &mime_limits_default, &arena);
		const char *name = mime_ambiguity(m->defects);

		if ((m->defects & MIME_AMBIGUOUS) != cases[i].want)
			fail_msg("%s\n-- is %s", cases[i].mail,
			    name ? name : "not ambiguous");
		if (cases[i].want != 0)
			assert_string_equal(name,
			    mime_defect_name(cases[i].want));
		else
			assert_null(name);
		teardown(NULL);
	}
}

static void
test_nul(void **state)
{
	static const char mail[] = "Content-Type: text/plain\0; name=x\n\nx";
	static const char body[] = "Content-Type: text/plain\n\n\0x";
	struct mime *m;

	(void)state;
	m = mime_parse(span_of(mail, sizeof(mail) - 1), &mime_limits_default,
	    &arena);
	assert_int_equal(m->defects & MIME_AMBIGUOUS, MIME_AMBIG_HEADER);
	m = mime_parse(span_of(body, sizeof(body) - 1), &mime_limits_default,
	    &arena);
	assert_int_equal(m->defects & MIME_AMBIGUOUS, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_ambiguous, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
