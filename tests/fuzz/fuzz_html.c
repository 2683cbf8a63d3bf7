/*
 * HTML: tokens are the input, cut; text is valid UTF-8 of bounded size, covered
 * by its runs; what is left without hidden runs is no longer.
 */
#include "lib/mail/html_text.h"
#include "lib/mail/html_token.h"
#include "lib/mail/utf8.h"
#include "require.h"

enum { INPUT_MAX = 1 << 20 };

static void
require_inside(struct span part, struct span whole)
{
	require(part.n == 0 || (part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n));
}

static void
check_tokens(struct span html)
{
	struct html_lexer l;
	struct html_token t;
	size_t at = 0;

	html_lexer_init(&l, html);
	while (html_next(&l, &t)) {
		struct html_attrs it = html_attrs(&t);
		struct html_attr a;

		require(t.src.p == html.p + at && t.src.n > 0);
		at += t.src.n;
		require(l.pos == at);
		require_inside(t.name, t.src);
		require_inside(t.body, t.src);
		if (t.type != HTML_START && t.type != HTML_END)
			continue;
		require(t.name.n > 0);
		while (html_attr_next(&it, &a)) {
			require(a.name.n > 0);
			require_inside(a.name, t.body);
			require_inside(a.value, t.body);
		}
	}
	require(at == html.n);
}

static void
check_text(struct span html)
{
	struct html_text t;
	struct buf seen;
	size_t at = 0;

	html_text_of(&t, html, HTML_TEXT_GROWTH * html.n + 1);
	require(!t.text.overflow);
	require(utf8_valid(buf_span(&t.text)));
	for (size_t i = 0; i < t.nrun; at += t.run[i++].n)
		require(t.run[i].off == at && t.run[i].n > 0);
	require(at == t.text.n);
	buf_init(&seen, t.text.n + 1);
	html_text_without(&t, HTML_TEXT_HIDDEN, &seen);
	require(!seen.overflow && seen.n <= t.text.n);
	require(utf8_valid(buf_span(&seen)));
	buf_free(&seen);
	html_text_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	check_tokens(span_of(data, size));
	check_text(span_of(data, size));
	return 0;
}
