#include "scan/dbdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/span.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"

enum {
	CVD_HEADER = 512,
	DAY = 86400,
	CVD_VERSION_FIELD = 2,
	CVD_TIME_FIELD = 8,
};

/* What libclamav loads by its name's end; signatures first, then the files
 * that only change them (allow lists, settings). */
static const char *const signature_types[] = {"cvd", "cld", "cud", "cbc", "db",
	"hdb", "hdu", "hsb", "hsu", "mdb", "mdu", "msb", "msu", "ndb", "ndu",
	"ldb", "ldu", "cdb", "idb", "yar", "yara", "pdb", "gdb", "wdb", "crb",
	"imp", NULL};
static const char *const other_types[] = {"fp", "sfp", "ign", "ign2", "pwdb",
	"ftm", "cfg", "cat", "info", NULL};

/* These carry a text header that tells their version and time. */
static const char *const container_types[] = {"cvd", "cld", "cud", NULL};

struct database {
	char *name;
	int64_t built;
	uint64_t version;	/* 0: not a .cvd or .cld */
};

struct listing {
	struct database file[DBDIR_FILES_MAX];
	unsigned n;
};

static bool
has_type(const char *file, const char *const *types)
{
	const char *dot = strrchr(file, '.');

	if (dot == NULL || dot == file)
		return false;
	for (; *types != NULL; types++)
		if (strcmp(dot + 1, *types) == 0)
			return true;
	return false;
}

static bool
is_database(const char *file)
{
	return has_type(file, signature_types) || has_type(file, other_types);
}

/* The next blank-separated word of *list, empty at its end. */
static struct span
next_word(const char **list)
{
	const char *p = *list + strspn(*list, " ,\t");
	size_t n = strcspn(p, " ,\t");

	*list = p + n;
	return span_of(p, n);
}

static bool
is_named(const char *file, struct span name)
{
	return has_type(file, signature_types) &&
	    span_eq(span_of(file, (size_t)(strrchr(file, '.') - file)), name);
}

bool
dbdir_is_required(const char *file, const char *required)
{
	struct span w;

	while ((w = next_word(&required)).n > 0)
		if (is_named(file, w))
			return true;
	return false;
}

/* Field k of "ClamAV-VDB:time:version:...", or an empty span. */
static struct span
header_field(struct span s, unsigned k)
{
	size_t start = 0;

	for (; k > 0; k--) {
		start = span_chr(s, start, ':');
		if (start == s.n)
			return span_of(NULL, 0);
		start++;
	}
	return span_sub(s, start, span_chr(s, start, ':') - start);
}

/* False when it has no valid header: a half-written file. */
static bool
read_header(int fd, struct database *d)
{
	char head[CVD_HEADER];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	struct span s = span_of(head, n > 0 ? (size_t)n : 0);
	int64_t v;

	if (n != sizeof(head) ||
	    !span_eq(header_field(s, 0), SPAN_LIT("ClamAV-VDB")) ||
	    !str_num(header_field(s, CVD_VERSION_FIELD), 1, UINT32_MAX, &v))
		return false;
	d->version = (uint64_t)v;
	/* Missing in very old files: the file's time then stands for it. */
	if (str_num(span_trim(header_field(s, CVD_TIME_FIELD)), 1, INT64_MAX,
	        &v))
		d->built = v;
	return true;
}

static uint64_t
hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* True when it is a database that may be loaded; adds it to *fingerprint. */
static bool
database_open(int dirfd, const char *name, struct database *d,
    uint64_t *fingerprint)
{
	AUTO_CLOSE int fd = openat(dirfd, name,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*d = (struct database){.built = st.st_mtime};
	*fingerprint = hash(*fingerprint, name, strlen(name) + 1);
	*fingerprint = hash(*fingerprint, &st.st_size, sizeof(st.st_size));
	*fingerprint = hash(*fingerprint, &st.st_mtim, sizeof(st.st_mtim));
	*fingerprint = hash(*fingerprint, &st.st_ino, sizeof(st.st_ino));
	if (has_type(name, container_types))
		return read_header(fd, d);
	return st.st_size > 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
wanted(const struct dirent *de)
{
	return is_database(de->d_name);
}

void
dbdir_each(const char *dir,
    void (*fn)(const char *path, const char *name, void *arg), void *arg)
{
	struct dirent **de = NULL;
	int n = scandir(dir, &de, wanted, by_name);

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, de[i]->d_name);

		fn(path, de[i]->d_name, arg);
		free(de[i]);
	}
	free(de);
}

