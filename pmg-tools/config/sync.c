#include "sync.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/config/template.h"
#include "run.h"
#include "service.h"

enum { FILE_MAX = 64 * 1024 * 1024, TEMPLATE_MAX = 1024 * 1024, NOUTPUTS = 9 };

struct output {
	const char *template;	/* file name, NULL: from map or settings */
	const struct map *map;
	unsigned services;
	char *path;
	struct buf content;
	bool differs;
	bool exists;
};

/* Postfix expands $name in every value. */
static void
escape_postfix(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '$')
			buf_putc(out, '$');
		buf_putc(out, *value);
	}
}

static void
outputs_init(struct output out[NOUTPUTS], const struct site *s)
{
	const struct output all[NOUTPUTS] = {
		/* Maps first: main.cf must not name one that is not there. */
		{.map = &s->domains, .path = xasprintf("%s/domains", s->maps)},
		{.map = &s->transport,
		    .path = xasprintf("%s/transport", s->maps)},
		{.map = &s->tls_policy,
		    .path = xasprintf("%s/tls_policy", s->maps)},
		{.template = "main.cf.in", .services = SERVICE_POSTFIX,
		    .path = xasprintf("%s/main.cf", s->postfix)},
		{.template = "master.cf.in", .services = SERVICE_POSTFIX,
		    .path = xasprintf("%s/master.cf", s->postfix)},
		{.template = "init.pre.in", .services = SERVICE_SPAMD,
		    .path = xasprintf("%s/init.pre", s->sa)},
		{.template = "local.cf.in", .services = SERVICE_SPAMD,
		    .path = xasprintf("%s/local.cf", s->sa)},
		{.template = "pmg-spamd.in",
		    .services = SERVICE_SPAMD_RESTART,
		    .path = xasprintf("%s/etc/default/pmg-spamd", s->root)},
		{.services = SERVICE_PMG,
		    .path = xasprintf("%s/applied.conf", s->paths.state)},
	};

	memcpy(out, all, sizeof(all));
	for (size_t i = 0; i < NOUTPUTS; i++)
		buf_init(&out[i].content, FILE_MAX);
}

static void
outputs_free(struct output out[NOUTPUTS])
{
	for (size_t i = 0; i < NOUTPUTS; i++) {
		free(out[i].path);
		buf_free(&out[i].content);
	}
}

static int
render_template(struct output *o, const struct site *s, struct vars *v,
    const char *templates, struct err *e)
{
	AUTO_FREE char *shipped = xasprintf("%s/%s", templates, o->template);
	AUTO_FREE char *override = xasprintf("%s/templates/%s",
	    s->paths.config, o->template);
	const char *path = access(override, F_OK) == 0 ? override : shipped;
	AUTO_BUF struct buf text;
	struct template t = {.file = path, .lookup = vars_get, .arg = v};

	buf_init(&text, TEMPLATE_MAX);
	if (file_read(path, &text, e) != 0)
		return access(path, F_OK) == 0 ? -1 : err_set(e, "%s: no such "
		    "template; --templates DIR names the folder of the "
		    "shipped ones", path);
	vars_define(v, "template_file", shipped);
	vars_define(v, "template_override", override);
	t.text = buf_span(&text);
	if (o->services == SERVICE_POSTFIX)
		t.escape = escape_postfix;
	return template_render(&t, &o->content, e);
}

static void
render_map(struct output *o)
{
	buf_puts(&o->content, "# Written by pmgconfig sync.\n");
	for (size_t i = 0; i < o->map->n; i++)
		buf_printf(&o->content, "%s\t%s\n", o->map->entry[i].key,
		    o->map->entry[i].value);
}

/*
 * The settings that the daemons run with. They read pmg.conf themselves; this
 * file is how the next sync knows whether they have to read it again.
 */
static void
render_settings(struct output *o, struct vars *v)
{
	const char *name;

	buf_puts(&o->content, "# Settings of the last pmgconfig sync.\n");
	for (size_t i = 0; (name = vars_name(v, i)) != NULL; i++)
		if (strchr(name, '.') != NULL)
			buf_printf(&o->content, "%s = %s\n", name,
			    vars_get(v, name));
}

