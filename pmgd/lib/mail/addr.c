#include "lib/mail/addr.h"

#include <arpa/inet.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/mail/charset.h"
#include "lib/mail/rfc2047.h"
#include "lib/mail/utf8.h"

enum { LOCAL_MAX = 64, VALID_MAX = 254, LABEL_MAX = 63, DOMAIN_MAX = 253 };

bool
addr_split(struct span addr, struct span *local_r, struct span *domain_r)
{
	bool quoted = false;
	size_t at = SIZE_MAX;

	for (size_t i = 0; i < addr.n; i++) {
		if (quoted && addr.p[i] == '\\')
			i++;
		else if (addr.p[i] == '"')
			quoted = !quoted;
		else if (addr.p[i] == '@' && !quoted)
			at = i;
	}
	/* A quote without an end quotes nothing. */
	if (quoted) {
		at = SIZE_MAX;
		for (size_t i = addr.n; i-- > 0 && at == SIZE_MAX;)
			if (addr.p[i] == '@')
				at = i;
	}
	if (at == SIZE_MAX || at == 0 || at + 1 == addr.n) {
		*local_r = addr;
		*domain_r = span_of(NULL, 0);
		return false;
	}
	*local_r = span_sub(addr, 0, at);
	*domain_r = span_sub(addr, at + 1, addr.n);
	return true;
}

const char *
addr_lower_domain(struct span addr, struct arena *a)
{
	struct span local, domain;
	char *copy = arena_strndup(a, addr);

	if (copy == NULL)
		return "";
	if (addr_split(addr, &local, &domain))
		str_lower(copy + local.n + 1);
	return copy;
}

/* ---- syntax of one address ---- */

static bool
valid_atext(unsigned char c)
{
	return c >= 0x80 || ascii_isdigit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
valid_local(struct span s)
{
	if (s.n == 0 || s.n > LOCAL_MAX)
		return false;
	if (s.p[0] == '"') {
		size_t i = 1;

		for (; i < s.n && s.p[i] != '"'; i++) {
			if (s.p[i] == '\\')
				i++;
			if (i >= s.n || s.p[i] < 0x20 || s.p[i] == 0x7f)
				return false;
		}
		return i == s.n - 1;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' ? i == 0 || i + 1 == s.n || s.p[i - 1] == '.'
		                  : !valid_atext(s.p[i]))
			return false;
	return true;
}

static bool
valid_literal(struct span s)
{
	unsigned char ip[16];
	char text[64];
	struct span in = span_sub(s, 1, s.n - 2);

	if (s.n < 3 || s.p[s.n - 1] != ']' || in.n >= sizeof(text) ||
	    span_chr(in, 0, '\0') < in.n)
		return false;
	if (span_iprefix(in, "IPv6:")) {
		in = span_sub(in, 5, in.n);
		memcpy(text, in.p, in.n);
		text[in.n] = '\0';
		return inet_pton(AF_INET6, text, ip) == 1;
	}
	memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	return inet_pton(AF_INET, text, ip) == 1;
}

bool
addr_valid_domain(struct span s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if (c == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (c < 0x80 && !ascii_isdigit(c) && c != '_' &&
		    (ascii_lower(c) < 'a' || ascii_lower(c) > 'z') &&
		    (c != '-' || label == 0))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0 && s.p[s.n - 1] != '-';
}

bool
addr_valid(struct span addr)
{
	struct span local, domain;

	return addr.n <= VALID_MAX && utf8_valid(addr) &&
	    addr_split(addr, &local, &domain) && valid_local(local) &&
	    (domain.p[0] == '[' ? valid_literal(domain)
	                        : addr_valid_domain(domain));
}

/* ---- address lists of a header ---- */

/*
 * One element of a list, collected while its text is walked: `text` has
 * comments and folds removed, quotes kept; `angle` is what stands in <>.
 */
struct element {
	struct buf text;
	struct buf angle;
	struct buf comment;
	bool has_angle;
};

struct list {
	struct addr *addr;
	size_t n;
	size_t cap;
	struct arena *a;
};

static void
element_reset(struct element *e)
{
	buf_reset(&e->text);
	buf_reset(&e->angle);
	buf_reset(&e->comment);
	e->has_angle = false;
}

/* Display name: quotes and their escapes removed, then encoded words. */
static const char *
decode_name(struct span s, struct arena *a)
{
	AUTO_BUF struct buf plain;
	AUTO_BUF struct buf text;
	const char *name;

	buf_init(&plain, s.n);
	buf_init(&text, s.n * RFC2047_GROWTH + 16);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			continue;
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		buf_putc(&plain, s.p[i]);
	}
	rfc2047_decode(&text, span_trim(buf_span(&plain)));
	name = arena_strndup(a, span_trim(buf_span(&text)));
	return name ? name : "";
}

/* Without "@a,@b:" of a source route, and blanks outside of quotes. */
static void
clean_address(struct buf *out, struct span s)
{
	bool quoted = false;
	size_t colon;

	s = span_trim(s);
	if (s.n > 0 && s.p[0] == '@' && (colon = span_chr(s, 0, ':')) < s.n)
		s = span_sub(s, colon + 1, s.n);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if (c == '"')
			quoted = !quoted;
		if (quoted && c == '\\' && i + 1 < s.n) {
			buf_putc(out, c);
			c = s.p[++i];
		} else if (!quoted && (c == ' ' || c == '\t')) {
			continue;
		}
		if (c >= 0x20 && c != 0x7f)
			buf_putc(out, c);
	}
}

