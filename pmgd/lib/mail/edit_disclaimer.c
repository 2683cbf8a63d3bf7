/*
 * Disclaimers: which parts get one, and how it reads there. How it gets into
 * a body is edit_body.c's.
 */
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/mail/charset.h"
#include "lib/mail/edit_html.h"
#include "lib/mail/edit_list.h"

enum { WRAP = 900 };	/* bytes of a line; 998 with what a charset adds */

/* --- which parts ------------------------------------------------------- */

static bool
is_type(const struct mime_part *p, const char *type, const char *subtype)
{
	return strcmp(p->type, type) == 0 &&
	    (subtype == NULL || strcmp(p->subtype, subtype) == 0);
}

/* Nothing can be added, or not without breaking a signature. */
static bool
is_sealed(const struct mime_part *p, unsigned flags)
{
	if (is_type(p, "multipart", "signed"))
		return (flags & EDIT_SIGNED_TOO) == 0;
	return is_type(p, "multipart", "encrypted") ||
	    is_type(p, "application", "pkcs7-mime") ||
	    is_type(p, "application", "x-pkcs7-mime");
}

/* A line of PGP's armour in the text itself (RFC 9580 6.2, 7). */
static bool
is_pgp(const struct edit *e, const struct mime_part *p, unsigned flags)
{
	AUTO_BUF struct buf body = {.max = p->body_end - p->body_off + 1};
	struct span s, dashes = SPAN_LIT("-----BEGIN PGP ");

	mime_body_decode(e->m, p, &body);
	s = buf_span(&body);
	for (size_t at = 0; (at = span_find(s, at, dashes)) != SIZE_MAX; at++) {
		struct span what = span_sub(s, at + dashes.n, s.n);

		if (at > 0 && s.p[at - 1] != '\n')
			continue;
		if (span_iprefix(what, "MESSAGE") ||
		    (span_iprefix(what, "SIGNED MESSAGE") &&
		    (flags & EDIT_SIGNED_TOO) == 0))
			return true;
	}
	return false;
}

static bool
is_body_text(const struct mime_part *p)
{
	return p->child == NULL && (is_type(p, "text", "plain") ||
	    is_type(p, "text", "html")) && p->filename == NULL &&
	    strcmp(p->disposition, "attachment") != 0;
}

/*
 * Marks the parts that a reader sees as the text of the message: below
 * multipart/alternative one for each child, elsewhere the first only. An
 * embedded message is somebody else's text. False: sealed by PGP.
 */
static bool
find_bodies(const struct edit *e, unsigned flags, bool *wanted)
{
	const struct mime *m = e->m;
	AUTO_FREE bool *open = xcalloc(m->npart, sizeof(*open));
	AUTO_FREE bool *found = xcalloc(m->npart, sizeof(*found));

	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i], *up = p->parent;

		if (up == NULL)
			open[i] = true;
		else
			open[i] = open[up->index] &&
			    is_type(up, "multipart", NULL) &&
			    (is_type(up, "multipart", "alternative") ||
			    !found[up->index]);
		if (!open[i])
			continue;
		if (is_sealed(p, flags))
			open[i] = false;
		else if (!is_body_text(p) || edit_part_replaced(e, p))
			continue;
		else if (is_pgp(e, p, flags))
			return false;
		else
			wanted[i] = true;
		for (; up != NULL; up = up->parent)
			found[up->index] = true;
	}
	return true;
}

/* --- the text ---------------------------------------------------------- */

/* One line. Flowed text has blanks at its end and quote marks at its begin for
 * its own use (RFC 3676 4.1, 4.4). */
static void
put_line(struct buf *out, struct span line, bool flowed)
{
	while (line.n > 0 && (line.p[line.n - 1] == '\r' ||
	    (flowed && line.p[line.n - 1] == ' ')))
		line.n--;
	if (flowed && line.n > 0 && (line.p[0] == ' ' || line.p[0] == '>' ||
	    span_eq(span_sub(line, 0, 5), SPAN_LIT("From "))))
		buf_putc(out, ' ');
	buf_puts_span(out, line);
	buf_puts(out, "\r\n");
}

/*
 * Appends UTF-8 lines with CRLF behind each; lines over WRAP are broken at
 * their last blank in reach.
 */
static void
put_lines(struct buf *out, struct span s, bool flowed)
{
	size_t pos = 0;

	while (pos < s.n) {
		size_t end = span_chr(s, pos, '\n');
		size_t stop = end;

		if (end - pos > WRAP)
			for (stop = pos + WRAP; stop > pos; stop--)
				if (s.p[stop] == ' ')
					break;
		if (stop == pos)
			stop = end;
		put_line(out, span_sub(s, pos, stop - pos), flowed);
		pos = stop + 1;
	}
}

/* The addition from line start to line end. */
static void
put_whole(struct buf *out, struct span text, struct span separator,
    unsigned flags, bool flowed)
{
	bool at_start = (flags & EDIT_AT_START) != 0;

	if ((flags & EDIT_SEPARATOR) != 0 && !at_start)
		buf_puts_span(out, separator);
	put_lines(out, text, flowed);
	if ((flags & EDIT_SEPARATOR) != 0 && at_start)
		buf_puts_span(out, separator);
}

static struct span
html_addition(struct edit *e, struct span html, unsigned flags)
{
	AUTO_BUF struct buf b = {.max = SIZE_MAX / 4};

	buf_puts(&b, "\r\n");
	put_whole(&b, html, SPAN_LIT("<br>--<br>\r\n"), flags, false);
	return edit_keep(e, buf_span(&b));
}

static struct span
text_addition(struct edit *e, struct span html, unsigned flags, bool flowed)
{
	AUTO_BUF struct buf text = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf b = {.max = SIZE_MAX / 4};

	html_to_text(&text, html);
	put_whole(&b, buf_span(&text), SPAN_LIT("--\r\n"), flags, flowed);
	return edit_keep(e, buf_span(&b));
}

int
edit_disclaimer(struct edit *e, const char *html, unsigned flags)
{
	AUTO_FREE bool *wanted = xcalloc(e->m->npart, sizeof(*wanted));
	AUTO_BUF struct buf clean = {.max = SIZE_MAX / 4};
	AUTO_BUF struct buf ascii = {.max = SIZE_MAX / 4};
	int n = 0;

	if (!find_bodies(e, flags, wanted))
		return 0;
	charset_to_utf8(&clean, SPAN_LIT("utf-8"), span_str(html));
	html_to_ascii(&ascii, buf_span(&clean));
	for (size_t i = 0; i < e->m->npart; i++) {
		const struct mime_part *p = e->m->part[i];
		struct edit_addition a = {.at_start =
		    (flags & EDIT_AT_START) != 0};

		if (!wanted[i])
			continue;
		if (is_type(p, "text", "html")) {
			a.text = html_addition(e, buf_span(&clean), flags);
			a.ascii = html_addition(e, buf_span(&ascii), flags);
		} else {
			a.text = text_addition(e, buf_span(&clean), flags,
			    edit_body_flows(p));
		}
		if (edit_body_add(e, p, &a))
			n++;
	}
	return n;
}
