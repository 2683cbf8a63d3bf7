#include "scan/walk_active.h"

#include "scan/walk_state.h"

enum {
	BIFF_EXTERNSHEET = 0x17,
	BIFF_EXTERNNAME = 0x23,
	BIFF_SUPBOOK = 0x1ae,
	BIFF8 = 0x600,
	NAME_IS_OLE_LINK = 0x10,
	LINK_SEPARATOR = 3,	/* between service and topic */
	LINK_ENCODED = 1,	/* path of a file, not of a service */
	FIELD_BEGIN = 0x13,
	ACTION_MACRO = 1,
	ACTION_PROGRAM = 2,
	XLSB_SUPBOOK_DDE = 1,
	XML_START = 512,	/* white space before its first tag */
};

static bool
is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

/* An element of that name, whatever its prefix. */
static bool
has_element(struct span s, const char *name)
{
	struct span word = span_str(name);

	for (size_t at = 0; (at = span_find(s, at, word)) != SIZE_MAX;
	    at += word.n) {
		size_t end = at + word.n;

		if (at > 0 && (s.p[at - 1] == '<' || s.p[at - 1] == ':') &&
		    (end >= s.n || !is_word(s.p[end])))
			return true;
	}
	return false;
}

static bool
is_web(struct span tag)
{
	static const char *const schemes[] = {"http:", "https:", "ftp:",
	    "mhtml:"};
	size_t at = 0;

	while ((at = span_find(tag, at, SPAN_LIT("Target"))) != SIZE_MAX) {
		at += 6;
		/* Behind = and a quote, not TargetMode. */
		while (at < tag.n && (tag.p[at] <= ' ' || tag.p[at] == '=' ||
		    tag.p[at] == '"' || tag.p[at] == '\''))
			at++;
		for (size_t i = 0; i < 4; i++)
			if (span_iprefix(span_sub(tag, at, tag.n), schemes[i]))
				return true;
	}
	return false;
}

/* A template on a disk or a share is usual, one from the web is not. A value
 * may hold >, but no <: up to that it is one tag. */
static bool
has_web_template(struct span s)
{
	const struct span word = SPAN_LIT("attachedTemplate");
	size_t low = 0, at = 0;

	while ((at = span_find(s, at, word)) != SIZE_MAX) {
		size_t from = at, to = span_chr(s, at, '<');

		while (from > low && s.p[from] != '<')
			from--;
		if (is_web(span_sub(s, from, to - from)))
			return true;
		low = at = to;
	}
	return false;
}

/* The first record of such a part: BrtBeginSupBook, [MS-XLSB] 2.4.207. */
static bool
is_binary_dde(struct span s)
{
	size_t at = 2;

	if (s.n < 5 || s.p[0] != 0xe8 || s.p[1] != 0x02)
		return false;
	while (at < 5 && at < s.n && (s.p[at] & 0x80) != 0)
		at++;
	return walk_le16(s, at + 1) == XLSB_SUPBOOK_DDE;
}

static bool
text_is_active(struct span s)
{
	return has_element(s, "ddeLink") || has_element(s, "dde-source") ||
	    has_element(s, "dde-connection-decl") ||
	    span_find(s, 0, SPAN_LIT("ppaction://program")) != SIZE_MAX ||
	    has_web_template(s) || active_fields(s);
}

/* The ASCII character of a numeric reference at s.p[at] == '&'; 0: none. */
static unsigned char
reference(struct span s, size_t at, size_t *end)
{
	unsigned base = 10, v = 0, digits = 0;
	size_t i = at + 2;

	if (i >= s.n || s.p[at + 1] != '#')
		return 0;
	if (s.p[i] == 'x' || s.p[i] == 'X') {
		base = 16;
		i++;
	}
	for (; i < s.n && s.p[i] != ';'; i++, digits++) {
		unsigned char c = s.p[i], low = c | 0x20;
		unsigned d = c >= '0' && c <= '9' ? c - (unsigned)'0'
		    : low >= 'a' && low <= 'f' ? low - 'a' + 10u : 16;

		if (d >= base || v > 0x7f)
			return 0;
		v = v * base + d;
	}
	*end = i + 1;
	return i < s.n && digits > 0 && v > 0 && v <= 0x7f ? (unsigned char)v
	    : 0;
}

