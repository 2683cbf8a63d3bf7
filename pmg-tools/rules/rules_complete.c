#include "rules_complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/rules/rules_json.h"
#include "rules_line.h"
#include "rules_object.h"

enum { CONNECT_MS = 500, ASK_MS = 2000, TEXT_MAX = 1 << 26 };

/* The command line so far, and what could stand in place of its end. */
struct complete {
	struct typed_line line;
	struct buf out;
	const struct paths *paths;
	const struct noun *noun;
	const struct command *command;
	char **word;		/* behind the command's name */
	int n;			/* with the one that is being typed */
	struct command_option *objects;
	bool draft;
};

static void
put(void *arg, const char *text)
{
	struct complete *c = arg;

	if (line_quote(&c->line, text, &c->out))
		buf_putc(&c->out, '\n');
}

static void
put_number(struct complete *c, const json_t *j, const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld",
	    (long long)json_integer_value(json_object_get(j, name)));
	put(c, text);
}

static void
put_all(struct complete *c, const char *const *words)
{
	for (; *words != NULL; words++)
		put(c, *words);
}

/* ---- what the store knows ---- */

/* NULL: it is away, slow, or not to be asked by this user. */
static json_t *
ask(struct complete *c, enum rules_verb verb)
{
	struct rules_request q = {.verb = (uint8_t)verb, .actor = "",
		.comment = "", .text = ""};
	struct rules_answer r;
	json_t *j = NULL;
	struct err e;
	AUTO_CLOSE int sock = ipc_connect(c->paths->store_admin, CONNECT_MS,
	    &e);

	if (c->draft && verb == RULES_GET)
		q.target.where = RULES_DRAFT;
	if (sock >= 0 && rules_ask(sock, &q, ASK_MS, &r, &e) == 0) {
		if (r.code == RULES_OK)
			j = json_loadb((const char *)r.text.p, r.text.n, 0,
			    NULL);
		rules_answer_free(&r);
	}
	return j;
}

static const char *
text(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

static void
put_versions(struct complete *c)
{
	json_t *all = ask(c, RULES_VERSIONS);
	const json_t *list = json_object_get(all, "versions");

	for (size_t i = 0; i < json_array_size(list); i++)
		put_number(c, json_array_get(list, i), "version");
	json_decref(all);
}

/* kind: of groups, "" = any; NULL: rules. */
static void
put_names(struct complete *c, const char *kind)
{
	json_t *document = ask(c, RULES_GET);
	const json_t *list = json_object_get(document,
	    kind == NULL ? "rules" : "groups");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *j = json_array_get(list, i);

		if (kind == NULL || kind[0] == '\0' ||
		    strcmp(text(j, "kind"), kind) == 0)
			put(c, text(j, "name"));
	}
	json_decref(document);
}

static void
put_objects(struct complete *c)
{
	json_t *document = ask(c, RULES_GET);
	const json_t *groups = json_object_get(document, "groups");

	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *g = json_array_get(groups, i);
		const json_t *list = json_object_get(g, "objects");

		if (strcmp(text(g, "kind"), rules_json_kind[c->noun->kind]) !=
		    0)
			continue;
		for (size_t k = 0; k < json_array_size(list); k++)
			put_number(c, json_array_get(list, k), "id");
	}
	json_decref(document);
}

/* ---- words of the tables ---- */

/* The group of `rules link RULE CATEGORY GROUP`: of the category's kind. */
static const char *
kind_here(struct complete *c)
{
	if (c->noun->kind != CAT_COUNT)
		return rules_json_kind[c->noun->kind];
	for (int i = 0; i + 1 < c->n; i++)
		for (int cat = 0; cat < CAT_COUNT; cat++)
			if (strcmp(c->word[i], rules_json_category[cat]) == 0)
				return rules_json_kind[cat];
	return "";
}

/* What an argument or an option's value is called in the tables. */
static void
put_values(struct complete *c, const char *what, size_t n)
{
	static const char *const modes[] = {"any", "all", "not-all", "none",
		NULL};
	static const char *const directions[] = {"in", "out", "both", NULL};
	static const char *const formats[] = {"text", "json", NULL};
	static const char *const categories[] = {"from", "to", "when", "what",
		"action", NULL};
	static const char *const spf[] = {"none", "neutral", "pass", "fail",
		"softfail", "temperror", "permerror", NULL};
	static const struct {
		const char *what;
		const char *const *words;
	} fixed[] = {{"MODE", modes}, {"DIRECTION", directions},
		{"FORMAT", formats}, {"CATEGORY", categories}, {"SPF", spf}};
	static const char *const groups[][2] = {{"WHO-GROUP", "who"},
		{"WHEN-GROUP", "when"}, {"WHAT-GROUP", "what"},
		{"ACTION-GROUP", "action"}};
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)n, what);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(word, fixed[i].what) == 0)
			put_all(c, fixed[i].words);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(word, groups[i][0]) == 0)
			put_names(c, groups[i][1]);
	if (strcmp(word, "RULE") == 0)
		put_names(c, NULL);
	else if (strcmp(word, "GROUP") == 0)
		put_names(c, kind_here(c));
	else if (strcmp(word, "VERSION") == 0)
		put_versions(c);
	else if (strcmp(word, "OBJECT") == 0)
		put_objects(c);
	else if (strcmp(word, "TYPE") == 0)
		object_types(c->noun->kind, put, c);
	else if (strcmp(word, "FILE") == 0)
		buf_puts(&c->out, "//files\n");
}

