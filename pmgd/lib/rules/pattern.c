#include "lib/rules/pattern.h"

#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"

enum {
	FLAGS = HS_FLAG_CASELESS | HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH |
	    HS_FLAG_ALLOWEMPTY | HS_FLAG_UTF8,
	SUBJECT_MAX = 1 << 30,		/* hs_scan takes an unsigned int */
	REPEATS_SMALL = 30,		/* a sum that is never too large */
};

struct pattern_set {
	hs_database_t *db;
	hs_scratch_t *scratch;
};

/* Offset of the first byte that is not UTF-8, or s.n. */
static size_t
utf8_valid_prefix(struct span s)
{
	size_t i = 0, len;
	uint32_t cp;

	while (i < s.n && (len = utf8_next(s, i, &cp)) > 0)
		i += len;
	return i;
}

static void
utf8_repair(struct buf *out, struct span s)
{
	while (s.n > 0) {
		size_t good = utf8_valid_prefix(s);

		buf_put(out, s.p, good);
		s = span_sub(s, good, s.n);
		if (s.n > 0)
			buf_puts(out, "\xef\xbf\xbd");
		s = span_sub(s, 1, s.n);
	}
}

/*
 * What the library refuses, where it stands in the pattern, and what an
 * administrator can do about it. construct: beginnings to look for when the
 * library does not tell the place.
 */
enum { CONSTRUCTS_MAX = 6 };
struct refusal {
	const char *word;		/* in the library's message */
	const char *construct[CONSTRUCTS_MAX];
	const char *hint;
};

/* The first whose word is found counts. */
static const struct refusal refusals[] = {
	{"Zero-width", {"(?=", "(?!", "(?<=", "(?<!"},
	    "look-ahead and look-behind cannot be used; describe what shall "
	    "match, or let a rule with a higher priority take the exceptions"},
	{"Back-references", {"\\1", "\\2", "\\3", "\\k", "\\g", "(?P="},
	    "write the text again in place of the reference"},
	{"Possessive", {"++", "*+", "?+", "}+"},
	    "leave out the second sign; matching never takes long here"},
	{"Atomic", {"(?>"},
	    "write (?:...); matching never takes long here"},
	{"Conditional", {"(?("}, "write both cases as alternatives: (?:a|b)"},
	{"Subpattern", {NULL},
	    "write the group again in place of the reference"},
	{"Callout", {NULL}, "leave it out"},
	{"control verb", {NULL},
	    "leave it out; matching never takes long here"},
	{"start anchors", {"^", "\\A"}, "'^' can only stand at the beginning"},
	{"end anchors", {"$", "\\z", "\\Z"}, "'$' can only stand at the end"},
	{"\\G", {NULL}, "leave it out: every text is searched once"},
	{"\\K", {NULL}, "leave it out: only whether it matches counts"},
	{"\\X", {NULL}, "write a dot for one character, or .*"},
	{"\\R", {NULL}, "write \\s+ for any blanks and line ends"},
	{"\\C", {NULL}, "write a dot for one character"},
	{"'\\N'", {NULL}, "write [^\\n] for all but a line end, \\x{41} for a "
	    "character by its number"},
	{"'\\", {NULL}, "leave it out: upper and lower case are the same"},
	{"Value in", {NULL}, "the last character is \\x{10FFFF}"},
	{"collating", {NULL}, "write the characters themselves: [a-z]"},
	{"POSIX named", {NULL}, "there are [:alpha:], [:digit:], [:alnum:], "
	    "[:upper:], [:lower:], [:punct:], [:space:], [:xdigit:]"},
	{"Unknown property", {NULL}, "there are \\p{L} letters, \\p{N} numbers, "
	    "\\p{P} punctuation, and scripts: \\p{Greek}"},
	{"Range out of order", {NULL},
	    "the smaller character goes first: [a-z]"},
	{"character after (?", {NULL},
	    "groups are (...) and (?:...), options (?i), (?m), (?s), (?x)"},
	{"Group name", {NULL}, "names begin with a letter: (?<name>...)"},
	{"comment", {"#"},
	    "end it with a line end, or write \\# for the character itself"},
	{"Unescaped", {NULL}, "write \\\\ for the character itself"},
	{"\\c must", {NULL}, "write \\x{1} for a character by its number"},
	{"Invalid repeat", {NULL},
	    "'*', '+' and '?' repeat what stands before them; any text is "
	    ".* and a dot is \\."},
	{"close parenthesis", {NULL},
	    "close the bracket, or write \\( for the character itself"},
	{"Unmatched", {NULL}, "write \\) for the character itself"},
	{"character class", {NULL},
	    "close it with ']', or write \\[ for the character itself"},
	{"Bounded repeat", {"{"}, "use smaller numbers"},
	{"too large", {NULL}, "use smaller repeat counts"},
};
/* Fine by itself, but its end is not seen where more follows. */
static const struct refusal open_end = {NULL, {"\\Q"},
	"end it within the expression: \\Q...\\E"};
