/*
 * PDF (ISO 32000-1): is it encrypted, and does it act by itself? Names are
 * read where they stand, without the table of objects: readers repair broken
 * files in ways of their own, and no name can hide by not being referred to.
 * Objects in compressed streams are unpacked and read the same way.
 */
#include "scan/walk_state.h"

#include <string.h>

enum {
	NAME_KEPT = 16,		/* longer ones mean nothing here */
	GAP_MAX = 4096,		/* of blanks and comments behind a name */
	ALIVE_STEP = 1024,
};

struct pdf {
	struct walk *w;
	bool encrypted;
	bool launches;
	bool scripts;		/* somewhere, for a field of a form perhaps */
	bool own_scripts;	/* that a reader runs on opening */
	bool opens;		/* has an action on opening */
	bool triggers;		/* has actions of the page or document, ... */
	bool additional;	/* ... if it has this entry, too */
	bool files;		/* carries files */
	size_t unpacked;	/* up to here streams were looked for */
	unsigned flags;
};

static bool
is_blank(unsigned char c)
{
	return c == '\0' || c == '\t' || c == '\n' || c == '\f' || c == '\r' ||
	    c == ' ';
}

static bool
is_regular(unsigned char c)
{
	return !is_blank(c) && memchr("()<>[]{}/%", c, 10) == NULL;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int
hex_value(unsigned char c)
{
	unsigned char low = c | 0x20;

	if (is_digit(c))
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* 7.3.5: the name behind the slash at *at, which moves behind it. */
static void
take_name(struct span s, size_t *at, char name[NAME_KEPT + 1])
{
	size_t i = *at + 1, n = 0;

	for (; i < s.n && is_regular(s.p[i]); i++) {
		int c = s.p[i];

		if (c == '#' && s.n - i > 2 && hex_value(s.p[i + 1]) >= 0 &&
		    hex_value(s.p[i + 2]) >= 0) {
			c = hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]);
			i += 2;
		}
		if (n < NAME_KEPT)
			name[n] = (char)c;
		n++;
	}
	name[n <= NAME_KEPT ? n : 0] = '\0';
	*at = i;
}

/* Behind white space and comments. More of them than anybody writes end in
 * SIZE_MAX, which counts as whatever they may hide. */
static size_t
skip_blanks(struct span s, size_t at)
{
	size_t end = at < s.n && s.n - at > GAP_MAX ? at + GAP_MAX : s.n;

	while (at < end && (is_blank(s.p[at]) || s.p[at] == '%')) {
		if (s.p[at] == '%')
			while (at < end && s.p[at] != '\r' && s.p[at] != '\n')
				at++;
		else
			at++;
	}
	return at == end && end < s.n ? SIZE_MAX : at;
}

/* A dictionary in place or a reference: the name before is a key of one, and
 * no word of a text. */
static bool
is_dictionary(struct span s, size_t at)
{
	unsigned numbers = 0;

	at = skip_blanks(s, at);
	if (at != SIZE_MAX && s.n > at + 1 && s.p[at] == '<' &&
	    s.p[at + 1] == '<')
		return true;
	for (; at < s.n && is_digit(s.p[at]) && numbers < 2; numbers++) {
		while (at < s.n && is_digit(s.p[at]))
			at++;
		at = skip_blanks(s, at);
	}
	return at == SIZE_MAX || (numbers == 2 && at < s.n && s.p[at] == 'R');
}

/* 12.6.3: of a page or the document. Those of fields and their widgets need
 * somebody who fills in the form. */
