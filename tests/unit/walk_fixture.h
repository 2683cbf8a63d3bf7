/* Walks a file of tests/unit/data/walk and puts what was found as text. */
#ifndef TESTS_WALK_FIXTURE_H
#define TESTS_WALK_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"
#include "scan/walk.h"

#define WALK_DATA "tests/unit/data/walk"

enum { WALK_FILE_MAX = 16 * 1024 * 1024, WALK_TEXT_MAX = 4 * 1024 * 1024 };

static inline void
walk_data(const char *name, struct buf *b)
{
	char path[512];
	struct err e;

	snprintf(path, sizeof(path), WALK_DATA "/%s", name);
	buf_init(b, WALK_FILE_MAX);
	if (file_read(path, b, &e) == -1)
		fail_msg("%s", e.text);
}

struct walk_seen {
	struct buf text;	/* a line an entry */
	unsigned entries;	/* without the object itself */
	unsigned flags;		/* union */
	unsigned limits;	/* entries with WALK_LIMIT */
	unsigned depth;		/* the greatest */
	uint64_t bytes;		/* sum of the sizes */
};

static inline void
walk_see(void *arg, const struct walk_entry *e)
{
	static const char *const names[] = {"encrypted", "unreadable",
	    "macros", "limit", "archive"};
	struct walk_seen *s = arg;

	buf_printf(&s->text, "%u %s %s", e->depth, e->name, e->type);
	for (unsigned i = 0; i < 5; i++)
		if (e->flags & 1u << i)
			buf_printf(&s->text, " %s", names[i]);
	buf_putc(&s->text, '\n');
	s->entries += e->depth > 0;
	s->flags |= e->flags;
	s->limits += (e->flags & WALK_LIMIT) != 0;
	s->bytes += e->size;
	if (e->depth > s->depth)
		s->depth = e->depth;
}

/* Free .text with buf_free(). */
static inline struct walk_seen
walk_text(struct span bytes, const char *name, const struct walk_limits *lim)
{
	struct walk_seen s = {.entries = 0};
	unsigned flags;

	buf_init(&s.text, WALK_TEXT_MAX);
	flags = walk(bytes, name, lim, walk_see, &s);
	assert_int_equal(flags, s.flags);
	return s;
}

/* The archives, sorted; what explains them is left out. */
static inline int
walk_files(struct dirent ***list)
{
	int n = scandir(WALK_DATA, list, NULL, alphasort), kept = 0;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		const char *name = (*list)[i]->d_name;

		if (name[0] == '.' || strstr(name, ".py") != NULL ||
		    strcmp(name, "expected.txt") == 0)
			free((*list)[i]);
		else
			(*list)[kept++] = (*list)[i];
	}
	return kept;
}

static inline void
walk_files_free(struct dirent **list, int n)
{
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

#endif
