/*
 * pmgconfig: reads, checks, changes and applies /etc/pmg. It is the only
 * program that writes the configuration of Postfix and SpamAssassin.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/config/config.h"
#include "lib/config/syntax.h"
#include "sync.h"
#include "vars.h"

#ifndef PMG_DATADIR
#define PMG_DATADIR "/usr/share/pmg"
#endif

enum { EXIT_USAGE = 2 };

struct options {
	const char *root;
	const char *templates;	/* NULL: as installed, or rig.conf says */
	bool json;
	bool mdoc;
	bool dry_run;
	bool restart;
	struct vars *defines;
};

static void
print_usage(FILE *f)
{
	fputs("usage: pmgconfig get SECTION.KEY\n"
	    "       pmgconfig set SECTION.KEY VALUE\n"
	    "       pmgconfig unset SECTION.KEY\n"
	    "       pmgconfig list [SECTION] [-o text|json]\n"
	    "       pmgconfig check [FILE]\n"
	    "       pmgconfig sync [--dry-run] [--restart]\n"
	    "       pmgconfig dump\n"
	    "       pmgconfig dump-schema [--mdoc]\n"
	    "Everywhere: --root DIR for a gateway below one folder.\n", f);
}

static int
usage(void)
{
	print_usage(stderr);
	return EXIT_USAGE;
}

static int
failed(const struct err *e)
{
	fprintf(stderr, "pmgconfig: %s\n", e->text);
	return 1;
}

/* "mail.relay" -> its key; says which keys there are when it is unknown. */
static const struct config_key *
key_of(const char *name)
{
	const char *dot = strchr(name, '.');
	AUTO_FREE char *section = dot == NULL ? NULL
	    : xstrndup(name, (size_t)(dot - name));
	const struct config_key *k = section == NULL ? NULL
	    : config_key_find(section, dot + 1);

	if (k == NULL)
		fprintf(stderr, "pmgconfig: no setting is called \"%s\" "
		    "(pmgconfig list shows all)\n", name);
	return k;
}

static int
cmd_get(const struct site *s, const char *name)
{
	const struct config_key *k = key_of(name);
	struct config *c;
	struct err e;

	if (k == NULL)
		return 1;
	c = config_load(s->paths.config, &e);
	if (c == NULL)
		return failed(&e);
	printf("%s\n", config_str(c, k->section, k->name));
	config_free(c);
	return 0;
}

/* value NULL: back to the default. */
static int
cmd_set(const struct site *s, const char *name, const char *value)
{
	const struct config_key *k = key_of(name);
	AUTO_CLOSE int fd = -1;
	struct config *c;
	struct err e;
	int rc;

	if (k == NULL)
		return 1;
	/* Between reading and replacing nobody else may write. */
	fd = open(s->paths.config, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		err_errno(&e, "%s", s->paths.config);
		return failed(&e);
	}
	c = config_load(s->paths.config, &e);
	if (c == NULL)
		return failed(&e);
	rc = config_set(c, k, value, &e);
	if (rc == 0)
		rc = config_save(c, &e);
	if (rc == 0)
		printf("%s.%s is now %s%s%s; apply it with: pmgconfig sync "
		    "--restart\n", k->section, k->name,
		    value == NULL ? "the default (" : "",
		    config_str(c, k->section, k->name),
		    value == NULL ? ")" : "");
	config_free(c);
	if (rc == 0 && !config_has_effect(k))
		fprintf(stderr, "pmgconfig: note: %s.%s is kept, but has no "
		    "effect in this version\n", k->section, k->name);
	return rc == 0 ? 0 : failed(&e);
}

