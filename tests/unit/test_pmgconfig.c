/*
 * pmgconfig sync below a folder of its own, with the shipped templates (runs
 * from the top of the tree). Needs postmap, no Postfix that runs, no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/atomicfile.h"
#include "lib/base/xalloc.h"
#include "../../pmg-tools/config/run.h"
#include "../../pmg-tools/config/service.h"
#include "../../pmg-tools/config/sync.h"

static char root[] = "/tmp/test_pmgconfig.XXXXXX";
static struct site site;	/* its paths are never freed */
static struct buf text;		/* last file that was read */

static void
put_file(const char *name, const char *content)
{
	char path[256];
	struct err e = {""};

	snprintf(path, sizeof(path), "%s%s", root, name);
	if (atomicfile_write(path, span_str(content), 0644, &e) != 0)
		fail_msg("%s", e.text);
}

static const char *
get_file(const char *name)
{
	char path[256];
	struct err e = {""};

	snprintf(path, sizeof(path), "%s%s", root, name);
	buf_reset(&text);
	if (file_read(path, &text, &e) != 0)
		fail_msg("%s", e.text);
	return buf_cstr(&text);
}

static bool
exists(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return access(path, F_OK) == 0;
}

static void
remove_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", root, name);
	unlink(path);
}

/* What sync says to people is no part of the test's output. */
static int
quiet_sync(struct vars *v, const struct sync_options *o, struct err *e)
{
	int out, null, rc;

	fflush(stdout);
	out = dup(1);
	null = open("/dev/null", O_WRONLY);
	assert_true(out >= 0 && null >= 0 && dup2(null, 1) == 1);
	rc = sync_run(&site, v, o, e);
	fflush(stdout);
	assert_int_equal(dup2(out, 1), 1);
	close(out);
	close(null);
	return rc;
}

static int
sync_now(const char *version, struct sync_options o, struct err *e)
{
	struct vars *v = vars_new();
	int rc;

	o.templates = "pmg-tools/templates";
	vars_define(v, "postfix_version", version);
	vars_define(v, "fqdn", "gw.example.com");
	vars_define(v, "mail_owner", "");
	rc = site_load(&site, e);
	if (rc == 0)
		rc = vars_build(v, &site, e);
	if (rc == 0) {
		/* The test need not run as root: nobody to chown to. */
		vars_define(v, "mail_owner", getenv("USER") != NULL &&
		    geteuid() != 0 ? getenv("USER") : "root");
		rc = quiet_sync(v, &o, e);
	}
	vars_free(v);
	site_free(&site);
	site.config = NULL;
	return rc;
}

static void
sync_ok(const char *version)
{
	struct err e = {""};

	if (sync_now(version, (struct sync_options){0}, &e) != 0)
		fail_msg("%s", e.text);
}

static void
dry_run_changes_nothing(void **state)
{
	struct err e = {""};

	(void)state;
	if (sync_now("3.7.11", (struct sync_options){.dry_run = true}, &e))
		fail_msg("%s", e.text);
	assert_false(exists("/etc/postfix"));
	assert_false(exists("/var"));
}

static void
first_sync(void **state)
{
	(void)state;
	put_file("/etc/pmg/pmg.conf", "section: mail\n\text_port 2525\n"
	    "\tint_port 2526\n\trelay 192.0.2.1\n\tbanner a $b\n");
	put_file("/etc/pmg/domains", "Example.com\n");
	put_file("/etc/pmg/mynetworks", "198.51.100.0/24\n");
	sync_ok("3.7.11");
	get_file("/etc/postfix/main.cf");
	assert_non_null(strstr(buf_cstr(&text), "\nmyhostname = gw.example."
	    "com\n"));
	assert_non_null(strstr(buf_cstr(&text),
	    "\nrelay_transport = smtp:[192.0.2.1]:25\n"));
	assert_non_null(strstr(buf_cstr(&text),
	    "\nsmtpd_banner = $myhostname a $$b\n"));
	assert_non_null(strstr(buf_cstr(&text), "\nmynetworks = 127.0.0.0/8 "
	    "[::1]/128 192.0.2.1/32 198.51.100.0/24\n"));
	assert_non_null(strstr(buf_cstr(&text),
	    "\nsmtpd_forbid_bare_newline = normalize\n"));
	assert_null(strstr(buf_cstr(&text), "{{"));
	get_file("/etc/postfix/master.cf");
	assert_non_null(strstr(buf_cstr(&text), "\n127.0.0.1:2525 inet "));
	assert_non_null(strstr(buf_cstr(&text), "\npmg-reinject unix "));
	assert_non_null(strstr(buf_cstr(&text), "pmg-in:unix:"));
	assert_non_null(strstr(get_file("/etc/postfix/pmg/domains"),
	    "\nexample.com\t1\n"));
	assert_true(exists("/etc/postfix/pmg/domains.db"));
	assert_true(exists("/var/lib/pmg/spamassassin/local.cf"));
	/* Services start after the first sync: nothing to reload. */
	assert_false(exists("/var/lib/pmg/restart-needed"));
}