/* Without the NULs of UTF-16, without references to ASCII characters. */
static void
plain_text(struct buf *out, struct span s)
{
	struct buf narrow;
	size_t end;

	buf_init(&narrow, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0')
			buf_putc(&narrow, (char)s.p[i]);
	s = buf_span(&narrow);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];

		if (c == '&' && (c = reference(s, i, &end)) != 0)
			i = end - 1;
		else
			c = s.p[i];
		buf_putc(out, (char)c);
	}
	buf_free(&narrow);
}

bool
active_part(struct span s)
{
	size_t tag = span_chr(s, 0, '<');
	struct buf plain;
	bool found;

	if (is_binary_dde(s))
		return true;
	/* The rest is in XML. */
	if (tag >= s.n || tag > XML_START)
		return false;
	if (span_find(s, 0, SPAN_LIT("&#")) == SIZE_MAX &&
	    span_chr(s, 0, '\0') >= s.n)
		return text_is_active(s);
	buf_init(&plain, s.n);
	plain_text(&plain, s);
	found = text_is_active(buf_span(&plain));
	buf_free(&plain);
	return found;
}

/*
 * Service and topic, where the path of a workbook would begin with a mark.
 * Links of OLE look the same; their items tell.
 */
static bool
names_service(struct span chars, size_t step)
{
	if (chars.n < 3 * step || chars.p[0] == LINK_ENCODED)
		return false;
	for (size_t i = step; i + step <= chars.n; i += step)
		if (chars.p[i] == LINK_SEPARATOR &&
		    (step == 1 || chars.p[i + 1] == 0))
			return true;
	return false;
}

bool
active_book_record(struct active_book *b, unsigned type, struct span d)
{
	if (type == BIFF_SUPBOOK && d.n > 5) {
		size_t step = d.p[4] & 1 ? 2 : 1;

		b->dde_source = names_service(span_sub(d, 5,
		    step * walk_le16(d, 2)), step);
	} else if (type == BIFF_SUPBOOK) {
		b->dde_source = false;
	} else if (type == BIFF_EXTERNSHEET && b->version < BIFF8 && d.n > 1) {
		b->dde_source = names_service(span_sub(d, 1, d.p[0]), 1);
	} else if (type == BIFF_EXTERNNAME && b->dde_source && d.n >= 2) {
		return (walk_le16(d, 0) & NAME_IS_OLE_LINK) == 0;
	}
	return false;
}

/* "DDE" or "DDEAUTO" as a word, its characters step bytes apart. */
static bool
is_dde_word(struct span s, size_t at, size_t step)
{
	static const char word[] = "ddeauto";
	size_t n = 0;

	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t' ||
	    s.p[at] == '\r') && (step == 1 || walk_le16(s, at) < 0x80))
		at += step;
	while (n < 7 && at < s.n && (s.p[at] | 0x20) == word[n] &&
	    (step == 1 || walk_le16(s, at) < 0x80)) {
		at += step;
		n++;
	}
	return (n == 3 || n == 7) && (at >= s.n || !is_word(s.p[at]));
}

bool
active_word(struct span s)
{
	for (size_t at = 0; (at = span_chr(s, at, FIELD_BEGIN)) < s.n; at++)
		if (is_dde_word(s, at + 1, 1) ||
		    (at + 1 < s.n && s.p[at + 1] == 0 &&
		    is_dde_word(s, at + 2, 2)))
			return true;
	return false;
}

bool
active_slides(struct span s)
{
	/* Type and length of an InteractiveInfoAtom. */
	const struct span atom = SPAN_LIT("\xf3\x0f\x10\0\0\0");

	for (size_t at = 0; (at = span_find(s, at, atom)) != SIZE_MAX;
	    at += atom.n) {
		size_t action = at + atom.n + 8;

		if (action < s.n && (s.p[action] == ACTION_MACRO ||
		    s.p[action] == ACTION_PROGRAM))
			return true;
	}
	return false;
}
