/*
 * Which Postfix can do what: parameters that Stretch's 3.1 does not know stay
 * out of its main.cf. Security fixes came to several branches at once.
 */
#include "vars.h"

#include <stdlib.h>

static void
version_parse(const char *s, long part[3])
{
	for (int i = 0; i < 3; i++) {
		char *end = NULL;

		/* "3.11-20260101": what follows the dash is a date. */
		part[i] = *s == '-' ? 0 : strtol(s, &end, 10);
		if (end != NULL)
			s = *end == '.' ? end + 1 : end;
	}
}

bool
version_ge(const char *version, int major, int minor, int patch)
{
	const long want[3] = {major, minor, patch};
	long have[3];

	version_parse(version, have);
	for (int i = 0; i < 3; i++)
		if (have[i] != want[i])
			return have[i] > want[i];
	return true;
}

struct since {
	int minor, patch;	/* of 3.x */
};

/* At least the patch level of its branch, or newer than the last branch. */
static bool
has_since(const char *version, const struct since *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (version_ge(version, 3, list[i].minor, list[i].patch) &&
		    (i == n - 1 ||
		    !version_ge(version, 3, list[i].minor + 1, 0)))
			return true;
	return false;
}

bool
version_bare_newline(const char *version)
{
	static const struct since list[] = {
		{5, 24}, {6, 14}, {7, 10}, {8, 5}, {9, 0},
	};

	return has_since(version, list, sizeof(list) / sizeof(list[0]));
}

bool
version_unauth_pipelining(const char *version)
{
	static const struct since list[] = {
		{5, 20}, {6, 10}, {7, 6}, {8, 1}, {9, 0},
	};

	return has_since(version, list, sizeof(list) / sizeof(list[0]));
}
