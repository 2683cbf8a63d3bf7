/*
 * What is hidden by broken MIME is found by some reading, or the mail counts
 * as ambiguous; real mail never does. Over the corpus; figures are printed.
 */
#include <archive.h>
#include <archive_entry.h>
#include "corpus_fixture.h"
#include "cpu_time.h"
#include "arena_fixture.h"
#include "lib/mail/content.h"
#include "lib/mail/mime_header.h"

/* In two pieces, so that no scanner finds it in this program. */
static const char eicar[] = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$"
			    "EICAR-STANDARD-ANTIVIRUS-TEST-FILE";

enum { LEVELS = 4, ARCHIVES = 4, BYTES = 16 * 1024 * 1024 };

/* The test virus in plain, or within archives in archives. */
static bool
has_eicar(struct span s, int depth)
{
	struct archive *ar;
	struct archive_entry *entry;
	bool found = s.n > 0 && span_find(s, 0, span_str(eicar)) != SIZE_MAX;

	if (found || s.n == 0 || depth == ARCHIVES)
		return found;
	ar = archive_read_new();
	archive_read_support_filter_gzip(ar);
	archive_read_support_format_zip(ar);
	archive_read_support_format_raw(ar);
	if (archive_read_open_memory(ar, (void *)(uintptr_t)s.p, s.n) ==
	    ARCHIVE_OK) {
		while (!found && archive_read_next_header(ar, &entry) ==
		        ARCHIVE_OK) {
			struct buf b;
			char chunk[4096];
			ssize_t n;

			buf_init(&b, BYTES);
			while ((n = archive_read_data(ar, chunk,
			            sizeof(chunk))) > 0)
				buf_put(&b, chunk, (size_t)n);
			if (b.n != s.n)
				found = has_eicar(buf_span(&b), depth + 1);
			buf_free(&b);
		}
	}
	archive_read_free(ar);
	return found;
}

struct found {
	uint32_t defects;
	bool content;		/* by any reading */
	bool only_unseen;	/* by those alone that a scanner gets extra */
	size_t extra;		/* readings besides the plain ones */
};

static struct found
look(struct span mail)
{
	struct found f = {0};
	struct content_list list;
	struct arena a;
	struct buf out;
	struct mime *m;

	arena_init(&a, 64 << 20);
	buf_init(&out, BYTES);
	m = mime_parse(mail, &mime_limits_default, &a);
	list = content_of(m, &out, &a);
	f.defects = m->defects | list.defects;
	f.only_unseen = true;
	for (size_t i = 0; i < list.n; i++) {
		const struct content *c = &list.item[i];

		f.extra += c->how != CONTENT_PLAIN;
		if (!has_eicar(span_of(out.p + c->off, c->n), 0))
			continue;
		f.content = true;
		f.only_unseen &= c->unseen;
	}
	buf_free(&out);
	arena_free(&a);
	return f;
}

/* As SMTP carries it. */
static void
to_crlf(struct buf *b, struct span mail)
{
	for (size_t i = 0; i < mail.n; i++) {
		if (mail.p[i] == '\n' && (i == 0 || mail.p[i - 1] != '\r'))
			buf_putc(b, '\r');
		buf_putc(b, mail.p[i]);
	}
}

/* ---- hidden content ---- */

struct levels {
	bool crlf;
	size_t n[LEVELS], decoded[LEVELS], held[LEVELS], caught[LEVELS];
};

static int
level_of(struct span mail, const char *path)
{
	size_t at = span_find(mail, 0, SPAN_LIT("Subject: ["));

	if (at == SIZE_MAX || mail.p[at + 10] < '0' || mail.p[at + 10] > '3')
		fail_msg("%s: no level in the subject", path);
	return mail.p[at + 10] - '0';
}

static void
print_subject(const char *what, struct span mail)
{
	size_t at = span_find(mail, 0, SPAN_LIT("Subject: ["));
	struct span s = span_sub(mail, at, span_chr(mail, at, '\n') - at);

	printf("# %s: %.*s\n", what, (int)s.n, s.p);
}

static void
content_mail(void *arg, const char *path, struct span mail)
{
	struct levels *l = arg;
	int level = level_of(mail, path);
	struct found f;
	struct buf b;
	bool held;

	buf_init(&b, BYTES);
	to_crlf(&b, mail);
	f = look(l->crlf ? buf_span(&b) : mail);
	buf_free(&b);
	held = (f.defects & MIME_AMBIGUOUS) != 0;
	l->n[level]++;
	l->decoded[level] += f.content;
	l->held[level] += held;
	l->caught[level] += f.content || held;
	if (!f.content)
		print_subject(held ? "only held" : "missed", mail);
}

static void
check_content(bool crlf)
{
	struct levels l = {.crlf = crlf};

	corpus_each("mime-is-broken/hide-content.d", content_mail, &l);
	printf("# hide-content with %s:\n", crlf ? "CRLF" : "LF");
	for (int i = LEVELS - 1; i >= 0; i--)
		printf("# level %d: %zu mails, %zu decoded, %zu "
		       "ambiguous, %zu either\n", i, l.n[i], l.decoded[i],
		    l.held[i], l.caught[i]);
	for (int i = 1; i < LEVELS; i++)
		assert_int_equal(l.decoded[i], l.n[i]);
	assert_true(l.caught[0] * 100 >= l.n[0] * 98);
}

