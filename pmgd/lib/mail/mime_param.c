#include "lib/mail/mime_param.h"

#include "lib/base/str.h"
#include "lib/mail/mime.h"

enum { KEY_MAX = 32, SEQ_DIGITS = 4 };

/*
 * Behind an unclosed quote or comment there is no closing one, so that kind is
 * literal for the rest of the field; without that, a field of unclosed ones
 * would be searched to its end again and again.
 */
struct scanner {
	struct span s;
	size_t i;
	bool no_quote;
	bool no_comment;
};

static bool
is_lwsp(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset behind the quoted string that starts at i, 0: it has no end. */
static size_t
quoted_end(struct span s, size_t i)
{
	for (i++; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Offset behind the comment (comments nest) at i, 0: it has no end. */
static size_t
comment_end(struct span s, size_t i)
{
	size_t depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Moves behind a quoted string or comment here; false: there is none. */
static bool
scan_quoted(struct scanner *sc)
{
	size_t end;

	if (sc->no_quote || sc->i >= sc->s.n || sc->s.p[sc->i] != '"')
		return false;
	end = quoted_end(sc->s, sc->i);
	sc->no_quote = end == 0;
	if (end > 0)
		sc->i = end;
	return end > 0;
}

static bool
scan_comment(struct scanner *sc)
{
	size_t end;

	if (sc->no_comment || sc->i >= sc->s.n || sc->s.p[sc->i] != '(')
		return false;
	end = comment_end(sc->s, sc->i);
	sc->no_comment = end == 0;
	if (end > 0)
		sc->i = end;
	return end > 0;
}

static void
scan_cfws(struct scanner *sc)
{
	while (sc->i < sc->s.n)
		if (is_lwsp(sc->s.p[sc->i]))
			sc->i++;
		else if (!scan_comment(sc))
			break;
}

size_t
param_skip_cfws(struct span s, size_t i)
{
	struct scanner sc = {.s = s, .i = i};

	scan_cfws(&sc);
	return sc.i;
}

/* A word and "=" at i: the next parameter, its semicolon forgotten. */
static bool
looks_like_param(struct span s, size_t i)
{
	size_t start = i;

	while (i < s.n && i - start < KEY_MAX &&
	    ((ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z') ||
	        ascii_isdigit(s.p[i]) || s.p[i] == '*' || s.p[i] == '-'))
		i++;
	return i > start && i < s.n && s.p[i] == '=';
}

/* The value at sc->i up to its semicolon. */
static struct span
scan_value(struct scanner *sc)
{
	size_t start;

	scan_cfws(sc);
	start = sc->i;
	while (sc->i < sc->s.n && sc->s.p[sc->i] != ';') {
		if (scan_quoted(sc) || scan_comment(sc))
			continue;
		if (is_lwsp(sc->s.p[sc->i]) &&
		    looks_like_param(sc->s, sc->i + 1)) {
			break;
		}
		sc->i += sc->s.p[sc->i] == '\\' && sc->i + 1 < sc->s.n ? 2 : 1;
	}
	return span_trim(span_sub(sc->s, start, sc->i - start));
}

/*
 * The next key into key (lower case; comments in it vanish), true when "="
 * follows. Otherwise the scanner stands behind whatever was there.
 */
static bool
scan_key(struct scanner *sc, char key[KEY_MAX])
{
	size_t n = 0;

	while (sc->i < sc->s.n) {
		unsigned char c = sc->s.p[sc->i];

		if (scan_comment(sc))
			continue;
		if (c == '=' || c == ';' || is_lwsp(c) || scan_quoted(sc))
			break;
		if (n < KEY_MAX - 1)
			key[n++] = (char)ascii_lower(c);
		sc->i++;
	}
	key[n] = '\0';
	scan_cfws(sc);
	if (sc->i == sc->s.n || sc->s.p[sc->i] != '=')
		return false;
	sc->i++;
	return true;
}

/* "filename*0*" -> FILENAME, 0, ext. False: not one of ours. */
static bool
parse_key(const char *key, struct param *p)
{
	static const char *const names[] = {[PARAM_BOUNDARY] = "boundary",
	    [PARAM_CHARSET] = "charset", [PARAM_NAME] = "name",
	    [PARAM_FILENAME] = "filename"};
	size_t digits = 0;
	size_t n = strcspn(key, "*");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) != n || memcmp(names[i], key, n) != 0)
			continue;
		*p = (struct param){.name = (enum param_name)i, .seq = -1};
		key += n;
		if (*key == '\0')
			return true;
		key++;
		while (digits < SEQ_DIGITS && ascii_isdigit(key[digits]))
			digits++;
		if (digits > 0) {
			p->seq = 0;
			for (size_t k = 0; k < digits; k++)
				p->seq = p->seq * 10 + (key[k] - '0');
			key += digits;
			p->ext = strcmp(key, "*") == 0;
		} else {
			p->ext = true;
		}
		return true;
	}
	return false;
}

static void
params_add(struct params *ps, const struct param *p)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].name == p->name && ps->p[i].seq == p->seq &&
		    ps->p[i].ext == p->ext)
			ps->defects |= MIME_DUP_PARAM;
	/* The last of many is what some clients take: never lose it. */
	if (ps->n == PARAMS_MAX) {
		ps->defects |= MIME_BAD_PARAM;
		ps->n--;
	}
	ps->p[ps->n++] = *p;
}

