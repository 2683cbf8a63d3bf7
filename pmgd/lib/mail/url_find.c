#include "lib/mail/url_find.h"

#include "lib/base/str.h"
#include "lib/mail/tld_table.h"
#include "lib/mail/url.h"
#include "lib/mail/utf8.h"
#include "lib/mail/word_table.h"

enum {
	HOST_NAME_MAX_ = 253,
	FOLDED_MAX = 2048,	/* bytes of a link within <> */
};

static bool
is_alnum(unsigned char c)
{
	int l = ascii_lower(c);

	return ascii_isdigit(c) || (l >= 'a' && l <= 'z');
}

/*
 * Bytes of the host name's character at i, 0 = none: ASCII, and the alphabets
 * whose letters take two bytes. Chinese and the like stand beside a link
 * without a blank.
 */
static size_t
host_char(struct span s, size_t i)
{
	unsigned char c = s.p[i];

	if (is_alnum(c) || c == '-' || c == '.' || c == '_')
		return 1;
	return c >= 0xc3 && c <= 0xdf && i + 1 < s.n &&
	    (s.p[i + 1] & 0xc0) == 0x80 ? 2 : 0;
}

static size_t
host_end(struct span s, size_t i)
{
	size_t n;

	while (i < s.n && (n = host_char(s, i)) > 0)
		i += n;
	return i;
}

/* Ends a link wherever it stands: blanks, quotes, brackets beyond ASCII. */
static bool
is_border(uint32_t cp)
{
	return cp == 0xa0 || cp == 0xab || cp == 0xbb || cp == 0x3000 ||
	    (cp >= 0x2000 && cp <= 0x200a) || (cp >= 0x2018 && cp <= 0x201f) ||
	    cp == 0x2028 || cp == 0x2029 || cp == 0x2039 || cp == 0x203a ||
	    cp == 0x3001 || (cp >= 0x3008 && cp <= 0x3011) ||
	    cp == 0xff01 || cp == 0xff08 || cp == 0xff09 || cp == 0xff0c ||
	    cp == 0xff1a || cp == 0xff1b || cp == 0xff1f;
}

/* U+3002 and its forms are dots of a host, but behind one a full stop. */
static bool
is_wide_dot(uint32_t cp)
{
	return cp == 0x3002 || cp == 0xff0e || cp == 0xff61;
}

static bool
wide_dot_ends(struct span s, size_t i, bool in_host)
{
	return !in_host || i >= s.n || !(is_alnum(s.p[i]) || s.p[i] >= 0x80);
}

/*
 * Offset at which the link that goes on at i ends, before punctuation is taken
 * off. quote: the quote in front of the link, or 0.
 */
static size_t
raw_end(struct span s, size_t i, unsigned char quote)
{
	bool in_host = true;

	while (i < s.n) {
		unsigned char c = s.p[i];
		uint32_t cp;
		size_t n;

		if (c < 0x80) {
			if (c <= 0x20 || c == 0x7f || c == '<' || c == '>' ||
			    c == '"' || (quote != 0 && c == quote))
				return i;
			in_host = in_host && c != '/' && c != '?' &&
			    c != '#' && c != '\\';
			i++;
			continue;
		}
		n = utf8_next(s, i, &cp);
		if (n > 0 && (is_border(cp) || (is_wide_dot(cp) &&
		    wide_dot_ends(s, i + n, in_host))))
			return i;
		i += n > 0 ? n : 1;
	}
	return i;
}

/* Takes punctuation off, and brackets that are not opened inside. */
static size_t
trim_end(struct span s, size_t from, size_t end)
{
	static const char pairs[] = "()[]{}";
	size_t count[sizeof(pairs)] = {0};

	for (size_t i = from; i < end; i++) {
		const char *c = s.p[i] != '\0' ? strchr(pairs, s.p[i]) : NULL;

		if (c != NULL)
			count[c - pairs]++;
	}
	for (; end > from; end--) {
		unsigned char c = s.p[end - 1];
		const char *pair = c != '\0' ? strchr(pairs, c) : NULL;

		if (pair != NULL) {
			size_t k = (size_t)(pair - pairs);

			/* "(http://x/(" ends in front of it, too. */
			if (k % 2 == 1 && count[k - 1] >= count[k])
				break;
			count[k]--;
		} else if (c == '\0' || !strchr(".,;:!?'*_~`|\\^", c)) {
			break;
		}
	}
	return end;
}

/* Within <>, a link may go on behind a line end (RFC 3986, appendix C). */
static size_t
folded_end(struct span s, size_t from, size_t end)
{
	size_t i = end;

	if (from == 0 || s.p[from - 1] != '<')
		return 0;
	while (i < s.n && i - from < FOLDED_MAX && s.p[i] != '<' &&
	    s.p[i] != '>' && s.p[i] != '"' && s.p[i] != ' ' &&
	    s.p[i] != '\t')
		i++;
	return i < s.n && s.p[i] == '>' ? i : 0;
}