static void
list_text(const struct config *c, const struct config_key *k)
{
	const char *v = config_str(c, k->section, k->name);
	bool set = config_is_set(c, k->section, k->name);

	printf("%s.%s = %s%s%s%s\n", k->section, k->name,
	    *v ? v : "(not set)", *v && *k->unit ? " " : "",
	    *v ? k->unit : "", set ? "" : "   # default");
	if (strcmp(v, "auto") == 0)
		printf("    here: %" PRId64 "\n", config_int(c, k->section,
		    k->name));
	printf("    %s", k->help);
	if (k->type == CONF_ENUM)
		printf(" One of: %s.", k->values);
	if (k->type == CONF_INT)
		printf(" %" PRId64 " to %" PRId64 ".", k->min, k->max);
	if (set)
		printf(" Default: %s.", *k->dflt ? k->dflt : "not set");
	if (!config_has_effect(k))
		printf(" (No effect in this version.)");
	putchar('\n');
}

static json_t *
list_json(const struct config *c, const struct config_key *k)
{
	static const char *const types[] = {
		[CONF_BOOL] = "boolean", [CONF_INT] = "integer",
		[CONF_STRING] = "string", [CONF_ENUM] = "enum",
	};
	json_t *o = json_pack("{s:s s:s s:s s:s s:s s:b s:b s:s s:s}",
	    "section", k->section, "key", k->name, "type", types[k->type],
	    "value", config_str(c, k->section, k->name), "default", k->dflt,
	    "set", (int)config_is_set(c, k->section, k->name),
	    "has_effect", (int)config_has_effect(k),
	    "unit", k->unit, "help", k->help);

	if (k->type == CONF_INT) {
		json_object_set_new(o, "min", json_integer(k->min));
		json_object_set_new(o, "max", json_integer(k->max));
		json_object_set_new(o, "effective", json_integer(
		    config_int(c, k->section, k->name)));
	}
	if (k->type == CONF_ENUM || k->type == CONF_STRING)
		json_object_set_new(o, k->type == CONF_ENUM ? "values"
		    : "syntax", json_string(k->values));
	return o;
}

static int
cmd_list(const struct site *s, const char *section, bool json)
{
	json_t *all = json_array();
	struct config *c;
	unsigned n = 0;
	struct err e;

	c = config_load(s->paths.config, &e);
	if (c == NULL) {
		json_decref(all);
		return failed(&e);
	}
	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];

		if (section != NULL && strcmp(section, k->section) != 0)
			continue;
		n++;
		if (json)
			json_array_append_new(all, list_json(c, k));
		else
			list_text(c, k);
	}
	config_free(c);
	if (n > 0 && json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	if (n > 0)
		return 0;
	fprintf(stderr, "pmgconfig: no section is called \"%s\"\n", section);
	return 1;
}

static int
cmd_check(struct site *s, const char *file)
{
	struct config *c;
	struct err e;

	if (file == NULL) {
		if (site_load(s, &e) != 0)
			return failed(&e);
		printf("%s: no errors\n", s->paths.config);
		return 0;
	}
	c = config_load_file(file, &e);
	if (c == NULL)
		return failed(&e);
	config_free(c);
	printf("%s: no errors\n", file);
	return 0;
}

static int
cmd_dump_schema(bool mdoc)
{
	AUTO_BUF struct buf b;

	buf_init(&b, 1024 * 1024);
	if (mdoc)
		config_mdoc(&b);
	for (unsigned i = 0; i < config_nkeys && !mdoc; i++)
		buf_printf(&b, "%s.%s\n", config_schema[i].section,
		    config_schema[i].name);
	fputs(buf_cstr(&b), stdout);
	return 0;
}

static int
build(struct site *s, struct options *o, struct err *e)
{
	AUTO_FREE char *rig = xasprintf("%s/rig.conf", s->paths.config);

	/* The installed system is not steered by a test rig's file. */
	if (*s->root != '\0' && vars_define_file(o->defines, rig, e) != 0)
		return -1;
	if (site_load(s, e) != 0)
		return -1;
	return vars_build(o->defines, s, e);
}

static int
cmd_sync(struct site *s, struct options *o)
{
	const struct sync_options so = {
		.dry_run = o->dry_run,
		.restart = o->restart,
		.templates = o->templates != NULL ? o->templates
		    : PMG_DATADIR "/templates",
	};
	struct err e;

	if (build(s, o, &e) != 0 || sync_run(s, o->defines, &so, &e) != 0) {
		failed(&e);
		return 1;
	}
	return 0;
}

