/* config.db: the shipped rules as rows, compiled again, published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/rules/rules.h"
#include "lib/store/db.h"
#include "lib/store/ruledb.h"

static char dir[64], db_path[96], active[96];
static const char *const no_migrations[] = {"", "", NULL};

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_ruledb.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(db_path, sizeof(db_path), "%s/config.db", dir);
	snprintf(active, sizeof(active), "%s/rules.active", dir);
	return 0;
}

static int
teardown(void **state)
{
	char wal[128];

	(void)state;
	snprintf(wal, sizeof(wal), "%s-wal", db_path);
	unlink(wal);
	unlink(db_path);
	unlink(active);
	return rmdir(dir);
}

static struct ruledb *
open_rules(void)
{
	struct err e = {""};
	struct ruledb *d = ruledb_open(db_path, &e);

	if (d == NULL)
		print_message("%s\n", e.text);
	return d;
}

static void
change(const char *sql)
{
	struct db *d;
	bool damaged;
	struct err e;

	d = db_open(db_path, DB_FULL, no_migrations, &damaged, &e);
	assert_non_null(d);
	assert_int_equal(db_run(d, &e, sql, ""), 0);
	assert_int_equal(db_run(d, &e, "INSERT INTO changes (time_us, actor,"
	    " what) VALUES (1, 'test', 'x')", ""), 0);
	db_close(d);
}

static struct ruleset *
load_active(void)
{
	struct buf b;
	struct ruleset *rs;
	struct err e;

	buf_init(&b, RULEDB_SNAPSHOT_MAX);
	assert_int_equal(file_read(active, &b, &e), 0);
	rs = ruleset_load(buf_span(&b), &e);
	buf_free(&b);
	assert_non_null(rs);
	return rs;
}

static void
describe_all(const struct ruleset *rs, struct buf *out)
{
	const struct object_group *group;
	const struct rule **rule;
	size_t n = ruleset_rules(rs, &rule);

	for (size_t i = 0; i < n; i++)
		rule_describe(out, rule[i]);
	n = ruleset_groups(rs, &group);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s|%s|%d\n", group[i].name, group[i].info,
		    (int)group[i].cat);
		for (size_t k = 0; k < group[i].nobject; k++)
			object_describe(out, &group[i].object[k]);
	}
}

/* Through the tables and back nothing is lost, unused groups included. */
static void
shipped_rules_survive_the_tables(void **state)
{
	struct ruleset_builder *sb = ruleset_builder_new();
	struct buf snapshot, want, got;
	struct ruleset *rs;
	struct ruledb *d;
	bool changed;
	struct err e;

	(void)state;
	buf_init(&snapshot, RULEDB_SNAPSHOT_MAX);
	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	assert_int_equal(ruleset_builder_shipped(sb, &e), 0);
	assert_int_equal(ruleset_compile(sb, 1, &snapshot, &e), 0);
	ruleset_builder_free(sb);
	rs = ruleset_load(buf_span(&snapshot), &e);
	describe_all(rs, &want);
	ruleset_free(rs);

	d = open_rules();
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_true(changed);
	rs = load_active();
	assert_int_equal(ruleset_version(rs), 1);
	describe_all(rs, &got);
	ruleset_free(rs);
	assert_true(want.n > 1000);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	ruledb_close(d);
	buf_free(&snapshot);
	buf_free(&want);
	buf_free(&got);
}

static void
written_only_when_it_differs(void **state)
{
	struct ruledb *d = open_rules();
	struct stat one, two;
	bool changed;
	struct err e;
	uint64_t version;

	(void)state;
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_int_equal(stat(active, &one), 0);
	assert_int_equal(one.st_mode & 0777, 0644);
	ruledb_close(d);
	d = open_rules();
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_false(changed);
	assert_int_equal(stat(active, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
	/* The rules of a fresh start come once, not with each start. */
	assert_int_equal(ruledb_version(d, &version, &e), 0);
	assert_int_equal(version, 1);
	ruledb_close(d);
	/* A damaged snapshot is replaced. */
	assert_int_equal(truncate(active, 100), 0);
	d = open_rules();
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_true(changed);
	ruleset_free(load_active());
	ruledb_close(d);
}

static void
a_change_is_published(void **state)
{
	struct ruledb *d = open_rules();
	const struct rule **rule;
	struct ruleset *rs;
	bool changed;
	struct err e;

	(void)state;
	ruledb_publish(d, active, &changed, &e);
	ruledb_close(d);
	change("UPDATE rules SET priority = 100, name = 'First'"
	    " WHERE name = 'Whitelist'");
	d = open_rules();
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_true(changed);
	rs = load_active();
	assert_int_equal(ruleset_version(rs), 2);
	ruleset_rules(rs, &rule);
	assert_string_equal(rule[0]->name, "First");
	ruleset_free(rs);
	ruledb_close(d);
}

/* What does not compile leaves the last good rules. */
static void
bad_rules_change_nothing(void **state)
{
	static const char *const bad[] = {
	    "UPDATE objects SET value = 'a(b' WHERE type = 3004",
	    "UPDATE rules SET priority = 4711",
	    "INSERT INTO objects (group_id, type, value, value2, value3,"
	    " number, number2, flags) VALUES (1, 1003, 'no address', '', '',"
	    " 0, 0, 0)"};
	struct stat one, two;
	struct ruledb *d = open_rules();
	bool changed;
	struct err e;

	(void)state;
	assert_int_equal(ruledb_publish(d, active, &changed, &e), 0);
	assert_int_equal(stat(active, &one), 0);
	ruledb_close(d);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		change(bad[i]);
		d = open_rules();
		e.text[0] = '\0';
		assert_int_equal(ruledb_publish(d, active, &changed, &e), -1);
		assert_int_not_equal(e.text[0], '\0');
		print_message("refused: %s\n", e.text);
		ruledb_close(d);
	}
	assert_int_equal(stat(active, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
}

static void
newer_schema_is_refused(void **state)
{
	struct ruledb *d = open_rules();
	struct err e;

	(void)state;
	ruledb_close(d);
	change("PRAGMA user_version = 99");
	assert_null(ruledb_open(db_path, &e));
	assert_non_null(strstr(e.text, "schema 99"));
}

/* Random damage: opened or refused with a reason, never a crash. */
static void
damaged_database(void **state)
{
	struct stat st;
	struct err e;
	unsigned refused = 0;

	(void)state;
	ruledb_close(open_rules());
	assert_int_equal(stat(db_path, &st), 0);
	for (int i = 0; i < 100; i++) {
		FILE *f = fopen(db_path, "r+");
		struct ruledb *d;
		bool changed;

		fseek(f, random() % st.st_size, SEEK_SET);
		for (int k = 0; k < 16; k++)
			fputc((int)(random() & 0xff), f);
		fclose(f);
		e.text[0] = '\0';
		d = ruledb_open(db_path, &e);
		if (d == NULL ||
		    ruledb_publish(d, active, &changed, &e) != 0) {
			refused++;
			assert_int_not_equal(e.text[0], '\0');
		}
		ruledb_close(d);
	}
	print_message("100 damages: %u refused\n", refused);
	assert_true(refused > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(shipped_rules_survive_the_tables),
		T(written_only_when_it_differs),
		T(a_change_is_published),
		T(bad_rules_change_nothing),
		T(newer_schema_is_refused),
		T(damaged_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
