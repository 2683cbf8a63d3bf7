/* Objects of one type from and to a file with one value a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/rules/rules_json.h"
#include "pmg_groups.h"
#include "rules_client.h"
#include "rules_object.h"
#include "rules_view.h"

const struct command_option objects_import_options[] = {
	{"replace", NULL}, {NULL, NULL}};

struct import {
	struct cmd *c;
	const struct object_group *g;
	const json_t *group;		/* in the document */
	enum object_type type;
	json_t *key;			/* what is there or was read -> true */
	json_t *operations;
	unsigned *line;			/* of each operation */
	size_t nline;
	size_t added, there, deleted;
};

/* What to print before a message about a line. */
static int
bad_line(const struct import *m, unsigned line, const char *why)
{
	return cmd_refuse(m->c, "%s: line %u: %s", m->c->file, line, why);
}

static int
object_of_line(const struct import *m, char *value, json_t **object_r)
{
	char *arg[] = {value};

	return object_of_args(m->c, m->type, arg, 1, true, object_r);
}

static int
add_line(struct import *m, char *value, unsigned line)
{
	AUTO_FREE char *key = NULL;
	json_t *object;
	struct err e;
	int rc = object_of_line(m, value, &object);

	/* Of an option, not of the line: was told. */
	if (rc != 0)
		return rc;
	key = object_key(object, &e);
	if (key == NULL) {
		json_decref(object);
		/* Without "object: ". */
		return bad_line(m, line, e.text + strcspn(e.text, " ") + 1);
	}
	if (json_object_get(m->key, key) != NULL) {
		json_object_set_new(m->key, key, json_false());
		json_decref(object);
		m->there++;
		return 0;
	}
	json_object_set_new(m->key, key, json_false());
	json_array_append_new(m->operations, json_pack("{s:s, s:i, s:o}",
	    "op", "add", "to", (int)m->g->id, "object", object));
	m->line[m->nline++] = line;
	m->added++;
	return 0;
}

static bool
is_utf8(const char *s)
{
	json_t *j = json_string(s);

	json_decref(j);
	return j != NULL;
}

/* Blanks at both ends do not count; empty lines and "#" neither. */
static int
each_line(struct import *m, char *text)
{
	unsigned line = 0;
	char *next;
	int rc = 0;

	for (char *s = text; s != NULL && rc == 0; s = next) {
		size_t n;

		line++;
		next = strchr(s, '\n');
		if (next != NULL)
			*next++ = '\0';
		s += strspn(s, " \t");
		n = strlen(s);
		while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
			s[--n] = '\0';
		if (s[0] == '\0' || s[0] == '#')
			continue;
		rc = !is_utf8(s) ? bad_line(m, line, "is not UTF-8")
		    : add_line(m, s, line);
	}
	return rc;
}

/* The keys of the objects that are there: true until the file names them. */
static void
note_present(struct import *m)
{
	const json_t *list = json_object_get(m->group, "objects");
	struct err e;

	for (size_t i = 0; i < json_array_size(list); i++) {
		AUTO_FREE char *key = object_key(json_array_get(list, i), &e);

		if (key != NULL)
			json_object_set_new(m->key, key, json_true());
	}
}

/* --replace: objects of the type that the file does not name go. */
static void
delete_others(struct import *m)
{
	const json_t *list = json_object_get(m->group, "objects");
	struct err e;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		AUTO_FREE char *key = object_key(o, &e);

		if (m->g->object[i].type != m->type || key == NULL ||
		    !json_is_true(json_object_get(m->key, key)))
			continue;
		json_array_append_new(m->operations, json_pack("{s:s, s:O}",
		    "op", "delete", "object", json_object_get(o, "id")));
		m->deleted++;
	}
}

