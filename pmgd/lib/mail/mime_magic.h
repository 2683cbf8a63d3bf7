/*
 * Content type by the first bytes of a decoded part, for the kinds that rules
 * ask for. Pure: no file, no library. Names are those of the shared MIME
 * database, which the shipped rules use.
 */
#ifndef PMG_MAIL_MIME_MAGIC_H
#define PMG_MAIL_MIME_MAGIC_H

#include "lib/base/span.h"

/* So many first bytes are worth giving; fewer may tell less. */
enum { MIME_MAGIC_HEAD = 4096 };

/* A static string, or NULL when they say nothing. */
const char *mime_magic_type(struct span first_bytes);

#endif
