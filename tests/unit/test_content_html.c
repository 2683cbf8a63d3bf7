/* Files in HTML and SVG: data: URIs, literals of base64 in scripts. */
#include "content_fixture.h"

/* 128 digits of base64: "PK\3\4" and blanks. */
#define DIGITS "UEsDBCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg" \
    "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg" \
    "ICAgICAgICAg"
#define FILE_START "PK\3\4          "
#define HTML "Content-Type: text/html; name=a.html\n\n"
#define SVG "Content-Type: image/svg+xml\n\n"
#define BLIND "Content-Type: application/octet-stream\n\n"

static const struct {
	const char *mail;
	const char *name;	/* NULL = none */
	bool found;
} cases[] = {
	{HTML "<a download=\"x &#46;exe\" href=\"data:a/b;base64," DIGITS
	    "\">", "x .exe", true},
	{HTML "<a href='data:a/b;charset=x;BASE64," DIGITS "'>", NULL, true},
	{HTML "<embed src='&#100;ata&colon;;base64,%55EsDBCAg" DIGITS "'>",
	    NULL, true},
	{HTML "<iframe src='data:text/plain,PK%03%04" DIGITS "'>", NULL,
	    true},
	{HTML "<img src='data:image/gif;base64,R0lGODlh" DIGITS "'>", NULL,
	    false},
	{HTML "<script>f(atob(\"" DIGITS "\"))</script>", NULL, true},
	{HTML "<script>var a='UEsDBCAg' +\n `" DIGITS "`;</script>", NULL,
	    true},
	{HTML "<script>var a='it'+x;b='" DIGITS "'</script>", NULL, true},
	{HTML "<script>var a='ICAgICAg" DIGITS "'</script>", NULL, false},
	{HTML "<script>var a='UEsDBCAg'</script>", NULL, false},
	{SVG "<svg><script>atob('" DIGITS "')</script></svg>", NULL, true},
	{SVG "<svg><script><![CDATA[atob('" DIGITS "')]]></script></svg>",
	    NULL, true},
	{SVG "<svg><a xlink:href='data:;base64," DIGITS "'/></svg>", NULL,
	    true},
	{BLIND "<html><script>f('" DIGITS "')</script>", NULL, true},
	{BLIND "no markup: f('" DIGITS "')", NULL, false},
};

static void
test_embedded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading_of r = content_read(span_str(cases[i].mail));
		const struct content *found = NULL;

		for (size_t k = 0; k < r.list.n; k++)
			if (r.list.item[k].how == CONTENT_EMBEDDED)
				found = &r.list.item[k];
		if ((found != NULL) != cases[i].found)
			fail_msg("%s", cases[i].mail);
		if (found != NULL) {
			assert_true(found->unseen);
			assert_memory_equal(r.out.p + found->off, FILE_START,
			    4);
			if (cases[i].name != NULL)
				assert_string_equal(found->name,
				    cases[i].name);
			else
				assert_null(found->name);
		}
		content_done(&r);
		setup(NULL);
	}
}

/* HTML in a data: URI in HTML is looked into, and that ends. */
static void
test_nested(void **state)
{
	struct reading_of r = content_read(SPAN_LIT(HTML "<iframe src=\""
	    "data:text/html,<script>f('" DIGITS "')</script>\">"));
	unsigned found = 0;

	(void)state;
	for (size_t k = 0; k < r.list.n; k++)
		found += r.list.item[k].how == CONTENT_EMBEDDED;
	assert_int_equal(found, 2);
	content_done(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_embedded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
