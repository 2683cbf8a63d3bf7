/*
 * strikes: text, "WEIGHT SECONDS KEY\n" for each message with a record,
 * replaced atomically when one changes (rare).
 * inwork:  one fixed record a worker, overwritten in place for each message;
 * not fsynced: it must outlive processes; after a power loss the messages of
 * that moment simply count afresh.
 */
#include "filter/strikes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum {
	RECORD = STRIKE_KEY_MAX + 1,
	FILE_MAX = STRIKE_ENTRIES_MAX * (STRIKE_KEY_MAX + 40),
	/* As long as Postfix keeps a message by default, and some. */
	KEEP_SECONDS = 8 * 24 * 3600,
};

struct entry {
	char key[RECORD];
	int weight;
	int64_t when;
};

struct strikes {
	char *path;
	int inwork;
	unsigned nslots;
	char (*slot)[RECORD];
	struct entry *entry;
	size_t n;
};

static int64_t
now_seconds(void)
{
	return clock_wall_us() / 1000000;
}

static struct entry *
find(const struct strikes *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->entry[i].key, key) == 0)
			return &s->entry[i];
	return NULL;
}

static void
drop(struct strikes *s, struct entry *x)
{
	*x = s->entry[--s->n];
}

static void
save(const struct strikes *s)
{
	struct buf b;
	struct err e;

	buf_init(&b, FILE_MAX);
	for (size_t i = 0; i < s->n; i++)
		buf_printf(&b, "%d %lld %s\n", s->entry[i].weight,
		    (long long)s->entry[i].when, s->entry[i].key);
	if (atomicfile_write(s->path, buf_span(&b), 0600, &e) != 0)
		log_error("strikes are not durable: %s", e.text);
	buf_free(&b);
}

static void
add(struct strikes *s, const char *key, int weight)
{
	struct entry *x = find(s, key);

	if (x == NULL) {
		if (s->n == STRIKE_ENTRIES_MAX)
			drop(s, &s->entry[0]);
		x = &s->entry[s->n++];
		*x = (struct entry){.weight = 0};
		str_copy(x->key, sizeof(x->key), key);
	}
	x->weight += weight;
	x->when = now_seconds();
}

/* Keys are ours or Postfix's, but the file lies on a disk: printable only. */
static bool
key_ok(const char *key)
{
	for (const char *c = key; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return *key != '\0' && strlen(key) <= STRIKE_KEY_MAX;
}

static void
load(struct strikes *s)
{
	struct buf b;
	size_t pos = 0;

	buf_init(&b, FILE_MAX);
	if (file_read(s->path, &b, NULL) != 0)
		b.n = 0;
	while (pos < b.n && s->n < STRIKE_ENTRIES_MAX) {
		size_t nl = span_chr(buf_span(&b), pos, '\n');
		char *line = xstrndup(b.p + pos, nl - pos);
		struct entry x = {.weight = 0};
		long long when;
		int used = 0;

		if (sscanf(line, "%d %lld %n", &x.weight, &when, &used) == 2 &&
		    used > 0 && key_ok(line + used) &&
		    now_seconds() - when < KEEP_SECONDS) {
			x.when = when;
			str_copy(x.key, sizeof(x.key), line + used);
			s->entry[s->n++] = x;
		}
		free(line);
		pos = nl + 1;
	}
	buf_free(&b);
}

/* What was in work when the former parent died. */
static void
adopt_interrupted(struct strikes *s)
{
	char key[RECORD];
	bool any = false;

	for (off_t off = 0;
	    pread(s->inwork, key, RECORD, off) == RECORD; off += RECORD) {
		key[RECORD - 1] = '\0';
		if (!key_ok(key))
			continue;
		add(s, key, STRIKE_INTERRUPTED);
		any = true;
	}
	if (any)
		save(s);
	if (ftruncate(s->inwork, 0) != 0 ||
	    ftruncate(s->inwork, (off_t)s->nslots * RECORD) != 0)
		log_error("%s: inwork: cannot be reset", s->path);
}

struct strikes *
strikes_open(const char *dir, unsigned nslots, struct err *e)
{
	struct strikes *s = xcalloc(1, sizeof(*s));
	char *inwork = xasprintf("%s/inwork", dir);

	s->path = xasprintf("%s/strikes", dir);
	s->nslots = nslots;
	s->slot = xcalloc(nslots, RECORD);
	s->entry = xcalloc(STRIKE_ENTRIES_MAX, sizeof(*s->entry));
	s->inwork = open(inwork, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->inwork < 0) {
		err_errno(e, "%s", inwork);
		free(inwork);
		strikes_close(s);
		return NULL;
	}
	free(inwork);
	load(s);
	adopt_interrupted(s);
	return s;
}

void
strikes_close(struct strikes *s)
{
	if (s == NULL)
		return;
	if (s->inwork >= 0)
		close(s->inwork);
	free(s->path);
	free(s->slot);
	free(s->entry);
	free(s);
}

static void
slot_write(struct strikes *s, unsigned slot)
{
	if (pwrite(s->inwork, s->slot[slot], RECORD, (off_t)slot * RECORD) !=
	    RECORD)
		log_warn("inwork: cannot be written; a crash of pmgd as a whole "
		    "would not be remembered");
}

bool
strikes_begin(struct strikes *s, unsigned slot, const char *key)
{
	struct entry *x;

	memset(s->slot[slot], 0, RECORD);
	if (!key_ok(key))
		return false;
	str_copy(s->slot[slot], RECORD, key);
	slot_write(s, slot);
	x = find(s, key);
	return x != NULL && x->weight >= STRIKE_PARK;
}

void
strikes_end(struct strikes *s, unsigned slot, bool final)
{
	struct entry *x;

	if (s->slot[slot][0] == '\0')
		return;
	x = find(s, s->slot[slot]);
	if (x != NULL && final) {
		drop(s, x);
		save(s);
	}
	memset(s->slot[slot], 0, RECORD);
	slot_write(s, slot);
}

void
strikes_add(struct strikes *s, unsigned slot, int weight)
{
	if (s->slot[slot][0] == '\0')
		return;
	add(s, s->slot[slot], weight);
	save(s);
}

const char *
strikes_key(const struct strikes *s, unsigned slot)
{
	return s->slot[slot];
}