static const struct refusal too_large = {NULL, {"{"},
	"use smaller repeat counts, or '*' and '+'"};
static const struct refusal other = {NULL, {NULL},
	"doc/RULES.md tells what can be used"};

static const struct refusal *
refusal_find(const char *message)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strstr(message, refusals[i].word) != NULL)
			return &refusals[i];
	return &other;
}

/* sure: not where the library may have meant another one of them. */
static bool
is_construct(struct span text, size_t i, const char *c, bool sure)
{
	unsigned char before = i > 0 ? text.p[i - 1] : '|';
	unsigned char after = i + 1 < text.n ? text.p[i + 1] : '|';

	if (!span_eq(span_sub(text, i, strlen(c)), span_str(c)))
		return false;
	if (sure && strcmp(c, "^") == 0)
		return before != '|' && before != '(';
	if (sure && strcmp(c, "$") == 0)
		return after != '|' && after != ')';
	return true;
}

/* Offset of the first of the constructs, outside [...]; SIZE_MAX = none. */
static size_t
locate(struct span text, const struct refusal *r, bool sure)
{
	bool class = false;

	for (size_t i = 0; i < text.n; i++) {
		for (size_t k = 0; !class && k < CONSTRUCTS_MAX &&
		    r->construct[k] != NULL; k++)
			if (is_construct(text, i, r->construct[k], sure))
				return i;
		if (text.p[i] == '\\')
			i++;
		else if (text.p[i] == '[')
			class = true;
		else if (text.p[i] == ']')
			class = false;
	}
	return SIZE_MAX;
}

/* Cuts " at index N" or ", index N" off the message; returns N. */
static size_t
cut_index(struct span *m)
{
	const struct span words[] = {
		SPAN_LIT(" at index "), SPAN_LIT(", index "),
	};
	int64_t n;

	while (m->n > 0 && m->p[m->n - 1] == '.')
		m->n--;
	for (size_t i = 0; i < 2; i++) {
		size_t pos = span_find(*m, 0, words[i]);
		struct span digits;

		if (pos == SIZE_MAX)
			continue;
		digits = span_sub(*m, pos + words[i].n, m->n);
		digits.n = strspn((const char *)digits.p, "0123456789");
		if (str_num(digits, 0, PATTERN_BYTES_MAX, &n)) {
			m->n = pos;
			return (size_t)n;
		}
	}
	return SIZE_MAX;
}

/* text: what the administrator wrote; NULL: the place is in something else. */
static int
refuse(const char *message, const struct refusal *r, const char *text,
    struct err *e)
{
	struct span m = span_str(message);
	size_t pos = cut_index(&m);
	char where[48] = "";

	if (text != NULL && (pos == SIZE_MAX || r == &open_end))
		pos = locate(span_str(text), r, true);
	if (text != NULL && pos == SIZE_MAX)
		pos = locate(span_str(text), r, false);
	if (pos != SIZE_MAX && text != NULL)
		snprintf(where, sizeof(where), " at position %zu", pos + 1);
	return err_set(e, "%.*s%s: %s", (int)m.n, (const char *)m.p, where,
	    r->hint);
}

