/* The parser of spamd's replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "filter/score.h"
#include "lib/base/buf.h"

static struct arena arena;

static int
parse(const char *status, const char *body, long length, struct score *r,
    struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, 1 << 20);
	buf_printf(&b, "SPAMD/1.1 %s\r\n", status);
	if (length != -1)
		buf_printf(&b, "Content-length: %ld\r\n",
		    length == -2 ? (long)strlen(body) : length);
	buf_printf(&b, "Spam: True ; 5.1 / 5.0\r\n\r\n%s", body);
	arena_free(&arena);
	arena_init(&arena, 1 << 20);
	rc = score_parse_reply(buf_span(&b), r, &arena, e);
	buf_free(&b);
	return rc;
}

static void
scores_and_hits(void **state)
{
	struct score r;
	struct err e;

	(void)state;
	assert_int_equal(parse("0 EX_OK",
	    "score=5.1 required=5.0 bayes=0.4999 autolearn=no\n"
	    "tests=GTUBE=1000,NEG=-0.25,X=.5\n", -2, &r, &e), 0);
	assert_int_equal(r.state, SCORE_SCORED);
	assert_int_equal(r.milli, 5100);
	assert_string_equal(r.bayes, "0.4999");
	assert_string_equal(r.autolearn, "no");
	assert_int_equal(r.nhit, 3);
	assert_string_equal(r.hit[0].name, "GTUBE");
	assert_int_equal(r.hit[0].score_milli, 1000000);
	assert_int_equal(r.hit[1].score_milli, -250);
	assert_int_equal(r.hit[2].score_milli, 500);
}

static void
negative_zero_and_none(void **state)
{
	struct score r;
	struct err e;

	(void)state;
	assert_int_equal(parse("0 EX_OK",
	    "score=-0.0 required=5.0 bayes= autolearn=ham\ntests=none\n", -2,
	    &r, &e), 0);
	assert_int_equal(r.milli, 0);
	assert_int_equal(r.nhit, 0);
	assert_string_equal(r.bayes, "");
}

static void
failures_are_never_a_score(void **state)
{
	static const char ok[] = "score=1.0 required=5.0\ntests=A=1\n";
	struct score r;
	struct err e;

	(void)state;
	assert_int_equal(parse("76 Bad header line", ok, -2, &r, &e), -1);
	assert_non_null(strstr(e.text, "76 Bad header"));
	assert_int_equal(parse("0 EX_OK", ok, (long)strlen(ok) + 1, &r, &e),
	    -1);
	assert_non_null(strstr(e.text, "truncated"));
	assert_int_equal(parse("0 EX_OK", ok, -1, &r, &e), -1);
	assert_int_equal(parse("0 EX_OK", "no report of ours\n", -2, &r, &e),
	    -1);
	assert_non_null(strstr(e.text, "pmgconfig sync"));
	assert_int_equal(parse("0 EX_OK", "score=abc\n", -2, &r, &e), -1);
	assert_int_equal(score_parse_reply(SPAN_LIT(""), &r, &arena, &e), -1);
	assert_int_equal(score_parse_reply(SPAN_LIT("HTTP/1.1 200\r\n\r\n"),
	    &r, &arena, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scores_and_hits),
	    cmocka_unit_test(negative_zero_and_none),
	    cmocka_unit_test(failures_are_never_a_score),
	};

	arena_init(&arena, 1 << 20);
	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
