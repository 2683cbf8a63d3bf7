/*
 * All positions of the text at which what was read of the pattern may end are
 * kept as bits: a byte of the pattern moves them on together, 64 at a time.
 */
#include "lib/rules/glob.h"

enum { WORD = 64, WORDS_MAX = (GLOB_TEXT_MAX + 1 + WORD - 1) / WORD,
	UTF8_CONTINUATIONS = 3 };

static void
set_bit(uint64_t *w, size_t i)
{
	w[i / WORD] |= UINT64_C(1) << i % WORD;
}

bool
glob_prepare(struct glob_text *t, struct span text, struct arena *a)
{
	size_t nrow = 0;

	*t = (struct glob_text){.n = text.n, .nword = text.n / WORD + 1};
	if (text.n > GLOB_TEXT_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (t->row[text.p[i]] == 0)
			t->row[text.p[i]] = (uint16_t)++nrow;
	t->mask = arena_array(a, nrow * t->nword, sizeof(*t->mask));
	t->next = arena_array(a, t->nword, sizeof(*t->next));
	if (t->mask == NULL || t->next == NULL)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		size_t row = (size_t)t->row[text.p[i]] - 1;

		set_bit(t->mask + row * t->nword, i);
		if ((text.p[i] & 0xc0) == 0x80)
			set_bit(t->next, i);
	}
	return true;
}

/* Each position that is also in `of` (NULL: every one but the end) moves on by
 * one, the others end, or stay when `keep`. False: none is left. */
static bool
advance(const struct glob_text *t, uint64_t *at, const uint64_t *of, bool keep)
{
	uint64_t carry = 0, any = 0;

	for (size_t i = 0; i < t->nword; i++) {
		uint64_t go = of != NULL ? at[i] & of[i] : at[i];
		uint64_t stay = keep ? at[i] & ~go : 0;

		at[i] = go << 1 | carry | stay;
		carry = go >> (WORD - 1);
		any |= at[i];
	}
	return any != 0;
}

/* Behind one character, all of its bytes. */
static bool
advance_character(const struct glob_text *t, uint64_t *at)
{
	at[t->n / WORD] &= ~(UINT64_C(1) << t->n % WORD);
	if (!advance(t, at, NULL, false))
		return false;
	for (int i = 0; i < UTF8_CONTINUATIONS; i++)
		advance(t, at, t->next, true);
	return true;
}

/* From the first position on, all up to the end. */
static void
spread(const struct glob_text *t, uint64_t *at)
{
	size_t i = 0;

	while (at[i] == 0)
		i++;
	at[i] |= ~((at[i] & -at[i]) - 1);
	while (++i < t->nword)
		at[i] = UINT64_MAX;
	at[t->n / WORD] &= UINT64_MAX >> (WORD - 1 - t->n % WORD);
}

bool
glob_match(const struct glob_text *t, size_t from, struct span pattern)
{
	uint64_t at[WORDS_MAX] = {0};

	set_bit(at, from);
	for (size_t i = 0; i < pattern.n; i++) {
		unsigned char c = pattern.p[i];

		if (c == '*') {
			spread(t, at);
		} else if (c == '?') {
			if (!advance_character(t, at))
				return false;
		} else if (t->row[c] == 0 || !advance(t, at, t->mask +
		        (t->row[c] - 1u) * t->nword, false)) {
			return false;
		}
	}
	return (at[t->n / WORD] >> t->n % WORD & 1) != 0;
}

bool
glob_is_pattern(struct span s)
{
	return glob_tail(s).n < s.n;
}

struct span
glob_tail(struct span pattern)
{
	size_t i = pattern.n;

	while (i > 0 && pattern.p[i - 1] != '*' && pattern.p[i - 1] != '?')
		i--;
	return span_sub(pattern, i, pattern.n);
}