static bool
is_trigger(const char *name)
{
	static const char *const names[] = {"O", "PO", "PV", "PC", "PI", "WC",
	    "WS", "DS", "WP", "DP"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The member of p that a key sets. */
static bool *
key_fact(struct pdf *p, const char *name)
{
	if (strcmp(name, "Encrypt") == 0)
		return &p->encrypted;
	if (strcmp(name, "JavaScript") == 0)
		return &p->own_scripts;	/* 7.7.4, the list of them */
	if (strcmp(name, "OpenAction") == 0)
		return &p->opens;
	if (strcmp(name, "AA") == 0)
		return &p->additional;
	if (strcmp(name, "EmbeddedFiles") == 0)
		return &p->files;
	return is_trigger(name) ? &p->triggers : NULL;
}

/* The kind of an action (12.6.2), the type of a stream. at: behind the key. */
static void
note_kind(struct pdf *p, const char *key, struct span s, size_t at)
{
	char value[NAME_KEPT + 1];

	at = skip_blanks(s, at);
	if (at == SIZE_MAX) {
		p->launches = true;
		return;
	}
	if (at >= s.n || s.p[at] != '/')
		return;
	take_name(s, &at, value);
	if (strcmp(key, "Type") == 0)
		p->files |= strcmp(value, "EmbeddedFile") == 0;
	else if (strcmp(value, "Launch") == 0)
		p->launches = true;
	else if (strcmp(value, "JavaScript") == 0)
		p->scripts = true;
}

static void pdf_read(struct pdf *p, struct span s, bool outer);

/* Packed data at s.p[at], if they are by FlateDecode. */
static void
object_stream(struct pdf *p, struct span s, size_t at)
{
	/* Of a gzip: its packed data are those of a zlib stream, behind whose
	 * two bytes they begin. */
	const struct span gzip = SPAN_LIT("\x1f\x8b\x08\0\0\0\0\0\0\xff");
	struct buf content;

	if (at < s.n && s.p[at] == '\r')
		at++;
	if (at < s.n && s.p[at] == '\n')
		at++;
	if (s.n - at < 3 || (s.p[at] & 0x0f) != 8 ||
	    (s.p[at] << 8 | s.p[at + 1]) % 31 != 0)
		return;
	buf_init(&content, (size_t)p->w->lim.entry_bytes);
	p->flags |= walk_unpack(p->w, KIND_GZIP, gzip,
	    span_sub(s, at + 2, s.n), &content);
	pdf_read(p, buf_span(&content), false);
	buf_free(&content);
}

/*
 * 7.5.7: objects in a stream, of which the type stands before at. What a
 * comment has before the stream is tried, too. Packed in another way, or
 * with a predictor, they are not seen.
 */
static void
object_streams(struct pdf *p, struct span s, size_t at)
{
	const struct span word = SPAN_LIT("stream");

	if (at < p->unpacked)
		at = p->unpacked;
	while (walk_alive(p->w) && (at = span_find(s, at, word)) != SIZE_MAX) {
		bool end = at >= 3 && memcmp(s.p + at - 3, "end", 3) == 0;

		at += word.n;
		p->unpacked = at;
		if (end)
			return;
		object_stream(p, s, at);
	}
	p->unpacked = s.n;
}

static void
pdf_read(struct pdf *p, struct span s, bool outer)
{
	char name[NAME_KEPT + 1];
	size_t at = 0, step = 0;
	bool *fact;

	while ((at = span_chr(s, at, '/')) < s.n) {
		if (++step % ALIVE_STEP == 0 && !walk_alive(p->w))
			return;
		take_name(s, &at, name);
		if (strcmp(name, "S") == 0 || strcmp(name, "Type") == 0)
			note_kind(p, name, s, at);
		else if (strcmp(name, "JS") == 0)
			p->scripts = true;
		else if (outer && strcmp(name, "ObjStm") == 0)
			object_streams(p, s, at);
		fact = key_fact(p, name);
		if (fact != NULL && !*fact)
			*fact = is_dictionary(s, at);
	}
}

unsigned
walk_pdf(struct walk *w, const struct walk_in *in)
{
	struct pdf p = {.w = w};

	pdf_read(&p, in->bytes, true);
	if (p.encrypted) {
		p.flags |= WALK_ENCRYPTED;
		/* Its streams are, too. */
		p.flags &= ~(unsigned)WALK_UNREADABLE;
	}
	if (p.launches || p.own_scripts || (p.scripts && (p.opens || p.files ||
	    (p.additional && p.triggers))))
		p.flags |= WALK_MACROS;
	if (w->stop)
		p.flags |= WALK_LIMIT;
	return p.flags;
}
