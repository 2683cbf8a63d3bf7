#include "lib/mail/url_rewriter.h"

#include "lib/base/str.h"
#include "lib/mail/cte.h"
#include "lib/mail/entity.h"
#include "lib/mail/utf8.h"

enum {
	RUN_MIN = 2,		/* Proofpoint v3: "**A" is a run of two */
	SERVICE_PARAMS = 2,
};

struct unwrapper {
	struct span norm;
	struct span path;	/* path, query and fragment */
	struct span query;	/* behind '?', up to '#' */
	struct buf *out;
	struct url_unwrapped *found;
};

/* Takes what was appended behind off for a URL. */
static void
keep(struct unwrapper *w, size_t off)
{
	struct url_unwrapped *f = w->found;

	if (w->out->n == off || w->out->overflow || f->n == URL_UNWRAP_MAX) {
		w->out->n = off;
		return;
	}
	f->off[f->n] = off;
	f->len[f->n++] = w->out->n - off;
}

static void
percent_decode_plus(struct buf *out, struct span s)
{
	size_t from = out->n;

	url_percent_decode(out, s);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '+')
			out->p[i] = ' ';
}

/* The next "name=value" of the query; the value is not decoded. */
static bool
next_param(struct span query, size_t *pos, struct span *name,
    struct span *value)
{
	size_t end, eq;
	struct span pair;

	if (*pos >= query.n)
		return false;
	end = span_chr(query, *pos, '&');
	pair = span_sub(query, *pos, end - *pos);
	*pos = end + 1;
	/* A link whose "&amp;" was taken literally. */
	if (span_iprefix(pair, "amp;"))
		pair = span_sub(pair, 4, SIZE_MAX);
	eq = span_chr(pair, 0, '=');
	*name = span_sub(pair, 0, eq);
	*value = span_sub(pair, eq + 1, SIZE_MAX);
	return true;
}

static bool
param(const struct unwrapper *w, const char *want, struct span *value)
{
	struct span name;

	for (size_t pos = 0; next_param(w->query, &pos, &name, value);)
		if (span_ieqs(name, want))
			return true;
	return false;
}

static bool
is_web(struct span s)
{
	return span_iprefix(s, "http://") || span_iprefix(s, "https://") ||
	    span_iprefix(s, "http:\\") || span_iprefix(s, "https:\\") ||
	    span_iprefix(s, "ftp://");
}

/* Base64 of either alphabet, percent-encoded, with or without padding. */
static void
put_base64(struct buf *out, struct span s)
{
	struct buf b, plain;

	buf_init(&b, s.n + 4);
	buf_init(&plain, s.n);
	url_percent_decode(&plain, s);
	s = buf_span(&plain);
	for (size_t i = 0; i < s.n; i++)
		buf_putc(&b, s.p[i] == '-' || s.p[i] == ' ' ? '+'
		    : s.p[i] == '_' ? '/' : s.p[i]);
	while (b.n % 4 != 0)
		buf_putc(&b, '=');
	cte_decode(CTE_BASE64, buf_span(&b), out);
	buf_free(&plain);
	buf_free(&b);
}

static void
put_param(struct unwrapper *w, const char *name)
{
	struct span value;
	size_t off = w->out->n;

	if (param(w, name, &value))
		percent_decode_plus(w->out, value);
	keep(w, off);
}

/* v1: percent-encoded, and HTML's references left in. */
static void
proofpoint_v1(struct unwrapper *w)
{
	struct buf b;
	struct span value;
	size_t off = w->out->n;

	if (!param(w, "u", &value))
		return;
	buf_init(&b, value.n);
	url_percent_decode(&b, value);
	entity_decode_attr(w->out, buf_span(&b));
	buf_free(&b);
	keep(w, off);
}

/* v2: the same, with '-' for '%' and '_' for '/'. */
static void
proofpoint_v2(struct unwrapper *w)
{
	struct buf b, decoded;
	struct span value;
	size_t off = w->out->n;

	if (!param(w, "u", &value))
		return;
	buf_init(&b, value.n);
	buf_init(&decoded, value.n);
	for (size_t i = 0; i < value.n; i++)
		buf_putc(&b, value.p[i] == '-' ? '%'
		    : value.p[i] == '_' ? '/' : value.p[i]);
	url_percent_decode(&decoded, buf_span(&b));
	entity_decode_attr(w->out, buf_span(&decoded));
	buf_free(&b);
	buf_free(&decoded);
	keep(w, off);
}

