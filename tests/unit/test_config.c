#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/base/atomicfile.h"
#include "lib/config/config.h"

static char dir[] = "/tmp/test_config.XXXXXX";
static char path[64];

static void
put_file(const char *text)
{
	struct err e;

	assert_int_equal(atomicfile_write(path, span_str(text), 0644, &e), 0);
}

static struct config *
load_ok(const char *text)
{
	struct config *c;
	struct err e = {""};

	put_file(text);
	c = config_load(dir, &e);
	if (c == NULL)
		fail_msg("%s", e.text);
	return c;
}

/* The file is refused, in this line, with these words. */
static void
refused(const char *text, unsigned line, const char *words)
{
	struct err e = {""};
	char place[96];

	put_file(text);
	snprintf(place, sizeof(place), "%s:%u: ", path, line);
	assert_null(config_load(dir, &e));
	if (strncmp(e.text, place, strlen(place)) != 0 ||
	    strstr(e.text, words) == NULL)
		fail_msg("expected \"%s...%s\", got: %s", place, words,
		    e.text);
}

static void
schema_is_sound(void **state)
{
	struct err e = {""};

	(void)state;
	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];

		assert_ptr_equal(config_key_find(k->section, k->name), k);
		if (*k->dflt != '\0' && config_check(k, k->dflt, &e) != 0)
			fail_msg("default: %s", e.text);
		assert_true(k->help[strlen(k->help) - 1] == '.');
		if (k->type == CONF_INT)
			assert_true(k->min < k->max);
		if (strcmp(k->dflt, "auto") == 0)
			assert_true(config_check(k, "auto", &e) == 0);
	}
}

static void
missing_file_is_all_defaults(void **state)
{
	struct config *c;
	struct err e;

	(void)state;
	unlink(path);
	c = config_load(dir, &e);
	assert_non_null(c);
	assert_int_equal(config_int(c, "mail", "ext_port"), 25);
	assert_int_equal(config_int(c, "mail", "maxsize"), 10485760);
	assert_int_equal(config_int(c, "mail", "queue-lifetime"), 0);
	assert_string_equal(config_str(c, "mail", "relay"), "");
	assert_true(config_bool(c, "mail", "smtputf8"));
	assert_false(config_is_set(c, "mail", "ext_port"));
	assert_true(config_int(c, "mail", "max_filters") >= 5);
	config_free(c);
	assert_null(config_load_file(path, &e));
}

static void
reference_syntax(void **state)
{
	struct config *c = load_ok(
	    "# top\n"
	    "section: mail\n"
	    "\trelay 192.0.2.1\n"
	    "    ext_port   2525  \n"
	    "\n"
	    "\t# why\n"
	    "\ttls on\r\n"
	    "\tbanner ESMTP  two words # kept\n"
	    "section: spam\n"
	    "\tspamd_children auto\n"
	    "\tuse_bayes FALSE");

	(void)state;
	assert_string_equal(config_str(c, "mail", "relay"), "192.0.2.1");
	assert_int_equal(config_int(c, "mail", "ext_port"), 2525);
	assert_true(config_bool(c, "mail", "tls"));
	assert_string_equal(config_str(c, "mail", "tls"), "1");
	assert_string_equal(config_str(c, "mail", "banner"),
	    "ESMTP  two words # kept");
	assert_string_equal(config_str(c, "spam", "spamd_children"), "auto");
	assert_true(config_int(c, "spam", "spamd_children") >= 1);
	assert_false(config_bool(c, "spam", "use_bayes"));
	assert_true(config_is_set(c, "mail", "tls"));
	config_free(c);
}

static void
errors_have_a_line_and_a_reason(void **state)
{
	(void)state;
	refused("section: mail\n\trelay bad host\n", 2, "mail.relay");
	refused("section: mail\n\trelay 10.0.0.256\n", 2, "host name");
	refused("section: mail\n\n\text_port 0\n", 3, "from 1 to 65535");
	refused("section: mail\n\text_port 25x\n", 2, "whole number");
	refused("section: mail\n\text_port\n", 2, "missing");
	refused("section: mail\n\ttls maybe\n", 2, "0 or 1");
	refused("section: mail\n\trelayprotocol uucp\n", 2, "smtp lmtp");
	refused("section: mail\n\tnonsense 1\n", 2, "no such key");
	refused("section: mail\n\tuse_bayes 1\n", 2, "section spam has");
	refused("section: post\n", 1, "no section");
	refused("section: mail\n\ttls 1\nsection: mail\n", 3, "before");
	refused("section: mail\n\ttls 1\n\ttls 0\n", 3, "before");
	refused("\ttls 1\n", 1, "first");
	refused("mail:\n", 1, "section: NAME");
	refused("section: mail\n\tbanner a\001b\n", 2, "printable");
	refused("section: mail\n\tbanner a\xff\n", 2, "printable");
	refused("section: mail\n\tdnsbl_sites zen.example*x\n", 2, "domain[");
	refused("section: clamav\n\tdbdir relative\n", 2, "absolute");
	refused("section: spam\n\tlanguages en;de\n", 2, "language codes");
}