/* r: what to say; NULL: what fits the message. */
static int
expression_check(const char *expression, const char *text,
    const struct refusal *r, struct err *e)
{
	hs_compile_error_t *error = NULL;
	hs_expr_info_t *info = NULL;
	const char *message = "Cannot be compiled";
	hs_error_t rc;

	rc = hs_expression_info(expression, FLAGS, &info, &error);
	free(info);
	if (rc == HS_SUCCESS)
		return 0;
	if (error != NULL)
		message = error->message;
	refuse(message, r != NULL ? r : refusal_find(message), text, e);
	hs_free_compile_error(error);
	return -1;
}

/*
 * The text that the library gets. The group keeps an alternation inside the
 * anchors; pattern_check() has seen the text alone, so it cannot close the
 * group itself.
 */
static char *
expression(const struct pattern *p)
{
	return p->whole ? xasprintf("\\A(?:%s)\\z", p->text) :
	    xstrdup(p->text);
}

/* The sum of the numbers in {}, as far as they are repeats. */
static int64_t
repeats(struct span text)
{
	int64_t sum = 0;

	for (size_t i = 0; i < text.n; i++) {
		int64_t n = 0;

		if (text.p[i] == '\\') {
			i++;
			continue;
		}
		if (text.p[i] != '{')
			continue;
		for (; i + 1 < text.n && (ascii_isdigit(text.p[i + 1]) ||
		    text.p[i + 1] == ','); i++)
			n = text.p[i + 1] == ',' ? 0 :
			    10 * n + text.p[i + 1] - '0';
		sum += n;
	}
	return sum;
}

/* Counted repeats can make it too large, which only compiling tells; it is
 * better said when it is saved than when all rules are compiled. */
static int
trial_compile(const char *expression, const char *text, struct err *e)
{
	hs_compile_error_t *error = NULL;
	hs_database_t *db = NULL;

	if (repeats(span_str(text)) < REPEATS_SMALL)
		return 0;
	if (hs_compile(expression, FLAGS, HS_MODE_BLOCK, NULL, &db, &error) ==
	    HS_SUCCESS) {
		hs_free_database(db);
		return 0;
	}
	refuse(error != NULL ? error->message : "Cannot be compiled",
	    &too_large, text, e);
	hs_free_compile_error(error);
	return -1;
}

/*
 * The text alone is checked as well: "a)|(b" would fit into the group that
 * expression() puts around it and get out of the anchors.
 */
int
pattern_check(const struct pattern *p, struct err *e)
{
	AUTO_FREE char *whole = NULL;
	struct span s = span_str(p->text);
	size_t valid;

	if (s.n == 0)
		return err_set(e, "It is empty: any text is .*");
	if (s.n > PATTERN_BYTES_MAX)
		return err_set(e, "Longer than %d bytes", PATTERN_BYTES_MAX);
	valid = utf8_valid_prefix(s);
	if (valid < s.n)
		return err_set(e, "Not UTF-8 at position %zu", valid + 1);
	if (expression_check(p->text, p->text, NULL, e) != 0)
		return -1;
	whole = expression(p);
	if (expression_check(whole, p->text, &open_end, e) != 0)
		return -1;
	return trial_compile(whole, p->text, e);
}

static int
serialize(hs_database_t *db, struct buf *out, struct err *e)
{
	char *bytes = NULL;
	size_t n = 0;

	if (hs_serialize_database(db, &bytes, &n) != HS_SUCCESS)
		return err_set(e, "cannot write the compiled patterns");
	buf_put(out, bytes, n);
	free(bytes);
	return 0;
}

