/*
 * Tokens of an HTML document as browsers cut them (HTML standard, 13.2.5).
 * Works on bytes of an ASCII-compatible charset, in place: every span of a
 * token lies in the input, and the tokens put behind each other are the input.
 * Nothing is allocated, nothing fails, time grows with the size only.
 *
 * No tree is built. Where the standard lets the tree decide (CDATA, raw text in
 * SVG and MathML) the open elements are guessed from the tags before. Scripts
 * do not run, as in every mail client: the content of noscript is HTML.
 */
#ifndef PMG_MAIL_HTML_TOKEN_H
#define PMG_MAIL_HTML_TOKEN_H

#include <stdbool.h>
#include "lib/base/span.h"

enum html_type {
	HTML_TEXT,	/* characters; references are not decoded yet */
	HTML_RAW_TEXT,	/* characters of script, style ..., or CDATA */
	HTML_START,	/* <a href=...> */
	HTML_END,	/* </a> */
	HTML_COMMENT,	/* also what browsers take for one, and "</>" */
	HTML_DOCTYPE,
};

struct html_token {
	enum html_type type;
	struct span src;	/* all bytes of the token */
	struct span name;	/* of a tag, as written */
	struct span body;	/* of a tag: its attributes, for html_attr_next;
				 * of the others: the content */
	unsigned flags;		/* of a tag: html_tag.h */
	bool self_closing;
	bool cut;		/* the input ends inside: browsers drop a tag */
};

struct html_lexer {
	struct span in;
	size_t pos;
	struct span raw;	/* raw text ends at its end tag; n 0 = none */
	bool rcdata;
	bool foreign;		/* in SVG or MathML, as far as can be told */
};

void html_lexer_init(struct html_lexer *l, struct span html);
/* False at the end of the input. */
bool html_next(struct html_lexer *l, struct html_token *t);

struct html_attr {
	struct span name;	/* as written */
	struct span value;	/* without quotes, references not decoded */
};

struct html_attrs {
	struct span s;
	size_t pos;
};

static inline struct html_attrs
html_attrs(const struct html_token *t)
{
	return (struct html_attrs){t->body, 0};
}

/* Attributes in order, repeated ones too (browsers take the first). */
bool html_attr_next(struct html_attrs *it, struct html_attr *a);

#endif