/* How many characters the run "**c" stands for, 0 = none. */
static size_t
run_length(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (size_t)(c - 'A') + RUN_MIN;
	if (c >= 'a' && c <= 'z')
		return (size_t)(c - 'a') + 26 + RUN_MIN;
	if (ascii_isdigit(c))
		return (size_t)(c - '0') + 52 + RUN_MIN;
	return c == '-' ? 62 + RUN_MIN : c == '_' ? 63 + RUN_MIN : 0;
}

static size_t
put_chars(struct buf *out, struct span chars, size_t at, size_t n)
{
	uint32_t cp;

	for (; n > 0 && at < chars.n; n--) {
		size_t len = utf8_next(chars, at, &cp);

		len = len > 0 ? len : 1;
		buf_put(out, chars.p + at, len);
		at += len;
	}
	return at;
}

/*
 * v3: "__URL__;CHARS!!...": each '*' of the URL is the next character of CHARS
 * (base64 of UTF-8), "**" and a letter a run of them.
 */
static void
proofpoint_v3(struct unwrapper *w, struct span s)
{
	size_t end = span_find(s, 0, SPAN_LIT("__;"));
	size_t off = w->out->n, at = 0;
	struct span coded = span_sub(s, end == SIZE_MAX ? s.n : end + 3,
	    SIZE_MAX);
	struct buf chars;

	if (end == SIZE_MAX)
		end = span_find(s, 0, SPAN_LIT("__"));
	s = span_sub(s, 0, end);
	buf_init(&chars, URL_NORM_MAX);
	put_base64(&chars, span_sub(coded, 0, span_chr(coded, 0, '!')));
	for (size_t i = 0; i < s.n; i++) {
		size_t run = 1;

		if (s.p[i] != '*') {
			buf_putc(w->out, s.p[i]);
			continue;
		}
		if (i + 2 < s.n && s.p[i + 1] == '*' &&
		    run_length(s.p[i + 2]) > 0) {
			run = run_length(s.p[i + 2]);
			i += 2;
		}
		at = put_chars(w->out, buf_span(&chars), at, run);
	}
	buf_free(&chars);
	keep(w, off);
}

static void
proofpoint(struct unwrapper *w)
{
	if (span_iprefix(w->path, "/v1/"))
		proofpoint_v1(w);
	else if (span_iprefix(w->path, "/v2/"))
		proofpoint_v2(w);
	else if (span_iprefix(w->path, "/v3/__"))
		proofpoint_v3(w, span_sub(w->path, 6, SIZE_MAX));
}

/* A URL that is the rest of the path: ".../http://x", "/http%3A%2F%2Fx". */
static void
url_in_path(struct unwrapper *w)
{
	size_t i = 0;

	for (; (i = span_chr(w->path, i, '/')) < w->path.n; i++) {
		struct span rest = span_sub(w->path, i + 1, SIZE_MAX);
		size_t off = w->out->n;

		if (span_iprefix(rest, "http:/") ||
		    span_iprefix(rest, "https:/"))
			buf_puts_span(w->out, rest);
		else if (span_iprefix(rest, "http%3a") ||
		    span_iprefix(rest, "https%3a"))
			url_percent_decode(w->out, rest);
		else
			continue;
		keep(w, off);
		return;
	}
}

/* https://secure-web.cisco.com/TOKEN/TARGET */
static void
cisco(struct unwrapper *w)
{
	size_t slash = span_chr(w->path, 1, '/');
	struct span rest = span_sub(w->path, slash + 1, SIZE_MAX);
	size_t off = w->out->n;

	if (is_web(rest))
		buf_puts_span(w->out, rest);
	else
		url_percent_decode(w->out, span_sub(rest, 0,
		    span_chr(rest, 0, '?')));
	keep(w, off);
}

