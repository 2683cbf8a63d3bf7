/*
 * URLs: the first byte says whether the rest is text, HTML or one URL. Links of
 * text lie inside; each is listed once; a normal form is a string of UTF-8, its
 * host and path lie in it, and normalising it again changes nothing.
 */
#include "lib/mail/url_find.h"
#include "lib/mail/url_list.h"
#include "lib/mail/utf8.h"
#include "require.h"

enum { INPUT_MAX = 1 << 18, ARENA_MAX = 64 << 20, URLS_MAX = 300 };

static void
check_stable(const struct url_item *u)
{
	struct url_parts p;
	struct buf b;

	if ((u->at.flags & (URL_CUT | URL_BAD_HOST)) != 0 ||
	    u->at.host_n == 0 || u->n > URL_BYTES_MAX)
		return;
	buf_init(&b, URL_NORM_MAX);
	require(url_normalise(&b, &p, span_of(u->norm, u->n), SPAN_LIT(""),
	    NULL));
	require(span_eq(buf_span(&b), span_of(u->norm, u->n)));
	require(p.host_off == u->at.host_off && p.host_n == u->at.host_n);
	require(p.path_off == u->at.path_off && p.port == u->at.port);
	buf_free(&b);
}

static void
check_list(const struct url_list *l, struct span in, bool text)
{
	require(l->n <= URLS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		const struct url_item *u = &l->item[i];

		require(u->n == strlen(u->norm) && u->n <= 2 * URL_NORM_MAX);
		require(utf8_valid(span_of(u->norm, u->n)));
		require(u->at.scheme_n > 0 && u->at.scheme_n < u->n);
		require(u->at.host_off + u->at.host_n <= u->at.path_off);
		require(u->at.path_off <= u->n);
		require(u->from == SIZE_MAX || u->from < i);
		require(!text || u->written.n == 0 || (u->written.p >= in.p &&
		    u->written.p + u->written.n <= in.p + in.n));
		check_stable(u);
		for (size_t k = 0; k < i; k++)
			require(strcmp(l->item[k].norm, u->norm) != 0);
	}
}

static void
check_find(struct span text)
{
	struct span found;
	uint32_t flags;
	size_t before = 0;

	for (size_t pos = 0; url_find(text, &pos, &found, &flags);
	    before = pos) {
		require(pos > before && pos <= text.n);
		require(found.p >= text.p + before);
		require(found.p + found.n <= text.p + pos);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct url_list l;
	struct arena a;
	struct span in;

	if (size < 1 || size > INPUT_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	arena_init(&a, ARENA_MAX);
	url_list_init(&l, &a, URLS_MAX);
	if (data[0] % 3 == 0) {
		check_find(in);
		url_list_add_text(&l, in, URL_IN_TEXT);
	} else if (data[0] % 3 == 1) {
		url_list_add_html(&l, in);
	} else {
		url_list_add(&l, in, in, URL_IN_HTML, NULL);
	}
	check_list(&l, in, data[0] % 3 != 1);
	arena_free(&a);
	return 0;
}