static void
test_hidden_content(void **state)
{
	(void)state;
	check_content(false);
	check_content(true);
}

/* ---- hidden names ---- */

/* What a rule would match; one control has "file.png" in plain. */
static bool
is_dangerous(const char *name)
{
	struct span s = span_str(name);

	return (s.n > 4 && span_ieqs(span_sub(s, s.n - 4, 4), ".zip")) ||
	    span_ieqs(s, "file.png");
}

static bool
part_is_dangerous(const struct mime_part *p)
{
	bool bad = p->filename != NULL && is_dangerous(p->filename);

	for (size_t i = 0; i < p->nalt_name; i++)
		bad |= is_dangerous(p->alt_name[i]);
	return bad;
}

static void
name_mail(void *arg, const char *path, struct span mail)
{
	struct levels *l = arg;
	int level = level_of(mail, path);
	struct arena a;
	struct mime *m;
	bool found = false, held;

	arena_init(&a, 64 << 20);
	m = mime_parse(mail, &mime_limits_default, &a);
	for (size_t i = 0; i < m->npart; i++)
		found |= part_is_dangerous(m->part[i]);
	held = (m->defects & MIME_AMBIGUOUS) != 0;
	l->n[level]++;
	l->decoded[level] += found;
	l->held[level] += held;
	l->caught[level] += found || held;
	if (!found)
		print_subject(held ? "only held" : "missed", mail);
	arena_free(&a);
}

static void
test_hidden_names(void **state)
{
	struct levels l = {.n = {0}};

	(void)state;
	corpus_each("mime-is-broken/hide-filename.d", name_mail, &l);
	for (int i = LEVELS - 1; i >= 0; i--)
		printf("# hide-filename level %d: %zu mails, %zu found, %zu "
		       "ambiguous, %zu either\n", i, l.n[i], l.decoded[i],
		    l.held[i], l.caught[i]);
	for (int i = 0; i < LEVELS; i++)
		assert_int_equal(l.caught[i], l.n[i]);
}

/* ---- real mail ---- */

struct real {
	size_t mails, bytes, ambiguous, limited, extra, with_extra, rescan;
	int64_t parse_us, content_us, max_us;
};

static void
real_mail(void *arg, const char *path, struct span mail)
{
	struct real *r = arg;
	struct content_list list;
	struct arena a;
	struct buf out, crlf;
	struct mime *m;
	int64_t began, parsed, done;
	size_t extra = 0, rescan = 0;
	uint32_t defects;

	buf_init(&crlf, 2 * mail.n + 1);
	to_crlf(&crlf, mail);
	mail = buf_span(&crlf);
	began = cpu_us();
	arena_init(&a, 64 << 20);
	buf_init(&out, 64 << 20);
	m = mime_parse(mail, &mime_limits_default, &a);
	parsed = cpu_us();
	list = content_of(m, &out, &a);
	done = cpu_us();
	defects = m->defects | list.defects;
	for (size_t i = 0; i < list.n; i++) {
		extra += list.item[i].how != CONTENT_PLAIN;
		rescan += list.item[i].unseen;
	}
	r->mails++;
	r->bytes += mail.n;
	r->parse_us += parsed - began;
	r->content_us += done - parsed;
	if (done - began > r->max_us)
		r->max_us = done - began;
	r->extra += extra;
	r->with_extra += extra > 0;
	r->rescan += rescan > 0;
	if ((defects & MIME_AMBIGUOUS) != 0) {
		r->ambiguous++;
		printf("# %s: %s\n", mime_ambiguity(defects), path);
	}
	if ((list.defects) != 0) {
		r->limited++;
		printf("# limit %x: %s\n", (unsigned)list.defects, path);
	}
	buf_free(&out);
	buf_free(&crlf);
	arena_free(&a);
}

static struct real
run_real(const char *folder)
{
	struct real r = {0};

	corpus_each(folder, real_mail, &r);
	printf("# %s: %zu mails, %zu kB, parse %.1f us, content %.1f us a "
	       "mail, %lld us at most; %zu with other readings (%zu), %zu to "
	       "scan again, %zu ambiguous, %zu past a limit\n", folder,
	    r.mails, r.bytes / 1024, (double)r.parse_us / (double)r.mails,
	    (double)r.content_us / (double)r.mails, (long long)r.max_us,
	    r.with_extra, r.extra, r.rescan, r.ambiguous, r.limited);
	return r;
}

static void
test_ham(void **state)
{
	struct real r;

	(void)state;
	r = run_real("ham");
	assert_int_equal(r.ambiguous, 0);
	assert_int_equal(r.limited, 0);
}

static void
test_others(void **state)
{
	(void)state;
	run_real("spam");
	run_real("spamassassin-tdata");
	run_real("rspamd-messages");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hidden_content),
	    cmocka_unit_test(test_hidden_names),
	    cmocka_unit_test(test_ham),
	    cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
