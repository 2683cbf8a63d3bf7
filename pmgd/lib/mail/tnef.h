/*
 * TNEF (winmail.dat, MS-OXTNEF): the files attached to a message of Outlook,
 * those of messages within it, and its bodies. Checksums are not looked at.
 * Only used inside lib/mail.
 */
#ifndef PMG_MAIL_TNEF_H
#define PMG_MAIL_TNEF_H

#include <stdbool.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum {
	TNEF_DEPTH = 20,	/* messages within messages */
	TNEF_PENDING = 64,	/* of those found, not yet read */
	TNEF_FILES = 1000,
};

struct tnef_file {
	const char *name;	/* UTF-8; NULL = none */
	size_t off, n;		/* within the TNEF bytes */
	bool rtf;		/* compressed RTF: tnef_rtf() */
};

struct tnef_list {
	struct tnef_file *file;
	size_t n;
	bool cut;		/* a limit was reached: not all are there */
};

bool tnef_is(struct span in);
/* What broken data still shows is listed, too. */
struct tnef_list tnef_files(struct span in, struct arena *a);
/* Decompresses (MS-OXRTFCP) into out; false: that is no compressed RTF. */
bool tnef_rtf(struct span in, struct buf *out);

#endif