static int
send(struct import *m, uint64_t version)
{
	struct client_done d;
	json_t *operations = json_incref(m->operations);
	int rc;

	if (m->added + m->deleted == 0) {
		json_decref(operations);
		d = (struct client_done){version, 0, NULL};
		return client_done(m->c, &d, "nothing to do: all %zu are in "
		    "\"%s\" already", m->there, m->g->name);
	}
	m->c->line = m->line;
	m->c->nline = m->nline;
	/* --replace is a decision about what was there when it was read. */
	rc = client_edit(m->c, operations, m->deleted > 0 ? version : 0, &d);
	m->c->line = NULL;
	if (rc != 0)
		return rc;
	return client_done(m->c, &d, "\"%s\": %zu added, %zu deleted, %zu were "
	    "there already", m->g->name, m->added, m->deleted, m->there);
}

static int
import(struct import *m, uint64_t version, struct buf *b)
{
	AUTO_FREE char *text = xstrdup(buf_cstr(b));
	int rc;

	m->line = xcalloc(b->n + m->g->nobject + 1, sizeof(*m->line));
	m->key = json_object();
	m->operations = json_array();
	note_present(m);
	rc = each_line(m, text);
	if (rc == 0 && cmd_flag(m->c, "replace"))
		delete_others(m);
	if (rc == 0)
		rc = send(m, version);
	json_decref(m->key);
	json_decref(m->operations);
	free(m->line);
	return rc;
}

static int
value_type(const struct cmd *c, enum object_type *type_r)
{
	int rc = object_type(c, c->arg[1], type_r);

	if (rc == 0 && !object_is_value(*type_r))
		rc = cmd_usage(c, "%s has more or less than one value: \"pmg "
		    "%s object add\", or \"pmg rules import\" for everything "
		    "at once", c->arg[1], view_kind(c->kind));
	return rc;
}

/* The group that arg[0] names with the view around it. */
static int
start(struct import *m, struct view *v)
{
	int rc = value_type(m->c, &m->type);

	if (rc == 0)
		rc = view_load(m->c, v);
	if (rc != 0)
		return rc;
	m->g = view_group(m->c, v, m->c->kind, m->c->arg[0]);
	if (m->g == NULL) {
		view_free(v);
		return CMD_REFUSED;
	}
	m->group = view_json(v, "groups", m->g->id);
	return 0;
}

int
objects_import(struct cmd *c)
{
	AUTO_BUF struct buf b = {.max = RULES_TEXT_MAX};
	struct import m = {.c = c};
	struct view v;
	struct err e;
	int rc;

	c->file = c->arg[2];
	if (file_read(strcmp(c->file, "-") == 0 ? "/dev/stdin" : c->file, &b,
	        &e) != 0)
		return cmd_refuse(c, "%s", e.text);
	if (memchr(buf_cstr(&b), '\0', b.n) != NULL)
		return cmd_refuse(c, "%s: is not a text", c->file);
	rc = start(&m, &v);
	if (rc != 0)
		return rc;
	rc = import(&m, v.version, &b);
	view_free(&v);
	return rc;
}

/* One that import with the same options would make. */
static bool
print_value(const struct import *m, const json_t *object)
{
	const char *value = object_value(object, m->type);
	AUTO_FREE char *copy = NULL, *a = NULL, *b = NULL;
	json_t *made;
	struct err e;

	if (value == NULL || strchr(value, '\n') != NULL)
		return false;
	copy = xstrdup(value);
	if (object_of_line(m, copy, &made) != 0)
		return false;
	a = object_key(made, &e);
	b = object_key(object, &e);
	json_decref(made);
	if (a == NULL || b == NULL || strcmp(a, b) != 0)
		return false;
	puts(value);
	return true;
}

int
objects_export(struct cmd *c)
{
	struct import m = {.c = c};
	const json_t *list;
	size_t others = 0;
	struct view v;
	int rc = start(&m, &v);

	if (rc != 0)
		return rc;
	list = json_object_get(m.group, "objects");
	for (size_t i = 0; i < json_array_size(list); i++)
		others += m.g->object[i].type != m.type ||
		    !print_value(&m, json_array_get(list, i));
	if (others > 0)
		cmd_note(c, "note: %zu other object%s of \"%s\" %s of another "
		    "type or with other options (\"pmg %s show\" has all)",
		    others, others == 1 ? "" : "s", m.g->name,
		    others == 1 ? "is" : "are", view_kind(c->kind));
	view_free(&v);
	return CMD_OK;
}
