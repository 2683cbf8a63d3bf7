/*
 * What the user lists say of the cases of compare_lists.py. One JSON object a
 * line in: lists (owner, kind, pattern), sender, client, header (text),
 * recipients. One array of verdicts out. The lists go the whole way: written
 * form, compiled, loaded.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/rules/userlist.h"

enum { ARENA_MAX = 1 << 24, FILE_BYTES_MAX = 1 << 24 };

static void __attribute__((noreturn))
die(const char *what)
{
	fprintf(stderr, "lists_driver: %s\n", what);
	exit(2);
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (s == NULL)
		die(key);
	return s;
}

static struct userlist *
lists(const json_t *array)
{
	struct userlist_builder *b = userlist_builder_new();
	struct buf owner, entry, file;
	struct userlist *l;
	struct err e = {""};
	const json_t *row;
	size_t i;

	buf_init(&owner, 1024);
	buf_init(&entry, 4096);
	buf_init(&file, FILE_BYTES_MAX);
	json_array_foreach(array, i, row) {
		enum userlist_kind kind;

		buf_reset(&owner);
		buf_reset(&entry);
		if (userlist_owner(&owner, span_str(text(row, "owner")),
		        &e) != 0 || userlist_entry(&entry, span_str(text(row,
		        "pattern")), &e) != 0 || !userlist_kind_parse(span_str(
		        text(row, "kind")), &kind))
			die(e.text);
		userlist_builder_add(b, buf_cstr(&owner), kind,
		    buf_cstr(&entry));
	}
	if (userlist_compile(b, 1, &file, &e) != 0)
		die(e.text);
	l = userlist_load(buf_span(&file), &e);
	if (l == NULL)
		die(e.text);
	buf_free(&owner);
	buf_free(&entry);
	buf_free(&file);
	userlist_builder_free(b);
	return l;
}

static void
answer(const json_t *o, struct arena *a)
{
	const json_t *list = json_object_get(o, "recipients");
	struct envelope env = {.sender = text(o, "sender"),
	    .client_addr = text(o, "client"), .nrcpt = json_array_size(list)};
	struct facts f = {.env = &env};
	struct userlist *l = lists(json_object_get(o, "lists"));

	env.rcpt = arena_array(a, env.nrcpt, sizeof(*env.rcpt));
	for (size_t i = 0; i < env.nrcpt; i++)
		env.rcpt[i].addr = json_string_value(json_array_get(list, i));
	f.mime = mime_parse(span_str(text(o, "header")), &mime_limits_default,
	    a);
	userlist_apply(l, &f, a);
	putchar('[');
	for (size_t i = 0; i < env.nrcpt; i++)
		printf("%s%d", i > 0 ? ", " : "",
		    f.user_list != NULL ? f.user_list[i] : 0);
	puts("]");
	userlist_free(l);
}

int
main(void)
{
	char *line = NULL;
	size_t cap = 0;
	struct arena a;

	while (getline(&line, &cap, stdin) > 0) {
		json_t *o = json_loads(line, 0, NULL);

		if (o == NULL)
			die("no JSON");
		arena_init(&a, ARENA_MAX);
		answer(o, &a);
		arena_free(&a);
		json_decref(o);
	}
	free(line);
	return 0;
}
