#include "lib/mail/url.h"

#include "lib/base/str.h"
#include "lib/mail/url_host.h"

enum { PORT_MAX = 65535, SCHEME_MAX = 32 };

static int
hex(unsigned char c)
{
	int l = ascii_lower(c);

	if (ascii_isdigit(c))
		return c - '0';
	return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

void
url_percent_decode(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 &&
		    hex(s.p[i + 2]) >= 0) {
			buf_putc(out, hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		} else {
			buf_putc(out, s.p[i]);
		}
	}
}

/* Schemes with an authority, of which browsers read "\" as "/". */
static const struct {
	const char *name;
	unsigned port;
} special[] = {{"http", 80}, {"https", 443}, {"ftp", 21}, {"ws", 80},
    {"wss", 443}, {"file", 0}};

static int
special_scheme(struct span scheme)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (span_ieqs(scheme, special[i].name))
			return (int)i;
	return -1;
}

/* Length of the scheme in front of ':', 0 = none. */
static size_t
scheme_length(struct span s)
{
	for (size_t i = 0; i < s.n && i <= SCHEME_MAX; i++) {
		int c = ascii_lower(s.p[i]);

		if (c == ':')
			return i;
		if (!((c >= 'a' && c <= 'z') || (i > 0 && (ascii_isdigit(c) ||
		    c == '+' || c == '-' || c == '.'))))
			return 0;
	}
	return 0;
}

struct writer {
	struct buf *out;
	size_t from;		/* where the normal form begins in out */
	struct url_parts *p;
};

static bool
is_slash(struct writer *w, unsigned char c)
{
	if (c == '\\')
		w->p->flags |= URL_BACKSLASH;
	return c == '/' || c == '\\';
}

/* What is percent-encoded in a path ("`{}" too), a query, a fragment. */
static void
put_encoded(struct buf *out, unsigned char c, const char *also)
{
	if (c <= 0x20 || c >= 0x7f || strchr(also, c) != NULL)
		buf_printf(out, "%%%02X", c);
	else
		buf_putc(out, c);
}

static bool
is_dot(struct span s)
{
	return span_ieqs(s, ".") || span_ieqs(s, "%2e");
}

static bool
is_dot_dot(struct span s)
{
	return span_ieqs(s, "..") || span_ieqs(s, ".%2e") ||
	    span_ieqs(s, "%2e.") || span_ieqs(s, "%2e%2e");
}

/* Ends the segment that begins at seg (behind its '/'). */
static void
end_segment(struct writer *w, size_t seg, bool last)
{
	struct buf *b = w->out;
	struct span s = span_of(b->p + seg, b->n - seg);

	if (is_dot(s)) {
		b->n = seg;
	} else if (is_dot_dot(s)) {
		b->n = seg - 1;
		while (b->n > w->from + w->p->path_off &&
		    b->p[b->n - 1] != '/')
			b->n--;
		if (b->n == w->from + w->p->path_off)
			buf_putc(b, '/');
	} else if (!last) {
		buf_putc(b, '/');
	}
}

static size_t
segment_start(const struct writer *w)
{
	size_t i = w->out->n;

	while (w->out->p[i - 1] != '/')
		i--;
	return i;
}

/* Path, query and fragment; the output ends in the '/' that the path has. */
static void
put_path(struct writer *w, struct span s)
{
	size_t seg = segment_start(w), i;

	for (i = 0; i < s.n && s.p[i] != '?' && s.p[i] != '#'; i++) {
		if (!is_slash(w, s.p[i])) {
			put_encoded(w->out, s.p[i], "\"<>`{}^");
			continue;
		}
		end_segment(w, seg, false);
		seg = w->out->n;
	}
	end_segment(w, seg, true);
	for (const char *also = "\"<>'"; i < s.n; i++) {
		if (s.p[i] == '#' && also[3] == '\'') {
			buf_putc(w->out, '#');
			also = "\"<>`";
		} else {
			put_encoded(w->out, s.p[i], also);
		}
	}
}

static void
put_port(struct writer *w, struct span port, int scheme)
{
	int64_t v;

	if (port.n == 0)
		return;
	if (!str_num(port, 0, PORT_MAX, &v)) {
		w->p->flags |= URL_BAD_HOST;
		return;
	}
	if ((unsigned)v == special[scheme].port)
		return;
	w->p->port = (unsigned)v;
	buf_printf(w->out, ":%u", (unsigned)v);
}

static bool
ends_authority(unsigned char c)
{
	return c == '/' || c == '\\' || c == '?' || c == '#';
}

/* "user@host:port", then path and the rest. */
static void
put_authority(struct writer *w, struct span s, int scheme)
{
	size_t end = 0, at = SIZE_MAX, colon = SIZE_MAX;
	bool bracket = false;
	struct span host;

	for (; end < s.n && !ends_authority(s.p[end]); end++)
		if (s.p[end] == '@')
			at = end;
	if (at != SIZE_MAX)
		w->p->flags |= URL_USERINFO;
	host = span_sub(s, at == SIZE_MAX ? 0 : at + 1, SIZE_MAX);
	host = span_sub(host, 0, end - (at == SIZE_MAX ? 0 : at + 1));
	for (size_t i = 0; i < host.n; i++) {
		bracket = host.p[i] == '[' || (bracket && host.p[i] != ']');
		if (host.p[i] == ':' && !bracket && colon == SIZE_MAX)
			colon = i;
	}
	w->p->host_off = w->out->n - w->from;
	w->p->flags |= url_host_put(w->out, span_sub(host, 0, colon));
	w->p->host_n = w->out->n - w->from - w->p->host_off;
	if (colon != SIZE_MAX)
		put_port(w, span_sub(host, colon + 1, SIZE_MAX), scheme);
	w->p->path_off = w->out->n - w->from;
	s = span_sub(s, end, SIZE_MAX);
	buf_putc(w->out, '/');
	if (s.n > 0 && is_slash(w, s.p[0]))
		s = span_sub(s, 1, SIZE_MAX);
	put_path(w, s);
}

