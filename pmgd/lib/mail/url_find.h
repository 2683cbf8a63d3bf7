/*
 * Links in running text, where mail clients make them clickable.
 */
#ifndef PMG_MAIL_URL_FIND_H
#define PMG_MAIL_URL_FIND_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/span.h"

/*
 * The next link at or behind *pos: http, https, ftp with slashes of any kind,
 * mailto, and without a scheme www.NAME and NAME.TLD (flag URL_GUESSED). Its
 * end is where clients see it: blanks, quotes and brackets around it and
 * punctuation behind it do not belong to it; within <> it may be folded. *pos
 * is then behind it. False: no more. Time grows with the text only.
 */
bool url_find(struct span text, size_t *pos, struct span *found,
    uint32_t *flags);

/* Whether s, from its first byte on, looks like "www.x" or "name.tld/". */
bool url_is_bare(struct span s);

#endif
