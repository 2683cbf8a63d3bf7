/*
 * The links of a message, each target once: from text, from HTML (attributes,
 * style sheets, scripts, text), and out of the URLs of link protection services
 * and redirectors (url_rewriter.h). Never fails; a cap that is reached sets
 * `full`.
 */
#ifndef PMG_MAIL_URL_LIST_H
#define PMG_MAIL_URL_LIST_H

#include "lib/base/arena.h"
#include "lib/mail/content.h"
#include "lib/mail/mime.h"
#include "lib/mail/url.h"

enum {
	URL_LIST_MAX = 10000,	/* default of the cap */
	/* A URL in a URL in a URL ... */
	URL_NESTED_MAX = 5,
	/* Documents inside attributes and comments of a document. */
	HTML_NESTED_MAX = 3,
};

struct url_item {
	/* As it stands in the text or in the source of the HTML; n is 0 for
	 * one that was inside another. Lives as long as the input. */
	struct span written;
	const char *norm;	/* normal form (url.h), n bytes and a NUL */
	size_t n;
	struct url_parts at;	/* parts of norm; at.flags: all of url.h */
	size_t from;		/* index of the one around it; SIZE_MAX = none */
};

struct url_list {
	struct url_item *item;
	size_t n;
	bool full;		/* not all are here */
	size_t max;
	size_t cap, nslot;
	uint32_t *slot;		/* hash table: index + 1 */
	struct arena *a;
};

/* max: most URLs. Everything lives in a. */
void url_list_init(struct url_list *l, struct arena *a, size_t max);

/*
 * One URL with what is in it. written: see struct url_item; in: its bytes with
 * references decoded; flags: where it stood.
 */
void url_list_add(struct url_list *l, struct span written, struct span in,
    uint32_t flags, const struct url_item *base);
/* Links of running text in UTF-8. where: URL_IN_TEXT or URL_IN_SCRIPT. */
void url_list_add_text(struct url_list *l, struct span text, uint32_t where);
/* Links of a document in UTF-8, and of its text. */
void url_list_add_html(struct url_list *l, struct span html);

static inline struct span
url_item_host(const struct url_item *u)
{
	return span_of(u->norm + u->at.host_off, u->at.host_n);
}

/*
 * Links of all parts of text, decoded, format=flowed with DelSp joined. Parts
 * named .htm, .html, .xhtml or .svg are HTML whatever their type says. The
 * decoded text, up to text_max bytes in all, is kept in the arena. list, bytes:
 * of content_of(), where it was called: texts are then taken in every reading
 * of their encoding and of the structure; NULL: as they are declared.
 */
struct url_list message_urls(const struct mime *m,
    const struct content_list *list, struct span bytes, size_t text_max,
    struct arena *a);

#endif