/* u: base64; d is the host of it. */
static void
sophos(struct unwrapper *w)
{
	size_t off = w->out->n;
	struct span value;

	if (param(w, "u", &value))
		put_base64(w->out, value);
	keep(w, off);
}

/* /RU=TARGET/RK=... */
static void
yahoo(struct unwrapper *w)
{
	size_t at = span_find(w->path, 0, SPAN_LIT("/RU="));
	size_t off = w->out->n;
	struct span rest;

	if (at == SIZE_MAX)
		return;
	rest = span_sub(w->path, at + 4, SIZE_MAX);
	url_percent_decode(w->out, span_sub(rest, 0, span_chr(rest, 0, '/')));
	keep(w, off);
}

/* u=a1 and base64. */
static void
bing(struct unwrapper *w)
{
	size_t off = w->out->n;
	struct span value;

	if (param(w, "u", &value) && span_iprefix(value, "a1"))
		put_base64(w->out, span_sub(value, 2, SIZE_MAX));
	keep(w, off);
}

/* /v2/___TARGET___.TOKEN, also with a region in front */
static void
check_point(struct unwrapper *w)
{
	size_t at = span_find(w->path, 0, SPAN_LIT("/___"));
	size_t off = w->out->n, end;
	struct span rest;

	if (at == SIZE_MAX)
		return;
	rest = span_sub(w->path, at + 4, SIZE_MAX);
	end = span_find(rest, 0, SPAN_LIT("___"));
	buf_puts_span(w->out, span_sub(rest, 0, end));
	keep(w, off);
}

static void
google(struct unwrapper *w)
{
	struct span rest = span_sub(w->path, 7, SIZE_MAX);
	size_t off = w->out->n;

	if (span_iprefix(w->path, "/amp/s/")) {
		buf_puts(w->out, "https://");
		buf_puts_span(w->out, rest);
		keep(w, off);
		return;
	}
	put_param(w, "q");
	put_param(w, "url");
}

/* The target is not in it; "domain" is its host. */
static void
mimecast(struct unwrapper *w)
{
	struct span value;
	size_t off = w->out->n;

	if (param(w, "domain", &value)) {
		buf_puts(w->out, "http://");
		url_percent_decode(w->out, value);
	}
	keep(w, off);
}

struct service {
	const char *host;	/* ".x": names below x; "x": it alone */
	const char *path;	/* prefix */
	void (*unwrap)(struct unwrapper *w);	/* NULL: parameters */
	const char *param[SERVICE_PARAMS];
	bool opaque;
	bool redirector;	/* no link protection */
};

static const struct service services[] = {
    {"urldefense.proofpoint.com", "/", proofpoint, {NULL}, false, false},
    {"urldefense.com", "/", proofpoint, {NULL}, false, false},
    {"urldefense.us", "/", proofpoint, {NULL}, false, false},
    {".safelinks.protection.outlook.com", "/", NULL, {"url"}, false, false},
    {".safelinks.protection.office365.us", "/", NULL, {"url"}, false, false},
    {".safelinks.protection.partner.outlook.cn", "/", NULL, {"url"}, false,
	false},
    {"linkprotect.cudasvc.com", "/url", NULL, {"a"}, false, false},
    {".protection.sophos.com", "/", sophos, {NULL}, false, false},
    {"secure-web.cisco.com", "/", cisco, {NULL}, false, false},
    {".fireeye.com", "/", NULL, {"u"}, false, false},
    {".trellix.com", "/", NULL, {"u"}, false, false},
    {".trendmicro.com", "/wis/clicktime/", NULL, {"url"}, false, false},
    {".trendmicro.eu", "/wis/clicktime/", NULL, {"url"}, false, false},
    {".trendmicro.co.jp", "/wis/clicktime/", NULL, {"url"}, false, false},
    {"clicktime.symantec.com", "/", NULL, {"u"}, false, false},
    {"clicktime.cloud.postoffice.net", "/", NULL, {"u"}, false, false},
    {"scanmail.trustwave.com", "/", NULL, {"u"}, false, false},
    {"url.avanan.click", "/", check_point, {NULL}, false, false},
    {"protect.checkpoint.com", "/", check_point, {NULL}, false, false},
    {".mimecast.com", "/", mimecast, {NULL}, true, false},
    {".mimecastprotect.com", "/", mimecast, {NULL}, true, false},
    {"url.emailprotection.link", "/", NULL, {NULL}, true, false},
    {"l.facebook.com", "/l.php", NULL, {"u"}, false, true},
    {"lm.facebook.com", "/l.php", NULL, {"u"}, false, true},
    {"www.facebook.com", "/l.php", NULL, {"u"}, false, true},
    {"l.instagram.com", "/", NULL, {"u"}, false, true},
    {"r.search.yahoo.com", "/", yahoo, {NULL}, false, true},
    {"www.bing.com", "/ck/a", bing, {NULL}, false, true},
    {"www.youtube.com", "/redirect", NULL, {"q"}, false, true},
    {"www.linkedin.com", "/", NULL, {"url"}, false, true},
};