/*
 * "name=file;.zip": for some clients a semicolon without a parameter behind it
 * belongs to the value. One more reading of the last parameter, up to here.
 */
static void
params_extend(struct params *ps, size_t end_off, struct span value)
{
	struct param p = ps->p[ps->n - 1];
	size_t start = (size_t)(p.raw.p - value.p);

	p.raw = span_trim(span_sub(value, start, end_off - start));
	if (p.raw.n <= READING_ALT_BYTES && ps->n < PARAMS_MAX)
		ps->p[ps->n++] = p;
}

void
params_parse(struct params *ps, struct span value, size_t off)
{
	struct scanner sc = {.s = value, .i = off};
	char key[KEY_MAX];
	struct param p;
	struct span raw;
	bool ours = false;	/* the parameter before */

	ps->n = 0;
	ps->defects = 0;
	while (sc.i < value.n) {
		scan_cfws(&sc);
		if (sc.i < value.n && value.p[sc.i] == ';') {
			sc.i++;
			continue;
		}
		if (!scan_key(&sc, key)) {
			if (key[0] != '\0')
				ps->defects |= MIME_BAD_PARAM;
			if (key[0] != '\0' && ours)
				params_extend(ps, sc.i, value);
			continue;
		}
		raw = scan_value(&sc);
		if (sc.i < value.n && value.p[sc.i] != ';')
			ps->defects |= MIME_BAD_PARAM;
		ours = parse_key(key, &p);
		if (!ours)
			continue;
		p.raw = raw;
		params_add(ps, &p);
	}
	if (sc.no_quote || sc.no_comment)
		ps->defects |= MIME_BAD_PARAM;
}

void
param_strict(struct buf *out, struct span raw)
{
	bool quoted = raw.n > 0 && raw.p[0] == '"';
	unsigned char c;

	for (size_t i = quoted; i < raw.n; i++) {
		c = raw.p[i];
		if (c == '\r' || c == '\n')
			continue;
		if (quoted) {
			if (c == '"')
				return;
			if (c == '\\' && i + 1 < raw.n)
				c = raw.p[++i];
		} else if (is_lwsp(c) || c == '(' || c == '"' || c == ';') {
			return;
		}
		buf_putc(out, c);
	}
}

void
param_join(struct buf *out, struct span raw)
{
	bool inside = false;
	bool no_comment = false;

	for (size_t i = 0; i < raw.n; i++) {
		unsigned char c = raw.p[i];
		size_t end = 0;

		if (c == '(' && !inside && !no_comment) {
			end = comment_end(raw, i);
			no_comment = end == 0;
		}
		if (end > 0) {
			i = end - 1;
		} else if (c == '"') {
			inside = !inside;
		} else if (c == '\\' && i + 1 < raw.n) {
			buf_putc(out, raw.p[++i]);
		} else if (c != '\r' && c != '\n') {
			buf_putc(out, c);
		}
	}
}