static int
compare(struct output *o, bool *stale_db, struct err *e)
{
	AUTO_FREE char *db = xasprintf("%s.db", o->path);
	struct stat text, compiled;
	AUTO_BUF struct buf old;

	buf_init(&old, FILE_MAX);
	*stale_db = false;
	o->differs = true;
	o->exists = stat(o->path, &text) == 0;
	if (!o->exists && errno != ENOENT)
		return err_errno(e, "%s", o->path);
	if (!o->exists)
		return 0;
	if (file_read(o->path, &old, e) != 0)
		return -1;
	o->differs = !span_eq(buf_span(&old), buf_span(&o->content));
	/* A crash can have come between a map and its database. */
	*stale_db = o->map != NULL && (stat(db, &compiled) != 0 ||
	    compiled.st_mtime < text.st_mtime);
	o->differs |= *stale_db;
	return 0;
}

static int
render_all(struct output out[NOUTPUTS], const struct site *s, struct vars *v,
    const char *templates, struct err *e)
{
	for (size_t i = 0; i < NOUTPUTS; i++) {
		struct output *o = &out[i];
		bool stale;

		if (o->template != NULL) {
			if (render_template(o, s, v, templates, e) != 0)
				return -1;
		} else if (o->map != NULL) {
			render_map(o);
		} else {
			render_settings(o, v);
		}
		if (o->content.overflow)
			return err_set(e, "%s: larger than %d bytes", o->path,
			    FILE_MAX);
		if (compare(o, &stale, e) != 0)
			return -1;
	}
	return 0;
}

static int
show_difference(const struct output *o, struct err *e)
{
	AUTO_FREE char *label = xasprintf("%s (new)", o->path);
	struct run r = {
		.argv = {"diff", "-u", "--label", o->path, "--label", label,
		    o->exists ? o->path : "/dev/null", "-"},
		.input = buf_span(&o->content),
	};
	int rc;

	fflush(stdout);
	rc = run_program(&r, e);
	return rc == 0 || rc == 1 ? 0
	    : err_set(e, "diff failed for %s (is diffutils installed?)",
	    o->path);
}

/* mkdir -p for everything in front of the last '/'. */
static int
make_folders(const char *path, struct err *e)
{
	AUTO_FREE char *p = xstrdup(path);

	for (char *slash = p + 1; (slash = strchr(slash, '/')) != NULL;
	    slash++) {
		*slash = '\0';
		if (mkdir(p, 0755) != 0 && errno != EEXIST)
			return err_errno(e, "%s", p);
		*slash = '/';
	}
	return 0;
}

/*
 * Text and database are made under another name and come into place by
 * rename: Postfix never sees half a map. The database goes last, with a
 * younger time than the text: compare() relies on that.
 */
static int
write_map(const struct output *o, struct err *e)
{
	AUTO_FREE char *new = xasprintf("%s.new", o->path);
	AUTO_FREE char *new_db = xasprintf("%s.new.db", o->path);
	AUTO_FREE char *db = xasprintf("%s.db", o->path);
	AUTO_FREE char *arg = xasprintf("hash:%s", new);
	struct run postmap = {.argv = {"postmap", arg}};

	if (atomicfile_write(new, buf_span(&o->content), 0644, e) != 0)
		return -1;
	if (run_program(&postmap, e) != 0)
		return err_set(e, "postmap %s failed", arg);
	if (rename(new, o->path) != 0 || rename(new_db, db) != 0)
		return err_errno(e, "%s: rename", o->path);
	return 0;
}

static int
write_output(const struct output *o, struct err *e)
{
	if (make_folders(o->path, e) != 0)
		return -1;
	printf("writing %s\n", o->path);
	if (o->map != NULL)
		return write_map(o, e);
	return atomicfile_write(o->path, buf_span(&o->content), 0644, e);
}

static int
make_owned(const char *path, const char *user, mode_t mode, struct err *e)
{
	AUTO_FREE char *inside = xasprintf("%s/", path);
	const struct passwd *pw;

	if (make_folders(inside, e) != 0)
		return -1;
	if (user == NULL)
		return 0;
	pw = getpwnam(user);
	if (pw == NULL)
		return err_set(e, "no user is called %s", user);
	if (chown(path, pw->pw_uid, (gid_t)-1) != 0 || chmod(path, mode) != 0)
		return err_errno(e, "%s", path);
	return 0;
}

