/*
 * Active content without macros: what makes a document start or ask to start
 * a program. In the XML of OOXML (ECMA-376) and OpenDocument, in records of
 * old Excel, Word and PowerPoint files. Pure; hostile bytes are only no match.
 */
#ifndef PMG_SCAN_WALK_ACTIVE_H
#define PMG_SCAN_WALK_ACTIVE_H

#include <stdbool.h>
#include "lib/base/span.h"

/*
 * A member of an Office zip, whatever it is called (relations, not names, say
 * what a part is): DDE links and fields, actions that run programs, a
 * template from the web. UTF-8 or UTF-16, character references decoded.
 */
bool active_part(struct span content);
/* The part of it in walk_field.c; content: UTF-8. */
bool active_fields(struct span content);

/* [MS-XLS] 2.4.271, 2.4.105: links by DDE. version: of the BOF record. */
struct active_book {
	unsigned version;
	bool dde_source;	/* the last one named; its items follow */
};
bool active_book_record(struct active_book *b, unsigned type,
    struct span data);
/* The stream WordDocument: fields DDE and DDEAUTO, [MS-DOC] 2.8.25. */
bool active_word(struct span s);
/* The stream PowerPoint Document: actions, [MS-PPT] 2.6.3. */
bool active_slides(struct span s);

#endif