static bool
list_room(struct list *l)
{
	size_t cap = l->cap ? l->cap * 2 : 4;
	struct addr *more;

	if (l->n < l->cap)
		return true;
	more = arena_array(l->a, cap, sizeof(*more));
	if (more == NULL)
		return false;
	if (l->n > 0)
		memcpy(more, l->addr, l->n * sizeof(*more));
	l->addr = more;
	l->cap = cap;
	return true;
}

/* An "@" with something on both sides. */
static bool
is_address(struct span word)
{
	size_t at = span_chr(word, 1, '@');

	return word.n > 2 && at + 1 < word.n;
}

/*
 * Without <> the text is the address and a comment the name. Of several words
 * the one that is an address is meant; blanks may stand around the "@", too.
 */
static struct span
bare_address(struct span text)
{
	size_t start = 0;
	bool quoted = false;

	text = span_trim(text);
	for (size_t i = 0; i <= text.n; i++) {
		struct span word = span_sub(text, start, i - start);

		if (quoted && i + 1 < text.n && text.p[i] == '\\') {
			i++;
			continue;
		}
		if (i < text.n && text.p[i] == '"')
			quoted = !quoted;
		if (i < text.n && (quoted || (text.p[i] != ' ' &&
		        text.p[i] != '\t')))
			continue;
		if (is_address(word))
			return word;
		start = i + 1;
	}
	return text;
}

static void
list_add(struct list *l, struct element *e)
{
	AUTO_BUF struct buf b;
	AUTO_BUF struct buf utf8;
	struct span from = e->has_angle ? buf_span(&e->angle)
	                                : bare_address(buf_span(&e->text));
	struct span name = buf_span(&e->text);

	/* "<a@b> (Anna)", "a@b (Anna)". */
	if (!e->has_angle || span_trim(name).n == 0)
		name = buf_span(&e->comment);
	buf_init(&b, ADDR_MAX);
	buf_init(&utf8, ADDR_MAX);
	clean_address(&b, from);
	charset_to_utf8(&utf8, span_of(NULL, 0), buf_span(&b));
	if (b.n > 0 && !b.overflow && !utf8.overflow &&
	    l->n < ADDR_LIST_MAX && list_room(l)) {
		l->addr[l->n].addr = addr_lower_domain(buf_span(&utf8), l->a);
		l->addr[l->n].name = decode_name(name, l->a);
		l->n++;
	}
	element_reset(e);
}

/* Offset behind the quoted string at i, or i: it has no end. */
static size_t
skip_quoted(struct span v, size_t i)
{
	for (size_t k = i + 1; k < v.n; k++) {
		if (v.p[k] == '\\')
			k++;
		else if (v.p[k] == '"')
			return k + 1;
	}
	return i;
}

/* The comment at *i goes to e->comment, without the parentheses around it. */
static bool
take_comment(struct element *e, struct span v, size_t *i)
{
	size_t depth = 0;

	for (size_t k = *i; k < v.n; k++) {
		if (v.p[k] == '\\')
			k++;
		else if (v.p[k] == '(')
			depth++;
		else if (v.p[k] == ')' && --depth == 0) {
			buf_puts_span(&e->comment,
			    span_sub(v, *i + 1, k - *i - 1));
			*i = k + 1;
			return true;
		}
	}
	return false;
}

/* Whether the "<" in front of i has its ">": then a semicolon within is part
 * of the address. Each byte is looked at once, for the "<" before it. */
static bool
angle_closes(struct span v, size_t i)
{
	while (i < v.n && v.p[i] != '<' && v.p[i] != '>')
		i++;
	return i < v.n && v.p[i] == '>';
}

static void
walk(struct list *l, struct element *e, struct span v)
{
	bool no_quote = false;
	bool no_comment = false;
	bool in_angle = false;
	bool closes = false;	/* in_angle: its ">" is there */
	bool in_literal = false;	/* [IPv6:...] */
	size_t i = 0;

	while (i < v.n) {
		struct buf *to = in_angle ? &e->angle : &e->text;
		unsigned char c = v.p[i];
		size_t end;

		if (c == '"' && !no_quote) {
			end = skip_quoted(v, i);
			no_quote = end == i;
			buf_puts_span(to, span_sub(v, i, end - i));
			i = end;
			continue;
		}
		if (c == '(' && !no_comment) {
			no_comment = !take_comment(e, v, &i);
			continue;
		}
		i++;
		if (c == '<' && !in_angle) {
			/* Of two, the last one is what clients take. */
			buf_reset(&e->angle);
			in_angle = e->has_angle = true;
			closes = angle_closes(v, i);
		} else if (c == '>' && in_angle) {
			in_angle = false;
		} else if ((c == ';' && !(in_angle && closes)) ||
		    (c == ',' && !in_angle)) {
			list_add(l, e);
			in_angle = in_literal = false;
		} else if (c == ':' && !in_angle && !in_literal &&
		    !e->has_angle) {
			element_reset(e);	/* the name of a group */
		} else if (c != '\r' && c != '\n') {
			if (c == '[' || c == ']')
				in_literal = c == '[';
			buf_putc(to, c);
		}
	}
	list_add(l, e);
}

size_t
addr_list(struct span value, struct addr **list_r, struct arena *a)
{
	struct list l = {.a = a};
	struct element e = {.has_angle = false};

	buf_init(&e.text, value.n);
	buf_init(&e.angle, value.n);
	buf_init(&e.comment, value.n);
	walk(&l, &e, value);
	buf_free(&e.text);
	buf_free(&e.angle);
	buf_free(&e.comment);
	*list_r = l.n > 0 ? l.addr : NULL;
	return l.n;
}

const char *
addr_first(struct span value, struct arena *a)
{
	struct addr *list;

	return addr_list(value, &list, a) > 0 ? list[0].addr : "";
}