/* ---- options ---- */

static void
put_option(void *arg, const struct command_option *o)
{
	char word[OBJECT_WORD_BYTES + 2];

	snprintf(word, sizeof(word), "--%s", o->name);
	put(arg, word);
}

struct value_of {
	const char *option;
	const char *value;
};

static void
find_value(void *arg, const struct command_option *o)
{
	struct value_of *f = arg;

	if (strcmp(o->name, f->option) == 0)
		f->value = o->value;
}

/* What the option takes, NULL = no such option, or nothing. */
static const char *
value_of(struct complete *c, const char *word)
{
	struct value_of f = {.option = word + 2};

	if (strcmp(word, "-o") == 0)
		f.option = "output";
	else if (strcmp(word, "-m") == 0)
		f.option = "comment";
	else if (strncmp(word, "--", 2) != 0)
		return NULL;
	command_options(c->command, c->objects, find_value, &f);
	return f.value;
}

/* ---- arguments ---- */

/* The n-th word of a command's args; the last again when it is repeated. */
static const char *
argument(const char *args, int n, size_t *len_r)
{
	const char *word = args;
	size_t len = strcspn(word, " ");

	while (n > 0 && word[len] == ' ') {
		word += len + 1;
		len = strcspn(word, " ");
		n--;
	}
	if (n > 0 && memmem(word, len, "...", 3) == NULL)
		return NULL;
	while (len > 0 && strchr("].", word[len - 1]) != NULL)
		len--;
	if (len > 0 && word[0] == '[') {
		word++;
		len--;
	}
	*len_r = len;
	return word;
}

static void
complete_words(struct complete *c)
{
	const char *value = NULL, *what;
	size_t len;
	int narg = 0;

	for (int i = 0; i + 1 < c->n; i++) {
		if (value != NULL) {
			value = NULL;
			continue;
		}
		c->draft = c->draft || strcmp(c->word[i], "--draft") == 0;
		value = value_of(c, c->word[i]);
		narg += c->word[i][0] != '-';
	}
	if (value != NULL) {
		put_values(c, value, strlen(value));
		return;
	}
	if (c->word[c->n - 1][0] == '-') {
		command_options(c->command, c->objects, put_option, c);
		return;
	}
	what = argument(c->command->args, narg, &len);
	if (what != NULL)
		put_values(c, what, len);
}

/* First or second words of commands. */
static void
put_commands(struct complete *c, const char *first)
{
	const char *last = "";

	for (const struct command *k = c->noun->commands; k->name != NULL;
	    k++) {
		size_t len = strcspn(k->name, " ");
		char word[OBJECT_WORD_BYTES];
		bool again = strncmp(k->name, last, len) == 0 &&
		    last[len] == ' ';

		last = k->name;
		snprintf(word, sizeof(word), "%.*s", (int)len, k->name);
		if (first == NULL && !again)
			put(c, word);
		else if (first == NULL)
			continue;
		else if (strcmp(word, first) == 0 && k->name[len] == ' ')
			put(c, k->name + len + 1);
	}
}

/* word: n of them behind the noun. */
static void
complete_noun(struct complete *c, int n, char **word)
{
	int used = 0;

	/* The word that is being typed is no part of the command's name. */
	c->command = noun_command(c->noun, n - 1, word, &used);
	if (c->command == NULL) {
		if (n <= 2)
			put_commands(c, n == 2 ? word[0] : NULL);
		return;
	}
	c->word = word + used;
	c->n = n - used;
	if (c->command->object_options)
		c->objects = object_options(c->noun->kind);
	complete_words(c);
	free(c->objects);
}

/* The noun's word behind the program's name, "" = it is the program. */
static const char *
noun_word(const struct noun *n)
{
	const char *blank = strchr(n->name, ' ');

	return blank != NULL ? blank + 1 : "";
}

static void
complete_program(struct complete *c, int n, char **word,
    const struct noun *const *nouns, const char *const *others)
{
	for (; *nouns != NULL; nouns++) {
		const char *name = noun_word(*nouns);
		bool program = name[0] == '\0';

		c->noun = *nouns;
		if (program)
			complete_noun(c, n, word);
		else if (n == 1)
			put(c, name);
		else if (strcmp(word[0], name) == 0)
			complete_noun(c, n - 1, word + 1);
	}
	if (n == 1)
		put_all(c, others);
}

int
complete_line(const char *line, const struct noun *const *nouns,
    const char *const *others)
{
	/* Paths stay until the end, here as in main(). */
	static struct paths paths;
	struct complete c = {.out = {.max = TEXT_MAX}, .paths = &paths};
	const char *root = "";
	int skip = 1;

	line_read(&c.line, line);
	if (c.line.n > 3 && strcmp(c.line.word[1], "--root") == 0) {
		root = c.line.word[2];
		skip = 3;
	}
	paths_init(&paths, root);
	if (c.line.n > skip)
		complete_program(&c, c.line.n - skip, c.line.word + skip,
		    nouns, others);
	fwrite(c.out.p, 1, c.out.n, stdout);
	buf_free(&c.out);
	line_free(&c.line);
	return 0;
}