static void
second_sync_writes_nothing(void **state)
{
	char path[256];
	struct stat before, after;

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/postfix/main.cf", root);
	assert_int_equal(stat(path, &before), 0);
	sync_ok("3.7.11");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_false(exists("/var/lib/pmg/restart-needed"));
}

static void
a_lost_database_is_made_again(void **state)
{
	(void)state;
	remove_file("/etc/postfix/pmg/domains.db");
	sync_ok("3.7.11");
	assert_true(exists("/etc/postfix/pmg/domains.db"));
}

static void
old_postfix_gets_no_new_names(void **state)
{
	static const char *const names[] = {"smtpd_forbid_bare_newline",
	    "smtpd_forbid_unauth_pipelining", "maillog_file", "postlog"};

	(void)state;
	sync_ok("3.1.15");
	get_file("/etc/postfix/main.cf");
	for (size_t i = 0; i < 4; i++)
		assert_null(strstr(buf_cstr(&text), names[i]));
	assert_non_null(strstr(buf_cstr(&text), "compatibility_level = 2\n"));
	assert_null(strstr(get_file("/etc/postfix/master.cf"), "postlog"));
}

static void
what_changed_is_remembered(void **state)
{
	unsigned bits = 0;
	struct err e;

	(void)state;
	/* The test before changed main.cf, master.cf and nothing else. */
	assert_int_equal(service_pending_load(&site, &bits, &e), 0);
	assert_int_equal(bits, SERVICE_POSTFIX);
	put_file("/etc/pmg/pmg.conf", "section: spam\n\tuse_bayes 0\n");
	sync_ok("3.1.15");
	assert_int_equal(service_pending_load(&site, &bits, &e), 0);
	assert_int_equal(bits, SERVICE_POSTFIX | SERVICE_SPAMD | SERVICE_PMG);
	put_file("/var/lib/pmg/restart-needed", "rubbish\n");
	assert_int_equal(service_pending_load(&site, &bits, &e), 0);
	assert_int_equal(bits, SERVICE_ALL);
	assert_int_equal(service_pending_save(&site, 0, &e), 0);
	assert_false(exists("/var/lib/pmg/restart-needed"));
}

/* Whatever is wrong, wherever: not one file changes. */
static void
nothing_is_written_after(const char *file, const char *content,
    const char *reason)
{
	struct err e = {""};
	char *before = xstrdup(get_file("/etc/postfix/main.cf"));

	put_file("/etc/pmg/domains", "other.example\n");
	put_file(file, content);
	assert_int_equal(sync_now("3.9.0", (struct sync_options){0}, &e), -1);
	if (strstr(e.text, reason) == NULL)
		fail_msg("expected \"%s\" in: %s", reason, e.text);
	assert_string_equal(get_file("/etc/postfix/main.cf"), before);
	assert_null(strstr(get_file("/etc/postfix/pmg/domains"),
	    "other.example"));
	free(before);
	remove_file(file);
}

static void
a_broken_setting_is_refused_whole(void **state)
{
	(void)state;
	nothing_is_written_after("/etc/pmg/pmg.conf",
	    "section: mail\n\trelay a b\n", "pmg.conf:2: mail.relay");
	nothing_is_written_after("/etc/pmg/transport", "x smtp:\n",
	    "transport:1: ");
	nothing_is_written_after("/etc/pmg/mynetworks", "10.0.0.1/8\n",
	    "mynetworks:1: ");
	/* The last template that is rendered. */
	nothing_is_written_after("/etc/pmg/templates/pmg-spamd.in",
	    "\n{{nope}}\n", "pmg-spamd.in:2: unknown name: nope");
}

static void
an_override_is_used(void **state)
{
	(void)state;
	put_file("/etc/pmg/templates/pmg-spamd.in", "# {{fqdn}}\n");
	sync_ok("3.9.0");
	assert_string_equal(get_file("/etc/default/pmg-spamd"),
	    "# gw.example.com\n");
	remove_file("/etc/pmg/templates/pmg-spamd.in");
}