static bool
host_is(struct span host, const char *want)
{
	size_t n = strlen(want);

	if (want[0] != '.')
		return span_ieqs(host, want);
	return host.n > n &&
	    span_ieqs(span_sub(host, host.n - n, n), want);
}

/* www.google.com, google.co.uk, ... /url and /amp/s/. */
static bool
is_google(struct span host, struct span path)
{
	if (span_iprefix(host, "www."))
		host = span_sub(host, 4, SIZE_MAX);
	return span_iprefix(host, "google.") && (span_iprefix(path, "/url?") ||
	    span_iprefix(path, "/amp/s/"));
}

static const struct service *
service_of(struct span host, struct span path)
{
	static const struct service goog = {"", "/", google, {NULL}, false,
	    true};

	if (is_google(host, path))
		return &goog;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (host_is(host, services[i].host) &&
		    span_iprefix(path, services[i].path))
			return &services[i];
	return NULL;
}

/* Decodes once, and once more what is "http%3A..." then. */
static void
put_decoded(struct buf *out, struct span value)
{
	struct buf b;

	buf_init(&b, value.n);
	percent_decode_plus(&b, value);
	if (span_iprefix(buf_span(&b), "http%3a") ||
	    span_iprefix(buf_span(&b), "https%3a"))
		url_percent_decode(out, buf_span(&b));
	else
		buf_puts_span(out, buf_span(&b));
	buf_free(&b);
}

/* Any parameter whose value is the URL of a page. */
static void
web_params(struct unwrapper *w)
{
	struct span name, value;

	for (size_t pos = 0; next_param(w->query, &pos, &name, &value);) {
		size_t off = w->out->n;

		/* Base64 of "http" begins so. */
		if (value.n > 5 && memcmp(value.p, "aHR0c", 5) == 0)
			put_base64(w->out, value);
		else if (value.n > 7)
			put_decoded(w->out, value);
		if (!is_web(span_sub(buf_span(w->out), off, SIZE_MAX)))
			w->out->n = off;
		keep(w, off);
	}
}

uint32_t
url_unwrap(struct span norm, const struct url_parts *at, struct buf *out,
    struct url_unwrapped *found)
{
	struct unwrapper w = {.norm = norm, .out = out, .found = found};
	const struct service *s;
	size_t mark, hash;

	memset(found, 0, sizeof(*found));
	buf_reset(out);
	if (at->host_n == 0)
		return 0;
	w.path = span_sub(norm, at->path_off, SIZE_MAX);
	mark = span_chr(w.path, 0, '?');
	hash = span_chr(w.path, mark, '#');
	w.query = span_sub(w.path, mark + 1, hash > mark ? hash - mark - 1
	    : 0);
	s = service_of(span_sub(norm, at->host_off, at->host_n), w.path);
	if (s != NULL && s->unwrap != NULL)
		s->unwrap(&w);
	for (size_t i = 0; s != NULL && i < SERVICE_PARAMS; i++)
		if (s->param[i] != NULL)
			put_param(&w, s->param[i]);
	if (found->n == 0)
		web_params(&w);
	if (found->n == 0)
		url_in_path(&w);
	if (s == NULL || s->redirector)
		return 0;
	/* A service whose format we do not understand hides its target, too. */
	return URL_REWRITER | (s->opaque || found->n == 0 ? URL_OPAQUE : 0);
}
