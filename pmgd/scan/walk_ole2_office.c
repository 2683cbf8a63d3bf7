#include "scan/walk_ole2.h"

#include "lib/mail/utf8.h"
#include "scan/walk_active.h"
#include "scan/walk_state.h"

enum {
	WORD_IDENT = 0xa5ec,
	WORD_ENCRYPTED = 0x100,
	BIFF_BOF = 0x809,
	BIFF_EOF = 0x0a,
	BIFF_FILEPASS = 0x2f,
	BIFF_BOUNDSHEET = 0x85,
	SHEET_MACRO = 1,
	BIFF8 = 0x600,
};
/* Header token of an encrypted presentation, [MS-PPT] 2.3.2. */
#define PPT_ENCRYPTED UINT32_C(0xf3d1c4df)

void
ole2_note_entry(struct ole2_office *o, struct span name)
{
	if (span_ieqs(name, "WordDocument"))
		o->word = true;
	else if (span_ieqs(name, "Workbook") || span_ieqs(name, "Book"))
		o->excel = true;
	else if (span_ieqs(name, "PowerPoint Document"))
		o->powerpoint = true;
	else if (span_ieqs(name, "VisioDocument"))
		o->visio = true;
	else if (span_ieqs(name, "__properties_version1.0"))
		o->outlook = true;
	else if (span_ieqs(name, "_VBA_PROJECT") || span_ieqs(name, "VBA") ||
	    span_ieqs(name, "_VBA_PROJECT_CUR"))
		o->macros = true;
	else if (span_ieqs(name, "EncryptedPackage") ||
	    span_ieqs(name, "EncryptionInfo") ||
	    span_ieqs(name, "EncryptedSummary"))
		o->encrypted = true;
}

/*
 * Records of the workbook's own part: the list of sheets, of which a macro
 * sheet holds formulas that act, links by DDE, and the mark of encryption.
 * Before BIFF8 each sheet has its links behind that part.
 */
static void
note_workbook(struct ole2_office *o, struct span s)
{
	struct active_book book = {.version = walk_le16(s, 4)};
	size_t at = 0;

	if ((walk_le16(s, 0) & 0xff) != 9)
		return;
	while (s.n - at >= 4) {
		unsigned type = walk_le16(s, at), n = walk_le16(s, at + 2);

		if (type == BIFF_EOF && book.version >= BIFF8)
			return;
		if (active_book_record(&book, type, span_sub(s, at + 4, n)))
			o->macros = true;
		if (type == BIFF_FILEPASS)
			o->encrypted = true;
		if (type == BIFF_BOUNDSHEET && n > 5 && at + 4 + n <= s.n &&
		    s.p[at + 4 + 5] == SHEET_MACRO)
			o->macros = true;
		if (s.n - at - 4 < n)
			return;
		at += 4 + n;
	}
}

/* Presentations keep macros inside of a record of the main stream: an atom
 * that says whether there are any, [MS-PPT] 2.4.10. */
static void
note_presentation(struct ole2_office *o, struct span s)
{
	const struct span atom = SPAN_LIT("\x02\0\0\x04\x0c\0\0\0");
	size_t at = 0;

	if (active_slides(s))
		o->macros = true;
	while ((at = span_find(s, at, atom)) != SIZE_MAX) {
		if (walk_le32(s, at + 8) != 0 && walk_le32(s, at + 12) == 1)
			o->macros = true;
		at += atom.n;
	}
}

void
ole2_note_stream(struct ole2_office *o, struct span name, struct span s)
{
	if (span_ieqs(name, "WordDocument")) {
		if (walk_le16(s, 0) == WORD_IDENT &&
		    (walk_le16(s, 10) & WORD_ENCRYPTED) != 0)
			o->encrypted = true;
		if (active_word(s))
			o->macros = true;
	} else if (span_ieqs(name, "Workbook") || span_ieqs(name, "Book")) {
		note_workbook(o, s);
	} else if (span_ieqs(name, "PowerPoint Document")) {
		note_presentation(o, s);
	} else if (span_ieqs(name, "Current User")) {
		if (walk_le32(s, 12) == PPT_ENCRYPTED)
			o->encrypted = true;
	}
}

const char *
ole2_type(const struct ole2_office *o)
{
	if (o->installer)
		return "application/x-msi";
	if (o->outlook)
		return "application/vnd.ms-outlook";
	if (o->word)
		return "application/msword";
	if (o->excel)
		return "application/vnd.ms-excel";
	if (o->powerpoint)
		return "application/vnd.ms-powerpoint";
	return o->visio ? "application/vnd.visio" : NULL;
}

/* The text up to a NUL at *at, which moves behind it. */
static struct span
take_text(struct span s, size_t *at)
{
	size_t from = *at, end = span_chr(s, from, '\0');

	*at = end < s.n ? end + 1 : s.n;
	return from <= s.n ? span_sub(s, from, end - from) : span_of(NULL, 0);
}

bool
ole2_package(struct span name, struct span s, struct span *label,
    struct span *inner)
{
	size_t at = 6;
	uint32_t n;

	if (!span_ieqs(name, "\x01Ole10Native") || walk_le16(s, 4) != 2)
		return false;
	*label = take_text(s, &at);
	take_text(s, &at);	/* the path it came from */
	at += 4;
	n = walk_le32(s, at);	/* a path again, with its length */
	at += 4;
	if (at > s.n || n > s.n - at)
		return false;
	at += n;
	n = walk_le32(s, at);
	at += 4;
	if (at > s.n)
		return false;
	*inner = span_sub(s, at, n);
	return true;
}

/* [MS-OXPROPS]: long and short name, and display name, of an attachment. */
bool
ole2_is_file_name(struct span name)
{
	return span_iprefix(name, "__substg1.0_3707001") ||
	    span_iprefix(name, "__substg1.0_3704001") ||
	    span_iprefix(name, "__substg1.0_3001001");
}

void
ole2_file_name(struct span name, struct span s, struct buf *out)
{
	uint32_t cp;

	/* ...1E: bytes, ...1F: UTF-16. */
	if (name.n == 0 || (name.p[name.n - 1] | 0x20) != 'f') {
		buf_puts_span(out, s);
		return;
	}
	for (size_t i = 0; i + 1 < s.n; i += 2) {
		cp = walk_le16(s, i);
		if (cp == 0)
			return;
		if (cp >= 0xd800 && cp < 0xdc00 && i + 3 < s.n) {
			cp = 0x10000 + ((cp & 0x3ff) << 10) +
			    (walk_le16(s, i + 2) & 0x3ff);
			i += 2;
		} else if (cp >= 0xd800 && cp < 0xe000) {
			cp = 0xfffd;
		}
		utf8_put(out, cp);
	}
}
