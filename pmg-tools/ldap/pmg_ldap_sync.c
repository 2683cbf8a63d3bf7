/*
 * pmg ldap sync. What is in use never gets worse: a profile's new data replace
 * the old ones when all of them have come, have been read back, and are not a
 * fraction of what there was; ldap.active is written from what there is then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ldap_state.h"
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/rules/directory_format.h"
#include "pmg_ldap.h"

enum {
	FETCH_S = 1800,		/* one profile, all of it */
	FILE_MODE = 0644,	/* the folder lets only group pmg in */
};

/* ---- who we are ---- */

/* Files must belong to whom the timer runs as: root becomes that user. */
static int
become_owner(const char *folder, struct err *e)
{
	const struct passwd *pw;
	struct stat st;

	if (stat(folder, &st) != 0)
		return err_errno(e, "%s", folder);
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	pw = getpwuid(st.st_uid);
	if (pw == NULL)
		return err_set(e, "%s belongs to user %ld, which does not "
		    "exist", folder, (long)st.st_uid);
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
		return err_errno(e, "becoming user %s", pw->pw_name);
	return 0;
}

/* One at a time; held until the end of the process. */
static int
lock_folder(const char *folder, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/.lock", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		return err_errno(e, "%s", path);
	return 0;
}

/* ---- one profile ---- */

struct fetch {
	const struct ldap_profile *profile;
	const char *file;
};

static int
write_directory(struct directory_builder *b, const char *path, struct err *e)
{
	AUTO_BUF struct buf out = {.max = DIRECTORY_BYTES_MAX};

	if (directory_build(b, &out, e) != 0)
		return -1;
	return atomicfile_write(path, buf_span(&out), FILE_MODE, e);
}

static int
fetch(void *arg, struct err *e)
{
	const struct fetch *f = arg;
	struct directory_builder *b = directory_builder_new();
	struct ldap_lists lists;
	struct ldap_source s = pmg_ldap_source(f->profile, &lists);
	int rc = ldap_fetch(&s, f->profile->name, (int64_t)time(NULL), b, e);

	if (rc == 0)
		rc = write_directory(b, f->file, e);
	directory_builder_free(b);
	return rc;
}

static bool
lost_half(int64_t now, int64_t before)
{
	return 2 * now < before;
}

/* Is the new to replace the old (NULL = none)? */
static int
check_loss(const struct directory *new, const struct directory *old,
    const char *profile, struct err *e)
{
	struct ldap_state n = {.tried = 0}, o = {.tried = 0};

	ldap_state_count(&n, new);
	if (old != NULL)
		ldap_state_count(&o, old);
	if (n.accounts == 0)
		return err_set(e, "not one account with an address: check "
		    "basedn, filter and what binddn may read; if it is so: "
		    "pmg ldap sync --force %s", profile);
	if (lost_half(n.accounts, o.accounts))
		return err_set(e, "%" PRId64 " accounts instead of %" PRId64
		    ": the old ones stay; if it is so: pmg ldap sync --force "
		    "%s", n.accounts, o.accounts, profile);
	if (lost_half(n.memberships, o.memberships))
		return err_set(e, "%" PRId64 " memberships in groups instead "
		    "of %" PRId64 ": the old ones stay; if it is so: pmg ldap "
		    "sync --force %s", n.memberships, o.memberships, profile);
	return 0;
}

/* A profile's file that is gone or damaged comes back from what is in use. */
static struct directory *
load_old(const struct pmg_ldap *l, const char *profile)
{
	AUTO_FREE char *path = ldap_state_file(l->paths, profile, "");
	struct err e = {""}, why = {""};
	struct directory *d = ldap_directory_load(path, &e), *active;
	struct directory_builder *b;

	if (d != NULL)
		return d;
	if (e.text[0] != '\0')
		log_warn("ldap: %s: not used", e.text);
	active = ldap_directory_load(l->paths->ldap_active, &why);
	if (active != NULL && directory_has_profile(active, profile)) {
		b = directory_builder_new();
		directory_builder_copy(b, active, profile);
		if (write_directory(b, path, &why) == 0)
			d = ldap_directory_load(path, &why);
		directory_builder_free(b);
	} else if (e.text[0] != '\0') {
		unlink(path);
	}
	directory_free(active);
	return d;
}

/* What was fetched takes the place of the old, and becomes *d. */
static int
take_new(const struct pmg_ldap *l, const char *profile, const char *file,
    struct directory **d, struct err *e)
{
	AUTO_FREE char *path = ldap_state_file(l->paths, profile, "");
	struct directory *new = ldap_directory_load(file, e);

