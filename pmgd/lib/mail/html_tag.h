/*
 * What has to be known of HTML's elements to read a document without building
 * its tree. Names are ASCII case-insensitive.
 */
#ifndef PMG_MAIL_HTML_TAG_H
#define PMG_MAIL_HTML_TAG_H

#include "lib/base/span.h"

enum html_tag_flag {
	HTML_BLOCK	= 1u << 0,	/* begins and ends a line */
	HTML_VOID	= 1u << 1,	/* has no content */
	HTML_RAW	= 1u << 2,	/* content up to </name, no references */
	HTML_RCDATA	= 1u << 3,	/* content up to </name, references */
	HTML_CELL	= 1u << 4,	/* a blank before it */
	HTML_UNSEEN	= 1u << 5,	/* its content is never shown */
	HTML_BREAKOUT	= 1u << 6,	/* its start tag ends SVG and MathML */
	HTML_SIBLING	= 1u << 7,	/* ends an open one of its own kind */
};

enum { HTML_TAG_NAME_MAX = 16 };

/* enum html_tag_flag of an element; 0 for an unknown one. */
unsigned html_tag_flags(struct span name);

#endif
