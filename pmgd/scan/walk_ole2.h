/*
 * What the streams of an OLE2 file tell of the document: its kind, macros,
 * encryption ([MS-DOC], [MS-XLS], [MS-PPT], [MS-OFFCRYPTO], [MS-OXMSG]), and
 * the files in it. Pure.
 */
#ifndef PMG_SCAN_WALK_OLE2_H
#define PMG_SCAN_WALK_OLE2_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

struct ole2_office {
	bool installer;		/* set by the reader: it is in the root */
	bool word, excel, powerpoint, visio, outlook;
	bool macros;		/* or other active content */
	bool encrypted;
};

/* Any entry, a folder too. */
void ole2_note_entry(struct ole2_office *o, struct span name);
void ole2_note_stream(struct ole2_office *o, struct span name,
    struct span content);
/* NULL: not known. */
const char *ole2_type(const struct ole2_office *o);

/* A file put into a document: its name and bytes in the stream. */
bool ole2_package(struct span name, struct span content, struct span *label,
    struct span *inner);
/* A stream that has the name of a mail's attachment; as UTF-8. */
bool ole2_is_file_name(struct span name);
void ole2_file_name(struct span name, struct span content, struct buf *out);

#endif