static int
cmd_dump(struct site *s, struct options *o)
{
	const char *name;
	struct err e;

	if (build(s, o, &e) != 0)
		return failed(&e);
	for (size_t i = 0; (name = vars_name(o->defines, i)) != NULL; i++)
		printf("%s = %s\n", name, vars_get(o->defines, name));
	return 0;
}

static int
define(struct options *o, const char *arg)
{
	const char *eq = strchr(arg, '=');
	AUTO_FREE char *name = NULL;

	if (eq == NULL || eq == arg)
		return usage();
	name = xstrndup(arg, (size_t)(eq - arg));
	vars_define(o->defines, name, eq + 1);
	return 0;
}

/* What does not exist stays as it is: opening it complains. */
static const char *
absolute(const char *path, char full[PATH_MAX])
{
	return realpath(path, full) != NULL ? full : path;
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"root", required_argument, NULL, 'r'},
		{"define", required_argument, NULL, 'D'},
		{"templates", required_argument, NULL, 't'},
		{"dry-run", no_argument, NULL, 'n'},
		/* The reference product's tool wants a 1 behind it. */
		{"restart", optional_argument, NULL, 'R'},
		{"mdoc", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static char root[PATH_MAX], templates[PATH_MAX];
	int c;

	while ((c = getopt_long(argc, argv, "o:n", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			/* What is rendered is read from other folders. */
			o->root = absolute(optarg, root);
			break;
		case 'D':
			if (define(o, optarg) != 0)
				return EXIT_USAGE;
			break;
		case 't':
			o->templates = absolute(optarg, templates);
			break;
		case 'n':
			o->dry_run = true;
			break;
		case 'R':
			o->restart = optarg == NULL || strcmp(optarg, "0");
			break;
		case 'm':
			o->mdoc = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		case 'o':
			o->json = strcmp(optarg, "json") == 0;
			if (!o->json && strcmp(optarg, "text") != 0)
				return usage();
			break;
		default:
			return usage();
		}
	}
	return 0;
}

static int
dispatch(struct site *s, struct options *o, int n, char **arg)
{
	const char *cmd = arg[0];

	if (strcmp(cmd, "get") == 0 && n == 2)
		return cmd_get(s, arg[1]);
	if (strcmp(cmd, "set") == 0 && n == 3)
		return cmd_set(s, arg[1], arg[2]);
	if ((strcmp(cmd, "unset") == 0 || strcmp(cmd, "delete") == 0) &&
	    n == 2)
		return cmd_set(s, arg[1], NULL);
	if (strcmp(cmd, "list") == 0 && n <= 2)
		return cmd_list(s, n == 2 ? arg[1] : NULL, o->json);
	if (strcmp(cmd, "check") == 0 && n <= 2)
		return cmd_check(s, n == 2 ? arg[1] : NULL);
	if (strcmp(cmd, "dump") == 0 && n == 1)
		return cmd_dump(s, o);
	if (strcmp(cmd, "dump-schema") == 0 && n == 1)
		return cmd_dump_schema(o->mdoc);
	if (strcmp(cmd, "sync") == 0 && (n == 1 ||
	    (n == 2 && o->restart && strcmp(arg[1], "1") == 0)))
		return cmd_sync(s, o);
	return usage();
}

int
main(int argc, char **argv)
{
	static struct site s;	/* its paths are never freed */
	struct options o = {.root = ""};
	int rc;

	o.defines = vars_new();
	rc = parse_options(argc, argv, &o);
	if (rc == 0 && optind == argc)
		rc = usage();
	if (rc == 0) {
		site_init(&s, o.root);
		rc = dispatch(&s, &o, argc - optind, argv + optind);
		site_free(&s);
	}
	vars_free(o.defines);
	/* A full disk behind stdout must not look like success. */
	if (fflush(stdout) != 0 && rc == 0) {
		fprintf(stderr, "pmgconfig: stdout: %s\n", strerror(errno));
		rc = 1;
	}
	return rc;
}
