/* What differs between two sets of rules, in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/rules/rules_json.h"
#include "pmg_rules_version.h"
#include "rules_client.h"
#include "rules_print.h"

enum { LINE_BYTES = 64 * 1024, OBJECT_ARENA = 1024 * 1024 };

/* Both documents: they have the names of groups that a rule lists by id. */
struct names {
	json_t *before, *after;
};

static const char *
text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

static const char *
name_in(const json_t *document, json_int_t id)
{
	const json_t *groups = json_object_get(document, "groups");

	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *g = json_array_get(groups, i);

		if (json_integer_value(json_object_get(g, "id")) == id)
			return text(g, "name");
	}
	return NULL;
}

/* "none of Partners, Customers" */
static void
put_category(struct buf *b, const struct names *n, const json_t *category)
{
	const json_t *list = json_object_get(category, "groups");
	const char *mode = text(category, "mode");

	if (json_array_size(list) == 0) {
		buf_puts(b, "-");
		return;
	}
	if (mode[0] != '\0')
		buf_printf(b, "%s of ", strcmp(mode, "not_all") == 0
		    ? "not all" : mode);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t id = json_integer_value(json_array_get(list, i));
		const char *name = name_in(n->after, id);

		if (name == NULL)
			name = name_in(n->before, id);
		buf_printf(b, "%s\"%s\"", i > 0 ? ", " : "",
		    name != NULL ? name : "?");
	}
}

static void
put_value(struct buf *b, const struct names *n, const json_t *v)
{
	AUTO_FREE char *dump = NULL;

	if (v == NULL) {
		buf_puts(b, "-");
	} else if (json_is_string(v)) {
		buf_printf(b, "\"%s\"", json_string_value(v));
	} else if (json_is_object(v)) {
		put_category(b, n, v);
	} else {
		dump = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		buf_puts(b, dump != NULL ? dump : "?");
	}
}

/* The members that are not the same. */
static void
put_members(struct buf *b, const struct names *n, const json_t *before,
    const json_t *after)
{
	json_t *both = json_copy((json_t *)(uintptr_t)before), *value;
	const char *key, *comma = "";

	json_object_update(both, (json_t *)(uintptr_t)after);
	json_object_foreach(both, key, value) {
		const json_t *x = json_object_get(before, key);
		const json_t *y = json_object_get(after, key);

		if (x != NULL && y != NULL &&
		    json_equal((json_t *)(uintptr_t)x, (json_t *)(uintptr_t)y))
			continue;
		buf_printf(b, "%s %s ", comma, key);
		put_value(b, n, x);
		buf_puts(b, " -> ");
		put_value(b, n, y);
		comma = ",";
	}
	json_decref(both);
}

static void
put_object(struct buf *b, const json_t *content)
{
	struct object o;
	struct arena a;
	struct err e;

	arena_init(&a, OBJECT_ARENA);
	if (rules_json_read_object(content, "object", &o, &a, &e) == 0)
		object_describe(b, &o);
	else
		buf_puts(b, text(content, "type"));
	arena_free(&a);
}

static void
print_change(const struct names *n, const json_t *j)
{
	AUTO_BUF struct buf b = {.max = LINE_BYTES};
	const json_t *before = json_object_get(j, "before");
	const json_t *after = json_object_get(j, "after");
	const char *kind = text(j, "kind"), *change = text(j, "change");
	const json_t *now = after != NULL ? after : before;
	bool object = strcmp(kind, "object") == 0;

	buf_printf(&b, "%-5s %s %d ", strcmp(change, "added") == 0 ? "  +"
	    : strcmp(change, "deleted") == 0 ? "  -" : "  ~", kind,
	    (int)json_integer_value(json_object_get(j, "id")));
	if (object)
		buf_printf(&b, "in \"%s\":", text(j, "group_name"));
	else
		buf_printf(&b, "\"%s\"", text(now, "name"));
	if (strcmp(change, "moved") == 0) {
		buf_puts(&b, " to another place");
	} else if (before != NULL && after != NULL) {
		buf_puts(&b, object ? "" : ":");
		put_members(&b, n, before, after);
	} else if (object) {
		buf_putc(&b, ' ');
		put_object(&b, now);
	}
	print_field("", buf_cstr(&b));
}

static int
document(struct cmd *c, struct rules_target t, json_t **document_r)
{
	struct rules_request q = {.verb = RULES_GET, .target = t};
	struct rules_answer r;
	int rc = client_ask_json(c, &q, document_r, &r);

	if (rc == 0)
		rules_answer_free(&r);
	return rc;
}

static int
print_changes(struct cmd *c, struct rules_target before,
    struct rules_target after, const json_t *list)
{
	struct names n = {NULL, NULL};
	int rc;

	if (json_array_size(list) == 0) {
		puts("Nothing differs.");
		return CMD_OK;
	}
	rc = document(c, before, &n.before);
	if (rc == 0)
		rc = document(c, after, &n.after);
	for (size_t i = 0; i < json_array_size(list) && rc == 0; i++)
		print_change(&n, json_array_get(list, i));
	json_decref(n.before);
	json_decref(n.after);
	return rc;
}

int
diff_print(struct cmd *c, struct rules_target before,
    struct rules_target after)
{
	struct rules_request q = {.verb = RULES_DIFF, .target = before,
		.other = after};
	struct rules_answer r;
	json_t *reply;
	int rc = client_ask_json(c, &q, &reply, &r);

	if (rc != 0)
		return rc;
	rules_answer_free(&r);
	if (c->json)
		rc = client_print_json(json_object_get(reply, "changes"));
	else
		rc = print_changes(c, before, after,
		    json_object_get(reply, "changes"));
	json_decref(reply);
	return rc;
}
