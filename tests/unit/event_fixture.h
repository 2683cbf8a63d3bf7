/* A folder of event files for one test, and short words for what tests do
 * with it. */
#ifndef TESTS_EVENT_FIXTURE_H
#define TESTS_EVENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/store/event.h"

static char base[64], dir[80], cursor[80];

static inline int
setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/test_event.XXXXXX");
	assert_non_null(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/ev", base);
	snprintf(cursor, sizeof(cursor), "%s/cursor", base);
	return 0;
}

static inline void
dir_empty(const char *d)
{
	DIR *dp = opendir(d);
	struct dirent *de;
	char path[512];

	if (dp == NULL)
		return;
	while ((de = readdir(dp)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", d, de->d_name);
		unlink(path);
	}
	closedir(dp);
	rmdir(d);
}

static inline int
teardown(void **state)
{
	(void)state;
	dir_empty(dir);
	dir_empty(base);
	return 0;
}

static inline struct event_writer *
writer(uint64_t segment)
{
	struct err e;
	struct event_writer *w = event_writer_open(dir, segment, &e);

	assert_non_null(w);
	return w;
}

static inline void
put(struct event_writer *w, unsigned n)
{
	struct err e;
	char text[32];

	snprintf(text, sizeof(text), "{\"n\":%u}", n);
	assert_int_equal(event_write(w, span_str(text), false, &e), 0);
}

/* The next record's number; -1: none now, -2: damage. */
static inline int
get(struct event_reader *r)
{
	struct buf b;
	struct err e;
	uint64_t seq;
	unsigned n;
	int rc;

	buf_init(&b, EVENT_MAX);
	rc = event_read(r, &b, &seq, &e);
	if (rc == 1)
		assert_int_equal(sscanf(buf_cstr(&b), "{\"n\":%u}", &n), 1);
	buf_free(&b);
	return rc == 1 ? (int)n : rc - 1;
}

static inline struct event_reader *
reader(bool with_cursor)
{
	struct err e;
	struct event_reader *r =
	    event_reader_open(dir, with_cursor ? cursor : NULL, &e);

	assert_non_null(r);
	return r;
}

/* Path of the n-th segment (0: oldest), or the number of segments. */
static inline int
segment(int want, char *path, size_t size)
{
	struct dirent **de;
	int n = scandir(dir, &de, NULL, alphasort), count = 0;

	for (int i = 0; i < n; i++) {
		if (strstr(de[i]->d_name, ".log") != NULL && count++ == want)
			snprintf(path, size, "%s/%s", dir, de[i]->d_name);
		free(de[i]);
	}
	free(de);
	return count;
}

#endif