static void
put_special(struct writer *w, struct span s, int scheme)
{
	size_t slashes = 0;

	w->p->scheme_n = strlen(special[scheme].name);
	buf_printf(w->out, "%s://", special[scheme].name);
	while (s.n > 0 && is_slash(w, s.p[0])) {
		s = span_sub(s, 1, SIZE_MAX);
		slashes++;
	}
	/* Of all of them only a file may have no host. */
	if (special[scheme].port == 0 && slashes > 2) {
		w->p->path_off = w->out->n - w->from;
		buf_putc(w->out, '/');
		put_path(w, s);
	} else {
		put_authority(w, s, scheme);
	}
}

/* mailto:, javascript:, data: ... */
static void
put_other(struct writer *w, struct span s, size_t n)
{
	w->p->scheme_n = n;
	for (size_t i = 0; i < n; i++)
		buf_putc(w->out, ascii_lower(s.p[i]));
	w->p->path_off = n;
	if (s.n > URL_OTHER_BYTES_MAX && !span_iprefix(s, "javascript:")) {
		s.n = URL_OTHER_BYTES_MAX;
		w->p->flags |= URL_CUT;
	}
	for (size_t i = n; i < s.n; i++)
		put_encoded(w->out, s.p[i], "");
}

/* A reference relative to the base; s is not empty. */
static void
put_relative(struct writer *w, struct span s, struct span base,
    const struct url_parts *bp)
{
	size_t keep = bp->path_off;
	bool slash = is_slash(w, s.p[0]);
	size_t end = bp->path_off;

	*w->p = (struct url_parts){.scheme_n = bp->scheme_n,
	    .host_off = bp->host_off, .host_n = bp->host_n, .port = bp->port,
	    .path_off = bp->path_off, .flags = w->p->flags |
	    (bp->flags & (URL_IP | URL_IDN | URL_BAD_HOST))};
	while (end < base.n && base.p[end] != '?' && base.p[end] != '#') {
		if (base.p[end++] == '/')
			keep = end;
	}
	if (s.p[0] == '?')
		keep = end;
	else if (slash)
		keep = bp->path_off;
	buf_puts_span(w->out, span_sub(base, 0, keep));
	if (slash || keep == bp->path_off) {
		buf_putc(w->out, '/');
		s = span_sub(s, slash ? 1 : 0, SIZE_MAX);
	}
	put_path(w, s);
}

/* Without blanks and controls at the ends, tabs and line ends inside. */
static struct span
clean(struct buf *b, struct span in, uint32_t *flags)
{
	while (in.n > 0 && in.p[0] <= 0x20)
		in = span_sub(in, 1, SIZE_MAX);
	while (in.n > 0 && in.p[in.n - 1] <= 0x20)
		in.n--;
	for (size_t i = 0; i < in.n; i++) {
		if (b->n == URL_BYTES_MAX) {
			*flags |= URL_CUT;
			break;
		}
		if (in.p[i] == '\t' || in.p[i] == '\n' || in.p[i] == '\r')
			*flags |= URL_CONTROL;
		else
			buf_putc(b, in.p[i]);
	}
	return buf_span(b);
}

static bool
normalise(struct writer *w, struct span s, struct span base,
    const struct url_parts *bp)
{
	size_t n = scheme_length(s);
	int scheme = special_scheme(span_sub(s, 0, n));
	int base_scheme = bp == NULL ? -1
	    : special_scheme(span_sub(base, 0, bp->scheme_n));
	bool same = n > 0 && scheme == base_scheme && scheme >= 0 &&
	    !(s.n > n + 1 && is_slash(w, s.p[n + 1]));

	if (n > 0 && scheme < 0) {
		put_other(w, s, n);
		return s.n > n + 1;
	}
	if (n > 0 && !same) {
		put_special(w, span_sub(s, n + 1, SIZE_MAX), scheme);
		return true;
	}
	/* "http:page" is relative to a base of that scheme. */
	if (n > 0)
		s = span_sub(s, n + 1, SIZE_MAX);
	if (s.n == 0 || s.p[0] == '#')
		return false;
	if (s.n > 1 && is_slash(w, s.p[0]) && is_slash(w, s.p[1])) {
		if (base_scheme < 0)
			w->p->flags |= URL_GUESSED;
		put_special(w, s, base_scheme < 0 ? 0 : base_scheme);
		return true;
	}
	if (base_scheme < 0)
		return false;
	put_relative(w, s, base, bp);
	return true;
}

bool
url_normalise(struct buf *out, struct url_parts *p, struct span in,
    struct span base, const struct url_parts *base_p)
{
	struct writer w = {out, out->n, p};
	struct buf b;
	bool ok;

	memset(p, 0, sizeof(*p));
	buf_init(&b, URL_BYTES_MAX);
	in = clean(&b, in, &p->flags);
	ok = normalise(&w, in, base, base_p) && !out->overflow;
	if (!ok)
		out->n = w.from;
	buf_free(&b);
	return ok;
}
