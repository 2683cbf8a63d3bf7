#include "scan/walk_state.h"

static bool
is_blank(unsigned char c)
{
	return c == '\0' || c == '\t' || c == '\n' || c == '\f' || c == '\r' ||
	    c == ' ';
}

/*
 * The entry Encrypt of a trailer (ISO 32000-1, 7.6.1): a reference to a
 * dictionary, or one in place. Its name alone may stand in a text.
 */
static bool
is_reference(struct span s, size_t at)
{
	while (at < s.n && is_blank(s.p[at]))
		at++;
	if (at + 1 < s.n && s.p[at] == '<' && s.p[at + 1] == '<')
		return true;
	if (at >= s.n || s.p[at] < '0' || s.p[at] > '9')
		return false;
	while (at < s.n && (is_blank(s.p[at]) ||
	    (s.p[at] >= '0' && s.p[at] <= '9')))
		at++;
	return at < s.n && s.p[at] == 'R';
}

unsigned
walk_pdf(struct walk *w, const struct walk_in *in)
{
	const struct span key = SPAN_LIT("/Encrypt");
	size_t at = 0, step = 0;

	while ((at = span_find(in->bytes, at, key)) != SIZE_MAX) {
		at += key.n;
		if (is_reference(in->bytes, at))
			return WALK_ENCRYPTED;
		if (++step % 1024 == 0 && !walk_alive(w))
			return WALK_LIMIT;
	}
	return 0;
}