struct look {
	int dirfd;
	struct listing *l;
	uint64_t fingerprint;
};

static void
look_file(const char *path, const char *name, void *arg)
{
	struct look *lk = arg;
	struct database d;

	(void)path;
	if (lk->l->n == DBDIR_FILES_MAX ||
	    !database_open(lk->dirfd, name, &d, &lk->fingerprint))
		return;
	d.name = xstrdup(name);
	lk->l->file[lk->l->n++] = d;
}

/* The youngest file of that name (freshclam may leave a .cvd beside its
 * .cld), or NULL. */
static const struct database *
listing_find(const struct listing *l, struct span name)
{
	const struct database *best = NULL;

	for (unsigned i = 0; i < l->n; i++)
		if (is_named(l->file[i].name, name) &&
		    (best == NULL || l->file[i].built > best->built))
			best = &l->file[i];
	return best;
}

static void
day_text(char *out, size_t size, int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (gmtime_r(&tt, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%d", &tm) == 0)
		str_copy(out, size, "an unknown day");
}

static void
summary_add(struct dbdir_state *st, const struct database *d)
{
	size_t n = strlen(st->summary);
	char day[32];

	day_text(day, sizeof(day), d->built);
	snprintf(st->summary + n, sizeof(st->summary) - n, "%s%s",
	    n ? ", " : "", d->name);
	n = strlen(st->summary);
	if (d->version != 0)
		snprintf(st->summary + n, sizeof(st->summary) - n,
		    " %llu", (unsigned long long)d->version);
	n = strlen(st->summary);
	snprintf(st->summary + n, sizeof(st->summary) - n, " of %s", day);
}

bool
dbdir_too_old(int64_t built, unsigned max_age_days, int64_t now, char *why,
    unsigned long size)
{
	int64_t age = now > built ? (now - built) / DAY : 0;
	char day[32];

	if (max_age_days == 0 || age <= (int64_t)max_age_days)
		return false;
	day_text(day, sizeof(day), built);
	snprintf(why, size, "virus database too old: the newest is of %s, "
	    "%lld days ago; at most %u are allowed (freshclam brings no new "
	    "ones)", day, (long long)age, max_age_days);
	return true;
}

static void
listing_judge(const struct listing *l, const char *dir, const char *required,
    struct dbdir_state *st)
{
	struct span w;

	while ((w = next_word(&required)).n > 0) {
		const struct database *d = listing_find(l, w);

		if (d == NULL) {
			snprintf(st->why, sizeof(st->why), "virus database not "
			    "loaded yet: %.*s.cvd is missing in %s (freshclam "
			    "has not brought it yet)", (int)w.n,
			    (const char *)w.p, dir);
			return;
		}
		if (d->built > st->built)
			st->built = d->built;
		summary_add(st, d);
	}
	if (l->n == 0) {
		snprintf(st->why, sizeof(st->why), "virus database not loaded "
		    "yet: no signatures in %s (freshclam has not brought any "
		    "yet)", dir);
		return;
	}
	/* Nothing is required: any file says how young the folder is. */
	for (unsigned i = 0; st->summary[0] == '\0' && i < l->n; i++)
		if (l->file[i].built > st->built)
			st->built = l->file[i].built;
	st->usable = true;
}

void
dbdir_look(const char *dir, const char *required, unsigned max_age_days,
    int64_t now, struct dbdir_state *st)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE struct listing *l = xcalloc(1, sizeof(*l));
	struct look lk = {fd, l, UINT64_C(0xcbf29ce484222325)};

	*st = (struct dbdir_state){.usable = false};
	if (fd < 0) {
		snprintf(st->why, sizeof(st->why), "virus database not loaded "
		    "yet: %s: %s", dir, strerror(errno));
		return;
	}
	dbdir_each(dir, look_file, &lk);
	if (l->n > 0)
		st->fingerprint = lk.fingerprint;
	listing_judge(l, dir, required, st);
	if (st->usable && dbdir_too_old(st->built, max_age_days, now, st->why,
	        sizeof(st->why)))
		st->usable = false;
	for (unsigned i = 0; i < l->n; i++)
		free(l->file[i].name);
}
