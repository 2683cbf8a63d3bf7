/*
 * What a reader sees of an HTML document, as UTF-8 text with LF line ends.
 * Blanks are collapsed, block elements begin a line, table cells are set apart
 * by a blank, references are decoded, no-break spaces become blanks, controls
 * and scripts are dropped. Text that is not seen is kept, and marked.
 */
#ifndef PMG_MAIL_HTML_TEXT_H
#define PMG_MAIL_HTML_TEXT_H

#include "lib/base/buf.h"
#include "lib/base/span.h"

enum html_text_flag {
	/* By attribute or style of an element around it. Style sheets are not
	 * applied, colours not compared. */
	HTML_TEXT_HIDDEN	= 1u << 0,
	HTML_TEXT_TITLE		= 1u << 1,
	/* In a comment that Outlook reads: <!--[if mso]> ... <![endif]-->. */
	HTML_TEXT_CONDITIONAL	= 1u << 2,
};

enum {
	/* Changes between seen and unseen; text behind the last one that fits
	 * counts as seen. */
	HTML_RUNS_MAX = 100000,
	/* Deepest nesting in which hiding is followed (browsers: 512). */
	HTML_DEPTH_MAX = 512,
	/* Bytes of text per byte of HTML, at most (an invalid byte becomes
	 * U+FFFD). */
	HTML_TEXT_GROWTH = 3,
};

struct html_run {
	size_t off, n;		/* in text */
	unsigned flags;		/* enum html_text_flag; 0 = seen */
};

struct html_text {
	struct buf text;	/* all of it, valid UTF-8 */
	struct html_run *run;	/* in order, without gaps */
	size_t nrun;
	size_t cap;
};

/* html: UTF-8, or any bytes. max: most bytes of text (text.overflow then). */
void html_text_of(struct html_text *t, struct span html, size_t max);
void html_text_free(struct html_text *t);
/* Appends the text without the runs that have one of the flags. */
void html_text_without(const struct html_text *t, unsigned flags,
    struct buf *out);

#endif
