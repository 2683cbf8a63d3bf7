/*
 * What spamd answers. 'M': the rest describes a report, which is written down
 * and must be read as it was meant; else a reply as it is.
 */
#include "filter/score.h"
#include "require.h"

enum { REPLY_MAX = 1 << 18, ARENA_MAX = 1 << 22, HITS_MAX = 1000 };

static void
fuzz_reply(struct span in, struct arena *a)
{
	struct err e = {""};
	struct score r;

	if (score_parse_reply(in, &r, a, &e) != 0) {
		require(e.text[0] != '\0');
		return;
	}
	require(r.state == SCORE_SCORED);
	require(r.milli > -1000001000 && r.milli < 1000001000);
	require(r.bayes != NULL && r.autolearn != NULL && r.detail != NULL);
	require(r.nhit <= HITS_MAX && (r.nhit == 0 || r.hit != NULL));
	for (size_t i = 0; i < r.nhit; i++)
		require(r.hit[i].name != NULL &&
		    r.hit[i].score_milli > -1000001000 &&
		    r.hit[i].score_milli < 1000001000);
}

/* Thousandths as a decimal, with no more digits than needed if `brief`. */
static void
put_milli(struct buf *b, int v, bool brief)
{
	int m = v < 0 ? -v : v;

	if (brief && m % 1000 == 0)
		buf_printf(b, "%s%d", v < 0 ? "-" : "", m / 1000);
	else if (brief && m % 100 == 0)
		buf_printf(b, "%s%d.%d", v < 0 ? "-" : "", m / 1000,
		    m / 100 % 10);
	else
		buf_printf(b, "%s%d.%03d", v < 0 ? "-" : "", m / 1000,
		    m % 1000);
}

/* Three bytes a test: a name's number, two of its score. */
static void
put_report(struct buf *b, int score, struct span hits, bool brief)
{
	buf_puts(b, "score=");
	put_milli(b, score, brief);
	buf_puts(b, " required=5.0 bayes=0.25 autolearn=no\ntests=");
	for (size_t i = 0; i + 3 <= hits.n; i += 3) {
		buf_printf(b, "%sT_%u=", i ? "," : "", hits.p[i]);
		put_milli(b, (int16_t)(hits.p[i + 1] << 8 | hits.p[i + 2]),
		    brief);
	}
	buf_puts(b, hits.n < 3 ? "none\n" : "\n");
}

static void
check_report(const struct score *r, int score, struct span hits)
{
	require(r->milli == score);
	require(strcmp(r->bayes, "0.25") == 0);
	require(strcmp(r->autolearn, "no") == 0);
	require(r->nhit == (hits.n / 3 < HITS_MAX ? hits.n / 3 : HITS_MAX));
	for (size_t i = 0; i < r->nhit; i++) {
		char name[16];

		snprintf(name, sizeof(name), "T_%u", hits.p[3 * i]);
		require(strcmp(r->hit[i].name, name) == 0);
		require(r->hit[i].score_milli ==
		    (int16_t)(hits.p[3 * i + 1] << 8 | hits.p[3 * i + 2]));
	}
}

static void
fuzz_report(struct span in, struct arena *a)
{
	struct cursor c = cur_of(in);
	bool brief = cur_u8(&c) & 1;
	int score = (int16_t)cur_u16(&c);
	struct span hits = span_sub(in, 3, in.n);
	struct buf body, reply;
	struct score r;

	buf_init(&body, REPLY_MAX);
	buf_init(&reply, REPLY_MAX);
	put_report(&body, score, hits, brief);
	buf_printf(&reply, "SPAMD/1.1 0 EX_OK\r\nContent-length: %zu\r\n"
	    "Spam: False ; 1.0 / 5.0\r\n\r\n", body.n);
	buf_puts_span(&reply, buf_span(&body));
	if (!reply.overflow && !body.overflow) {
		require(score_parse_reply(buf_span(&reply), &r, a, NULL) == 0);
		check_report(&r, score, hits);
		/* Cut anywhere it is an error, never a lower score. */
		require(score_parse_reply(span_sub(buf_span(&reply), 0,
		        reply.n - 1 - (size_t)(uint16_t)score % body.n), &r, a,
		        NULL) != 0);
	}
	buf_free(&body);
	buf_free(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	if (size < 1 || size > REPLY_MAX / 16)
		return 0;
	arena_init(&a, ARENA_MAX);
	if (data[0] == 'M')
		fuzz_report(span_of(data + 1, size - 1), &a);
	else
		fuzz_reply(span_of(data, size), &a);
	arena_free(&a);
	return 0;
}
