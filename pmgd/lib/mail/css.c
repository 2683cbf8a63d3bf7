#include "lib/mail/css.h"

#include "lib/base/str.h"
#include "lib/mail/utf8.h"

enum {
	ESCAPE_DIGITS = 6,
	/* What cannot be read any more. */
	FONT_PX = 2,
	FAR_PX = 400,
};

static int
hex(unsigned char c)
{
	int l = ascii_lower(c);

	if (ascii_isdigit(c))
		return c - '0';
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static bool
is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The escape at i, a backslash; returns what is behind it. */
static size_t
put_escape(struct buf *out, struct span s, size_t i)
{
	uint32_t v = 0;
	size_t n = 0;

	for (i++; i < s.n && n < ESCAPE_DIGITS && hex(s.p[i]) >= 0; i++, n++)
		v = v << 4 | (uint32_t)hex(s.p[i]);
	if (n == 0) {
		/* In front of a line end it continues a string. */
		if (i < s.n && s.p[i] != '\n' && s.p[i] != '\r')
			buf_putc(out, s.p[i]);
		return i < s.n ? i + 1 : i;
	}
	if (i < s.n && is_space(s.p[i]))
		i++;
	if (v == 0 || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		v = 0xfffd;
	utf8_put(out, v);
	return i;
}

static bool
ends_in_url(const struct buf *out, size_t from)
{
	return out->n >= from + 4 &&
	    span_iprefix(span_of(out->p + out->n - 4, 4), "url(");
}

static size_t
comment_end(struct span s, size_t i)
{
	for (; (i = span_chr(s, i, '*')) < s.n; i++)
		if (i + 1 < s.n && s.p[i + 1] == '/')
			return i + 2;
	return s.n;
}

void
css_clean(struct buf *out, struct span css)
{
	size_t from = out->n;
	unsigned char until = 0;	/* end of a string or of url( */

	for (size_t i = 0; i < css.n;) {
		unsigned char c = css.p[i];

		if (c == '\\') {
			i = put_escape(out, css, i);
			continue;
		}
		if (until == 0 && c == '/' && i + 1 < css.n &&
		    css.p[i + 1] == '*') {
			i = comment_end(css, i + 2);
			continue;
		}
		buf_putc(out, c);
		i++;
		if (until != 0 && (c == until || (c == '\n' && until != ')')))
			until = 0;
		else if (until == 0 && (c == '"' || c == '\''))
			until = c;
		else if (until == ')' && (c == '"' || c == '\''))
			until = c;
		else if (until == 0 && c == '(' && ends_in_url(out, from))
			until = ')';
	}
}

enum hide {
	HIDE_DISPLAY	= 1u << 0,
	HIDE_VISIBILITY	= 1u << 1,
	HIDE_FONT	= 1u << 2,
	HIDE_OPACITY	= 1u << 3,
	HIDE_SIZE	= 1u << 4,
	HIDE_MSO	= 1u << 5,
	HIDE_PLACE	= 1u << 6,
	HIDE_COLOR	= 1u << 7,
	HIDE_INDENT	= 1u << 8,
	HIDE_HEIGHT	= 1u << 9,	/* only with HIDE_OVERFLOW */
	HIDE_OVERFLOW	= 1u << 10,
};

struct number {
	bool ok;
	double v;
	struct span unit;
};

static struct number
number(struct span s)
{
	struct number r = {.ok = false};
	double sign = 1, scale = 1;
	size_t i = 0;

	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		sign = s.p[i++] == '-' ? -1 : 1;
	for (; i < s.n && i < 16 && ascii_isdigit(s.p[i]); i++) {
		r.ok = true;
		r.v = r.v * 10 + (s.p[i] - '0');
	}
	if (i < s.n && s.p[i] == '.') {
		for (i++; i < s.n && i < 16 && ascii_isdigit(s.p[i]); i++) {
			r.ok = true;
			scale /= 10;
			r.v += (s.p[i] - '0') * scale;
		}
	}
	r.v *= sign;
	r.unit = span_sub(s, i, SIZE_MAX);
	return r;
}

static bool
unreadable_font(struct span v)
{
	struct number n = number(v);

	if (!n.ok)
		return false;
	if (n.unit.n == 0 || span_iprefix(n.unit, "px") ||
	    span_iprefix(n.unit, "pt"))
		return n.v < FONT_PX;
	if (span_iprefix(n.unit, "%"))
		return n.v < 10;
	return n.v < 0.1;
}

static bool
is_zero(struct span v)
{
	struct number n = number(v);

	return n.ok && n.v <= 0 && n.v > -1;
}

static bool
is_far(struct span v)
{
	struct number n = number(v);

	return n.ok && n.v <= -FAR_PX;
}

/* The bit that a property governs, and whether this value sets it. */
static unsigned
judge(struct span name, struct span v, bool *set)
{
	struct number n;

	if (span_ieqs(name, "display"))
		return *set = span_ieqs(v, "none"), HIDE_DISPLAY;
	if (span_ieqs(name, "visibility"))
		return *set = span_ieqs(v, "hidden") ||
		    span_ieqs(v, "collapse"), HIDE_VISIBILITY;
	if (span_ieqs(name, "font-size") || span_ieqs(name, "font"))
		return *set = unreadable_font(v), HIDE_FONT;
	if (span_ieqs(name, "opacity")) {
		n = number(v);
		return *set = n.ok && n.v < 0.05, HIDE_OPACITY;
	}
	if (span_ieqs(name, "max-height") || span_ieqs(name, "max-width"))
		return *set = is_zero(v), HIDE_SIZE;
	if (span_ieqs(name, "height") || span_ieqs(name, "width"))
		return *set = is_zero(v), HIDE_HEIGHT;
	if (span_ieqs(name, "overflow"))
		return *set = span_iprefix(v, "hidden"), HIDE_OVERFLOW;
	if (span_ieqs(name, "mso-hide"))
		return *set = span_ieqs(v, "all"), HIDE_MSO;
	if (span_ieqs(name, "text-indent"))
		return *set = is_far(v), HIDE_INDENT;
	if (span_ieqs(name, "left") || span_ieqs(name, "top"))
		return *set = is_far(v), HIDE_PLACE;
	if (span_ieqs(name, "color"))
		return *set = span_ieqs(v, "transparent"), HIDE_COLOR;
	return 0;
}

/* Cuts "! important" off. */
static bool
is_important(struct span *v)
{
	size_t bang = span_chr(*v, 0, '!');
	struct span word = span_trim(span_sub(*v, bang + 1, SIZE_MAX));

	if (bang == v->n)
		return false;
	*v = span_trim(span_sub(*v, 0, bang));
	return span_ieqs(word, "important");
}

bool
css_hides(struct span decls)
{
	unsigned hidden = 0, fixed = 0;
	const unsigned both = HIDE_HEIGHT | HIDE_OVERFLOW;

	for (size_t i = 0; i < decls.n;) {
		size_t end = span_chr(decls, i, ';');
		struct span decl = span_sub(decls, i, end - i);
		size_t colon = span_chr(decl, 0, ':');
		struct span value = span_trim(span_sub(decl, colon + 1,
		    SIZE_MAX));
		bool important = is_important(&value);
		bool set = false;
		unsigned bit = judge(span_trim(span_sub(decl, 0, colon)),
		    value, &set);

		i = end + 1;
		if ((fixed & bit) != 0 && !important)
			continue;
		hidden = set ? hidden | bit : hidden & ~bit;
		if (important)
			fixed |= bit;
	}
	return (hidden & ~both) != 0 || (hidden & both) == both;
}

/* A string without "url(" around it is taken for an address by its looks. */
static bool
may_be_url(struct span s)
{
	s = span_trim(s);
	return span_iprefix(s, "//") || span_iprefix(s, "http") ||
	    span_iprefix(s, "ftp:") || span_iprefix(s, "javascript:");
}

static bool
url_function(struct span css, size_t *pos, struct span *url)
{
	size_t i = *pos;
	unsigned char end = ')';

	while (i < css.n && is_space(css.p[i]))
		i++;
	if (i < css.n && (css.p[i] == '"' || css.p[i] == '\''))
		end = css.p[i++];
	*pos = span_chr(css, i, end) + 1;
	*url = span_sub(css, i, *pos - 1 - i);
	return url->n > 0;
}

bool
css_next_url(struct span css, size_t *pos, struct span *url)
{
	for (size_t i = *pos; i < css.n; i++) {
		unsigned char c = css.p[i];

		if (c == '(' && i >= 3 &&
		    span_iprefix(span_sub(css, i - 3, 3), "url")) {
			*pos = i + 1;
			if (url_function(css, pos, url))
				return true;
			i = *pos - 1;
		} else if (c == '"' || c == '\'') {
			size_t end = span_chr(css, i + 1, c);

			*url = span_sub(css, i + 1, end - i - 1);
			*pos = end + 1;
			if (end < css.n && may_be_url(*url))
				return true;
			if (end < css.n)
				i = end;
		}
	}
	*pos = css.n;
	return false;
}
