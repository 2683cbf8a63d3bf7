#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "case.h"

void
give_up(const char *what, const char *which)
{
	fprintf(stderr, "driver: %s: %s\n", what, which);
	exit(1);
}

json_t *
get(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (v == NULL)
		give_up("the case lacks", key);
	return v;
}

const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

int64_t
number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

bool
truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

int
word_index(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (words[i] != NULL && strcmp(words[i], word) == 0)
			return i;
	give_up("the engine has no such word", word);
}

enum spf_result
spf_of(const char *word)
{
	static const char *const words[] = {NULL, "none", "neutral", "pass",
		"fail", "softfail", "temperror", "permerror"};

	return (enum spf_result)word_index(words, SPF_RESULT_COUNT, word);
}
