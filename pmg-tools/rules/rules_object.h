/*
 * Objects on the command line: TYPE, the values that it cannot do without in
 * their order, and --options for the rest, which are the members of its JSON
 * form with "-" for "_". One place for `object add`, `object set`, import,
 * export, help and completion.
 */
#ifndef PMG_TOOLS_RULES_OBJECT_H
#define PMG_TOOLS_RULES_OBJECT_H

#include "rules_command.h"

enum { OBJECT_VALUES = 2, OBJECT_WORD_BYTES = 64 };

/* Which members of a type are values, and which one may be read from a file
 * (NULL = none). */
struct object_words {
	enum object_type type;
	const char *value[OBJECT_VALUES];
	const char *file;
};

/* ---- types (rules_object_type.c) ---- */

const struct object_words *object_words(enum object_type type);
/* A name of JSON as it is typed: "top_only" -> "top-only". Returns out. */
const char *object_word(char out[OBJECT_WORD_BYTES], const char *name);
/* Every option of any type of a kind, ends with a NULL name; free() it. */
struct command_option *object_options(enum category kind);
/* To stdout, a line for each type: its name, values and options. */
void object_print_types(enum category kind);
/* Calls each with the name of every type of a kind. */
void object_types(enum category kind,
    void (*each)(void *arg, const char *name), void *arg);

/* 0: a type of c's kind; else the exit status, it was said why. */
int object_type(const struct cmd *c, const char *word,
    enum object_type *type_r);
/* The name for the command line. */
void object_type_word(struct buf *out, enum object_type type);

/* ---- objects (rules_object.c) ---- */

/*
 * arg: the values; c's options that are members of objects. whole: a new
 * object, complete and with its type; else only the members that were given.
 * 0, or the exit status: it was said why.
 */
int object_of_args(const struct cmd *c, enum object_type type, char **arg,
    int narg, bool whole, json_t **object_r);
/* It has exactly one value: it may stand in a file of one value a line. */
bool object_is_value(enum object_type type);
/* That value as it was typed; borrowed from the object. NULL: none. */
const char *object_value(const json_t *object, enum object_type type);
/*
 * The stored form as text, so that two are the same when the texts are; free()
 * it. NULL: not a good object, e tells.
 */
char *object_key(const json_t *object, struct err *e);

#endif