static struct span
link_at(struct span s, size_t from, size_t tail, size_t *pos)
{
	unsigned char before = from > 0 ? s.p[from - 1] : 0;
	size_t end, folded;

	if (before != '\'' && before != '`')
		before = 0;
	end = raw_end(s, tail, before);
	folded = folded_end(s, from, end);
	if (folded > 0)
		end = folded;
	*pos = end;
	return span_sub(s, from, trim_end(s, tail, end) - from);
}

static bool
is_slash(struct span s, size_t i)
{
	return i < s.n && (s.p[i] == '/' || s.p[i] == '\\');
}

/* Length of the scheme that ends at i, a ':'; 0 = none of ours. */
static size_t
scheme_before(struct span s, size_t i, bool *slashes)
{
	static const char *const names[] = {"https", "http", "ftp", "mailto"};

	*slashes = is_slash(s, i + 1) && is_slash(s, i + 2);
	for (size_t k = 0; k < 4; k++) {
		size_t n = strlen(names[k]);

		if (i >= n && span_ieqs(span_sub(s, i - n, n), names[k]))
			return *slashes || k == 3 ? n : 0;
	}
	return 0;
}

/* Names of files that are domains, too: only with a path behind them. */
static bool
is_file_suffix(struct span tld)
{
	static const char *const list[] = {"md", "py", "sh", "pl", "rs", "so",
	    "cc", "ps", "ai", "java", "map", "save", "now", "name"};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (span_ieqs(tld, list[i]))
			return true;
	return false;
}

static bool
is_tld(struct span label)
{
	char lower[64];

	if (label.n < 2 || label.n >= sizeof(lower))
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
		lower[i] = (char)ascii_lower(label.p[i]);
	}
	return word_find(SPAN_LIT(tld_table), span_of(lower, label.n), NULL);
}

static bool
is_upper(unsigned char c)
{
	return c >= 'A' && c <= 'Z';
}

/* The end of a sentence without a blank: "done.In the". */
static bool
is_word_start(struct span label)
{
	return is_upper(label.p[0]) && !is_upper(label.p[1]);
}

/* Whether host is "www.x" or "name.tld"; path: more of a URL follows. */
static bool
is_bare_host(struct span host, bool path)
{
	size_t dot = host.n, labels = 1;
	struct span tld;

	if (host.n > HOST_NAME_MAX_)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] != '.')
			continue;
		if (i == 0 || i + 1 == host.n || host.p[i + 1] == '.')
			return false;
		dot = i;
		labels++;
	}
	if (labels < 2)
		return false;
	if (span_iprefix(host, "www.") && labels > 2)
		return true;
	tld = span_sub(host, dot + 1, SIZE_MAX);
	return is_tld(tld) &&
	    (path || (!is_file_suffix(tld) && !is_word_start(tld)));
}

static bool
path_follows(struct span s, size_t i)
{
	return i < s.n && (s.p[i] == '/' || s.p[i] == '?' || s.p[i] == '#' ||
	    (s.p[i] == ':' && i + 1 < s.n && ascii_isdigit(s.p[i + 1])));
}

static bool
is_edge(unsigned char c)
{
	return c == '.' || c == '-' || c == '_';
}

/* A link without scheme in the run of host bytes [from, end). */
static bool
bare_at(struct span s, size_t from, size_t end, size_t *pos,
    struct span *found)
{
	size_t last = end;
	bool path = path_follows(s, end);

	while (from < last && is_edge(s.p[from]))
		from++;
	while (last > from && is_edge(s.p[last - 1]))
		last--;
	if (last != end)
		path = false;
	if (from > 0 && (s.p[from - 1] == '@' || is_slash(s, from - 1)))
		return false;
	if (end < s.n && s.p[end] == '@')
		return false;
	if (!is_bare_host(span_sub(s, from, last - from), path))
		return false;
	*pos = end;
	*found = path ? link_at(s, from, end, pos)
	    : span_sub(s, from, last - from);
	return true;
}

bool
url_find(struct span text, size_t *pos, struct span *found, uint32_t *flags)
{
	size_t i = *pos;

	while (i < text.n) {
		size_t from = i, n;
		bool slashes;

		i = host_end(text, from);
		*flags = 0;
		if (i < text.n && text.p[i] == ':' &&
		    (n = scheme_before(text, i, &slashes)) > 0 &&
		    i - n >= from) {
			size_t tail = i + (slashes ? 3 : 1);

			*pos = tail;
			*found = link_at(text, i - n, tail, pos);
			if (found->n > tail - (i - n))
				return true;
			i = tail;
			continue;
		}
		if (i > from && bare_at(text, from, i, pos, found)) {
			*flags = URL_GUESSED;
			return true;
		}
		if (i < text.n)
			i++;
	}
	*pos = text.n;
	return false;
}

bool
url_is_bare(struct span s)
{
	size_t i = host_end(span_sub(s, 0, HOST_NAME_MAX_ + 2), 0);

	return i > 0 && (i == s.n || path_follows(s, i)) &&
	    is_bare_host(span_sub(s, 0, i), path_follows(s, i));
}