	if (new == NULL)
		return -1;
	if ((!l->force && check_loss(new, *d, profile, e) != 0) ||
	    (rename(file, path) != 0 && err_errno(e, "%s", path) != 0)) {
		directory_free(new);
		return -1;
	}
	directory_free(*d);
	*d = new;
	return 0;
}

static void
tell(const char *profile, const struct ldap_state *s)
{
	char age[32];

	if (s->error[0] == '\0')
		printf("%s: %" PRId64 " accounts with %" PRId64 " addresses, %"
		    PRId64 " groups\n", profile, s->accounts, s->addresses,
		    s->groups);
	else if (s->synced > 0)
		log_error("ldap: %s: %s; the data of %s ago stay in use",
		    profile, s->error, ldap_age_text(age,
		    s->tried - s->synced));
	else
		log_error("ldap: %s: %s; there are no data of this profile",
		    profile, s->error);
}

/* False: there are no data of this profile at all. */
static bool
sync_profile(const struct pmg_ldap *l, const struct ldap_profile *p)
{
	AUTO_FREE char *file = ldap_state_file(l->paths, p->name, ".new");
	struct fetch f = {.profile = p, .file = file};
	struct directory *d = load_old(l, p->name);
	struct ldap_state s = {.tried = (int64_t)time(NULL)};
	struct err e = {""};
	bool have;

	if (pmg_ldap_guarded(fetch, &f, FETCH_S, &e) != 0 ||
	    take_new(l, p->name, file, &d, &e) != 0) {
		snprintf(s.error, sizeof(s.error), "%s", e.text[0] != '\0'
		    ? e.text : "failed for no reason that is known");
		unlink(file);
	}
	if (d != NULL)
		ldap_state_count(&s, d);
	have = d != NULL;
	directory_free(d);
	tell(p->name, &s);
	if (ldap_state_save(l->paths, p->name, &s, &e) != 0)
		log_error("ldap: %s", e.text);
	return have;
}

/* ---- all of them ---- */

static int
write_active(const struct pmg_ldap *l, struct err *e)
{
	struct directory_builder *b = directory_builder_new();
	int rc;

	for (size_t i = 0; i < l->conf.n; i++) {
		const struct ldap_profile *p = &l->conf.profile[i];
		struct directory *d = p->disable ? NULL
		    : load_old(l, p->name);

		if (d != NULL)
			directory_builder_copy(b, d, p->name);
		directory_free(d);
	}
	rc = write_directory(b, l->paths->ldap_active, e);
	directory_builder_free(b);
	return rc;
}

/* Files of profiles that ldap.conf no longer has. */
static void
remove_others(const struct pmg_ldap *l)
{
	DIR *dir = opendir(l->paths->ldap);
	const struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		size_t n = strcspn(d->d_name, ".");
		AUTO_FREE char *name = xstrndup(d->d_name, n);

		if (n == 0 || strcmp(d->d_name, "ldap.active") == 0 ||
		    ldap_conf_find(&l->conf, name) != NULL)
			continue;
		unlinkat(dirfd(dir), d->d_name, 0);
	}
	closedir(dir);
}

static int
prepare(struct pmg_ldap *l, const char *only, struct err *e)
{
	AUTO_FREE char *conf = xasprintf("%s/ldap.conf", l->paths->config);
	const struct ldap_profile *p;

	if (become_owner(l->paths->ldap, e) != 0 ||
	    lock_folder(l->paths->ldap, e) != 0)
		return -1;
	/* Once more, as the user that the timer runs as: what works by hand
	 * works by itself. */
	ldap_conf_free(&l->conf);
	if (ldap_conf_load(&l->conf, conf, e) != 0)
		return -1;
	if (only == NULL)
		return 0;
	p = ldap_conf_find(&l->conf, only);
	if (p == NULL)
		return err_set(e, "ldap.conf has no profile %s", only);
	return p->disable ? err_set(e, "profile %s is disabled", only) : 0;
}

int
pmg_ldap_sync(struct pmg_ldap *l, const char *only)
{
	struct err e = {""};
	bool all = true;

	if (prepare(l, only, &e) != 0) {
		log_error("ldap: %s", e.text);
		return 1;
	}
	for (size_t i = 0; i < l->conf.n; i++) {
		const struct ldap_profile *p = &l->conf.profile[i];

		if (!p->disable && (only == NULL ||
		    ldap_conf_find(&l->conf, only) == p) &&
		    !sync_profile(l, p))
			all = false;
	}
	if (only == NULL)
		remove_others(l);
	if (l->conf.n == 0 && access(l->paths->ldap_active, F_OK) != 0)
		return 0;
	if (write_active(l, &e) != 0) {
		log_error("ldap: %s", e.text);
		return 1;
	}
	return all ? 0 : 1;
}
