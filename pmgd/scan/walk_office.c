/* What the members of a zip archive make it. */
#include "scan/walk_state.h"

#include "lib/base/str.h"
#include "scan/walk_active.h"

/* ASCII text that may be in UTF-16 (part lists may): without its NULs. */
enum { PART_LIST_MAX = 1024 * 1024 };

static bool
has_text(struct span s, const char *text)
{
	struct buf plain;
	bool found;

	if (span_find(s, 0, span_str(text)) != SIZE_MAX)
		return true;
	if (span_chr(s, 0, '\0') == s.n)
		return false;
	buf_init(&plain, PART_LIST_MAX);
	for (size_t i = 0; i < s.n && i < 2 * PART_LIST_MAX; i++)
		if (s.p[i] != '\0')
			buf_putc(&plain, s.p[i]);
	found = span_find(buf_span(&plain), 0, span_str(text)) != SIZE_MAX;
	buf_free(&plain);
	return found;
}

static bool
has_suffix(struct span s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && span_ieqs(span_sub(s, s.n - n, n), suffix);
}

static void
note_part_list(struct walk_office *o, struct span content)
{
	o->content_types = true;
	if (has_text(content, "macroEnabled"))
		o->macros = o->macro_type = true;
	if (has_text(content, "vbaProject"))
		o->macros = true;
	if (has_text(content, "emplate.m") || has_text(content, "emplate+xml"))
		o->template_type = true;
}

void
walk_office_note(struct walk_office *o, struct span name, struct span content)
{
	if (span_ieqs(name, "[Content_Types].xml"))
		note_part_list(o, content);
	else if (span_iprefix(name, "word/"))
		o->word = true;
	else if (span_iprefix(name, "xl/"))
		o->excel = true;
	else if (span_iprefix(name, "ppt/"))
		o->powerpoint = true;
	else if (span_iprefix(name, "visio/"))
		o->visio = true;
	else if (span_ieqs(name, "META-INF/MANIFEST.MF"))
		o->manifest = true;
	else if (span_ieqs(name, "classes.dex"))
		o->dex = true;
	if (has_suffix(name, "vbaProject.bin") ||
	    span_iprefix(name, "xl/macrosheets/"))
		o->macros = true;
	/* OpenDocument: a module of a library, and the list of its parts. */
	if (span_iprefix(name, "Basic/") && has_suffix(name, ".xml") &&
	    !has_suffix(name, "script-lb.xml") &&
	    !has_suffix(name, "script-lc.xml"))
		o->macros = true;
	if (span_iprefix(name, "Scripts/") && !has_suffix(name, "/"))
		o->macros = true;
	if (span_ieqs(name, "META-INF/manifest.xml")) {
		o->odf = true;
		if (has_text(content, "encryption-data"))
			o->encrypted = true;
	}
	if (!o->active)
		o->active = active_part(content);
}

#define OOXML "application/vnd.openxmlformats-officedocument."
#define MS "application/vnd.ms-"

const char *
walk_office_type(const struct walk_office *o)
{
	/* [kind][document, template, with macros, template with macros] */
	static const char *const types[4][4] = {
		{OOXML "wordprocessingml.document",
		    OOXML "wordprocessingml.template",
		    MS "word.document.macroEnabled.12",
		    MS "word.template.macroEnabled.12"},
		{OOXML "spreadsheetml.sheet", OOXML "spreadsheetml.template",
		    MS "excel.sheet.macroEnabled.12",
		    MS "excel.template.macroEnabled.12"},
		{OOXML "presentationml.presentation",
		    OOXML "presentationml.template",
		    MS "powerpoint.presentation.macroEnabled.12",
		    MS "powerpoint.template.macroEnabled.12"},
		{MS "visio.drawing.main+xml", MS "visio.template.main+xml",
		    MS "visio.drawing.macroEnabled.main+xml",
		    MS "visio.template.macroEnabled.main+xml"},
	};
	int kind = o->word ? 0 : o->excel ? 1 : o->powerpoint ? 2
	    : o->visio ? 3 : -1;

	if (o->content_types && kind >= 0)
		return types[kind][(o->macro_type ? 2 : 0) +
		    (o->template_type ? 1 : 0)];
	if (o->dex)
		return "application/vnd.android.package-archive";
	return o->manifest ? "application/x-java-archive" : NULL;
}
