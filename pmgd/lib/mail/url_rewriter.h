/*
 * URLs inside of URLs: what link protection services and redirectors wrap.
 * By the public descriptions of each service's format:
 *
 * Proofpoint URL Defense v1, v2, v3; Microsoft Safe Links; Google, Facebook,
 * Instagram, Yahoo, Bing, YouTube, LinkedIn redirects; Barracuda, Sophos, Cisco,
 * FireEye and Trellix, Trend Micro, Symantec, Trustwave, Check Point. Mimecast
 * keeps the target to itself and only names its host.
 *
 * Of any other URL: parameters and rests of the path that hold an http or https
 * URL, percent-encoded or in base64.
 */
#ifndef PMG_MAIL_URL_REWRITER_H
#define PMG_MAIL_URL_REWRITER_H

#include "lib/base/buf.h"
#include "lib/mail/url.h"

enum {
	URL_UNWRAP_MAX = 4,		/* in one URL */
	URL_UNWRAP_TOTAL = 24,		/* ... and in those, level by level */
	URL_UNWRAP_BYTES = 8 * URL_NORM_MAX,
};

struct url_unwrapped {
	size_t n;
	size_t off[URL_UNWRAP_MAX], len[URL_UNWRAP_MAX];	/* in out */
};

/*
 * Appends to out the URLs inside of norm (a normal form with its parts). out is
 * emptied first. Returns URL_REWRITER and URL_OPAQUE, or 0.
 */
uint32_t url_unwrap(struct span norm, const struct url_parts *at,
    struct buf *out, struct url_unwrapped *found);

#endif
