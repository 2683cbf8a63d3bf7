/*
 * Boundaries that are open, and which of them a line delimits. Only used
 * inside lib/mail (mime.c).
 */
#ifndef PMG_MAIL_MIME_DELIMITER_H
#define PMG_MAIL_MIME_DELIMITER_H

#include "lib/mail/mime_header.h"

/* A multipart whose boundary lines count. */
struct frame {
	struct frame *below;
	struct mime_part *part;
	struct mime_part *last;	/* newest child */
	struct mime_boundaries b;
	unsigned used;		/* bit i: reading i has delimited */
	bool ended;		/* closing delimiter seen: epilogue */
};

/* Higher is better; the longer boundary wins among equals, then the inner. */
enum rank { RANK_NONE, RANK_PREFIX, RANK_ENDED, RANK_EXACT };

struct delimiter {
	struct frame *frame;
	enum rank rank;
	size_t len;
	size_t i;	/* which reading of the boundary */
	bool close;
};

/* The best match of a line among the frames; false: it is no delimiter. */
bool mime_delimiter_find(struct frame *top, const struct mime_reading *reading,
    struct span line, struct delimiter *d);
/* Whether the whole line, which begins with "--", delimits that one. */
bool mime_delimiter_matches(struct frame *f, struct span line);

#endif
