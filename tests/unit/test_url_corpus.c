/*
 * Every mail of the corpus: text is valid UTF-8 and covered by its runs, links
 * are whole; in the webmail attacks, script URLs are seen. PMG_CORPUS: its
 * folder (default: beside the tree); skipped when there is none. Prints MB/s.
 */
#include "arena_fixture.h"

#include <sys/stat.h>
#include <fts.h>
#include <string.h>
#include "cpu_time.h"
#include "lib/base/atomicfile.h"
#include "lib/mail/html_text.h"
#include "lib/mail/url_list.h"
#include "lib/mail/utf8.h"

static size_t mails, bytes, urls, script_urls;
static int64_t spent_us;

static void
check_urls(const struct url_list *l)
{
	urls += l->n;
	for (size_t i = 0; i < l->n; i++) {
		const struct url_item *u = &l->item[i];

		assert_int_equal(u->n, strlen(u->norm));
		assert_true(utf8_valid(span_of(u->norm, u->n)));
		assert_true(u->at.host_off + u->at.host_n <= u->at.path_off);
		assert_true(u->at.path_off <= u->n);
		if (strncmp(u->norm, "javascript:", 11) == 0)
			script_urls++;
	}
}

static void
check_html(struct span html)
{
	struct html_text t;
	size_t at = 0;

	html_text_of(&t, html, HTML_TEXT_GROWTH * html.n + 1);
	assert_false(t.text.overflow);
	assert_true(utf8_valid(buf_span(&t.text)));
	for (size_t i = 0; i < t.nrun; at += t.run[i++].n)
		assert_int_equal(at, t.run[i].off);
	assert_int_equal(at, t.text.n);
	html_text_free(&t);
}

static void
check_mail(const char *path)
{
	struct arena a;
	struct buf b;
	struct err e;
	struct mime *m;
	struct url_list l;
	int64_t began;

	buf_init(&b, 64 << 20);
	if (file_read(path, &b, &e) == -1)
		fail_msg("%s", e.text);
	arena_init(&a, 256 << 20);
	m = mime_parse(buf_span(&b), &mime_limits_default, &a);
	began = cpu_us();
	l = message_urls(m, NULL, span_str(""), 64 << 20, &a);
	spent_us += cpu_us() - began;
	check_urls(&l);
	check_html(buf_span(&b));
	mails++;
	bytes += b.n;
	arena_free(&a);
	buf_free(&b);
}

static void
run_folder(const char *folder)
{
	const char *dir = getenv("PMG_CORPUS");
	char path[4096];
	char *paths[] = {path, NULL};
	struct stat st;
	FTSENT *ent;
	FTS *fts;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/corpus",
	    folder);
	if (stat(path, &st) != 0) {
		print_message("skipped: no corpus\n");
		skip();
	}
	mails = bytes = urls = script_urls = 0;
	spent_us = 0;
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR,
	    NULL);
	assert_non_null(fts);
	while ((ent = fts_read(fts)) != NULL)
		if (ent->fts_info == FTS_F)
			check_mail(ent->fts_path);
	fts_close(fts);
	assert_true(mails > 0);
	print_message("%s: %zu mails, %zu URLs, %zu javascript:, %.1f MB/s\n",
	    folder, mails, urls, script_urls,
	    spent_us > 0 ? (double)bytes / (double)spent_us : 0);
}

static void
test_ham(void **state)
{
	(void)state;
	run_folder("ham");
	assert_true(urls > mails);
}

static void
test_spam(void **state)
{
	(void)state;
	run_folder("spam");
	assert_true(urls > mails);
}

static void
test_mime(void **state)
{
	(void)state;
	run_folder("mime");
}

static void
test_attacks(void **state)
{
	(void)state;
	run_folder("wooyun-email-xss");
	assert_true(script_urls > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ham),
		cmocka_unit_test(test_spam),
		cmocka_unit_test(test_mime),
		cmocka_unit_test(test_attacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