static int
compile_expressions(char **text, size_t n, struct buf *out, size_t *bad_r,
    struct err *e)
{
	/* For the plainest CPU, so that every machine of a cluster and a
	 * virtual machine after its move can load it. */
	hs_platform_info_t plain = {.tune = HS_TUNE_FAMILY_GENERIC};
	AUTO_FREE unsigned *flags = xcalloc(n, sizeof(*flags));
	AUTO_FREE unsigned *id = xcalloc(n, sizeof(*id));
	hs_compile_error_t *error = NULL;
	hs_database_t *db = NULL;
	const char *message;
	int rc;

	for (size_t i = 0; i < n; i++) {
		flags[i] = FLAGS;
		id[i] = (unsigned)i;
	}
	if (hs_compile_multi((const char *const *)text, flags, id, (unsigned)n,
	    HS_MODE_BLOCK, &plain, &db, &error) != HS_SUCCESS) {
		if (error != NULL && error->expression >= 0)
			*bad_r = (size_t)error->expression;
		message = error != NULL ? error->message : "Cannot be compiled";
		refuse(message, refusal_find(message), NULL, e);
		hs_free_compile_error(error);
		return -1;
	}
	rc = serialize(db, out, e);
	hs_free_database(db);
	return rc;
}

int
pattern_compile(const struct pattern *p, size_t n, struct buf *out,
    size_t *bad_r, struct err *e)
{
	char **text;
	int rc;

	*bad_r = n;
	if (n > PATTERN_COUNT_MAX)
		return err_set(e, "more than %d patterns", PATTERN_COUNT_MAX);
	text = xcalloc(n, sizeof(*text));
	for (size_t i = 0; i < n; i++)
		text[i] = expression(&p[i]);
	rc = compile_expressions(text, n, out, bad_r, e);
	for (size_t i = 0; i < n; i++)
		free(text[i]);
	free(text);
	return rc;
}

struct pattern_set *
pattern_set_load(struct span bytes, struct err *e)
{
	struct pattern_set *s = xcalloc(1, sizeof(*s));
	hs_error_t rc;

	rc = hs_deserialize_database((const char *)bytes.p, bytes.n, &s->db);
	if (rc == HS_SUCCESS)
		rc = hs_alloc_scratch(s->db, &s->scratch);
	if (rc == HS_SUCCESS)
		return s;
	if (rc == HS_DB_VERSION_ERROR)
		err_set(e, "patterns were compiled by another version of the "
		    "library");
	else if (rc == HS_DB_PLATFORM_ERROR || rc == HS_ARCH_ERROR)
		err_set(e, "patterns need a processor with SSSE3");
	else
		err_set(e, "compiled patterns are damaged (error %d)", rc);
	pattern_set_free(s);
	return NULL;
}

void
pattern_set_free(struct pattern_set *s)
{
	if (s == NULL)
		return;
	hs_free_scratch(s->scratch);
	hs_free_database(s->db);
	free(s);
}

struct scan {
	void (*hit)(void *arg, size_t index);
	void *arg;
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to,
    unsigned flags, void *ctx)
{
	struct scan *scan = ctx;

	(void)from;
	(void)to;
	(void)flags;
	scan->hit(scan->arg, id);
	return 0;
}

void
pattern_set_scan(const struct pattern_set *s, struct span subject,
    void (*hit)(void *arg, size_t index), void *arg)
{
	AUTO_BUF struct buf repaired = {.max = 3 * (size_t)SUBJECT_MAX};
	struct scan scan = {hit, arg};
	hs_error_t rc;

	if (subject.n > SUBJECT_MAX)
		fatal("rules: subject of %zu bytes", subject.n);
	if (utf8_valid_prefix(subject) < subject.n) {
		utf8_repair(&repaired, subject);
		subject = buf_span(&repaired);
	}
	rc = hs_scan(s->db, subject.n > 0 ? (const char *)subject.p : "",
	    (unsigned)subject.n, 0, s->scratch, on_match, &scan);
	/* A match that was not looked for must not read as "no match". */
	if (rc != HS_SUCCESS)
		fatal("rules: pattern scan failed (error %d)", rc);
}