static void
settings_must_fit_together(void **state)
{
	(void)state;
	refused("section: mail\n\tint_port 25\n", 2, "ext_port");
	refused("section: spam\n\tspamd_timeout 600\n", 2, "filter-timeout");
	refused("section: admin\n\tdkim_sign 1\n", 2, "not available");
}

static void
numbers_at_their_limits(void **state)
{
	const struct config_key *k = config_key_find("mail", "maxsize");
	struct err e;

	(void)state;
	assert_int_equal(config_check(k, "1023", &e), -1);
	assert_int_equal(config_check(k, "1024", &e), 0);
	assert_int_equal(config_check(k, "536870911", &e), 0);
	assert_int_equal(config_check(k, "536870912", &e), -1);
	assert_int_equal(config_check(k, "99999999999999999999", &e), -1);
	assert_int_equal(config_check(k, "auto", &e), -1);
	assert_int_equal(config_check(k, "", &e), -1);
}

static void
save_keeps_comments(void **state)
{
	static const char text[] =
	    "# the gateway of example.com\n"
	    "section: mail\n"
	    "\t# the exchange box\n"
	    "\trelay 192.0.2.1\n"
	    "\n"
	    "# spam\n"
	    "section: spam\n"
	    "\tuse_bayes 0\n"
	    "\n"
	    "# the end\n";
	struct config *c = load_ok(text);
	struct buf b, file;
	struct err e;

	(void)state;
	buf_init(&b, 4096);
	buf_init(&file, 4096);
	config_print(c, &b);
	assert_string_equal(buf_cstr(&b), text);
	assert_int_equal(config_set(c, config_key_find("mail", "ext_port"),
	    "2525", &e), 0);
	assert_int_equal(config_set(c, config_key_find("spam", "use_bayes"),
	    NULL, &e), 0);
	assert_int_equal(config_save(c, &e), 0);
	config_free(c);
	c = config_load(dir, &e);
	assert_non_null(c);
	assert_int_equal(config_int(c, "mail", "ext_port"), 2525);
	assert_true(config_bool(c, "spam", "use_bayes"));
	assert_int_equal(file_read(path, &file, &e), 0);
	assert_non_null(strstr(buf_cstr(&file), "\t# the exchange box\n"));
	assert_non_null(strstr(buf_cstr(&file), "# spam\nsection: spam\n"));
	config_free(c);
	buf_free(&b);
	buf_free(&file);
}

static void
a_bad_whole_is_not_saved(void **state)
{
	struct config *c = load_ok("section: mail\n\text_port 2525\n");
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(config_set(c, config_key_find("mail", "int_port"),
	    "2525", &e), 0);
	assert_int_equal(config_save(c, &e), -1);
	assert_int_equal(config_set(c, config_key_find("mail", "int_port"),
	    "x", &e), -1);
	assert_int_equal(config_int(c, "mail", "int_port"), 2525);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "section: mail\n\text_port 2525\n");
	buf_free(&b);
	config_free(c);
}

static void
figures_of_the_machine(void **state)
{
	const struct config_key *filters =
	    config_key_find("mail", "max_filters");
	const struct config_key *smtpd =
	    config_key_find("mail", "max_smtpd_in");
	const struct config_key *spamd =
	    config_key_find("spam", "spamd_children");
	struct config *c = load_ok("section: mail\n\tmax_filters 7\n");

	(void)state;
	assert_int_equal(config_auto(c, filters, 512, 1), 5);
	assert_int_equal(config_auto(c, filters, 4060, 1), 15);
	assert_int_equal(config_auto(c, filters, 1 << 20, 64), 40);
	assert_int_equal(config_auto(c, smtpd, 512, 1), 25);
	assert_int_equal(config_auto(c, smtpd, 1 << 20, 1), 100);
	assert_int_equal(config_auto(c, spamd, 512, 12), 12);
	assert_int_equal(config_auto(c, spamd, 512, 0), 1);
	assert_int_equal(config_int(c, "mail", "filter_workers"), 9);
	config_free(c);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/pmg.conf", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_sound),
		cmocka_unit_test(missing_file_is_all_defaults),
		cmocka_unit_test(reference_syntax),
		cmocka_unit_test(errors_have_a_line_and_a_reason),
		cmocka_unit_test(settings_must_fit_together),
		cmocka_unit_test(numbers_at_their_limits),
		cmocka_unit_test(save_keeps_comments),
		cmocka_unit_test(a_bad_whole_is_not_saved),
		cmocka_unit_test(figures_of_the_machine),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