/* What the packages make on an installed system. */
static int
make_rig(const struct site *s, struct vars *v, struct err *e)
{
	if (*s->root == '\0')
		return 0;
	if (make_folders(vars_get(v, "maillog_file"), e) != 0 ||
	    make_owned(s->sa_state, NULL, 0755, e) != 0 ||
	    make_owned(vars_get(v, "queue_directory"), NULL, 0755, e) != 0 ||
	    make_owned(vars_get(v, "data_directory"),
	    vars_get(v, "mail_owner"), 0700, e) != 0)
		return -1;
	return 0;
}

/*
 * A certificate of our own at first need; the administrator's stays. openssl
 * appends the certificate to the key when both files have one name.
 */
static int
make_certificate(struct vars *v, struct err *e)
{
	const char *path = vars_get(v, "tls_certificate");
	AUTO_FREE char *new = xasprintf("%s.new", path);
	AUTO_FREE char *subject = xasprintf("/CN=%s", vars_get(v, "fqdn"));
	struct run r = {.argv = {"openssl", "req", "-new", "-x509", "-newkey",
	    "rsa:3072", "-nodes", "-days", "3650", "-batch", "-subj", subject,
	    "-keyout", new, "-out", new}, .errors_too = true};
	AUTO_BUF struct buf progress;
	mode_t old;
	int rc;

	buf_init(&progress, TEMPLATE_MAX);
	if (strcmp(vars_get(v, "mail.tls"), "1") != 0 ||
	    access(path, F_OK) == 0)
		return 0;
	printf("writing %s (a new self-signed certificate)\n", path);
	r.output = &progress;
	old = umask(0077);
	rc = run_program(&r, e);
	umask(old);
	if (rc != 0)
		return err_set(e, "%s: openssl could not make a certificate: "
		    "%.300s", path, buf_cstr(&progress));
	return rename(new, path) == 0 ? 0 : err_errno(e, "%s: rename", new);
}

static int
apply(struct output out[NOUTPUTS], const struct site *s, struct vars *v,
    const struct sync_options *o, struct err *e)
{
	unsigned changed = 0, pending, left = 0;
	int rc = 0;

	if (make_rig(s, v, e) != 0 || make_folders(out[NOUTPUTS - 1].path,
	    e) != 0 || make_certificate(v, e) != 0 ||
	    service_pending_load(s, &pending, e) != 0)
		return -1;
	for (size_t i = 0; i < NOUTPUTS; i++)
		if (out[i].differs)
			changed |= out[i].services;
	/*
	 * Before the first write: a crash in between must not hide it. The
	 * first sync of all owes nothing: services start after it.
	 */
	pending |= changed;
	if (changed != 0 && (out[NOUTPUTS - 1].exists || o->restart) &&
	    service_pending_save(s, pending, e) != 0)
		return -1;
	for (size_t i = 0; i < NOUTPUTS && rc == 0; i++)
		if (out[i].differs)
			rc = write_output(&out[i], e);
	if (rc != 0 || !o->restart)
		return rc;
	rc = service_reload(s, pending, &left, e);
	if (service_pending_save(s, left, rc == 0 ? e : NULL) != 0)
		return -1;
	return rc;
}

/* Two at a time would overwrite each other's temporary files. */
static int
lock(const struct site *s, struct err *e)
{
	int fd;

	fd = open(s->paths.config, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "%s", s->paths.config);
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	err_errno(e, "%s: lock", s->paths.config);
	close(fd);
	return -1;
}

int
sync_run(const struct site *s, struct vars *v, const struct sync_options *o,
    struct err *e)
{
	AUTO_CLOSE int locked = lock(s, e);
	struct output out[NOUTPUTS];
	int rc;

	if (locked < 0)
		return -1;
	outputs_init(out, s);
	rc = render_all(out, s, v, o->templates, e);
	if (rc == 0 && o->dry_run) {
		for (size_t i = 0; i < NOUTPUTS && rc == 0; i++)
			if (out[i].differs)
				rc = show_difference(&out[i], e);
	} else if (rc == 0) {
		rc = apply(out, s, v, o, e);
	}
	outputs_free(out);
	return rc;
}
