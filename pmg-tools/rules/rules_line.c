#include "rules_line.h"

#include <stdlib.h>
#include <string.h>
#include "lib/base/xalloc.h"

enum { WORD_MAX_BYTES = 64 * 1024 };

/* Of COMP_WORDBREAKS those that may be within a word. */
static const char breaks[] = ":=@";
/* What means something to the shell. */
static const char special[] = " \t\"'\\$`&|;<>()*?[]{}!#~^";

static void
word_end(struct typed_line *t, struct buf *b)
{
	t->word = xrealloc(t->word, (size_t)t->n + 2, sizeof(*t->word));
	t->word[t->n++] = xstrndup(b->p, b->n);
	t->word[t->n] = NULL;
	buf_reset(b);
}

void
line_read(struct typed_line *t, const char *line)
{
	struct buf b = {.max = WORD_MAX_BYTES};
	bool inside = false;

	*t = (struct typed_line){.n = 0};
	for (const char *p = line; *p != '\0'; p++) {
		bool blank = *p == ' ' || *p == '\t';

		if (t->quote == '\0' && blank && !inside)
			continue;
		if (t->quote == '\0' && blank) {
			word_end(t, &b);
			inside = false;
			t->kept = 0;
			continue;
		}
		inside = true;
		if (t->quote != '\0' && *p == t->quote) {
			t->quote = '\0';
		} else if (t->quote == '\0' && (*p == '"' || *p == '\'')) {
			t->quote = *p;
			t->kept = b.n;
		} else if (*p == '\\' && t->quote != '\'' && p[1] != '\0') {
			buf_putc(&b, *++p);
		} else {
			buf_putc(&b, *p);
			if (t->quote == '\0' && strchr(breaks, *p) != NULL)
				t->kept = b.n;
		}
	}
	word_end(t, &b);
	buf_free(&b);
}

void
line_free(struct typed_line *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->word[i]);
	free(t->word);
}

bool
line_quote(const struct typed_line *t, const char *candidate, struct buf *out)
{
	const char *typed = t->word[t->n - 1];
	const char *escape = t->quote == '"' ? "\"\\$`" : special;

	if (strncmp(candidate, typed, strlen(typed)) != 0 ||
	    strpbrk(candidate, "\r\n") != NULL ||
	    (t->quote == '\'' && strchr(candidate, '\'') != NULL))
		return false;
	for (const char *p = candidate + t->kept; *p != '\0'; p++) {
		if (t->quote != '\'' && strchr(escape, *p) != NULL)
			buf_putc(out, '\\');
		buf_putc(out, *p);
	}
	return true;
}