static void
tls_makes_a_certificate_once(void **state)
{
	char path[256];
	struct stat st;
	char *pem;

	(void)state;
	put_file("/etc/pmg/pmg.conf", "section: mail\n\ttls 1\n");
	put_file("/etc/pmg/tls_policy", "example.org encrypt\n");
	sync_ok("3.9.0");
	pem = xstrdup(get_file("/etc/pmg/pmg-tls.pem"));
	assert_non_null(strstr(pem, "PRIVATE KEY"));
	assert_non_null(strstr(pem, "BEGIN CERTIFICATE"));
	snprintf(path, sizeof(path), "%s/etc/pmg/pmg-tls.pem", root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_non_null(strstr(get_file("/etc/postfix/main.cf"), path));
	sync_ok("3.9.0");
	assert_string_equal(get_file("/etc/pmg/pmg-tls.pem"), pem);
	free(pem);
	remove_file("/etc/pmg/pmg.conf");
}

static void
an_unknown_define_is_refused(void **state)
{
	struct vars *v = vars_new();
	struct err e = {""};

	(void)state;
	assert_int_equal(site_load(&site, &e), 0);
	vars_define(v, "postfix_version", "3.7.11");
	vars_define(v, "ext_bond", "127.0.0.1:");
	assert_int_equal(vars_build(v, &site, &e), -1);
	assert_non_null(strstr(e.text, "ext_bond"));
	vars_free(v);
	site_free(&site);
	site.config = NULL;
}

static void
versions(void **state)
{
	static const struct {
		const char *version;
		bool newline, pipelining;
	} want[] = {
		{"3.1.15", false, false}, {"3.5.19", false, false},
		{"3.5.20", false, true}, {"3.5.23", false, true},
		{"3.5.24", true, true}, {"3.6.9", false, false},
		{"3.7.5", false, false}, {"3.7.9", false, true},
		{"3.7.10", true, true}, {"3.7.11", true, true},
		{"3.8.0", false, false}, {"3.8.4", false, true},
		{"3.8.5", true, true}, {"3.9.0", true, true},
		{"3.10.2", true, true}, {"4.0.0", true, true},
		{"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(version_bare_newline(want[i].version),
		    want[i].newline);
		assert_int_equal(version_unauth_pipelining(want[i].version),
		    want[i].pipelining);
	}
	assert_true(version_ge("3.10.0", 3, 9, 5));
	assert_true(version_ge("3.7", 3, 7, 0));
	assert_false(version_ge("3.7", 3, 7, 1));
	assert_true(version_ge("3.11-20260101", 3, 11, 0));
}

static void
programs(void **state)
{
	struct run r = {.argv = {"cat"}, .input = SPAN_LIT("a\0b")};
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 100);
	r.output = &out;
	assert_int_equal(run_program(&r, &e), 0);
	assert_int_equal(out.n, 3);
	assert_memory_equal(out.p, "a\0b", 3);
	r = (struct run){.argv = {"/nonexistent/program"}};
	assert_int_equal(run_program(&r, &e), 127);
	r = (struct run){.argv = {"false"}};
	assert_int_equal(run_program(&r, &e), 1);
	buf_free(&out);
}

static int
setup(void **state)
{
	static const char *const dirs[] = {"/etc", "/etc/pmg",
	    "/etc/pmg/templates"};
	char path[256];

	(void)state;
	if (mkdtemp(root) == NULL)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		if (mkdir(path, 0755) != 0)
			return -1;
	}
	buf_init(&text, 1 << 20);
	site_init(&site, root);
	return 0;
}

static int
teardown(void **state)
{
	struct run r = {.argv = {"rm", "-r", root}};
	struct err e;

	(void)state;
	buf_free(&text);
	return run_program(&r, &e);
}

int
main(void)
{
	/* In this order: each builds on what the one before left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dry_run_changes_nothing),
		cmocka_unit_test(first_sync),
		cmocka_unit_test(second_sync_writes_nothing),
		cmocka_unit_test(a_lost_database_is_made_again),
		cmocka_unit_test(old_postfix_gets_no_new_names),
		cmocka_unit_test(what_changed_is_remembered),
		cmocka_unit_test(a_broken_setting_is_refused_whole),
		cmocka_unit_test(an_override_is_used),
		cmocka_unit_test(tls_makes_a_certificate_once),
		cmocka_unit_test(an_unknown_define_is_refused),
		cmocka_unit_test(versions),
		cmocka_unit_test(programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
