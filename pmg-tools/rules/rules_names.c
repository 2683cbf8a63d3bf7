#include "rules_names.h"

#include <string.h>
#include "lib/base/str.h"

enum { LENGTH_MAX = 64 };

/*
 * Levenshtein's distance without regard to case, or limit when it is not
 * below: one row at a time.
 */
static unsigned
distance(const char *a, size_t n, const char *b, size_t m, unsigned limit)
{
	unsigned row[LENGTH_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0], least;

		row[0] = least = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			bool same = ascii_lower((unsigned char)a[i - 1]) ==
			    ascii_lower((unsigned char)b[j - 1]);
			unsigned d = diagonal + !same;

			diagonal = row[j];
			if (row[j] + 1 < d)
				d = row[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			row[j] = d;
			least = d < least ? d : least;
		}
		if (least >= limit)
			return limit;
	}
	return row[m];
}

void
nearest_init(struct nearest *n, const char *word)
{
	size_t len = strcspn(word, "=");

	*n = (struct nearest){.word = word};
	/* A third of the letters may be wrong. */
	n->distance = (unsigned)(len / 3) + 2;
}

void
nearest_try(struct nearest *n, const char *name)
{
	size_t a = strcspn(n->word, "="), b = strlen(name);
	unsigned d;

	if (a > LENGTH_MAX || b > LENGTH_MAX)
		return;
	/* What begins like it is as near as one wrong letter. */
	if (a >= 3 && b > a && strncmp(name, n->word, a) == 0)
		d = 1;
	else
		d = distance(n->word, a, name, b, n->distance);
	if (d >= n->distance)
		return;
	n->distance = d;
	n->best = name;
}
