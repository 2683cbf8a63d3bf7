#include "lib/mail/word_table.h"

static bool
ends_word(unsigned char c)
{
	return c == ' ' || c == '=' || c == ':';
}

/* Order of the word at off and of word: <0, 0, >0. */
static int
compare(struct span table, size_t off, struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		unsigned char c = table.p[off + i];

		if (ends_word(c))
			return -1;
		if (c != word.p[i])
			return c < word.p[i] ? -1 : 1;
	}
	return ends_word(table.p[off + word.n]) ? 0 : 1;
}

bool
word_find(struct span table, struct span word, struct span *value)
{
	size_t lo = 1, hi = table.n;	/* starts of words in [lo, hi) */

	while (word.n > 0 && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		size_t end;
		int order;

		while (table.p[mid - 1] != ' ')
			mid--;
		end = span_chr(table, mid, ' ');
		order = compare(table, mid, word);
		if (order == 0) {
			if (value != NULL)
				*value = span_sub(table, mid + word.n,
				    end - mid - word.n);
			return true;
		}
		if (order < 0)
			lo = end + 1;
		else
			hi = mid;
	}
	return false;
}
