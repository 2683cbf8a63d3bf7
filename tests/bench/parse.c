/*
 * How fast lib/mail reads messages: parse [-c] SECONDS FILE ...
 *
 * All files are read first. One pass parses each and decodes every leaf, with
 * -c in every reading that some client has (content.h), and takes the subject
 * and the names as text. Prints "mails bytes passes seconds" (CPU of this
 * thread). parse_gmime.c and parse.py do the same by other parsers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"
#include "lib/base/xalloc.h"
#include "lib/mail/content.h"
#include "lib/mail/mime.h"

enum { INPUT_MAX = 256 * 1024 * 1024, ARENA_MAX = 64 * 1024 * 1024 };

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
read_mail(struct span msg, bool contents, struct buf *out)
{
	const struct mime_field *f;
	struct arena a;
	struct mime *m;

	arena_init(&a, ARENA_MAX);
	m = mime_parse(msg, &mime_limits_default, &a);
	f = mime_field_find(m->part[0], "Subject");
	if (f != NULL)
		mime_field_text(f, &a);
	buf_reset(out);
	if (contents) {
		content_of(m, out, &a);
	} else {
		for (size_t i = 0; i < m->npart; i++)
			if (m->part[i]->child == NULL)
				mime_body_decode(m, m->part[i], out);
	}
	arena_free(&a);
}

int
main(int argc, char **argv)
{
	bool contents = argc > 1 && strcmp(argv[1], "-c") == 0;
	char **files = argv + 2 + contents;
	size_t n = (size_t)(argc - 2 - contents), bytes = 0, passes = 0;
	struct buf *mail = xcalloc(n + 1, sizeof(*mail)), out;
	double began, wanted = atof(argv[1 + contents]);
	struct err e;

	for (size_t i = 0; i < n; i++) {
		buf_init(&mail[i], INPUT_MAX);
		if (file_read(files[i], &mail[i], &e) != 0) {
			fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		bytes += mail[i].n;
	}
	buf_init(&out, INPUT_MAX);
	began = cpu_seconds();
	do {
		for (size_t i = 0; i < n; i++)
			read_mail(buf_span(&mail[i]), contents, &out);
		passes++;
	} while (cpu_seconds() - began < wanted);
	printf("%zu %zu %zu %.6f\n", n, bytes, passes, cpu_seconds() - began);
	buf_free(&out);
	for (size_t i = 0; i < n; i++)
		buf_free(&mail[i]);
	free(mail);
	return 0;
}
